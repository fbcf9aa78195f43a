package server

import (
	"encoding/json"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/salesctl/salesctl/pkg/mlflow"
)

// resolve answers a root field with the message that the REST API has for it. Its
// input is read by the same rules, too.
func (e *execution) resolve(f *ast.Field) (any, error) {
	arguments := f.ArgumentMap(e.variables)
	input, err := json.Marshal(arguments["input"])
	if err != nil {
		return nil, err
	}
	v, err := parseBody(input)
	if err != nil {
		return nil, err
	}
	q := &reader{v: v}
	switch f.Name {
	case "mlflowGetExperiment":
		return e.getExperiment(q)
	case "mlflowGetRun":
		return e.getRun(q)
	case "mlflowSearchRuns":
		return e.searchRuns(q)
	case "mlflowGetMetricHistoryBulkInterval":
		return e.metricIntervals(q)
	case "mlflowSearchModelVersions":
		return e.searchVersions(q)
	case "mlflowSearchDatasets":
		return e.searchDatasets(q)
	case "mlflowListArtifacts":
		return e.listArtifacts(q)
	case "test", "testMutation": // what clients see whether the graph answers with
		return map[string]any{"output": arguments["inputString"]}, nil
	case "__typename":
		return f.ObjectDefinition.Name, nil
	}
	// __schema and __type, for which tools ask and no page does.
	return nil, mlflow.Errorf(mlflow.NotImplemented, "This server does not answer '%s'.", f.Name)
}

func (e *execution) getExperiment(q *reader) (any, error) {
	x, err := consult(e.ctx, q, readExperimentID, e.h.Tracking.GetExperiment)
	return experimentAnswer{newExperiment(e.ctx, x)}, err
}

func (e *execution) getRun(q *reader) (any, error) {
	run, err := consult(e.ctx, q, (*reader).runID, e.h.Tracking.GetRun)
	return struct {
		Run mlflow.Run `json:"run"`
	}{run}, err
}

func (e *execution) searchRuns(q *reader) (any, error) {
	page, err := consult(e.ctx, q, readRunQuery, e.h.Tracking.SearchRuns)
	return struct {
		Runs []mlflow.Run `json:"runs"`
		Next string       `json:"next_page_token"`
	}{page.Items, page.Next}, err
}

func (e *execution) metricIntervals(q *reader) (any, error) {
	metrics, err := consult(e.ctx, q, readIntervals, e.h.Tracking.MetricIntervals)
	return struct {
		Metrics []mlflow.Metric `json:"metrics"`
	}{metrics}, err
}

func (e *execution) searchVersions(q *reader) (any, error) {
	page, err := consult(e.ctx, q, readRegistryQuery(mlflow.MaxSearchVersions), e.h.Registry.SearchModelVersions)
	return versionsAnswer{page.Items, page.Next}, err
}

func (e *execution) searchDatasets(q *reader) (any, error) {
	found, err := consult(e.ctx, q, readDatasetQuery, e.h.Tracking.SearchDatasets)
	return struct {
		Datasets []mlflow.DatasetSummary `json:"dataset_summaries"`
	}{found}, err
}

func (e *execution) listArtifacts(q *reader) (any, error) {
	id, below := q.runID(), q.str("path")
	if q.err != nil {
		return nil, q.err
	}
	return e.h.runFiles(e.ctx, id, below)
}

// readRunQuery reads a search for runs.
func readRunQuery(q *reader) mlflow.RunQuery {
	return mlflow.RunQuery{
		ExperimentIDs: q.strs("experiment_ids"),
		Filter:        q.str("filter"),
		MaxResults:    q.pageSizeUpTo(mlflow.MaxSearchRuns),
		OrderBy:       q.strs("order_by"),
		PageToken:     q.str("page_token"),
		ViewType:      readView(q, "run_view_type"),
	}
}

// readDatasetQuery reads the experiments of a search for datasets.
func readDatasetQuery(q *reader) []string {
	ids := q.strs("experiment_ids")
	switch {
	case len(ids) == 0:
		q.fail(mlflow.Errorf(mlflow.InvalidParameterValue, "SearchDatasets request must specify at least one experiment_id."))
	case len(ids) > maxDatasetExperiments:
		q.fail(mlflow.Errorf(mlflow.InvalidParameterValue, "SearchDatasets request cannot specify more than %d experiment_ids."+
			" Received %d experiment_ids.", maxDatasetExperiments, len(ids)))
	}
	return ids
}
