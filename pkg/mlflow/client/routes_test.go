package client_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/mlflow"
	"github.com/salesctl/salesctl/pkg/mlflow/client"
)

// check ends the test on an error of the server.
func check[T any](t *testing.T) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func same[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: -want +got\n%s", what, diff)
	}
}

func ok(t *testing.T, errs ...error) {
	t.Helper()
	for i, err := range errs {
		if err != nil {
			t.Fatalf("call %d: %v", i+1, err)
		}
	}
}

// everyRoute calls each method of the client once with success, so that a wrong
// path, verb or field name shows. What the server makes of it is the matter of
// mlflowtest.
func everyRoute(t *testing.T, c *client.Client) {
	id := check[string](t)(c.CreateExperiment(t.Context(), mlflow.NewExperiment{Name: "routes", Tags: []mlflow.Tag{{Key: "a", Value: "b"}}}))
	t.Run("experiments", func(t *testing.T) { experimentRoutes(t, c, id) })
	t.Run("runs", func(t *testing.T) { runRoutes(t, c, id) })
	t.Run("logged models", func(t *testing.T) { modelRoutes(t, c, id) })
	t.Run("registry", func(t *testing.T) { registryRoutes(t, c) })
	t.Run("versions", func(t *testing.T) { versionRoutes(t, c) })
}

func experimentRoutes(t *testing.T, c *client.Client, id string) {
	ctx := t.Context()
	ok(t, c.SetExperimentTag(ctx, id, mlflow.Tag{Key: "k", Value: "v é"}), c.DeleteExperimentTag(ctx, id, "a"),
		c.RenameExperiment(ctx, id, "renamed & more"))
	e := check[mlflow.Experiment](t)(c.GetExperimentByName(ctx, "renamed & more"))
	same(t, "by name", e.ID, id)
	same(t, "tags", e.Tags, []mlflow.Tag{{Key: "k", Value: "v é"}})
	ok(t, c.DeleteExperiment(ctx, id))
	same(t, "stage", check[mlflow.Experiment](t)(c.GetExperiment(ctx, id)).LifecycleStage, mlflow.Deleted)
	page := check[mlflow.Page[mlflow.Experiment]](t)(c.SearchExperiments(ctx, mlflow.ExperimentQuery{ViewType: mlflow.DeletedOnly}))
	same(t, "deleted ones", len(page.Items), 1)
	ok(t, c.RestoreExperiment(ctx, id))
	first := check[mlflow.Page[mlflow.Experiment]](t)(c.SearchExperiments(ctx, mlflow.ExperimentQuery{MaxResults: 1, OrderBy: []string{"experiment_id ASC"}}))
	second := check[mlflow.Page[mlflow.Experiment]](t)(c.SearchExperiments(ctx, mlflow.ExperimentQuery{MaxResults: 1, OrderBy: []string{"experiment_id ASC"}, PageToken: first.Next}))
	same(t, "pages", []string{first.Items[0].ID, second.Items[0].ID}, []string{"0", id})
	_, err := c.GetExperimentByName(ctx, "none")
	if !fault.Is(err, fault.NotFound) || mlflow.CodeOf(err) != mlflow.ResourceDoesNotExist {
		t.Errorf("an experiment that is missing: %v", err)
	}
}

func runRoutes(t *testing.T, c *client.Client, experiment string) {
	ctx := t.Context()
	run := check[mlflow.Run](t)(c.CreateRun(ctx, mlflow.NewRun{
		ExperimentID: experiment, Name: "one", UserID: "me", StartTime: 1000, Tags: []mlflow.Tag{{Key: "at", Value: "start"}},
	}))
	id := run.Info.ID
	ok(t,
		c.LogMetric(ctx, id, mlflow.Metric{Key: "m", Value: 1.5, Timestamp: 10, Step: 1}),
		c.LogMetric(ctx, id, mlflow.Metric{Key: "m", Value: 2.5, Timestamp: 20, Step: 2}),
		c.LogMetric(ctx, id, mlflow.Metric{Key: "nan", Value: mlflow.Number(math.NaN()), Timestamp: 10}),
		c.LogParam(ctx, id, mlflow.Param{Key: "p", Value: "1"}), c.SetTag(ctx, id, mlflow.Tag{Key: "t", Value: ""}),
		c.DeleteTag(ctx, id, "at"),
		c.LogInputs(ctx, id, []mlflow.DatasetInput{{
			Tags:    []mlflow.Tag{{Key: "mlflow.data.context", Value: "training"}},
			Dataset: mlflow.Dataset{Name: "d", Digest: "1", SourceType: "local", Source: "{}", Schema: "{}", Profile: "{}"},
		}}, nil))
	var big mlflow.Batch
	for i := range 150 {
		big.Params = append(big.Params, mlflow.Param{Key: fmt.Sprint("p", i), Value: "v"})
	}
	for i := range 1200 {
		big.Metrics = append(big.Metrics, mlflow.Metric{Key: "long", Value: mlflow.Number(i), Timestamp: 1, Step: int64(i)})
	}
	ok(t, c.LogBatch(ctx, id, big))
	end := int64(9000)
	info := check[mlflow.RunInfo](t)(c.UpdateRun(ctx, mlflow.RunUpdate{ID: id, Status: mlflow.Finished, EndTime: &end, Name: "two"}))
	same(t, "end", []any{info.Status, *info.EndTime, info.Name}, []any{mlflow.Finished, end, "two"})
	got := check[mlflow.Run](t)(c.GetRun(ctx, id))
	same(t, "params", len(got.Data.Params), 151)
	same(t, "start, user", []any{got.Info.StartTime, got.Info.UserID}, []any{int64(1000), "me"})
	same(t, "dataset", got.Inputs.Datasets[0].Dataset.Name, "d")
	page := check[mlflow.Page[mlflow.Run]](t)(c.SearchRuns(ctx, mlflow.RunQuery{ExperimentIDs: []string{experiment}, Filter: "metrics.m > 2 and params.p = '1'"}))
	same(t, "found", len(page.Items), 1)
	historyRoutes(t, c, id)
	d := check[[]mlflow.DatasetSummary](t)(c.SearchDatasets(ctx, []string{experiment}))
	same(t, "datasets", d, []mlflow.DatasetSummary{{ExperimentID: experiment, Name: "d", Digest: "1", Context: "training"}})
	ok(t, c.DeleteRun(ctx, id), c.RestoreRun(ctx, id))
}

func historyRoutes(t *testing.T, c *client.Client, run string) {
	ctx := t.Context()
	all := check[mlflow.Page[mlflow.Metric]](t)(c.MetricHistory(ctx, mlflow.HistoryQuery{RunID: run, Key: "long"}))
	same(t, "history", len(all.Items), 1200)
	first := check[mlflow.Page[mlflow.Metric]](t)(c.MetricHistory(ctx, mlflow.HistoryQuery{RunID: run, Key: "long", MaxResults: 1000}))
	rest := check[mlflow.Page[mlflow.Metric]](t)(c.MetricHistory(ctx, mlflow.HistoryQuery{RunID: run, Key: "long", MaxResults: 1000, PageToken: first.Next}))
	same(t, "pages", []int{len(first.Items), len(rest.Items)}, []int{1000, 200})
	from, to := int64(10), int64(19)
	some := check[[]mlflow.Metric](t)(c.MetricIntervals(ctx, mlflow.IntervalQuery{RunIDs: []string{run}, Key: "long", StartStep: &from, EndStep: &to, MaxResults: 50}))
	same(t, "interval", []any{len(some), some[0].RunID, some[0].Step}, []any{10, run, from})
	nan := check[mlflow.Page[mlflow.Metric]](t)(c.MetricHistory(ctx, mlflow.HistoryQuery{RunID: run, Key: "nan"}))
	if len(nan.Items) != 1 || !math.IsNaN(float64(nan.Items[0].Value)) {
		t.Errorf("NaN came back as %v", nan.Items)
	}
}

func modelRoutes(t *testing.T, c *client.Client, experiment string) {
	ctx := t.Context()
	run := check[mlflow.Run](t)(c.CreateRun(ctx, mlflow.NewRun{ExperimentID: experiment}))
	made := check[mlflow.LoggedModel](t)(c.CreateLoggedModel(ctx, mlflow.NewLoggedModel{
		ExperimentID: experiment, Name: "m", ModelType: "forest", SourceRunID: run.Info.ID,
		Params: []mlflow.Param{{Key: "p", Value: "1"}}, Tags: []mlflow.Tag{{Key: "t", Value: "1"}},
	}))
	id := made.Info.ID
	same(t, "status", made.Info.Status, mlflow.ModelPending)
	check[mlflow.LoggedModel](t)(c.SetLoggedModelTags(ctx, id, []mlflow.Tag{{Key: "k 1", Value: "v"}}))
	ok(t, c.DeleteLoggedModelTag(ctx, id, "t"), c.DeleteLoggedModelTag(ctx, id, "k 1"),
		c.LogLoggedModelParams(ctx, id, []mlflow.Param{{Key: "q", Value: "2"}}),
		c.LogOutputs(ctx, run.Info.ID, []mlflow.ModelOutput{{ModelID: id, Step: 1}}),
		c.LogMetric(ctx, run.Info.ID, mlflow.Metric{Key: "mae", Value: 1, Timestamp: 1, ModelID: id}))
	done := check[mlflow.LoggedModel](t)(c.FinalizeLoggedModel(ctx, id, mlflow.ModelReady))
	same(t, "status", done.Info.Status, mlflow.ModelReady)
	got := check[mlflow.LoggedModel](t)(c.GetLoggedModel(ctx, id))
	same(t, "params, tags", []int{len(got.Data.Params), len(got.Info.Tags)}, []int{2, 0})
	same(t, "metrics", len(got.Data.Metrics), 1)
	same(t, "output", check[mlflow.Run](t)(c.GetRun(ctx, run.Info.ID)).Outputs.Models, []mlflow.ModelOutput{{ModelID: id, Step: 1}})
	down := false
	page := check[mlflow.Page[mlflow.LoggedModel]](t)(c.SearchLoggedModels(ctx, mlflow.LoggedModelQuery{
		ExperimentIDs: []string{experiment}, Filter: "params.q = '2'", MaxResults: 5,
		OrderBy: []mlflow.LoggedModelOrder{{Field: "creation_timestamp", Ascending: &down}},
	}))
	same(t, "found", len(page.Items), 1)
	ok(t, c.DeleteLoggedModel(ctx, id))
	if _, err := c.GetLoggedModel(ctx, id); !fault.Is(err, fault.NotFound) {
		t.Errorf("a deleted model: %v", err)
	}
}

func registryRoutes(t *testing.T, c *client.Client) {
	ctx := t.Context()
	m := check[mlflow.RegisteredModel](t)(c.CreateRegisteredModel(ctx, mlflow.NewRegisteredModel{Name: "r", Description: "x", Tags: []mlflow.Tag{{Key: "t", Value: "1"}}}))
	same(t, "made", []any{m.Name, m.Description}, []any{"r", "x"})
	check[mlflow.RegisteredModel](t)(c.UpdateRegisteredModel(ctx, "r", "y"))
	check[mlflow.RegisteredModel](t)(c.RenameRegisteredModel(ctx, "r", "r é"))
	ok(t, c.SetRegisteredModelTag(ctx, "r é", mlflow.Tag{Key: "k", Value: "v"}), c.DeleteRegisteredModelTag(ctx, "r é", "t"))
	got := check[mlflow.RegisteredModel](t)(c.GetRegisteredModel(ctx, "r é"))
	same(t, "changed", []any{got.Description, got.Tags}, []any{"y", []mlflow.Tag{{Key: "k", Value: "v"}}})
	check[mlflow.RegisteredModel](t)(c.CreateRegisteredModel(ctx, mlflow.NewRegisteredModel{Name: "s"}))
	q := mlflow.RegistryQuery{MaxResults: 1, OrderBy: []string{"name DESC"}}
	first := check[mlflow.Page[mlflow.RegisteredModel]](t)(c.SearchRegisteredModels(ctx, q))
	q.PageToken = first.Next
	second := check[mlflow.Page[mlflow.RegisteredModel]](t)(c.SearchRegisteredModels(ctx, q))
	same(t, "pages", []string{first.Items[0].Name, second.Items[0].Name}, []string{"s", "r é"})
	ok(t, c.DeleteRegisteredModel(ctx, "s"))
	_, err := c.CreateRegisteredModel(ctx, mlflow.NewRegisteredModel{Name: "r é"})
	if mlflow.CodeOf(err) != mlflow.ResourceAlreadyExists || !fault.Is(err, fault.Conflict) {
		t.Errorf("a name that is taken: %v", err)
	}
}

func versionRoutes(t *testing.T, c *client.Client) {
	ctx := t.Context()
	version := check[mlflow.ModelVersion](t)
	check[mlflow.RegisteredModel](t)(c.CreateRegisteredModel(ctx, mlflow.NewRegisteredModel{Name: "v"}))
	run := check[mlflow.Run](t)(c.CreateRun(ctx, mlflow.NewRun{ExperimentID: "0"}))
	source := run.Info.ArtifactURI + "/model"
	for range 2 {
		version(c.CreateModelVersion(ctx, mlflow.NewVersion{Name: "v", Source: source, RunID: run.Info.ID, Tags: []mlflow.Tag{{Key: "t", Value: "1"}}}))
	}
	same(t, "description", version(c.UpdateModelVersion(ctx, "v", "1", "first")).Description, "first")
	ok(t, c.SetModelVersionTag(ctx, "v", "1", mlflow.Tag{Key: "k", Value: "v"}), c.DeleteModelVersionTag(ctx, "v", "1", "t"),
		c.SetAlias(ctx, "v", "champion", "1"), c.SetAlias(ctx, "v", "other", "2"), c.DeleteAlias(ctx, "v", "other"))
	same(t, "champion", version(c.GetVersionByAlias(ctx, "v", "champion")).Version, "1")
	got := version(c.GetModelVersion(ctx, "v", "1"))
	same(t, "version", []any{got.RunID, got.Aliases, got.Tags}, []any{run.Info.ID, []string{"champion"}, []mlflow.Tag{{Key: "k", Value: "v"}}})
	same(t, "files", check[string](t)(c.ModelVersionDownloadURI(ctx, "v", "1")), source)
	moved := version(c.TransitionStage(ctx, mlflow.StageChange{Name: "v", Version: "1", Stage: mlflow.StageProduction, ArchiveExisting: true}))
	same(t, "stage", moved.CurrentStage, mlflow.StageProduction)
	latest := check[[]mlflow.ModelVersion](t)(c.LatestVersions(ctx, "v", []string{mlflow.StageProduction}))
	same(t, "latest", latest[0].Version, "1")
	same(t, "latest of all", len(check[[]mlflow.ModelVersion](t)(c.LatestVersions(ctx, "v", nil))), 2)
	page := check[mlflow.Page[mlflow.ModelVersion]](t)(c.SearchModelVersions(ctx, mlflow.RegistryQuery{
		Filter: "name = 'v'", OrderBy: []string{"version_number DESC"}, MaxResults: 1,
	}))
	same(t, "newest", page.Items[0].Version, "2")
	ok(t, c.DeleteModelVersion(ctx, "v", "2"))
}
