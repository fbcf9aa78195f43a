package tree

import (
	"encoding/binary"
	"hash/crc32"
	"math"
	"slices"

	"github.com/salesctl/salesctl/pkg/fault"
)

// An ensemble is written as
//
//	magic     4 bytes, the algorithm's
//	version   1 byte
//	base      float64
//	width     uvarint
//	trees     uvarint, then for each
//	  nodes     uvarint, odd
//	  features  uvarint a node: 0 at a leaf, else 1 + 2*feature + default left
//	  sets      uvarint a node that is split, in version 2 only: 0 for a threshold,
//	            else the number of words, and those, uint64, the last one not 0
//	  numbers   float32 a node: threshold, at a leaf the answer
//	  covers    float32 a node
//	  gains     float32 a node that is split
//	checksum  CRC-32 (IEEE) of everything before, 4 bytes
//
// with little-endian numbers. Children need no mention: nodes are in
// breadth-first order, so those of the k-th split are 2k+1 and 2k+2. Version 2 is
// for ensembles with categorical splits alone: any other is written as version 1,
// which older programs read.
const (
	plainVersion       = 1
	categoricalVersion = 2
)

// nodeBytes is the least that a node takes, which bounds what a corrupt count
// can make Unmarshal allocate.
const nodeBytes = 1 + 4 + 4

// Marshal writes base and the ensemble for the algorithm with the magic.
func Marshal(magic [4]byte, base float64, e *Ensemble) []byte {
	b := append(magic[:len(magic):len(magic)], e.version())
	b = binary.LittleEndian.AppendUint64(b, math.Float64bits(base))
	b = binary.AppendUvarint(b, uint64(e.Width))
	b = binary.AppendUvarint(b, uint64(len(e.Trees)))
	for _, t := range e.Trees {
		b = t.append(b, e.version())
	}
	return binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
}

// version returns the format that the ensemble needs.
func (e *Ensemble) version() byte {
	for _, t := range e.Trees {
		if t.Categories != nil {
			return categoricalVersion
		}
	}
	return plainVersion
}

func (t *Tree) append(b []byte, version byte) []byte {
	b = binary.AppendUvarint(b, uint64(t.Len()))
	for i, f := range t.Feature {
		word := uint64(0)
		if f >= 0 {
			word = 1 + 2*uint64(f)
			if t.DefaultLeft[i] {
				word++
			}
		}
		b = binary.AppendUvarint(b, word)
	}
	if version == categoricalVersion {
		b = t.appendSets(b)
	}
	for i, f := range t.Feature {
		if f >= 0 {
			b = appendFloat(b, t.Threshold[i])
		} else {
			b = appendFloat(b, t.Value[i])
		}
	}
	for _, v := range t.Cover {
		b = appendFloat(b, v)
	}
	for i, f := range t.Feature {
		if f >= 0 {
			b = appendFloat(b, t.Gain[i])
		}
	}
	return b
}

func (t *Tree) appendSets(b []byte) []byte {
	for i, f := range t.Feature {
		if f < 0 {
			continue
		}
		set := t.set(int32(i))
		b = binary.AppendUvarint(b, uint64(len(set)))
		for _, word := range set {
			b = binary.LittleEndian.AppendUint64(b, word)
		}
	}
	return b
}

func appendFloat(b []byte, v float32) []byte {
	return binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
}

// Unmarshal reads what Marshal wrote for the same magic. Bytes that it cannot
// have written are a fault of kind Integrity.
func Unmarshal(magic [4]byte, data []byte) (base float64, e *Ensemble, err error) {
	const head = len(magic) + 1
	if len(data) < head+crc32.Size || [4]byte(data) != magic {
		return 0, nil, corrupt("no %s model", magic)
	}
	version := data[len(magic)]
	if version != plainVersion && version != categoricalVersion {
		return 0, nil, corrupt("format version %d is unknown, this program reads %d and %d", version, plainVersion, categoricalVersion)
	}
	body, sum := data[:len(data)-crc32.Size], data[len(data)-crc32.Size:]
	if crc32.ChecksumIEEE(body) != binary.LittleEndian.Uint32(sum) {
		return 0, nil, corrupt("checksum does not agree")
	}
	r := &reader{data: body[head:], version: version}
	base = math.Float64frombits(r.uint64())
	e = r.ensemble()
	if r.err == nil && len(r.data) > 0 {
		r.fail("%d bytes too many", len(r.data))
	}
	if r.err == nil && e.version() != version {
		r.fail("no split needs format version %d", version)
	}
	if r.err == nil && (math.IsNaN(base) || math.IsInf(base, 0)) {
		r.fail("base is %v", base)
	}
	if r.err != nil {
		return 0, nil, r.err
	}
	return base, e, nil
}

func corrupt(format string, args ...any) error {
	return fault.New(fault.Integrity, "read trees: "+format, args...).WithHint("train the model again, or restore its file")
}

// reader takes numbers off data. After the first error it returns zeros.
type reader struct {
	data    []byte
	version byte
	err     error
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = corrupt(format, args...)
		r.data = nil
	}
}

func (r *reader) bytes(n int) []byte {
	if len(r.data) < n {
		r.fail("data ends early")
		return make([]byte, n)
	}
	b := r.data[:n]
	r.data = r.data[n:]
	return b
}

func (r *reader) uint64() uint64 { return binary.LittleEndian.Uint64(r.bytes(8)) }

// uvarint returns a number of at most limit.
func (r *reader) uvarint(limit uint64) uint64 {
	v, n := binary.Uvarint(r.data)
	if n <= 0 || v > limit || n > 1 && r.data[n-1] == 0 {
		r.fail("a number is cut off, too large or padded")
		return 0
	}
	r.data = r.data[n:]
	return v
}

// float returns a finite number.
func (r *reader) float() float32 {
	v := math.Float32frombits(binary.LittleEndian.Uint32(r.bytes(4)))
	if v != v || math.IsInf(float64(v), 0) {
		r.fail("a number is %v", v)
	}
	return v
}

// maxWidth is far more than any table has, and low enough for sums of it.
const maxWidth = 1 << 24

func (r *reader) ensemble() *Ensemble {
	width := int(r.uvarint(maxWidth))
	var trees []*Tree
	count := r.uvarint(uint64(len(r.data) / nodeBytes))
	for range count {
		trees = append(trees, r.tree(width))
		if r.err != nil {
			return nil
		}
	}
	e := NewEnsemble(width, trees)
	return &e
}

func (r *reader) tree(width int) *Tree {
	n := r.uvarint(uint64(len(r.data) / nodeBytes))
	t := &Tree{
		Feature: slices.Repeat([]int32{Leaf}, int(n)), Threshold: make([]float32, n), Left: make([]int32, n),
		DefaultLeft: make([]bool, n), Value: make([]float32, n), Cover: make([]float32, n), Gain: make([]float32, n),
	}
	r.shape(t, width)
	if r.version == categoricalVersion {
		r.sets(t)
	}
	for i, f := range t.Feature {
		v := r.float()
		if f >= 0 && t.set(int32(i)) != nil && v != 0 {
			r.fail("node %d splits by categories and by a threshold", i)
		}
		if f >= 0 {
			t.Threshold[i] = v
		} else {
			t.Value[i] = v
		}
	}
	for i := range t.Cover {
		t.Cover[i] = r.float()
	}
	for i, f := range t.Feature {
		if f >= 0 {
			t.Gain[i] = r.float()
		}
	}
	return t
}

// shape reads the features and gives each split the next two nodes: as those
// come after it and all are given away, what it reads is a tree.
func (r *reader) shape(t *Tree, width int) {
	next := int32(1)
	for i := range t.Feature {
		if i >= int(next) {
			r.fail("node %d has no parent", i)
			return
		}
		word := r.uvarint(2 * uint64(width))
		if word == 0 {
			continue
		}
		t.Feature[i], t.DefaultLeft[i], t.Left[i] = int32((word-1)/2), word%2 == 0, next
		next += 2
	}
	if r.err == nil && int(next) != t.Len() {
		r.fail("%d nodes, but the splits need %d", t.Len(), next)
	}
}

// sets reads the categories of the splits that have some.
func (r *reader) sets(t *Tree) {
	for i, f := range t.Feature {
		if f < 0 || r.err != nil {
			continue
		}
		words := r.uvarint(uint64(min(len(r.data)/8, MaxCategory/64+1)))
		if words == 0 {
			continue
		}
		set := make([]uint64, words)
		for k := range set {
			set[k] = r.uint64()
		}
		if set[words-1] == 0 {
			r.fail("node %d has a padded set of categories", i)
		}
		t.setCategories(int32(i), set)
	}
}
