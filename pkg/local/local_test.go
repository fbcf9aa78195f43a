package local

import (
	"context"
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/model"
	"github.com/salesctl/salesctl/pkg/sales"
)

// adder forecasts its parameter, the first value it was fitted to, plus the last
// value of the history it is asked with.
type adder struct{ first float64 }

var errBroken = errors.New("broken")

func (adder) FitSeries(ctx context.Context, s model.Series) (model.LocalFit, error) {
	switch {
	case len(s.Y) < 2:
		return nil, fault.New(fault.Invalid, "too short")
	case s.Y[0] < 0:
		return nil, errBroken
	}
	return adder{s.Y[0]}, ctx.Err()
}

func (a adder) Forecast(_ context.Context, h int, s model.Series, _ *model.Frame) (model.Path, error) {
	return model.Path{Mean: slices.Repeat([]float64{a.first + s.Y[len(s.Y)-1]}, h), Warnings: []string{"added"}}, nil
}

func (adder) MarshalBinary() ([]byte, error) { return nil, nil }

func panel(targets ...[]float64) sales.Panel {
	p := sales.Panel{Schema: sales.Schema{Frequency: sales.Frequency{Ends: time.Friday}, KeyNames: []string{"store"}}}
	for i, y := range targets {
		p.Series = append(p.Series, sales.Series{
			Key: sales.Key{string(rune('a' + i))}, Frequency: p.Frequency, Start: sales.Date(2020, 1, 3), Target: y,
		})
	}
	return p
}

func fit(t *testing.T, p sales.Panel) Fitted {
	t.Helper()
	f, err := Candidate{Label: "adder", Algorithm: adder{}, Jobs: 2}.Fit(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	return f.(Fitted)
}

func ask(t *testing.T, f sales.Fitted, steps int) []sales.Forecast {
	t.Helper()
	out, err := f.Forecast(t.Context(), sales.Request{Steps: steps})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestParametersStayWhileHistoryMoves fits once and observes a longer history.
func TestParametersStayWhileHistoryMoves(t *testing.T) {
	f := fit(t, panel([]float64{1, 10, math.NaN()}))
	if got := ask(t, f, 2)[0]; !reflect.DeepEqual(got.Points[1], sales.Point{Period: sales.Date(2020, 1, 24), Horizon: 2, Model: "adder", Mean: 11}) {
		t.Errorf("%+v", got)
	}
	later, err := f.Observe(panel([]float64{7, 10, 20}))
	if err != nil {
		t.Fatal(err)
	}
	if got := ask(t, later, 1)[0]; got.Points[0].Mean != 21 || got.Origin != sales.Date(2020, 1, 17) || got.Warnings[0] != "added" {
		t.Errorf("after new actuals: %+v", got)
	}
	if got := ask(t, f, 1)[0]; got.Points[0].Mean != 11 {
		t.Errorf("observing changed the first Fitted: %+v", got)
	}
}

func TestTheSpareAnswersForShortAndNewSeries(t *testing.T) {
	f := fit(t, panel([]float64{1, 2}, []float64{5}))
	later, err := f.Observe(panel([]float64{1, 2}, []float64{5}, []float64{8, 9, 10}))
	if err != nil {
		t.Fatal(err)
	}
	got := ask(t, later, 1)
	for i, want := range []struct {
		model, warning string
		mean           float64
	}{{"adder", "added", 3}, {Spare, "naive answers: too short", 5}, {Spare, "salesctl train", 10}} {
		g := got[i]
		if g.Points[0].Model != want.model || g.Points[0].Mean != want.mean || !strings.Contains(strings.Join(g.Warnings, ";"), want.warning) {
			t.Errorf("series %d: %+v, want %+v", i, g, want)
		}
	}
}

func TestErrors(t *testing.T) {
	c := Candidate{Label: "adder", Algorithm: adder{}}
	if _, err := c.Fit(t.Context(), panel([]float64{1, 2}, []float64{-1, 2})); !errors.Is(err, errBroken) || !strings.Contains(err.Error(), "fit adder to store b") {
		t.Errorf("a broken algorithm: %v", err)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Fit(cancelled, panel([]float64{1, 2})); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	f := fit(t, panel([]float64{1, 2}, []float64{math.NaN(), math.NaN()}))
	for name, r := range map[string]sales.Request{
		"unknown": {Steps: 1, Keys: []sales.Key{{"z"}}}, "never sold": {Steps: 1, Keys: []sales.Key{{"b"}}},
	} {
		if _, err := f.Forecast(t.Context(), r); !fault.Is(err, fault.NotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, steps := range []int{0, -1, sales.MaxSteps + 1} {
		if _, err := f.Forecast(t.Context(), sales.Request{Steps: steps}); !fault.Is(err, fault.Usage) {
			t.Errorf("%d steps: %v", steps, err)
		}
	}
}
