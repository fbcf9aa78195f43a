package main

import (
	"context"
	"math"
	"testing"

	"github.com/salesctl/salesctl/bench/peer"
)

// fitted returns ours.
func fitted(t *testing.T) fits {
	t.Helper()
	stores, err := readStores()
	if err != nil {
		t.Fatal(err)
	}
	ours, err := fitAll(context.Background(), stores)
	if err != nil {
		t.Fatal(err)
	}
	return ours
}

// wantClose holds the limits: a log-likelihood under the same start that is never
// lower by more than 0.01, and forecasts within 0.1 %.
func wantClose(t *testing.T, ours, others fits) {
	t.Helper()
	if len(ours.Stores) != 45 || len(others.Stores) != 45 {
		t.Errorf("%d stores against %d, want 45", len(ours.Stores), len(others.Stores))
	}
	w := compare(ours, others)
	t.Logf("log-likelihood from %+.4f to %+.4f, forecasts within %.4f %% (store %s)", w.lowest, w.highest, 100*w.forecast, w.store)
	if !(w.lowest >= -0.01) || !(w.forecast <= 0.001) {
		t.Errorf("log-likelihood lower by %g, forecasts off by %.4f %% (store %s)", -w.lowest, 100*w.forecast, w.store)
	}
}

func TestAgainstStored(t *testing.T) {
	stored, err := readStored()
	if err != nil {
		t.Fatal(err)
	}
	wantClose(t, fitted(t), stored)
}

// statsmodels of today says what the stored file says, and ours is as close.
func TestPeer(t *testing.T) {
	if testing.Short() {
		t.Skip("fits 45 stores with statsmodels")
	}
	theirs, err := askPeer(t.Context(), peer.Need(t, "statsmodels"))
	if err != nil {
		t.Fatal(err)
	}
	stored, err := readStored()
	if err != nil {
		t.Fatal(err)
	}
	if w := compare(theirs, stored); !(w.lowest > -1e-4 && w.highest < 1e-4 && w.forecast < 1e-5) {
		t.Errorf("statsmodels against what is stored of it: %+v", w)
	}
	wantClose(t, fitted(t), theirs)
}

func TestCompare(t *testing.T) {
	of := func(llf float64, forecast ...float64) fits {
		return fits{Stores: map[string]fit{"7": {llf, forecast}}}
	}
	for name, c := range map[string]struct {
		ours, others fits
		want         worst
	}{
		"the same":     {of(-3, 100, 200), of(-3, 100, 200), worst{0, 0, 0, "7"}},
		"lower":        {of(-4, 100, 200), of(-3, 100, 100), worst{-1, -1, 1, "7"}},
		"no such":      {fits{}, of(-3, 100), worst{math.Inf(-1), math.Inf(1), math.Inf(1), "7"}},
		"fewer weeks":  {of(-3, 100), of(-3, 100, 200), worst{math.Inf(-1), math.Inf(1), math.Inf(1), "7"}},
		"all negative": {of(2, -150), of(-3, -100), worst{5, 5, 0.5, "7"}},
	} {
		if got := compare(c.ours, c.others); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}
