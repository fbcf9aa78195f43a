package boost

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/model"
	"github.com/salesctl/salesctl/pkg/model/modeltest"
)

// losses are options of each objective, by its name.
func losses() map[string]Options {
	return map[string]Options{
		SquaredError:     {NEstimators: 10, RegAlpha: 1000},
		AbsoluteError:    {NEstimators: 10, Objective: AbsoluteError},
		QuantileError:    {NEstimators: 10, Objective: QuantileError, QuantileAlpha: 0.8},
		PseudoHuberError: {NEstimators: 10, Objective: PseudoHuberError, HuberSlope: 5e5, MaxDeltaStep: 2e5, MinChildWeight: new(0.1)},
	}
}

func TestSuiteOfObjectives(t *testing.T) {
	for name, o := range losses() {
		t.Run(name, func(t *testing.T) {
			o.EarlyStoppingRounds, o.EnableCategorical, o.ColsampleByLevel, o.ColsampleByNode = 3, true, 0.7, 0.7
			modeltest.Learner(t, func() model.Learner { return New(o) },
				func(b []byte) (model.Regressor, error) { return Unmarshal(b) })
		})
	}
}

// The numbers of numpy.quantile(method="weibull"), which is the same formula, and
// steps counted by hand.
func TestQuantileOf(t *testing.T) {
	values := []float32{40, 10, 30, 20}
	for _, c := range []struct {
		alpha  float64
		weight []float32
		want   float32
	}{
		{0.5, nil, 25}, {0.25, nil, 12.5}, {0.9, nil, 40}, {0.01, nil, 10}, {0.7, nil, 35},
		{0.5, []float32{1, 1, 1, 1}, 20}, {0.51, []float32{1, 1, 1, 1}, 30}, {0.5, []float32{4, 1, 1, 1}, 40},
		{0.99, []float32{0, 1, 1, 1}, 30}, {0.01, []float32{1, 0.001, 1, 1}, 20},
	} {
		if got := quantileOf(slices.Clone(values), c.weight, c.alpha); got != c.want {
			t.Errorf("quantile %v with weights %v is %v, want %v", c.alpha, c.weight, got, c.want)
		}
	}
	if got := quantileOf([]float32{7}, nil, 0.5); got != 7 {
		t.Errorf("the median of 7 is %v", got)
	}
}

func TestQuantilesAscendWithinTheValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		whole := rapid.Map(rapid.IntRange(-1e6, 1e6), func(v int) float32 { return float32(v) }) // their differences are exact
		values := rapid.SliceOfN(whole, 1, 40).Draw(t, "values")
		var weight []float32
		if rapid.Bool().Draw(t, "weighted") {
			weight = rapid.SliceOfN(rapid.Float32Range(0.1, 9), len(values), len(values)).Draw(t, "weight")
		}
		last := slices.Min(values)
		for alpha := 0.05; alpha < 1; alpha += 0.05 {
			got := quantileOf(slices.Clone(values), weight, alpha)
			if got < last || got > slices.Max(values) {
				t.Fatalf("quantile %v is %v after %v", alpha, got, last)
			}
			last = got
		}
	})
}

// The derivatives are those of the loss, by finite differences.
func TestPseudoHuberDerivatives(t *testing.T) {
	h := pseudoHuber{slope: 2}
	const step = 1e-3
	for _, miss := range []float64{-30, -2, -0.5, 0, 0.1, 3, 100} {
		first, second := h.derivatives(float32(miss))
		wantFirst := (h.loss(miss+step) - h.loss(miss-step)) / (2 * step)
		wantSecond := (h.loss(miss+step) - 2*h.loss(miss) + h.loss(miss-step)) / (step * step)
		if math.Abs(float64(first)-wantFirst) > 1e-5 || math.Abs(float64(second)-wantSecond) > 1e-5 {
			t.Errorf("at %v: %v and %v, want %v and %v", miss, first, second, wantFirst, wantSecond)
		}
	}
}

// Each objective is best at its own loss.
func TestObjectivesLowerTheirOwnLoss(t *testing.T) {
	d := sales(900, 6, 1)
	for r := 0; r < len(d.Y); r += 7 {
		d.Y[r] *= 4 // outliers, which set the objectives apart
	}
	models := map[string]*Model{}
	for name, o := range losses() {
		o.NEstimators, o.RegAlpha, o.MaxDepth = 60, 0, new(2)
		models[name] = fit(t, o, d, none)
	}
	for name, o := range losses() {
		loss := o.withDefaults().objective().loss
		costs := map[string]float64{}
		for other, m := range models {
			p := make([]float64, d.X.Len())
			if err := m.Predict(p, d.X); err != nil {
				t.Fatal(err)
			}
			for r := range p {
				costs[other] += loss(p[r] - d.Y[r])
			}
		}
		for other, cost := range costs {
			if cost < costs[name] {
				t.Errorf("%s of %s is %v, less than its own %v", name, other, cost, costs[name])
			}
		}
	}
}

// About as many targets lie below a quantile as its name says.
func TestQuantileCovers(t *testing.T) {
	d := sales(2000, 6, 1)
	for _, alpha := range []float64{0.1, 0.5, 0.9} {
		m := fit(t, Options{NEstimators: 30, MaxDepth: new(3), Objective: QuantileError, QuantileAlpha: alpha}, d, none)
		p := make([]float64, d.X.Len())
		if err := m.Predict(p, d.X); err != nil {
			t.Fatal(err)
		}
		below := 0.0
		for r := range p {
			if d.Y[r] <= p[r] {
				below++
			}
		}
		if share := below / float64(len(p)); math.Abs(share-alpha) > 0.05 {
			t.Errorf("%v of the targets lie below quantile %v", share, alpha)
		}
	}
}

// Rows of weight 0 are rows left out, for any objective.
func TestWeightZeroIsARowLeftOut(t *testing.T) {
	for name, o := range losses() {
		d := sales(300, 4, 1)
		d.Weight = make([]float64, d.Len())
		left := d
		for r := range int32(300) {
			if r%3 != 0 {
				d.Weight[r] = 1
				left.Rows = append(left.Rows, r)
			}
		}
		left.Weight = nil
		if !bytes.Equal(stored(t, fit(t, o, d, none)), stored(t, fit(t, o, left, none))) {
			t.Errorf("%s: the models differ", name)
		}
	}
}

// Where XGBoost starts far outside, as targets lie far beyond the slope.
func TestPseudoHuberStartsAmongTheTargets(t *testing.T) {
	if got := (pseudoHuber{slope: 1}).start([]float32{5000, 9000, 6000}, nil); got != 6000 {
		t.Errorf("starts at %v", got)
	}
}

func TestObjectiveOptionsAreChecked(t *testing.T) {
	for _, c := range []struct {
		options Options
		want    string
	}{
		{Options{Objective: "reg:absoluteeror"}, "did you mean reg:absoluteerror?"},
		{Options{Objective: "squared"}, "the objectives are reg:squarederror, reg:absoluteerror"},
		{Options{Objective: QuantileError}, "quantile_alpha is 0 give the quantile"},
		{Options{Objective: QuantileError, QuantileAlpha: 1}, "quantile_alpha is 1 give"},
		{Options{Objective: QuantileError, QuantileAlpha: -0.5}, "quantile_alpha is -0.5"},
		{Options{Objective: QuantileError, QuantileAlpha: math.NaN()}, "quantile_alpha is NaN"},
		{Options{QuantileAlpha: 0.5}, "set the objective to reg:quantileerror"},
		{Options{HuberSlope: 2}, "set the objective to reg:pseudohubererror"},
		{Options{Objective: PseudoHuberError, HuberSlope: -1}, "huber_slope is -1"},
		{Options{Objective: PseudoHuberError, HuberSlope: 1e-30}, "huber_slope is 1e-30"},
		{Options{RegAlpha: -1}, "reg_alpha is -1"},
		{Options{MaxDeltaStep: math.Inf(1)}, "max_delta_step is +Inf"},
		{Options{ColsampleByLevel: 2}, "colsample_bylevel is 2"},
		{Options{ColsampleByNode: -1}, "colsample_bynode is -1"},
		{Options{MaxCatToOnehot: -1}, "max_cat_to_onehot is -1"},
		{Options{MaxCatThreshold: -1}, "max_cat_threshold is -1"},
	} {
		_, err := New(c.options).Fit(t.Context(), sales(10, 2, 1), none)
		if text := errText(err); !fault.Is(err, fault.Config) || !strings.Contains(text, c.want) {
			t.Errorf("error %s, want %q", text, c.want)
		}
	}
}

// errText returns an error with its hint.
func errText(err error) string {
	if err == nil {
		return "none"
	}
	return err.Error() + " " + fault.HintOf(err)
}

func TestCategoriesAreRefusedIfTheyAreNone(t *testing.T) {
	d := sales(50, 2, 1)
	d.X.Kinds = []model.Kind{model.Categorical, model.Numeric}
	d.X.Cols[0][7] = 1.5
	if _, err := New(Options{EnableCategorical: true}).Fit(t.Context(), d, none); !fault.Is(err, fault.Invalid) {
		t.Errorf("error %v", err)
	}
	if _, err := New(Options{NEstimators: 1}).Fit(t.Context(), d, none); err != nil {
		t.Errorf("without enable_categorical: %v", err)
	}
}

func TestPredictRowAllocatesNothing(t *testing.T) {
	d := sales(500, 6, 1)
	d.X.Kinds = slices.Repeat([]model.Kind{model.Numeric}, 6)
	d.X.Kinds[0] = model.Categorical
	m := fit(t, Options{NEstimators: 20, EnableCategorical: true}, d, none)
	x := make([]float32, 6)
	d.X.Row(x, 77)
	if n := testing.AllocsPerRun(100, func() { m.PredictRow(x) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
