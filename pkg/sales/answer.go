package sales

import (
	"strings"

	"github.com/salesctl/salesctl/pkg/fault"
)

// ForecastEach answers a request series by series: it checks the steps, finds
// the series that are asked for and hands each to answer. A key without an
// actual is a fault.NotFound.
func (p Panel) ForecastEach(r Request, answer func(Series) (Forecast, error)) ([]Forecast, error) {
	if r.Steps < 1 || r.Steps > MaxSteps {
		return nil, fault.New(fault.Usage, "steps is %d, want 1 to %d", r.Steps, MaxSteps)
	}
	keys := r.Keys
	if keys == nil {
		keys = p.Keys()
	}
	out := make([]Forecast, 0, len(keys))
	for _, k := range keys {
		s, err := p.Sold(k)
		if err != nil {
			return nil, err
		}
		forecast, err := answer(s)
		if err != nil {
			return nil, err
		}
		out = append(out, forecast)
	}
	return out, nil
}

// Sold returns the series of the key, which has at least one actual; else the
// error is a fault.NotFound.
func (p Panel) Sold(k Key) (Series, error) {
	s, ok := p.Find(k)
	if !ok || s.Actuals() == 0 {
		return Series{}, fault.New(fault.NotFound, "%s not found", p.Describe(k)).
			WithHint("`salesctl data show` lists what there is")
	}
	return s, nil
}

// Describe names a key as its owner would: store 1, store 1 dept 7.
func (s Schema) Describe(k Key) string {
	if len(k) != len(s.KeyNames) || len(k) == 0 {
		return "series " + k.String()
	}
	parts := make([]string, len(k))
	for i, name := range s.KeyNames {
		parts[i] = name + " " + k[i]
	}
	return strings.Join(parts, " ")
}
