package evaluate_test

import (
	"context"
	"errors"
	"hash/fnv"
	"math"
	"sync/atomic"

	"github.com/salesctl/salesctl/pkg/sales"
)

// sponge is a candidate whose every forecast depends on every bit it could get
// hold of: the panel of the fit, the one observed last and the future, up to
// the capacity of their slices.
type sponge struct {
	name    string
	blind   bool // its Fitted cannot observe
	fits    *atomic.Int64
	failAt  sales.Period // a fit or observation at this origin fails
	silent  func(sales.Key, sales.Period) bool
	warning string
}

var errSponge = errors.New("soaked")

func (s sponge) Name() string { return s.name }

func (s sponge) Fit(ctx context.Context, p sales.Panel) (sales.Fitted, error) {
	if s.fits != nil {
		s.fits.Add(1)
	}
	if s.failAt != 0 && p.Origin() >= s.failAt {
		return nil, errSponge
	}
	f := spongeFitted{sponge: s, fit: soak(p), history: p}
	if s.blind {
		return blind{f}, nil
	}
	return f, nil
}

type spongeFitted struct {
	sponge
	fit     uint64
	history sales.Panel
}

// blind hides Observe.
type blind struct{ sales.Fitted }

func (f spongeFitted) Observe(p sales.Panel) (sales.Fitted, error) {
	if f.failAt != 0 && p.Origin() >= f.failAt {
		return nil, errSponge
	}
	f.history = p
	return f, nil
}

func (f spongeFitted) Forecast(_ context.Context, r sales.Request) ([]sales.Forecast, error) {
	seen := f.fit ^ 3*soak(f.history)
	if r.Future != nil {
		seen ^= 5 * soak(*r.Future)
	}
	var out []sales.Forecast
	for _, key := range r.Keys {
		s, ok := f.history.Find(key)
		if !ok {
			return nil, errors.New("unknown " + key.String())
		}
		answer := sales.Forecast{Key: key, Origin: s.Origin()}
		for h := 1; h <= r.Steps; h++ {
			p := sales.Point{Period: s.Frequency.Add(s.Origin(), h), Horizon: h, Model: f.name}
			p.Mean = float64((seen^uint64(p.Period)*0x9e3779b97f4a7c15)>>40) / 100
			if f.silent != nil && f.silent(key, p.Period) {
				p.Mean = math.NaN()
			}
			answer.Points = append(answer.Points, p)
		}
		if f.warning != "" {
			answer.Warnings = []string{f.warning}
		}
		out = append(out, answer)
	}
	return out, nil
}

// soak hashes all that can be read through the panel.
func soak(p sales.Panel) uint64 {
	h := fnv.New64a()
	number := func(v float64) {
		b := math.Float64bits(v)
		for range 8 {
			_, _ = h.Write([]byte{byte(b)})
			b >>= 8
		}
	}
	for _, s := range p.Series[:cap(p.Series)] {
		_, _ = h.Write([]byte(s.Key.String()))
		number(float64(s.Start))
		for _, col := range append([][]float64{s.Target}, s.Columns...) {
			for _, v := range col[:cap(col)] {
				number(v)
			}
		}
	}
	return h.Sum64()
}

// carry forecasts the newest actual plus 1 a period: simple enough to be
// written out again in a test.
type carry struct{ name string }

func (c carry) Name() string { return c.name }

func (c carry) Fit(_ context.Context, p sales.Panel) (sales.Fitted, error) {
	return carryFitted{c, p}, nil
}

type carryFitted struct {
	carry
	history sales.Panel
}

func (f carryFitted) Observe(p sales.Panel) (sales.Fitted, error) {
	return carryFitted{f.carry, p}, nil
}

func (f carryFitted) Forecast(_ context.Context, r sales.Request) ([]sales.Forecast, error) {
	var out []sales.Forecast
	for _, key := range r.Keys {
		s, _ := f.history.Find(key)
		answer := sales.Forecast{Key: key, Origin: s.Origin()}
		for h := 1; h <= r.Steps; h++ {
			answer.Points = append(answer.Points, sales.Point{
				Period: s.Frequency.Add(s.Origin(), h), Horizon: h, Model: f.name, Mean: s.At(s.Origin()) + float64(h),
			})
		}
		out = append(out, answer)
	}
	return out, nil
}

// oracle is a candidate that knows every actual but what is off it adds.
type oracle struct {
	name string
	all  sales.Panel
	off  func(cutoff, date sales.Period) float64
}

func (o oracle) Name() string { return o.name }

func (o oracle) Fit(_ context.Context, p sales.Panel) (sales.Fitted, error) {
	return oracleFitted{o, p.Origin()}, nil
}

type oracleFitted struct {
	oracle
	cutoff sales.Period
}

func (o oracleFitted) Forecast(_ context.Context, r sales.Request) ([]sales.Forecast, error) {
	var out []sales.Forecast
	for _, key := range r.Keys {
		s, _ := o.all.Find(key)
		answer := sales.Forecast{Key: key, Origin: o.cutoff}
		for h := 1; h <= r.Steps; h++ {
			date := o.all.Frequency.Add(o.cutoff, h)
			answer.Points = append(answer.Points, sales.Point{Period: date, Horizon: h, Mean: s.At(date) + o.off(o.cutoff, date)})
		}
		out = append(out, answer)
	}
	return out, nil
}

// witness is a carry that hands on the requests it was asked.
type witness struct {
	carry
	seen chan sales.Request
}

func (w witness) Fit(_ context.Context, p sales.Panel) (sales.Fitted, error) {
	return witnessFitted{carryFitted{w.carry, p}, w.seen}, nil
}

type witnessFitted struct {
	carryFitted
	seen chan sales.Request
}

func (f witnessFitted) Forecast(ctx context.Context, r sales.Request) ([]sales.Forecast, error) {
	f.seen <- r
	return f.carryFitted.Forecast(ctx, r)
}
