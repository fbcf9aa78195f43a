package etl_test

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/salesctl/salesctl/pkg/etl"
	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/sales"
	"github.com/salesctl/salesctl/testdata"
	"pgregory.net/rapid"
)

// hand is a way of writing a file.
type hand struct {
	layout   string // of package time
	name     string // of the layout, for people
	comma    string
	eol      string
	bom      string
	order    []int // of the columns store, date, sales, temp, region
	quoted   bool  // all fields
	decimals string
	groups   string // between thousands
}

func drawHand(t *rapid.T) hand {
	h := hand{
		comma: rapid.SampledFrom([]string{",", ";", "\t"}).Draw(t, "comma"),
		eol:   rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(t, "eol"),
		bom:   rapid.SampledFrom([]string{"", "\ufeff"}).Draw(t, "bom"),
		order: rapid.Permutation([]int{0, 1, 2, 3, 4}).Draw(t, "order"), quoted: rapid.Bool().Draw(t, "quoted"), decimals: ".",
	}
	layout := rapid.SampledFrom([][2]string{
		{"2006-01-02", "yyyy-mm-dd"}, {"02-01-2006", "dd-mm-yyyy"}, {"2/1/06", "d/m/yy"}, {"1/2/06", "m/d/yy"}, {"2/1/2006", "d/m/yyyy"},
		{"01/02/2006", "m/d/yyyy"}, {"02.01.2006", "dd.mm.yyyy"}, {"2006/01/02", "yyyy/mm/dd"}, {"2006-01-02T15:04:05", "yyyy-mm-dd"},
	}).Draw(t, "layout")
	h.layout, h.name = layout[0], layout[1]
	if h.comma != "," && rapid.Bool().Draw(t, "decimal comma") {
		h.decimals = ","
	}
	other := map[string]string{".": ",", ",": "."}[h.decimals]
	h.groups = rapid.SampledFrom([]string{"", other, "'", "\u00a0", "\u202f"}).Draw(t, "groups")
	return h
}

// write writes the observations as the hand does.
func (h hand) write(obs []sales.Observation) string {
	var b strings.Builder
	line := func(fields ...string) {
		for i, at := range h.order {
			if i > 0 {
				b.WriteString(h.comma)
			}
			f := fields[at]
			if h.quoted || strings.ContainsAny(f, "\"\n,;\t") {
				f = `"` + strings.ReplaceAll(f, `"`, `""`) + `"`
			}
			b.WriteString(f)
		}
		b.WriteString(h.eol)
	}
	number := func(v float64) string {
		if math.IsNaN(v) {
			return ""
		}
		whole, decimals, fraction := strings.Cut(strconv.FormatFloat(math.Abs(v), 'f', -1, 64), ".")
		for at := len(whole) - 3; at > 0; at -= 3 {
			whole = whole[:at] + h.groups + whole[at:]
		}
		if fraction {
			whole += h.decimals + decimals
		}
		if math.Signbit(v) {
			return "-" + whole
		}
		return whole
	}
	b.WriteString(h.bom)
	line("Store", "Date", "Sales", "Temp", "Region")
	for _, o := range obs {
		line(o.Key[0], o.Period.Format(h.layout), number(o.Target), number(o.Columns[0]), o.Static[0])
	}
	return b.String()
}

// Observations that are written by any hand read back as they were.
func TestReadsBack(t *testing.T) {
	value := rapid.OneOf(rapid.Float64Range(-1e12, 1e12), rapid.Just(math.NaN()), rapid.Just(0.0))
	observation := rapid.Custom(func(t *rapid.T) sales.Observation {
		return sales.Observation{
			Key:    sales.Key{rapid.SampledFrom([]string{"1", "45", "north", "a,b", "c;d", `"e"`, "f g"}).Draw(t, "key")},
			Static: []string{rapid.SampledFrom([]string{"", "N", "two\nlines", `a "b", c`}).Draw(t, "region")},
			Period: sales.Date(2010, 2, 5) + 7*sales.Period(rapid.IntRange(0, 500).Draw(t, "week")),
			Target: value.Draw(t, "target"), Columns: []float64{value.Draw(t, "temp")},
		}
	})
	rapid.Check(t, func(rt *rapid.T) {
		h := drawHand(rt)
		obs := rapid.SliceOfN(observation, 1, 20).Draw(rt, "observations")
		settled := obs[0] // one date settles the layout: the 19th of February 2010
		settled.Period = sales.Date(2010, 2, 19)
		settled.Target = 0.5 // one number settles the decimal separator
		obs = append(obs, settled)
		m, o := &memory{}, etl.Options{Mapping: withStatic("Region")}
		o.Columns = []etl.Column{{"temp", "Temp"}}
		text := h.write(obs)
		r, err := load(t, m, text, o)
		if err != nil {
			rt.Fatalf("%v\n%s", err, text)
		}
		if d := cmp.Diff(obs, m.observations(), cmpopts.EquateNaNs()); d != "" || r.Layout != h.name {
			rt.Fatalf("layout %s\n%s\n%s", r.Layout, text, d)
		}
	})
}

// FuzzParse reads any bytes: without a panic, each line behind the header is an
// observation that keeps its promises or a refusal with a reason.
func FuzzParse(f *testing.F) {
	f.Add("1,05-02-2010,5,6\n1,19-02-2010,,\n")
	f.Add("\"1\",\"12/31/10\",\"5\",x\n\n2,12/31/10,NaN,1e999\n1,\"")
	f.Add("a/b,2010-02-05T00:00:00,-0,0x1\r\n\xff,2010-02-05,1_0,-\n")
	f.Add("1,5.2.2010,.,e\n1,5.2.2010,+,-.5e-3\n\"x\ny\",5.2.2010,1,1\n")
	f.Fuzz(func(t *testing.T, text string) {
		m, o := &memory{}, etl.Options{Mapping: small()}
		o.Columns = []etl.Column{{"temp", "Temp"}}
		text = "Store,Date,Sales,Temp\n" + text
		r, err := load(t, m, text, o) // checks that the counts add up
		if err != nil {
			if !fault.Is(err, fault.Invalid) {
				t.Fatal(err)
			}
			return
		}
		last := 1
		for _, l := range m.lines {
			if l.Number <= last || len(l.Raw) > 1<<10 {
				t.Errorf("line %d behind line %d with %d bytes", l.Number, last, len(l.Raw))
			}
			last = l.Number
			if l.Refused == "" {
				if err := valid(l.Observation, r.Source.Schema); err != nil {
					t.Errorf("line %d: %v", l.Number, err)
				}
			}
		}
		if n := strings.Count(text, "\n") + 1; last > n {
			t.Errorf("line %d of %d", last, n)
		}
	})
}

// valid checks what every later step relies on.
func valid(o sales.Observation, s sales.Schema) error {
	if part, err := sales.KeyPart(o.Key[0]); err != nil || part != o.Key[0] {
		return fmt.Errorf("key %q: %v", o.Key[0], err)
	}
	if math.IsInf(o.Target, 0) || math.IsInf(o.Columns[0], 0) {
		return errors.New("an infinite value")
	}
	_, err := sales.NewPanel(s, []sales.Observation{o})
	return err
}

// BenchmarkRun reads the sample's 6,435 lines, all steps but the database.
func BenchmarkRun(b *testing.B) {
	b.SetBytes(int64(len(testdata.Walmart)))
	b.ReportAllocs()
	for b.Loop() {
		in := etl.Input{Name: "walmart.csv", Reader: bytes.NewReader(testdata.Walmart)}
		if _, err := etl.Run(b.Context(), in, &counting{check: func() {}}, etl.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkEncodingCSV only splits the same lines into fields, by the standard
// library, for comparison.
func BenchmarkEncodingCSV(b *testing.B) {
	b.SetBytes(int64(len(testdata.Walmart)))
	for b.Loop() {
		r := csv.NewReader(bytes.NewReader(testdata.Walmart))
		r.ReuseRecord = true
		for {
			if _, err := r.Read(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				b.Fatal(err)
			}
		}
	}
}
