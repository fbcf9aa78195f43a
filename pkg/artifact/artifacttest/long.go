package artifacttest

import (
	"crypto/sha256"
	"hash"
	"io"
	"runtime"
	"testing"

	"github.com/salesctl/salesctl/pkg/artifact"
)

// memory is what a store may hold of a file on its way, some parts in flight
// included.
const memory = 64 << 20

// meter hashes what passes and looks now and then at how much memory is in use.
type meter struct {
	sum           hash.Hash
	bytes, looked int64
	most          uint64
}

func (m *meter) pass(p []byte) {
	_, _ = m.sum.Write(p) // a hash never fails
	if m.bytes += int64(len(p)); m.bytes-m.looked >= 4<<20 {
		m.looked = m.bytes
		m.most = max(m.most, inUse())
	}
}

func inUse() uint64 {
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return s.HeapAlloc
}

// generated is a stream of so many bytes that do not repeat.
type generated struct {
	meter
	left int64
	next uint32
}

func (g *generated) Read(p []byte) (int, error) {
	if g.left == 0 {
		return 0, io.EOF
	}
	p = p[:min(int64(len(p)), g.left)]
	for i := range p {
		g.next = g.next*1664525 + 1013904223 // Numerical Recipes, 2nd edition, section 7.1
		p[i] = byte(g.next >> 24)
	}
	g.left -= int64(len(p))
	g.pass(p)
	return len(p), nil
}

type counted struct{ meter }

// Write takes what a file holds.
func (c *counted) Write(p []byte) (int, error) {
	c.pass(p)
	return len(p), nil
}

func long(t *testing.T, s artifact.Store) {
	if testing.Short() {
		t.Skip("a long file is not for a short test")
	}
	runtime.GC()
	before := inUse()
	in := &generated{meter: meter{sum: sha256.New()}, left: Long}
	if err := s.Put(t.Context(), "long", in); err != nil {
		t.Fatal(err)
	}
	f, err := s.Get(t.Context(), "long")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	out := &counted{meter{sum: sha256.New()}}
	if n, err := artifact.Copy(out, f); err != nil || n != Long || f.Size() != Long {
		t.Fatalf("%d bytes of %d, %v", n, f.Size(), err)
	}
	want(t, in.sum.Sum(nil), out.sum.Sum(nil))
	for name, most := range map[string]uint64{"put": in.most, "get": out.most} {
		if most > before+memory {
			t.Errorf("%s: %d MiB in use, %d before", name, most>>20, before>>20)
		}
	}
}
