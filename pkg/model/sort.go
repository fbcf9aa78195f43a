package model

import "math"

// sorter sorts float32 by the bits of their keys, one byte after the other: in
// time that grows with their number only, where a frame's columns are long. Its
// buffers serve all columns.
type sorter struct {
	keys, spare []uint32
	values      []float32
}

// key returns a number whose order is that of v, which is no NaN. Both zeros have
// the same.
func key(v float32) uint32 {
	b := math.Float32bits(v + 0) // of -0 too
	return b ^ (uint32(int32(b)>>31) | 1<<31)
}

// value is key's inverse.
func value(k uint32) float32 {
	return math.Float32frombits(k ^ (uint32(int32(^k)>>31) | 1<<31))
}

// sorted returns the values of the keys, ascending. They hold until the next call.
func (s *sorter) sorted() []float32 {
	const passes, bits = 4, 8
	var counts [passes][1 << bits]uint32
	for _, k := range s.keys {
		for p := range counts {
			counts[p][uint8(k>>(bits*p))]++
		}
	}
	s.spare = append(s.spare[:0], s.keys...)
	for p := range counts {
		s.pass(&counts[p], bits*p)
	}
	s.values = s.values[:0]
	for _, k := range s.keys {
		s.values = append(s.values, value(k))
	}
	return s.values
}

// pass orders the keys by the byte that begins at bit shift, and keeps the order
// of those that share it.
func (s *sorter) pass(counts *[256]uint32, shift int) {
	if len(s.keys) == 0 || int(counts[uint8(s.keys[0]>>shift)]) == len(s.keys) {
		return // they all share it
	}
	var next [256]uint32
	sum := uint32(0)
	for b, n := range counts {
		next[b] = sum
		sum += n
	}
	for _, k := range s.keys {
		b := uint8(k >> shift)
		s.spare[next[b]] = k
		next[b]++
	}
	s.keys, s.spare = s.spare, s.keys
}
