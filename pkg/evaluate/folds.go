package evaluate

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"hash"
	"math"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/sales"
)

// Folds are what a backtest was made over, as plain data: a later one that is
// given them meets the same rows.
type Folds struct {
	Cutoffs []sales.Period `json:"cutoffs"`
	Horizon int            `json:"horizon"`
	Gap     int            `json:"gap"`
	Window  int            `json:"window"` // 0: expanding
	Refit   string         `json:"refit"`  // as ParseRefit reads it
	Rows    int            `json:"rows"`   // scored a model
	// Digest is the SHA-256 of the scored rows' keys, cutoffs, dates and actuals.
	Digest string `json:"digest"`
}

// ParseFolds reads the JSON form. What no backtest can have been made over is a
// fault.Integrity.
func ParseFolds(b []byte) (Folds, error) {
	var f Folds
	err := json.Unmarshal(b, &f)
	if err == nil && (len(f.Cutoffs) == 0 || f.Horizon < 1 || f.Gap < 0 || f.Window < 0) {
		err = fault.New(fault.Integrity, "%d cutoffs, horizon %d, gap %d, window %d", len(f.Cutoffs), f.Horizon, f.Gap, f.Window)
	}
	if err == nil {
		_, err = ParseRefit(f.Refit)
	}
	if err != nil {
		return Folds{}, fault.New(fault.Integrity, "these are no folds of a backtest: %w", err)
	}
	return f, nil
}

// Over returns the options with the folds in place of their own.
func (o Options) Over(f Folds) (Options, error) {
	refit, err := ParseRefit(f.Refit)
	o.Cutoffs, o.Horizon, o.Gap, o.Window, o.Refit = f.Cutoffs, f.Horizon, f.Gap, f.Window, refit
	return o, err
}

// foldsOf describes what was scored.
func (r *runner) foldsOf(t table) Folds {
	f := r.asked
	f.Rows = len(t.cells)
	for _, fold := range r.folds {
		f.Cutoffs = append(f.Cutoffs, fold.cutoff)
	}
	h := sha256.New()
	for _, c := range t.cells {
		for _, part := range c.key {
			addText(h, part)
		}
		for _, v := range []uint64{uint64(c.cutoff), uint64(c.date), math.Float64bits(c.actual)} {
			_ = binary.Write(h, binary.LittleEndian, v)
		}
	}
	f.Digest = hex.EncodeToString(h.Sum(nil))
	return f
}

// addText adds a text and its length, so that no two lists of texts are alike.
func addText(h hash.Hash, text string) {
	_ = binary.Write(h, binary.LittleEndian, uint64(len(text)))
	_, _ = h.Write([]byte(text))
}
