package mstl

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/model"
	"github.com/salesctl/salesctl/pkg/model/modeltest"
)

func TestSuite(t *testing.T) {
	yes, no := true, false
	for name, o := range map[string]Options{
		"default": {}, "robust": {Robust: true}, "periodic": {Periodic: &yes}, "changing": {Periodic: &no, Window: 7}, "two seasons": {Seasons: []int{13, 4}},
	} {
		t.Run(name, func(t *testing.T) {
			modeltest.Local(t, func() model.Local { return Model{Options: o} }, Unmarshal)
		})
	}
}

// last forecasts the newest value: a remainder whose answers are easily told.
type last struct{}

func (last) FitSeries(context.Context, model.Series) (model.LocalFit, error) { return lastFit{}, nil }

type lastFit struct{}

func (lastFit) Forecast(_ context.Context, h int, s model.Series, _ *model.Frame) (model.Path, error) {
	var v float64
	for _, y := range s.Y {
		if !math.IsNaN(y) {
			v = y
		}
	}
	return model.Path{Mean: slices.Repeat([]float64{v}, h)}, nil
}

func (lastFit) MarshalBinary() ([]byte, error) { return []byte("last"), nil }

func (lastFit) Figures() model.Figures {
	return model.Figures{Params: map[string]string{"method": "last"}, Metrics: map[string]float64{"aic": 3}}
}

func readLast(data []byte) (model.LocalFit, error) {
	if string(data) != "last" {
		return nil, damaged("no last")
	}
	return lastFit{}, nil
}

// path fits m to y and forecasts h periods after it.
func path(t testing.TB, m Model, season, h int, y []float64) model.Path {
	t.Helper()
	s := model.Series{Y: y, Season: season}
	f, err := m.FitSeries(context.Background(), s)
	if err != nil {
		t.Fatal(err)
	}
	p, err := f.Forecast(context.Background(), h, s, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// A level with seasons on top goes on as it was, whatever is missing at its ends.
func TestSeasonsGoOn(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		season := rapid.IntRange(2, 12).Draw(r, "season")
		pattern := rapid.SliceOfN(rapid.Float64Range(-10, 10), season, season).Draw(r, "pattern")
		n := season * rapid.IntRange(3, 5).Draw(r, "seasons")
		n += rapid.IntRange(0, season-1).Draw(r, "more")
		y := make([]float64, n)
		for i := range y {
			y[i] = 100 + pattern[i%season]
		}
		from, to := rapid.IntRange(0, 3).Draw(r, "before"), n-rapid.IntRange(0, 3).Draw(r, "after")
		for i := range y {
			if i < from || i >= to {
				y[i] = math.NaN()
			}
		}
		if to-from < 2*season {
			return
		}
		for i, v := range path(t, Model{Remainder: last{}}, season, 2*season+1, y).Mean {
			if want := 100 + pattern[(n+i)%season]; math.Abs(v-want) > 1e-6 {
				r.Fatalf("step %d is %v, want %v", i+1, v, want)
			}
		}
	})
}

func TestTwoSeasonsGoOn(t *testing.T) {
	value := func(i int) float64 {
		return 50 + 9*math.Sin(2*math.Pi*float64(i)/7) + 20*math.Sin(2*math.Pi*float64(i)/30)
	}
	y := make([]float64, 300)
	for i := range y {
		y[i] = value(i)
	}
	for i, v := range path(t, Model{Remainder: last{}, Options: Options{Seasons: []int{30, 7}}}, 0, 60, y).Mean {
		if math.Abs(v-value(300+i)) > 1 {
			t.Errorf("step %d is %v, want %v", i+1, v, value(300+i))
		}
	}
}

func TestShortSeriesSaysSo(t *testing.T) {
	for _, c := range []struct {
		n, season int
		seasons   []int
		want      string
	}{
		{23, 12, nil, "a season of 12 periods is left out: the series has 23 periods, want two seasons"},
		{24, 12, nil, ""},
		{24, 12, []int{4, 13}, "a season of 13 periods is left out"},
		{3, 0, nil, ""},
	} {
		y := make([]float64, c.n)
		for i := range y {
			y[i] = float64(i)
		}
		p := path(t, Model{Remainder: last{}, Options: Options{Seasons: c.seasons}}, c.season, 2, y)
		said := strings.Join(p.Warnings, "; ")
		if !strings.Contains(said, c.want) || c.want == "" && said != "" {
			t.Errorf("%d periods, season %d: warnings %q, want %q", c.n, c.season, said, c.want)
		}
		if c.want != "" && c.seasons == nil && p.Mean[1] != y[c.n-1] {
			t.Errorf("%v, want the remainder's answer for the series as it is", p.Mean)
		}
	}
}

// Three seasons are taken for the same, four may change, unless it is said.
func TestFewSeasonsAreTheSame(t *testing.T) {
	yes, no := true, false
	for _, c := range []struct {
		n        int
		periodic *bool
		want     bool
	}{{47, nil, true}, {48, nil, false}, {47, &no, false}, {48, &yes, true}} {
		f := &Fit{options: Options{Periodic: c.periodic}}
		o := f.mstl([]int{4, 12}, c.n)
		if o.STL.Periodic != c.want || !slices.Equal(o.Windows, []int{11, 15}) {
			t.Errorf("%d periods, %v: %+v", c.n, c.periodic, o)
		}
	}
}

func TestFigures(t *testing.T) {
	f := &Fit{seasons: []int{7, 52}, remainder: lastFit{}}
	got := f.Figures()
	if got.Params["season_length"] != "[7 52]" || got.Params["method"] != "last" || got.Metrics["aic"] != 3 {
		t.Errorf("%+v", got)
	}
}

func TestRefusals(t *testing.T) {
	fit := func(o Options, y ...float64) error {
		_, err := Model{Remainder: last{}, Options: o}.FitSeries(t.Context(), model.Series{Y: y, Season: 1 << 20})
		return err
	}
	for name, c := range map[string]struct {
		err  error
		kind fault.Kind
		says string
	}{
		"window":      {fit(Options{Window: 8}, 1), fault.Config, "window is 8"},
		"season":      {fit(Options{Seasons: []int{1}}, 1), fault.Config, "season of 1 periods"},
		"many":        {fit(Options{Seasons: make([]int, 17)}, 1), fault.Config, "17 seasons"},
		"long season": {fit(Options{}, 1), fault.Config, "season of 1048576 periods"},
		"infinite":    {fit(Options{Seasons: []int{2}}, 1, math.Inf(1)), fault.Invalid, "period 2 of 2"},
		"nothing":     {fit(Options{Seasons: []int{2}}, math.NaN()), fault.Invalid, "none of the 1 periods"},
	} {
		if !fault.Is(c.err, c.kind) || !strings.Contains(fmt.Sprint(c.err), c.says) {
			t.Errorf("%s: %v, want kind %d and %q", name, c.err, c.kind, c.says)
		}
	}
}

// The stored form is read by later versions: it must not change by accident.
func TestStoredForm(t *testing.T) {
	f := &Fit{seasons: []int{7, 52}, options: Options{Window: 13, Robust: true}, remainder: lastFit{}}
	got, err := f.MarshalBinary()
	want := "4d53544c01" + "0201" + "0d000000" + "02000000" + "07000000" + "34000000" + "6c617374"
	if err != nil || hex.EncodeToString(got) != want {
		t.Errorf("stored as %x, %v, want %s", got, err, want)
	}
	for at, value := range map[int]byte{0: 1, 5: 3, 6: 2, 7: 12, 11: 17, 15: 60, 19: 3, 23: 1} {
		bad := slices.Clone(got)
		bad[at] = value
		if _, err := UnmarshalWith(bad, readLast); !fault.Is(err, fault.Integrity) {
			t.Errorf("byte %d: %v", at, err)
		}
	}
}

// A remainder that fails fails the whole, and its reason stays.
func TestRemainderFails(t *testing.T) {
	broken := errors.New("broken")
	if _, err := (Model{Remainder: failing{broken}}).FitSeries(t.Context(), model.Series{Y: []float64{1}}); !errors.Is(err, broken) {
		t.Errorf("%v, want %v", err, broken)
	}
}

type failing struct{ error }

func (f failing) FitSeries(context.Context, model.Series) (model.LocalFit, error) {
	return nil, f.error
}
