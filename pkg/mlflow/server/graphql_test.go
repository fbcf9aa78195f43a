package server

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/salesctl/salesctl/pkg/artifact"
	"github.com/salesctl/salesctl/pkg/mlflow"
)

// graphRun is a tracking server with the run that testdata/graphql.py makes.
type graphRun struct{ mlflow.Tracking }

func (graphRun) GetRun(_ context.Context, id string) (mlflow.Run, error) {
	if id != "RUN" {
		return mlflow.Run{}, mlflow.Errorf(mlflow.ResourceDoesNotExist, "Run with id=%s not found", id)
	}
	var nan mlflow.Number
	if err := nan.UnmarshalJSON([]byte(`"NaN"`)); err != nil {
		return mlflow.Run{}, err
	}
	return mlflow.Run{
		Info: mlflow.RunInfo{ID: id, UUID: id, Name: "first", ExperimentID: "1", UserID: "ann", Status: mlflow.Running,
			StartTime: 1700000000000, ArtifactURI: "mlflow-artifacts:/1/RUN/artifacts", LifecycleStage: mlflow.Active},
		Data: mlflow.RunData{
			Metrics: []mlflow.Metric{{Key: "loss", Value: 0.5, Timestamp: 1700000000001, Step: 3}, {Key: "whole", Value: 2, Timestamp: 1700000000002},
				{Key: "bad", Value: nan, Timestamp: 1700000000003, Step: 1<<53 + 1}},
			Params: []mlflow.Param{{Key: "p", Value: "1"}},
			Tags:   []mlflow.Tag{{Key: "k", Value: "v"}, {Key: "mlflow.runName", Value: "first"}},
		},
		Inputs: mlflow.RunInputs{Datasets: []mlflow.DatasetInput{{Tags: []mlflow.Tag{{Key: "mlflow.data.context", Value: "training"}},
			Dataset: mlflow.Dataset{Name: "d", Digest: "1a", SourceType: "local", Source: "{}", Schema: `{"x": 1}`}}}},
		Outputs: mlflow.RunOutputs{Models: []mlflow.ModelOutput{{ModelID: "MODEL", Step: 7}}},
	}, nil
}

func (graphRun) GetExperiment(_ context.Context, id string) (mlflow.Experiment, error) {
	if id != "1" {
		return mlflow.Experiment{}, mlflow.Errorf(mlflow.ResourceDoesNotExist, "No Experiment with id=%s exists", id)
	}
	return mlflow.Experiment{ID: id, Name: "graph", ArtifactLocation: "mlflow-artifacts:/1", LifecycleStage: mlflow.Active,
		Tags: []mlflow.Tag{{Key: "team", Value: "red"}}}, nil
}

func (g graphRun) SearchRuns(ctx context.Context, q mlflow.RunQuery) (mlflow.Page[mlflow.Run], error) {
	if q.Filter == "nonsense" {
		return mlflow.Page[mlflow.Run]{}, mlflow.Errorf(mlflow.InvalidParameterValue, "Invalid clause(s) in filter string: 'nonsense'")
	}
	run, err := g.GetRun(ctx, "RUN")
	return mlflow.Page[mlflow.Run]{Items: []mlflow.Run{run}}, err
}

func (g graphRun) MetricIntervals(ctx context.Context, q mlflow.IntervalQuery) ([]mlflow.Metric, error) {
	run, err := g.GetRun(ctx, q.RunIDs[0])
	m := run.Data.Metrics[0]
	m.RunID = run.Info.ID
	return []mlflow.Metric{m}, err
}

func (graphRun) SearchDatasets(context.Context, []string) ([]mlflow.DatasetSummary, error) {
	return []mlflow.DatasetSummary{{ExperimentID: "1", Name: "d", Digest: "1a", Context: "training"}}, nil
}

// graphVersion is a registry with the version that testdata/graphql.py makes.
type graphVersion struct{ mlflow.Registry }

func (graphVersion) SearchModelVersions(_ context.Context, q mlflow.RegistryQuery) (mlflow.Page[mlflow.ModelVersion], error) {
	if q.Filter != "run_id='RUN'" && q.Filter != "name='sales'" {
		return mlflow.Page[mlflow.ModelVersion]{}, nil
	}
	return mlflow.Page[mlflow.ModelVersion]{Items: []mlflow.ModelVersion{{Name: "sales", Version: "1", CurrentStage: mlflow.StageNone,
		Source: "mlflow-artifacts:/1/RUN/artifacts/m", RunID: "RUN", Status: mlflow.Ready}}}, nil
}

func graphServer(t *testing.T) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(New(Options{Tracking: graphRun{}, Registry: graphVersion{}, Artifacts: artifact.NewLocal(t.TempDir())}))
	t.Cleanup(s.Close)
	return s
}

// graphQuery is a query and what MLflow's own server answered.
type graphQuery struct {
	Name    string          `json:"name"`
	Request json.RawMessage `json:"request"`
	Status  int             `json:"status"`
	Answer  map[string]any  `json:"answer"`
}

// graphDiffers lists the queries whose answers differ, with the reason.
var graphDiffers = map[string]string{
	"runs":                              "MLflow's server fails on runViewType",
	"interval with an int for a string": "another text",
	"versions":                          "MLflow's server reports its own unset enumerations as errors",
	"included and skipped":              "MLflow's schema lacks the two directives of every GraphQL",
	"unknown field":                     "other quotes",
	"unknown variable":                  "another text",
	"variable without a value":          "another text",
	"eleven root fields":                "we have no environment variable for the limit",
	"eleven aliases below":              "we have no environment variable for the limit",
	"broken syntax":                     "MLflow's server answers 500",
	"no query":                          "MLflow's server answers 500",
}

func TestGraphAnswersAsMLflow(t *testing.T) {
	raw, err := os.ReadFile("testdata/graphql.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Answers []graphQuery }
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	s := graphServer(t)
	for _, want := range file.Answers {
		t.Run(want.Name, func(t *testing.T) {
			reply := ask(t, s, http.MethodPost, "/graphql", strings.NewReader(string(want.Request)), map[string]string{"Content-Type": "application/json"})
			if want.Status != http.StatusOK {
				if reply.StatusCode != http.StatusBadRequest {
					t.Errorf("%d %s", reply.StatusCode, reply.body)
				}
				return
			}
			var got map[string]any
			if err := json.Unmarshal([]byte(reply.body), &got); err != nil || reply.StatusCode != http.StatusOK {
				t.Fatalf("%v: %d %s", err, reply.StatusCode, reply.body)
			}
			if _, ok := graphDiffers[want.Name]; !ok {
				if d := cmp.Diff(want.Answer, got); d != "" {
					t.Errorf("-MLflow +ours\n%s", d)
				}
			} else if want.Answer["data"] == nil && want.Name != "included and skipped" && (got["data"] != nil || got["errors"] == nil) {
				t.Errorf("MLflow answers %v, we %v", want.Answer, got)
			}
		})
	}
}

// What MLflow's own server cannot answer must still be right.
func TestGraphWhereMLflowFails(t *testing.T) {
	s := graphServer(t)
	for query, want := range map[string]string{
		`query { mlflowSearchRuns(input: {experimentIds: [\"1\"], runViewType: ALL, maxResults: 5}) { runs { info { runId } } } }`:                                               `{"data":{"mlflowSearchRuns":{"runs":[{"info":{"runId":"RUN"}}]}},"errors":null}`,
		`query { mlflowSearchModelVersions(input: {maxResults: 5, filter: \"run_id='RUN'\"}) { modelVersions { version tags { key } deploymentJobState { jobState jobId } } } }`: `{"data":{"mlflowSearchModelVersions":{"modelVersions":[{"deploymentJobState":{"jobId":"","jobState":null},"tags":[],"version":"1"}]}},"errors":null}`,
		`query { a: mlflowGetRun(input: {runId: \"none\"}) { run { info { runId } } } b: test(inputString: \"x\") { output } }`:                                                  `{"data":{"a":null,"b":{"output":"x"}},"errors":["Run with id=none not found"]}`,
		`query { __typename }`:                  `{"data":{"__typename":"Query"},"errors":null}`,
		`query { __schema { types { name } } }`: `"This server does not answer '__schema'."`,
	} {
		got := ask(t, s, http.MethodPost, "/graphql", strings.NewReader(`{"query":"`+query+`"}`), map[string]string{"Content-Type": "application/json"})
		if !strings.Contains(got.body, want) {
			t.Errorf("%s: %s", query, got.body)
		}
	}
}

// Queries that ask for too much are refused before they cost anything.
func TestGraphLimits(t *testing.T) {
	s := graphServer(t)
	fan := strings.Builder{}
	for i := range 40 {
		fan.WriteString(" fragment F" + string(rune('a'+i%26)) + strings.Repeat("x", i/26) + " on MlflowRunInfo { runId runName }")
	}
	for query, want := range map[string]string{
		"{ mlflowGetRun { run " + strings.Repeat("{ experiment ", 12) + strings.Repeat("}", 12) + " } }":                   "Query exceeds maximum depth of 10",
		"{ mlflowGetRun { run { info { " + strings.Repeat("runId ", 1000) + "} } } }":                                      "Query exceeds maximum total selections of 1000",
		"query { ...F } fragment F on Query { mlflowGetRun { ...G } } fragment G on MlflowGetRunResponse { run { ...G } }": "Query exceeds maximum depth of 10",
		strings.Repeat("{a", 100_000): "The query is not GraphQL",
		"{ mlflowGetRun { run { info { " + strings.Repeat("...F ", 3000) + "} } } } fragment F on MlflowRunInfo { runId ...F }": `"errors":["`,
	} {
		body, err := json.Marshal(map[string]string{"query": query})
		if err != nil {
			t.Fatal(err)
		}
		got := ask(t, s, http.MethodPost, "/graphql", strings.NewReader(string(body)), map[string]string{"Content-Type": "application/json"})
		if !strings.Contains(got.body, want) {
			t.Errorf("%.60s: %s", query, got.body)
		}
	}
}

// Whatever a query says, the server answers it or refuses it.
func FuzzGraph(f *testing.F) {
	f.Add("query Q($x: Int) { a: test(inputString: \"x\") { output } }", `{"x":1}`)
	f.Add("{ mlflowGetRun(input: {runId: \"RUN\"}) { ...F } } fragment F on MlflowGetRunResponse { run { info { runId } } }", "{}")
	f.Add("query Q($d: MlflowSearchRunsInput!) { mlflowSearchRuns(input: $d) { runs { data { metrics { value } } } } }", `{"d":{"runViewType":true,"maxResults":1.5}}`)
	server := New(Options{Tracking: graphRun{}, Registry: graphVersion{}})
	f.Fuzz(func(t *testing.T, query, variables string) {
		body, err := json.Marshal(map[string]any{"query": query, "variables": json.RawMessage(variables)})
		if err != nil {
			t.Skip()
		}
		r := httptest.NewRequest(http.MethodPost, "/graphql", strings.NewReader(string(body)))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		server.ServeHTTP(w, r)
		if w.Code != http.StatusOK && w.Code != http.StatusBadRequest {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}
