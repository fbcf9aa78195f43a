package ets

import (
	"context"
	"math"
	"testing"

	"gonum.org/v1/gonum/diff/fd"
	"gonum.org/v1/gonum/floats"
	"pgregory.net/rapid"

	"github.com/salesctl/salesctl/pkg/model"
	"github.com/salesctl/salesctl/pkg/model/modeltest"
)

func TestSuite(t *testing.T) {
	for _, name := range []string{"ZZZ", "ANN", "AAN", "MAN"} {
		t.Run(name, func(t *testing.T) {
			modeltest.Local(t, func() model.Local { return Model{Options{Model: name}} }, Unmarshal)
		})
	}
}

var gap = math.NaN()

func fit(t rapid.TB, o Options, season int, y []float64) *Fit {
	t.Helper()
	f, err := Model{o}.FitSeries(context.Background(), model.Series{Y: y, Season: season})
	if err != nil {
		t.Fatal(err)
	}
	return f.(*Fit)
}

func path(t rapid.TB, f *Fit, h int, y []float64) []float64 {
	t.Helper()
	p, err := f.Forecast(context.Background(), h, model.Series{Y: y}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p.Mean
}

// everyForm lists the family.
func everyForm() []Form {
	var out []Form
	for e := Additive; e <= Multiplicative; e++ {
		for s := None; s <= Multiplicative; s++ {
			out = append(out, Form{Error: e, Season: s})
			for _, t := range []Component{Additive, Multiplicative} {
				out = append(out, Form{e, t, s, false}, Form{e, t, s, true})
			}
		}
	}
	return out
}

// wave is a positive series of about 1 with a season of 4 and some gaps.
func wave(n int) []float64 {
	y := make([]float64, n)
	for i := range y {
		y[i] = 1 + 0.005*float64(i) + 0.1*float64(i%4) + 0.05*math.Sin(float64(i*i))
	}
	y[n/3], y[n/2] = gap, gap
	return y
}

// The derivatives of every form are those that differences show.
func TestGradient(t *testing.T) {
	for _, f := range everyForm() {
		rapid.Check(t, func(r *rapid.T) {
			y := wave(24)
			st, ok := start(f, y, 4)
			if !ok {
				r.Fatalf("%v has no start", f)
			}
			o := newObjective(f, y, 4)
			x := o.place(starts()[rapid.IntRange(0, 1).Draw(r, "start")], st)
			for i := range x {
				x[i] += rapid.Float64Range(-0.02, 0.02).Draw(r, "shift")
			}
			got := make([]float64, len(x))
			o.gradient(got, x)
			want := fd.Gradient(nil, o.value, x, &fd.Settings{Formula: fd.Central, Step: 1e-6})
			if !floats.EqualApprox(got, want, 1e-6*max(1, floats.Norm(want, math.Inf(1)))) {
				r.Fatalf("%v: %v, want %v", f, got, want)
			}
		})
	}
}
