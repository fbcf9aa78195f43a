package sqlstore

import (
	"errors"
	"strconv"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/mlflow"
)

// Whoever decides on an alias sees the last move and its tags: of moves at the same
// moment none is decided on what another has changed since.
func TestMoveAliasIsOneStep(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		const many = 12
		s := openAt(t, dsn, Options{})
		register(t, s, "m", many)
		var wait sync.WaitGroup
		for i := range many {
			wait.Go(func() {
				err := s.MoveAlias(t.Context(), "m", "best", func(at mlflow.ModelVersion) (mlflow.AliasMove, error) {
					count := 1
					for _, tag := range at.Tags {
						n, err := strconv.Atoi(tag.Value)
						if err != nil {
							return mlflow.AliasMove{}, err
						}
						count += n
					}
					return mlflow.AliasMove{To: strconv.Itoa(i + 1), Tags: []mlflow.Tag{{Key: "moves", Value: strconv.Itoa(count)}}}, nil
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		v, err := s.GetVersionByAlias(t.Context(), "m", "best")
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff([]mlflow.Tag{{Key: "moves", Value: strconv.Itoa(many)}}, v.Tags); d != "" {
			t.Error(d)
		}
		if got := story(t, s, "m"); len(got) != many {
			t.Errorf("the log tells %d moves, want %d: %v", len(got), many, got)
		}
	})
}

func TestMoveAlias(t *testing.T) {
	s, ctx := open(t, Options{}), t.Context()
	register(t, s, "m", 2)
	to := func(version string, tags ...mlflow.Tag) error {
		return s.MoveAlias(ctx, "m", "a", func(mlflow.ModelVersion) (mlflow.AliasMove, error) {
			return mlflow.AliasMove{To: version, Tags: tags}, nil
		})
	}
	refused := errors.New("no")
	for name, c := range map[string]struct {
		do   func() error
		kind fault.Kind
	}{
		"a version that is not there": {func() error { return to("9", mlflow.Tag{Key: "k", Value: "v"}) }, fault.NotFound},
		"a tag without a name":        {func() error { return to("1", mlflow.Tag{}) }, fault.Usage},
		"a model that is not there": {func() error {
			return s.MoveAlias(ctx, "n", "a", func(mlflow.ModelVersion) (mlflow.AliasMove, error) { return mlflow.AliasMove{}, nil })
		}, fault.NotFound},
		"a reserved alias": {func() error { return s.MoveAlias(ctx, "m", "latest", nil) }, fault.Usage},
		"a decision that fails": {func() error {
			return s.MoveAlias(ctx, "m", "a", func(mlflow.ModelVersion) (mlflow.AliasMove, error) { return mlflow.AliasMove{To: "1"}, refused })
		}, fault.Failure},
	} {
		if err := c.do(); !fault.Is(err, c.kind) || err == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := to(""); err != nil { // it points at nothing
		t.Error(err)
	}
	if got := story(t, s, "m"); got != nil {
		t.Errorf("refused moves are logged: %v", got)
	}
	for _, version := range []string{"1", "1", "2", ""} {
		if err := to(version); err != nil {
			t.Error(err)
		}
	}
	if d := cmp.Diff([]string{"alias a:  -> 1", "alias a: 1 -> 2", "alias a: 2 -> "}, story(t, s, "m")); d != "" {
		t.Error(d)
	}
}
