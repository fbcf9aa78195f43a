package store

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/sales"
)

// cell is what a line says about, reading what it says.
type cell struct {
	store string
	week  sales.Period
}

type reading struct{ target, cpi float64 }

func (r reading) equal(o reading) bool { return same(r.target, o.target) && same(r.cpi, o.cpi) }

func same(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) }

// model is the store as a map: the semantics of a load in the plainest form.
type model struct {
	now      map[cell]reading
	digests  map[string]int // of the visible loads
	loads    int64
	versions int
}

func (m *model) load(src sales.Source, lines []sales.Line) (want sales.Loaded, refused bool) {
	if src.Replace && len(m.digests) == 1 && m.digests[src.Digest] == 1 {
		src.Replace = false
	}
	past, digests := m.now, m.digests
	if src.Replace {
		past, digests = nil, nil
	}
	said := map[cell][]reading{}
	for _, l := range lines {
		if l.Refused == "" {
			c, r := of(l)
			said[c] = append(said[c], r)
		}
	}
	n := sales.Counts{Read: len(lines)}
	next := maps.Clone(past)
	if next == nil {
		next = map[cell]reading{}
	}
	taken := map[cell]bool{}
	for _, l := range lines {
		c, r := of(l)
		old, known := past[c]
		switch {
		case l.Refused != "" || slices.ContainsFunc(said[c], func(o reading) bool { return !o.equal(r) }):
			n.Refused++
			continue
		case taken[c]:
			n.Duplicate++
			continue
		case !known:
			n.New++
		case old.equal(r):
			n.Unchanged++
		default:
			n.Corrected++
		}
		taken[c], next[c] = true, r
	}
	want.Counts = n
	if len(digests) == 0 && n.New == 0 || src.Strict && n.Refused > 0 {
		return want, true
	}
	if n.New+n.Corrected == 0 && (n.Refused == 0 || digests[src.Digest] > 0) {
		return want, false
	}
	if digests = maps.Clone(digests); digests == nil {
		digests = map[string]int{}
	}
	digests[src.Digest]++
	m.loads++
	m.now, m.digests, m.versions = next, digests, m.versions+n.New+n.Corrected
	want.ID = m.loads
	return want, false
}

func of(l sales.Line) (cell, reading) {
	if l.Refused != "" {
		return cell{}, reading{}
	}
	o := l.Observation
	return cell{o.Key.String(), o.Period}, reading{o.Target, o.Columns[0]}
}

// panel is what Panel must return.
func (m *model) panel(t *rapid.T) sales.Panel {
	var obs []sales.Observation
	for c, r := range m.now {
		obs = append(obs, sales.Observation{Key: sales.Key{c.store}, Period: c.week, Target: r.target, Columns: []float64{r.cpi}})
	}
	slices.SortFunc(obs, func(a, b sales.Observation) int { return cmp.Compare(a.Period, b.Period) })
	p, err := sales.NewPanel(weekly, obs)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func drawLine(t *rapid.T, number int) sales.Line {
	if rapid.IntRange(0, 9).Draw(t, "bad") == 0 {
		return bad(number, "no")
	}
	value := rapid.SampledFrom([]float64{1, 2, math.NaN()})
	return row(number, rapid.SampledFrom([]string{"1", "2", "10"}).Draw(t, "store"),
		rapid.IntRange(0, 3).Draw(t, "week"), value.Draw(t, "target"), value.Draw(t, "cpi"))
}

func testLoadsFollowTheModel(t *testing.T, on place) {
	blank := on.blanks(t)
	rapid.Check(t, func(t *rapid.T) {
		s, err := Open(t.Context(), blank(), Options{Now: clock})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = s.Close() }()
		m := &model{}
		var files [][]sales.Line
		for range rapid.IntRange(1, 4).Draw(t, "loads") {
			lines := drawFile(t, files)
			files = append(files, lines)
			src, seq := file("f.csv", lines...)
			src.Replace = rapid.IntRange(0, 4).Draw(t, "replace") == 0
			src.Strict = rapid.IntRange(0, 4).Draw(t, "strict") == 0
			want, refused := m.load(src, lines)
			got, err := s.Load(t.Context(), src, seq)
			if fault.Is(err, fault.Invalid) != refused || err != nil && !refused {
				t.Fatalf("error %v, want one: %v", err, refused)
			}
			if diff := gocmp.Diff(want, got, cmpopts.IgnoreFields(sales.Loaded{}, "Refusals")); diff != "" {
				t.Fatal(diff)
			}
			check(t, s, m)
		}
	})
}

// drawFile draws a new file or, now and then, one of those before.
func drawFile(t *rapid.T, files [][]sales.Line) []sales.Line {
	if len(files) > 0 && rapid.IntRange(0, 3).Draw(t, "again") == 0 {
		return rapid.SampledFrom(files).Draw(t, "which")
	}
	lines := make([]sales.Line, rapid.IntRange(0, 8).Draw(t, "lines"))
	for i := range lines {
		lines[i] = drawLine(t, i+2)
	}
	return lines
}

// check compares what the store gives back with the model.
func check(t *rapid.T, s *Store, m *model) {
	got, err := s.Panel(t.Context())
	if len(m.now) == 0 {
		if !fault.Is(err, fault.NotFound) {
			t.Fatalf("panel of an empty store: %v", err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(m.panel(t), got, cmpopts.EquateNaNs()); diff != "" {
		t.Fatal(diff)
	}
	loads, err := s.Loads(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	versions := 0
	for _, l := range loads {
		versions += l.Counts.New + l.Counts.Corrected
	}
	if versions != m.versions || len(loads) != int(m.loads) {
		t.Fatalf("%d loads and %d versions are kept, want %d and %d", len(loads), versions, m.loads, m.versions)
	}
}
