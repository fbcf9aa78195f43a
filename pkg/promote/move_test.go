package promote_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/mlflow"
	"github.com/salesctl/salesctl/pkg/mlflow/sqlstore"
	"github.com/salesctl/salesctl/pkg/promote"
)

// wayBack rolls back to the first champion and returns all of them, the last first.
func wayBack(t *testing.T, r promote.Registry) (champions []string) {
	t.Helper()
	for {
		c, err := promote.Rollback(t.Context(), r)
		if fault.Is(err, fault.Conflict) {
			return champions
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(champions) == 0 {
			champions = append(champions, c.From)
		}
		if champions[len(champions)-1] != c.From {
			t.Errorf("%+v after %v", c, champions)
		}
		champions = append(champions, c.To)
	}
}

// champions are the versions that were champion, by the log of the registry, the
// last first.
func champions(t *testing.T, s *sqlstore.Store) (out []string) {
	t.Helper()
	log, err := s.AliasLog(t.Context(), promote.Pipeline)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range log {
		if c.Kind == mlflow.AliasMoved && c.Subject == promote.Champion {
			out = append(out, c.New)
		}
	}
	return out
}

// Of promotions at the same moment none is missing from the way back, and the
// regressors stand with the last.
func TestPromotionsAtTheSameMoment(t *testing.T) {
	const many = 12
	s := registry(t, many)
	introduce(t, s, "1", promote.Champion)
	var wait sync.WaitGroup
	for i := 2; i <= many; i++ {
		wait.Go(func() {
			if _, err := promote.Promote(t.Context(), s, strconv.Itoa(i)); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	want := champions(t, s)
	if len(want) != many {
		t.Fatalf("champions were %v", want)
	}
	expect(t, s, "after all promotions", want[0], "")
	if got := wayBack(t, s); !slices.Equal(got, want) {
		t.Errorf("the way back is %v, champions were %v", got, want)
	}
	expect(t, s, "after all rollbacks", "1", "")
}

// Trainings that end at the same moment make one champion; the newest of the
// others is the challenger.
func TestIntroductionsAtTheSameMoment(t *testing.T) {
	const many = 9
	s := registry(t, many)
	parts := make([]string, many+1)
	var wait sync.WaitGroup
	for i := 1; i <= many; i++ {
		wait.Go(func() {
			alias, err := promote.Introduce(t.Context(), s, strconv.Itoa(i))
			if err != nil {
				t.Error(err)
			}
			parts[i] = alias
		})
	}
	wait.Wait()
	champion, challenger := aliases(t, s, promote.Pipeline)
	newest := strconv.Itoa(many)
	if champion == newest {
		newest = strconv.Itoa(many - 1)
	}
	if champion == "" || challenger != newest {
		t.Errorf("champion %q, challenger %q of %d", champion, challenger, many)
	}
	n := 0
	for i, part := range parts {
		if part == promote.Champion {
			n++
			if strconv.Itoa(i) != champion {
				t.Errorf("version %d was told to be the champion, that is %s", i, champion)
			}
		}
	}
	if n != 1 {
		t.Errorf("%d versions were told to be the champion", n)
	}
	expect(t, s, "after all", champion, challenger)
}

// far is a registry elsewhere, which knows the calls of MLflow's protocol alone;
// before and after are called around the first move of an alias, or its tag.
type far struct {
	promote.Registry
	beforeTag, afterTag, afterAlias func()
}

func once(f *func()) {
	if do := *f; do != nil {
		*f = nil
		do()
	}
}

func (r *far) SetModelVersionTag(ctx context.Context, name, version string, tag mlflow.Tag) error {
	once(&r.beforeTag)
	err := r.Registry.SetModelVersionTag(ctx, name, version, tag)
	once(&r.afterTag)
	return err
}

func (r *far) SetAlias(ctx context.Context, name, alias, version string) error {
	err := r.Registry.SetAlias(ctx, name, alias, version)
	once(&r.afterAlias)
	return err
}

// Elsewhere a promotion that somebody comes between is decided anew, and one that
// somebody overtakes who did not see it is put into the way back.
func TestPromotionsElsewhere(t *testing.T) {
	for name, c := range map[string]struct {
		come func(*far, *sqlstore.Store, func(error))
		want []string // the way back
	}{
		"alone": {func(*far, *sqlstore.Store, func(error)) {}, []string{"2", "1"}},
		"between, before the tag": {func(r *far, s *sqlstore.Store, check func(error)) {
			r.beforeTag = func() { _, err := promote.Promote(t.Context(), s, "3"); check(err) }
		}, []string{"2", "3", "1"}},
		"between, after the tag": {func(r *far, s *sqlstore.Store, check func(error)) {
			r.afterTag = func() { _, err := promote.Promote(t.Context(), s, "3"); check(err) }
		}, []string{"2", "3", "1"}},
		"between, there and back": {func(r *far, s *sqlstore.Store, check func(error)) {
			r.afterTag = func() {
				for _, v := range []string{"3", "1"} {
					_, err := promote.Promote(t.Context(), s, v)
					check(err)
				}
			}
		}, []string{"2", "1", "3", "1"}},
		"overtaken by one who saw it not": {func(r *far, s *sqlstore.Store, check func(error)) {
			r.afterAlias = func() {
				check(s.SetModelVersionTag(t.Context(), promote.Pipeline, "3", mlflow.Tag{Key: "salesctl.promoted_from", Value: "1"}))
				check(s.SetAlias(t.Context(), promote.Pipeline, promote.Champion, "3"))
			}
		}, []string{"3", "2", "1"}},
		"overtaken by one who saw it": {func(r *far, s *sqlstore.Store, check func(error)) {
			r.afterAlias = func() { _, err := promote.Promote(t.Context(), s, "3"); check(err) }
		}, []string{"3", "2", "1"}},
		"rolled back": {func(r *far, s *sqlstore.Store, check func(error)) {
			r.afterAlias = func() { _, err := promote.Rollback(t.Context(), s); check(err) }
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := registry(t, 3)
			introduce(t, s, "1", promote.Champion)
			r := &far{Registry: s}
			c.come(r, s, func(err error) {
				if err != nil {
					t.Error(err)
				}
			})
			if _, err := promote.Promote(t.Context(), r, "2"); err != nil {
				t.Fatal(err)
			}
			champion, _ := aliases(t, s, promote.Pipeline)
			expect(t, s, "after it", champion, "")
			if got := wayBack(t, r); !slices.Equal(got, c.want) {
				t.Errorf("the way back is %v, want %v", got, c.want)
			}
		})
	}
}

// Who is in the way all the time is told of.
func TestPromotionGivesUp(t *testing.T) {
	s := registry(t, 3)
	introduce(t, s, "1", promote.Champion)
	r := &far{Registry: s}
	n := 0
	var disturb func()
	disturb = func() {
		n++
		if _, err := promote.Promote(t.Context(), s, fmt.Sprint(1+2*(n%2))); err != nil {
			t.Error(err)
		}
		r.afterTag = disturb
	}
	r.afterTag = disturb
	if _, err := promote.Promote(t.Context(), r, "2"); !fault.Is(err, fault.Conflict) || fault.HintOf(err) == "" {
		t.Errorf("%v after %d tries", err, n)
	}
}
