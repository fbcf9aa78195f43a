package main

import (
	"path/filepath"
	"slices"
	"testing"
)

// What is measured works: a load, the same load again, and the panel.
func TestLoadAndRead(t *testing.T) {
	lines, err := sample()
	if err != nil || len(lines) != 6435 {
		t.Fatalf("%d lines, want 6435: %v", len(lines), err)
	}
	path := filepath.Join(t.TempDir(), "sales.db")
	if err := read(t.Context(), path); err == nil {
		t.Error("a panel was read from nothing")
	}
	for range 2 {
		if _, err := load(t.Context(), path, slices.Values(lines)); err != nil {
			t.Fatal(err)
		}
	}
	if err := read(t.Context(), path); err != nil {
		t.Error(err)
	}
}

func TestNoRuns(t *testing.T) {
	if err := measure(t.Context(), 0, 0); err == nil {
		t.Error("nothing was measured, and no error")
	}
}
