package features

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/sales"
)

// version of the state's form and of what the features mean. It rises whenever
// a stored encoder would make other rows than it made when it was stored.
const version = 3

// state is what an Encoder is made of again.
type state struct {
	Version     int          `json:"version"`
	Set         Set          `json:"set"`
	Basis       Basis        `json:"basis"`
	Target      Target       `json:"target"`
	Frequency   string       `json:"frequency"`
	KeyNames    []string     `json:"key_names"`
	ColumnNames []string     `json:"column_names"`
	StaticNames []string     `json:"static_names"`
	Keys        [][]string   `json:"keys"`    // by key column: its categories, in order
	Statics     [][]string   `json:"statics"` // by static column: its categories, in order
	Lags        []int        `json:"lags"`
	Windows     []int        `json:"windows"`
	Own         []ownHoliday `json:"own_holidays"`
	Kept        []string     `json:"kept"`
}

// ownHoliday is a holiday of the user's list.
type ownHoliday struct {
	Name    string         `json:"name"`
	Flagged bool           `json:"flagged"`
	Dates   []sales.Period `json:"dates"` // days since 1970-01-01
}

// column returns the index of the data's column, -1 where there is none.
func (s state) column(name string) int { return slices.Index(s.ColumnNames, name) }

// MarshalBinary returns the encoder as JSON, the same bytes for the same state.
// Warnings are not part of it.
func (e *Encoder) MarshalBinary() ([]byte, error) { return json.Marshal(e.state) }

// Unmarshal reads what MarshalBinary wrote. Anything else is a fault.Integrity.
func Unmarshal(data []byte) (*Encoder, error) {
	e, err := decode(data)
	if err != nil {
		return nil, fault.New(fault.Integrity, "read features: %w", err).
			WithHint("train again with `salesctl train`")
	}
	return e, nil
}

func decode(data []byte) (*Encoder, error) {
	var head struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return nil, err
	}
	if head.Version != version {
		return nil, fmt.Errorf("version %d, this program reads %d", head.Version, version)
	}
	in := json.NewDecoder(bytes.NewReader(data))
	in.DisallowUnknownFields()
	var st state
	if err := in.Decode(&st); err != nil {
		return nil, err
	}
	e, err := build(st)
	if err != nil {
		return nil, err
	}
	return e, e.pick(st.Kept)
}

// maxBack is how far back a feature may look, in periods.
const maxBack = 10_000

// check refuses what no encoder can be made of.
func (s state) check() error {
	switch {
	case s.Set != Row && s.Set != Ahead:
		return fault.New(fault.Config, "feature set %q is unknown", s.Set).WithHint("use %s or %s", Row, Ahead)
	case s.Basis != Raw && s.Basis != Level && s.Basis != Seasonal:
		return fault.New(fault.Config, "basis %q is unknown", s.Basis).WithHint("use %s, %s or %s", Raw, Level, Seasonal)
	case s.Target != Plain && s.Target != Log:
		return fault.New(fault.Config, "target %q is unknown", s.Target).WithHint("use %s or %s", Plain, Log)
	case slices.Max(append(slices.Concat(s.Lags, s.Windows), 0)) > maxBack:
		return fault.New(fault.Config, "a lag or window is longer than %d periods", maxBack)
	case len(s.Keys) != len(s.KeyNames):
		return fmt.Errorf("%d key columns have %d lists of categories", len(s.KeyNames), len(s.Keys))
	case len(s.Statics) != len(s.StaticNames):
		return fmt.Errorf("%d static columns have %d lists of categories", len(s.StaticNames), len(s.Statics))
	}
	for _, categories := range slices.Concat(s.Keys, s.Statics) {
		if len(slices.Compact(slices.Sorted(slices.Values(categories)))) != len(categories) {
			return fmt.Errorf("a category is there twice")
		}
	}
	return nil
}

// pick keeps the named features, which must be some of the encoder's in their
// order.
func (e *Encoder) pick(names []string) error {
	kept := make([]Feature, 0, len(names))
	rest := e.features
	for _, name := range names {
		i := slices.IndexFunc(rest, func(f Feature) bool { return f.Name == name })
		if i < 0 {
			return fmt.Errorf("column %q is unknown or out of order", name)
		}
		kept = append(kept, rest[i])
		rest = rest[i+1:]
	}
	e.keep(kept)
	return nil
}
