package serve

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/salesctl/salesctl/pkg/sales"
)

// forgetful records nothing, for a fuzzer asks a million times.
type forgetful struct{ *fakeStore }

func (forgetful) Record(context.Context, []sales.Served) error { return nil }

// fuzzed is the handler without a log.
func fuzzed(f *testing.F) http.Handler {
	f.Helper()
	store := forgetful{&fakeStore{panel: samplePanel()}}
	h, err := New(Options{Model: newModel(), History: store, Recorder: store})
	if err != nil {
		f.Fatal(err)
	}
	return h
}

// checkAnswer holds what is true of every answer: JSON, never a 500.
func checkAnswer(t *testing.T, w *httptest.ResponseRecorder) {
	t.Helper()
	if w.Code >= 500 {
		t.Errorf("status %d", w.Code)
	}
	if !json.Valid(w.Body.Bytes()) {
		t.Errorf("no JSON: %.300q", w.Body)
	}
	var refusal struct {
		Detail []struct {
			Type, Msg string
			Loc       []any
		}
	}
	if w.Code != 422 {
		return
	}
	if err := json.Unmarshal(w.Body.Bytes(), &refusal); err != nil || len(refusal.Detail) == 0 {
		t.Fatalf("%v: %.300s", err, w.Body)
	}
	for _, d := range refusal.Detail {
		if d.Type == "" || d.Msg == "" || len(d.Loc) == 0 {
			t.Errorf("an empty item: %.300s", w.Body)
		}
	}
}

func FuzzPredict(f *testing.F) {
	for _, c := range readRecorded(f) {
		if c.Path == "/predict_sales" && len(c.Body) < 1000 {
			f.Add(c.Body, true)
		}
	}
	f.Add(readme, false)
	h := fuzzed(f)
	f.Fuzz(func(t *testing.T, body string, isJSON bool) {
		r := httptest.NewRequest("POST", "/predict_sales", strings.NewReader(body))
		if isJSON {
			r.Header.Set("Content-Type", "application/json")
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		checkAnswer(t, w)
	})
}

func FuzzForecast(f *testing.F) {
	for _, c := range readRecorded(f) {
		if c.Path == "/forecast_sales" && len(c.Query)+len(c.Body) < 1000 {
			f.Add(c.Query, c.Body)
		}
	}
	h := fuzzed(f)
	f.Fuzz(func(t *testing.T, query, body string) {
		r := httptest.NewRequest("POST", "/forecast_sales", strings.NewReader(body))
		r.URL.RawQuery = query
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		checkAnswer(t, w)
	})
}

// FuzzJSON: what encoding/json reads, parseJSON reads; what it refuses, only
// Python's three extra constants, and what encoding/json has limits for, excuse.
func FuzzJSON(f *testing.F) {
	for _, c := range readRecorded(f) {
		if len(c.Body) < 1000 {
			f.Add(c.Body)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		_, err := parseJSON([]byte(text))
		valid := json.Valid([]byte(strings.TrimPrefix(text, "\ufeff")))
		if err == nil && !valid && !strings.Contains(text, "NaN") && !strings.Contains(text, "Infinity") {
			t.Errorf("%q was read", text)
		}
		if err != nil && err != errUnreadable && valid {
			t.Errorf("%q: %v", text, err)
		}
	})
}
