package catalog

import (
	"slices"
	"strings"
	"testing"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/model"
)

// TestEveryLearnerComesBack fits each one that is named and reads it from its
// bytes.
func TestEveryLearnerComesBack(t *testing.T) {
	x := model.NewFrame([]string{"a"}, nil, 40)
	y := make([]float64, 40)
	for i := range y {
		x.Cols[0][i], y[i] = float32(i), float64(i*i)
	}
	for _, name := range Learners() {
		params := map[string]any{"n_estimators": 3}
		if name == "golearn_cart" { // a single tree
			params = map[string]any{"max_depth": 3}
		}
		l, err := Learner(model.Spec{Name: name, Params: params}, Build{Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		fitted, err := l.Fit(t.Context(), model.Dataset{X: x, Y: y}, model.Dataset{})
		if err != nil {
			t.Fatal(err)
		}
		b, err := fitted.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		read, err := DecodeRegressor(name, b)
		if err != nil {
			t.Fatal(err)
		}
		got, want := make([]float64, 40), make([]float64, 40)
		if err := fitted.Predict(want, x); err != nil {
			t.Fatal(err)
		}
		if err := read.Predict(got, x); err != nil || !slices.Equal(got, want) || got[0] == got[39] {
			t.Errorf("%s: %v, want %v, %v", name, got, want, err)
		}
	}
}

func TestEveryLocalComesBack(t *testing.T) {
	s := model.Series{Season: 4}
	for i := range 40 {
		s.Y = append(s.Y, 100+float64(i*7%11)+float64(i%4*20))
	}
	for _, name := range Locals() {
		l, err := Local(model.Spec{Name: name})
		if err != nil {
			t.Fatal(err)
		}
		fitted, err := l.FitSeries(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		b, err := fitted.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		read, err := DecodeLocal(name, b)
		if err != nil {
			t.Fatal(err)
		}
		want, err := fitted.Forecast(t.Context(), 6, s, nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := read.Forecast(t.Context(), 6, s, nil)
		if err != nil || !slices.Equal(got.Mean, want.Mean) {
			t.Errorf("%s: %v, want %v, %v", name, got.Mean, want.Mean, err)
		}
	}
}

// TestSeedsComeFromTheBuildUnlessGiven looks at whether another seed makes
// another forest.
func TestSeedsComeFromTheBuildUnlessGiven(t *testing.T) {
	x := model.NewFrame([]string{"a"}, nil, 60)
	y := make([]float64, 60)
	for i := range y {
		x.Cols[0][i], y[i] = float32(i), float64(i%7)
	}
	grow := func(seed uint64, params map[string]any) string {
		l, err := Learner(model.Spec{Name: "rf", Params: params}, Build{Seed: seed, Jobs: 1})
		if err != nil {
			t.Fatal(err)
		}
		fitted, err := l.Fit(t.Context(), model.Dataset{X: x, Y: y}, model.Dataset{})
		if err != nil {
			t.Fatal(err)
		}
		b, err := fitted.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	if grow(1, nil) == grow(2, nil) {
		t.Error("the seed of the build is not used")
	}
	if grow(1, map[string]any{"seed": 9}) != grow(2, map[string]any{"seed": 9}) {
		t.Error("the seed of the parameters does not win")
	}
}

func TestErrorsSayWhatIsKnown(t *testing.T) {
	params := func(name string, value any) model.Spec {
		return model.Spec{Name: "gbt", Params: map[string]any{name: value}}
	}
	for name, c := range map[string]struct {
		err  error
		kind fault.Kind
		text string
	}{
		"learner":   {second(Learner(model.Spec{Name: "gbr"}, Build{})), fault.Usage, "did you mean gbt?"},
		"local":     {second(Local(model.Spec{Name: "zzzzzz"})), fault.Usage, "arima, seasonal_naive_growth"},
		"parameter": {second(Learner(params("max_dept", 3), Build{})), fault.Config, "did you mean max_depth?"},
		"far":       {second(Learner(params("zzzzzzzz", 3), Build{})), fault.Config, "n_estimators, objective"},
		"type":      {second(Learner(params("max_depth", "deep"), Build{})), fault.Config, "gbt: max_depth cannot be a string give a whole number"},
		"fraction":  {second(Learner(params("n_estimators", 2.5), Build{})), fault.Config, "n_estimators cannot be a number 2.5 give a whole number"},
		"seed":      {second(Learner(params("seed", -1), Build{})), fault.Config, "seed cannot be a number -1 give a whole number from 0"},
		"share":     {second(Learner(params("subsample", true), Build{})), fault.Config, "give a number"},
		"objective": {second(Learner(params("objective", "reg:squarederor"), Build{})), fault.Config, "did you mean reg:squarederror?"},
		"word":      {second(Learner(params("objective", 3), Build{})), fault.Config, "objective cannot be a number give a word"},
		"rule":      {second(Learner(model.Spec{Name: "extra_trees", Params: map[string]any{"max_features": "sqr"}}, Build{})), fault.Config, `max_features is "sqr" give a share`},
		"extra":     {second(Learner(model.Spec{Name: "extra_trees", Params: map[string]any{"extra": false}}, Build{})), fault.Config, "no parameter"},
		"trees":     {second(Learner(model.Spec{Name: "extra_trees", Params: map[string]any{"oob_score": true}}, Build{})), fault.Config, "set bootstrap to true"},
		"switch":    {second(Learner(model.Spec{Name: "rf", Params: map[string]any{"bootstrap": 1}}, Build{})), fault.Config, "give true or false"},
		"range":     {second(Learner(params("subsample", 2), Build{})), fault.Config, "subsample"},
		"no JSON":   {second(Learner(params("subsample", func() {}), Build{})), fault.Config, "gbt"},
		"none":      {second(Local(model.Spec{Name: "naive", Params: map[string]any{"x": 1}})), fault.Config, "takes no parameters"},
		"stored":    {second(DecodeLocal("lstm", nil)), fault.Integrity, "lstm"},
		"regressor": {second(DecodeRegressor("lstm", nil)), fault.Integrity, "lstm"},
	} {
		if !fault.Is(c.err, c.kind) || !strings.Contains(c.err.Error()+" "+fault.HintOf(c.err), c.text) {
			t.Errorf("%s: %v (hint %q), want %q", name, c.err, fault.HintOf(c.err), c.text)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// Every parameter is taken under the name that its peer knows it by.
func TestParametersHaveTheirPeersNames(t *testing.T) {
	for name, params := range map[string]map[string]any{
		"gbt": {
			"n_estimators": 2, "objective": "reg:quantileerror", "quantile_alpha": 0.5, "learning_rate": 0.1, "max_depth": 2,
			"min_child_weight": 1, "reg_lambda": 1, "reg_alpha": 1, "gamma": 0, "max_delta_step": 0, "subsample": 0.9,
			"colsample_bytree": 0.9, "colsample_bylevel": 0.9, "colsample_bynode": 0.9, "base_score": 1, "early_stopping_rounds": 2,
			"enable_categorical": true, "max_cat_to_onehot": 4, "max_cat_threshold": 64,
		},
		"rf": {
			"n_estimators": 2, "criterion": "squared_error", "max_depth": 3, "min_samples_leaf": 1, "min_samples_split": 2,
			"min_impurity_decrease": 0.1, "max_features": "log2", "bootstrap": true, "max_samples": 0.5, "oob_score": true,
		},
		"extra_trees": {"n_estimators": 2, "bootstrap": false, "max_features": 1.0},
	} {
		if _, err := Learner(model.Spec{Name: name, Params: params}, Build{}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What the catalogue calls extra_trees is another forest than rf.
func TestExtraTreesAreNoRandomForest(t *testing.T) {
	x := model.NewFrame([]string{"a"}, nil, 60)
	y := make([]float64, 60)
	for i := range y {
		x.Cols[0][i], y[i] = float32(i), float64(i*i)
	}
	stored := map[string]bool{}
	for _, name := range []string{"rf", "extra_trees"} {
		l, err := Learner(model.Spec{Name: name, Params: map[string]any{"n_estimators": 3, "bootstrap": false}}, Build{})
		if err != nil {
			t.Fatal(err)
		}
		m, err := l.Fit(t.Context(), model.Dataset{X: x, Y: y}, model.Dataset{})
		if err != nil {
			t.Fatal(err)
		}
		b, err := m.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		stored[string(b)] = true
	}
	if len(stored) != 2 {
		t.Error("they are the same")
	}
}
