package main

import (
	"regexp"
	"strings"
	"testing"

	"github.com/salesctl/salesctl/configs"
	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/model"
	"github.com/salesctl/salesctl/pkg/model/catalog"
)

// The settings' comments name every parameter that a model takes.
func TestCommentsNameEveryParameter(t *testing.T) {
	for name, text := range map[string]string{"rf": comment(t, "rf"), "extra_trees": comment(t, "rf"), "gbt": comment(t, "gbt")} {
		_, err := catalog.Learner(model.Spec{Name: name, Params: map[string]any{"": 1}}, catalog.Build{})
		known, found := strings.CutPrefix(fault.HintOf(err), "it has: ")
		if !found {
			t.Fatalf("%s: %v, hint %q", name, err, fault.HintOf(err))
		}
		for parameter := range strings.SplitSeq(known, ", ") {
			if !regexp.MustCompile(`\b` + parameter + `\b`).MatchString(text) {
				t.Errorf("%s: the comment does not name %s", name, parameter)
			}
		}
	}
}

// comment returns the lines above a setting of train.
func comment(t *testing.T, setting string) string {
	t.Helper()
	file, err := configs.Files.ReadFile("salesctl.yaml")
	if err != nil {
		t.Fatal(err)
	}
	before, _, found := strings.Cut(string(file), "\n  "+setting+": {")
	if !found {
		t.Fatalf("there is no setting %s", setting)
	}
	return before[strings.LastIndex(before, "\n\n"):]
}
