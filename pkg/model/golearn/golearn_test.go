package golearn

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/sjwhitworth/golearn/base"
	"github.com/sjwhitworth/golearn/trees"
	"pgregory.net/rapid"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/model"
	"github.com/salesctl/salesctl/pkg/model/modeltest"
)

func unmarshal(b []byte) (model.Regressor, error) { return Unmarshal(b) }

func TestSuite(t *testing.T) {
	modeltest.Learner(t, func() model.Learner { return New(Options{MaxDepth: 2}) }, unmarshal)
}

// table is rows of a step and a slope, without a missing value.
func table(rows int) model.Dataset {
	random := rand.New(rand.NewPCG(1, 2))
	x := model.NewFrame([]string{"a", "b", "c"}, nil, rows)
	y := make([]float64, rows)
	for r := range rows {
		x.SetRow(r, []float32{random.Float32(), random.Float32(), float32(random.IntN(4))})
		y[r] = 10*float64(x.Cols[0][r]) + 100*float64(x.Cols[2][r]) + random.NormFloat64()
	}
	return model.Dataset{X: x, Y: y}
}

// The walk through the copied tree gives what golearn's own tree answers.
func TestAnswersAsGolearn(t *testing.T) {
	d := table(150)
	fitted, err := New(Options{MaxDepth: 5}).Fit(context.Background(), d, model.Dataset{})
	if err != nil {
		t.Fatal(err)
	}
	m := fitted.(*Model)
	rows := make([]int, d.X.Len())
	for r := range rows {
		rows[r] = r
	}
	grid, err := m.grid(d, rows)
	if err != nil {
		t.Fatal(err)
	}
	theirs := trees.NewDecisionTreeRegressor(trees.MSE, 5)
	if err := theirs.Fit(grid); err != nil {
		t.Fatal(err)
	}
	ours := make([]float64, len(rows))
	if err := m.Predict(ours, d.X); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(theirs.Predict(grid), ours); diff != "" {
		t.Error(diff)
	}
	if len(m.Nodes) < 20 {
		t.Errorf("%d nodes, the tree says nothing", len(m.Nodes))
	}
}

func TestGrowsOnAFewRowsOfMany(t *testing.T) {
	d := table(3 * MaxRows)
	rows := thinned(d)
	if len(rows) != MaxRows || rows[0] != 0 || rows[MaxRows-1] != 3*MaxRows-3 {
		t.Errorf("%d rows, from %d to %d", len(rows), rows[0], rows[len(rows)-1])
	}
	d.Weight = make([]float64, d.X.Len())
	d.Weight[7] = 1
	if rows := thinned(d); len(rows) != 1 || rows[0] != 7 {
		t.Errorf("rows %v, want the one with a weight", rows)
	}
}

// Where no split helps, golearn's own Predict answers 0 above a threshold of 0.
func TestNoSplitAnswersTheMean(t *testing.T) {
	x := model.NewFrame([]string{"a"}, nil, 2)
	x.SetRow(1, []float32{1})
	m, err := New(Options{}).Fit(context.Background(), model.Dataset{X: x, Y: []float64{3, 3}}, model.Dataset{})
	if err != nil {
		t.Fatal(err)
	}
	if got := m.(*Model).PredictRow([]float32{1}); got != 3 {
		t.Errorf("answer %v, want 3", got)
	}
}

func TestRefusesDepth(t *testing.T) {
	for _, depth := range []int{-1, maxDepth + 1} {
		if err := (Options{MaxDepth: depth}).Validate(); !fault.Is(err, fault.Config) {
			t.Errorf("depth %d: %v", depth, err)
		}
	}
}

func TestPanicsBecomeErrors(t *testing.T) {
	err := guarded(func() error { base.UnpackBytesToFloat(nil); return nil })
	if err == nil || !strings.Contains(err.Error(), "golearn panicked") {
		t.Errorf("error %v", err)
	}
}

func TestRefusesCorruptTrees(t *testing.T) {
	for _, text := range []string{
		`{}`, `{"fill":[1],"nodes":[]}`, `{"fill":[1],"nodes":[{"left":1,"right":1}]}`,
		`{"fill":[1],"nodes":[{"left":1,"right":2},{"left":1,"right":2},{}]}`, // a cycle
		`{"fill":[],"nodes":[{"left":1,"right":2},{},{}]}`,
		`{"fill":[1],"nodes":[{"left":-1}]}`,
		`{"fill":[1],"nodes":[` + strings.Repeat("{},", 2<<maxDepth) + `{}]}`,
		`{"fill":[1],"nodes":[{}],"of a later version":1}`, `{"fill":[1],"nodes":[{}]}{}`, `{"fill":[1],"nodes":[{"value":1e999}]}`,
	} {
		if _, err := Unmarshal([]byte(text)); !fault.Is(err, fault.Integrity) {
			t.Errorf("%.60s: %v", text, err)
		}
	}
}

// What is not refused answers, whatever it is asked.
func FuzzUnmarshal(f *testing.F) {
	fitted, err := New(Options{}).Fit(f.Context(), table(30), model.Dataset{})
	if err != nil {
		f.Fatal(err)
	}
	data, err := fitted.MarshalBinary()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"fill":[1,2],"nodes":[{"left":1,"right":2},{},{"value":3}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Unmarshal(data)
		if err != nil {
			if !fault.Is(err, fault.Integrity) {
				t.Errorf("error %v is not of kind Integrity", err)
			}
			return
		}
		for _, v := range []float32{-1, 0, 1e9, float32(math.NaN())} {
			x := make([]float32, len(m.Fill))
			for i := range x {
				x[i] = v
			}
			m.PredictRow(x)
		}
	})
}

func TestARFFRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.IntRange(1, 8).Draw(t, "rows")
		number := rapid.OneOf(rapid.Just(math.NaN()), rapid.Just(0x1p-24), rapid.Float64Range(-1e9, 1e9))
		want := Table{Columns: []Column{
			{Name: "store", Words: rapid.SliceOfN(rapid.SampledFrom([]string{"1", "north", "2010-02-05"}), rows, rows).Draw(t, "words")},
			{Name: "cpi", Numbers: rapid.SliceOfN(number, rows, rows).Draw(t, "numbers")},
			{Name: "target", Numbers: rapid.SliceOfN(number, rows, rows).Draw(t, "target")},
		}}
		var file bytes.Buffer
		if err := WriteARFF(&file, "sales", want); err != nil {
			t.Fatal(err)
		}
		got, err := ReadARFF(bytes.NewReader(file.Bytes()))
		if err != nil {
			t.Fatalf("%v\n%s", err, file.String())
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateNaNs()); diff != "" {
			t.Fatalf("%s\n%s", diff, file.String())
		}
	})
}

func TestReadARFFOfOthers(t *testing.T) {
	got, err := ReadARFF(strings.NewReader(`% Weka writes it so
@RELATION weather

@ATTRIBUTE outlook { sunny, rainy }
@attribute	humidity NUMERIC
@ATTRIBUTE days integer
@DATA
sunny, 85.5, 3
% a comment between
rainy, ?, 4
`))
	want := Table{Columns: []Column{
		{Name: "outlook", Words: []string{"sunny", "rainy"}},
		{Name: "humidity", Numbers: []float64{85.5, math.NaN()}},
		{Name: "days", Numbers: []float64{3, 4}},
	}}
	if diff := cmp.Diff(want, got, cmpopts.EquateNaNs()); err != nil || diff != "" {
		t.Errorf("error %v, %s", err, diff)
	}
}

func TestReadARFFRefuses(t *testing.T) {
	const head = "@relation x\n@attribute a {u,v}\n@attribute b real\n@data\n"
	for text, want := range map[string]string{
		"":                                     "no rows",
		head:                                   "no rows",
		head + "u\n":                           "line 5: 1 values, there are 2 attributes",
		head + "w,1\n":                         `line 5: a is "w"`,
		head + "u,one\n":                       `line 5: b is "one"`,
		head + "u,1\nv,Inf\n":                  `line 6: b is "Inf"`,
		head + "{0 u, 1 3}\n":                  `line 5: a is "{0 u"`,
		"@attribute d date\n@data":             `line 1: attribute d is of the kind "date"`,
		"@attribute 'a b' real\n":              `line 1: the name "'a" cannot be read`,
		"@attribute a {\"u v\"}\n":             "cannot be read",
		"@attribute a real\n@attribute a real": "line 2: two attributes are named a",
		"hello":                                `line 1: "hello" is no @relation`,
		"@attribute a " + strings.Repeat("x", 70_000): "longer than 64 kB",
	} {
		_, err := ReadARFF(strings.NewReader(text))
		if !fault.Is(err, fault.Invalid) || !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("%.60q: %v, want %q", text, err, want)
		}
	}
}

func TestWriteARFFRefuses(t *testing.T) {
	for name, table := range map[string]Table{
		"no columns": {},
		"a name":     {Columns: []Column{{Name: "fuel price", Numbers: []float64{1}}}},
		"a word":     {Columns: []Column{{Name: "a", Words: []string{"x,y"}}}},
		"lengths":    {Columns: []Column{{Name: "a", Numbers: []float64{1}}, {Name: "b", Numbers: []float64{1, 2}}}},
		"infinity":   {Columns: []Column{{Name: "a", Numbers: []float64{math.Inf(1)}}}},
	} {
		if err := WriteARFF(new(bytes.Buffer), "x", table); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWriteARFFTellsOfItsWriter(t *testing.T) {
	r := Table{Columns: []Column{{Name: "a", Numbers: make([]float64, 10_000)}}}
	if err := WriteARFF(full{}, "x", r); err == nil || !strings.Contains(err.Error(), "no space") {
		t.Errorf("error %v", err)
	}
}

// full is a disk without space.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, fmt.Errorf("no space left") }

func FuzzReadARFF(f *testing.F) {
	f.Add("@relation x\n@attribute a {u,v}\n@attribute b real\n@data\nu,1\nv,?\n")
	f.Add("@ATTRIBUTE a real\n@data\n1\n")
	f.Fuzz(func(t *testing.T, text string) {
		table, err := ReadARFF(strings.NewReader(text))
		if err != nil {
			return
		}
		for _, c := range table.Columns {
			if c.Len() != table.Columns[0].Len() || c.Len() == 0 {
				t.Fatalf("column %s has %d rows", c.Name, c.Len())
			}
		}
	})
}
