package evaluate_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/salesctl/salesctl/pkg/evaluate"
	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/metrics"
	"github.com/salesctl/salesctl/pkg/sales"
	"github.com/salesctl/salesctl/testdata"
)

// TestWalmartNaive holds the two naive forecasts against figures that were
// computed apart from this program, on the 1,287 rows of the Python original:
// WAPE 5.09 % for last week's value, 5.34 % for the same week last year.
func TestWalmartNaive(t *testing.T) {
	p := walmart(t)
	var tested []evaluate.RowID
	for _, r := range records(t, testdata.TestRows) {
		date, err := sales.ParsePeriod(r[1])
		if err != nil {
			t.Fatal(err)
		}
		tested = append(tested, evaluate.RowID{Key: sales.Key{r[0]}, Period: date})
	}
	r, err := evaluate.OneStep(t.Context(), p, nil, tested, evaluate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct {
		model string
		wape  float64
	}{{evaluate.Naive, 5.09}, {evaluate.SeasonalNaive, 5.34}} {
		s := r.Scores[i]
		if s.Model != want.model || s.N != 1287 || math.Abs(s.WAPE-want.wape) > 0.005 {
			t.Errorf("%s: n %d, WAPE %.4f; want %s, 1287, %.2f", s.Model, s.N, s.WAPE, want.model, want.wape)
		}
	}
	want := []string{"rows from 2012-04-13 on that are not tested: 18; they are history for later rows, but nothing is fitted on them"}
	if diff := cmp.Diff(want, r.Warnings); diff != "" {
		t.Error(diff)
	}
	wantStatement := evaluate.Statement{
		Rows:        "1287 rows, answered by all 2 models: 45 series, 29 cutoffs, 2012-04-06 to 2012-10-19; scored 2012-04-13 to 2012-10-26",
		Horizon:     "1 week after the cutoff",
		Information: "fitted up to 2012-04-06; actuals up to the week before each row; the row's own columns, not its target",
	}
	if diff := cmp.Diff(wantStatement, r.Statement); diff != "" {
		t.Error(diff)
	}
}

// TestOneStepPoison changes one number and asserts which forecasts may move:
// those of later periods, for a target; those of later periods and of the very
// row, for the column of a tested row. That the others do move shows that the
// fake would have told.
func TestOneStepPoison(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawPanel(t)
		tested := drawRows(t, p)
		models := []sales.Candidate{sponge{name: "sponge"}}
		before, err := evaluate.OneStep(t.Context(), p, models, tested, evaluate.Options{Jobs: 1})
		if fault.Is(err, fault.Invalid) {
			t.Skip(err)
		}
		if err != nil {
			t.Fatal(err)
		}
		poisoned, at := clone(p), 0
		i := rapid.IntRange(0, len(p.Series)-1).Draw(t, "series")
		s := poisoned.Series[i]
		at = rapid.IntRange(0, s.Len()-1).Draw(t, "at")
		target := rapid.Bool().Draw(t, "target") && !math.IsNaN(s.Target[at])
		if target {
			s.Target[at] += 7
		} else {
			s.Columns[0][at] += 7
		}
		after, err := evaluate.OneStep(t.Context(), poisoned, models, tested, evaluate.Options{Jobs: 2})
		if err != nil {
			t.Fatal(err)
		}
		hit := s.Period(at)
		for j, row := range before.Rows {
			// The fake soaks up the columns of all rows tested at the period.
			own := !target && row.Date == hit && slices.ContainsFunc(before.Rows, func(r evaluate.Row) bool {
				return r.Date == hit && r.Key.Equal(s.Key)
			})
			moved := after.Rows[j].Forecast != row.Forecast
			if moved && row.Date <= hit && !own {
				t.Fatalf("%s %s of %s moved with %s %s (target %v)", row.Key, row.Date, row.Model, s.Key, hit, target)
			}
			if !moved && row.Model == "sponge" && (target && row.Date > hit || own) {
				t.Fatalf("%s %s did not move with %s %s (target %v): the fake is no witness", row.Key, row.Date, s.Key, hit, target)
			}
		}
	})
}

// drawRows draws tested rows of the later half of the panel.
func drawRows(t *rapid.T, p sales.Panel) []evaluate.RowID {
	var rows []evaluate.RowID
	for range rapid.IntRange(1, 12).Draw(t, "rows") {
		s := p.Series[rapid.IntRange(0, len(p.Series)-1).Draw(t, "key")]
		at := rapid.IntRange(s.Len()/2, s.Len()-1).Draw(t, "row")
		rows = append(rows, evaluate.RowID{Key: s.Key, Period: s.Period(at)})
	}
	return rows
}

// TestOneStepAgainstBruteForce writes the naive forecast out: the newest actual
// before each tested row.
func TestOneStepAgainstBruteForce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawPanel(t)
		tested := drawRows(t, p)
		first := tested[0].Period
		for _, r := range tested {
			first = min(first, r.Period)
		}
		var want []evaluate.Row
		for date := first; date <= week(60); date = weekly.Add(date, 1) {
			for _, s := range p.Series {
				row := evaluate.RowID{Key: s.Key, Period: date}
				if !slices.ContainsFunc(tested, func(r evaluate.RowID) bool { return cmp.Equal(r, row) }) || math.IsNaN(s.At(date)) {
					continue
				}
				last := weekly.Add(date, -1)
				for last >= s.Start && math.IsNaN(s.At(last)) {
					last = weekly.Add(last, -1)
				}
				if s.Until(weekly.Add(first, -1)).Actuals() > 0 {
					want = append(want, evaluate.Row{
						Model: evaluate.Naive, Key: s.Key, Cutoff: weekly.Add(date, -1), Date: date, Horizon: 1,
						Actual: s.At(date), Forecast: s.At(last), Scale: metrics.Scale(s.Until(weekly.Add(first, -1)).Target, 52),
					})
				}
			}
		}
		r, err := evaluate.OneStep(t.Context(), p, nil, tested, evaluate.Options{})
		if len(want) == 0 {
			if !fault.Is(err, fault.Invalid) {
				t.Fatalf("nothing to score, error %v", err)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, r.Rows[:len(r.Rows)/2]); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestOneStepRefusals(t *testing.T) {
	p := lay(ramp(1, 20), ramp(5, 20))
	row := func(store, i int) []evaluate.RowID { return []evaluate.RowID{{Key: key(store), Period: week(i)}} }
	for name, c := range map[string]struct {
		tested []evaluate.RowID
		models []sales.Candidate
		says   string
	}{
		"no rows":     {nil, nil, "there are no test rows"},
		"no period":   {[]evaluate.RowID{{Key: key(1), Period: week(9) - 1}}, nil, "test row 1 2010-04-08 is not the end of a week (W-FRI)"},
		"no series":   {row(3, 9), nil, "test row 3 2010-04-09: there is no such series"},
		"no history":  {row(1, 0), nil, "the data starts at 2010-02-05, there is nothing before it"},
		"no actual":   {row(1, 20), nil, "test rows not scored for want of an actual: 1"},
		"no observer": {row(1, 9), []sales.Candidate{sponge{name: "deaf", blind: true}}, "deaf at cutoff 2010-04-02: it cannot observe new actuals"},
	} {
		_, err := evaluate.OneStep(t.Context(), p, c.models, c.tested, evaluate.Options{})
		if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestOneStepFuture checks what a model is shown beyond the actuals.
func TestOneStepFuture(t *testing.T) {
	target := ramp(1, 20)
	target[9], target[10] = math.NaN(), math.NaN()
	p := lay(target, ramp(5, 20), ramp(9, 20))
	tested := []evaluate.RowID{{Key: key(2), Period: week(11)}, {Key: key(1), Period: week(11)}}
	seen := make(chan sales.Request, 1)
	_, err := evaluate.OneStep(t.Context(), p, []sales.Candidate{witness{carry{"witness"}, seen}}, tested, evaluate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := <-seen
	if r.Steps != 3 || len(r.Keys) != 2 {
		t.Errorf("%d steps for %v, want 3 (store 1 ends two weeks early) for stores 1 and 2", r.Steps, r.Keys)
	}
	var columns [][]float64
	for _, s := range r.Future.Series {
		columns = append(columns, s.Columns[0])
		if s.Actuals() != 0 {
			t.Errorf("%s: the future has targets %v", s.Key, s.Target)
		}
	}
	if diff := cmp.Diff([][]float64{{1009, 1010, 1011}, {2011}}, columns); diff != "" {
		t.Error(diff)
	}
}
