package tune_test

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/tune"
)

// open opens a journal that the test closes.
func open(t testing.TB, path string) *tune.Journal {
	t.Helper()
	j, err := tune.OpenJournal(path, "search")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() }) // an error only where the test has closed it
	return j
}

// journalled runs a search with the journal at path.
func journalled(t testing.TB, path string, space tune.Space, score tune.ScoreFunc, o tune.Options) (tune.Result, error) {
	t.Helper()
	o.Journal = open(t, path)
	r, err := tune.Run(context.Background(), space, score, o)
	return r, errors.Join(err, o.Journal.Close())
}

// A search that breaks off anywhere, with its last line cut anywhere, goes on to
// the same result and takes no whole score twice.
func TestResume(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		n, folds := rapid.IntRange(2, 12).Draw(t, "n"), rapid.IntRange(1, 4).Draw(t, "folds")
		value := rapid.OneOf(rapid.Float64Range(0, 10), rapid.SampledFrom([]float64{math.NaN(), math.Inf(1), 0.1, 1e-320}))
		table := rapid.SliceOfN(rapid.SliceOfN(value, folds, folds), n, n).Draw(t, "scores")
		o := tune.Options{Strategy: rapid.SampledFrom(tune.Strategies()).Draw(t, "strategy"), Folds: folds, Seed: 3}
		if o.Strategy != tune.Grid {
			o.Trials = n
		}
		var calls atomic.Int64
		score := func(_ context.Context, params map[string]any, fold int) (float64, error) {
			calls.Add(1)
			return table[params["i"].(int)][fold], nil
		}
		want, err := tune.Run(context.Background(), numbered(n), score, o)
		if err != nil {
			t.Fatal(err)
		}
		total := calls.Load()
		path := filepath.Join(dir, "j")
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
		run := func() tune.Result {
			j, err := tune.OpenJournal(path, "search")
			if err != nil {
				t.Fatal(err)
			}
			o.Journal, o.Jobs = j, rapid.IntRange(1, 4).Draw(t, "jobs")
			r, err := tune.Run(context.Background(), numbered(n), score, o)
			if err := errors.Join(err, j.Close()); err != nil {
				t.Fatal(err)
			}
			return r
		}
		run()
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		cut := whole[:rapid.IntRange(0, len(whole)).Draw(t, "cut")]
		if err := os.WriteFile(path, cut, 0o600); err != nil {
			t.Fatal(err)
		}
		calls.Store(0)
		got := run()
		kept := max(0, strings.Count(string(cut), "\n")-1)
		if calls.Load() != total-int64(kept) || got.Resumed != kept {
			t.Fatalf("%d of %d scores taken again, %d taken over, with %d in the journal", calls.Load(), total, got.Resumed, kept)
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateNaNs(), cmpopts.IgnoreFields(tune.Result{}, "Resumed")); diff != "" {
			t.Fatal(diff)
		}
		if again, err := os.ReadFile(path); err != nil || len(again) != len(whole) {
			t.Fatalf("the journal has %d bytes, %d at first: %v", len(again), len(whole), err)
		}
	})
}

// Every change of a byte that is not the end is seen, with the line.
func TestDamagedJournal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "j")
	score := func(_ context.Context, params map[string]any, fold int) (float64, error) {
		return float64(params["i"].(int)) + 0.25, nil
	}
	if _, err := journalled(t, path, numbered(3), score, tune.Options{Folds: 2}); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range whole[:len(whole)-1] {
		text := append([]byte{}, whole...)
		text[i] ^= 1
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := tune.OpenJournal(path, "search")
		if !fault.Is(err, fault.Integrity) || !strings.Contains(err.Error(), path+", line ") || fault.HintOf(err) == "" {
			t.Errorf("byte %d (%q): %v", i, whole[i], err)
		}
	}
}

func TestJournalOfAnotherSearch(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	j := open(t, path)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := tune.OpenJournal(path, "other"); !fault.Is(err, fault.Conflict) {
		t.Error(err)
	}
	if _, err := journalled(t, path, numbered(3), zero, tune.Options{Folds: 1}); err != nil {
		t.Fatal(err)
	}
	if _, err := journalled(t, path, numbered(2), zero, tune.Options{Folds: 1}); !fault.Is(err, fault.Integrity) {
		t.Errorf("a score without a place: %v", err)
	}
	if err := os.WriteFile(path, []byte(`{"journal":"salesctl tune","format":2,"search":"search","crc":"x"}`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := tune.OpenJournal(path, "search"); !fault.Is(err, fault.Integrity) || !strings.Contains(err.Error(), "format 2, this program knows 1") {
		t.Error(err)
	}
}

// The same score twice is that of two processes; another one is of neither.
func TestTwoScores(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	lines := map[float64]string{}
	for _, value := range []float64{1, 2} {
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
		score := func(context.Context, map[string]any, int) (float64, error) { return value, nil }
		if _, err := journalled(t, path, numbered(1), score, tune.Options{Folds: 1}); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		lines[value] = string(text)
	}
	_, other, _ := strings.Cut(lines[2], "\n")
	for text, fine := range map[string]bool{lines[2] + other: true, lines[1] + other: false} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		j, err := tune.OpenJournal(path, "search")
		if err == nil {
			err = j.Close()
		}
		if fine != (err == nil) || !fine && (!fault.Is(err, fault.Integrity) || !strings.Contains(err.Error(), "line 3: candidate 1 has two scores on fold 1")) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// A score that cannot be kept ends the search: it would be lost in a kill.
func TestJournalThatCannotBeWritten(t *testing.T) {
	j := open(t, filepath.Join(t.TempDir(), "j"))
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := tune.Run(t.Context(), numbered(3), zero, tune.Options{Folds: 1, Journal: j})
	if !errors.Is(err, os.ErrClosed) {
		t.Error(err)
	}
}

// Whatever a file holds, it is a journal, is cut to one, or is refused.
func FuzzOpenJournal(f *testing.F) {
	dir := f.TempDir()
	seed := filepath.Join(dir, "seed")
	if _, err := journalled(f, seed, numbered(2), zero, tune.Options{Folds: 2}); err != nil {
		f.Fatal(err)
	}
	text, err := os.ReadFile(seed)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add(text[:len(text)-3])
	f.Add([]byte("\n\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		path := filepath.Join(t.TempDir(), "j")
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		j, err := tune.OpenJournal(path, "search")
		if err == nil {
			err = j.Close()
		} else if fault.Is(err, fault.Integrity) || fault.Is(err, fault.Conflict) {
			return
		}
		if err != nil {
			t.Error(err)
		}
		if _, err := journalled(t, path, numbered(1), zero, tune.Options{Folds: 1}); err != nil && !fault.Is(err, fault.Integrity) {
			t.Error(err)
		}
	})
}
