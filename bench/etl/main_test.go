package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestShow(t *testing.T) {
	var out bytes.Buffer
	show(&out, "a thing", []time.Duration{9 * time.Millisecond, 2 * time.Millisecond, 5 * time.Millisecond})
	if got := strings.Join(strings.Fields(out.String()), " "); got != "a thing median 5 ms, 2 to 9 ms in 3 runs" {
		t.Errorf("%q", got)
	}
}

// A program that fails is an error with what it said, and not a figure.
func TestFailures(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), &out, filepath.Join(t.TempDir(), "nothing"), 1); err == nil || out.Len() > 0 {
		t.Errorf("a missing binary: %v, %q", err, out.String())
	}
	if err := run(t.Context(), &out, "", 0); err == nil || !strings.Contains(err.Error(), "0 runs") {
		t.Errorf("no runs: %v", err)
	}
	if err := call(t.Context(), "", "go", "no-such-command"); err == nil || !strings.Contains(err.Error(), "unknown command") {
		t.Errorf("a failing program: %v", err)
	}
}
