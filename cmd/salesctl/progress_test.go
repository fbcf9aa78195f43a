package main

import (
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestProgressLines(t *testing.T) {
	defer goleak.VerifyNone(t)
	a, _, stderr := testApp(t)
	clock := a.now()
	a.now = func() time.Time { return clock }
	p := a.progress("training")
	if stderr.String() != "training ...\n" {
		t.Errorf("first output %q", stderr)
	}
	clock = clock.Add(1200 * time.Millisecond)
	if got, want := p.line(), "training: 1.2s gone"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	p.set(0, 40, "")
	if got, want := p.line(), "training: 0 of 40 (0 %), 1.2s gone"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	clock = clock.Add(28800 * time.Millisecond)
	p.set(10, 40, "gbt")
	if got, want := p.line(), "training: 10 of 40 (25 %), 30s gone, about 1m30s left (gbt)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	p.set(40, 40, "")
	if got, want := p.line(), "training: 40 of 40 (100 %), 30s gone"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	p.close()
	if got, want := stderr.String(), "training ...\ntraining: 30s\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestProgressTicks(t *testing.T) {
	defer goleak.VerifyNone(t)
	var b strings.Builder
	p := &progress{title: "loading", now: time.Now, began: time.Now(), lines: &b, stop: make(chan struct{})}
	ticks := make(chan time.Time)
	p.ended.Go(func() { p.tick(ticks) })
	for range 3 {
		ticks <- time.Time{}
	}
	p.close()
	if n := strings.Count(b.String(), "loading: "); n != 4 {
		t.Errorf("%d lines:\n%s", n, b.String())
	}
}

func TestQuietProgressSaysNothing(t *testing.T) {
	defer goleak.VerifyNone(t)
	a, stdout, stderr := testApp(t)
	a.global.quiet = true
	p := a.progress("training")
	p.set(1, 2, "")
	p.close()
	if stdout.Len()+stderr.Len() != 0 {
		t.Errorf("said %q %q", stdout, stderr)
	}
}

// The bar is driven without a terminal; what it draws is its module's business.
func TestProgressBar(t *testing.T) {
	var b strings.Builder
	p := &progress{title: "training", now: time.Now, began: time.Now(), bar: newBar(&b, "training", 80), stop: make(chan struct{})}
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() { p.set(i, 4, "rf") })
	}
	wg.Wait()
	p.close()
	if !strings.Contains(b.String(), "training") {
		t.Errorf("drew %q", b.String())
	}
}
