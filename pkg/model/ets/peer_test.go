package ets

import (
	_ "embed"
	"encoding/json"
	"math"
	"testing"

	"gonum.org/v1/gonum/floats"

	"github.com/salesctl/salesctl/pkg/model"
)

//go:embed testdata/reference.json
var reference []byte

// peerFit is one form by statsmodels or statsforecast.
type peerFit struct {
	By, Form                                    string
	Alpha, Beta, Gamma, Phi, Level, Growth, LLF float64
	Season, Forecast, Variance                  []float64
}

type peerSeries struct {
	Name   string
	Season int `json:"season_length"`
	Y      []float64
	Fits   []peerFit
}

func peers(t *testing.T) []peerSeries {
	t.Helper()
	var all []peerSeries
	if err := json.Unmarshal(reference, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// at is the peer's fit as ours.
func (p peerFit) at(t *testing.T, y []float64) *Fit {
	t.Helper()
	for _, f := range everyForm() {
		if f.String() == p.Form {
			out := &Fit{
				form: f, weights: weights{p.Alpha, p.Beta, p.Gamma, p.Phi}, converged: true, observed: len(y),
				start: states{p.Level, p.Growth, p.Season},
			}
			tape := newTape(f, y, max(len(p.Season), 1))
			value := tape.value(out.weights, out.start)
			out.llf = -float64(len(y)) * (value + (math.Log(2*math.Pi)+1)/2)
			out.sigma2 = tape.squares / float64(len(y))
			return out
		}
	}
	t.Fatalf("no form %q", p.Form)
	return nil
}

// options ask for the form.
func (p peerFit) options() Options {
	damped := len(p.Form) == 4
	return Options{Model: p.Form[:2] + p.Form[len(p.Form)-1:], Damped: &damped}
}

// farthest is the largest difference between two paths, relative to the largest
// number of the second.
func farthest(got, want []float64) float64 {
	return floats.Distance(got, want, math.Inf(1)) / floats.Norm(want, math.Inf(1))
}

// At the peers' parameters likelihood, forecasts and variances are their own.
func TestRecursionEqualsPeers(t *testing.T) {
	variances := 0
	for _, s := range peers(t) {
		for _, p := range s.Fits {
			f := p.at(t, s.Y)
			if math.Abs(f.llf-p.LLF) > 1e-6 {
				t.Errorf("%s, %s by %s: log-likelihood %v, want %v", s.Name, p.Form, p.By, f.llf, p.LLF)
			}
			want := p.Forecast
			if f.form.Damped && p.By != "statsmodels" {
				want = want[:1] // it adds up phi, phi, phi^2 ... for phi, phi^2, phi^3 ...
			}
			if off := farthest(path(t, f, len(want), s.Y), want); off > 1e-9 {
				t.Errorf("%s, %s by %s: forecasts are %.2g apart", s.Name, p.Form, p.By, off)
			}
			if p.Variance == nil {
				continue
			}
			variances++
			got, ok, err := f.Variance(len(p.Variance), model.Series{Y: s.Y})
			if off := farthest(got, p.Variance); !ok || err != nil || off > 1e-9 {
				t.Errorf("%s, %s: variances are %.2g apart, %v", s.Name, p.Form, off, err)
			}
		}
	}
	if variances < 20 {
		t.Errorf("%d variances were compared", variances)
	}
}

// The search finds the peers' likelihood or a greater one, and where it is theirs
// the forecasts are too.
func TestSearchAgainstPeers(t *testing.T) {
	compared := 0
	for _, s := range peers(t) {
		for _, p := range s.Fits {
			if p.By == "AutoETS" {
				continue
			}
			f := fit(t, p.options(), s.Season, s.Y)
			off := farthest(path(t, f, len(p.Forecast), s.Y), p.Forecast)
			if f.llf < p.LLF-0.01 {
				t.Errorf("%s, %s by %s: log-likelihood %v, want at least %v", s.Name, p.Form, p.By, f.llf, p.LLF)
			}
			if f.llf < p.LLF+1e-3 {
				compared++
				if off > 1e-3 {
					t.Errorf("%s, %s by %s: forecasts are %.2g apart", s.Name, p.Form, p.By, off)
				}
			}
		}
	}
	if compared < 25 {
		t.Errorf("%d forecasts were compared", compared)
	}
}

// The choice has an AICc at most that of statsforecast's choice.
func TestChoiceAgainstStatsforecast(t *testing.T) {
	compared := 0
	for _, s := range peers(t) {
		p := s.Fits[len(s.Fits)-1]
		if p.By != "AutoETS" {
			t.Fatalf("%s: the last fit is by %s", s.Name, p.By)
		}
		if p.Beta > p.Alpha || p.Gamma > 1-p.Alpha {
			continue // its search does not keep to the usual region
		}
		compared++
		f := fit(t, Options{}, s.Season, s.Y)
		want := p.at(t, s.Y).aicc()
		if got := f.aicc(); got > want+0.02 {
			t.Errorf("%s: AICc %v of %v, want at most %v of %s", s.Name, got, f.form, want, p.Form)
		}
	}
	if compared < 10 {
		t.Errorf("%d choices were compared", compared)
	}
}
