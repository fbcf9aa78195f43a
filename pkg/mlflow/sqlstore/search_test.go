package sqlstore

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/salesctl/salesctl/pkg/database"
	"github.com/salesctl/salesctl/pkg/database/databasetest"
	"github.com/salesctl/salesctl/pkg/mlflow"
)

// recorded is what testdata/searches.py wrote.
type recorded struct {
	Tables map[string]struct {
		Columns []string
		Rows    [][]any
	}
	Searches []asked
	Datasets map[string][][4]string
}

// asked is one search of any kind.
type asked struct {
	Kind          string
	Filter        string          `json:"filter_string"`
	OrderBy       json.RawMessage `json:"order_by"`
	ExperimentIDs []string        `json:"experiment_ids"`
	View          mlflow.ViewType `json:"view_type"`
	RunView       mlflow.ViewType `json:"run_view_type"`
	Datasets      []mlflow.DatasetRef
	MaxResults    int `json:"max_results"`
	Pages         [][]string
}

func (q asked) String() string {
	return fmt.Sprintf("%s where %s by %s (%d, %v, %s%s, %v)", q.Kind, q.Filter, q.OrderBy, q.MaxResults, q.ExperimentIDs, q.View, q.RunView, q.Datasets)
}

func readRecorded(t testing.TB) (r recorded) {
	t.Helper()
	f, err := os.Open("testdata/searches.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(z)
	d.UseNumber()
	if err := d.Decode(&r); err != nil {
		t.Fatal(err)
	}
	return r
}

// restore writes the recorded rows into a new database.
func (r recorded) restore(t testing.TB, s *Store) {
	t.Helper()
	order := []string{
		"experiments", "experiment_tags", "runs", "metrics", "latest_metrics", "params", "tags", "datasets", "inputs", "input_tags", "logged_models",
		"logged_model_metrics", "logged_model_params", "logged_model_tags", "registered_models", "registered_model_tags", "model_versions", "model_version_tags", "registered_model_aliases",
	}
	err := s.write(t.Context(), func(x tx) error {
		if _, err := x.exec("DELETE FROM experiments"); err != nil {
			return err
		}
		if x.dialect == database.MySQL { // an id of zero is the next number, else
			if _, err := x.exec("SET SESSION sql_mode = CONCAT(@@sql_mode, ',NO_AUTO_VALUE_ON_ZERO')"); err != nil {
				return err
			}
		}
		for _, name := range order {
			table := r.Tables[name]
			var values []any
			for _, row := range table.Rows {
				for _, v := range row {
					if n, ok := v.(json.Number); ok {
						v = n.String()
					}
					values = append(values, v)
				}
			}
			if err := x.insert("INSERT INTO "+name+" (`"+strings.Join(table.Columns, "`,`")+"`)", len(table.Columns), "", values); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// pages asks for all pages of a search and returns their keys.
func (q asked) pages(t *testing.T, s *Store) (out [][]string) {
	t.Helper()
	for token := ""; ; {
		keys, next, err := q.page(t, s, token)
		if err != nil {
			t.Errorf("%s: %v", q, err)
			return nil
		}
		out = append(out, keys)
		if token = next; token == "" {
			return out
		}
	}
}

func (q asked) page(t *testing.T, s *Store, token string) (keys []string, next string, err error) {
	t.Helper()
	var order []string
	var modelOrder []mlflow.LoggedModelOrder
	if q.OrderBy != nil {
		into := any(&order)
		if q.Kind == "logged models" {
			into = &modelOrder
		}
		if err := json.Unmarshal(q.OrderBy, into); err != nil {
			t.Fatal(err)
		}
	}
	registry := mlflow.RegistryQuery{Filter: q.Filter, OrderBy: order, MaxResults: q.MaxResults, PageToken: token}
	switch q.Kind {
	case "experiments":
		p, err := s.SearchExperiments(t.Context(), mlflow.ExperimentQuery{MaxResults: q.MaxResults, PageToken: token, Filter: q.Filter, OrderBy: order, ViewType: q.View})
		return keysOf(p, func(e mlflow.Experiment) string { return e.ID }), p.Next, err
	case "runs":
		p, err := s.SearchRuns(t.Context(), mlflow.RunQuery{ExperimentIDs: q.ExperimentIDs, Filter: q.Filter, ViewType: q.RunView, MaxResults: q.MaxResults, OrderBy: order, PageToken: token})
		return keysOf(p, func(r mlflow.Run) string { return r.Info.ID }), p.Next, err
	case "logged models":
		p, err := s.SearchLoggedModels(t.Context(), mlflow.LoggedModelQuery{ExperimentIDs: q.ExperimentIDs, Filter: q.Filter, Datasets: q.Datasets, MaxResults: q.MaxResults, OrderBy: modelOrder, PageToken: token})
		return keysOf(p, func(m mlflow.LoggedModel) string { return m.Info.ID }), p.Next, err
	case "registered models":
		p, err := s.SearchRegisteredModels(t.Context(), registry)
		return keysOf(p, func(m mlflow.RegisteredModel) string { return m.Name }), p.Next, err
	}
	p, err := s.SearchModelVersions(t.Context(), registry)
	return keysOf(p, func(v mlflow.ModelVersion) string { return v.Name + "/" + v.Version }), p.Next, err
}

func keysOf[T any](p mlflow.Page[T], key func(T) string) []string {
	out := make([]string, len(p.Items))
	for i, item := range p.Items {
		out[i] = key(item)
	}
	return out
}

func TestSearchesFindWhatMLflowFinds(t *testing.T) {
	r := readRecorded(t)
	s := open(t, Options{})
	r.restore(t, s)
	if len(r.Searches) < 200 {
		t.Fatalf("only %d searches", len(r.Searches))
	}
	found := 0
	for _, q := range r.Searches {
		got := q.pages(t, s)
		if diff := cmp.Diff(q.Pages, got); diff != "" {
			t.Errorf("%s (-MLflow +us)\n%s", q, diff)
		}
		for _, p := range got {
			found += len(p)
		}
	}
	if found < 2000 {
		t.Errorf("the searches find only %d rows", found)
	}
	for ids, want := range r.Datasets {
		if got := datasets(t, s, strings.Split(ids, ",")); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("datasets of %s\n got %v\nwant %v", ids, got, want)
		}
	}
}

// sameNumber takes NaN for equal to itself.
var sameNumber = cmp.Comparer(func(a, b mlflow.Number) bool { return a == b || a != a && b != b })

// A search returns what the getters return, but for the logged models that a run
// read.
func TestSearchesReturnWholeThings(t *testing.T) {
	s := open(t, Options{})
	readRecorded(t).restore(t, s)
	ids := []string{"1", "2", "3"}
	runs, err := s.SearchRuns(t.Context(), mlflow.RunQuery{ExperimentIDs: ids, ViewType: mlflow.All})
	if err != nil || len(runs.Items) == 0 {
		t.Fatal(len(runs.Items), err)
	}
	linked := 0
	for _, got := range runs.Items {
		want, err := s.GetRun(t.Context(), got.Info.ID)
		if err != nil {
			t.Fatal(err)
		}
		want.Inputs.Models = nil
		if diff := cmp.Diff(want, got, sameNumber); diff != "" {
			t.Errorf("run (-get +search)\n%s", diff)
		}
		linked += len(got.Inputs.Datasets)
	}
	if linked < 20 {
		t.Errorf("only %d datasets", linked)
	}
	experiments, err := s.SearchExperiments(t.Context(), mlflow.ExperimentQuery{ViewType: mlflow.All})
	if err != nil || len(experiments.Items) != 8 {
		t.Fatal(len(experiments.Items), err)
	}
	for _, got := range experiments.Items {
		if want, err := s.GetExperiment(t.Context(), got.ID); err != nil || !cmp.Equal(want, got) {
			t.Errorf("experiment %v, want %v, %v", got, want, err)
		}
	}
}

func datasets(t *testing.T, s *Store, ids []string) (out [][4]string) {
	t.Helper()
	found, err := s.SearchDatasets(t.Context(), ids)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range found {
		out = append(out, [4]string{d.ExperimentID, d.Name, d.Digest, d.Context})
	}
	slices.SortFunc(out, func(a, b [4]string) int { return slices.Compare(a[:], b[:]) })
	return out
}

// MySQL finds the same rows, in an order of text of its own, and pages that
// overlap nowhere. A backslash means something in its patterns only.
func TestSearchesOnMySQL(t *testing.T) {
	r := readRecorded(t)
	s, err := Open(t.Context(), databasetest.Start(t).DSN("searches"), Options{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	r.restore(t, s)
	for _, q := range r.Searches {
		if strings.Contains(q.Filter, `\`) {
			continue
		}
		want, got := slices.Concat(q.Pages...), slices.Concat(q.pages(t, s)...)
		slices.Sort(want)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-MLflow +us)\n%s", q, diff)
		}
	}
}

// refusal is a search that is refused.
type refusal struct {
	search func() error
	want   string
}

func TestRefusedSearches(t *testing.T) {
	s := open(t, Options{})
	ctx := t.Context()
	runs := func(q mlflow.RunQuery) func() error {
		return func() error { _, err := s.SearchRuns(ctx, q); return err }
	}
	experiments := func(q mlflow.ExperimentQuery) func() error {
		return func() error { _, err := s.SearchExperiments(ctx, q); return err }
	}
	registered := func(q mlflow.RegistryQuery) func() error {
		return func() error { _, err := s.SearchRegisteredModels(ctx, q); return err }
	}
	versions := func(q mlflow.RegistryQuery) func() error {
		return func() error { _, err := s.SearchModelVersions(ctx, q); return err }
	}
	models := func(q mlflow.LoggedModelQuery) func() error {
		return func() error { _, err := s.SearchLoggedModels(ctx, q); return err }
	}
	datasets := func(ids ...string) func() error {
		return func() error { _, err := s.SearchDatasets(ctx, ids); return err }
	}
	many := strings.Split(strings.Repeat("0,", 40000)+"0", ",")
	for name, tt := range map[string]refusal{
		"view":              {runs(mlflow.RunQuery{ViewType: "SOME"}), "Invalid view type 'SOME'"},
		"experiments' view": {experiments(mlflow.ExperimentQuery{ViewType: "SOME"}), "Invalid view type 'SOME'"},
		"negative":          {runs(mlflow.RunQuery{MaxResults: -1}), "Invalid value -1 for parameter 'max_results' supplied. It must be a positive integer"},
		"too many":          {runs(mlflow.RunQuery{MaxResults: 50001}), "Invalid value 50001 for parameter 'max_results' supplied. It must be at most 50000"},
		"experiments":       {experiments(mlflow.ExperimentQuery{MaxResults: 50001}), "It must be at most 50000"},
		"registered":        {registered(mlflow.RegistryQuery{MaxResults: 1001}), "Invalid value for request parameter max_results. It must be at most 1000, but got value 1001"},
		"versions":          {versions(mlflow.RegistryQuery{MaxResults: 200001}), "It must be at most 200000, but got value 200001"},
		"negative versions": {versions(mlflow.RegistryQuery{MaxResults: -5}), "Invalid value for max_results. It must be a positive integer, but got -5"},
		"logged models":     {models(mlflow.LoggedModelQuery{MaxResults: -5}), "It must be a positive integer"},
		"token":             {runs(mlflow.RunQuery{PageToken: "%"}), "Invalid page token, could not base64-decode"},
		"experiment":        {runs(mlflow.RunQuery{ExperimentIDs: []string{"x"}}), "Invalid experiment ID 'x'. Experiment ID must be a valid integer."},
		"model's":           {models(mlflow.LoggedModelQuery{ExperimentIDs: []string{"x"}}), "Invalid experiment ID 'x'."},
		"filter":            {runs(mlflow.RunQuery{Filter: "metrics.a > 1 OR metrics.b > 1"}), "Invalid clause(s) in filter string: 'OR' (at character 15 of the filter)"},
		"order":             {runs(mlflow.RunQuery{OrderBy: []string{"x"}}), "Invalid attribute key 'x'"},
		"model's filter":    {models(mlflow.LoggedModelQuery{Filter: "x = 5"}), "(at character 1 of the filter)"},
		"model's order":     {models(mlflow.LoggedModelQuery{OrderBy: []mlflow.LoggedModelOrder{{Field: "x"}}}), "Invalid order by field name: x"},
		"model's dataset":   {models(mlflow.LoggedModelQuery{Datasets: []mlflow.DatasetRef{{Digest: "x"}}}), "`dataset_name` in the `datasets` clause must be specified."},
		"registry filter":   {registered(mlflow.RegistryQuery{Filter: "x = 'y'"}), "Invalid attribute key 'x'"},
		"registry order":    {registered(mlflow.RegistryQuery{OrderBy: []string{"x"}}), "Invalid order by key 'x'"},
		"version filter":    {versions(mlflow.RegistryQuery{Filter: "x = 'y'"}), "Invalid attribute key 'x'"},
		"version order":     {versions(mlflow.RegistryQuery{OrderBy: []string{"x"}}), "Invalid attribute key 'x'"},
		"filter of names":   {experiments(mlflow.ExperimentQuery{Filter: "x = 'y'"}), "Invalid attribute key 'x'"},
		"order of names":    {experiments(mlflow.ExperimentQuery{OrderBy: []string{"x"}}), "Invalid attribute key 'x'"},
		"no datasets":       {datasets(), "SearchDatasets request must specify at least one experiment_id."},
		"many datasets":     {datasets(many[:21]...), "SearchDatasets request cannot specify more than 20 experiment_ids. Received 21 experiment_ids."},
		"bad datasets":      {datasets("x"), "Invalid experiment ID 'x'."},
		"many values":       {runs(mlflow.RunQuery{ExperimentIDs: many}), "at most 30000 are possible"},
		"a long value":      {runs(mlflow.RunQuery{ExperimentIDs: many[:1], Filter: "params.a LIKE '" + strings.Repeat("%a", 30000) + "'"}), "a value of 60000 bytes"},
	} {
		err := tt.search()
		if mlflow.CodeOf(err) != mlflow.InvalidParameterValue || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %q", name, err, tt.want)
		}
	}
}

// The longest filter that is possible is one that both databases take.
func TestLongestSearch(t *testing.T) {
	s := open(t, Options{})
	conditions := strings.Repeat("tags.a = 'b' AND params.c LIKE 'd%' AND metrics.e > 1 AND ", 67)
	order := make([]string, 50)
	for i := range order {
		order[i] = fmt.Sprintf("metrics.m%d DESC", i)
	}
	for _, f := range []string{conditions[:len(conditions)-len("metrics.e > 1 AND ")], "run_id IN ('" + strings.Repeat("a', '", 4000) + "')"} {
		if _, err := s.SearchRuns(t.Context(), mlflow.RunQuery{ExperimentIDs: []string{"0"}, Filter: f, OrderBy: order}); err != nil {
			t.Errorf("%.60s...: %v", f, err)
		}
	}
}
