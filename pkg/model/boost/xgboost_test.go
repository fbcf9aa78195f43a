package boost

import (
	"bytes"
	"encoding/json"
	"testing"
)

// Boosting is a round a tree. The peers' tests of pkg/pipeline ask XGBoost itself
// for answers.
func TestXGBoostForm(t *testing.T) {
	d := sales(400, 3, 1)
	m := fit(t, Options{NEstimators: 7, BaseScore: new(0.1)}, d, none)
	var b bytes.Buffer
	if err := m.WriteXGBoost(&b, []string{"a", "b", "c"}); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Learner struct {
			Booster struct {
				Model struct {
					Rounds []int `json:"iteration_indptr"`
				}
			} `json:"gradient_booster"`
			Param struct {
				Base string `json:"base_score"`
			} `json:"learner_model_param"`
		}
	}
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if rounds := got.Learner.Booster.Model.Rounds; len(rounds) != 8 || rounds[7] != 7 || got.Learner.Param.Base != "[1E-1]" {
		t.Errorf("rounds %v, base score %s", rounds, got.Learner.Param.Base)
	}
}
