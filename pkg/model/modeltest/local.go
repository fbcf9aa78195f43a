package modeltest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/model"
)

// Local runs the suite for an algorithm that learns from one series. local
// makes it; unmarshal is its package's reader of what MarshalBinary writes.
func Local(t *testing.T, local func() model.Local, unmarshal func([]byte) (model.LocalFit, error)) {
	t.Helper()
	runAll(t, localSuite{local, unmarshal}.checks())
}

type localSuite struct {
	local     func() model.Local
	unmarshal func([]byte) (model.LocalFit, error)
}

func (s localSuite) checks() []check {
	return []check{
		{"fits the same bytes twice", s.deterministic},
		{"answers for each step", s.steps},
		{"a longer path begins with the shorter", s.prefix},
		{"refuses steps below one", s.badSteps},
		{"forecasts from a longer history", s.longerHistory},
		{"leaves its input alone", s.inputUnchanged},
		{"missing periods", s.missing},
		{"short series", s.short},
		{"refuses a series without values", s.empty},
		{"constant series", s.constant},
		{"round trip", s.roundTrip},
		{"survives damaged bytes", s.damaged},
		{"stops when cancelled", s.cancelled},
		{"concurrent forecasts", s.concurrent},
	}
}

const (
	seriesLen    = 143
	seriesSeason = 52
	steps        = 8
)

// weeks returns n weeks of sales in dollars, with a trend, a season of a year
// and noise; a shorter one is the beginning of a longer one.
func weeks(n int) model.Series {
	rng := rand.New(rand.NewPCG(3, 4))
	y := make([]float64, n)
	for i := range y {
		season := math.Sin(2 * math.Pi * float64(i) / seriesSeason)
		y[i] = 1e6 + 500*float64(i) + 1e5*season + 3e4*rng.NormFloat64()
	}
	return model.Series{Y: y, Season: seriesSeason}
}

func (s localSuite) fit(y model.Series) (model.LocalFit, error) {
	return s.local().FitSeries(context.Background(), y)
}

// fitted returns a fit of the suite's series and the series.
func (s localSuite) fitted() (model.LocalFit, model.Series, error) {
	y := weeks(seriesLen)
	f, err := s.fit(y)
	return f, y, err
}

// forecast returns the h values of a path that must be finite.
func forecast(f model.LocalFit, h int, y model.Series) ([]float64, error) {
	p, err := f.Forecast(context.Background(), h, y, nil)
	if err != nil {
		return nil, err
	}
	if len(p.Mean) != h {
		return nil, fmt.Errorf("%d values were forecast, want %d", len(p.Mean), h)
	}
	return p.Mean, finite("forecast", p.Mean)
}

func (s localSuite) deterministic() error {
	var stored [2][]byte
	var paths [2][]float64
	for i := range stored {
		f, y, err := s.fitted()
		if err != nil {
			return err
		}
		if stored[i], err = f.MarshalBinary(); err != nil {
			return err
		}
		if paths[i], err = forecast(f, steps, y); err != nil {
			return err
		}
	}
	if !bytes.Equal(stored[0], stored[1]) {
		return errors.New("two fits of the same series are stored as different bytes")
	}
	return sameBits("first fit, then second", paths[0], paths[1])
}

func (s localSuite) steps() error {
	f, y, err := s.fitted()
	if err != nil {
		return err
	}
	for _, h := range []int{1, steps, 2*seriesSeason + 3, 520} {
		if _, err := forecast(f, h, y); err != nil {
			return fmt.Errorf("%d steps: %w", h, err)
		}
	}
	return nil
}

func (s localSuite) prefix() error {
	f, y, err := s.fitted()
	if err != nil {
		return err
	}
	short, errShort := forecast(f, steps, y)
	long, errLong := forecast(f, 3*steps, y)
	if err := errors.Join(errShort, errLong); err != nil {
		return err
	}
	return sameBits("short path, then long", short, long[:steps])
}

func (s localSuite) badSteps() error {
	f, y, err := s.fitted()
	if err != nil {
		return err
	}
	for _, h := range []int{0, -1} {
		if _, err := f.Forecast(context.Background(), h, y, nil); err == nil {
			return fmt.Errorf("%d steps were forecast", h)
		}
	}
	return nil
}

// longerHistory also checks that the new periods leave no trace in the fit.
func (s localSuite) longerHistory() error {
	f, y, err := s.fitted()
	if err != nil {
		return err
	}
	before, err := forecast(f, steps, y)
	if err != nil {
		return err
	}
	for _, more := range []int{1, 7, seriesSeason} {
		if _, err := forecast(f, steps, weeks(seriesLen+more)); err != nil {
			return fmt.Errorf("%d periods more than fitted: %w", more, err)
		}
	}
	after, err := forecast(f, steps, y)
	return errors.Join(err, sameBits("before longer histories, then after", before, after))
}

func (s localSuite) inputUnchanged() error {
	y := weeks(seriesLen)
	y.Y[9] = math.NaN()
	want := slices.Clone(y.Y)
	f, err := s.fit(y)
	if err != nil {
		return err
	}
	if _, err := forecast(f, steps, y); err != nil {
		return err
	}
	return sameBits("the series before, then after", want, y.Y)
}

// missing drops periods at the beginning, inside, and at the end.
func (s localSuite) missing() error {
	gaps := map[string][]int{
		"first":     {0, 1},
		"inside":    {20, 70, 71, 72, 100},
		"last":      {seriesLen - 1},
		"last many": {seriesLen - 4, seriesLen - 3, seriesLen - 2, seriesLen - 1},
	}
	for name, at := range gaps {
		y := weeks(seriesLen)
		for _, i := range at {
			y.Y[i] = math.NaN()
		}
		f, err := s.fit(y)
		if err != nil {
			return fmt.Errorf("%s missing: %w", name, err)
		}
		if _, err := forecast(f, steps, y); err != nil {
			return fmt.Errorf("%s missing: %w", name, err)
		}
	}
	return nil
}

// short asks that a series is either refused, as invalid data, or forecast.
func (s localSuite) short() error {
	full, _, err := s.fitted()
	if err != nil {
		return err
	}
	for n := 1; n <= 2*seriesSeason; n++ {
		y := weeks(n)
		if f, err := s.fit(y); err == nil {
			if _, err := forecast(f, steps, y); err != nil {
				return fmt.Errorf("a fit to %d periods does not forecast from them: %w", n, err)
			}
		} else if !fault.Is(err, fault.Invalid) {
			return wantInvalid(fmt.Sprintf("fitting %d periods", n), err)
		}
		if _, err := forecast(full, steps, y); err != nil && !fault.Is(err, fault.Invalid) {
			return wantInvalid(fmt.Sprintf("forecasting from %d periods", n), err)
		}
	}
	return nil
}

func (s localSuite) empty() error {
	full, _, err := s.fitted()
	if err != nil {
		return err
	}
	nan := math.NaN()
	for _, y := range [][]float64{nil, {}, {nan}, {nan, nan, nan, nan}} {
		series := model.Series{Y: y, Season: seriesSeason}
		_, errFit := s.fit(series)
		_, errPath := full.Forecast(context.Background(), steps, series, nil)
		if err := errors.Join(
			wantInvalid(fmt.Sprintf("fitting %v", y), errFit),
			wantInvalid(fmt.Sprintf("forecasting from %v", y), errPath),
		); err != nil {
			return err
		}
	}
	return nil
}

func (s localSuite) constant() error {
	const level = 123456.75
	y := model.Series{Y: slices.Repeat([]float64{level}, seriesLen), Season: seriesSeason}
	f, err := s.fit(y)
	if err != nil {
		return err
	}
	p, err := forecast(f, steps, y)
	return errors.Join(err, allNear("forecast", p, level, 1e-5))
}

func (s localSuite) roundTrip() error {
	f, y, err := s.fitted()
	if err != nil {
		return err
	}
	stored, err := f.MarshalBinary()
	if err != nil {
		return err
	}
	read, err := s.unmarshal(bytes.Clone(stored))
	if err != nil {
		return err
	}
	again, err := read.MarshalBinary()
	if err != nil {
		return err
	}
	if !bytes.Equal(stored, again) {
		return errors.New("a fit that was read is stored as other bytes")
	}
	a, errA := forecast(f, steps, y)
	b, errB := forecast(read, steps, y)
	return errors.Join(errA, errB, sameBits("before, then after", a, b))
}

func (s localSuite) damaged() error {
	f, y, err := s.fitted()
	if err != nil {
		return err
	}
	stored, err := f.MarshalBinary()
	if err != nil {
		return err
	}
	return survivesDamage(stored, func(data []byte) error {
		f, err := s.unmarshal(data)
		if err != nil {
			return wantIntegrity(err)
		}
		p, err := f.Forecast(context.Background(), steps, y, nil)
		if err == nil && len(p.Mean) != steps {
			return fmt.Errorf("%d values were forecast, want %d", len(p.Mean), steps)
		}
		return nil
	})
}

func (s localSuite) cancelled() error {
	f, y, err := s.fitted()
	if err != nil {
		return err
	}
	_, errFit := s.local().FitSeries(cancelled(), y)
	_, errPath := f.Forecast(cancelled(), steps, y, nil)
	return errors.Join(wantCancelled("FitSeries", errFit), wantCancelled("Forecast", errPath))
}

func (s localSuite) concurrent() error {
	f, y, err := s.fitted()
	if err != nil {
		return err
	}
	want, err := forecast(f, steps, y)
	if err != nil {
		return err
	}
	return concurrently(func() error {
		got, err := forecast(f, steps, y)
		return errors.Join(err, sameBits("alone, then among others", want, got))
	})
}
