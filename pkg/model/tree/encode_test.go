package tree

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/salesctl/salesctl/pkg/fault"
)

var testMagic = [4]byte{'T', 'E', 'S', 'T'}

func TestEnsembleComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := anyProblem(200).Draw(t, "problem")
		e := &Ensemble{Width: p.frame.Width()}
		for range rapid.IntRange(0, 3).Draw(t, "trees") {
			e.Trees = append(e.Trees, p.grow(t, nil))
			p.params.MaxDepth++
		}
		const base = 123456.789
		data := Marshal(testMagic, base, e)
		gotBase, got, err := Unmarshal(testMagic, data)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(e, got, cmpopts.IgnoreUnexported(Ensemble{})); diff != "" || gotBase != base {
			t.Fatalf("base %v, %s", gotBase, diff)
		}
	})
}

// sealed returns body after a header and before its checksum, as Marshal writes
// them.
func sealed(body ...[]byte) []byte {
	return versioned(plainVersion, body...)
}

func versioned(version byte, body ...[]byte) []byte {
	b := append(testMagic[:len(testMagic):len(testMagic)], version)
	b = append(b, bytes.Join(body, nil)...)
	return binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
}

func TestUnmarshalRefuses(t *testing.T) {
	floats := func(v ...float32) (b []byte) {
		for _, f := range v {
			b = appendFloat(b, f)
		}
		return b
	}
	nan, zero := float32(math.NaN()), make([]byte, 8)
	good := Marshal(testMagic, 0, &Ensemble{Width: 2, Trees: []*Tree{stump(1, 1, 2, 3, true)}})
	for name, data := range map[string][]byte{
		"nothing":           {},
		"another algorithm": append([]byte("ELSE"), good[4:]...),
		"a later version":   append(append([]byte("TEST"), categoricalVersion+1), good[5:]...),
		"a byte too many":   sealed(zero, []byte{2, 0}, []byte{0}),
		"an odd base":       sealed(binary.LittleEndian.AppendUint64(nil, math.Float64bits(math.Inf(1))), []byte{2, 0}),
		"padded number":     sealed(zero, []byte{0x82, 0, 0}),
		"no nodes":          sealed(zero, []byte{2, 1, 0}, floats(0, 0, 0)),
		"two nodes":         sealed(zero, []byte{2, 1, 2, 1, 0}, floats(0, 0, 0, 0, 0)),
		"nodes without end": sealed(zero, []byte{2, 1, 3, 1, 1, 1}, floats(0, 0, 0, 0, 0, 0, 0, 0, 0)),
		"an orphan":         sealed(zero, []byte{2, 1, 3, 0, 1, 0}, floats(0, 0, 0, 0, 0, 0, 0)),
		"unknown feature":   sealed(zero, []byte{2, 1, 3, 5, 0, 0}, floats(0, 0, 0, 0, 0, 0, 0)),
		"a NaN":             sealed(zero, []byte{2, 1, 3, 1, 0, 0}, floats(nan, 0, 0, 0, 0, 0, 0)),
		"a missing gain":    sealed(zero, []byte{2, 1, 3, 1, 0, 0}, floats(0, 0, 0, 0, 0, 0)),
		"millions of trees": sealed(zero, []byte{2, 0xff, 0xff, 0xff, 0x7f}),
		"millions of nodes": sealed(zero, []byte{2, 1, 0xff, 0xff, 0xff, 0x7f}),
		"2^31 nodes":        sealed(zero, []byte{2, 1, 0x80, 0x80, 0x80, 0x80, 0x08}, make([]byte, 1<<16)),
		"more than int64":   sealed(zero, []byte{2, 1}, bytes.Repeat([]byte{0xff}, 9), []byte{1}),
		"2^24 features":     sealed(zero, []byte{0x81, 0x80, 0x80, 0x08, 0}),
	} {
		if _, _, err := Unmarshal(testMagic, data); !fault.Is(err, fault.Integrity) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	if _, _, err := Unmarshal(testMagic, sealed(zero, []byte{2, 1, 3, 1, 0, 0}, floats(0, 0, 0, 0, 0, 0, 0))); err != nil {
		t.Errorf("the tree that the others are made from: %v", err)
	}
	for i := range good {
		for bit := range 8 {
			bad := bytes.Clone(good)
			bad[i] ^= 1 << bit
			if _, _, err := Unmarshal(testMagic, bad); !fault.Is(err, fault.Integrity) {
				t.Errorf("bit %d of byte %d changed: error %v", bit, i, err)
			}
		}
		if _, _, err := Unmarshal(testMagic, good[:i]); !fault.Is(err, fault.Integrity) {
			t.Errorf("first %d bytes: error %v", i, err)
		}
	}
}

// What has the right checksum is refused, or is an ensemble that answers and is
// written as the same bytes again.
func FuzzUnmarshal(f *testing.F) {
	for _, e := range []*Ensemble{
		{Width: 1},
		{Width: 2, Trees: []*Tree{stump(1, 1, 2, 3, true), stump(0, -1, 2, 3, false)}},
		{Width: 4, Trees: []*Tree{noise(20, 4).grow(f, nil)}},
		{Width: 3, Trees: []*Tree{randomTree(rand.New(rand.NewPCG(1, 2)), 3, 4, true)}},
	} {
		data := Marshal(testMagic, 1.5, e)
		f.Add(data[len(testMagic)], data[len(testMagic)+1:len(data)-crc32.Size])
	}
	f.Fuzz(func(t *testing.T, version byte, body []byte) {
		data := versioned(version, body)
		base, e, err := Unmarshal(testMagic, data)
		if err != nil {
			if !fault.Is(err, fault.Integrity) {
				t.Errorf("error %v is not of kind Integrity", err)
			}
			return
		}
		if !bytes.Equal(data, Marshal(testMagic, base, e)) {
			t.Error("written as other bytes")
		}
		if e.Width > 1000 {
			return
		}
		for _, v := range []float32{-1, 0, 1e9, float32(math.NaN())} {
			x := make([]float32, e.Width)
			for i := range x {
				x[i] = v
			}
			for _, one := range e.Trees {
				one.Predict(x)
			}
			if err := NewExplainer(e).Add(make([]float64, e.Width+1), x, 1); err != nil {
				t.Error(err)
			}
		}
	})
}
