// Package promote decides which version of the pipeline answers: the one that
// the alias champion of the registered model Sales-Forecasting points at.
//
// The first version that is registered becomes the champion, a later one the
// challenger until Promote makes it the champion. Rollback goes back to the
// champion before, and can be repeated. The registered models of the pipeline's
// regressors follow: after every change Follow points their aliases at the
// versions that the same training made.
package promote

import (
	"context"
	"fmt"

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

// tagFrom is the tag of a promoted version that names the champion before it.
const tagFrom = "salesctl.promoted_from"

// Registry is what promotions need of a model registry.
type Registry interface {
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

// Introduce gives a version that was just registered its part: champion where
// there is none, else challenger. It returns the alias, "" for the champion of
// before.
func Introduce(ctx context.Context, r Registry, version string) (alias string, err error) {
	champion, err := aliased(ctx, r, Pipeline, Champion)
	switch {
	case err != nil:
		return "", err
	case champion.Version == "":
		alias = Champion
	case champion.Version != version:
		alias = Challenger
	}
	if alias != "" {
		if err := r.SetAlias(ctx, Pipeline, alias, version); err != nil {
			return "", err
		}
	}
	return alias, Follow(ctx, r)
}

// Promote makes the version the champion. One that is the champion already stays
// so, and Change.From equals Change.To.
func Promote(ctx context.Context, r Registry, version string) (Change, error) {
	v, err := r.GetModelVersion(ctx, Pipeline, version)
	if err != nil {
		return Change{}, err
	}
	champion, err := aliased(ctx, r, Pipeline, Champion)
	if err != nil {
		return Change{}, err
	}
	change := Change{From: champion.Version, To: v.Version}
	if change.From == change.To {
		return change, Follow(ctx, r)
	}
	// The tag first: a promotion that breaks off after it has changed nothing.
	if err := r.SetModelVersionTag(ctx, Pipeline, v.Version, mlflow.Tag{Key: tagFrom, Value: change.From}); err != nil {
		return change, err
	}
	return change, crown(ctx, r, v.Version)
}

// Rollback makes the champion before the champion again.
func Rollback(ctx context.Context, r Registry) (Change, error) {
	champion, err := r.GetVersionByAlias(ctx, Pipeline, Champion)
	if err != nil {
		return Change{}, err
	}
	before := ""
	for _, t := range champion.Tags {
		if t.Key == tagFrom {
			before = t.Value
		}
	}
	if before == "" {
		return Change{}, fault.New(fault.Conflict, "version %s of %s was never promoted over another: there is nothing to go back to", champion.Version, Pipeline).
			WithHint("`salesctl models list` shows the versions, `salesctl models promote VERSION` picks one")
	}
	if _, err := r.GetModelVersion(ctx, Pipeline, before); err != nil {
		return Change{}, fmt.Errorf("the champion before version %s: %w", champion.Version, err)
	}
	return Change{From: champion.Version, To: before}, crown(ctx, r, before)
}

// crown moves the alias champion, and takes the alias challenger off the version.
func crown(ctx context.Context, r Registry, version string) error {
	if err := r.SetAlias(ctx, Pipeline, Champion, version); err != nil {
		return err
	}
	challenger, err := aliased(ctx, r, Pipeline, Challenger)
	if err != nil {
		return err
	}
	if challenger.Version == version {
		if err := r.DeleteAlias(ctx, Pipeline, Challenger); err != nil {
			return err
		}
	}
	return Follow(ctx, r)
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
// made, and takes away those that have nothing to point at.
func Follow(ctx context.Context, r Registry) error {
	for _, alias := range []string{Champion, Challenger} {
		lead, err := aliased(ctx, r, Pipeline, alias)
		if err != nil {
			return err
		}
		for _, name := range followers() {
			if err := follow(ctx, r, name, alias, digest(lead)); err != nil {
				return fmt.Errorf("%s@%s: %w", name, alias, err)
			}
		}
	}
	return nil
}

func follow(ctx context.Context, r Registry, name, alias, digest string) error {
	has, err := aliased(ctx, r, name, alias)
	if err != nil {
		return err
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

// digest is the mark that versions of one training share.
func digest(v mlflow.ModelVersion) string {
	for _, t := range v.Tags {
		if t.Key == record.TagDigest {
			return t.Value
		}
	}
	return ""
}
