package sqlstore

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/mlflow"
)

// ticking is a clock that goes a millisecond at each look, from 1 on.
func ticking() func() time.Time {
	var now int64
	return func() time.Time {
		now++
		return time.UnixMilli(now)
	}
}

// register makes a registered model with versions.
func register(t testing.TB, s *Store, name string, versions int) {
	t.Helper()
	if _, err := s.CreateRegisteredModel(t.Context(), mlflow.NewRegisteredModel{Name: name}); err != nil {
		t.Fatal(err)
	}
	for range versions {
		if _, err := s.CreateModelVersion(t.Context(), mlflow.NewVersion{Name: name, Source: "s3://bucket/" + name}); err != nil {
			t.Fatal(err)
		}
	}
}

// story tells the log of a name, oldest first, without times.
func story(t testing.TB, s *Store, name string) (lines []string) {
	t.Helper()
	log, err := s.AliasLog(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range slices.Backward(log) {
		if i > 0 && log[i-1].Time < c.Time {
			t.Errorf("change %+v stands before %+v", log[i-1], c)
		}
		lines = append(lines, fmt.Sprintf("%s %s: %s -> %s", c.Kind, c.Subject, c.Old, c.New))
	}
	return lines
}

func TestAliasLogTellsEveryMove(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		s, ctx := openAt(t, dsn, Options{Now: ticking()}), t.Context()
		register(t, s, "m", 3)
		steps := []struct {
			do   func() error
			want []string
		}{
			{func() error { return s.SetAlias(ctx, "m", "champion", "1") }, []string{"alias champion:  -> 1"}},
			{func() error { return s.SetAlias(ctx, "m", "champion", "2") }, []string{"alias champion: 1 -> 2"}},
			{func() error { return s.SetAlias(ctx, "m", "champion", "2") }, nil},
			{func() error { return s.SetAlias(ctx, "m", "old", "9") }, nil}, // is refused
			{func() error { return s.SetAlias(ctx, "m", "old", "2") }, []string{"alias old:  -> 2"}},
			{func() error { return transition(t, s, "m", "1", "Production", false) }, []string{"stage 1: None -> Production"}},
			{func() error { return transition(t, s, "m", "2", "Production", true) }, []string{"stage 1: Production -> Archived", "stage 2: None -> Production"}},
			{func() error { return transition(t, s, "m", "2", "Production", true) }, nil},
			{func() error { return s.DeleteAlias(ctx, "m", "champion") }, []string{"alias champion: 2 -> "}},
			{func() error { return s.DeleteAlias(ctx, "m", "champion") }, nil},
			{func() error { return s.DeleteModelVersion(ctx, "m", "3") }, nil}, // was in no stage
			{func() error { return s.DeleteModelVersion(ctx, "m", "2") }, []string{"alias old: 2 -> ", "stage 2: Production -> "}},
			{func() error { return s.SetAlias(ctx, "m", "champion", "1") }, []string{"alias champion:  -> 1"}},
			{func() error { _, err := s.RenameRegisteredModel(ctx, "m", "n"); return err }, []string{"alias champion: 1 -> ", "stage 1: Archived -> "}},
		}
		var want []string
		for _, step := range steps {
			_ = step.do()
			want = append(want, step.want...)
			if d := cmp.Diff(want, story(t, s, "m")); d != "" {
				t.Fatal(d)
			}
		}
		want = []string{"alias champion:  -> 1", "stage 1:  -> Archived"}
		if d := cmp.Diff(want, story(t, s, "n")); d != "" {
			t.Error(d)
		}
		if err := s.DeleteRegisteredModel(ctx, "n"); err != nil {
			t.Fatal(err)
		}
		want = append(want, "alias champion: 1 -> ", "stage 1: Archived -> ")
		if d := cmp.Diff(want, story(t, s, "n")); d != "" {
			t.Error(d)
		}
	})
}

// transition moves a version without its answer.
func transition(t testing.TB, s *Store, name, version, stage string, archive bool) error {
	_, err := s.TransitionStage(t.Context(), mlflow.StageChange{Name: name, Version: version, Stage: stage, ArchiveExisting: archive})
	return err
}

func TestAliasLogOfNobody(t *testing.T) {
	s := open(t, Options{})
	register(t, s, "m", 1)
	if got := story(t, s, "m"); got != nil {
		t.Errorf("log %v", got)
	}
	if _, err := s.AliasLog(t.Context(), "nobody"); !fault.Is(err, fault.NotFound) {
		t.Errorf("error %v", err)
	}
}

// Whatever happens to a model, its log adds up to where its aliases and stages
// are, and each change begins where the one before ended.
func TestAliasLogAddsUp(t *testing.T) {
	s, n := open(t, Options{Now: ticking()}), 0
	rapid.Check(t, func(r *rapid.T) {
		n++
		name := "m" + strconv.Itoa(n)
		register(t, s, name, 3)
		version := rapid.SampledFrom([]string{"1", "2", "3"})
		for range rapid.IntRange(1, 12).Draw(r, "steps") {
			v := version.Draw(r, "version")
			alias := rapid.SampledFrom([]string{"a", "b"}).Draw(r, "alias")
			switch rapid.IntRange(0, 5).Draw(r, "step") {
			case 0, 1:
				_ = s.SetAlias(t.Context(), name, alias, v)
			case 2:
				_ = s.DeleteAlias(t.Context(), name, alias)
			case 3:
				stage := rapid.SampledFrom(stages[:]).Draw(r, "stage")
				_ = transition(t, s, name, v, stage, stage == mlflow.StageProduction)
			case 4:
				_ = s.DeleteModelVersion(t.Context(), name, v)
			case 5:
				if _, err := s.RenameRegisteredModel(t.Context(), name, name+"x"); err != nil {
					r.Fatal(err)
				}
				name += "x"
			}
		}
		if d := cmp.Diff(stand(t, s, name), told(t, r, s, name)); d != "" {
			r.Fatal(d)
		}
	})
}

// stand is where the aliases and the versions of a model are.
func stand(t *testing.T, s *Store, name string) map[string]string {
	m, err := s.GetRegisteredModel(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	at := map[string]string{}
	for _, a := range m.Aliases {
		at["alias "+a.Alias] = a.Version
	}
	for _, v := range []string{"1", "2", "3"} {
		if got, err := s.GetModelVersion(t.Context(), name, v); err == nil && got.CurrentStage != mlflow.StageNone {
			at["stage "+v] = got.CurrentStage
		}
	}
	return at
}

// told is the same by the log.
func told(t *testing.T, r *rapid.T, s *Store, name string) map[string]string {
	log, err := s.AliasLog(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	at := map[string]string{}
	for _, c := range slices.Backward(log) {
		key := string(c.Kind) + " " + c.Subject
		before := at[key]
		if c.Kind == mlflow.StageMoved && before == "" && c.Old == mlflow.StageNone {
			before = mlflow.StageNone // where every version begins, unlogged
		}
		if c.Old != before {
			r.Fatalf("%s was %q, the log says %q", key, before, c.Old)
		}
		at[key] = c.New
	}
	maps.DeleteFunc(at, func(_, v string) bool { return v == "" || v == mlflow.StageNone })
	return at
}
