package promote_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/mlflow"
	"github.com/salesctl/salesctl/pkg/mlflow/sqlstore"
	"github.com/salesctl/salesctl/pkg/promote"
)

// stepped is a registry elsewhere that makes a call about the pipeline when it is its
// turn. Turns are taken from a channel, which is closed when all may go on.
type stepped struct {
	promote.Registry
	turn, made chan struct{}
}

func (r *stepped) step(name string) (done func()) {
	if name != promote.Pipeline {
		return func() {}
	}
	if _, ok := <-r.turn; !ok {
		return func() {}
	}
	return func() { r.made <- struct{}{} }
}

func (r *stepped) GetVersionByAlias(ctx context.Context, name, alias string) (mlflow.ModelVersion, error) {
	defer r.step(name)()
	return r.Registry.GetVersionByAlias(ctx, name, alias)
}

func (r *stepped) SetAlias(ctx context.Context, name, alias, version string) error {
	defer r.step(name)()
	return r.Registry.SetAlias(ctx, name, alias, version)
}

func (r *stepped) SetModelVersionTag(ctx context.Context, name, version string, tag mlflow.Tag) error {
	defer r.step(name)()
	return r.Registry.SetModelVersionTag(ctx, name, version, tag)
}

func (r *stepped) SetRegisteredModelTag(ctx context.Context, name string, tag mlflow.Tag) error {
	defer r.step(name)()
	return r.Registry.SetRegisteredModelTag(ctx, name, tag)
}

func (r *stepped) GetRegisteredModel(ctx context.Context, name string) (mlflow.RegisteredModel, error) {
	defer r.step(name)()
	return r.Registry.GetRegisteredModel(ctx, name)
}

// together does two things at a registry elsewhere whose calls come in an order that
// is drawn, and returns their errors.
func together(t *rapid.T, s *sqlstore.Store, do [2]func(promote.Registry) error) (errs [2]error) {
	var of [2]*stepped
	var ended [2]chan error
	for i := range do {
		of[i] = &stepped{s, make(chan struct{}), make(chan struct{})}
		ended[i] = make(chan error, 1)
		go func() { ended[i] <- do[i](of[i]) }()
	}
	for _, i := range rapid.SliceOfN(rapid.IntRange(0, 1), 0, 20).Draw(t, "order") {
		select {
		case of[i].turn <- struct{}{}:
			<-of[i].made
		case err := <-ended[i]:
			ended[i] <- err
		}
	}
	for i := range of { // the rest one after the other
		close(of[i].turn)
		errs[i] = <-ended[i]
	}
	return errs
}

// Whatever the order of their calls, two rollbacks elsewhere are two steps back, or
// one of them tells that they met. So does a promotion that comes between.
func TestChangesThatMeetElsewhere(t *testing.T) {
	const last = 5
	s := registry(t, last)
	rollback := func(r promote.Registry) error {
		_, err := promote.Rollback(t.Context(), r)
		return err
	}
	promoted := func(r promote.Registry) error {
		_, err := promote.Promote(t.Context(), r, "1")
		return err
	}
	for name, c := range map[string]struct {
		do   [2]func(promote.Registry) error
		want [][]string // the ways back that one after the other would leave
	}{
		"two rollbacks":           {[2]func(promote.Registry) error{rollback, rollback}, [][]string{{"2", "1"}}},
		"a rollback, a promotion": {[2]func(promote.Registry) error{rollback, promoted}, [][]string{{"1", "3", "2", "1"}, {"4", "3", "2", "1"}}},
	} {
		t.Run(name, func(t *testing.T) {
			met, apart := 0, 0
			rapid.Check(t, func(rt *rapid.T) {
				ctx := t.Context()
				for version, trail := range map[string]string{"1": "", "2": "1", "3": "2 1", "4": "3 2 1"} {
					if err := s.SetModelVersionTag(ctx, promote.Pipeline, version, mlflow.Tag{Key: "salesctl.promoted_from", Value: trail}); err != nil {
						rt.Fatal(err)
					}
				}
				if err := s.SetAlias(ctx, promote.Pipeline, promote.Champion, "4"); err != nil {
					rt.Fatal(err)
				}
				told := false
				for _, err := range together(rt, s, c.do) {
					if told = told || fault.Is(err, fault.Conflict) && fault.HintOf(err) != ""; err != nil && !told {
						rt.Fatal(err)
					}
				}
				if told {
					met++
					return
				}
				apart++
				now, err := s.GetVersionByAlias(ctx, promote.Pipeline, promote.Champion)
				if err != nil {
					rt.Fatal(err)
				}
				way := append([]string{now.Version}, strings.Fields(now.Tag("salesctl.promoted_from"))...)
				if !slices.ContainsFunc(c.want, func(w []string) bool { return slices.Equal(w, way) }) {
					rt.Errorf("the way back is %v, want one of %v, and nobody was told", way, c.want)
				}
			})
			if met == 0 || apart == 0 {
				t.Errorf("they met %d times and did not %d times", met, apart)
			}
		})
	}
}
