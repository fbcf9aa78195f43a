package sqlstore

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/salesctl/salesctl/pkg/mlflow"
)

// reference is what testdata/reference.py recorded from MLflow's own store.
type reference struct {
	Release string            `json:"release"`
	Clock   int64             `json:"clock"`
	Steps   []step            `json:"steps"`
	Tables  map[string]string `json:"tables"`
	Rows    map[string][][]any
}

type step struct {
	Call   string          `json:"call"`
	Args   json.RawMessage `json:"args"`
	As     string          `json:"as"`
	Result json.RawMessage `json:"result"`
	Error  *mlflow.Error   `json:"error"`
}

// arguments are those of all calls.
type arguments struct {
	ID           string                `json:"id"`
	Run          string                `json:"run"`
	Runs         []string              `json:"runs"`
	Name         string                `json:"name"`
	Location     string                `json:"artifact_location"`
	ExperimentID string                `json:"experiment_id"`
	UserID       string                `json:"user_id"`
	Status       string                `json:"status"`
	StartTime    int64                 `json:"start_time"`
	EndTime      *int64                `json:"end_time"`
	Key          string                `json:"key"`
	Value        any                   `json:"value"`
	Timestamp    int64                 `json:"timestamp"`
	Step         int64                 `json:"step"`
	ModelID      string                `json:"model_id"`
	DatasetName  string                `json:"dataset_name"`
	Digest       string                `json:"dataset_digest"`
	Metrics      []mlflow.Metric       `json:"metrics_"`
	Params       []mlflow.Param        `json:"params"`
	Tags         []mlflow.Tag          `json:"tags_"`
	Datasets     []mlflow.DatasetInput `json:"datasets"`
	Models       []any                 `json:"models"`
	MaxResults   int                   `json:"max_results"`
	PageToken    string                `json:"page_token"`
	StartStep    *int64                `json:"start_step"`
	EndStep      *int64                `json:"end_step"`
}

// random matches the ids that differ from run to run.
var random = regexp.MustCompile("[0-9a-f]{32}")

var repeated = regexp.MustCompile(`(.)\*([0-9]{3,})`)

// long undoes reference.py's short form of long texts.
func long(raw []byte) []byte {
	return repeated.ReplaceAllFunc(raw, func(b []byte) []byte {
		m := repeated.FindSubmatch(b)
		n, _ := strconv.Atoi(string(m[2]))
		return bytes.Repeat(m[1], n)
	})
}

// replay runs a step and returns its answer.
func replay(t *testing.T, s *Store, call string, a arguments) (any, error) {
	ctx := t.Context()
	switch call {
	case "create_experiment":
		return s.CreateExperiment(ctx, mlflow.NewExperiment{Name: a.Name, ArtifactLocation: a.Location, Tags: a.Tags})
	case "get_experiment":
		return s.GetExperiment(ctx, a.ID)
	case "rename_experiment":
		return nil, s.RenameExperiment(ctx, a.ID, a.Name)
	case "set_experiment_tag":
		return nil, s.SetExperimentTag(ctx, a.ID, mlflow.Tag{Key: a.Key, Value: a.Value.(string)})
	case "delete_experiment_tag":
		return nil, s.DeleteExperimentTag(ctx, a.ID, a.Key)
	case "delete_experiment":
		return nil, s.DeleteExperiment(ctx, a.ID)
	case "restore_experiment":
		return nil, s.RestoreExperiment(ctx, a.ID)
	case "create_run":
		return s.CreateRun(ctx, mlflow.NewRun{ExperimentID: a.ExperimentID, Name: a.Name, Tags: a.Tags, StartTime: a.StartTime, UserID: a.UserID})
	case "get_run":
		return s.GetRun(ctx, a.Run)
	case "update_run":
		return s.UpdateRun(ctx, mlflow.RunUpdate{ID: a.Run, Status: mlflow.RunStatus(a.Status), EndTime: a.EndTime, Name: a.Name})
	case "delete_run":
		return nil, s.DeleteRun(ctx, a.Run)
	case "restore_run":
		return nil, s.RestoreRun(ctx, a.Run)
	case "history":
		p, err := s.MetricHistory(ctx, mlflow.HistoryQuery{RunID: a.Run, Key: a.Key, MaxResults: a.MaxResults, PageToken: a.PageToken})
		return map[string]any{"metrics": p.Items, "token": p.Next}, err
	case "intervals":
		return s.MetricIntervals(ctx, mlflow.IntervalQuery{RunIDs: a.Runs, Key: a.Key, MaxResults: a.MaxResults, StartStep: a.StartStep, EndStep: a.EndStep})
	}
	return nil, replayLog(t, s, call, a)
}

func replayLog(t *testing.T, s *Store, call string, a arguments) error {
	ctx := t.Context()
	switch call {
	case "log_metric":
		var v mlflow.Number
		if err := v.UnmarshalJSON([]byte(fmt.Sprintf("%q", fmt.Sprint(a.Value)))); err != nil {
			t.Fatal(err)
		}
		return s.LogMetric(ctx, a.Run, mlflow.Metric{Key: a.Key, Value: v, Timestamp: a.Timestamp, Step: a.Step, ModelID: a.ModelID, DatasetName: a.DatasetName, DatasetDigest: a.Digest})
	case "log_param":
		return s.LogParam(ctx, a.Run, mlflow.Param{Key: a.Key, Value: a.Value.(string)})
	case "set_tag":
		return s.SetTag(ctx, a.Run, mlflow.Tag{Key: a.Key, Value: a.Value.(string)})
	case "delete_tag":
		return s.DeleteTag(ctx, a.Run, a.Key)
	case "log_batch":
		return s.LogBatch(ctx, a.Run, mlflow.Batch{Metrics: a.Metrics, Params: a.Params, Tags: a.Tags})
	case "log_inputs":
		var models []mlflow.ModelInput
		for _, m := range a.Models {
			models = append(models, mlflow.ModelInput{ModelID: m.(string)})
		}
		return s.LogInputs(ctx, a.Run, a.Datasets, models)
	case "log_outputs":
		var models []mlflow.ModelOutput
		for _, m := range a.Models {
			m := m.(map[string]any)
			models = append(models, mlflow.ModelOutput{ModelID: m["model_id"].(string), Step: int64(m["step"].(float64))})
		}
		return s.LogOutputs(ctx, a.Run, models)
	}
	t.Fatalf("no call %q", call)
	return nil
}

// TestAnswersAreThoseOfMLflow replays what MLflow's own store was asked, and
// compares answers, errors and, at the end, the rows of the tables.
func TestAnswersAreThoseOfMLflow(t *testing.T) {
	each(t, answersAreThoseOfMLflow)
}

func answersAreThoseOfMLflow(t *testing.T, dsn string) {
	raw, err := os.ReadFile("testdata/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	var ref reference
	if err := json.Unmarshal(long(raw), &ref); err != nil {
		t.Fatal(err)
	}
	if ref.Release != mlflow.Release {
		t.Fatalf("the reference is of MLflow %s, want %s", ref.Release, mlflow.Release)
	}
	s := openAt(t, dsn, Options{ArtifactRoot: "s3://root", Now: func() time.Time { return time.UnixMilli(ref.Clock) }})
	model := "m-" + newID()
	insertModel(t, s, model)
	ids := map[string]string{"$m1": model}
	for i, step := range ref.Steps {
		var a arguments
		if err := json.Unmarshal(real(step.Args, ids), &a); err != nil {
			t.Fatal(err)
		}
		got, err := replay(t, s, step.Call, a)
		if step.As != "" {
			ids[step.As] = idOf(got)
		}
		where := fmt.Sprintf("step %d: %s %.200s", i, step.Call, step.Args)
		compareErrors(t, where, known(t, err, ids), step.Error)
		if step.Result != nil && err == nil {
			if diff := cmp.Diff(plain(t, step.Result), plain(t, known(t, got, ids))); diff != "" {
				t.Errorf("%s (-MLflow +ours):\n%s", where, diff)
			}
		}
	}
	compareRows(t, s, ref, ids)
}

func idOf(answer any) string {
	if r, ok := answer.(mlflow.Run); ok {
		return r.Info.ID
	}
	return answer.(string)
}

// real puts ids where steps name them.
func real(raw []byte, ids map[string]string) []byte {
	for name, id := range ids {
		raw = bytes.ReplaceAll(raw, []byte(`"`+name+`"`), []byte(`"`+id+`"`))
	}
	return raw
}

// known is the JSON of an answer, or of an error, with names for random ids.
func known(t *testing.T, answer any, ids map[string]string) []byte {
	if err, ok := answer.(error); ok {
		e, ok := errors.AsType[*mlflow.Error](err)
		if !ok {
			t.Fatalf("%T is no error of MLflow's: %v", err, err)
		}
		answer = e
	}
	raw, err := json.Marshal(answer)
	if err != nil {
		t.Fatal(err)
	}
	for name, id := range ids {
		if len(id) > 20 {
			raw = bytes.ReplaceAll(raw, []byte(id), []byte(name))
		}
	}
	return raw
}

func compareErrors(t *testing.T, where string, raw []byte, want *mlflow.Error) {
	t.Helper()
	var got *mlflow.Error
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-MLflow +ours):\n%s", where, diff)
	}
}

// plain is JSON without what is empty and without workspaces, of which this
// server has one, with lists of keys in order, and with
// whole numbers to the last digit.
func plain(t *testing.T, raw []byte) any {
	var v any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	if m, ok := v.(map[string]any); ok {
		if data, ok := m["data"].(map[string]any); ok {
			if metrics, ok := data["metrics"].([]any); ok {
				byText(metrics)
			}
		}
	}
	return tidy(v)
}

func byText(list []any) {
	slices.SortFunc(list, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
}

func tidy(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			if v[k] = tidy(e); v[k] == nil || v[k] == "" || k == "workspace" {
				delete(v, k)
			}
		}
		if len(v) == 0 {
			return nil
		}
		return v
	case []any:
		for i := range v {
			v[i] = tidy(v[i])
		}
		if len(v) == 0 {
			return nil
		}
		if m, ok := v[0].(map[string]any); ok && (m["value"] != nil || m["dataset"] != nil || m["model_id"] != nil) && m["step"] == nil {
			byText(v)
		}
		return v
	case json.Number:
		if strings.ContainsAny(v.String(), ".eE") {
			f, _ := v.Float64()
			return f
		}
		return v.String()
	}
	return v
}

// compareRows compares all rows that the steps have written.
func compareRows(t *testing.T, s *Store, ref reference, ids map[string]string) {
	for _, table := range slices.Sorted(maps.Keys(ref.Tables)) {
		columns := ref.Tables[table]
		var got []string
		err := s.read(t.Context(), func(x tx) (err error) {
			got, err = all(x, anyRow(len(strings.Split(columns, ","))), "SELECT "+strings.ReplaceAll(columns, "key", "`key`")+" FROM "+table)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		for i, row := range got {
			for name, id := range ids {
				if len(id) > 20 {
					row = strings.ReplaceAll(row, id, name)
				}
			}
			got[i] = random.ReplaceAllString(row, "*")
		}
		var want []string
		for _, row := range ref.Rows[table] {
			want = append(want, random.ReplaceAllString(rowText(row), "*"))
		}
		slices.Sort(got)
		slices.Sort(want)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-MLflow +ours):\n%s", table, diff)
		}
	}
}

func anyRow(columns int) func(scanner) (string, error) {
	return func(r scanner) (string, error) {
		cells, into := make([]any, columns), make([]any, columns)
		for i := range cells {
			into[i] = &cells[i]
		}
		err := r.Scan(into...)
		return rowText(cells), err
	}
}

// rowText is a row as text, in which a number is a number whatever its type.
func rowText(row []any) string {
	var b strings.Builder
	for _, v := range row {
		switch w := v.(type) {
		case bool:
			v = map[bool]float64{true: 1}[w]
		case int64:
			v = float64(w)
		case []byte:
			v = string(w)
		}
		fmt.Fprintf(&b, "%v|", v)
	}
	return b.String()
}
