package forest

import (
	"bytes"
	"encoding/json"
	"math"
	"testing"
)

// form is what concerns a forest in XGBoost's JSON form.
type form struct {
	Learner struct {
		FeatureNames    []string `json:"feature_names"`
		GradientBooster struct {
			Model struct {
				Param struct {
					Parallel string `json:"num_parallel_tree"`
					Trees    string `json:"num_trees"`
				} `json:"gbtree_model_param"`
				Rounds []int `json:"iteration_indptr"`
			}
		} `json:"gradient_booster"`
	}
}

// A forest is one round of all its trees, and answers up to rounding as it does
// here. The peers' tests of pkg/train ask XGBoost itself.
func TestXGBoostForm(t *testing.T) {
	d := sales(400, 3, 1)
	m := fit(t, Options{NEstimators: 7}, d)
	var b bytes.Buffer
	if err := m.WriteXGBoost(&b, []string{"a", "b", "c"}); err != nil {
		t.Fatal(err)
	}
	var got form
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	model := got.Learner.GradientBooster.Model
	if model.Param.Parallel != "7" || model.Param.Trees != "7" || len(model.Rounds) != 2 || model.Rounds[1] != 7 {
		t.Errorf("%+v", model)
	}
	x, differ := make([]float32, 3), false
	for r := range d.X.Len() {
		d.X.Row(x, r)
		ours, theirs := m.PredictRow(x), m.PredictRow32(x)
		if math.Abs(float64(theirs)/ours-1) > 1e-5 {
			t.Errorf("row %d: %v, want %v", r, theirs, ours)
		}
		differ = differ || theirs != float32(ours)
	}
	if !differ {
		t.Error("the sums of float32 are never other than those of float64: they are not summed as XGBoost does")
	}
}
