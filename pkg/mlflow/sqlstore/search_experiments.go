package sqlstore

import (
	"context"
	"slices"

	"github.com/salesctl/salesctl/pkg/mlflow"
	"github.com/salesctl/salesctl/pkg/mlflow/filter"
)

// SearchExperiments returns experiments. Without an order the newest come first.
func (s *Store) SearchExperiments(ctx context.Context, q mlflow.ExperimentQuery) (p mlflow.Page[mlflow.Experiment], err error) {
	limit, err := size(q.MaxResults, mlflow.MaxSearchPage)
	if err != nil {
		return p, err
	}
	sel, err := s.experimentSelection(q)
	if err != nil {
		return p, err
	}
	choose := func(t tx) (*selection, error) { return sel.limited(t.here("e")), nil }
	return paged(ctx, s, limit, q.PageToken, choose, number, tx.experiments)
}

// experimentSelection turns a query into SQL.
func (s *Store) experimentSelection(q mlflow.ExperimentQuery) (*selection, error) {
	stages, err := viewed(q.ViewType)
	if err != nil {
		return nil, err
	}
	conditions, err := filter.Parse(filter.Experiments, q.Filter)
	if err != nil {
		return nil, err
	}
	order, err := filter.ParseOrder(filter.Experiments, q.OrderBy)
	if err != nil {
		return nil, err
	}
	sel := &selection{dialect: s.db.Dialect(), keys: "e.experiment_id", from: "experiments e"}
	among(sel, "e.lifecycle_stage", stages)
	for _, c := range conditions {
		sel.experiments(c)
	}
	if len(order) == 0 {
		order = []filter.Order{{Key: "creation_time", Descending: true}, {Key: "experiment_id"}}
	}
	for _, o := range order {
		sel.by("e."+o.Key, o.Descending)
	}
	if !slices.ContainsFunc(order, func(o filter.Order) bool { return o.Key == "experiment_id" }) {
		sel.by("e.experiment_id", true)
	}
	return sel, nil
}

// experiments keeps the experiments for which c holds.
func (s *selection) experiments(c filter.Comparison) {
	if c.Entity == filter.Attribute {
		one := s.compare("e."+c.Key, c)
		s.only(one.sql, one.args...)
		return
	}
	s.tagged("experiment_tags x", c, when("x.experiment_id = e.experiment_id"), s.equals("x.`key`", c.Key))
}
