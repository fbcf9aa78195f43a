package promote

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/mlflow"
)

// decision says where an alias of the pipeline goes from where it points. It may
// be asked more than once.
type decision func(at mlflow.ModelVersion) (mlflow.AliasMove, error)

// move moves an alias of the pipeline: in one step where the registry has one,
// else by the calls that MLflow's protocol has.
func move(ctx context.Context, r Registry, alias string, decide decision) error {
	if m, ok := r.(mlflow.AliasMover); ok {
		return m.MoveAlias(ctx, Pipeline, alias, decide)
	}
	return moveFar(ctx, r, alias, decide)
}

// maxTries bounds how often a move is decided anew because others moved the alias.
const maxTries = 10

// tagMover is the tag of the registered model in which whoever moves an alias
// elsewhere leaves a mark of their own.
const tagMover = "salesctl.alias_mover"

// errContested is in the chain of a move that was made while somebody else made one.
var errContested = errors.New("somebody else moved it at the same moment")

// moveFar moves an alias of a registry elsewhere. It decides anew when somebody
// moved the alias before it could, and looks afterwards whether somebody has moved
// it on who did not see this move. What is left is the moment between the last look
// and the move: two moves in it are one step, of which the later cannot be told to
// the registry. Each mover of the champion therefore leaves a mark before the look and wants to find
// it after the move: of two that came into that moment, the one that marked first
// does not, and says so.
func moveFar(ctx context.Context, r Registry, alias string, decide decision) error {
	for range maxTries {
		at, err := aliased(ctx, r, Pipeline, alias)
		if err != nil {
			return err
		}
		to, err := decide(at)
		if err != nil || to.To == at.Version {
			return err
		}
		if to.To == "" {
			return r.DeleteAlias(ctx, Pipeline, alias)
		}
		mark := mlflow.Tag{Key: tagMover, Value: rand.Text()}
		if alias == Champion { // another alias has no way back that could lose a step
			if err := r.SetRegisteredModelTag(ctx, Pipeline, mark); err != nil {
				return err
			}
		}
		for _, t := range to.Tags { // first: what breaks off after it has moved no alias
			if err := r.SetModelVersionTag(ctx, Pipeline, to.To, t); err != nil {
				return err
			}
		}
		switch still, err := aliased(ctx, r, Pipeline, alias); {
		case err != nil:
			return err
		case still.Version != at.Version || still.Tag(tagFrom) != at.Tag(tagFrom):
			continue
		}
		if err := r.SetAlias(ctx, Pipeline, alias, to.To); err != nil || len(to.Tags) == 0 {
			return err
		}
		return errors.Join(remember(ctx, r, at, to.To), alone(ctx, r, alias, to.To, mark))
	}
	return fault.New(fault.Conflict, "%s@%s is moved by others all the time", Pipeline, alias).WithHint("try again")
}

// alone reports a move during which somebody else left a mark: what was asked of one
// of the two may be undone, or done once where it was asked twice.
func alone(ctx context.Context, r Registry, alias, to string, mark mlflow.Tag) error {
	m, err := r.GetRegisteredModel(ctx, Pipeline)
	if err != nil || slices.Contains(m.Tags, mark) {
		return err
	}
	now, err := aliased(ctx, r, Pipeline, alias)
	if err != nil {
		return err
	}
	return fault.New(fault.Conflict, "%s@%s was pointed at version %s, and %w: it points at version %s", Pipeline, alias, to, errContested, now.Version).
		WithHint("`salesctl models list` shows where it points; where that is not what both wanted, `salesctl models promote VERSION` picks one")
}

// remember sees to it that the trail of who is champion now has the version, which
// was made champion over at.
func remember(ctx context.Context, r Registry, at mlflow.ModelVersion, version string) error {
	for range maxTries {
		now, err := aliased(ctx, r, Pipeline, Champion)
		if err != nil || now.Version == version || now.Version == "" {
			return err
		}
		trail := trailOf(now)
		if slices.Contains(trail, version) || rolledBack(at, now) {
			return nil
		}
		if err := r.SetModelVersionTag(ctx, Pipeline, now.Version, trailTag(slices.Insert(trail, 0, version))[0]); err != nil {
			return err
		}
	}
	return nil
}

// rolledBack reports whether the champion now is one that a rollback goes back to:
// at, or one of its trail, with what of the trail lies before that.
func rolledBack(at, now mlflow.ModelVersion) bool {
	trail := append([]string{at.Version}, trailOf(at)...)
	for i, v := range trail {
		if v == now.Version && slices.Equal(trail[i+1:], trailOf(now)) {
			return true
		}
	}
	return false
}
