package features

import (
	"testing"

	"github.com/salesctl/salesctl/pkg/fault"
)

// The layout makes none of these, so the rule itself is asked.
func TestCheckRefusesLeaks(t *testing.T) {
	for _, tc := range []struct {
		feature Feature
		set     Set
		refused bool
	}{
		{Feature{When: Given}, Row, false},
		{Feature{When: Given}, Ahead, true},
		{Feature{When: Past, Lag: 1}, Ahead, false},
		{Feature{When: Past}, Row, true},
		{Feature{When: InAdvance}, Ahead, false},
		{Feature{When: Static}, Ahead, false},
	} {
		if err := tc.feature.check(tc.set); fault.Is(err, fault.Config) != tc.refused {
			t.Errorf("%s with lag %d in the %s set: %v, want refused %v", tc.feature.When, tc.feature.Lag, tc.set, err, tc.refused)
		}
	}
}
