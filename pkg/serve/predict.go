package serve

import (
	"context"
	"fmt"
	"math"
	"math/big"
	"net/http"
	"strings"
	"time"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/sales"
)

// Headers that name what answered.
const (
	headerModel   = "X-Model"
	headerVersion = "X-Model-Version"
)

// rowModel is what answers rows: the mean of the random forest and the boosting.
const rowModel = "rf_gbt_mean"

// row is the question of POST /predict_sales.
type row struct {
	store  *big.Int
	day    sales.Period
	input  string                  // the day as it came
	values [len(rowFields)]float64 // by rowFields
}

// predict answers POST /predict_sales.
func (s *server) predict(h http.Header, r *http.Request) (any, error) {
	if s.unmapped != nil {
		return nil, s.unmapped
	}
	q, err := readRow(r)
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
	ask := q.of(series, s.Model.Schema())
	got, err := s.Model.Predict(ctx, panel, []sales.Row{ask})
	if err != nil {
		return nil, refusal(err, fault.Invalid, q.input, "body", "Date")
	}
	if len(got) != 1 || !finite(got[0].Value) {
		return nil, fmt.Errorf("no number for %s %s: %v", ask.Key, ask.Period, got)
	}
	s.warn(ctx, got[0].Warnings)
	s.record(ctx, []sales.Served{{Model: rowModel, Key: ask.Key, Period: ask.Period, Value: got[0].Value, Columns: ask.Columns}})
	s.infer(ctx, h, predictionRecord(q, got[0]))
	h.Set(headerModel, rowModel)
	h.Set(headerVersion, s.Version)
	return map[string]real{"prediction": rounded(got[0].Value)}, nil
}

// readRow reads the body.
func readRow(r *http.Request) (row, error) {
	body, err := readAll(r)
	if err != nil {
		return row{}, err
	}
	src, err := bodySource(body, r.Header.Get("Content-Type"))
	if err != nil {
		return row{}, err
	}
	var f form
	q := row{store: f.integer(src, "Store")}
	q.day, q.input = f.day(src, "Date")
	q.values[0] = float64(f.between(src, rowFields[0], 0, 1))
	for i, name := range rowFields[1:] {
		q.values[i+1] = f.real(src, name)
	}
	return q, f.fail()
}

// day reads a date as dd-mm-yyyy, which the clients send, or ISO; no text is both.
func (f *form) day(src source, name string) (sales.Period, string) {
	was := len(f.details)
	text := f.text(src, name)
	if len(f.details) > was {
		return 0, text
	}
	for _, layout := range []string{"2-1-2006", time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil && t.Year() > 0 {
			return sales.Date(t.Date()), text
		}
	}
	f.details = append(f.details, badValue("Date should be a day as dd-mm-yyyy or yyyy-mm-dd", text, src.part, name))
	return 0, text
}

// of turns the question into a row of the data: the day becomes the period that
// contains it, and columns that nobody asks for are unknown.
func (q row) of(series sales.Series, schema sales.Schema) sales.Row {
	period := schema.Frequency.Of(q.day)
	out := sales.Row{Key: series.Key, Period: period, Columns: make([]float64, len(schema.ColumnNames))}
	for i := range out.Columns {
		out.Columns[i] = math.NaN()
	}
	for i, field := range rowFields {
		out.Columns[schema.Column(strings.ToLower(field))] = q.values[i]
	}
	return out
}

// refusal is a model's error; one of the kind that calls the question itself
// wrong becomes the 422 for the field that asked it.
func refusal(err error, kind fault.Kind, input any, loc ...any) error {
	if !fault.Is(err, kind) {
		return err
	}
	return &validationError{[]detail{badValue(withHint(err), input, loc...)}}
}

// finite tells whether a number can be served: JSON has no other.
func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// warn logs what the model says beside its numbers; these URLs have no place for it.
func (s *server) warn(ctx context.Context, warnings []string) {
	for _, w := range warnings {
		s.Logger.InfoContext(ctx, w, "request_id", requestID(ctx))
	}
}
