package sqlstore

import (
	"context"
	"math"
	"strconv"
	"strings"

	"github.com/salesctl/salesctl/pkg/database"
	"github.com/salesctl/salesctl/pkg/mlflow"
	"github.com/salesctl/salesctl/pkg/mlflow/filter"
)

// maxArguments keeps a query below what SQLite (32,766) and MySQL (65,535) bind.
const maxArguments = 30000

// maxValue is the longest text that is compared: SQLite matches no longer pattern.
const maxValue = 50000

// selection is a search on its way to one query, which returns the keys of the
// rows of a page. Tables beside the first are asked with EXISTS, so that no row
// comes twice, and joined only where the order needs a value of theirs. Every order
// ends with the key: rows that were equal could change places between two pages.
type selection struct {
	dialect database.Dialect
	keys    string   // the columns of a row's key
	values  []string // what the order needs to have calculated, as o1, o2, ...
	from    string
	where   []string
	order   []string
	owner   string // the id that rows of other tables have of the row that they belong to

	valueArgs, fromArgs, whereArgs []any
}

// only keeps the rows for which a condition holds.
func (s *selection) only(condition string, args ...any) {
	s.where = append(s.where, condition)
	s.whereArgs = append(s.whereArgs, args...)
}

// among keeps the rows whose column is one of the values; none of them, no rows.
func among[T any](s *selection, column string, values []T) {
	if len(values) == 0 {
		s.only("1 = 0")
		return
	}
	s.only(column+" IN "+marks(len(values)), anys(values)...)
}

// exists keeps the rows beside which one of another table stands that fulfils all
// conditions. The first ones must be such that an index finds it.
func (s *selection) exists(table string, conditions ...condition) {
	sql, args := joined(conditions)
	s.only("EXISTS (SELECT 1 FROM "+table+" WHERE "+sql+")", args...)
}

// missing keeps the rows beside which none stands.
func (s *selection) missing(table string, conditions ...condition) {
	sql, args := joined(conditions)
	s.only("NOT EXISTS (SELECT 1 FROM "+table+" WHERE "+sql+")", args...)
}

// by sorts by an expression.
func (s *selection) by(expression string, descending bool) {
	if descending {
		expression += " DESC"
	}
	s.order = append(s.order, expression)
}

// nullsLast sorts by an expression in which NULL comes last in both directions.
// Both databases take it for less than every value, so that it is last by itself
// in a descending order, which an index can then serve. For the other one only
// SQLite has words.
func (s *selection) nullsLast(expression string, descending bool) {
	if !descending {
		s.order = append(s.order, "CASE WHEN "+expression+" IS NULL THEN 1 ELSE 0 END")
	}
	s.by(expression, descending)
}

// query returns the query for limit rows after the first start ones.
func (s *selection) query(start, limit int) (string, []any, error) {
	columns := s.keys
	for i, v := range s.values {
		columns += ", " + v + " AS o" + strconv.Itoa(i+1)
	}
	text := "SELECT " + columns + " FROM " + s.from
	if len(s.where) > 0 {
		text += " WHERE " + strings.Join(s.where, " AND ")
	}
	text += " ORDER BY " + strings.Join(s.order, ", ") + " LIMIT ? OFFSET ?"
	args := append(append(append(append([]any{}, s.valueArgs...), s.fromArgs...), s.whereArgs...), limit, start)
	return text, args, affordable(args)
}

// affordable refuses what no database takes.
func affordable(args []any) error {
	if len(args) > maxArguments {
		return mlflow.Errorf(mlflow.InvalidParameterValue, "The search names %d values; at most %d are possible", len(args), maxArguments)
	}
	for _, a := range args {
		if s, ok := a.(string); ok && len(s) > maxValue {
			return mlflow.Errorf(mlflow.InvalidParameterValue, "The search names a value of %d bytes; at most %d are possible", len(s), maxValue)
		}
	}
	return nil
}

// search returns the keys of a page, which scan reads, and the token of the next.
func search[K any](t tx, s *selection, scan func(scanner) (K, error), limit int, token string) (mlflow.Page[K], error) {
	start, err := offset(token)
	if err != nil {
		return mlflow.Page[K]{}, err
	}
	query, args, err := s.query(start, limit+1) // one more tells whether there is a next page
	if err != nil {
		return mlflow.Page[K]{}, err
	}
	keys, err := all(t, passing(scan, len(s.values)), query, args...)
	if err != nil {
		return mlflow.Page[K]{}, err
	}
	return page(keys, start, limit), nil
}

// paged answers a search with a page of whole things: choose tells what it selects,
// scan reads a key, and load reads all that hangs on the keys, as of the same moment.
func paged[K, V any](ctx context.Context, s *Store, limit int, token string, choose func(tx) (*selection, error),
	scan func(scanner) (K, error), load func(tx, []K) ([]V, error)) (p mlflow.Page[V], err error) {
	err = s.read(ctx, func(t tx) error {
		chosen, err := choose(t)
		if err != nil {
			return err
		}
		keys, err := search(t, chosen, scan, limit, token)
		if err != nil {
			return err
		}
		p.Next = keys.Next
		p.Items, err = load(t, keys.Items)
		return err
	})
	return p, err
}

// condition is a piece of SQL with its arguments.
type condition struct {
	sql  string
	args []any
}

func when(sql string, args ...any) condition { return condition{sql, args} }

func joined(conditions []condition) (sql string, args []any) {
	texts := make([]string, len(conditions))
	for i, c := range conditions {
		texts[i] = c.sql
		args = append(args, c.args...)
	}
	return strings.Join(texts, " AND "), args
}

// equals compares a text exactly, as MLflow's keys are compared.
func (s *selection) equals(column, value string) condition {
	return s.text(column, filter.Equal, value)
}

// compare compares a column with the value of a comparison.
func (s *selection) compare(column string, c filter.Comparison) condition {
	switch v := c.Value.(type) {
	case string:
		return s.text(column, c.Op, v)
	case []string:
		return s.list(column, c.Op, v)
	case []int64:
		return when(column+" "+string(c.Op)+" "+marks(len(v)), anys(v)...)
	case float64:
		return s.number(column, c.Op, v)
	}
	return when(column+" "+string(c.Op)+" ?", c.Value)
}

// text compares a text. Case counts, but for ILIKE. To MySQL it does not by
// itself: there the comparison that an index serves comes first, and one of bytes
// follows, or, where characters are matched, their collation does it. In SQLite's
// LIKE it does not either; GLOB is its sister for which it does.
func (s *selection) text(column string, op filter.Op, v string) condition {
	mysql := s.dialect == database.MySQL
	switch {
	case op == filter.ILike:
		return when("LOWER("+column+") LIKE LOWER(?)", v)
	case op == filter.Like && mysql:
		return when(column+" LIKE ? COLLATE utf8mb4_bin", v)
	case op == filter.Like:
		return when(column+" GLOB ?", glob(v))
	case op == filter.NotEqual && mysql:
		return when("("+column+" != ? OR BINARY "+column+" != ?)", v, v)
	case mysql:
		return when("("+column+" "+string(op)+" ? AND BINARY "+column+" "+string(op)+" ?)", v, v)
	}
	return when(column+" "+string(op)+" ?", v)
}

// list compares a text with several.
func (s *selection) list(column string, op filter.Op, values []string) condition {
	if len(values) == 0 { // nothing is in it
		if op == filter.NotIn {
			return when("1 = 1")
		}
		return when("1 = 0")
	}
	if s.dialect == database.MySQL {
		column = "BINARY " + column
	}
	return when(column+" "+string(op)+" "+marks(len(values)), anys(values)...)
}

// number compares a number. Nothing compares with NaN, which SQL does not know;
// MySQL knows no infinity either.
func (s *selection) number(column string, op filter.Op, v float64) condition {
	if math.IsNaN(v) {
		return when("1 = 0")
	}
	if s.dialect == database.MySQL {
		v = max(min(v, math.MaxFloat64), -math.MaxFloat64)
	}
	return when(column+" "+string(op)+" ?", v)
}

// glob writes a pattern of LIKE as one of GLOB.
func glob(like string) string {
	return strings.NewReplacer("%", "*", "_", "?", "*", "[*]", "?", "[?]", "[", "[[]").Replace(like)
}

// passing makes scan pass over the columns that only the order needed.
func passing[K any](scan func(scanner) (K, error), columns int) func(scanner) (K, error) {
	if columns == 0 {
		return scan
	}
	rest := make([]any, columns)
	for i := range rest {
		rest[i] = new(any)
	}
	return func(r scanner) (K, error) { return scan(head{r, rest}) }
}

// head is a row whose last columns nobody reads.
type head struct {
	scanner
	rest []any
}

// Scan reads the first columns.
func (h head) Scan(dest ...any) error { return h.scanner.Scan(append(dest, h.rest...)...) }

// viewed are the lifecycle stages that a view shows.
func viewed(v mlflow.ViewType) ([]string, error) {
	switch v {
	case "", mlflow.ActiveOnly:
		return []string{mlflow.Active}, nil
	case mlflow.DeletedOnly:
		return []string{mlflow.Deleted}, nil
	case mlflow.All:
		return []string{mlflow.Active, mlflow.Deleted}, nil
	}
	return nil, mlflow.Errorf(mlflow.InvalidParameterValue, "Invalid view type '%s'", v)
}

// size checks how many results a search asks for.
func size(asked, standard int) (int, error) {
	const text = "Invalid value %d for parameter 'max_results' supplied. It must be "
	switch {
	case asked == 0:
		return standard, nil
	case asked < 0:
		return 0, mlflow.Errorf(mlflow.InvalidParameterValue, text+"a positive integer", asked)
	case asked > mlflow.MaxSearchRuns:
		return 0, mlflow.Errorf(mlflow.InvalidParameterValue, text+"at most %d", asked, mlflow.MaxSearchRuns)
	}
	return asked, nil
}

// experimentNumbers reads ids of experiments.
func experimentNumbers(ids []string) ([]int64, error) {
	out := make([]int64, len(ids))
	for i, id := range ids {
		n, err := experimentNumber(id)
		if err != nil {
			return nil, err
		}
		out[i] = n
	}
	return out, nil
}

// tagged keeps the rows whose tag fulfils c. found are the conditions that find
// it.
func (s *selection) tagged(table string, c filter.Comparison, found ...condition) {
	switch c.Op {
	case filter.IsNull:
		s.missing(table, found...)
	case filter.IsNotNull:
		s.exists(table, found...)
	default:
		s.exists(table, append(found, s.compare("x.value", c))...)
	}
}
