package train

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/salesctl/salesctl/pkg/features"
	"github.com/salesctl/salesctl/pkg/mlflow/mlmodel"
	"github.com/salesctl/salesctl/pkg/model"
	"github.com/salesctl/salesctl/pkg/pipeline"
	"github.com/salesctl/salesctl/pkg/sales"
)

// TestXGBoostAnswersAsTheExports has stock Python load the folders that a training
// logs, of every kind of regressor, and answer for all rows of the sample, the first
// ones with their missing lags, and for those rows with gaps: bit by bit as here.
func TestXGBoostAnswersAsTheExports(t *testing.T) {
	if testing.Short() {
		t.Skip("asking Python takes half a minute")
	}
	python := peerPython(t)
	data := sample(t)
	table, gaps := rowsOf(t, data), rowsOf(t, withGaps(data))
	if table.X.Len() != 6435 {
		t.Fatalf("the sample has %d rows", table.X.Len())
	}
	all := everyKind(t, data)
	rows := explainedRows(data, table)
	asked := model.NewFrame(table.X.Names, nil, 2*table.X.Len())
	for c, col := range asked.Cols {
		copy(col[copy(col, table.X.Cols[c]):], gaps.X.Cols[c])
	}
	theirs := askPython(t, python, all, asked, rows)
	for folder, e := range all {
		got := theirs[folder]
		rounds := 50
		if e.export.Name != "gbt" {
			rounds = 1 // of all the trees
		}
		if got.Rounds != rounds || !cmp.Equal(got.Names, e.export.Features) || got.Class != "XGBRegressor" {
			t.Errorf("%s: %d rounds of %q, %s", folder, got.Rounds, got.Names, got.Class)
		}
		if !sameJSON(t, e.objective, got.Objective) || !sameJSON(t, e.objective, got.BoostedOn) {
			t.Errorf("%s: the objective is %s, and %s when boosting goes on; want %s", folder, got.Objective, got.BoostedOn, e.objective)
		}
		showsAll(t, folder, e.export)
		sameAnswers(t, folder, e.export, asked, got.Answers)
		if !strings.Contains(folder, "gaps") {
			sameContributions(t, folder, e, rows, got.Contributions)
		}
	}
}

// showsAll checks that the export has what the comparison is to be about: splits of
// its kind, and both ways for missing values where the training had some.
func showsAll(t *testing.T, folder string, e pipeline.Export) {
	t.Helper()
	var body bytes.Buffer
	if err := e.Write(&body); err != nil {
		t.Fatal(err)
	}
	var form struct {
		Learner struct {
			Booster struct {
				Model struct {
					Trees []struct {
						Left    []int `json:"left_children"`
						Default []int `json:"default_left"`
						Type    []int `json:"split_type"`
					}
				}
			} `json:"gradient_booster"`
		}
	}
	if err := json.Unmarshal(body.Bytes(), &form); err != nil {
		t.Fatal(err)
	}
	var ways, types [2]int
	for _, tree := range form.Learner.Booster.Model.Trees {
		for i, left := range tree.Left {
			if left < 0 {
				continue
			}
			types[tree.Type[i]]++
			ways[tree.Default[i]]++
		}
	}
	categorical := strings.HasSuffix(folder, "sets") || strings.HasSuffix(folder, "single")
	if types[0]*ways[0] == 0 || ways[1] == 0 && strings.Contains(folder, "gaps") || (types[1] > 0) != categorical {
		t.Errorf("%s: missing values go right and left %v times, splits by thresholds and categories are %v", folder, ways, types)
	}
}

// sameAnswers compares with ours bit by bit, whichever way Python went.
func sameAnswers(t *testing.T, folder string, e pipeline.Export, x *model.Frame, theirs map[string][]byte) {
	t.Helper()
	var ours []byte
	row := make([]float32, x.Width())
	for r := range x.Len() {
		x.Row(row, r)
		ours = binary.LittleEndian.AppendUint32(ours, math.Float32bits(e.Answer(row)))
	}
	if len(theirs) != 5 {
		t.Errorf("%s was asked in %d ways", folder, len(theirs))
	}
	for how, answers := range theirs {
		differ := 0
		for i := 0; i+4 <= min(len(ours), len(answers)); i += 4 {
			if !bytes.Equal(ours[i:i+4], answers[i:i+4]) {
				differ++
			}
		}
		if differ > 0 || len(answers) != len(ours) {
			t.Errorf("%s by %s: %d of %d answers differ, %d are wanted", folder, how, differ, len(answers)/4, len(ours)/4)
		}
	}
}

// explainedRows picks some rows that a history stands before.
func explainedRows(data sales.Panel, table features.Table) map[int]sales.Row {
	out := map[int]sales.Row{}
	for r := 0; r < len(table.Index); r += 67 {
		s := data.Series[table.Index[r].Series]
		if at := s.Index(table.Index[r].Period); at > 0 {
			out[r] = sales.Row{Key: s.Key, Period: table.Index[r].Period, Columns: s.ColumnsAt(at)}
		}
	}
	return out
}

// sameContributions compares what the features bring, in the target's unit, with
// XGBoost's pred_contribs: to 1e-4 of each, or of a hundredth of the row's largest
// where it is smaller. In the deep trees of a forest XGBoost's float32 loses more,
// its own sums miss its answers by as much: there it is 1e-4 of the largest.
func sameContributions(t *testing.T, folder string, e exported, rows map[int]sales.Row, theirs [][]float64) {
	t.Helper()
	least, rounding := 0.01, 1e-5 // exports add trees as float32
	if e.export.Name != "gbt" {
		least = 1
	}
	if e.export.Name == "rf" { // which Predict asks itself
		rounding = 1e-9
	}
	for i, r := range sorted(rows) {
		row := []sales.Row{rows[r]}
		said, err := e.pipeline.Explain(t.Context(), e.data, row, e.export.Name)
		if err != nil {
			t.Fatal(err)
		}
		in, err := e.pipeline.Inputs(t.Context(), e.data, row)
		if err != nil {
			t.Fatal(err)
		}
		largest, sum := 0.0, said[0].Mean
		for _, f := range said[0].Features {
			largest = max(largest, math.Abs(f.Worth))
			sum += f.Worth
		}
		if answer := predicted(t, e, row, in); !(math.Abs(sum/answer-1) <= rounding) {
			t.Fatalf("%s, row %d: contributions sum to %v, the prediction is %v", folder, r, sum, answer)
		}
		for c, f := range said[0].Features {
			if want := theirs[i][c] * in.Scale[0]; !(math.Abs(f.Worth-want) <= 1e-4*max(math.Abs(want), least*largest)) {
				t.Fatalf("%s, row %d: %s brings %v, XGBoost says %v", folder, r, f.Feature, f.Worth, want)
			}
		}
	}
}

// predicted returns what the regressor alone predicts for the one row: the forest
// adds in float64 where its export does not.
func predicted(t *testing.T, e exported, row []sales.Row, in pipeline.Inputs) float64 {
	t.Helper()
	if e.export.Name != "rf" {
		return float64(e.export.Answer(in.X[0])) * in.Scale[0]
	}
	said, err := e.pipeline.Predict(t.Context(), e.data, row)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range said[0].Parts {
		if part.Model == e.export.Name {
			return part.Value
		}
	}
	return math.NaN()
}

func sorted[V any](m map[int]V) []int {
	var keys []int
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func sameJSON(t *testing.T, want string, got json.RawMessage) bool {
	t.Helper()
	var a, b any
	if err := json.Unmarshal([]byte(want), &a); err != nil {
		t.Fatal(err)
	}
	return json.Unmarshal(got, &b) == nil && cmp.Equal(a, b)
}

// peerAnswers is what testdata/xgboost_peer.py says of a folder.
type peerAnswers struct {
	Rounds        int
	Names         []string
	Objective     json.RawMessage
	BoostedOn     json.RawMessage `json:"boosted on"`
	Class         string
	Answers       map[string][]byte
	Contributions [][]float64
}

// peerPython returns the interpreter of the venv with the Python peers.
func peerPython(t *testing.T) string {
	t.Helper()
	const missing = "the peer is missing: XGBoost and MLflow; PEERS_VENV names a venv with bench/requirements.txt in it"
	venv := os.Getenv("PEERS_VENV")
	if venv == "" && os.Getenv("CI") == "true" {
		t.Fatal(missing)
	}
	if venv == "" {
		t.Skip(missing)
	}
	return filepath.Join(venv, "bin", "python")
}

// askPython writes the folders as a training logs them and has them asked.
func askPython(t *testing.T, python string, all map[string]exported, asked *model.Frame, explained map[int]sales.Row) map[string]peerAnswers {
	t.Helper()
	dir := t.TempDir()
	write := func(path string, body []byte) {
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, body, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	about := struct {
		Features  []string `json:"features"`
		Folders   []string `json:"folders"`
		Explained []int    `json:"explained"`
	}{Explained: sorted(explained)}
	for folder, e := range all {
		m, err := regressor(e.export, mlmodel.Model{MLflowVersion: "3.17.2"}, "", "")
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range m.Files {
			write(filepath.Join(folder, f.Path), f.Data)
		}
		about.Features, about.Folders = e.export.Features, append(about.Folders, folder)
	}
	text, _ := json.Marshal(about)
	write("about.json", text)
	var rows []byte
	x := make([]float32, asked.Width())
	for r := range asked.Len() {
		asked.Row(x, r)
		rows, _ = binary.Append(rows, binary.LittleEndian, x)
	}
	write("rows.f32", rows)
	return printed(t, python, dir)
}

func printed(t *testing.T, python, dir string) (out map[string]peerAnswers) {
	t.Helper()
	script, err := filepath.Abs("testdata/xgboost_peer.py")
	if err != nil {
		t.Fatal(err)
	}
	var problems bytes.Buffer
	cmd := exec.Command(python, script)
	cmd.Dir, cmd.Stderr = dir, &problems
	text, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(text, &out)
	}
	if err != nil {
		t.Fatal(fmt.Errorf("%w\n%s", err, problems.Bytes()))
	}
	return out
}
