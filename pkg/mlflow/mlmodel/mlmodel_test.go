package mlmodel

import (
	_ "embed"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/salesctl/salesctl/pkg/fault"
)

//go:embed testdata/model.json
var modelJSON []byte

// forest is a model with everything that can be said of one.
func forest() Model {
	nan := float32(math.NaN())
	names := []string{"store", "lag 1", "größe"}
	return Model{
		Flavor: XGBoost, FlavorVersion: "3.2.0", Data: modelJSON,
		Signature:    Signature{Inputs: Numbers(names), Outputs: []Column{{Type: Float, Required: true}}},
		Example:      ExampleOf(names, [][]float32{{3, nan, 0.25}, {40, 0.1, nan}}),
		ArtifactPath: "mlflow-artifacts:/1/models/m-1/artifacts", RunID: "0123456789abcdef0123456789abcdef",
		ModelID: "m-0123456789abcdef0123456789abcdef", MLflowVersion: "3.17.2",
		Created:  time.Date(2012, 10, 26, 7, 8, 9, 12_345_000, time.FixedZone("", 7200)),
		Metadata: map[string]any{"unit": "ratio", "trained_through": "2012-10-26"},
	}
}

// pipeline is a model for this program.
func pipeline() Model {
	return Model{
		Flavor: Salesctl, FlavorVersion: "1.2.3", Data: []byte("SALESCTL\x00"),
		Signature: Signature{
			Inputs:  []Column{{String, "store", true}, {Datetime, "date", true}, {Double, "cpi", false}},
			Outputs: []Column{{Double, "prediction", true}},
		},
		ArtifactPath: "model", UUID: "0123456789abcdef0123456789abcdef", MLflowVersion: "3.17.2",
	}
}

func files(t testing.TB, m Model) map[string]string {
	t.Helper()
	list, err := Files(m)
	if err != nil {
		t.Fatal(err)
	}
	if list[0].Path != MLmodelPath {
		t.Errorf("the first file is %s", list[0].Path)
	}
	out := map[string]string{}
	for _, f := range list {
		out[f.Path] = string(f.Body)
	}
	return out
}

// The folders as they are, so that a change of the form shows.
func TestFilesGolden(t *testing.T) {
	for name, m := range map[string]Model{"xgboost": forest(), "pipeline": pipeline()} {
		var got strings.Builder
		list, err := Files(m)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range list {
			if string(f.Body) != string(m.Data) {
				got.WriteString("-- " + f.Path + " --\n" + strings.TrimSuffix(string(f.Body), "\n") + "\n")
			}
		}
		path := filepath.Join("testdata", name+".golden")
		if os.Getenv("UPDATE") != "" {
			if err := os.WriteFile(path, []byte(got.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got.String()); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestReadGivesTheModelBack(t *testing.T) {
	for _, m := range []Model{forest(), pipeline()} {
		got, err := Read([]byte(files(t, m)[MLmodelPath]))
		if err != nil {
			t.Fatal(err)
		}
		want := m
		want.Data, want.Example, want.DataPath = nil, Example{}, m.Flavor.dataPath()
		want.UUID = map[Flavor]string{XGBoost: m.ModelID, Salesctl: m.UUID}[m.Flavor]
		want.Created = want.Created.UTC()
		if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(Model{}, "Size")); diff != "" {
			t.Error(diff)
		}
		if got.Size < int64(len(m.Data)) {
			t.Errorf("size %d", got.Size)
		}
	}
}

// Whatever text the metadata and the columns hold comes back as it was.
func TestTextComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := pipeline()
		text := rapid.OneOf(rapid.String(), rapid.SampledFrom(tricky()))
		m.Metadata = map[string]any{}
		for _, key := range rapid.SliceOfN(text, 1, 4).Draw(t, "keys") {
			m.Metadata[key] = text.Draw(t, "value")
		}
		m.ArtifactPath = rapid.SampledFrom([]string{"yes", "1e3", "{{run_id}}", "a: b", "models:/größe 🏬", "- #'"}).Draw(t, "path")
		m.Signature.Inputs[0].Name = "a" + text.Draw(t, "name")
		list, err := Files(m)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Read(list[0].Body)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(m.Metadata, got.Metadata); diff != "" || got.ArtifactPath != m.ArtifactPath || !cmp.Equal(m.Signature, got.Signature) {
			t.Fatalf("%q, %v, %s", got.ArtifactPath, got.Signature, diff)
		}
	})
}

// tricky lists texts that YAML could take for something else.
func tricky() []string {
	return []string{"2012-10-26", "yes", "No", "on", "null", "~", "1e3", "0x1F", "017", "1_000", "12:30:45", "1.", ".inf", "=", "<<",
		"{{run_id}}", "- a", "a: b", "# no", "'", `"\`, "", " ", "a\nb\n", "\t\n", "\u0085", "\x00", "größe 🏬", "true", "!!str", "&a", "*a", "%", "@", "`", "[", "{", "a #b"}
}

// Placeholders stay whole, and stand in MLmodel only.
func TestPlaceholdersStay(t *testing.T) {
	m := forest()
	m.RunID, m.ModelID, m.ArtifactPath = "{{run_id}}", "{{model_id}}", "models:/{{model_id}}"
	for path, body := range files(t, m) {
		want := map[bool]int{true: 4}[path == MLmodelPath] // the UUID is the model's id, too
		if got := strings.Count(body, "{{run_id}}") + strings.Count(body, "{{model_id}}"); got != want {
			t.Errorf("%s: %d placeholders, want %d", path, got, want)
		}
	}
}

func TestExamplesAreStrictJSON(t *testing.T) {
	all := files(t, forest())
	var plain, served struct {
		Columns []string
		Data    [][]*float64
		Split   json.RawMessage `json:"dataframe_split"`
	}
	for path, into := range map[string]any{examplePath: &plain, servingPath: &served} {
		if err := json.Unmarshal([]byte(all[path]), into); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	if string(served.Split) != all[examplePath] || plain.Data[0][1] != nil || *plain.Data[1][1] != float64(float32(0.1)) {
		t.Errorf("%s, %s", all[examplePath], all[servingPath])
	}
}

func TestFilesRefuse(t *testing.T) {
	for _, c := range []struct {
		want   string
		kind   fault.Kind
		change func(*Model)
	}{
		{`flavour "onnx" is unknown`, fault.Usage, func(m *Model) { m.Flavor = "onnx" }},
		{`cannot lie at "../a"`, fault.Usage, func(m *Model) { m.DataPath = "../a" }},
		{`cannot lie at "/a"`, fault.Usage, func(m *Model) { m.DataPath = "/a" }},
		{`cannot lie at "."`, fault.Usage, func(m *Model) { m.DataPath = "." }},
		{`unknown type "int"`, fault.Invalid, func(m *Model) { m.Signature.Inputs[0].Type = "int" }},
		{`two columns are named "lag 1"`, fault.Invalid, func(m *Model) { m.Signature.Inputs[0].Name = "lag 1" }},
		{`one of 3 columns has no name`, fault.Invalid, func(m *Model) { m.Signature.Inputs[0].Name = "" }},
		{`unknown type ""`, fault.Invalid, func(m *Model) { m.Signature.Outputs[0].Type = "" }},
		{`row 2 has 1 cells for 3 columns`, fault.Invalid, func(m *Model) { m.Example.Rows[1] = []any{1.0} }},
		{`unsupported value: +Inf`, fault.Invalid, func(m *Model) { m.Example.Rows[1][0] = math.Inf(1) }},
		{`"a\n" is no name`, fault.Usage, func(m *Model) { m.ArtifactPath = "a\n" }},
		{`"=" is no name`, fault.Usage, func(m *Model) { m.RunID = "=" }},
		{`unsupported value: NaN`, fault.Invalid, func(m *Model) { m.Metadata["f"] = math.NaN() }},
		{`unsupported type`, fault.Invalid, func(m *Model) { m.Metadata["f"] = func() {} }},
	} {
		m := forest()
		c.change(&m)
		if _, err := Files(m); !fault.Is(err, c.kind) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}
