package sqlstore

import (
	"context"

	"github.com/salesctl/salesctl/pkg/mlflow"
)

var _ mlflow.RunLinks = (*Store)(nil)

// The table inputs joins runs with what they read and made. An edge to a dataset
// points at the run, an edge to a logged model away from it.
const insertEdge = "INSERT INTO inputs (input_uuid, source_type, source_id, destination_type, destination_id, step)"

const edgeKey = "source_type, source_id, destination_type, destination_id"

// LogInputs joins an active run with datasets, which exist once an experiment,
// and with logged models.
func (s *Store) LogInputs(ctx context.Context, runID string, datasets []mlflow.DatasetInput, models []mlflow.ModelInput) error {
	err := checkRunID(runID)
	if err == nil {
		err = checkDatasets(datasets)
	}
	if err != nil {
		return err
	}
	return s.log(ctx, runID, func(t tx, run mlflow.RunInfo) error {
		for _, d := range datasets {
			if err := t.logDataset(run, d); err != nil {
				return err
			}
		}
		var values []any
		for _, m := range models {
			values = append(values, newID(), "RUN_INPUT", run.ID, "MODEL_INPUT", m.ModelID, 0)
		}
		return t.insert(insertEdge, 6, t.onTaken(edgeKey, "input_uuid"), values)
	})
}

// logDataset joins a run with a dataset, unless they are; then nothing changes.
func (t tx) logDataset(run mlflow.RunInfo, in mlflow.DatasetInput) error {
	d := in.Dataset
	_, err := t.exec("INSERT INTO datasets (dataset_uuid, experiment_id, name, digest, dataset_source_type, dataset_source, dataset_schema, dataset_profile) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"+
		t.onTaken("experiment_id, name, digest"), newID(), run.ExperimentID, d.Name, d.Digest, d.SourceType, d.Source, null(d.Schema), null(d.Profile))
	if err != nil {
		return err
	}
	dataset, _, err := one(t, text, "SELECT dataset_uuid FROM datasets WHERE experiment_id = ? AND name = ? AND digest = ?", run.ExperimentID, d.Name, d.Digest)
	if err != nil {
		return err
	}
	edge := newID()
	err = t.insert(insertEdge, 6, t.onTaken(edgeKey), []any{edge, "DATASET", dataset, "RUN", run.ID, 0})
	if err != nil {
		return err
	}
	_, ours, err := one(t, text, "SELECT input_uuid FROM inputs WHERE input_uuid = ?", edge)
	if err != nil || !ours {
		return err
	}
	var values []any
	for _, tag := range in.Tags {
		values = append(values, edge, tag.Key, tag.Value)
	}
	return t.insert("INSERT INTO input_tags (input_uuid, name, value)", 3, t.onTaken("input_uuid, name", "value"), values)
}

// LogOutputs joins an active run with logged models that it made, each once.
func (s *Store) LogOutputs(ctx context.Context, runID string, models []mlflow.ModelOutput) error {
	return s.log(ctx, runID, func(t tx, run mlflow.RunInfo) error {
		_, have, err := t.modelLinks(run.ID)
		if err != nil {
			return err
		}
		seen := map[string]bool{}
		for _, m := range have {
			seen[m.ModelID] = true
		}
		var values []any
		for _, m := range models {
			if seen[m.ModelID] {
				return mlflow.Errorf(mlflow.BadRequest, "(sqlite3.IntegrityError) UNIQUE constraint failed: inputs.source_type, inputs.source_id, inputs.destination_type, inputs.destination_id")
			}
			seen[m.ModelID] = true
			values = append(values, newID(), "RUN_OUTPUT", run.ID, "MODEL_OUTPUT", m.ModelID, m.Step)
		}
		return t.insert(insertEdge, 6, "", values)
	})
}

// runLinks returns what a run read and made.
func (t tx) runLinks(runID string) (in mlflow.RunInputs, out mlflow.RunOutputs, err error) {
	if in.Datasets, err = t.datasets(runID); err == nil {
		in.Models, out.Models, err = t.modelLinks(runID)
	}
	return in, out, err
}

// datasetRow is a dataset with one of the tags of its edge, if it has any.
type datasetRow struct {
	edge string
	mlflow.Dataset
	key, value *string
}

func scanDataset(r scanner) (d datasetRow, err error) {
	err = r.Scan(&d.edge, &d.Name, &d.Digest, &d.SourceType, &d.Source, &d.Schema, &d.Profile, &d.key, &d.value)
	return d, err
}

func (t tx) datasets(runID string) ([]mlflow.DatasetInput, error) {
	rows, err := all(t, scanDataset, "SELECT i.input_uuid, d.name, d.digest, d.dataset_source_type, d.dataset_source, COALESCE(d.dataset_schema, ''), COALESCE(d.dataset_profile, ''), t.name, t.value FROM inputs i JOIN datasets d ON d.dataset_uuid = i.source_id LEFT JOIN input_tags t ON t.input_uuid = i.input_uuid WHERE i.destination_type = 'RUN' AND i.destination_id = ? AND i.source_type = 'DATASET'", runID)
	if err != nil {
		return nil, err
	}
	var inputs []mlflow.DatasetInput
	at := make(map[string]int, len(rows))
	for _, r := range rows {
		i, ok := at[r.edge]
		if !ok {
			i = len(inputs)
			at[r.edge] = i
			inputs = append(inputs, mlflow.DatasetInput{Dataset: r.Dataset})
		}
		if r.key != nil {
			inputs[i].Tags = append(inputs[i].Tags, mlflow.Tag{Key: *r.key, Value: *r.value})
		}
	}
	return inputs, nil
}

// edge is one row of the table inputs that leads to a logged model.
type edge struct {
	kind, model string
	step        int64
}

func scanEdge(r scanner) (e edge, err error) {
	err = r.Scan(&e.kind, &e.model, &e.step)
	return e, err
}

func (t tx) modelLinks(runID string) (in []mlflow.ModelInput, out []mlflow.ModelOutput, err error) {
	edges, err := all(t, scanEdge, "SELECT destination_type, destination_id, step FROM inputs WHERE source_type IN ('RUN_INPUT', 'RUN_OUTPUT') AND source_id = ?", runID)
	for _, e := range edges {
		switch e.kind {
		case "MODEL_INPUT":
			in = append(in, mlflow.ModelInput{ModelID: e.model})
		case "MODEL_OUTPUT":
			out = append(out, mlflow.ModelOutput{ModelID: e.model, Step: e.step})
		}
	}
	return in, out, err
}
