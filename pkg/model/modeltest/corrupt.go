package modeltest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"runtime"

	"github.com/salesctl/salesctl/pkg/fault"
)

// damages is how many truncations, and how many flipped bytes, are tried on a
// model that is too long to try them all.
const damages = 300

// mostBytes is what reading a damaged model may allocate beside a thousand times
// its length: a count that is not to be believed takes no memory.
const mostBytes = 1 << 24

// survivesDamage feeds use with truncated and altered copies of good. use may
// refuse them or work with what they say; what it must not do is panic or take
// much memory, and an error that it returns is the suite's.
func survivesDamage(good []byte, use func(data []byte) error) error {
	if len(good) == 0 {
		return fmt.Errorf("the model is stored as no bytes at all")
	}
	rng := rand.New(rand.NewPCG(11, 13))
	for _, n := range places(rng, len(good)) {
		if err := guarded(use, good[:n:n]); err != nil {
			return fmt.Errorf("first %d of %d bytes: %w", n, len(good), err)
		}
	}
	for _, at := range places(rng, len(good)) {
		bad := bytes.Clone(good)
		bad[at] ^= byte(1 + rng.IntN(255))
		if err := guarded(use, bad); err != nil {
			return fmt.Errorf("byte %d of %d changed from %#x to %#x: %w", at, len(good), good[at], bad[at], err)
		}
	}
	return guarded(use, append(bytes.Clone(good), 0))
}

// places returns all offsets of n bytes, or some where they are too many: the
// first ones, which hold the header, and a sample of the rest.
func places(rng *rand.Rand, n int) []int {
	at := make([]int, 0, damages)
	for i := range min(n, damages) {
		if n > damages && i >= damages/3 {
			i = rng.IntN(n)
		}
		at = append(at, i)
	}
	return at
}

// guarded turns a panic of use, or much memory that it takes, into an error.
func guarded(use func([]byte) error, data []byte) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if err := use(data); err != nil {
		return err
	}
	runtime.ReadMemStats(&after)
	if taken := after.TotalAlloc - before.TotalAlloc; taken > mostBytes+1000*uint64(len(data)) {
		return fmt.Errorf("%d bytes of memory were taken", taken)
	}
	return nil
}

// wantIntegrity refuses an error that does not say that the model is damaged.
func wantIntegrity(err error) error {
	if fault.Is(err, fault.Integrity) && fault.HintOf(err) != "" {
		return nil
	}
	return fmt.Errorf("a damaged model gives the error %q, which is not of the kind integrity with a hint", err)
}
