package boost

import (
	"bytes"
	"encoding/json"
	"testing"
)

// Boosting is a round a tree. The peers' tests of pkg/train ask XGBoost itself
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

// XGBoost's own words for what was boosted.
func TestXGBoostFormNamesTheObjective(t *testing.T) {
	d := sales(200, 2, 1)
	for want, o := range map[string]Options{
		`"objective":{"name":"reg:squarederror","reg_loss_param":{"scale_pos_weight":"1"}}`:               {},
		`"objective":{"name":"reg:absoluteerror"}`:                                                        {Objective: AbsoluteError},
		`"objective":{"name":"reg:pseudohubererror","pseudo_huber_param":{"huber_slope":"1"}}`:            {Objective: PseudoHuberError},
		`"objective":{"name":"reg:pseudohubererror","pseudo_huber_param":{"huber_slope":"50000"}}`:        {Objective: PseudoHuberError, HuberSlope: 50000},
		`"objective":{"name":"reg:quantileerror","quantile_loss_param":{"quantile_alpha":"[0.3]"}}`:       {Objective: QuantileError, QuantileAlpha: 0.3},
		`"objective":{"name":"reg:quantileerror","quantile_loss_param":{"quantile_alpha":"[0.3333333]"}}`: {Objective: QuantileError, QuantileAlpha: 0.33333330},
	} {
		o.NEstimators = 1
		read, err := Unmarshal(stored(t, fit(t, o, d, none))) // as a file of a pipeline is
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := read.WriteXGBoost(&b, []string{"a", "b"}); err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(b.Bytes(), []byte(want)) || !json.Valid(b.Bytes()) {
			t.Errorf("no %s", want)
		}
	}
}
