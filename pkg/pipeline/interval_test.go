package pipeline

import (
	"math"
	"testing"

	"github.com/salesctl/salesctl/pkg/conformal"
	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/metrics"
	"github.com/salesctl/salesctl/pkg/sales"
)

// flat is bands of as many scales as the horizon is periods long, times 1, 2, 3 and
// 4 for the four levels.
func flat(horizons int) conformal.Table {
	t := conformal.Table{Levels: Levels()}
	for h := 1; h <= horizons; h++ {
		row := conformal.Row{Horizon: h, N: 100}
		for i := range t.Levels {
			row.Bands = append(row.Bands, conformal.Band{Lower: -float64(h * (i + 1)), Upper: float64(h * (i + 1))})
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func TestIntervalsAreInUnitsOfTheSeriesScale(t *testing.T) {
	data := sample(t, 2)
	bands := map[string]conformal.Table{"naive": flat(4)}
	p := open(t, train(t, data, Recipe{}, Evaluation{Bands: bands}).File)
	for _, f := range forecast(t, p, data, "naive", sales.Request{Steps: 4, Levels: []float64{80, 50}}) {
		s, _ := data.Find(f.Key)
		scale := metrics.Scale(s.Target, 52)
		for _, point := range f.Points {
			if len(point.Intervals) != 2 || point.Intervals[0].Level != 80 {
				t.Fatalf("%+v", point)
			}
			for i, times := range []float64{2, 1} {
				want := times * float64(point.Horizon) * scale
				in := point.Intervals[i]
				if math.Abs(in.Upper-point.Mean-want) > 1e-6 || math.Abs(point.Mean-in.Lower-want) > 1e-6 && in.Lower != 0 {
					t.Errorf("horizon %d: %+v around %v, want %v to each side", point.Horizon, in, point.Mean, want)
				}
			}
		}
	}
	without := forecast(t, p, data, "naive", sales.Request{Steps: 1})
	if without[0].Points[0].Intervals != nil {
		t.Error("intervals that nobody asked for")
	}
}

// A series that never sold less than nothing is not expected to; one that did is.
func TestIntervalsEndAtZeroWhereSalesDo(t *testing.T) {
	bands := map[string]conformal.Table{"naive": flat(1)}
	for _, tt := range []struct {
		actuals []float64
		lower   float64
	}{
		{[]float64{0, 4, 0, 4}, 0},
		{[]float64{-1, 3, -1, 3}, 3 - 4*4},
	} {
		last := tt.actuals[3]
		f := sales.Forecast{Points: []sales.Point{{Horizon: 1, Model: "naive", Mean: last}}}
		around(&f, tt.actuals, 1, bands, []float64{95})
		if in := f.Points[0].Intervals[0]; in.Lower != tt.lower || in.Upper != last+16 {
			t.Errorf("%v: %+v", tt.actuals, in)
		}
	}
	f := sales.Forecast{Points: []sales.Point{{Horizon: 1, Model: "stranger"}}}
	if around(&f, []float64{1, 2}, 1, bands, []float64{80}); f.Points[0].Intervals != nil || len(f.Warnings) != 1 {
		t.Errorf("a forecaster without bands: %+v", f)
	}
}

func TestIntervalsThatThereAreNot(t *testing.T) {
	data := sample(t, 1)
	bare := open(t, train(t, data, Recipe{}, Evaluation{}).File)
	_, err := bare.Forecast(t.Context(), data, Auto, sales.Request{Steps: 1, Levels: []float64{80}})
	if !fault.Is(err, fault.NotFound) {
		t.Errorf("without a backtest: %v", err)
	}
	p := open(t, train(t, data, Recipe{}, Evaluation{Bands: map[string]conformal.Table{"naive": flat(1)}}).File)
	if _, err = p.Forecast(t.Context(), data, "naive", sales.Request{Steps: 1, Levels: []float64{99}}); !fault.Is(err, fault.Usage) {
		t.Errorf("another level: %v", err)
	}
}

// Bands that no calibration gives are refused when the file is opened.
func TestDamagedBandsAreRefused(t *testing.T) {
	file := train(t, sample(t, 1), Recipe{}, Evaluation{Bands: map[string]conformal.Table{"naive": flat(2)}}).File
	for name, body := range map[string]string{
		"no JSON":         `{`,
		"no rows":         `{"naive":{"levels":[80]}}`,
		"a band missing":  `{"naive":{"levels":[80,95],"rows":[{"horizon":1,"bands":[{"lower":-1,"upper":1}]}]}}`,
		"upside down":     `{"naive":{"levels":[80],"rows":[{"horizon":1,"bands":[{"lower":1,"upper":-1}]}]}}`,
		"horizon 0":       `{"naive":{"levels":[80],"rows":[{"horizon":0,"bands":[{"lower":-1,"upper":1}]}]}}`,
		"levels unsorted": `{"naive":{"levels":[95,80],"rows":[{"horizon":1,"bands":[{"lower":-1,"upper":1},{"lower":-1,"upper":1}]}]}}`,
	} {
		bad := rewrite(t, file, bandsSection, func([]byte) []byte { return []byte(body) })
		if err := use(bad); !fault.Is(err, fault.Integrity) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
