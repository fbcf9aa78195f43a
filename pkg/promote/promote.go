// Package promote decides which version of the pipeline answers: the one that
// the alias champion of the registered model Sales-Forecasting points at.
//
// The first version that is registered becomes the champion, a later one the
// challenger until Promote makes it the champion. Rollback goes back to the
// champion before, and can be repeated until the first: a champion's tag names
// the champions before it, the latest first, its trail. Tag and alias move as one
// step (move.go), so that the trail has every champion, also of promotions at the
// same moment; a registry elsewhere has no such step, and there one of two that
// meet tells of it. The registered models of the pipeline's regressors follow: after
// every change Follow points their aliases at the versions that the same training
// made.
package promote

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/mlflow"
	"github.com/salesctl/salesctl/pkg/mlflow/record"
)

// Registered models.
const (
	Pipeline = "Sales-Forecasting"
	XGBoost  = "XGB-Sales-Forecasting"
	Forest   = "RF-Sales-Forecasting"
)

// Aliases.
const (
	Champion   = "champion"
	Challenger = "challenger"
)

// tagFrom is the tag of a promoted version that names the champions before it, the
// latest first.
const tagFrom = "salesctl.promoted_from"

// maxTrail bounds how many champions back a rollback can go; a tag holds 5,000
// bytes.
const maxTrail = 100

// Registry is what promotions need of a model registry.
type Registry interface {
	mlflow.RegisteredModels
	mlflow.RegisteredModelTags
	mlflow.Versions
	mlflow.VersionTags
	mlflow.Aliases
	mlflow.RegistrySearch
}

// Change says what a promotion or a rollback did.
type Change struct {
	From string // the champion's version before; empty where there was none
	To   string
}

// followers are the registered models whose aliases follow the pipeline's.
func followers() []string { return []string{XGBoost, Forest} }

// Introduce gives a version that was registered its part: champion where there is
// none, else challenger, unless a newer one is that. It returns the alias that the
// version has then; "" for none, and for the champion of before.
func Introduce(ctx context.Context, r Registry, version string) (alias string, err error) {
	var champion string
	err = move(ctx, r, Champion, func(at mlflow.ModelVersion) (mlflow.AliasMove, error) {
		champion = at.Version
		return mlflow.AliasMove{To: cmp.Or(at.Version, version)}, nil
	})
	switch {
	case err != nil:
		return "", err
	case champion == "":
		return Champion, Follow(ctx, r)
	case champion == version:
		return "", Follow(ctx, r)
	}
	err = move(ctx, r, Challenger, func(at mlflow.ModelVersion) (mlflow.AliasMove, error) {
		if alias = Challenger; newer(at.Version, version) {
			alias = ""
			return mlflow.AliasMove{To: at.Version}, nil
		}
		return mlflow.AliasMove{To: version}, nil
	})
	if err != nil {
		return "", err
	}
	return alias, errors.Join(leaveChallenge(ctx, r), Follow(ctx, r))
}

// newer reports whether version a comes after b; versions are whole numbers.
func newer(a, b string) bool { return len(a) > len(b) || len(a) == len(b) && a > b }

// Promote makes the version the champion. One that is the champion already stays
// so, and Change.From equals Change.To. It was made the champion, though somebody
// else's change at the same moment may be lost, where a fault.Conflict comes with a
// Change that is not empty: that happens with registries elsewhere only.
func Promote(ctx context.Context, r Registry, version string) (Change, error) {
	v, err := r.GetModelVersion(ctx, Pipeline, version)
	if err != nil {
		return Change{}, err
	}
	change := Change{To: v.Version}
	err = move(ctx, r, Champion, func(at mlflow.ModelVersion) (mlflow.AliasMove, error) {
		change.From = at.Version
		trail := trailOf(at)
		if at.Version != "" {
			trail = slices.Insert(trail, 0, at.Version)
		}
		return mlflow.AliasMove{To: v.Version, Tags: trailTag(trail)}, nil
	})
	return settle(ctx, r, change, err)
}

// settle lets what follows the champion follow a change of it, which was made unless
// moved is an error. A contested change was made.
func settle(ctx context.Context, r Registry, c Change, moved error) (Change, error) {
	if moved != nil && !errors.Is(moved, errContested) {
		return Change{}, moved
	}
	return c, errors.Join(moved, leaveChallenge(ctx, r), Follow(ctx, r))
}

// Rollback makes the champion before the champion again, with Promote's fault.Conflict
// where somebody else changed it at the same moment.
func Rollback(ctx context.Context, r Registry) (Change, error) {
	const hint = "`salesctl models list` shows the versions, `salesctl models promote VERSION` picks one"
	var change Change
	err := move(ctx, r, Champion, func(at mlflow.ModelVersion) (mlflow.AliasMove, error) {
		if at.Version == "" {
			return mlflow.AliasMove{}, fault.New(fault.NotFound, "%s has no champion", Pipeline).WithHint(hint)
		}
		trail := trailOf(at)
		if len(trail) == 0 {
			return mlflow.AliasMove{}, fault.New(fault.Conflict, "version %s of %s was never promoted over another: there is nothing to go back to", at.Version, Pipeline).
				WithHint(hint)
		}
		change = Change{From: at.Version, To: trail[0]}
		return mlflow.AliasMove{To: trail[0], Tags: trailTag(trail[1:])}, nil
	})
	if change.From != "" && fault.Is(err, fault.NotFound) { // the version, not the champion
		err = fault.New(fault.NotFound, "the champion before version %s: %w", change.From, err).WithHint(hint)
	}
	return settle(ctx, r, change, err)
}

// trailOf are the champions before a champion, the latest first.
func trailOf(v mlflow.ModelVersion) []string {
	return strings.Fields(v.Tag(tagFrom))
}

// trailTag is the tag of a champion with a trail.
func trailTag(trail []string) []mlflow.Tag {
	return []mlflow.Tag{{Key: tagFrom, Value: strings.Join(trail[:min(len(trail), maxTrail)], " ")}}
}

// leaveChallenge takes the alias challenger away from the champion.
func leaveChallenge(ctx context.Context, r Registry) error {
	champion, err := aliased(ctx, r, Pipeline, Champion)
	if err != nil {
		return err
	}
	return move(ctx, r, Challenger, func(at mlflow.ModelVersion) (mlflow.AliasMove, error) {
		if at.Version == champion.Version {
			return mlflow.AliasMove{}, nil
		}
		return mlflow.AliasMove{To: at.Version}, nil
	})
}

// aliased returns the version that an alias points at; its Version is empty where
// there is none.
func aliased(ctx context.Context, r Registry, name, alias string) (mlflow.ModelVersion, error) {
	v, err := r.GetVersionByAlias(ctx, name, alias)
	// MLflow calls an alias that is not there an invalid value.
	if code := mlflow.CodeOf(err); err != nil && (code == mlflow.ResourceDoesNotExist || code == mlflow.InvalidParameterValue) {
		return mlflow.ModelVersion{}, nil
	}
	return v, err
}

// Follow points the aliases of the regressors' models at what the same training
// made, and takes away those that have nothing to point at. It is done when the
// pipeline's aliases stand at its end where they stood at its beginning: of two
// that follow at the same moment, the last to write looks after the last change.
func Follow(ctx context.Context, r Registry) error {
	for {
		lead, err := leaders(ctx, r)
		if err != nil {
			return err
		}
		for _, alias := range []string{Champion, Challenger} {
			for _, name := range followers() {
				if err := follow(ctx, r, name, alias, lead[alias].Tag(record.TagDigest)); err != nil {
					return fmt.Errorf("%s@%s: %w", name, alias, err)
				}
			}
		}
		after, err := leaders(ctx, r)
		if err != nil {
			return err
		}
		if after[Champion].Version == lead[Champion].Version && after[Challenger].Version == lead[Challenger].Version {
			return nil
		}
	}
}

// leaders are the versions of the pipeline that have an alias, by alias.
func leaders(ctx context.Context, r Registry) (map[string]mlflow.ModelVersion, error) {
	out := map[string]mlflow.ModelVersion{}
	for _, alias := range []string{Champion, Challenger} {
		v, err := aliased(ctx, r, Pipeline, alias)
		if err != nil {
			return nil, err
		}
		out[alias] = v
	}
	return out, nil
}

func follow(ctx context.Context, r Registry, name, alias, digest string) error {
	has, err := aliased(ctx, r, name, alias)
	if err != nil {
		return err
	}
	if digest != "" && has.Tag(record.TagDigest) == digest { // of several that are the same, the one that is there stays
		return nil
	}
	var want mlflow.ModelVersion
	if digest != "" {
		found, err := r.SearchModelVersions(ctx, mlflow.RegistryQuery{
			Filter:  fmt.Sprintf("name = '%s' AND tags.`%s` = '%s'", name, record.TagDigest, digest),
			OrderBy: []string{"version_number DESC"}, MaxResults: 1,
		})
		if err != nil {
			return err
		}
		if len(found.Items) > 0 {
			want = found.Items[0]
		}
	}
	switch {
	case has.Version == want.Version:
		return nil
	case want.Version == "":
		return r.DeleteAlias(ctx, name, alias)
	}
	return r.SetAlias(ctx, name, alias, want.Version)
}
