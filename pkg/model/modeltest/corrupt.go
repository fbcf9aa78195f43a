package modeltest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
)

// damages is how many truncations, and how many flipped bytes, are tried on a
// model that is too long to try them all.
const damages = 300

// survivesDamage feeds use with truncated and altered copies of good. use may
// refuse them or work with what they say; what it must not do is panic, and an
// error that it returns is the suite's.
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

// guarded turns a panic of use into an error.
func guarded(use func([]byte) error, data []byte) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return use(data)
}
