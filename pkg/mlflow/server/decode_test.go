package server

import (
	"context"
	"encoding/json"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/salesctl/salesctl/pkg/mlflow"
)

// fake is a store that keeps what it was asked last, and answers with err.
type fake struct {
	mlflow.Tracking
	mlflow.Registry
	asked any
	err   error
	panic any
}

func (f *fake) CreateExperiment(_ context.Context, e mlflow.NewExperiment) (string, error) {
	if f.panic != nil {
		panic(f.panic)
	}
	f.asked = e
	return "7", f.err
}

func (f *fake) LogBatch(_ context.Context, _ string, b mlflow.Batch) error {
	f.asked = b
	return f.err
}

func (f *fake) LogInputs(_ context.Context, _ string, d []mlflow.DatasetInput, _ []mlflow.ModelInput) error {
	f.asked = d
	return f.err
}

func (f *fake) LogMetric(_ context.Context, _ string, m mlflow.Metric) error {
	f.asked = m
	return f.err
}

func (f *fake) SearchRuns(_ context.Context, q mlflow.RunQuery) (mlflow.Page[mlflow.Run], error) {
	f.asked = q
	return mlflow.Page[mlflow.Run]{}, f.err
}

func (f *fake) SearchExperiments(_ context.Context, q mlflow.ExperimentQuery) (mlflow.Page[mlflow.Experiment], error) {
	f.asked = q
	return mlflow.Page[mlflow.Experiment]{}, f.err
}

func (f *fake) SearchLoggedModels(_ context.Context, q mlflow.LoggedModelQuery) (mlflow.Page[mlflow.LoggedModel], error) {
	f.asked = q
	return mlflow.Page[mlflow.LoggedModel]{}, f.err
}

// ask sends one request to a server over the fake.
func (f *fake) ask(t *testing.T, o Options, method, path, body string) *httptest.ResponseRecorder {
	t.Helper()
	o.Tracking, o.Registry = f, f
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	New(o).ServeHTTP(w, r)
	return w
}

// text is the error that the answer carries.
func text(t *testing.T, w *httptest.ResponseRecorder) failure {
	t.Helper()
	var f failure
	if err := json.Unmarshal(w.Body.Bytes(), &f); err != nil {
		t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	return f
}

func TestRequestsBecomeWords(t *testing.T) {
	ascending := false
	for _, c := range []struct {
		method, path, body string
		want               any
	}{
		{"POST", "/runs/log-batch", `{"run_id":"r","metrics":[{"key":"a","value":"NaN","timestamp":"5"},{"key":"b","value":1,"timestamp":0,"step":-2,"modelId":"m","dataset_name":"d"}],"params":[{"key":"p"}],"tags":[{"key":"t","value":"ü"}],"x":{}}`,
			mlflow.Batch{
				Metrics: []mlflow.Metric{
					{Key: "a", Value: mlflow.Number(math.NaN()), Timestamp: 5},
					{Key: "b", Value: 1, Step: -2, ModelID: "m", DatasetName: "d"},
				},
				Params: []mlflow.Param{{Key: "p"}},
				Tags:   []mlflow.Tag{{Key: "t", Value: "ü"}},
			}},
		{"POST", "/runs/log-inputs", `{"runId":"r","datasets":[{"tags":[{"key":"c","value":"v"}],"dataset":{"name":"n","sourceType":"local","profile":null}},{"dataset":{}}]}`,
			[]mlflow.DatasetInput{{Tags: []mlflow.Tag{{Key: "c", Value: "v"}}, Dataset: mlflow.Dataset{Name: "n", SourceType: "local"}}, {}}},
		{"POST", "/runs/search", `{"experiment_ids":["1","2"],"filter":"f","run_view_type":"ALL","max_results":"3","order_by":["a"],"page_token":"p"}`,
			mlflow.RunQuery{ExperimentIDs: []string{"1", "2"}, Filter: "f", ViewType: mlflow.All, MaxResults: 3, OrderBy: []string{"a"}, PageToken: "p"}},
		{"GET", "/experiments/search?max_results=4&order_by=a&order_by=b&view_type=2&unknown=1", "",
			mlflow.ExperimentQuery{MaxResults: 4, OrderBy: []string{"a", "b"}, ViewType: mlflow.DeletedOnly}},
		{"POST", "/logged-models/search", `{"experiment_ids":["1"],"order_by":[{"field_name":"f","ascending":false,"dataset_name":"d"},{"fieldName":"g"}],"datasets":[{"dataset_name":"x"}]}`,
			mlflow.LoggedModelQuery{
				ExperimentIDs: []string{"1"}, Datasets: []mlflow.DatasetRef{{Name: "x"}},
				OrderBy: []mlflow.LoggedModelOrder{{Field: "f", Ascending: &ascending, DatasetName: "d"}, {Field: "g"}},
			}},
		{"POST", "/experiments/create", `"{\"name\":\"twice\"}"`, mlflow.NewExperiment{Name: "twice"}},
	} {
		f := &fake{}
		w := f.ask(t, Options{}, c.method, apiPath+c.path, c.body)
		if w.Code != http.StatusOK {
			t.Errorf("%s: %d %s", c.path, w.Code, w.Body)
		}
		if diff := cmp.Diff(c.want, f.asked, cmp.Comparer(func(a, b mlflow.Number) bool {
			return a == b || math.IsNaN(float64(a)) && math.IsNaN(float64(b))
		})); diff != "" {
			t.Errorf("%s: - want, + got\n%s", c.path, diff)
		}
	}
}

// TestRefusalsNameTheParameter covers what is ours alone; what MLflow's server
// says, TestReplay does.
func TestRefusalsNameTheParameter(t *testing.T) {
	for _, c := range []struct{ path, body, want string }{
		{"/runs/log-batch", `{"run_id":"r","metrics":[{"key":"a","value":1,"timestamp":1},{"key":"b","value":"x","timestamp":1}]}`,
			`Invalid value "x" for parameter 'metrics[1].value' supplied:  Hint: Value was of type 'str'.` + seeDocs},
		{"/runs/log-inputs", `{"run_id":"r","datasets":[{"dataset":{"name":{"b":1,"a":[]}}}]}`,
			`Invalid value {"a":[],"b":1} for parameter 'datasets[0].dataset.name' supplied:  Hint: Value was of type 'dict'.` + seeDocs},
		{"/runs/log-inputs", `{"run_id":"r","datasets":[{"dataset":7}]}`,
			`Invalid value 7 for parameter 'datasets[0].dataset' supplied:  Hint: Value was of type 'int'.` + seeDocs},
		{"/runs/search", `{"experiment_ids":["1"],"run_view_type":"x"}`,
			`Invalid value "x" for parameter 'run_view_type' supplied:  Hint: Value was of type 'str'.` + seeDocs},
		{"/runs/search", `{"max_results":2147483648}`,
			`Invalid value 2147483648 for parameter 'max_results' supplied:  Hint: Value was of type 'int'.` + seeDocs},
		{"/experiments/create", `{"name":"x"`, "Malformed JSON in the request body at byte 11."},
		{"/experiments/create", `[1]`, "The request body must be a JSON object, not of type 'list'."},
	} {
		f := &fake{}
		w := f.ask(t, Options{}, "POST", apiPath+c.path, c.body)
		if got := text(t, w); w.Code != http.StatusBadRequest || got.Code != mlflow.InvalidParameterValue || got.Message != c.want {
			t.Errorf("%s: %d %+v, want %s", c.path, w.Code, got, c.want)
		}
		if f.asked != nil {
			t.Errorf("%s: the store was asked %v", c.path, f.asked)
		}
	}
}

func TestAHugeWrongValueIsNotEchoed(t *testing.T) {
	w := (&fake{}).ask(t, Options{}, "POST", apiPath+"/experiments/create", `{"name":["`+strings.Repeat("x", 1<<20)+`"]}`)
	if w.Code != http.StatusBadRequest || w.Body.Len() > 4000 {
		t.Errorf("%d with %d bytes", w.Code, w.Body.Len())
	}
}

func TestBodyLimit(t *testing.T) {
	f := &fake{}
	body := `{"name":"` + strings.Repeat("x", 100) + `"}`
	w := f.ask(t, Options{MaxBody: 100}, "POST", apiPath+"/experiments/create", body)
	if got := text(t, w); w.Code != http.StatusRequestEntityTooLarge || !strings.Contains(got.Message, "100 bytes") || f.asked != nil {
		t.Errorf("%d %+v", w.Code, got)
	}
	if w = f.ask(t, Options{MaxBody: int64(len(body))}, "POST", apiPath+"/experiments/create", body); w.Code != http.StatusOK {
		t.Errorf("at the limit: %d %s", w.Code, w.Body)
	}
}

// Datasets may take more than other requests: their profiles are long.
func TestDatasetsHaveALimitOfTheirOwn(t *testing.T) {
	body := `{"run_id":"` + testRun + `","datasets":[{"dataset":{"name":"n","digest":"d","source_type":"s","source":"s","profile":"` + strings.Repeat("x", 300) + `"}}]}`
	for limit, want := range map[int64]int{200: http.StatusRequestEntityTooLarge, 300: http.StatusOK} {
		if w := (&fake{}).ask(t, Options{MaxBody: limit}, "POST", apiPath+"/runs/log-inputs", body); w.Code != want {
			t.Errorf("half is %d: %d %s", limit, w.Code, w.Body)
		}
	}
}

// A body of many tiny values would take a hundred times its length.
func TestValuesAreCounted(t *testing.T) {
	list := func(n int) string { return `{"name":"x","tags":[` + strings.Repeat("{},", n-1) + `{}]}` }
	var before, after runtime.MemStats
	body := `{"name":[` + strings.Repeat("0,", DefaultMaxBody/2-100) + `0]}`
	runtime.ReadMemStats(&before)
	w := (&fake{}).ask(t, Options{}, "POST", apiPath+"/experiments/create", body)
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "100000 JSON values") || grown > 10*DefaultMaxBody {
		t.Errorf("%d %s, %d MiB for %d", w.Code, w.Body, grown>>20, len(body)>>20)
	}
	for n, taken := range map[int]bool{maxValues - 3: true, maxValues - 2: false} { // the object, its name, the list
		_, err := parseBody([]byte(list(n)))
		if (err == nil) != taken {
			t.Errorf("%d values: %v", n+3, err)
		}
	}
}

// FuzzRequest sends anything to the route with the richest message: it must be
// answered, and only with a 200 may the store have been asked.
func FuzzRequest(f *testing.F) {
	f.Add([]byte(`{"run_id":"r","metrics":[{"key":"a","value":1,"timestamp":1}],"params":[{"key":"p","value":"1"}]}`))
	f.Add([]byte(`{"run_uuid":"r","tags":[null,{"key":7}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		store := &fake{}
		w := store.ask(t, Options{Logger: slog.New(slog.DiscardHandler)}, "POST", apiPath+"/runs/log-batch", string(body))
		if w.Code == http.StatusOK != (store.asked != nil) || w.Code != http.StatusOK && w.Code != http.StatusBadRequest {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	})
}
