//go:build unix

package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

func TestSeriesAreTheSameEachTime(t *testing.T) {
	first, last := weekly(1, 0, 359), weekly(1, 358, 359)
	if len(first) != leastWeeks || len(last) != mostWeeks {
		t.Errorf("%d and %d weeks", len(first), len(last))
	}
	if !slices.Equal(first, weekly(1, 0, 359)) || slices.Equal(first, weekly(2, 0, 359)) || slices.Equal(first, weekly(1, 1, 359)[:len(first)]) {
		t.Error("series do not follow from seed and number")
	}
	for i, v := range last {
		if !(v >= 0) || v > 1e12 {
			t.Fatalf("week %d is %v", i, v)
		}
	}
}

func TestSMAPE(t *testing.T) {
	if got := smape([]float64{0, 100, 50}, []float64{0, 100, 150}); got != 100.0/3 {
		t.Errorf("%v, want a third of 100", got)
	}
}

func TestRunNamesWhatItRan(t *testing.T) {
	t.Setenv("PEERS_VENV", "")
	var out bytes.Buffer
	if err := run(t.Context(), &out, options{Series: 2, Season: 1, Models: []string{"auto_theta"}}); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); !strings.Contains(got, "2 weekly series") || !strings.Contains(got, "auto_theta") || !strings.Contains(got, "0 failed") {
		t.Error(got)
	}
	if err := run(t.Context(), &out, options{Series: 1, Models: []string{"etz"}}); err == nil || !strings.Contains(err.Error(), "auto_theta") {
		t.Errorf("error %v", err)
	}
}
