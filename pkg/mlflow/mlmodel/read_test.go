package mlmodel

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/salesctl/salesctl/pkg/fault"
)

// A file that MLflow itself wrote; see testdata/logged.py.
func TestReadMLflows(t *testing.T) {
	body, err := os.ReadFile("testdata/logged.MLmodel")
	if err != nil {
		t.Fatal(err)
	}
	got, err := Read(body)
	if err != nil {
		t.Fatal(err)
	}
	want := Model{
		Flavor: XGBoost, FlavorVersion: "3.2.0", DataPath: "model.json",
		Signature:     Signature{Inputs: []Column{{Double, "a", false}, {Double, "b", true}, {Double, "c", true}}},
		ArtifactPath:  "/tmp/models/m-de02376db35345a28ec44cf3ce25ece5/artifacts",
		RunID:         "ecfd10f5753a40c9a1105c7824f09b1d",
		ModelID:       "m-de02376db35345a28ec44cf3ce25ece5",
		UUID:          "m-de02376db35345a28ec44cf3ce25ece5",
		MLflowVersion: "3.17.2", Size: 2499,
		Created:  time.Date(2026, 11, 23, 20, 35, 50, 611_428_000, time.UTC),
		Metadata: map[string]any{"unit": "x"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestReadRefuses(t *testing.T) {
	good := files(t, pipeline())[MLmodelPath]
	for _, c := range []struct {
		name, from, to, want string
		kind                 fault.Kind
	}{
		{"no YAML", good, "a: [", "damaged", fault.Integrity},
		{"nothing", good, "", "none that salesctl can load", fault.Invalid},
		{"a list", good, "- 1", "damaged", fault.Integrity},
		{"too long", good, strings.Repeat("#", maxBytes+1), "bytes", fault.Integrity},
		{"another flavour", "salesctl:", "sklearn:", "none that salesctl can load", fault.Invalid},
		{"both flavours", "flavors:", "flavors:\n  xgboost: {data: a}", "both salesctl and xgboost", fault.Integrity},
		{"data above", "data: model.pipeline", "data: ../../etc/passwd", `lies at "../../etc/passwd"`, fault.Integrity},
		{"data elsewhere", "data: model.pipeline", "data: /etc/passwd", "lies at", fault.Integrity},
		{"data in Windows", "data: model.pipeline", `data: '..\a'`, "lies at", fault.Integrity},
		{"data a number", "data: model.pipeline", "data: 7", `lies at ""`, fault.Integrity},
		{"flavour a text", "flavors:", "flavors:\n  xgboost: text", "damaged", fault.Integrity},
		{"inputs", `inputs: '[{`, `inputs: '{`, "its inputs", fault.Integrity},
		{"two of a name", `"date"`, `"store"`, `two columns are named "store"`, fault.Integrity},
		{"outputs", `outputs: '[{`, `outputs: '{`, "its outputs", fault.Integrity},
		{"time", "type_hint_from_example", "utc_time_created: yesterday\ntype_hint_from_example", "yesterday", fault.Integrity},
		{"size", "model_size_bytes: 9", "model_size_bytes: many", "damaged", fault.Integrity},
		{"metadata", "model_id: null", "model_id: null\nmetadata: text", "its metadata", fault.Integrity},
		{"key twice", "artifact_path:", "artifact_path: a\nartifact_path:", "already defined", fault.Integrity},
	} {
		bad := strings.Replace(good, c.from, c.to, 1)
		if bad == good {
			t.Fatalf("%s: %q is not in %s", c.name, c.from, good)
		}
		if _, err := Read([]byte(bad)); !fault.Is(err, c.kind) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

// What other releases write in another way.
func TestReadIsLenientWithOtherReleases(t *testing.T) {
	good := files(t, pipeline())[MLmodelPath]
	for name, change := range map[string][2]string{
		"unknown field":      {"flavors:", "resources: {api_version: '1'}\nflavors:"},
		"optional":           {`"required":false`, `"optional":true`},
		"no required":        {`,"required":true`, ``},
		"no prompts":         {"prompts: null\n", ""},
		"another flavour":    {"flavors:", "flavors:\n  python_function: {loader_module: x}"},
		"time without parts": {"type_hint_from_example", "utc_time_created: '2020-01-02 03:04:05'\ntype_hint_from_example"},
	} {
		other := strings.Replace(good, change[0], change[1], 1)
		if other == good {
			t.Fatalf("%s: %q is not in %s", name, change[0], good)
		}
		got, err := Read([]byte(other))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(pipeline().Signature, got.Signature); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// Whatever is read lies within its folder, and is written again or refused.
func FuzzRead(f *testing.F) {
	for _, m := range []Model{forest(), pipeline()} {
		f.Add([]byte(files(f, m)[MLmodelPath]))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := Read(body)
		if err != nil {
			if !fault.Is(err, fault.Integrity) && !fault.Is(err, fault.Invalid) {
				t.Errorf("%v has kind %d", err, fault.KindOf(err))
			}
			return
		}
		if strings.Contains("/"+m.DataPath+"/", "/../") || strings.HasPrefix(m.DataPath, "/") {
			t.Errorf("data at %q", m.DataPath)
		}
		if _, err := Files(m); err != nil && !fault.Is(err, fault.Usage) && !fault.Is(err, fault.Invalid) {
			t.Errorf("written again: %v", err)
		}
	})
}
