package sqlstore

import (
	"context"
	"strconv"
	"strings"
	"testing"

	"github.com/salesctl/salesctl/pkg/mlflow"
	"github.com/salesctl/salesctl/pkg/mlflow/filter"
)

// plan is how SQLite goes about a search.
func plan(t *testing.T, s *Store, sel *selection, err error) string {
	t.Helper()
	query, args, err2 := sel.query(0, 100)
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	var steps []string
	err = s.read(t.Context(), func(x tx) error {
		steps, err = all(x, func(r scanner) (step string, err error) {
			var rest [3]int
			err = r.Scan(&rest[0], &rest[1], &rest[2], &step)
			return step, err
		}, "EXPLAIN QUERY PLAN "+query, args...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(steps, "\n")
}

func selectRuns(s *Store, q mlflow.RunQuery) (sel *selection, err error) {
	asked, err := parseRuns(q)
	if err != nil {
		return nil, err
	}
	err = s.read(context.Background(), func(t tx) error {
		sel, err = t.runSelection(asked)
		return err
	})
	return sel, err
}

// A search begins with the runs of the rarest of its params, as long as those are
// few, and finds the same as when it begins with the experiment.
func TestRareParamsComeFirst(t *testing.T) {
	s := open(t, Options{})
	at := int64(0)
	write := func(n int, params ...mlflow.Param) {
		runs := make([]mlflow.Run, n)
		for i := range runs {
			at++
			runs[i] = mlflow.Run{Info: mlflow.RunInfo{ID: newID(), ExperimentID: mlflow.DefaultExperiment, Status: mlflow.Finished, StartTime: at},
				Data: mlflow.RunData{Params: params, Tags: []mlflow.Tag{{Key: "n", Value: strconv.Itoa(i)}}}}
		}
		if err := s.WriteRuns(t.Context(), runs); err != nil {
			t.Fatal(err)
		}
	}
	a, b := mlflow.Param{Key: "a", Value: "x"}, mlflow.Param{Key: "b", Value: "x"}
	write(20, a, b)
	write(few/2, a)
	find := func(first, text string, want int) {
		t.Helper()
		q := mlflow.RunQuery{ExperimentIDs: []string{mlflow.DefaultExperiment}, Filter: text, MaxResults: 3 * few}
		sel, err := selectRuns(s, q)
		if p := plan(t, s, sel, err); !strings.HasPrefix(p, first) {
			t.Errorf("%s:\n%s", text, p)
		}
		if p, err := s.SearchRuns(t.Context(), q); err != nil || len(p.Items) != want {
			t.Errorf("%s: %d runs, %v, want %d", text, len(p.Items), err, want)
		}
	}
	const ofParam, ofRun = "SEARCH f USING COVERING INDEX salesctl_param_values", "SEARCH r USING "
	find(ofParam, "params.a = 'x'", few/2+20)
	find(ofParam, "params.a = 'x' AND tags.n = '7'", 2)
	find(ofParam, "params.a = 'y'", 0)
	write(few/2, a)
	find(ofRun, "params.a = 'x'", few+20)
	find(ofRun, "params.a = 'x' AND tags.n = '7'", 3)
	find(ofRun, "params.b != 'x'", 0)
	find(ofParam, "params.a = 'x' AND params.b = 'x' AND tags.n != '7'", 19)
}

// The newest runs come out of an index, without sorting all of them.
func TestNewestRunsAreNotSorted(t *testing.T) {
	s := open(t, Options{})
	for order, sorts := range map[string]bool{"": false, "attributes.start_time DESC": false, "attributes.start_time ASC": true} {
		q := mlflow.RunQuery{ExperimentIDs: []string{mlflow.DefaultExperiment}, Filter: "metrics.a > 1"}
		if order != "" {
			q.OrderBy = []string{order}
		}
		// A connection that has only looked at an empty file learns of the index
		// when it reads, and not when it explains.
		if _, err := s.SearchRuns(t.Context(), q); err != nil {
			t.Fatal(err)
		}
		sel, err := selectRuns(s, q)
		if p := plan(t, s, sel, err); strings.Contains(p, "TEMP B-TREE") != sorts {
			t.Errorf("order by %q:\n%s", order, p)
		}
	}
}

// An equality is asked before what more runs pass, whatever the filter's order.
func TestEqualFirst(t *testing.T) {
	conditions, err := filter.Parse(filter.Runs, "metrics.a > 1 AND params.b LIKE 'x%' AND params.c = 'x' AND tags.d IS NULL AND tags.e = 'y'")
	if err != nil {
		t.Fatal(err)
	}
	equalFirst(conditions)
	var keys []string
	for _, c := range conditions {
		keys = append(keys, c.Key)
	}
	if got := strings.Join(keys, ""); got != "ceabd" {
		t.Errorf("asked in the order %s, want ceabd", got)
	}
}

// What a filter names beside its rows is looked up in an index, never walked
// through.
func TestSearchesUseIndexes(t *testing.T) {
	s := open(t, Options{})
	id := []string{mlflow.DefaultExperiment}
	plan := func(sel *selection, err error) string { return plan(t, s, sel, err) }
	const scans = "SCAN "
	for name, text := range map[string]string{
		"runs": plan(selectRuns(s, mlflow.RunQuery{ExperimentIDs: id,
			Filter:  "metrics.a > 1 AND params.a = 'b' AND tags.a LIKE 'b' AND tags.b IS NULL AND run_name = 'c' AND dataset.name = 'd' AND dataset.context = 'e'",
			OrderBy: []string{"metrics.a", "params.b", "tags.c"}})),
		"experiments":       plan(s.experimentSelection(mlflow.ExperimentQuery{Filter: "tags.a = 'b' AND tags.b IS NULL"})),
		"logged models":     plan(s.modelSelection(mlflow.LoggedModelQuery{ExperimentIDs: id, Filter: "metrics.a > 1 AND params.a = 'b' AND tags.a = 'b'", Datasets: []mlflow.DatasetRef{{Name: "d"}}, OrderBy: []mlflow.LoggedModelOrder{{Field: "metrics.a"}}})),
		"registered models": plan(s.registeredSelection(mlflow.RegistryQuery{Filter: "tags.a = 'b'"})),
		"versions":          plan(s.versionSelection(mlflow.RegistryQuery{Filter: "tags.a = 'b' AND name = 'c'"})),
	} {
		walked := strings.Count(text, scans)
		if walked > 1 || walked == 1 && !strings.HasPrefix(text, scans) || strings.Contains(text, "(source_type=?)") {
			t.Errorf("%s:\n%s", name, text)
		}
	}
}
