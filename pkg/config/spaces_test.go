package config_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/salesctl/salesctl/configs"
	"github.com/salesctl/salesctl/pkg/config"
	"github.com/salesctl/salesctl/pkg/fault"
)

func TestSpaces(t *testing.T) {
	data, err := configs.Files.ReadFile("tune.yaml")
	if err != nil {
		t.Fatal(err)
	}
	shipped, err := config.ParseSpaces("tune.yaml", data)
	if err != nil {
		t.Fatal(err)
	}
	want := []config.Space{
		{Model: "gbt", Params: []config.SpaceParam{
			{Name: "n_estimators", Values: []any{100, 200}},
			{Name: "max_depth", Values: []any{3, 5}},
			{Name: "learning_rate", Values: []any{0.01, 0.1}},
		}},
		{Model: "rf", Params: []config.SpaceParam{
			{Name: "n_estimators", Values: []any{100, 200}},
			{Name: "max_depth", Values: []any{5, 10}},
		}},
	}
	lines := cmpopts.IgnoreFields(config.Space{}, "Line")
	if diff := cmp.Diff(want, shipped.Grid, lines, cmpopts.IgnoreFields(config.SpaceParam{}, "Line")); diff != "" {
		t.Error(diff)
	}
	got, err := config.ParseSpaces("x.yaml", []byte("random:\n  rf:\n    a: {int: [1, 9]}\n    b: {loguniform: [0.1, 1]}\n    c: [x, true]\n"))
	if err != nil {
		t.Fatal(err)
	}
	random := []config.Space{{Model: "rf", Line: 2, Params: []config.SpaceParam{
		{Name: "a", Kind: "int", Low: 1, High: 9, Line: 3},
		{Name: "b", Kind: "loguniform", Low: 0.1, High: 1, Line: 4},
		{Name: "c", Values: []any{"x", true}, Line: 5},
	}}}
	if diff := cmp.Diff(config.Spaces{Random: random}, got); diff != "" {
		t.Error(diff)
	}
}

func TestWrongSpacesAreToldWithTheirLine(t *testing.T) {
	for text, want := range map[string]string{
		"grid:\n  gbt:\n    depth: 3\n":                      `x.yaml:3: grid.gbt.depth: want a list of values such as [1, 2], found "3"`,
		"grid:\n  gbt:\n    depth: []\n":                     "x.yaml:3: grid.gbt.depth: want a list",
		"grid:\n  gbt:\n    depth: [[1]]\n":                  "x.yaml:3: grid.gbt.depth: want plain values in the list, found a list",
		"grid:\n  gbt:\n    depth: {int: [1, 2]}\n":          "x.yaml:3: grid.gbt.depth: want a list of values such as [1, 2], found a range: a grid has none",
		"grid:\n  gbt: [1]\n":                                "x.yaml:2: want keys and values, found a list",
		"grid:\n  gbt: {a: [1]}\n  gbt: {}\n":                "x.yaml:3: gbt is set twice",
		"grid:\n  gbt: {a: [1], a: [2]}\n":                   "x.yaml:2: a is set twice",
		"grid: {}\ngrid: {}\n":                               "x.yaml:2: grid is set twice",
		"gird: {}\n":                                         "x.yaml:1: there is no section gird, want grid or random did you mean grid?",
		"gbt: {a: [1]}\n":                                    "x.yaml:1: there is no section gbt, want grid or random",
		"random:\n  rf:\n    a: {unifrom: [1, 2]}\n":         "x.yaml:3: random.rf.a: want one of uniform, loguniform, int in a range did you mean uniform?",
		"random:\n  rf:\n    a: {}\n":                        "x.yaml:3: random.rf.a: want one of uniform",
		"random:\n  rf:\n    a: {int: [1, 2], uniform: 3}\n": "x.yaml:3: random.rf.a: want one of uniform",
		"random:\n  rf:\n    a: {int: [1]}\n":                "x.yaml:3: random.rf.a: int: want its lowest and highest value such as [1, 10], found a list",
		"random:\n  rf:\n    a: {int: [one, two]}\n":         "x.yaml:3: random.rf.a: int: want its lowest",
		"random:\n  rf:\n    a: 3\n":                         "x.yaml:3: random.rf.a: want a list of values such as [1, 2] or a range such as {uniform: [0.5, 1]}, found \"3\"",
		"grid: {a: [1]\n":                                    "no valid YAML",
		"- gbt\n":                                            "x.yaml:1: want keys and values",
	} {
		_, err := config.ParseSpaces("x.yaml", []byte(text))
		if !fault.Is(err, fault.Config) || !strings.Contains(err.Error()+" "+fault.HintOf(err), want) {
			t.Errorf("%q: %v (%s), want %s", text, err, fault.HintOf(err), want)
		}
	}
}

// Whatever stands in a file of spaces is read or refused by name.
func FuzzParseSpaces(f *testing.F) {
	f.Add("grid: {gbt: {a: [1, 2.5, x, true]}}\nrandom: {rf: {b: {int: [1, 2]}}}")
	f.Add("random: &a {rf: *a}")
	f.Add("random: {rf: {b: {int: &x [1, *x]}}}")
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := config.ParseSpaces("x.yaml", []byte(text)); err != nil && (!fault.Is(err, fault.Config) || !strings.Contains(err.Error(), "x.yaml")) {
			t.Errorf("%q: %v", text, err)
		}
	})
}
