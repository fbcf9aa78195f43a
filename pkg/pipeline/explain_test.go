package pipeline

import (
	"math"
	"testing"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/features"
	"github.com/salesctl/salesctl/pkg/sales"
)

// What is explained is what is predicted, by each regressor and by their mean.
func TestExplanationsAddUpToPredictions(t *testing.T) {
	for name, r := range map[string]Recipe{"plain": small(), "log": logarithms()} {
		t.Run(name, func(t *testing.T) { explanationsAddUp(t, r) })
	}
}

func explanationsAddUp(t *testing.T, r Recipe) {
	data := sample(t, 3)
	p := open(t, train(t, data, r, Evaluation{}).File)
	rows := append(rowsOf(data, sales.Date(2012, 9, 7)), sales.Row{Key: sales.Key{"2"}, Period: sales.Date(2012, 11, 23)})
	predictions, err := p.Predict(t.Context(), data, rows)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"rf", "gbt", Mean} {
		explained, err := p.Explain(t.Context(), data, rows, name)
		if err != nil {
			t.Fatal(err)
		}
		for i, e := range explained {
			want := predictions[i].Value
			for _, part := range predictions[i].Parts {
				if part.Model == name {
					want = part.Value
				}
			}
			sum := e.Mean
			moved := 0
			for _, f := range e.Features {
				sum += f.Worth
				if f.Worth != 0 {
					moved++
				}
			}
			if math.Abs(sum/e.Prediction-1) > 1e-9 || math.Abs(e.Prediction/want-1) > 1e-6 || moved < 3 {
				t.Errorf("%s %s %s: %d features make %v of %v, predicted is %v", name, e.Key, e.Period, moved, sum, e.Prediction, want)
			}
		}
	}
}

// Of logarithms, a part keeps its share of the difference: log 2 is a third of log 8.
func TestInUnit(t *testing.T) {
	for _, tc := range []struct {
		target       features.Target
		of           []float64
		mean, factor float64
	}{
		{features.Plain, []float64{0.25, -0.5, 2}, 20, 10},
		{features.Log, []float64{math.Log(2), math.Log(4), math.Log(3)}, 30, (240 - 30) / math.Log(8)},
		{features.Log, []float64{math.Log(2), -math.Log(2), math.Log(3)}, 30, 30},
	} {
		mean, factor := inUnit(tc.target, tc.of, 10)
		if math.Abs(mean-tc.mean) > 1e-9 || math.Abs(factor-tc.factor) > 1e-9 {
			t.Errorf("%s %v: mean %v, factor %v, want %v, %v", tc.target, tc.of, mean, factor, tc.mean, tc.factor)
		}
	}
}

func TestExplainRefuses(t *testing.T) {
	data := sample(t, 2)
	p := open(t, train(t, data, small(), Evaluation{}).File)
	rows := []sales.Row{{Key: sales.Key{"1"}, Period: sales.Date(2012, 10, 26)}}
	for name, kind := range map[string]fault.Kind{"arima": fault.Usage, "nope": fault.Usage, "extra_trees": fault.NotFound} {
		if _, err := p.Explain(t.Context(), data, rows, name); !fault.Is(err, kind) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
