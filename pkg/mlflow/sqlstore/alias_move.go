package sqlstore

import (
	"context"

	"github.com/salesctl/salesctl/pkg/mlflow"
)

var _ mlflow.AliasMover = (*Store)(nil)

// MoveAlias decides on an alias and moves it in one transaction, which holds the
// model: whoever else moves an alias of it waits.
func (s *Store) MoveAlias(ctx context.Context, name, alias string, decide func(mlflow.ModelVersion) (mlflow.AliasMove, error)) error {
	if err := checkAlias(name, alias); err != nil {
		return err
	}
	if err := checkFree(alias); err != nil {
		return err
	}
	return s.changeRegistered(ctx, name, func(t tx, name string) error {
		var at mlflow.ModelVersion
		p, ok, err := t.pointer(name, alias)
		if err == nil && ok {
			at, err = t.version(p.versionKey)
		}
		if err != nil {
			return err
		}
		to, err := decide(at)
		switch {
		case err != nil || to.To == at.Version:
			return err
		case to.To == "":
			return t.unpoint(name, alias, s.millis())
		}
		return t.moveTo(name, alias, to, s.millis())
	})
}

// moveTo points the alias at a version, which must be there, and tags that.
func (t tx) moveTo(name, alias string, to mlflow.AliasMove, now int64) error {
	for _, tag := range to.Tags {
		if err := checkRegistryTag(tag); err != nil {
			return err
		}
	}
	p, err := t.live(name, to.To) // after the decision, which may name a version that was deleted since
	if err != nil {
		return err
	}
	if err := t.setVersionTags(p.versionKey, to.Tags); err != nil {
		return err
	}
	return t.point(p, alias, now)
}
