package sqlstore

import (
	"context"
	"database/sql"

	"github.com/salesctl/salesctl/pkg/mlflow"
)

const (
	datasetContext    = "mlflow.data.context" // the tag of an input that says what a dataset was for
	maxDatasets       = 1000                  // summaries of one search
	maxDatasetOrigins = 20                    // experiments of one search
)

// SearchDatasets returns the datasets that runs of the experiments read, each once
// for each context.
func (s *Store) SearchDatasets(ctx context.Context, experimentIDs []string) (out []mlflow.DatasetSummary, err error) {
	switch n := len(experimentIDs); {
	case n == 0:
		return nil, mlflow.Errorf(mlflow.InvalidParameterValue, "SearchDatasets request must specify at least one experiment_id.")
	case n > maxDatasetOrigins:
		return nil, mlflow.Errorf(mlflow.InvalidParameterValue, "SearchDatasets request cannot specify more than %d experiment_ids. Received %d experiment_ids.", maxDatasetOrigins, n)
	}
	ids, err := experimentNumbers(experimentIDs)
	if err != nil {
		return nil, err
	}
	err = s.read(ctx, func(t tx) error {
		here, args := t.inside("d", append([]any{datasetContext}, anys(ids)...)...)
		out, err = all(t, scanSummary, "SELECT DISTINCT d.experiment_id, d.name, d.digest, x.value FROM datasets d"+
			" JOIN inputs i ON i.source_type = 'DATASET' AND i.source_id = d.dataset_uuid"+
			" LEFT JOIN input_tags x ON x.input_uuid = i.input_uuid AND x.name = ?"+
			" WHERE d.experiment_id IN "+marks(len(ids))+here+
			" ORDER BY d.experiment_id, d.name, d.digest, x.value LIMIT ?", // sorted, so that the limit leaves out the same ones each time
			append(args, maxDatasets)...)
		return err
	})
	return out, err
}

func scanSummary(r scanner) (d mlflow.DatasetSummary, err error) {
	var context sql.NullString
	err = r.Scan(&d.ExperimentID, &d.Name, &d.Digest, &context)
	d.Context = context.String
	return d, err
}
