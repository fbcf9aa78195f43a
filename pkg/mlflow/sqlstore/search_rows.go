package sqlstore

import (
	"slices"

	"github.com/salesctl/salesctl/pkg/mlflow"
)

// found are rows by their ids, on their way to being whole.
type found[K comparable, V any] map[K]*V

// inOrder returns the rows in the order of their ids.
func (f found[K, V]) inOrder(ids []K) []V {
	out := make([]V, 0, len(ids))
	for _, id := range ids {
		if v, ok := f[id]; ok {
			out = append(out, *v)
		}
	}
	return out
}

// owned is a row whose first column is the id of the row that it belongs to.
type owned[K comparable] struct {
	scanner
	id   K
	dest []any
}

// Scan reads the other columns.
func (o *owned[K]) Scan(dest ...any) error {
	o.dest = append(append(o.dest[:0], &o.id), dest...)
	return o.scanner.Scan(o.dest...)
}

// gather adds what a query finds to the rows that it belongs to, which its first
// column names.
func gather[K comparable, V, T any](t tx, rows found[K, V], scan func(scanner) (T, error), add func(*V, T), query string, args ...any) error {
	var row owned[K]
	_, err := all(t, func(r scanner) (struct{}, error) {
		row.scanner = r
		item, err := scan(&row)
		if owner, ok := rows[row.id]; ok && err == nil {
			add(owner, item)
		}
		return struct{}{}, err
	}, query, args...)
	return err
}

// runs returns whole runs in the order of their ids, but without the logged models
// that they read: those MLflow's searches leave out.
func (t tx) runs(ids []string) ([]mlflow.Run, error) {
	rows := make(found[string, mlflow.Run], len(ids))
	for part := range slices.Chunk(ids, rowsAtOnce) {
		if err := t.collectRuns(rows, part); err != nil {
			return nil, err
		}
	}
	for _, r := range rows {
		if r.Info.Name == "" {
			r.Info.Name = r.Data.Tag(runName)
		}
	}
	return rows.inOrder(ids), nil
}

// collectRuns adds a few runs to rows, with one query a table.
func (t tx) collectRuns(rows found[string, mlflow.Run], ids []string) error {
	these, args := " IN "+marks(len(ids)), anys(ids)
	infos, err := all(t, scanRunInfo, "SELECT "+runInfoColumns+" FROM runs r WHERE r.run_uuid"+these, args...)
	if err != nil {
		return err
	}
	for _, i := range infos {
		rows[i.ID] = &mlflow.Run{Info: i}
	}
	err = gather(t, rows, scanMetric, func(r *mlflow.Run, m mlflow.Metric) { r.Data.Metrics = append(r.Data.Metrics, m) },
		"SELECT run_uuid, `key`, value, COALESCE(timestamp, 0), step, is_nan FROM latest_metrics WHERE run_uuid"+these, args...)
	if err != nil {
		return err
	}
	err = gather(t, rows, scanParam, func(r *mlflow.Run, p mlflow.Param) { r.Data.Params = append(r.Data.Params, p) },
		"SELECT run_uuid, `key`, value FROM params WHERE run_uuid"+these, args...)
	if err != nil {
		return err
	}
	err = gather(t, rows, scanTag, func(r *mlflow.Run, tag mlflow.Tag) { r.Data.Tags = append(r.Data.Tags, tag) },
		"SELECT run_uuid, `key`, COALESCE(value, '') FROM tags WHERE run_uuid"+these, args...)
	if err != nil {
		return err
	}
	return t.collectLinks(rows, these, args)
}

// collectLinks adds the datasets that runs read, and the logged models that they
// made.
func (t tx) collectLinks(rows found[string, mlflow.Run], these string, args []any) error {
	at := map[string]int{} // edges by their place in their run
	err := gather(t, rows, scanDataset, func(r *mlflow.Run, d datasetRow) {
		list := &r.Inputs.Datasets
		i, ok := at[d.edge]
		if !ok {
			i = len(*list)
			at[d.edge] = i
			*list = append(*list, mlflow.DatasetInput{Dataset: d.Dataset})
		}
		if d.key != nil {
			(*list)[i].Tags = append((*list)[i].Tags, mlflow.Tag{Key: *d.key, Value: *d.value})
		}
	}, "SELECT i.destination_id, i.input_uuid, d.name, d.digest, d.dataset_source_type, d.dataset_source, COALESCE(d.dataset_schema, ''), COALESCE(d.dataset_profile, ''), t.name, t.value"+
		" FROM inputs i JOIN datasets d ON d.dataset_uuid = i.source_id LEFT JOIN input_tags t ON t.input_uuid = i.input_uuid"+
		" WHERE i.destination_type = 'RUN' AND i.destination_id"+these, args...)
	if err != nil {
		return err
	}
	return gather(t, rows, scanEdge, func(r *mlflow.Run, e edge) {
		r.Outputs.Models = append(r.Outputs.Models, mlflow.ModelOutput{ModelID: e.model, Step: e.step})
	}, "SELECT source_id, destination_type, destination_id, step FROM inputs WHERE source_type = 'RUN_OUTPUT' AND destination_type = 'MODEL_OUTPUT' AND source_id"+these, args...)
}

// experiments returns whole experiments in the order of their ids.
func (t tx) experiments(ids []int64) ([]mlflow.Experiment, error) {
	rows := make(found[int64, mlflow.Experiment], len(ids))
	add := func(e *mlflow.Experiment, tag mlflow.Tag) { e.Tags = append(e.Tags, tag) }
	for part := range slices.Chunk(ids, rowsAtOnce) {
		these, args := " WHERE experiment_id IN "+marks(len(part)), anys(part)
		list, err := all(t, scanExperiment, experimentColumns+these, args...)
		if err != nil {
			return nil, err
		}
		for i := range list {
			n, err := experimentNumber(list[i].ID)
			if err != nil {
				return nil, err
			}
			rows[n] = &list[i]
		}
		if err := gather(t, rows, scanTag, add, "SELECT experiment_id, `key`, COALESCE(value, '') FROM experiment_tags"+these+" ORDER BY experiment_id, `key`", args...); err != nil {
			return nil, err
		}
	}
	return rows.inOrder(ids), nil
}
