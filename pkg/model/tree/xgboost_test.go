package tree

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/salesctl/salesctl/pkg/fault"
)

// lone returns a tree of one leaf.
func lone(value float32) *Tree {
	t := new(Tree)
	t.add(value, 1)
	return t
}

// random returns a tree of so many splits, on any features and at any float32s.
func random(r *rand.Rand, width, splits int) *Tree {
	t := lone(anyFloat(r))
	for i, next := int32(0), int32(1); next < int32(2*splits); i, next = i+1, next+2 {
		t.Feature[i], t.Threshold[i], t.Left[i], t.Value[i] = int32(r.IntN(width)), anyFloat(r), next, 0
		t.DefaultLeft[i], t.Gain[i] = r.IntN(2) == 0, r.Float32()
		t.add(anyFloat(r), r.Float32())
		t.add(anyFloat(r), r.Float32())
	}
	return t
}

// anyFloat returns a finite float32 of any size, small ones included.
func anyFloat(r *rand.Rand) float32 {
	for {
		if v := math.Float32frombits(r.Uint32()); v == v && !math.IsInf(float64(v), 0) {
			return v
		}
	}
}

// written returns the model as JSON, for features f0, f1, ...
func written(t testing.TB, m XGBoost) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := m.Write(&b, numbered(m.Trees.Width)); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func numbered(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = "f" + strconv.Itoa(i)
	}
	return names
}

// The form as it is, so that a change of it shows.
func TestXGBoostFormGolden(t *testing.T) {
	m := XGBoost{Base: 0.5, Parallel: 2, Trees: &Ensemble{Width: 2, Trees: []*Tree{stump(1, 1.5, 10, 100, true), lone(-3)}}}
	var got bytes.Buffer
	if err := m.Write(&got, []string{`"ä\`, "b c"}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("testdata", "xgboost.golden.json")
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.TrimSpace(string(want)), got.String()); diff != "" {
		t.Error(diff)
	}
	if !json.Valid(got.Bytes()) {
		t.Error("it is not JSON")
	}
}

func TestNumbersHaveAnExponentAndComeBack(t *testing.T) {
	for v, want := range map[float32]string{
		0: "0E0", 100: "1E2", -0.125: "-1.25E-1", 0.1: "1E-1", math.MaxFloat32: "3.4028235E38",
		math.SmallestNonzeroFloat32: "1E-45", float32(math.Copysign(0, -1)): "-0E0", 12345678: "1.2345678E7",
	} {
		if got := string(appendNumber(nil, v)); got != want {
			t.Errorf("%v is written %s, want %s", v, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.Float32Range(-math.MaxFloat32, math.MaxFloat32).Draw(t, "v")
		text := string(appendNumber(nil, v))
		back, err := strconv.ParseFloat(text, 32)
		if err != nil || float32(back) != v || !strings.Contains(text, "E") {
			t.Fatalf("%v is written %s, read %v, %v", v, text, back, err)
		}
	})
}

func TestPredictRowAddsFloat32s(t *testing.T) {
	m := XGBoost{Base: 1 << 24, Parallel: 1, Trees: &Ensemble{Width: 1, Trees: []*Tree{lone(1), lone(1), lone(2)}}}
	if got := m.PredictRow([]float32{0}); got != 1<<24+2 {
		t.Errorf("ones are not lost one by one: %v", got)
	}
	m.Base, m.Parallel = 0, 3
	if third := float32(1) / 3; m.PredictRow([]float32{0}) != third+third+float32(2.0/3) {
		t.Errorf("leaves are not divided one by one: %v", m.PredictRow([]float32{0}))
	}
}

func TestWriteRefusesNames(t *testing.T) {
	m := XGBoost{Parallel: 1, Trees: &Ensemble{Width: 2, Trees: []*Tree{lone(1)}}}
	for want, names := range map[string][]string{
		"2 features, but got 1 names": {"a"},
		`feature named "a[0]"`:        {"b", "a[0]"},
		`feature named "a<b"`:         {"b", "a<b"},
		`feature named "a\tb"`:        {"b", "a\tb"},
		`feature named "\xff"`:        {"b", "\xff"},
		`no two features named "a"`:   {"a", "a"},
	} {
		if err := m.Write(new(bytes.Buffer), names); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", names, err, want)
		}
	}
}

// full takes so many bytes.
type full int

func (f *full) Write(p []byte) (int, error) {
	if len(p) > int(*f) {
		return 0, errors.New("disk is full")
	}
	*f -= full(len(p))
	return len(p), nil
}

func TestWriteTellsOfAFullDisk(t *testing.T) {
	m := XGBoost{Parallel: 1, Trees: &Ensemble{Width: 5, Trees: []*Tree{random(rand.New(rand.NewPCG(1, 2)), 5, 5000)}}}
	size := len(written(t, m))
	for _, room := range []int{0, size / 2, size - 1} {
		left := full(room)
		if err := m.Write(&left, numbered(5)); err == nil || err.Error() != "disk is full" {
			t.Errorf("room for %d of %d bytes: %v", room, size, err)
		}
	}
	left := full(size)
	if err := m.Write(&left, numbered(5)); err != nil {
		t.Error(err)
	}
}

// peerCase is a model and rows to ask it for.
type peerCase struct {
	model     XGBoost
	rows      [][]float32
	explained bool // covers add up, so that contributions can be compared
}

// peerCases are models of every shape, asked for rows on, just below and above
// their thresholds and for missing values.
func peerCases() map[string]peerCase {
	r := rand.New(rand.NewPCG(3, 4))
	missing := float32(math.NaN())
	edges := func(width int, at ...float32) (rows [][]float32) {
		for _, v := range append(at, missing, 0, -1, 1, math.MaxFloat32, -math.MaxFloat32) {
			for _, x := range []float32{v, math.Nextafter32(v, -math.MaxFloat32), math.Nextafter32(v, math.MaxFloat32)} {
				row := make([]float32, width)
				for c := range row {
					if row[c] = x; r.IntN(5) == 0 {
						row[c] = missing
					}
				}
				row[0] = x
				rows = append(rows, row)
			}
		}
		return rows
	}
	cases := map[string]peerCase{
		"one leaf":      {model: XGBoost{0, 1, "", &Ensemble{Width: 1, Trees: []*Tree{lone(0.1)}}}, rows: edges(1)},
		"leaves alone":  {model: XGBoost{1e8, 1, "", &Ensemble{Width: 2, Trees: []*Tree{lone(1), lone(-2), lone(3e7)}}}, rows: edges(2)},
		"stumps":        {model: XGBoost{-0.3, 1, "", &Ensemble{Width: 2, Trees: []*Tree{stump(0, 1.5, 10, 20, true), stump(1, -2.25, 1, 2, false)}}}, rows: edges(2, 1.5, -2.25)},
		"beyond all":    {model: XGBoost{7, 2, "", &Ensemble{Width: 1, Trees: []*Tree{stump(0, math.MaxFloat32, 1, 2, true), stump(0, -math.MaxFloat32, 1, 2, false)}}}, rows: edges(1)},
		"smallest":      {model: XGBoost{0, 1, "", &Ensemble{Width: 1, Trees: []*Tree{stump(0, math.SmallestNonzeroFloat32, 1, 2, true), stump(0, 0, 3, 4, false)}}}, rows: edges(1, math.SmallestNonzeroFloat32)},
		"many features": {model: XGBoost{0.5, 1, "", &Ensemble{Width: 3000, Trees: []*Tree{random(r, 3000, 500), stump(2999, 1, 2, 3, true)}}}, rows: edges(3000, 1)},
	}
	for _, parallel := range []int{1, 7, 21} {
		e := &Ensemble{Width: 4}
		var at []float32
		for range 21 {
			t := random(r, 4, 60)
			for i, v := range t.Value { // in a range in which a sum rounds, but does not overflow
				t.Value[i] = 1000 * r.Float32()
				at = append(at, v)
			}
			at = append(at, t.Threshold...)
			e.Trees = append(e.Trees, t)
		}
		cases[fmt.Sprintf("21 trees, %d a round", parallel)] = peerCase{model: XGBoost{123.456, parallel, "", e}, rows: edges(4, at...)}
	}
	for name, width := range map[string]int{"categories": 3, "one categorical feature": 1} {
		e := &Ensemble{Width: width}
		for range 8 {
			e.Trees = append(e.Trees, randomTree(r, width, 7, false))
		}
		m := XGBoost{0.25, 1, `{"name":"reg:quantileerror","quantile_loss_param":{"quantile_alpha":"[3E-1]"}}`, e}
		var rows [][]float32
		for i := range 80 { // beyond the 64 categories that the splits know
			row := slices.Repeat([]float32{float32(i)}, width)
			row[r.IntN(width)] = float32(math.NaN())
			rows = append(rows, row, slices.Repeat([]float32{float32(i)}, width))
		}
		cases[name] = peerCase{model: m, rows: rows, explained: true}
	}
	return cases
}

// TestXGBoostReadsWhatIsWritten compares answers bit by bit, and leaf by leaf, and
// contributions as far as XGBoost's float32 goes.
func TestXGBoostReadsWhatIsWritten(t *testing.T) {
	python := peerPython(t)
	dir := t.TempDir()
	cases := peerCases()
	for name, c := range cases {
		var rows []byte
		for _, row := range c.rows {
			rows, _ = binary.Append(rows, binary.LittleEndian, row)
		}
		folder := filepath.Join(dir, name)
		err := errors.Join(os.Mkdir(folder, 0o755),
			os.WriteFile(filepath.Join(folder, "model.json"), written(t, c.model), 0o644),
			os.WriteFile(filepath.Join(folder, "rows.f32"), rows, 0o644))
		if err != nil {
			t.Fatal(err)
		}
	}
	var answers map[string]struct {
		Names              []string
		Rounds             int
		Booster, Regressor []uint32
		Leaves             [][]int
		Contributions      [][]float64
	}
	askXGBoost(t, python, dir, &answers)
	for name, c := range cases {
		got := answers[name]
		if diff := cmp.Diff(numbered(c.model.Trees.Width), got.Names); diff != "" || got.Rounds != len(c.model.Trees.Trees)/c.model.Parallel {
			t.Errorf("%s: %d rounds of %s", name, got.Rounds, diff)
		}
		want := make([]uint32, len(c.rows))
		for i, row := range c.rows {
			want[i] = math.Float32bits(c.model.PredictRow(row))
			for k, one := range c.model.Trees.Trees {
				if leaf := one.leafOf(row); got.Leaves[i][k] != leaf {
					t.Fatalf("%s: row %d goes to leaf %d of tree %d, ours to %d", name, i, got.Leaves[i][k], k, leaf)
				}
			}
		}
		if c.explained {
			sameContributions(t, name, c, got.Contributions)
		}
		for how, bits := range map[string][]uint32{"Booster": got.Booster, "XGBRegressor": got.Regressor} {
			if diff := cmp.Diff(want, bits); diff != "" {
				t.Errorf("%s by %s: %.300s", name, how, diff)
			}
		}
	}
}

// sameContributions compares ours with XGBoost's pred_contribs.
func sameContributions(t *testing.T, name string, c peerCase, theirs [][]float64) {
	t.Helper()
	explainer := NewExplainer(c.model.Trees)
	for i, row := range c.rows {
		ours := make([]float64, len(row)+1)
		ours[len(row)] = c.model.Base
		if err := explainer.Add(ours, row, 1/float64(c.model.Parallel)); err != nil {
			t.Fatal(err)
		}
		for f, want := range theirs[i] {
			if math.Abs(ours[f]-want) > 1e-4*max(math.Abs(want), 0.1) {
				t.Fatalf("%s, row %d, feature %d: %v, XGBoost says %v", name, i, f, ours[f], want)
			}
		}
	}
}

// leafOf returns the number of the leaf that the features end in.
func (t *Tree) leafOf(x []float32) int {
	node := int32(0)
	for t.Feature[node] >= 0 {
		node = t.next(node, x[t.Feature[node]])
	}
	return int(node)
}

// peerPython returns the interpreter of the venv with the Python peers.
func peerPython(t *testing.T) string {
	t.Helper()
	const missing = "the peer is missing: XGBoost; PEERS_VENV names a venv with bench/requirements.txt in it"
	venv := os.Getenv("PEERS_VENV")
	if venv == "" && os.Getenv("CI") == "true" {
		t.Fatal(missing)
	}
	if venv == "" {
		t.Skip(missing)
	}
	return filepath.Join(venv, "bin", "python")
}

func askXGBoost(t *testing.T, python, dir string, into any) {
	t.Helper()
	script, err := filepath.Abs("testdata/xgboost_peer.py")
	if err != nil {
		t.Fatal(err)
	}
	var problems bytes.Buffer
	cmd := exec.Command(python, script)
	cmd.Dir, cmd.Stderr = dir, &problems
	printed, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(printed, into)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, problems.Bytes())
	}
}
