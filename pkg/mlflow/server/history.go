package server

import (
	"net/http"
	"slices"
	"strconv"

	"github.com/salesctl/salesctl/pkg/mlflow"
)

// Limits of the requests for the histories of several runs.
const (
	maxHistoryRuns    = 100
	maxIntervalPoints = 2500 // a run
)

// historyRoutes are the routes that read all values of metrics.
func (h *handler) historyRoutes() []route {
	return slices.Concat(
		api("GET", "/metrics/get-history", h.metricHistory),
		api("GET", "/metrics/get-history-bulk-interval", h.metricIntervals),
		[]route{{"GET", ajaxPath + "/metrics/get-history-bulk", h.metricHistories}},
	)
}

func (h *handler) metricHistory(w http.ResponseWriter, r *http.Request) error {
	q := h.read(w, r)
	id := q.runID()
	n, given := q.int("max_results")
	query := mlflow.HistoryQuery{
		RunID:      id,
		Key:        q.need("metric_key").str("metric_key"),
		PageToken:  q.str("page_token"),
		MaxResults: n,
	}
	if q.err != nil {
		return q.err
	}
	if given && n <= 0 {
		return mlflow.Errorf(mlflow.InvalidParameterValue,
			"Invalid value %d for parameter 'max_results' supplied. It must be a positive integer.", n)
	}
	page, err := h.Tracking.MetricHistory(r.Context(), query)
	if err != nil {
		return err
	}
	return send(w, appendPage("metrics", page, appendMetric))
}

func (h *handler) metricIntervals(w http.ResponseWriter, r *http.Request) error {
	metrics, err := consult(r.Context(), h.read(w, r), readIntervals, h.Tracking.MetricIntervals)
	if err != nil {
		return err
	}
	return send(w, appendPage("metrics", mlflow.Page[mlflow.Metric]{Items: metrics}, appendRunMetric))
}

// readIntervals reads a request for thinned out histories.
func readIntervals(q *reader) mlflow.IntervalQuery {
	query := mlflow.IntervalQuery{RunIDs: q.need("run_ids").strs("run_ids")}
	if n := len(query.RunIDs); n > maxHistoryRuns {
		q.fail(mlflow.Errorf(mlflow.InvalidParameterValue, "GetMetricHistoryBulkInterval request must specify at most %d run_ids."+
			" Received %d run_ids."+seeDocs, maxHistoryRuns, n))
	}
	query.Key = q.need("metric_key").str("metric_key")
	query.StartStep, query.EndStep = q.optional("start_step"), q.optional("end_step")
	n, given := q.int("max_results")
	if given && (n < 1 || n > maxIntervalPoints) {
		q.fail(mlflow.Errorf(mlflow.InvalidParameterValue, "max_results must be between 1 and %d."+seeDocs, maxIntervalPoints))
	}
	query.MaxResults = n
	switch {
	case (query.StartStep == nil) != (query.EndStep == nil):
		q.fail(mlflow.Errorf(mlflow.InvalidParameterValue, "If either start step or end step are specified, both must be specified."))
	case query.StartStep != nil && *query.StartStep > *query.EndStep:
		q.fail(mlflow.Errorf(mlflow.InvalidParameterValue, "end_step must be greater than start_step. "+
			"Found start_step=%d and end_step=%d.", *query.StartStep, *query.EndStep))
	}
	return query
}

// metricHistories answers the page that draws one metric of several runs.
func (h *handler) metricHistories(w http.ResponseWriter, r *http.Request) error {
	args := r.URL.Query()
	runs := args["run_id"]
	switch {
	case len(runs) == 0:
		return mlflow.Errorf(mlflow.InvalidParameterValue, "GetMetricHistoryBulk request must specify at least one run_id.")
	case len(runs) > maxHistoryRuns:
		return mlflow.Errorf(mlflow.InvalidParameterValue, "GetMetricHistoryBulk request cannot specify more than %d run_ids."+
			" Received %d run_ids.", maxHistoryRuns, len(runs))
	case !args.Has("metric_key"):
		return mlflow.Errorf(mlflow.InvalidParameterValue, "GetMetricHistoryBulk request must specify a metric_key.")
	}
	limit := mlflow.MaxHistoryPage // of all runs together, unlike that of the thinned out histories
	if s := args.Get("max_results"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 0 {
			return mlflow.Errorf(mlflow.InvalidParameterValue, "Invalid value \"%s\" for parameter 'max_results' supplied.", s)
		}
		limit = min(n, limit)
	}
	b := append(make([]byte, 0, 4096), `{"metrics":[`...)
	slices.Sort(runs) // MLflow's order, whichever they were asked in
	for _, id := range slices.Compact(runs) {
		if limit == 0 { // a store would take it for no limit
			break
		}
		page, err := h.Tracking.MetricHistory(r.Context(), mlflow.HistoryQuery{RunID: id, Key: args.Get("metric_key"), MaxResults: limit})
		if err != nil {
			return err
		}
		limit -= len(page.Items)
		for i := range page.Items {
			page.Items[i].RunID = id
			if b[len(b)-1] != '[' {
				b = append(b, ',')
			}
			b = appendRunMetric(b, &page.Items[i])
		}
	}
	return send(w, append(b, `]}`...))
}
