package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"sync"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/features"
	"github.com/salesctl/salesctl/pkg/model"
	"github.com/salesctl/salesctl/pkg/sales"
)

// trees is what learns from rows: one encoder and the regressors over it. It
// never changes.
type trees struct {
	encoder *features.Encoder
	names   []string // of the regressors
	models  []model.RowPredictor

	warnings []string // of the training
}

// past is what a row looks back at: its own series and what the chain sold.
type past struct {
	sales.Series
	chain *features.Chain
}

// answer writes what the regressors in use, by index, say of the period into
// parts, reading of the history only what lies before the period.
func (t *trees) answer(parts []float64, use []int, history past, period sales.Period, known []float64) error {
	x, scale, err := t.input(history, period, known)
	if err != nil {
		return err
	}
	for _, i := range use {
		parts[i] = t.encoder.Target().Undo(t.models[i].PredictRow(x), scale)
	}
	return nil
}

// input returns what the regressors are given for the period, and its scale.
func (t *trees) input(history past, period sales.Period, known []float64) (x []float32, scale float64, err error) {
	x = make([]float32, t.encoder.Width())
	if err := t.encoder.Row(x, history.Series, history.chain, period, known); err != nil {
		return nil, 0, err
	}
	scale = t.encoder.Scale(history.Series, period)
	if math.IsNaN(scale) {
		return nil, 0, fault.New(fault.Invalid, "%s has no sales before %s", history.Key, period)
	}
	return x, scale, nil
}

// trainer trains trees, each panel once, so that candidates which share
// regressors (rf, gbt and their mean) share the work.
type trainer struct {
	features features.Options
	names    []string
	learners []model.Learner
	shares   int // candidates that fit each panel

	mu   sync.Mutex
	runs map[[sha256.Size]byte]*run
}

// run is the training on one panel.
type run struct {
	result func() (*trees, error)
	left   int // candidates that have not asked for it yet
}

func (t *trainer) fit(ctx context.Context, p sales.Panel) (*trees, error) {
	key := fingerprint(p)
	out, err := t.run(ctx, key, p).result()
	if err != nil { // perhaps another caller's context, and not this panel's fault
		t.mu.Lock()
		delete(t.runs, key)
		t.mu.Unlock()
	}
	return out, err
}

// run returns the training on the panel, and forgets it when all who share it
// have come: the trees of a large chain take hundreds of megabytes a fold.
func (t *trainer) run(ctx context.Context, key [sha256.Size]byte, p sales.Panel) *run {
	t.mu.Lock()
	defer t.mu.Unlock()
	r, ok := t.runs[key]
	if !ok {
		r = &run{left: t.shares, result: sync.OnceValues(func() (*trees, error) { return t.train(ctx, p) })}
		if t.runs == nil {
			t.runs = map[[sha256.Size]byte]*run{}
		}
		t.runs[key] = r
	}
	if r.left--; r.left <= 0 {
		delete(t.runs, key)
	}
	return r
}

// fingerprint tells panels apart by all that they hold.
func fingerprint(p sales.Panel) [sha256.Size]byte {
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "%q\n", p.Schema)
	var b []byte
	for _, s := range p.Series {
		_, _ = fmt.Fprintf(h, "%q %q %d\n", s.Key, s.Static, s.Start)
		for _, values := range append([][]float64{s.Target}, s.Columns...) {
			b = b[:0]
			for _, v := range values {
				b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
			}
			h.Write(b)
		}
	}
	return [sha256.Size]byte(h.Sum(nil))
}

func (t *trainer) train(ctx context.Context, p sales.Panel) (*trees, error) {
	encoder, warnings, err := features.Fit(p, t.features)
	if err != nil {
		return nil, err
	}
	table, err := encoder.Transform(p)
	if err != nil {
		return nil, err
	}
	out := &trees{encoder: encoder, names: t.names, warnings: warnings}
	for i, learner := range t.learners {
		fitted, err := Learn(ctx, learner, table, table.Dataset())
		if err != nil {
			return nil, fmt.Errorf("fit %s: %w", t.names[i], err)
		}
		m, ok := fitted.(model.RowPredictor)
		if !ok {
			return nil, fault.New(fault.Usage, "%s cannot answer for single rows", t.names[i])
		}
		out.models = append(out.models, m)
	}
	return out, nil
}
