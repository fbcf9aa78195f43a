package pipeline

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/salesctl/salesctl/pkg/fault"
)

func TestContainerRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z/"]{1,9}`), 0, 40, rapid.ID[string]).Draw(t, "names")
		var w writer
		var bodies [][]byte
		for range names {
			bodies = append(bodies, rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "body"))
		}
		for i, name := range names {
			w.add(name, bodies[i])
		}
		file, err := w.bytes()
		if err != nil {
			t.Fatal(err)
		}
		c, err := openContainer(bytes.NewReader(file), int64(len(file)))
		if err != nil {
			t.Fatal(err)
		}
		for i, name := range names {
			if got, err := c.read(name); err != nil || !bytes.Equal(got, bodies[i]) {
				t.Fatalf("%s: %v, %v", name, got, err)
			}
		}
		if _, err := c.read("absent!"); !fault.Is(err, fault.Integrity) {
			t.Fatalf("absent: %v", err)
		}
	})
}

// use opens a file and asks everything of it.
func use(file []byte) error {
	p, err := Open(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		return err
	}
	return p.Warm()
}

// TestEveryChangedByteIsNoticed flips bytes all over a file and cuts it short.
func TestEveryChangedByteIsNoticed(t *testing.T) {
	data := sample(t, 1)
	file := train(t, data, small(), Evaluation{}).File
	if err := use(file); err != nil {
		t.Fatal(err)
	}
	if err := use(append(slices.Clone(file), 0)); !fault.Is(err, fault.Integrity) {
		t.Errorf("a byte more at the end: %v", err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	places := []int{0, 8, 12, 16, len(file) - 1}
	for range 300 {
		places = append(places, random.IntN(len(file)))
	}
	for _, at := range places {
		bad := slices.Clone(file)
		bad[at] ^= byte(1 + random.IntN(255))
		if _, err := Open(bytes.NewReader(bad), int64(len(bad))); !fault.Is(err, fault.Integrity) {
			t.Errorf("byte %d of %d changed: %v", at, len(file), err)
		}
		if err := use(file[:at]); !fault.Is(err, fault.Integrity) {
			t.Errorf("cut after %d of %d bytes: %v", at, len(file), err)
		}
	}
}

func TestANewerFormatIsRefused(t *testing.T) {
	file := train(t, sample(t, 1), Recipe{}, Evaluation{}).File
	binary.LittleEndian.PutUint32(file[len(magic):], currentVersion+1)
	err := use(file)
	if !fault.Is(err, fault.Integrity) || fault.HintOf(err) == "" {
		t.Errorf("%v, hint %q", err, fault.HintOf(err))
	}
}

// rewrite changes a section of a file and makes its checksums right again.
func rewrite(t *testing.T, file []byte, name string, change func([]byte) []byte) []byte {
	t.Helper()
	c, err := openContainer(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	var w writer
	for _, s := range c.sections {
		body, err := c.read(s.Name)
		if err != nil {
			t.Fatal(err)
		}
		if s.Name == name {
			body = change(body)
		}
		w.add(s.Name, body)
	}
	out, err := w.bytes()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestAFileWithOtherAnswersIsRefused changes golden answers, as a model that
// does not compute as it did would.
func TestAFileWithOtherAnswersIsRefused(t *testing.T) {
	data := sample(t, 1)
	file := train(t, data, small(), Evaluation{}).File
	same := rewrite(t, file, goldenSection, func(b []byte) []byte { return b })
	if !bytes.Equal(same, file) {
		t.Fatal("rewriting changes the file by itself")
	}
	for name, change := range map[string]func(*golden){
		"path":                     func(g *golden) { g.Paths["arima"][3] *= 1 + 1e-6 },
		"tree":                     func(g *golden) { g.Paths["gbt"][0]++ },
		"row":                      func(g *golden) { g.Rows[0].Parts[1]++ },
		"rows":                     func(g *golden) { g.Rows = g.Rows[1:] },
		"none":                     func(g *golden) { delete(g.Paths, "naive") },
		"a column that ends early": func(g *golden) { g.Columns[2] = g.Columns[2][3:] },
		"a column too few":         func(g *golden) { g.Columns = g.Columns[1:] },
		"half a key":               func(g *golden) { g.Key = nil },
		"no periods":               func(g *golden) { *g = golden{Key: g.Key, Columns: make([]numbers, len(g.Columns))} },
	} {
		bad := rewrite(t, file, goldenSection, func(b []byte) []byte {
			var g golden
			if err := json.Unmarshal(b, &g); err != nil {
				t.Fatal(err)
			}
			change(&g)
			b, err := json.Marshal(g)
			if err != nil {
				t.Fatal(err)
			}
			return b
		})
		if err := use(bad); !fault.Is(err, fault.Integrity) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestOtherDescriptionsAreRefused(t *testing.T) {
	file := train(t, sample(t, 1), Recipe{}, Evaluation{}).File
	for name, text := range map[string]string{
		"no choice": `{"schema":{"frequency":"W-FRI"},"trained_through":"2012-10-26","evaluated_through":"2012-10-26","forecasters":["naive"]}`,
		"stranger":  `{"schema":{"frequency":"W-FRI"},"trained_through":"2012-10-26","evaluated_through":"2012-10-26","forecasters":["naive"],"choice":["prophet"]}`,
		"no JSON":   `{`,
		"frequency": `{"schema":{"frequency":"fortnightly"}}`,
	} {
		bad := rewrite(t, file, infoSection, func([]byte) []byte { return []byte(text) })
		if err := use(bad); !fault.Is(err, fault.Integrity) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzOpen puts any body in the place of a section, with checksums that are right:
// it is refused, or what it says is worked with.
func FuzzOpen(f *testing.F) {
	trained, err := Train(f.Context(), sample(f, 1), small(), Evaluation{})
	if err != nil {
		f.Fatal(err)
	}
	c, err := openContainer(bytes.NewReader(trained.File), int64(len(trained.File)))
	if err != nil {
		f.Fatal(err)
	}
	bodies := make([][]byte, len(c.sections))
	for i, s := range c.sections {
		if bodies[i], err = c.read(s.Name); err != nil {
			f.Fatal(err)
		}
		f.Add(uint8(i), bodies[i])
	}
	f.Fuzz(func(t *testing.T, which uint8, body []byte) {
		var w writer
		for i, s := range c.sections {
			if i == int(which)%len(bodies) {
				w.add(s.Name, body)
			} else {
				w.add(s.Name, bodies[i])
			}
		}
		file, err := w.bytes()
		if err != nil {
			t.Fatal(err)
		}
		if err := use(file); err != nil && !fault.Is(err, fault.Integrity) {
			t.Errorf("section %s: %v is no integrity error", c.sections[int(which)%len(bodies)].Name, err)
		}
	})
}

// FuzzContainer feeds bytes that are no file of ours.
func FuzzContainer(f *testing.F) {
	var w writer
	w.add("a", []byte("body"))
	w.add("b", nil)
	file, err := w.bytes()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(file)
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := use(b); !fault.Is(err, fault.Integrity) {
			t.Errorf("%v is no integrity error", err)
		}
	})
}
