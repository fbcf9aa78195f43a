package server

import (
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/salesctl/salesctl/pkg/mlflow"
)

// runs generates any run.
func runs() *rapid.Generator[mlflow.Run] {
	return rapid.Custom(func(t *rapid.T) mlflow.Run {
		s := func(name string) string { return rapid.String().Draw(t, name) }
		n := func(name string) int64 { return rapid.Int64().Draw(t, name) }
		end := rapid.Ptr(rapid.Int64(), true).Draw(t, "end")
		pairs := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) mlflow.Tag {
			return mlflow.Tag{Key: rapid.String().Draw(t, "key"), Value: rapid.String().Draw(t, "value")}
		}), 0, 3)
		r := mlflow.Run{Info: mlflow.RunInfo{
			ID: s("id"), UUID: s("uuid"), Name: s("name"), ExperimentID: s("experiment"), UserID: s("user"),
			Status: mlflow.RunStatus(s("status")), StartTime: n("start"), EndTime: end, ArtifactURI: s("uri"), LifecycleStage: s("stage"),
		}}
		r.Data.Metrics = rapid.SliceOfN(metrics(), 0, 3).Draw(t, "metrics")
		r.Data.Tags = pairs.Draw(t, "tags")
		for _, p := range pairs.Draw(t, "params") {
			r.Data.Params = append(r.Data.Params, mlflow.Param(p))
			r.Inputs.Datasets = append(r.Inputs.Datasets, mlflow.DatasetInput{Tags: r.Data.Tags, Dataset: mlflow.Dataset{Name: p.Key, Schema: p.Value}})
			r.Inputs.Models = append(r.Inputs.Models, mlflow.ModelInput{ModelID: p.Key})
			r.Outputs.Models = append(r.Outputs.Models, mlflow.ModelOutput{ModelID: p.Key, Step: r.Info.StartTime})
		}
		return r
	})
}

// metrics generates any metric.
func metrics() *rapid.Generator[mlflow.Metric] {
	return rapid.Custom(func(t *rapid.T) mlflow.Metric {
		s := func(name string) string { return rapid.String().Draw(t, name) }
		value := rapid.OneOf(rapid.Float64(), rapid.SampledFrom([]float64{0, 3, -1e15, 1e16, 1e300, 5e-324, math.NaN(), math.Inf(1), math.Inf(-1)}))
		return mlflow.Metric{
			Key: s("key"), Value: mlflow.Number(value.Draw(t, "value")), Timestamp: rapid.Int64().Draw(t, "time"), Step: rapid.Int64().Draw(t, "step"),
			DatasetName: s("dataset"), DatasetDigest: s("digest"), ModelID: s("model"), RunID: s("run"),
		}
	})
}

// TestAppendAgreesWithMarshal holds what is appended by hand to the tags of
// pkg/mlflow's types.
func TestAppendAgreesWithMarshal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := runs().Draw(t, "run")
		page := mlflow.Page[mlflow.Run]{Items: []mlflow.Run{r, r}, Next: rapid.String().Draw(t, "next")}
		same(t, appendPage("runs", page, appendRun), struct {
			Runs []mlflow.Run `json:"runs,omitempty"`
			Next string       `json:"next_page_token,omitempty"`
		}{page.Items, page.Next})
	})
}

// same fails unless the text is JSON that says what the value's own would say.
func same(t *rapid.T, got []byte, v any) {
	want, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var a, b any
	if err := json.Unmarshal(got, &a); err != nil {
		t.Fatalf("%s: %v", got, err)
	}
	if err := json.Unmarshal(want, &b); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(a, b) {
		t.Fatalf("got  %s\nwant %s", got, want)
	}
}

func TestAppendRunMetricLeavesOutWhatTheProtocolDoes(t *testing.T) {
	m := mlflow.Metric{Key: "k", Value: 2, Timestamp: 1, Step: 3, DatasetName: "d", DatasetDigest: "e", ModelID: "m", RunID: "r"}
	got := string(appendRunMetric([]byte{'['}, &m))
	if want := `[{"key":"k","value":2.0,"timestamp":1,"step":3,"run_id":"r"}`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestEmptyPageIsAnEmptyObject(t *testing.T) {
	if got := string(appendPage("runs", mlflow.Page[mlflow.Run]{}, appendRun)); got != "{}" {
		t.Errorf("%s", got)
	}
}

// TestAppendStringsAgree: both spellings of a string are read as the string, and
// Python's is ASCII.
func TestAppendStringsAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")) + rapid.String().Draw(t, "text")
		want := strings.ToValidUTF8(s, "\ufffd")
		for _, b := range [][]byte{appendString(nil, s), appendASCII(nil, s)} {
			var got string
			if err := json.Unmarshal(b, &got); err != nil {
				t.Fatalf("%q: %v", b, err)
			}
			if strings.ReplaceAll(got, "\ufffd", "") != strings.ReplaceAll(want, "\ufffd", "") {
				t.Fatalf("%q became %q", s, got)
			}
		}
		for _, c := range appendASCII(nil, s) {
			if c >= 0x80 {
				t.Fatalf("%q is not ASCII", appendASCII(nil, s))
			}
		}
	})
}

func TestPythonSpelling(t *testing.T) {
	for in, want := range map[string]string{
		`{"b":[1,2.50,true,null],"a":"ü😀\n"}`: `{"a":"\u00fc\ud83d\ude00\n","b":[1,2.50,true,null]}`,
		`"\u0001\u007f"`: "\"\\u0001\x7f\"",
	} {
		v, err := parse([]byte(in))
		if err != nil {
			t.Fatal(err)
		}
		if got := string(v.appendPython(nil)); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func BenchmarkAppendRun(b *testing.B) {
	r := ordinaryRun()
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = appendRun(buf[:0], &r)
	}
	b.SetBytes(int64(len(buf)))
}

func BenchmarkMarshalRun(b *testing.B) {
	r := ordinaryRun()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := json.Marshal(r); err != nil {
			b.Fatal(err)
		}
	}
}

// ordinaryRun is a run of ordinary size.
func ordinaryRun() mlflow.Run {
	var r mlflow.Run
	for i := range 10 {
		key := strings.Repeat("k", i+5)
		r.Data.Metrics = append(r.Data.Metrics, mlflow.Metric{Key: key, Value: mlflow.Number(float64(i) / 7), Timestamp: 1_700_000_000_000, Step: int64(i)})
		r.Data.Params = append(r.Data.Params, mlflow.Param{Key: key, Value: "0.001"})
		r.Data.Tags = append(r.Data.Tags, mlflow.Tag{Key: key, Value: "a value of some length"})
	}
	return r
}
