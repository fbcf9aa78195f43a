package sqlstore

import (
	"context"
	"strconv"
	"strings"

	"github.com/salesctl/salesctl/pkg/mlflow"
	"github.com/salesctl/salesctl/pkg/mlflow/filter"
)

// defaultLoggedModels is how many a search returns that does not say it.
const defaultLoggedModels = 50

// SearchLoggedModels returns logged models of experiments that are not deleted.
// Without an order the newest come first.
func (s *Store) SearchLoggedModels(ctx context.Context, q mlflow.LoggedModelQuery) (p mlflow.Page[mlflow.LoggedModel], err error) {
	limit, err := size(q.MaxResults, defaultLoggedModels)
	if err != nil {
		return p, err
	}
	sel, err := s.modelSelection(q)
	if err != nil {
		return p, err
	}
	choose := func(t tx) (*selection, error) { return sel.limited(t.inside("m")), nil }
	return paged(ctx, s, limit, q.PageToken, choose, text, tx.loggedModels)
}

// modelSelection turns a query into SQL.
func (s *Store) modelSelection(q mlflow.LoggedModelQuery) (*selection, error) {
	for _, d := range q.Datasets {
		if d.Name == "" {
			return nil, mlflow.Errorf(mlflow.InvalidParameterValue, "`dataset_name` in the `datasets` clause must be specified.")
		}
	}
	conditions, err := filter.Parse(filter.LoggedModels, q.Filter)
	if err != nil {
		return nil, err
	}
	order, err := filter.ParseModelOrder(q.OrderBy)
	if err != nil {
		return nil, err
	}
	experiments, err := experimentNumbers(q.ExperimentIDs)
	if err != nil {
		return nil, err
	}
	sel := &selection{dialect: s.db.Dialect(), keys: "m.model_id", from: "logged_models m"}
	among(sel, "m.experiment_id", experiments)
	sel.only("m.lifecycle_stage != ?", mlflow.Deleted)
	for _, c := range conditions {
		sel.models(c, q.Datasets)
	}
	if len(q.Datasets) > 0 {
		sel.exists("logged_model_metrics x", when("x.model_id = m.model_id"), sel.on(q.Datasets))
	}
	sel.modelOrder(order)
	return sel, nil
}

// models keeps the logged models for which c holds; a metric counts only where it
// was measured on one of the datasets, if any are named.
func (s *selection) models(c filter.Comparison, datasets []mlflow.DatasetRef) {
	of := when("x.model_id = m.model_id")
	switch c.Entity {
	case filter.Attribute:
		one := s.compare("m."+c.Key, c)
		s.only(one.sql, one.args...)
	case filter.Metric:
		found := []condition{of, s.equals("x.metric_name", c.Key), s.compare("x.metric_value", c)}
		if len(datasets) > 0 {
			found = append(found, s.on(datasets))
		}
		s.exists("logged_model_metrics x", found...)
	case filter.Param:
		s.exists("logged_model_params x", of, s.equals("x.param_key", c.Key), s.compare("x.param_value", c))
	case filter.Tag:
		s.exists("logged_model_tags x", of, s.equals("x.tag_key", c.Key), s.compare("x.tag_value", c))
	}
}

// on holds for metrics that were measured on one of the datasets.
func (s *selection) on(datasets []mlflow.DatasetRef) condition {
	texts := make([]string, len(datasets))
	var args []any
	for i, d := range datasets {
		one, values := joined(s.dataset(d))
		texts[i] = one
		args = append(args, values...)
	}
	return when("("+strings.Join(texts, " OR ")+")", args...)
}

// dataset holds for metrics that were measured on one dataset.
func (s *selection) dataset(d mlflow.DatasetRef) []condition {
	var out []condition
	if d.Name != "" {
		out = append(out, s.equals("x.dataset_name", d.Name))
	}
	if d.Digest != "" {
		out = append(out, s.equals("x.dataset_digest", d.Digest))
	}
	return out
}

// modelOrder sorts logged models: by a metric, that is by its newest value, and
// what has none comes last.
func (s *selection) modelOrder(order []filter.ModelOrder) {
	created, id := false, false
	for _, o := range order {
		if o.Entity == filter.Attribute {
			s.nullsLast("m."+o.Key, o.Descending)
			created = created || o.Key == "creation_timestamp_ms"
			id = id || o.Key == "model_id"
			continue
		}
		found := append([]condition{when("x.model_id = m.model_id"), s.equals("x.metric_name", o.Key)}, s.dataset(o.Dataset)...)
		sql, args := joined(found)
		s.values = append(s.values, "(SELECT x.metric_value FROM logged_model_metrics x WHERE "+sql+
			" ORDER BY x.metric_timestamp_ms DESC, x.metric_step DESC, x.run_id LIMIT 1)")
		s.valueArgs = append(s.valueArgs, args...)
		s.nullsLast("o"+strconv.Itoa(len(s.values)), o.Descending)
	}
	if !created {
		s.by("m.creation_timestamp_ms", true)
	}
	if !id {
		s.by("m.model_id", false)
	}
}
