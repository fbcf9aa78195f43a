package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/salesctl/salesctl/pkg/sales"
)

// TestFaultsOfThePythonOriginal shows each of them gone from the whole. What is
// wrong before a request comes is held closer to where it would arise:
// 44 store columns in training and 45 in serving, scaled in training and not in
// serving (TestTransformIsRow in pkg/features and TestServedIsWhatWasTrained in
// pkg/pipeline: the row is the same to the bit), first lags filled backwards
// (TestMissingHistoryIsNaN and TestRowNeverLooksAhead in pkg/features).
func TestFaultsOfThePythonOriginal(t *testing.T) {
	dir := trainedDir(t)
	s := serving(t, dir)
	c, data := inside(t, dir)
	for name, gone := range map[string]func(*testing.T){
		"every valid predict answered 500": func(t *testing.T) { s.predict(t, readmeRow) },
		"a store that training had and serving had not": func(t *testing.T) {
			answers := map[float64]bool{}
			for store := 1; store <= 45; store++ {
				answers[s.predict(t, with(t, `"Store":1`, fmt.Sprintf(`"Store":%d`, store)))] = true
				if weeks := s.forecast(t, fmt.Sprintf("store_id=%d", store)); len(weeks) != 3 {
					t.Errorf("store %d: %v", store, weeks)
				}
			}
			if len(answers) != 45 {
				t.Errorf("45 stores have %d different answers", len(answers))
			}
		},
		"lags read from the oldest rows": func(t *testing.T) {
			ask := row("1", sales.Date(2012, 11, 2))
			want := predictOne(t, c, data, ask)
			if got := predictOne(t, c, scaled(data, 0, 1.2), ask); got != want {
				t.Errorf("the oldest week moves the answer from %v to %v", want, got)
			}
			if got := predictOne(t, c, scaled(data, 142, 1.2), ask); got == want {
				t.Errorf("the newest week does not move the answer, %v", got)
			}
		},
		"features cut to integers": func(t *testing.T) {
			moved := 0
			for whole := 4; whole < 12; whole++ {
				answers := map[float64]bool{}
				for tenth := range 10 {
					answers[s.predict(t, with(t, `"Unemployment":5.8`, fmt.Sprintf(`"Unemployment":%d.%d`, whole, tenth)))] = true
				}
				moved += len(answers) - 1
			}
			if moved == 0 {
				t.Error("what stands behind the point of the unemployment never moves an answer")
			}
		},
		"the target of the row itself among its lags": func(t *testing.T) {
			ask := row("1", sales.Date(2012, 10, 26)) // the newest week, whose sales are known
			want := predictOne(t, c, data, ask)
			if got := predictOne(t, c, scaled(data, 142, 3), ask); got != want {
				t.Errorf("its own sales move the answer from %v to %v", want, got)
			}
			first := s.post(t, "/predict_sales", with(t, "03-11-2012", "05-02-2010"))
			if first.status != http.StatusUnprocessableEntity || !strings.Contains(first.body, "no sales before 2010-02-05") {
				t.Errorf("the first week, which has no lags: %d %s", first.status, first.body)
			}
		},
		"split by store": func(t *testing.T) {
			made, err := trainedSample()
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range []string{"45 series, 28 cutoffs, 2012-04-13 to 2012-10-19; scored 2012-04-20 to 2012-10-26", "fitted up to 2012-04-13"} {
				if !strings.Contains(made.said, want) {
					t.Errorf("train does not say %q: %s", want, made.said)
				}
			}
		},
		"steps of zero and less answered 500": func(t *testing.T) {
			for _, steps := range []string{"0", "-1"} {
				if got := s.post(t, "/forecast_sales?store_id=1&steps="+steps, ""); got.status != http.StatusUnprocessableEntity {
					t.Errorf("steps %s: %d", steps, got.status)
				}
			}
		},
		"the forecast body of its README was refused": func(t *testing.T) {
			if got := s.post(t, "/forecast_sales", `{"store_id":1,"steps":5}`); got.status != http.StatusOK || strings.Count(got.body, `"Date"`) != 5 {
				t.Errorf("%d %s", got.status, got.body)
			}
		},
		"open to the world": func(t *testing.T) {
			if !strings.HasPrefix(string(s), "http://127.0.0.1:") {
				t.Errorf("it listens on %s", s)
			}
		},
	} {
		t.Run(name, gone)
	}
}

// scaled returns the panel with one week of the first series multiplied.
func scaled(p sales.Panel, week int, by float64) sales.Panel {
	p.Series = slices.Clone(p.Series)
	p.Series[0].Target = slices.Clone(p.Series[0].Target)
	p.Series[0].Target[week] *= by
	return p
}
