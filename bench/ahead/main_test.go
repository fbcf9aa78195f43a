package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestLine(t *testing.T) {
	answers := []answer{
		{actual: 100, forecast: 110, lo80: 95, hi80: 125, lo95: 90, hi95: 130},
		{actual: 300, forecast: 290, lo80: 270, hi80: 299, lo95: 260, hi95: 320},
	}
	want := "x               2   5.000    50.00   100.00     14.75     25.00"
	if got := line("x", answers); got != want {
		t.Errorf("\n%s, want\n%s", got, want)
	}
}

// The way of a user, from the sample to the intervals.
func TestOneCutoff(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the program and trains")
	}
	t.Chdir("../..")
	var b bytes.Buffer
	if err := run(t.Context(), &b, "seasonal_naive", []string{"2012-08-31"}); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(b.String(), "\n")
	if !strings.HasPrefix(lines[1], "2012-08-31    360 ") || strings.TrimPrefix(lines[1], "2012-08-31") != strings.TrimPrefix(lines[2], "all       ") {
		t.Error(b.String())
	}
}
