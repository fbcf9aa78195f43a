package sqlstore

import (
	"context"
	"slices"
	"strconv"

	"github.com/salesctl/salesctl/pkg/database"
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
	asked, err := parseRuns(q)
	if err != nil {
		return p, err
	}
	choose := func(t tx) (*selection, error) { return t.runSelection(asked) }
	return paged(ctx, s, limit, q.PageToken, choose, text, tx.runs)
}

// runSearch is what a query asks for.
type runSearch struct {
	experiments []int64
	stages      []string
	conditions  []filter.Comparison
	order       []filter.Order
}

func parseRuns(q mlflow.RunQuery) (p runSearch, err error) {
	if p.stages, err = viewed(q.ViewType); err != nil {
		return p, err
	}
	if p.conditions, err = filter.Parse(filter.Runs, q.Filter); err != nil {
		return p, err
	}
	if p.order, err = filter.ParseOrder(filter.Runs, q.OrderBy); err != nil {
		return p, err
	}
	p.experiments, err = experimentNumbers(q.ExperimentIDs)
	equalFirst(p.conditions)
	return p, err
}

// runSelection turns a search into SQL.
func (t tx) runSelection(p runSearch) (*selection, error) {
	first, err := t.rarest(p.conditions)
	if err != nil {
		return nil, err
	}
	s := &selection{dialect: t.dialect, keys: "r.run_uuid", from: "runs r", owner: "r.run_uuid"}
	if first >= 0 { // a CROSS JOIN keeps its order, and conditions on f need no run
		s.from, s.owner = "params f CROSS JOIN runs r", "f.run_uuid"
		s.only("r.run_uuid = f.run_uuid AND f.`key` = ? AND f.value = ?", p.conditions[first].Key, p.conditions[first].Value)
	}
	among(s, "r.experiment_id", p.experiments)
	among(s, "r.lifecycle_stage", p.stages)
	for i, c := range p.conditions {
		if i != first {
			s.runs(c)
		}
	}
	s.runOrder(p.order)
	return s.limited(t.inside("r")), nil
}

// few is up to how many runs with a param are read in place of all runs of the
// experiments.
const few = 1000

// rarest finds the comparison of a param that the fewest runs pass, of all
// experiments; -1 where none is passed by few. SQLite has to be told to begin with
// those runs, since it keeps no account of how often a value stands. MySQL does.
func (t tx) rarest(conditions []filter.Comparison) (at int, err error) {
	at = -1
	if t.dialect != database.SQLite {
		return at, nil
	}
	least := int64(few)
	for i, c := range conditions {
		if c.Entity != filter.Param || c.Op != filter.Equal {
			continue
		}
		n, _, err := one(t, number, "SELECT COUNT(*) FROM (SELECT 1 FROM params WHERE `key` = ? AND value = ? LIMIT ?)", c.Key, c.Value, least)
		if err != nil {
			return -1, err
		}
		if n < least {
			at, least = i, n
		}
	}
	return at, nil
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
	found := []condition{when("x.run_uuid = " + s.owner), s.equals("x.`key`", c.Key)}
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
	found := []condition{when("i.destination_type = 'RUN' AND i.destination_id = " + s.owner)}
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
