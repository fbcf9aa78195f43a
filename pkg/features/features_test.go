package features_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/salesctl/salesctl/pkg/calendar"
	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/features"
	"github.com/salesctl/salesctl/pkg/model"
	"github.com/salesctl/salesctl/pkg/sales"
)

var bothSets = []features.Set{features.Row, features.Ahead}

func Example() {
	// Two years: sales rise through each, and the second sells 10 % more.
	s := sales.Series{Key: sales.Key{"1"}, Frequency: sales.Frequency{Ends: time.Friday}, Start: sales.Date(2010, 1, 8)}
	for i := range 104 {
		s.Target = append(s.Target, float64(1000+10*(i%52))*math.Pow(1.1, float64(i/52)))
	}
	p := sales.Panel{Schema: sales.Schema{Frequency: s.Frequency, KeyNames: []string{"store"}}, Series: []sales.Series{s}}

	e, _, err := features.Fit(p, features.Options{
		Groups: []features.Group{features.Lags, features.Rolling, features.Growth}, Lags: []int{1, 52}, Windows: []int{4},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	week := sales.Date(2011, 12, 9)
	row := make([]float32, e.Width())
	if err := e.Row(row, s, e.Chain(p, week, week), week, nil); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("scale %.0f\n", e.Scale(s, week))
	for i, f := range e.Features() {
		if f.When == features.Past {
			fmt.Printf("%s %.3f\n", f.Name, row[i])
		}
	}
	// Output:
	// scale 1627
	// lag_1 0.994
	// lag_52 0.910
	// mean_4 0.984
	// deviation_4 0.008
	// growth 1.100
	// growth_lag_1 1.000
	// growth_lag_2 1.000
	// growth_lag_3 1.001
	// growth_lag_4 1.001
}

// What training sees is what serving computes, bit for bit, although serving
// hands in the whole history.
func TestTransformIsRow(t *testing.T) {
	p := sample(t)
	for _, set := range bothSets {
		e := fit(t, p, features.Options{Set: set, Groups: features.Groups()})
		table, err := e.Transform(p)
		if err != nil {
			t.Fatal(err)
		}
		if len(table.Index) != 6435 || table.X.Len() != 6435 || table.X.Width() != e.Width() {
			t.Fatalf("%s: %d rows, frame of %d by %d", set, len(table.Index), table.X.Len(), table.X.Width())
		}
		chain := e.Chain(p, p.Start(), p.Origin())
		x, trained := make([]float32, e.Width()), make([]float32, e.Width())
		for r, at := range table.Index {
			s := p.Series[at.Series]
			if err := e.Row(x, s, chain, at.Period, knownOf(s, at.Period)); err != nil {
				t.Fatal(err)
			}
			table.X.Row(trained, r)
			if !sameBits(x, trained) {
				t.Fatalf("%s: store %s, %s: served %v, trained %v", set, s.Key, at.Period, x, trained)
			}
			if got := e.Scale(s, at.Period); math.Float64bits(got) != math.Float64bits(table.Scale[r]) {
				t.Fatalf("%s: store %s, %s: scale %v served, %v trained", set, s.Key, at.Period, got, table.Scale[r])
			}
		}
	}
}

func sameBits(a, b []float32) bool {
	return slices.EqualFunc(a, b, func(x, y float32) bool { return math.Float32bits(x) == math.Float32bits(y) })
}

// Nothing at or after the period is read: whatever stands there, the row and
// the scale are the same.
func TestRowNeverLooksAhead(t *testing.T) {
	p := some(t, 3)
	for _, set := range bothSets {
		for _, basis := range []features.Basis{features.Raw, features.Level, features.Seasonal} {
			e := fit(t, p, features.Options{Set: set, Basis: basis, Groups: features.Groups()})
			rapid.Check(t, func(t *rapid.T) {
				s := p.Series[rapid.IntRange(0, len(p.Series)-1).Draw(t, "series")]
				at := rapid.IntRange(0, s.Len()+60).Draw(t, "index")
				period := s.Period(at)
				known := knownOf(s, period)
				want, got := make([]float32, e.Width()), make([]float32, e.Width())
				_ = e.Row(want, s, e.Chain(p, period, period), period, known)
				venom := rapid.SampledFrom([]float64{math.NaN(), math.Inf(1), -1e9, 0}).Draw(t, "poison")
				poisoned, others := poison(s, at, venom), p
				others.Series = slices.Clone(p.Series)
				for i, o := range others.Series {
					others.Series[i] = poison(o, o.Index(period), venom)
				}
				_ = e.Row(got, poisoned, e.Chain(others, period, others.Series[0].Period(others.Series[0].Len())), period, known)
				if !sameBits(want, got) {
					t.Fatalf("%s by %s, store %s, %s: row changed from %v to %v", set, basis, s.Key, period, want, got)
				}
				if a, b := e.Scale(s, period), e.Scale(poisoned, period); math.Float64bits(a) != math.Float64bits(b) {
					t.Fatalf("%s by %s, store %s, %s: scale changed from %v to %v", set, basis, s.Key, period, a, b)
				}
			})
		}
	}
}

// poison returns the series with everything from index at on replaced.
func poison(s sales.Series, at int, with float64) sales.Series {
	spoil := func(values []float64) []float64 {
		out := slices.Clone(values)
		for i := min(at, len(out)); i < len(out); i++ {
			out[i] = with
		}
		return out
	}
	s.Target = spoil(s.Target)
	s.Columns = slices.Clone(s.Columns)
	for c := range s.Columns {
		s.Columns[c] = spoil(s.Columns[c])
	}
	return s
}

// The history before the period does count, or the test above could not fail.
func TestRowReadsThePeriodBefore(t *testing.T) {
	p := some(t, 1)
	s := p.Series[0]
	for _, set := range bothSets {
		e := fit(t, p, features.Options{Set: set, Groups: features.Groups()})
		a := rowOf(t, e, s, s.Period(120), nil)
		b := rowOf(t, e, poison(s, 119, 1), s.Period(120), nil)
		if a["lag_1"] == b["lag_1"] || a["growth"] == b["growth"] || a["mean_4"] == b["mean_4"] {
			t.Errorf("%s: lag_1 %v, growth %v, mean_4 %v do not depend on the week before", set, a["lag_1"], a["growth"], a["mean_4"])
		}
	}
}

func TestAheadKnowsNothingOfThePeriodsColumns(t *testing.T) {
	p := some(t, 2)
	e := fit(t, p, features.Options{Set: features.Ahead})
	for _, f := range e.Features() {
		if f.When == features.Given {
			t.Errorf("%s is given with the period", f.Name)
		}
		if f.When == features.Past && f.Lag < 1 {
			t.Errorf("%s reads %d periods back", f.Name, f.Lag)
		}
	}
	s := p.Series[0]
	with, without := make([]float32, e.Width()), make([]float32, e.Width())
	_ = e.Row(with, s, nil, s.Period(100), []float64{1, 2, 3, 4, 5})
	_ = e.Row(without, s, nil, s.Period(100), nil)
	if !sameBits(with, without) {
		t.Errorf("with the period's columns %v, without %v", with, without)
	}
	row := rowOf(t, e, s, s.Period(100), nil)
	if want := float32(s.Columns[1][48]); float32(row["temperature_last_year"]) != want {
		t.Errorf("temperature_last_year %v, want %v", row["temperature_last_year"], want)
	}
}

// A leak is refused when the features are laid out, before anything is learned.
func TestFitRefuses(t *testing.T) {
	p := some(t, 1)
	twice := p
	twice.ColumnNames = []string{"holiday_flag", "year", "fuel_price", "cpi", "unemployment"}
	nothing := p
	nothing.Series = nil
	for _, tc := range []struct {
		name  string
		panel sales.Panel
		opts  features.Options
		kind  fault.Kind
		want  string
	}{
		{"the period itself", p, features.Options{Lags: []int{0}}, fault.Config, "build features: feature lag_0 reads the past 0 periods back: it would see the period that it predicts"},
		{"the period after", p, features.Options{Set: features.Ahead, Lags: []int{-1}}, fault.Config, "build features: feature lag_-1 reads the past -1 periods back: it would see the period that it predicts"},
		{"a window of nothing", p, features.Options{Windows: []int{0}}, fault.Config, "build features: feature mean_0 reads the past 0 periods back: it would see the period that it predicts"},
		{"too far back", p, features.Options{Lags: []int{10_001}}, fault.Config, "a lag or window is longer than 10000 periods"},
		{"a lag twice", p, features.Options{Lags: []int{1, 1}}, fault.Config, "build features: two are named lag_1"},
		{"a column named as a feature", twice, features.Options{}, fault.Config, "build features: two are named year"},
		{"a set", p, features.Options{Set: "sideways"}, fault.Config, `feature set "sideways" is unknown`},
		{"a basis", p, features.Options{Basis: "cubic"}, fault.Config, `basis "cubic" is unknown`},
		{"no features", p, features.Options{Set: features.Ahead, Groups: []features.Group{features.Together}}, fault.Config, "fit features: of the groups [together], the ahead set has no feature that differs between rows"},
		{"features of one value", p, features.Options{Groups: []features.Group{features.Lags}, Lags: []int{400}}, fault.Config, "fit features: of the groups [lags], the row set has no feature that differs between rows"},
		{"no rows", nothing, features.Options{}, fault.Invalid, "fit features: none of 0 rows can be learned from"},
		{"no year behind", p.Until(p.Start() + 7*40), features.Options{Basis: features.Seasonal}, fault.Invalid, "fit features: none of 41 rows can be learned from"},
	} {
		_, _, err := features.Fit(tc.panel, tc.opts)
		if !fault.Is(err, tc.kind) || err.Error() != tc.want {
			t.Errorf("%s: %v (kind %d), want %s", tc.name, err, fault.KindOf(err), tc.want)
		}
	}
}

func TestFitDropsConstantsWithAWarning(t *testing.T) {
	p := sample(t)
	e, warnings, err := features.Fit(p, features.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if slices.Contains(e.Names(), "day_of_week") {
		t.Error("day_of_week is Friday in every row, and is kept")
	}
	if len(warnings) != 2 || !strings.Contains(warnings[0], "day_of_week") || warnings[1] != "2520 of 6435 rows have too little history to be learned from" {
		t.Errorf("warnings: %q", warnings)
	}
	for _, name := range []string{"store", "year", "holiday_flag", "temperature", "fuel_price", "cpi", "unemployment",
		"lag_1", "lag_2", "lag_4", "lag_8", "lag_51", "lag_52", "lag_53", "holiday_shift"} {
		if !slices.Contains(e.Names(), name) {
			t.Errorf("%s is missing", name)
		}
	}
	if kinds := e.Kinds(); kinds[0] != model.Categorical || kinds[1] != model.Numeric {
		t.Errorf("kinds of %s and %s: %v", e.Names()[0], e.Names()[1], kinds[:2])
	}
	one := fit(t, some(t, 1), features.Options{})
	if slices.Contains(one.Names(), "store") {
		t.Error("of a single store, the key is kept")
	}
}

// Fit sees the rows that it is given and no others.
func TestFitHeedsItsRows(t *testing.T) {
	p := sample(t)
	e := fit(t, p, features.Options{Rows: func(at features.Index) bool { return at.Series < 2 }})
	s, _ := p.Find(sales.Key{"3"})
	if row := rowOf(t, e, s, s.Period(100), nil); !math.IsNaN(row["store"]) {
		t.Errorf("the code of a store that Fit did not see is %v", row["store"])
	}
	if row := rowOf(t, e, p.Series[1], s.Period(100), nil); row["store"] != 1 {
		t.Errorf("the code of store 2 is %v", row["store"])
	}
}

func TestHolidayFlagComesFromTheCalendarWhereItIsMissing(t *testing.T) {
	p := some(t, 2)
	christmas, plain := sales.Date(2012, 12, 28), sales.Date(2012, 12, 14)
	fair := sales.Date(2012, 12, 12)
	own := []calendar.Holiday{{Name: "fair", Flagged: true, Dates: []sales.Period{fair}}}
	nan := math.NaN()
	for _, tc := range []struct {
		name   string
		opts   features.Options
		period sales.Period
		given  float64
		want   float64
	}{
		{"missing at Christmas", features.Options{}, christmas, nan, 1},
		{"missing in a plain week", features.Options{}, plain, nan, 0},
		{"given at Christmas", features.Options{}, christmas, 0, 0},
		{"given in a plain week", features.Options{}, plain, 1, 1},
		{"missing at the user's own", features.Options{Own: own}, plain, nan, 1},
		{"ahead, at Christmas", features.Options{Set: features.Ahead}, christmas, 0, 1},
		{"ahead, in a plain week", features.Options{Set: features.Ahead}, plain, 1, 0},
	} {
		e := fit(t, p, tc.opts)
		row := rowOf(t, e, p.Series[0], tc.period, []float64{tc.given, nan, nan, nan, nan})
		if row["holiday_flag"] != tc.want {
			t.Errorf("%s: %v, want %v", tc.name, row["holiday_flag"], tc.want)
		}
	}
}

func TestMissingHistoryIsNaN(t *testing.T) {
	p := some(t, 2)
	s := p.Series[0]
	e := fit(t, p, features.Options{Groups: features.Groups()})
	first := rowOf(t, e, s, s.Start, knownOf(s, s.Start))
	for _, name := range []string{"lag_1", "lag_52", "mean_4", "growth"} {
		if !math.IsNaN(first[name]) {
			t.Errorf("%s of the first period is %v", name, first[name])
		}
	}
	if got := e.Scale(s, s.Start); !math.IsNaN(got) {
		t.Errorf("the scale of the first period is %v", got)
	}
	if first["temperature"] != float64(float32(42.31)) || first["store"] != 0 {
		t.Errorf("temperature %v of store %v, want 42.31 of 0", first["temperature"], first["store"])
	}
	gap := s
	gap.Target = slices.Clone(s.Target)
	gap.Target[98] = math.NaN()
	row := rowOf(t, e, gap, s.Period(100), nil)
	if !math.IsNaN(row["lag_2"]) || math.IsNaN(row["mean_4"]) || math.IsNaN(row["growth"]) || !math.IsNaN(row["cpi"]) {
		t.Errorf("after a gap: lag_2 %v, mean_4 %v, growth %v, cpi not given %v", row["lag_2"], row["mean_4"], row["growth"], row["cpi"])
	}
	gap.Target[97], gap.Target[96] = math.NaN(), math.NaN()
	if row := rowOf(t, e, gap, s.Period(100), nil); !math.IsNaN(row["mean_4"]) || math.IsNaN(row["mean_8"]) {
		t.Errorf("with three of four missing: mean_4 %v, mean_8 %v", row["mean_4"], row["mean_8"])
	}
	far := rowOf(t, e, s, s.Period(1000), nil)
	if !math.IsNaN(far["lag_1"]) || !math.IsNaN(far["lag_53"]) {
		t.Errorf("far beyond the data: lag_1 %v, lag_53 %v", far["lag_1"], far["lag_53"])
	}
	if got, want := e.Scale(s, s.Period(1000)), mean(s.Target[135:]); math.Abs(got-want) > 1e-6 {
		t.Errorf("far beyond the data the scale is %v, want the newest level %v", got, want)
	}
}

func mean(y []float64) float64 {
	sum := 0.0
	for _, v := range y {
		sum += v
	}
	return sum / float64(len(y))
}

func TestRowRefusesAnotherShape(t *testing.T) {
	p := some(t, 2)
	e := fit(t, p, features.Options{})
	s := p.Series[0]
	x := make([]float32, e.Width())
	daily := s
	daily.Frequency = sales.Frequency{Unit: sales.Daily}
	for name, err := range map[string]error{
		"narrow":  e.Row(x[1:], s, nil, s.Start, nil),
		"columns": e.Row(x, s, nil, s.Start, []float64{1}),
		"daily":   e.Row(x, daily, nil, s.Start, nil),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// Easter 2012 was two weeks earlier than Easter 2011: the week that held it is
// compared with one two weeks before the holiday.
func TestEasterIsToldForLastYearToo(t *testing.T) {
	p := sample(t)
	row := rowOf(t, fit(t, p, features.Options{Basis: features.Level}), p.Series[0], sales.Date(2012, 4, 13), nil)
	if now, then := row["periods_from_easter"], row["periods_from_easter_last_year"]; now != 0 || then != -2 {
		t.Errorf("%v weeks from Easter, %v last year, want 0 and -2", now, then)
	}
}
