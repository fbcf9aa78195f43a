// Package promote decides which version of the pipeline answers: the one that
// the alias champion of the registered model Sales-Forecasting points at.
//
// The first version that is registered becomes the champion, a later one the
// challenger until Promote makes it the champion. Rollback goes back to the
// champion before, and can be repeated until the first: a champion's tag names
// the champions before it, the latest first. The registered models of the pipeline's
// regressors follow: after every change Follow points their aliases at the
// versions that the same training made.
package promote

import (
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
	champion, err := aliased(ctx, r, Pipeline, Champion)
	if err != nil || champion.Version == version {
		return "", errors.Join(err, Follow(ctx, r))
	}
	alias = Challenger
	if champion.Version == "" {
		alias = Champion
	}
	holder, err := aliased(ctx, r, Pipeline, alias)
	if err != nil {
		return "", err
	}
	if newer(holder.Version, version) {
		return "", Follow(ctx, r)
	}
	if err := r.SetAlias(ctx, Pipeline, alias, version); err != nil {
		return "", err
	}
	// Another training may have ended at the same moment: what stands counts.
	if holder, err = aliased(ctx, r, Pipeline, alias); err == nil && holder.Version != version {
		alias = ""
	}
	return alias, errors.Join(err, Follow(ctx, r))
}

// newer reports whether version a comes after b; versions are whole numbers.
func newer(a, b string) bool { return len(a) > len(b) || len(a) == len(b) && a > b }

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
	trail := trailOf(champion)
	if change.From != "" {
		trail = slices.Insert(trail, 0, change.From)
	}
	return change, crown(ctx, r, v.Version, trail)
}

// Rollback makes the champion before the champion again.
func Rollback(ctx context.Context, r Registry) (Change, error) {
	const hint = "`salesctl models list` shows the versions, `salesctl models promote VERSION` picks one"
	champion, err := aliased(ctx, r, Pipeline, Champion)
	if err != nil {
		return Change{}, err
	}
	if champion.Version == "" {
		return Change{}, fault.New(fault.NotFound, "%s has no champion", Pipeline).WithHint(hint)
	}
	trail := trailOf(champion)
	if len(trail) == 0 {
		return Change{}, fault.New(fault.Conflict, "version %s of %s was never promoted over another: there is nothing to go back to", champion.Version, Pipeline).
			WithHint(hint)
	}
	before := trail[0]
	if _, err := r.GetModelVersion(ctx, Pipeline, before); err != nil {
		return Change{}, fault.New(fault.KindOf(err), "the champion before version %s: %w", champion.Version, err).WithHint(hint)
	}
	return Change{From: champion.Version, To: before}, crown(ctx, r, before, trail[1:])
}

// trailOf are the champions before a champion, the latest first.
func trailOf(v mlflow.ModelVersion) []string {
	return strings.Fields(tag(v, tagFrom))
}

// crown moves the alias champion to a version, which remembers the champions before
// it and is no challenger any more.
func crown(ctx context.Context, r Registry, version string, trail []string) error {
	// The tag first: what breaks off after it has changed no champion.
	before := mlflow.Tag{Key: tagFrom, Value: strings.Join(trail[:min(len(trail), maxTrail)], " ")}
	if err := r.SetModelVersionTag(ctx, Pipeline, version, before); err != nil {
		return err
	}
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
			if err := follow(ctx, r, name, alias, tag(lead, record.TagDigest)); err != nil {
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
	if digest != "" && tag(has, record.TagDigest) == digest { // of several that are the same, the one that is there stays
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

// tag returns the value of a version's tag, "" where it has none.
func tag(v mlflow.ModelVersion, key string) string {
	for _, t := range v.Tags {
		if t.Key == key {
			return t.Value
		}
	}
	return ""
}
