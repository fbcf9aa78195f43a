package sales

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestKeysOrderNumbersByValueBeforeText(t *testing.T) {
	want := []Key{{"-1"}, {"1"}, {"01"}, {"1", "2"}, {"1", "10"}, {"2"}, {"10"}, {"a"}, {"b"}}
	got := slices.Clone(want)
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(got), func(i, j int) { got[i], got[j] = got[j], got[i] })
	slices.SortFunc(got, Key.Compare)
	slices.SortFunc(want[1:4], Key.Compare)
	if !slices.EqualFunc(got, want, Key.Equal) {
		t.Errorf("%v, want %v", got, want)
	}
}

// Numbers by value, spellings of one number and text: whatever begins a part,
// the order is total and agrees with Equal.
func TestKeyOrderIsTotal(t *testing.T) {
	part := rapid.SampledFrom([]string{"", "1", "01", "+1", "-1", "10", "2", "-", "1a", "a1", "A", "é", "9223372036854775808"})
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := Key{part.Draw(t, "a")}, Key{part.Draw(t, "b")}, Key{part.Draw(t, "c")}
		if a.Compare(b) != -b.Compare(a) || (a.Compare(b) == 0) != a.Equal(b) {
			t.Fatalf("%q and %q: %d and %d", a, b, a.Compare(b), b.Compare(a))
		}
		if a.Compare(b) < 0 && b.Compare(c) < 0 && a.Compare(c) >= 0 {
			t.Fatalf("%q < %q < %q, but not the first before the last", a, b, c)
		}
	})
}

func TestKeyRoundTrip(t *testing.T) {
	k := Key{"1", "dept 7"}
	if got := ParseKey(k.String()); !got.Equal(k) || got.Equal(Key{"1"}) {
		t.Errorf("%v, want %v", got, k)
	}
}

func frequencies() *rapid.Generator[Frequency] {
	return rapid.Custom(func(t *rapid.T) Frequency {
		return Frequency{
			Unit: rapid.SampledFrom([]Unit{Weekly, Daily, Monthly}).Draw(t, "unit"),
			Ends: time.Weekday(rapid.IntRange(0, 6).Draw(t, "ends")),
		}
	})
}

// TestPeriodsAreALine checks that every day lies in one period, that periods are
// counted without a hole, and that steps undo additions.
func TestPeriodsAreALine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := frequencies().Draw(t, "frequency")
		day := Period(rapid.IntRange(-40000, 60000).Draw(t, "day"))
		n := rapid.IntRange(-600, 600).Draw(t, "n")
		p := f.Of(day)
		if p < day || f.Of(p) != p {
			t.Fatalf("period of %v is %v", day, p)
		}
		if prev := f.Add(p, -1); prev >= day || f.Of(prev+1) != p {
			t.Fatalf("%v is not the period after %v", p, prev)
		}
		q := f.Add(p, n)
		if f.Of(q) != q || f.Steps(p, q) != n || f.Steps(q, p) != -n {
			t.Fatalf("%v + %d is %v, %d steps", p, n, q, f.Steps(p, q))
		}
	})
}

func TestFrequencyAndPeriodText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := frequencies().Draw(t, "frequency")
		if f.Unit != Weekly {
			f.Ends = 0
		}
		text, _ := f.MarshalText()
		var g Frequency
		if err := g.UnmarshalText(text); err != nil || g != f {
			t.Fatalf("%s became %v, %v", text, g, err)
		}
		p := Period(rapid.IntRange(-40000, 60000).Draw(t, "day"))
		text, _ = p.MarshalText()
		var q Period
		if err := q.UnmarshalText(text); err != nil || q != p {
			t.Fatalf("%s became %v, %v", text, q, err)
		}
	})
	for _, bad := range []string{"", "W", "W-FOO", "d"} {
		if _, err := ParseFrequency(bad); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
	for _, bad := range []string{"", "2012-02-30", "02-11-2012", "2012-1-1"} {
		if _, err := ParsePeriod(bad); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

func TestSaturdayBelongsToTheWeekThatEndsNextFriday(t *testing.T) {
	f := Frequency{Ends: time.Friday}
	if got, want := f.Of(Date(2012, 11, 3)).Format("02-01-2006"), "09-11-2012"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	for f, want := range map[Frequency]struct {
		season int
		noun   string
	}{f: {52, "week"}, {Unit: Daily}: {7, "day"}, {Unit: Monthly}: {12, "month"}} {
		if f.Season() != want.season || f.Noun() != want.noun {
			t.Errorf("%v: season %d, noun %s", f, f.Season(), f.Noun())
		}
	}
}

var weekly = Schema{Frequency: Frequency{Ends: time.Friday}, KeyNames: []string{"store"}, ColumnNames: []string{"x"}}

func friday(week int) Period { return Date(2010, 2, 5) + Period(7*week) }

func observe(store string, week int, target, x float64) Observation {
	return Observation{Key: Key{store}, Period: friday(week), Target: target, Columns: []float64{x}}
}

// TestPanelHoldsWhatWasObserved builds panels from shuffled observations with
// holes and reads every cell back.
func TestPanelHoldsWhatWasObserved(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		weeks := rapid.SliceOfNDistinct(rapid.IntRange(0, 60), 1, 40, rapid.ID[int]).Draw(t, "weeks")
		want := map[string]float64{}
		var obs []Observation
		for i, w := range weeks {
			o := observe([]string{"10", "9"}[i%2], w, float64(i), float64(-i))
			obs, want[o.Key.String()+o.Period.String()] = append(obs, o), o.Target
		}
		p, err := NewPanel(weekly, obs)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.IsSortedFunc(p.Keys(), Key.Compare) {
			t.Fatalf("keys %v", p.Keys())
		}
		for _, s := range p.Series {
			for i, y := range s.Target {
				expected, known := want[s.Key.String()+s.Period(i).String()]
				if known != !math.IsNaN(y) || known && (y != expected || s.Columns[0][i] != -expected || s.At(s.Period(i)) != y) {
					t.Fatalf("%s %s: %v, want %v", s.Key, s.Period(i), y, expected)
				}
				delete(want, s.Key.String()+s.Period(i).String())
			}
		}
		if len(want) > 0 {
			t.Fatalf("lost: %v", want)
		}
	})
}

func TestNewPanelRefuses(t *testing.T) {
	for name, obs := range map[string][]Observation{
		"twice":      {observe("1", 0, 1, 1), observe("1", 0, 2, 1)},
		"off anchor": {{Key: Key{"1"}, Period: friday(0) + 1, Columns: []float64{1}}},
		"columns":    {{Key: Key{"1"}, Period: friday(0)}},
	} {
		if _, err := NewPanel(weekly, obs); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestCuts(t *testing.T) {
	nan := math.NaN()
	p, err := NewPanel(weekly, []Observation{
		observe("1", 0, 1, 1), observe("1", 1, 2, 1), observe("1", 3, nan, 1),
		observe("2", 2, 7, 1),
		observe("3", 1, nan, 1),
	})
	if err != nil {
		t.Fatal(err)
	}
	if p.Start() != friday(0) || p.Origin() != friday(2) || p.Len() != 6 {
		t.Errorf("start %v, origin %v, %d periods", p.Start(), p.Origin(), p.Len())
	}
	one, _ := p.Find(Key{"1"})
	if one.Actuals() != 2 || one.Origin() != friday(1) || !math.IsNaN(one.At(friday(9))) || !math.IsNaN(one.At(friday(-1))) {
		t.Errorf("store 1: %d actuals, origin %v", one.Actuals(), one.Origin())
	}
	if _, ok := p.Find(Key{"4"}); ok {
		t.Error("found a store that is not there")
	}
	if got := p.Actuals(); len(got.Series) != 2 || got.Series[0].Len() != 2 {
		t.Errorf("actuals: %+v", got.Series)
	}
	until := p.Until(friday(1))
	if len(until.Series) != 2 || until.Series[0].Len() != 2 || len(until.Series[0].Columns[0]) != 2 {
		t.Errorf("until: %+v", until.Series)
	}
	if until = p.Until(friday(-1)); len(until.Series) != 0 || until.Origin() != 0 || until.Start() != 0 {
		t.Errorf("before all: %+v", until.Series)
	}
	if until = p.Until(friday(99)); until.Len() != p.Len() {
		t.Errorf("after all: %d periods", until.Len())
	}
	cut := one.Slice(1, 2)
	cut.Target = append(cut.Target, 99)
	if one.Target[2] == 99 {
		t.Error("appending to a slice wrote into the series")
	}
	if p.Column("x") != 0 || p.Column("y") != -1 {
		t.Error("columns are not found by name")
	}
}

func TestPanelRunsFromTheFirstStartToTheNewestActual(t *testing.T) {
	early, late := Date(2012, 1, 6), Date(2012, 1, 27)
	f := Frequency{Ends: time.Friday}
	p := Panel{Schema: Schema{Frequency: f}, Series: []Series{
		{Key: Key{"1"}, Frequency: f, Start: late - 7, Target: []float64{1, 2}},
		{Key: Key{"2"}, Frequency: f, Start: early, Target: []float64{3}},
		{Key: Key{"3"}, Frequency: f, Start: early + 7, Target: []float64{4}},
	}}
	if p.Start() != early || p.Origin() != late {
		t.Errorf("%s to %s, want %s to %s", p.Start(), p.Origin(), early, late)
	}
}
