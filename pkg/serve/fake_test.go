package serve

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/sales"
	"github.com/salesctl/salesctl/testdata"
)

// sampleSchema is that of the sample, as the command line maps it.
func sampleSchema() sales.Schema {
	return sales.Schema{
		Frequency:   sales.Frequency{Ends: time.Friday},
		KeyNames:    []string{"store"},
		ColumnNames: []string{"holiday_flag", "temperature", "fuel_price", "cpi", "unemployment"},
	}
}

// samplePanel is the sample: 45 stores, 143 weeks.
var samplePanel = sync.OnceValue(func() sales.Panel {
	rows, err := csv.NewReader(bytes.NewReader(testdata.Walmart)).ReadAll()
	if err != nil {
		panic(err)
	}
	number := func(s string) float64 {
		x, err := strconv.ParseFloat(s, 64)
		if err != nil {
			panic(err)
		}
		return x
	}
	var obs []sales.Observation
	for _, r := range rows[1:] {
		day, err := time.Parse("02-01-2006", r[1])
		if err != nil {
			panic(err)
		}
		o := sales.Observation{Key: sales.Key{r[0]}, Period: sales.Date(day.Date()), Target: number(r[2])}
		for _, cell := range r[3:] {
			o.Columns = append(o.Columns, number(cell))
		}
		obs = append(obs, o)
	}
	p, err := sales.NewPanel(sampleSchema(), obs)
	if err != nil {
		panic(err)
	}
	return p
})

// fakeModel answers with numbers that tell what it was asked.
type fakeModel struct {
	schema   sales.Schema
	predict  func(sales.Row) (float64, error)
	forecast func(model string, key sales.Key, step int) (float64, error)
}

func (m *fakeModel) Schema() sales.Schema { return m.schema }

func (m *fakeModel) Predict(_ context.Context, history sales.Panel, rows []sales.Row) ([]sales.Prediction, error) {
	out := make([]sales.Prediction, len(rows))
	for i, r := range rows {
		v, err := m.predict(r)
		if err != nil {
			return nil, err
		}
		if _, ok := history.Find(r.Key); !ok {
			return nil, fmt.Errorf("the history lacks %s", r.Key)
		}
		out[i] = sales.Prediction{Key: r.Key, Period: r.Period, Value: v, Warnings: []string{"a guess"}}
	}
	return out, nil
}

func (m *fakeModel) Forecast(_ context.Context, history sales.Panel, model string, r sales.Request) ([]sales.Forecast, error) {
	var out []sales.Forecast
	for _, key := range r.Keys {
		s, ok := history.Find(key)
		if !ok {
			return nil, fmt.Errorf("the history lacks %s", key)
		}
		f := sales.Forecast{Key: key, Origin: s.Origin()}
		for h := 1; h <= r.Steps; h++ {
			v, err := m.forecast(model, key, h)
			if err != nil {
				return nil, err
			}
			name := model
			if model == "auto" { // the one for near and the one for far
				name = []string{"arima", "seasonal_naive"}[min(h/3, 1)]
			}
			f.Points = append(f.Points, sales.Point{Period: s.Frequency.Add(f.Origin, h), Horizon: h, Model: name, Mean: v})
		}
		out = append(out, f)
	}
	return out, nil
}

// statsmodelsARIMA is ARIMA(5,1,0) of two stores by statsmodels 0.15.0.
var statsmodelsARIMA = map[string][]float64{
	"1":  {1565441.0412, 1524020.5461, 1530962.8912, 1530656.9034, 1545704.8177},
	"45": {750791.4013, 745211.5691, 739952.6248, 750432.9555},
}

// newModel returns a model that knows arima and auto; what it predicts is the
// day's number with the temperature as cents.
func newModel() *fakeModel {
	return &fakeModel{
		schema: sampleSchema(),
		predict: func(r sales.Row) (float64, error) {
			return float64(r.Period) + r.Columns[1]/100 + 0.0004, nil
		},
		forecast: func(model string, key sales.Key, step int) (float64, error) {
			switch known := statsmodelsARIMA[key.String()]; {
			case model != "arima" && model != "auto":
				return 0, fault.New(fault.NotFound, "the pipeline has no model %q", model).WithHint("salesctl train --model %s adds it", model)
			case step <= len(known):
				return known[step-1], nil
			}
			return 1000 * float64(step), nil
		},
	}
}

// fakeStore is History and Recorder. What it is given never enters its panel.
type fakeStore struct {
	panel     sales.Panel
	panelErr  error
	recordErr error

	mu     sync.Mutex
	served []sales.Served
}

func (s *fakeStore) Panel(context.Context) (sales.Panel, error) { return s.panel, s.panelErr }

func (s *fakeStore) Record(_ context.Context, served []sales.Served) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.served = append(s.served, served...)
	return s.recordErr
}

func (s *fakeStore) all() []sales.Served {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]sales.Served(nil), s.served...)
}

// safeBuffer is a log that handlers write and tests read.
type safeBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// api is a server on loopback with everything around it.
type api struct {
	*httptest.Server
	model *fakeModel
	store *fakeStore
	log   *safeBuffer
}

// testTime is when everything is served.
var testTime = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func newAPI(t testing.TB) *api {
	t.Helper()
	a := &api{model: newModel(), store: &fakeStore{panel: samplePanel()}, log: &safeBuffer{}}
	a.start(t)
	return a
}

// start serves what a holds, which tests may have changed.
func (a *api) start(t testing.TB) {
	t.Helper()
	if a.Server != nil {
		a.Close()
	}
	a.Server = httptest.NewServer(a.handler(t))
	t.Cleanup(a.Close)
}

func (a *api) handler(t testing.TB) http.Handler {
	t.Helper()
	h, err := New(Options{
		Model: a.model, Version: "v7", History: a.store, Recorder: a.store,
		Logger: slog.New(slog.NewTextHandler(a.log, nil)),
		Now:    func() time.Time { return testTime },
		NewID:  func() string { return "made-here" },
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// reply is an answer, read to its end.
type reply struct {
	status int
	header http.Header
	body   string
}

// do asks over HTTP; a body of "" is no body. Bodies are declared as JSON.
func (a *api) do(t testing.TB, method, url, body string, headers ...string) reply {
	t.Helper()
	var content io.Reader
	if body != "" {
		content = strings.NewReader(body)
	}
	req, err := http.NewRequest(method, a.URL+url, content)
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := a.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{resp.StatusCode, resp.Header, string(text)}
}
