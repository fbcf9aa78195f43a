package pipeline

import (
	"math"
	"testing"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/sales"
)

// What is explained is what is predicted, by each regressor and by their mean.
func TestExplanationsAddUpToPredictions(t *testing.T) {
	data := sample(t, 3)
	p := open(t, train(t, data, small(), Evaluation{}).File)
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
