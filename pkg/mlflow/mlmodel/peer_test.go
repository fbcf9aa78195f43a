package mlmodel

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// peerPython returns the interpreter of a venv in which MLflow and XGBoost are.
func peerPython(t *testing.T) string {
	t.Helper()
	const missing = "the peer is missing: MLflow and XGBoost, in the venv that PEERS_VENV names"
	python := filepath.Join(os.Getenv("PEERS_VENV"), "bin", "python")
	switch {
	case os.Getenv("PEERS_VENV") == "" && os.Getenv("CI") == "true":
		t.Fatal(missing)
	case os.Getenv("PEERS_VENV") == "":
		t.Skip(missing)
	case exec.Command(python, "-c", "import importlib.util as u, sys; sys.exit(not (u.find_spec('mlflow') and u.find_spec('xgboost')))").Run() != nil:
		t.Skip(missing)
	}
	return python
}

// TestStockMLflowTakesTheFolders has Python load, describe and ask the models.
func TestStockMLflowTakesTheFolders(t *testing.T) {
	python := peerPython(t)
	dir := t.TempDir()
	forest, odd := forest(), pipeline()
	forest.UUID, forest.ModelID = forest.RunID, "" // of a logged model, MLflow would ask its server
	odd.Metadata = map[string]any{"list": []any{"a", 1.0, 1e6, -3e-9, 1e21, 1.5e300, true, nil, map[string]any{"a": 0.1}}}
	for _, text := range tricky() {
		odd.Metadata["k"+text] = text
	}
	for name, m := range map[string]Model{"xgboost": forest, "pipeline": odd} {
		for path, body := range files(t, m) {
			if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, name, path), []byte(body), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	var got struct {
		XGBoost, Pipeline map[string]any
		Class             string
		Example           [][]*float64
		Answers           map[string]bool
		Refusals          map[string]string
	}
	ask(t, python, dir, &got)

	want := map[string]any{
		"flavors": []any{"python_function", "xgboost"}, "uuid": forest.UUID, "model_id": nil, "run_id": forest.RunID,
		"artifact_path": forest.ArtifactPath, "mlflow_version": "3.17.2", "created": "2012-10-26 05:08:09.012345",
		"metadata": forest.Metadata, "requirements": 4.0, "python_env": "3.11", "size": 2224.0,
		"inputs":  []any{[]any{"store", "double", true}, []any{"lag 1", "double", true}, []any{"größe", "double", true}},
		"outputs": []any{[]any{nil, "float", true}},
	}
	if diff := cmp.Diff(want, got.XGBoost); diff != "" {
		t.Error(diff)
	}
	want = map[string]any{
		"flavors": []any{"salesctl"}, "uuid": odd.UUID, "model_id": nil, "run_id": nil, "artifact_path": "model", "mlflow_version": "3.17.2",
		"created": got.Pipeline["created"], "metadata": odd.Metadata, "requirements": 0.0, "python_env": "", "size": 9.0,
		"inputs":  []any{[]any{"store", "string", true}, []any{"date", "datetime", true}, []any{"cpi", "double", false}},
		"outputs": []any{[]any{"prediction", "double", true}},
	}
	if diff := cmp.Diff(want, got.Pipeline); diff != "" {
		t.Error(diff)
	}
	if got.Class != "XGBRegressor" || got.Example[0][1] != nil || *got.Example[1][1] != float64(float32(0.1)) || math.IsNaN(*got.Example[1][0]) {
		t.Errorf("%s, example %v", got.Class, got.Example)
	}
	if len(got.Answers) != 5 {
		t.Errorf("%d answers", len(got.Answers))
	}
	for what, ok := range got.Answers {
		if !ok {
			t.Errorf("%s: other answers", what)
		}
	}
	for what, want := range map[string]string{
		"a column too few":     "Model is missing inputs ['lag 1']",
		"64-bit whole numbers": "Can not safely convert int64 to float64",
		"text":                 "Incompatible input types for column store",
		"pipeline":             `MlflowException: Model does not have the "python_function" flavor`,
	} {
		if !strings.Contains(got.Refusals[what], want) {
			t.Errorf("%s: %q, want %q", what, got.Refusals[what], want)
		}
	}
}

// ask runs testdata/check.py in the folder.
func ask(t *testing.T, python, dir string, into any) {
	t.Helper()
	script, err := filepath.Abs("testdata/check.py")
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
