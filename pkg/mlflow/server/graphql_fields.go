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
	return nil, mlflow.Errorf(mlflow.NotImplemented, "This server does not answer '%s'.", f.Name)
}

func (e *execution) getExperiment(q *reader) (any, error) {
	id := q.need("experiment_id").str("experiment_id")
	if q.err != nil {
		return nil, q.err
	}
	x, err := e.h.Tracking.GetExperiment(e.ctx, id)
	return experimentAnswer{newExperiment(e.ctx, x)}, err
}

func (e *execution) getRun(q *reader) (any, error) {
	id := q.runID()
	if q.err != nil {
		return nil, q.err
	}
	run, err := e.h.Tracking.GetRun(e.ctx, id)
	return struct {
		Run mlflow.Run `json:"run"`
	}{run}, err
}

func (e *execution) searchRuns(q *reader) (any, error) {
	query := readRunQuery(q)
	if q.err != nil {
		return nil, q.err
	}
	page, err := e.h.Tracking.SearchRuns(e.ctx, query)
	return struct {
		Runs []mlflow.Run `json:"runs"`
		Next string       `json:"next_page_token"`
	}{page.Items, page.Next}, err
}

func (e *execution) metricIntervals(q *reader) (any, error) {
	query := readIntervals(q)
	if q.err != nil {
		return nil, q.err
	}
	metrics, err := e.h.Tracking.MetricIntervals(e.ctx, query)
	return struct {
		Metrics []mlflow.Metric `json:"metrics"`
	}{metrics}, err
}

func (e *execution) searchVersions(q *reader) (any, error) {
	query := readRegistryQuery(q, mlflow.MaxSearchVersions)
	if q.err != nil {
		return nil, q.err
	}
	page, err := e.h.Registry.SearchModelVersions(e.ctx, query)
	return versionsAnswer{page.Items, page.Next}, err
}

func (e *execution) searchDatasets(q *reader) (any, error) {
	ids := readDatasetQuery(q)
	if q.err != nil {
		return nil, q.err
	}
	found, err := e.h.Tracking.SearchDatasets(e.ctx, ids)
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
