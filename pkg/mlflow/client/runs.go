package client

import (
	"context"
	"net/url"
	"strconv"

	"github.com/salesctl/salesctl/pkg/mlflow"
)

// maxIntervalRuns is how many runs one question for values of a metric takes.
const maxIntervalRuns = 100

type runAnswer struct {
	Run mlflow.Run `json:"run"`
}

// CreateRun adds a run. The server chooses its ID.
func (c *Client) CreateRun(ctx context.Context, r mlflow.NewRun) (mlflow.Run, error) {
	a, err := add[runAnswer](ctx, c, "runs/create", r)
	return a.Run, err
}

// GetRun finds a run, also a deleted one.
func (c *Client) GetRun(ctx context.Context, id string) (mlflow.Run, error) {
	a, err := get[runAnswer](ctx, c, "runs/get", url.Values{"run_id": {id}})
	return a.Run, err
}

// UpdateRun changes status, end or name.
func (c *Client) UpdateRun(ctx context.Context, u mlflow.RunUpdate) (mlflow.RunInfo, error) {
	a, err := post[struct {
		Info mlflow.RunInfo `json:"run_info"`
	}](ctx, c, "runs/update", u)
	return a.Info, err
}

// DeleteRun deletes a run.
func (c *Client) DeleteRun(ctx context.Context, id string) error {
	_, err := post[none](ctx, c, "runs/delete", object{"run_id": id})
	return err
}

// RestoreRun brings a deleted run back.
func (c *Client) RestoreRun(ctx context.Context, id string) error {
	_, err := post[none](ctx, c, "runs/restore", object{"run_id": id})
	return err
}

// LogMetric adds a value of a metric.
func (c *Client) LogMetric(ctx context.Context, runID string, m mlflow.Metric) error {
	m.RunID = runID
	_, err := post[none](ctx, c, "runs/log-metric", m)
	return err
}

// LogParam sets a param, which then never changes.
func (c *Client) LogParam(ctx context.Context, runID string, p mlflow.Param) error {
	_, err := post[none](ctx, c, "runs/log-parameter", object{"run_id": runID, "key": p.Key, "value": p.Value})
	return err
}

// SetTag writes a tag.
func (c *Client) SetTag(ctx context.Context, runID string, t mlflow.Tag) error {
	_, err := post[none](ctx, c, "runs/set-tag", object{"run_id": runID, "key": t.Key, "value": t.Value})
	return err
}

// DeleteTag removes a tag.
func (c *Client) DeleteTag(ctx context.Context, runID, key string) error {
	_, err := post[none](ctx, c, "runs/delete-tag", object{"run_id": runID, "key": key})
	return err
}

// LogBatch logs metrics, params and tags. What is beyond the limits of one
// request goes in several, each of which is logged as a whole or not at all.
func (c *Client) LogBatch(ctx context.Context, runID string, b mlflow.Batch) error {
	if len(b.Metrics)+len(b.Params)+len(b.Tags) == 0 {
		return c.logBatch(ctx, runID, b) // the server checks the run
	}
	for chunk := range b.Chunks() {
		if err := c.logBatch(ctx, runID, chunk); err != nil {
			return err
		}
	}
	return nil
}

func (c *Client) logBatch(ctx context.Context, runID string, b mlflow.Batch) error {
	_, err := post[none](ctx, c, "runs/log-batch", struct {
		RunID string `json:"run_id"`
		mlflow.Batch
	}{runID, b})
	return err
}

// LogInputs says which datasets and logged models the run read.
func (c *Client) LogInputs(ctx context.Context, runID string, datasets []mlflow.DatasetInput, models []mlflow.ModelInput) error {
	_, err := post[none](ctx, c, "runs/log-inputs", struct {
		RunID    string                `json:"run_id"`
		Datasets []mlflow.DatasetInput `json:"datasets,omitempty"`
		Models   []mlflow.ModelInput   `json:"models,omitempty"`
	}{runID, datasets, models})
	return err
}

// LogOutputs says which logged models the run made.
func (c *Client) LogOutputs(ctx context.Context, runID string, models []mlflow.ModelOutput) error {
	_, err := post[none](ctx, c, "runs/outputs", object{"run_id": runID, "models": models})
	return err
}

// SearchRuns returns a page of runs.
func (c *Client) SearchRuns(ctx context.Context, q mlflow.RunQuery) (mlflow.Page[mlflow.Run], error) {
	a, err := post[struct {
		Runs []mlflow.Run `json:"runs"`
		Next string       `json:"next_page_token"`
	}](ctx, c, "runs/search", q)
	return mlflow.Page[mlflow.Run]{Items: a.Runs, Next: a.Next}, err
}

type metricsAnswer struct {
	Metrics []mlflow.Metric `json:"metrics"`
	Next    string          `json:"next_page_token"`
}

// MetricHistory returns the values of one metric.
func (c *Client) MetricHistory(ctx context.Context, q mlflow.HistoryQuery) (mlflow.Page[mlflow.Metric], error) {
	query := url.Values{"run_id": {q.RunID}, "metric_key": {q.Key}}
	if q.MaxResults != 0 {
		query.Set("max_results", strconv.Itoa(q.MaxResults))
	}
	if q.PageToken != "" {
		query.Set("page_token", q.PageToken)
	}
	a, err := get[metricsAnswer](ctx, c, "metrics/get-history", query)
	return mlflow.Page[mlflow.Metric]{Items: a.Metrics, Next: a.Next}, err
}

// MetricIntervals returns values of one metric in several runs.
func (c *Client) MetricIntervals(ctx context.Context, q mlflow.IntervalQuery) ([]mlflow.Metric, error) {
	query := url.Values{"metric_key": {q.Key}}
	if q.StartStep != nil {
		query.Set("start_step", strconv.FormatInt(*q.StartStep, 10))
	}
	if q.EndStep != nil {
		query.Set("end_step", strconv.FormatInt(*q.EndStep, 10))
	}
	if q.MaxResults != 0 {
		query.Set("max_results", strconv.Itoa(q.MaxResults))
	}
	var all []mlflow.Metric
	for ids := range atMost(q.RunIDs, maxIntervalRuns) {
		query["run_ids"] = ids
		a, err := get[metricsAnswer](ctx, c, "metrics/get-history-bulk-interval", query)
		if err != nil {
			return nil, err
		}
		all = append(all, a.Metrics...)
	}
	return all, nil
}
