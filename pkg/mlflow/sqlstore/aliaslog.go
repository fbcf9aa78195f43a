package sqlstore

import (
	"context"

	"github.com/salesctl/salesctl/pkg/mlflow"
)

var _ mlflow.AliasHistory = (*Store)(nil)

// The log of aliases and stages is written in the transaction that moves them,
// and never changed. MLflow's own server, beside this one, does not write it:
// after its changes a row's old value is not the one before's new.

// move is one row of the log that is not written yet.
type move struct {
	kind              mlflow.ChangeKind
	subject, old, new string
}

// staged is the move of a version from its stage to another. Every version
// begins in the stage None, which is not logged, nor is its end there.
func staged(p placed, stage string) []move {
	old := p.stage
	if old == mlflow.StageNone && stage == "" || old == stage {
		return nil
	}
	return []move{{mlflow.StageMoved, p.number(), old, stage}}
}

// logMoves appends to the log.
func (t tx) logMoves(name string, now int64, moves []move) error {
	values := make([]any, 0, 7*len(moves))
	for _, m := range moves {
		values = append(values, now, t.workspace, name, m.kind, m.subject, null(m.old), null(m.new))
	}
	return t.insert("INSERT INTO salesctl_alias_log (at, workspace, name, kind, subject, old, new)", 7, "", values)
}

// logGone logs that no alias and no version stands under a name any more, and
// where there is a new name, that they stand there.
func (t tx) logGone(name, newName string, now int64) error {
	var left, came []move
	aliases, err := all(t, scanPointer, "SELECT alias, name, version FROM registered_model_aliases"+oneModel+" ORDER BY alias", t.workspace, name)
	if err != nil {
		return err
	}
	for _, a := range aliases {
		left = append(left, move{mlflow.AliasMoved, a.alias, a.number(), ""})
		came = append(came, move{mlflow.AliasMoved, a.alias, "", a.number()})
	}
	versions, err := all(t, scanPlaced, "SELECT name, version, current_stage FROM model_versions"+oneModel+" AND current_stage NOT IN (?, ?) ORDER BY version", t.workspace, name, mlflow.StageNone, stageGone)
	if err != nil {
		return err
	}
	for _, p := range versions {
		left = append(left, move{mlflow.StageMoved, p.number(), p.stage, ""})
		came = append(came, move{mlflow.StageMoved, p.number(), "", p.stage})
	}
	if err := t.logMoves(name, now, left); err != nil || newName == "" {
		return err
	}
	return t.logMoves(newName, now, came)
}

// scanChange reads a row of the log.
func scanChange(r scanner) (c mlflow.AliasChange, err error) {
	err = r.Scan(&c.Time, &c.Kind, &c.Subject, &c.Old, &c.New)
	return c, err
}

// AliasLog returns the moves of aliases and versions under a name, newest first,
// also those of a model that is deleted.
func (s *Store) AliasLog(ctx context.Context, name string) (log []mlflow.AliasChange, err error) {
	err = s.read(ctx, func(t tx) error {
		log, err = all(t, scanChange, "SELECT at, kind, subject, COALESCE(old, ''), COALESCE(new, '') FROM salesctl_alias_log"+oneModel+" ORDER BY id DESC", t.workspace, name)
		if err == nil && len(log) == 0 {
			_, err = t.registered(name)
		}
		return err
	})
	return log, err
}
