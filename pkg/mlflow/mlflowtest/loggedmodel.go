package mlflowtest

import (
	"strings"

	"github.com/salesctl/salesctl/pkg/mlflow"
)

var loggedModelChecks = []check{
	{"create and get", createLoggedModel},
	{"names", loggedModelNames},
	{"missing", missingLoggedModels},
	{"finalize", finalizeLoggedModel},
	{"tags", loggedModelTags},
	{"params", loggedModelParams},
	{"metrics", loggedModelMetrics},
	{"delete", deleteLoggedModel},
	{"search", searchLoggedModels},
}

// loggedModel makes a logged model and returns its id.
func (p *probe) loggedModel(experiment, name string, params ...mlflow.Param) string {
	p.Helper()
	m, err := p.CreateLoggedModel(p.Context(), mlflow.NewLoggedModel{ExperimentID: experiment, Name: name, Params: params})
	p.must(err)
	return m.Info.ID
}

// readModel reads a logged model.
func (p *probe) readModel(id string) mlflow.LoggedModel {
	p.Helper()
	m, err := p.GetLoggedModel(p.Context(), id)
	p.must(err)
	return m
}

func createLoggedModel(p *probe) {
	run := p.run()
	made, err := p.CreateLoggedModel(p.Context(), mlflow.NewLoggedModel{
		ExperimentID: run.ExperimentID, Name: "forest", ModelType: "regressor", SourceRunID: run.ID,
		Params: []mlflow.Param{{Key: "depth", Value: "3"}}, Tags: []mlflow.Tag{{Key: "k", Value: "v"}},
	})
	p.must(err)
	m := p.readModel(made.Info.ID)
	if id, ok := strings.CutPrefix(m.Info.ID, "m-"); !ok || len(id) != 32 {
		p.Errorf("id %q", m.Info.ID)
	}
	p.equal("experiment", m.Info.ExperimentID, run.ExperimentID)
	p.equal("name", m.Info.Name, "forest")
	p.equal("status", m.Info.Status, mlflow.ModelPending)
	p.equal("type", m.Info.ModelType, "regressor")
	p.equal("source", m.Info.SourceRunID, run.ID)
	p.equal("tags", values(m.Info.Tags), map[string]string{"k": "v"})
	p.equal("params", settings(m.Data.Params), map[string]string{"depth": "3"})
	p.equal("metrics", len(m.Data.Metrics), 0)
	if !strings.HasSuffix(m.Info.ArtifactURI, "/"+run.ExperimentID+"/models/"+m.Info.ID+"/artifacts") {
		p.Errorf("artifacts lie in %s", m.Info.ArtifactURI)
	}
	p.equal("last change", m.Info.LastUpdatedTime, m.Info.CreationTime)
}

func loggedModelNames(p *probe) {
	experiment := p.experiment()
	if name := p.readModel(p.loggedModel(experiment, "")).Info.Name; strings.Count(name, "-") != 2 {
		p.Errorf("random name %q", name)
	}
	for name, shown := range map[string]string{"a/b": "'a/b'", "a:b": "'a:b'", "a.b": "'a.b'", "a%b": "'a%b'", `a"b`: `'a"b'`, "a'b": `"a'b"`} {
		_, err := p.CreateLoggedModel(p.Context(), mlflow.NewLoggedModel{ExperimentID: experiment, Name: name})
		p.refused(err, mlflow.InvalidParameterValue, "Invalid model name ("+shown+
			`) provided. Model name must be a non-empty string and cannot contain the following characters: ('/', ':', '.', '%', '"', "'")`)
	}
	p.must(p.DeleteExperiment(p.Context(), experiment))
	_, err := p.CreateLoggedModel(p.Context(), mlflow.NewLoggedModel{ExperimentID: experiment})
	p.refused(err, mlflow.InvalidParameterValue, "The experiment "+experiment+" must be in the 'active' state. Current state is deleted.")
}

func missingLoggedModels(p *probe) {
	const missing = "m-0123456789abcdef0123456789abcdef"
	const text = "Logged model with ID '" + missing + "' not found."
	_, err := p.GetLoggedModel(p.Context(), missing)
	p.refused(err, mlflow.ResourceDoesNotExist, text)
	_, err = p.FinalizeLoggedModel(p.Context(), missing, mlflow.ModelReady)
	p.refused(err, mlflow.ResourceDoesNotExist, text)
	_, err = p.SetLoggedModelTags(p.Context(), missing, []mlflow.Tag{{Key: "k", Value: "v"}})
	p.refused(err, mlflow.ResourceDoesNotExist, text)
	p.refused(p.DeleteLoggedModel(p.Context(), missing), mlflow.ResourceDoesNotExist, text)
	p.refused(p.DeleteLoggedModelTag(p.Context(), missing, "k"), mlflow.ResourceDoesNotExist, text)
	p.refused(p.LogLoggedModelParams(p.Context(), missing, []mlflow.Param{{Key: "k", Value: "v"}}), mlflow.ResourceDoesNotExist, text)
}

func finalizeLoggedModel(p *probe) {
	id := p.loggedModel(p.experiment(), "forest")
	for _, status := range []mlflow.ModelStatus{mlflow.ModelReady, mlflow.ModelFailed} {
		m, err := p.FinalizeLoggedModel(p.Context(), id, status)
		p.must(err)
		p.equal("the answer", m.Info.Status, status)
		p.equal("status", p.readModel(id).Info.Status, status)
	}
}

func loggedModelTags(p *probe) {
	id := p.loggedModel(p.experiment(), "forest")
	_, err := p.SetLoggedModelTags(p.Context(), id, []mlflow.Tag{{Key: "a", Value: "1"}, {Key: "b", Value: "2"}})
	p.must(err)
	_, err = p.SetLoggedModelTags(p.Context(), id, []mlflow.Tag{{Key: "b", Value: "3"}, {Key: "b", Value: "4"}})
	p.must(err)
	p.equal("tags", values(p.readModel(id).Info.Tags), map[string]string{"a": "1", "b": "4"})
	p.must(p.DeleteLoggedModelTag(p.Context(), id, "a"))
	p.equal("tags", values(p.readModel(id).Info.Tags), map[string]string{"b": "4"})
	p.refused(p.DeleteLoggedModelTag(p.Context(), id, "a"), mlflow.ResourceDoesNotExist, "No tag with key 'a' found for model with ID '"+id+"'.")
}

func loggedModelParams(p *probe) {
	id := p.loggedModel(p.experiment(), "forest", mlflow.Param{Key: "a", Value: "1"})
	p.must(p.LogLoggedModelParams(p.Context(), id, []mlflow.Param{{Key: "b", Value: strings.Repeat("x", 7000)}, {Key: "c d/e", Value: ""}}))
	err := p.LogLoggedModelParams(p.Context(), id, []mlflow.Param{{Key: "z", Value: "1"}, {Key: "a", Value: "1"}})
	p.equal("the code of a param that is there", mlflow.CodeOf(err), mlflow.BadRequest)
	p.equal("params", settings(p.readModel(id).Data.Params), map[string]string{"a": "1", "b": strings.Repeat("x", 7000), "c d/e": ""})
}

func loggedModelMetrics(p *probe) {
	run := p.run()
	id := p.loggedModel(run.ExperimentID, "forest")
	of := metric("rmse", 2.5, 3)
	of.ModelID, of.DatasetName, of.DatasetDigest = id, "test", "d1"
	p.must(p.LogMetric(p.Context(), run.ID, of))
	p.must(p.LogBatch(p.Context(), run.ID, mlflow.Batch{Metrics: []mlflow.Metric{of}}))
	of.RunID = run.ID
	p.equal("metrics of the model", p.readModel(id).Data.Metrics, []mlflow.Metric{of})
	p.equal("metrics of the run", p.newest(run.ID), map[string]float64{"rmse": 2.5})
}

func deleteLoggedModel(p *probe) {
	experiment := p.experiment()
	id := p.loggedModel(experiment, "forest")
	p.must(p.DeleteLoggedModel(p.Context(), id))
	_, err := p.GetLoggedModel(p.Context(), id)
	p.refused(err, mlflow.ResourceDoesNotExist, "Logged model with ID '"+id+"' not found.")
	found, err := p.SearchLoggedModels(p.Context(), mlflow.LoggedModelQuery{ExperimentIDs: []string{experiment}})
	p.must(err)
	p.equal("models that are found", len(found.Items), 0)
}

func searchLoggedModels(p *probe) {
	run := p.run()
	ids := map[string]string{}
	for i, name := range []string{"a", "b", "c"} {
		id := p.loggedModel(run.ExperimentID, name, mlflow.Param{Key: "depth", Value: name})
		m := metric("rmse", float64(3-i), 0)
		m.ModelID = id
		p.logMetrics(run.ID, m)
		ids[id] = name
	}
	find := func(filter string, order ...mlflow.LoggedModelOrder) []string {
		return collect(p, func(m mlflow.LoggedModel) string { return ids[m.Info.ID] }, func(token string) (mlflow.Page[mlflow.LoggedModel], error) {
			return p.SearchLoggedModels(p.Context(), mlflow.LoggedModelQuery{ExperimentIDs: []string{run.ExperimentID}, Filter: filter, OrderBy: order, MaxResults: 2, PageToken: token})
		})
	}
	up, down := true, false
	byName := mlflow.LoggedModelOrder{Field: "name", Ascending: &up}
	p.equal("by name", find("", byName), []string{"a", "b", "c"})
	p.equal("by name, downwards", find("", mlflow.LoggedModelOrder{Field: "name", Ascending: &down}), []string{"c", "b", "a"})
	p.equal("by metric", find("", mlflow.LoggedModelOrder{Field: "metrics.rmse", Ascending: &up}), []string{"c", "b", "a"})
	p.equal("of a name", find("name = 'b'", byName), []string{"b"})
	p.equal("of a param", find("params.depth != 'b'", byName), []string{"a", "c"})
	p.equal("of a metric", find("metrics.rmse >= 2 AND name LIKE '%'", byName), []string{"a", "b"})
}
