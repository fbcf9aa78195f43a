package sqlstore

import (
	"context"
	"slices"
	"strconv"

	"github.com/salesctl/salesctl/pkg/mlflow"
	"github.com/salesctl/salesctl/pkg/mlflow/filter"
)

var _ mlflow.Search = (*Store)(nil)

// runColumns are the columns of runs by the names of attributes.
var runColumns = map[string]string{
	"run_id": "r.run_uuid", "run_name": "r.name", "user_id": "r.user_id", "status": "r.status",
	"start_time": "r.start_time", "end_time": "r.end_time", "artifact_uri": "r.artifact_uri",
}

// The tables that hold what was logged into runs.
var runTables = map[filter.Entity]string{filter.Metric: "latest_metrics", filter.Param: "params", filter.Tag: "tags"}

// SearchRuns returns runs of experiments. Without an order the newest come first.
func (s *Store) SearchRuns(ctx context.Context, q mlflow.RunQuery) (p mlflow.Page[mlflow.Run], err error) {
	limit, err := size(q.MaxResults, mlflow.DefaultSearchRuns)
	if err != nil {
		return p, err
	}
	sel, err := s.runSelection(q)
	if err != nil {
		return p, err
	}
	err = s.read(ctx, func(t tx) error {
		keys, err := search(t, sel, text, limit, q.PageToken)
		if err != nil {
			return err
		}
		p.Next = keys.Next
		p.Items, err = t.runs(keys.Items)
		return err
	})
	return p, err
}

// runSelection turns a query into SQL.
func (s *Store) runSelection(q mlflow.RunQuery) (*selection, error) {
	stages, err := viewed(q.ViewType)
	if err != nil {
		return nil, err
	}
	conditions, err := filter.Parse(filter.Runs, q.Filter)
	if err != nil {
		return nil, err
	}
	order, err := filter.ParseOrder(filter.Runs, q.OrderBy)
	if err != nil {
		return nil, err
	}
	experiments, err := experimentNumbers(q.ExperimentIDs)
	if err != nil {
		return nil, err
	}
	sel := &selection{dialect: s.db.Dialect(), keys: "r.run_uuid", from: "runs r"}
	among(sel, "r.experiment_id", experiments)
	among(sel, "r.lifecycle_stage", stages)
	equalFirst(conditions)
	for _, c := range conditions {
		sel.runs(c)
	}
	sel.runOrder(order)
	return sel, nil
}

// equalFirst puts the comparisons that few runs pass before the others: SQLite
// asks for each, in this order, only where those before it hold.
func equalFirst(conditions []filter.Comparison) {
	rank := func(c filter.Comparison) int {
		if c.Op == filter.Equal {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(conditions, func(a, b filter.Comparison) int { return rank(a) - rank(b) })
}

// runs keeps the runs for which c holds. A run's name is compared as its tag: the
// column is empty where MLflow 1 wrote the run.
func (s *selection) runs(c filter.Comparison) {
	switch {
	case c.Entity == filter.Attribute && c.Key == "run_name":
		s.runs(filter.Comparison{Entity: filter.Tag, Key: runName, Op: c.Op, Value: c.Value})
		return
	case c.Entity == filter.Attribute:
		one := s.compare(runColumns[c.Key], c)
		s.only(one.sql, one.args...)
		return
	case c.Entity == filter.Dataset:
		s.reads(c)
		return
	}
	table := runTables[c.Entity] + " x"
	found := []condition{when("x.run_uuid = r.run_uuid"), s.equals("x.`key`", c.Key)}
	switch {
	case c.Op == filter.IsNull:
		s.missing(table, found...)
		return
	case c.Op == filter.IsNotNull:
	case c.Entity == filter.Metric:
		found = append(found, s.metric(c))
	default:
		found = append(found, s.compare("x.value", c))
	}
	s.exists(table, found...)
}

// metric compares a metric. NaN, which stands as a zero with a mark, differs from
// every number and compares with none.
func (s *selection) metric(c filter.Comparison) condition {
	one := s.compare("x.value", c)
	if c.Op == filter.NotEqual {
		return when("("+one.sql+" OR x.is_nan = 1)", one.args...)
	}
	return when(one.sql+" AND x.is_nan = 0", one.args...)
}

// reads keeps the runs that read a dataset for which c holds; the context is a
// tag of the reading. To name the type of the source as well would add nothing,
// and lead SQLite to the primary key, of which that alone finds every reading.
func (s *selection) reads(c filter.Comparison) {
	const inputs = "inputs i JOIN datasets d ON d.dataset_uuid = i.source_id"
	found := []condition{when("i.destination_type = 'RUN' AND i.destination_id = r.run_uuid")}
	if c.Key == "context" {
		s.exists(inputs+" JOIN input_tags x ON x.input_uuid = i.input_uuid",
			append(found, when("x.name = ?", datasetContext), s.compare("x.value", c))...)
		return
	}
	s.exists(inputs, append(found, s.compare("d."+c.Key, c))...)
}

// runOrder sorts runs. NaN comes after the numbers and what is missing after NaN,
// in both directions.
func (s *selection) runOrder(order []filter.Order) {
	started := false
	for i, o := range order {
		if o.Entity == filter.Attribute {
			s.nullsLast(runColumns[o.Key], o.Descending)
			started = started || o.Key == "start_time"
			continue
		}
		x := "o" + strconv.Itoa(i+1)
		is := s.equals(x+".`key`", o.Key)
		s.from += " LEFT JOIN " + runTables[o.Entity] + " " + x + " ON " + x + ".run_uuid = r.run_uuid AND " + is.sql
		s.fromArgs = append(s.fromArgs, is.args...)
		if o.Entity != filter.Metric {
			s.nullsLast(x+".value", o.Descending)
			continue
		}
		s.order = append(s.order, "CASE WHEN "+x+".is_nan = 1 THEN 1 WHEN "+x+".value IS NULL THEN 2 ELSE 0 END")
		s.by(x+".value", o.Descending)
	}
	if !started {
		s.by("r.start_time", true)
	}
	s.by("r.run_uuid", false)
}
