package serve

import (
	"fmt"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/sales"
)

// What a forecast is where the request does not say.
const (
	defaultSteps = 3
	defaultModel = "arima"
)

// outlook is the question of POST /forecast_sales.
type outlook struct {
	store   *big.Int
	steps   int
	model   string
	from    source // where model stands, for the error that it means nothing
	inQuery bool   // the shape of the request, and so of the answer
}

// forecast answers POST /forecast_sales.
func (s *server) forecast(h http.Header, r *http.Request) (any, error) {
	if s.unmapped != nil {
		return nil, s.unmapped
	}
	q, err := readOutlook(r)
	if err != nil {
		return nil, err
	}
	ctx := r.Context()
	panel, err := s.History.Panel(ctx)
	if err != nil {
		return nil, err
	}
	series, err := findStore(panel, q.store)
	if err != nil {
		return nil, err
	}
	got, err := s.Model.Forecast(ctx, panel, q.model, sales.Request{Keys: []sales.Key{series.Key}, Steps: q.steps})
	if err != nil {
		return nil, refusal(err, fault.Usage, q.model, q.from.part, "model")
	}
	if err := checkForecast(got, q.steps); err != nil {
		return nil, fmt.Errorf("%s of store %s: %w", q.model, series.Key, err)
	}
	s.warn(ctx, got[0].Warnings)
	s.record(ctx, servedOf(got[0]))
	run, err := s.forecastRecord(q, got[0])
	if err != nil {
		return nil, err
	}
	s.infer(ctx, h, run)
	h.Set(headerModel, strings.Join(modelsOf(got[0].Points), ", "))
	h.Set(headerVersion, s.Version)
	if q.inQuery {
		return queryShape(got[0].Points), nil
	}
	return bodyShape(got[0].Points), nil
}

// readOutlook reads the query where it names the store, and then never looks at
// the body, else the body, whose steps and model a query may still override.
func readOutlook(r *http.Request) (outlook, error) {
	query := querySource(r.URL.RawQuery)
	src := query
	if !query.has("store_id") {
		body, err := readAll(r)
		if err != nil {
			return outlook{}, err
		}
		if len(body) > 0 {
			if src, err = bodySource(body, r.Header.Get("Content-Type")); err != nil {
				return outlook{}, err
			}
		}
	}
	of := func(name string) source {
		if query.has(name) {
			return query
		}
		return src
	}
	var f form
	q := outlook{store: f.integer(src, "store_id"), steps: defaultSteps, model: defaultModel, from: of("model"), inQuery: src.part == query.part}
	if steps := of("steps"); steps.has("steps") {
		q.steps = int(f.between(steps, "steps", 1, sales.MaxSteps))
	}
	if q.from.has("model") {
		q.model = f.text(q.from, "model")
	}
	return q, f.fail()
}

// checkForecast refuses an answer that a client could not read.
func checkForecast(got []sales.Forecast, steps int) error {
	if len(got) != 1 || len(got[0].Points) != steps {
		return fmt.Errorf("not one forecast of %d steps: %v", steps, got)
	}
	for _, p := range got[0].Points {
		if !finite(p.Mean) {
			return fmt.Errorf("no number for %s", p.Period)
		}
	}
	return nil
}

// servedOf returns the records of a forecast, one a point.
func servedOf(f sales.Forecast) []sales.Served {
	out := make([]sales.Served, len(f.Points))
	for i, p := range f.Points {
		out[i] = sales.Served{Model: p.Model, Key: f.Key, Period: p.Period, Horizon: p.Horizon, Value: p.Mean}
	}
	return out
}

// modelsOf names the models that answered, in the order of their first point.
func modelsOf(points []sales.Point) []string {
	var names []string
	for _, p := range points {
		if !slices.Contains(names, p.Model) {
			names = append(names, p.Model)
		}
	}
	return names
}

// queryPoint is a point as clients of the query expect it.
type queryPoint struct {
	Date  string // dd-mm-yyyy
	Sales string // dollars with two decimals
}

// queryShape is what the Python original's code answers.
func queryShape(points []sales.Point) any {
	out := make([]queryPoint, len(points))
	for i, p := range points {
		out[i] = queryPoint{p.Period.Format("02-01-2006"), cents(p.Mean)}
	}
	return map[string][]queryPoint{"predictions": out}
}

// bodyPoint is a point as clients of the body expect it.
type bodyPoint struct {
	Date  string // ISO
	Sales real   // dollars, rounded to two decimals
}

// bodyShape is what the Python original's README shows.
func bodyShape(points []sales.Point) any {
	out := make([]bodyPoint, len(points))
	for i, p := range points {
		out[i] = bodyPoint{p.Period.Format(time.DateOnly), rounded(p.Mean)}
	}
	return out
}
