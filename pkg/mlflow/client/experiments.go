package client

import (
	"cmp"
	"context"
	"net/url"
	"slices"

	"github.com/salesctl/salesctl/pkg/mlflow"
)

// maxDatasetExperiments is how many experiments one search for datasets takes.
const maxDatasetExperiments = 20

type experimentAnswer struct {
	Experiment mlflow.Experiment `json:"experiment"`
}

// CreateExperiment adds an experiment and returns its id.
func (c *Client) CreateExperiment(ctx context.Context, e mlflow.NewExperiment) (string, error) {
	a, err := add[struct {
		ID string `json:"experiment_id"`
	}](ctx, c, "experiments/create", e)
	return a.ID, err
}

// GetExperiment finds an experiment, also a deleted one.
func (c *Client) GetExperiment(ctx context.Context, id string) (mlflow.Experiment, error) {
	a, err := get[experimentAnswer](ctx, c, "experiments/get", url.Values{"experiment_id": {id}})
	return a.Experiment, err
}

// GetExperimentByName finds an experiment, also a deleted one.
func (c *Client) GetExperimentByName(ctx context.Context, name string) (mlflow.Experiment, error) {
	a, err := get[experimentAnswer](ctx, c, "experiments/get-by-name", url.Values{"experiment_name": {name}})
	return a.Experiment, err
}

// RenameExperiment gives an experiment another name.
func (c *Client) RenameExperiment(ctx context.Context, id, name string) error {
	_, err := post[none](ctx, c, "experiments/update", object{"experiment_id": id, "new_name": name})
	return err
}

// SetExperimentTag writes a tag.
func (c *Client) SetExperimentTag(ctx context.Context, id string, t mlflow.Tag) error {
	_, err := post[none](ctx, c, "experiments/set-experiment-tag", object{"experiment_id": id, "key": t.Key, "value": t.Value})
	return err
}

// DeleteExperimentTag removes a tag.
func (c *Client) DeleteExperimentTag(ctx context.Context, id, key string) error {
	_, err := post[none](ctx, c, "experiments/delete-experiment-tag", object{"experiment_id": id, "key": key})
	return err
}

// DeleteExperiment deletes an experiment and its runs.
func (c *Client) DeleteExperiment(ctx context.Context, id string) error {
	_, err := post[none](ctx, c, "experiments/delete", object{"experiment_id": id})
	return err
}

// RestoreExperiment brings a deleted experiment back.
func (c *Client) RestoreExperiment(ctx context.Context, id string) error {
	_, err := post[none](ctx, c, "experiments/restore", object{"experiment_id": id})
	return err
}

// SearchExperiments returns a page of experiments.
func (c *Client) SearchExperiments(ctx context.Context, q mlflow.ExperimentQuery) (mlflow.Page[mlflow.Experiment], error) {
	q.MaxResults = cmp.Or(q.MaxResults, mlflow.MaxSearchPage) // the server has no default
	a, err := post[struct {
		Experiments []mlflow.Experiment `json:"experiments"`
		Next        string              `json:"next_page_token"`
	}](ctx, c, "experiments/search", q)
	return mlflow.Page[mlflow.Experiment]{Items: a.Experiments, Next: a.Next}, err
}

// SearchDatasets returns the datasets that runs of the experiments read. MLflow
// answers it to its web pages only, below their prefix.
func (c *Client) SearchDatasets(ctx context.Context, experimentIDs []string) ([]mlflow.DatasetSummary, error) {
	var all []mlflow.DatasetSummary
	for ids := range atMost(experimentIDs, maxDatasetExperiments) {
		a, err := call[struct {
			Datasets []mlflow.DatasetSummary `json:"dataset_summaries"`
		}](ctx, c, request{method: "POST", path: "/ajax-api/2.0/mlflow/experiments/search-datasets", body: object{"experiment_ids": ids}})
		if err != nil {
			return nil, err
		}
		all = append(all, a.Datasets...)
	}
	return all, nil
}

// atMost cuts a list into ones of at most n. Of an empty list it makes one empty
// list, so that the server says what it thinks of it.
func atMost[T any](list []T, n int) func(yield func([]T) bool) {
	if len(list) == 0 {
		return slices.Values([][]T{{}})
	}
	return slices.Chunk(list, n)
}
