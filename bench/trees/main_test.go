//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/salesctl/salesctl/bench/peer"
)

func TestSummary(t *testing.T) {
	s := summary([]answer{{CPU: 3, MAE: 1, Row: 2}, {CPU: 1, MAE: 2, Row: 1}, {CPU: 2, MAE: 6, Row: 9}})
	if want := (answer{CPU: 2, MAE: 3, Row: 2}); s != want {
		t.Errorf("%+v, want %+v", s, want)
	}
}

// The sample's table is the one that the titles speak of, and its rows come back.
func TestSample(t *testing.T) {
	folder := t.TempDir()
	if err := writeSample(folder); err != nil {
		t.Fatal(err)
	}
	rows := 0
	for _, name := range []string{"train.f32", "test.f32"} {
		d, err := readTable(folder, name)
		if err != nil {
			t.Fatal(err)
		}
		if rows += d.Len(); name == "train.f32" && d.Len() != 5148 || d.X.Width() != 56 {
			t.Errorf("%s has %d rows of %d features", name, d.Len(), d.X.Width())
		}
		for r, y := range d.Y {
			stores := float32(0)
			for _, col := range d.X.Cols[11:] {
				stores += col[r]
			}
			if y <= 0 || stores != 1 {
				t.Fatalf("%s, row %d: target %v, of %v stores", name, r, y, stores)
			}
		}
	}
	if rows != 6435 {
		t.Errorf("%d rows, the sample has 6435", rows)
	}
}

// A fit of every model of ours answers with figures that can be.
func TestChild(t *testing.T) {
	if testing.Short() {
		t.Skip("it trains")
	}
	folder := t.TempDir()
	if err := writeBig(folder, 2000); err != nil {
		t.Fatal(err)
	}
	for _, job := range []string{"forest", "boost", "boost-big"} {
		var out bytes.Buffer
		if err := child(t.Context(), &out, childOptions{folder: folder, job: job, threads: 1}); err != nil {
			t.Fatal(err)
		}
		var a answer
		if err := json.Unmarshal(out.Bytes(), &a); err != nil {
			t.Fatal(err)
		}
		if a.R2 < 0.6 || a.R2 >= 1 || a.MAE <= 0 || a.CPU <= 0 || a.Memory <= 0 || a.Predict <= 0 || a.Row <= 0 || a.Allocs != 0 {
			t.Errorf("%s: %+v", job, a)
		}
	}
	if err := child(t.Context(), new(bytes.Buffer), childOptions{folder: folder, job: "none", threads: 1}); err == nil {
		t.Error("there is no such job")
	}
}

// The script reads the same tables and answers in the same form, about as well.
func TestPeers(t *testing.T) {
	b := bench{venv: peer.Need(t, "scikit-learn and XGBoost"), folder: t.TempDir(), runs: 1}
	if err := os.WriteFile(filepath.Join(b.folder, "peers.py"), script, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := writeBig(b.folder, 2000); err != nil {
		t.Fatal(err)
	}
	for job, ours := range map[string]string{"sklearn": "forest", "xgboost": "boost"} {
		theirs, err := b.repeat(t.Context(), job, 1, b.theirs)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := child(t.Context(), &out, childOptions{folder: b.folder, job: ours, threads: 1}); err != nil {
			t.Fatal(err)
		}
		var a answer
		if err := json.Unmarshal(out.Bytes(), &a); err != nil {
			t.Fatal(err)
		}
		if ratio := a.MAE / theirs.MAE; ratio < 0.9 || ratio > 1.1 {
			t.Errorf("%s: ours %v, theirs %v", job, a.MAE, theirs.MAE)
		}
	}
	if _, err := b.repeat(t.Context(), "sklearn", 0, b.theirs); err == nil || !strings.Contains(err.Error(), "sklearn: ") {
		t.Errorf("a script that fails: %v", err)
	}
}
