package evaluate_test

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/salesctl/salesctl/pkg/evaluate"
	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/sales"
)

// TestFoldsAreMetAgain writes the folds of a backtest, reads them, and meets the same
// rows; where an actual has changed the digest tells.
func TestFoldsAreMetAgain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawPanel(t)
		o := drawOptions(t, p)
		models := []sales.Candidate{carry{"carry"}}
		first, err := evaluate.Backtest(t.Context(), p, models, o)
		if err != nil {
			t.Skip(err)
		}
		text, err := json.Marshal(first.Folds)
		if err != nil {
			t.Fatal(err)
		}
		kept, err := evaluate.ParseFolds(text)
		if err != nil {
			t.Fatal(err)
		}
		over, err := evaluate.Options{Holiday: o.Holiday}.Over(kept)
		if err != nil {
			t.Fatal(err)
		}
		again, err := evaluate.Backtest(t.Context(), p, models, over)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(first, again, cmpopts.EquateNaNs()); diff != "" {
			t.Fatal(diff)
		}
		row := first.Rows[rapid.IntRange(0, len(first.Rows)-1).Draw(t, "row")]
		changed := clone(p)
		s, _ := changed.Find(row.Key)
		s.Target[s.Index(row.Date)]++
		other, err := evaluate.Backtest(t.Context(), changed, models, over)
		if err != nil {
			t.Fatal(err)
		}
		if other.Folds.Digest == kept.Digest && !math.IsInf(row.Actual, 0) {
			t.Fatalf("the digest does not tell that %s %s has changed", row.Key, row.Date)
		}
	})
}

func TestFoldsThatAreNone(t *testing.T) {
	for name, text := range map[string]string{
		"no JSON":    `{`,
		"no cutoff":  `{"cutoffs":[],"horizon":8,"refit":"every"}`,
		"no horizon": `{"cutoffs":["2012-08-31"],"refit":"every"}`,
		"refit":      `{"cutoffs":["2012-08-31"],"horizon":8,"refit":"sometimes"}`,
		"date":       `{"cutoffs":["soon"],"horizon":8,"refit":"every"}`,
		"gap":        `{"cutoffs":["2012-08-31"],"horizon":8,"gap":-1,"refit":"every"}`,
	} {
		if _, err := evaluate.ParseFolds([]byte(text)); !fault.Is(err, fault.Integrity) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
