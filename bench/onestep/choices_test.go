package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/salesctl/salesctl/pkg/features"
	"github.com/salesctl/salesctl/pkg/model"
	"github.com/salesctl/salesctl/pkg/pipeline"
	"github.com/salesctl/salesctl/pkg/sales"
)

// lines reads a table that is kept beside the program.
func lines(t *testing.T, name string) []string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(string(text), "\n")
}

// The product makes the groups of features that the journal ends with, in both sets.
func TestDefaultGroupsAreTheJournals(t *testing.T) {
	all, found := lines(t, "groups.txt"), 0
	for i, line := range all {
		if line == "the smallest set within one standard error of the best" {
			found++
			if got := words(features.DefaultGroups(features.Seasonal)); got != all[i+1] {
				t.Errorf("the product has %s, the journal chose %s", got, all[i+1])
			}
		}
	}
	if found != 2 {
		t.Errorf("the journal made %d choices, want one a set", found)
	}
}

// journalled reads the parameters of a model that were tried, and the WAPE of each.
func journalled(t *testing.T, name string) (tried []map[string]any, wape []float64) {
	t.Helper()
	for _, line := range lines(t, "journal.txt") {
		text, isOf := strings.CutPrefix(line, name+" {")
		if !isOf {
			continue
		}
		end := strings.Index(text, "}")
		var params map[string]any
		if err := json.Unmarshal([]byte("{"+text[:end+1]), &params); err != nil {
			t.Fatal(err)
		}
		scores := strings.Fields(text[end+1:])
		v, err := strconv.ParseFloat(scores[len(scores)-2], 64)
		if err != nil {
			t.Fatal(err)
		}
		tried, wape = append(tried, params), append(wape, v)
	}
	return tried, wape
}

// Plain training has the parameters of the least WAPE in the journal, in which all
// stand that the program tries.
func TestDefaultParametersAreTheJournals(t *testing.T) {
	plain, err := plainRecipe()
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, s := range parameters() {
		count[s.Name]++
	}
	for _, s := range plain.Models {
		tried, wape := journalled(t, s.Name)
		if len(tried) != count[s.Name] || len(tried) == 0 {
			t.Fatalf("%s: the journal has %d lines, %d are tried", s.Name, len(tried), count[s.Name])
		}
		best := 0
		for i := range wape {
			if wape[i] < wape[best] {
				best = i
			}
		}
		for name, want := range tried[best] {
			if got := s.Params[name]; fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%s: plain training has %s %v, the journal's best is %v", s.Name, name, got, want)
			}
		}
	}
}

// The journal can be made again: the forest of plain training has its scores there,
// but for what another rounding may change.
func TestJournalIsOfThisProgram(t *testing.T) {
	if testing.Short() {
		t.Skip("trains on four folds")
	}
	p, held := sampleAndHeld(t)
	plain, err := plainRecipe()
	if err != nil {
		t.Fatal(err)
	}
	g, err := newGround(p, held, plain, features.Options{})
	if err != nil {
		t.Fatal(err)
	}
	f, err := g.forecast(t.Context(), plain.Spec("rf"))
	if err != nil {
		t.Fatal(err)
	}
	got := g.score(f)
	var want []string
	for _, line := range lines(t, "journal.txt") {
		if words := strings.Fields(line); len(words) == 8 && words[0] == "rf" {
			want = words[1:]
		}
	}
	for i, v := range []float64{got.folds[0].WAPE, got.folds[1].WAPE, got.folds[2].WAPE, got.folds[3].WAPE, got.mean.MAPE, got.mean.WAPE} {
		if len(want) != 7 || math.Abs(v-number(t, want[i])) > 0.02 {
			t.Fatalf("the forest scores %+v, the journal says %v", got, want)
		}
	}
}

func number(t *testing.T, s string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func sampleAndHeld(t *testing.T) (sales.Panel, rowFilter) {
	t.Helper()
	p, err := sample(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	tested, err := testRows()
	if err != nil {
		t.Fatal(err)
	}
	return p, among(tested)
}

// Weeks are set side by side, not sums.
func TestOver(t *testing.T) {
	a, b := weekly{1, 2, 4, 3}, weekly{1, 1, 1, 3}
	// The differences are 0, 1, 3 and 0 with a mean of 1, their squared distances from
	// it 1, 0, 4 and 1: a variance of 2, and one of 8 of the sum of four.
	more, se := a.over(b)
	if more != 4 || math.Abs(se-math.Sqrt(8)) > 1e-12 {
		t.Errorf("%v ± %v, want 4 ± √8", more, se)
	}
	if more, se := a.over(a); more != 0 || se != 0 {
		t.Errorf("over itself: %v ± %v", more, se)
	}
}

func TestChoose(t *testing.T) {
	path := []tried{
		{groups: features.Groups()[:4], weekly: weekly{3, 3, 3, 3}},
		{groups: features.Groups()[:3], weekly: weekly{2, 2, 2, 2}},         // the best
		{groups: features.Groups()[:2], weekly: weekly{2, 2, 3, 1.5}},       // +0.5 ± 1.3: chance
		{groups: features.Groups()[:1], weekly: weekly{2.5, 2.5, 2.5, 2.6}}, // +2.1 ± 0.1
	}
	chosen, best := choose(path)
	if diff := cmp.Diff(path[2].groups, chosen.groups); diff != "" {
		t.Errorf("chosen:\n%s", diff)
	}
	if diff := cmp.Diff(path[1].groups, best.groups); diff != "" {
		t.Errorf("best:\n%s", diff)
	}
}

// Groups are removed one a step, the same ones every time, and those that are given
// stay.
func TestEliminate(t *testing.T) {
	if testing.Short() {
		t.Skip("trains hundreds of models")
	}
	p, held := sampleAndHeld(t)
	p.Series = p.Series[:2]
	for _, set := range []features.Set{features.Row, features.Ahead} {
		var out [2]bytes.Buffer
		for i := range out {
			c := contest{set: set, panel: p, held: held, out: &out[i], recipe: pipeline.Recipe{Jobs: i + 1, Models: []model.Spec{
				{Name: "rf", Params: map[string]any{"n_estimators": 1, "max_depth": 2}},
				{Name: "gbt", Params: map[string]any{"n_estimators": 1, "max_depth": 1}},
			}}}
			path, err := c.path(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for step, s := range path {
				if len(s.groups) != len(groupsOf(set))-step || len(except(given(), s.groups...)) > 0 || len(s.weekly) != 42 {
					t.Fatalf("%s, step %d: %d weeks of %s", set, step, len(s.weekly), words(s.groups))
				}
			}
			if last := path[len(path)-1]; len(last.groups) != len(given()) {
				t.Errorf("%s: %s are left", set, words(last.groups))
			}
		}
		if diff := cmp.Diff(out[0].String(), out[1].String()); diff != "" {
			t.Errorf("%s: another journal with more goroutines\n%s", set, diff)
		}
	}
}
