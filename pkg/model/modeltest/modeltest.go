// Package modeltest is the suite that every algorithm passes, in a line of its
// own test:
//
//	modeltest.Learner(t, func() model.Learner { return tree.Learner{} }, tree.Unmarshal)
//	modeltest.Local(t, func() model.Local { return naive.Last{} }, naive.Unmarshal)
//
// It asks for what the interfaces of package model promise and nothing about
// accuracy:
//
//  1. it makes a small table or series, always the same one;
//  2. it fits, forecasts, stores and reads back, as the pipeline would;
//  3. it repeats that with what goes wrong in practice: missing values, short
//     or constant data, a wrong width, damaged bytes, a cancelled context.
//
// Each promise is a check that returns an error, so that the suite itself is
// tested against models that break it.
package modeltest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/salesctl/salesctl/pkg/fault"
)

// check is one promise of an interface, by the name of its subtest.
type check struct {
	name string
	run  func() error
}

// runAll runs each check as a subtest.
func runAll(t *testing.T, checks []check) {
	t.Helper()
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) {
			if err := c.run(); err != nil {
				t.Error(err)
			}
		})
	}
}

// sameBits reports the first place at which a and b differ, NaN being equal to
// NaN.
func sameBits(what string, a, b []float64) error {
	if len(a) != len(b) {
		return fmt.Errorf("%s: %d values, then %d", what, len(a), len(b))
	}
	for i := range a {
		if math.Float64bits(a[i]) != math.Float64bits(b[i]) {
			return fmt.Errorf("%s: value %d is %v, then %v", what, i, a[i], b[i])
		}
	}
	return nil
}

// finite reports the first value of v that is no number.
func finite(what string, v []float64) error {
	for i, x := range v {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return fmt.Errorf("%s: value %d is %v", what, i, x)
		}
	}
	return nil
}

// allNear reports the first value of v that is further from want than a
// relative tol.
func allNear(what string, v []float64, want, tol float64) error {
	for i, x := range v {
		if !(math.Abs(x-want) <= tol*math.Abs(want)) {
			return fmt.Errorf("%s: value %d is %v, want %v", what, i, x, want)
		}
	}
	return nil
}

// wantCancelled checks the error of a call whose context was cancelled before.
func wantCancelled(what string, err error) error {
	if !errors.Is(err, context.Canceled) {
		return fmt.Errorf("%s under a cancelled context: error is %v, want context.Canceled", what, err)
	}
	return nil
}

// wantInvalid checks the error of a call whose data must be refused.
func wantInvalid(what string, err error) error {
	if !fault.Is(err, fault.Invalid) {
		return fmt.Errorf("%s: error is %v, want one of kind fault.Invalid", what, err)
	}
	return nil
}

// cancelled returns a context that was cancelled before its use.
func cancelled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// concurrently calls f from several goroutines at once and joins their errors.
func concurrently(f func() error) error {
	const callers = 8
	errs := make(chan error, callers)
	for range callers {
		go func() { errs <- f() }()
	}
	var all error
	for range callers {
		all = errors.Join(all, <-errs)
	}
	return all
}
