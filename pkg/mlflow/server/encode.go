package server

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/salesctl/salesctl/pkg/mlflow"
)

// answer writes the message as the body of a 200.
func answer(w http.ResponseWriter, message any) error {
	b, err := json.Marshal(message)
	if err != nil {
		return fmt.Errorf("encode the answer: %w", err)
	}
	return send(w, b)
}

// done answers a request that only changes something.
func done(w http.ResponseWriter, err error) error {
	if err != nil {
		return err
	}
	return send(w, []byte("{}"))
}

// send writes the JSON text as the body of a 200.
func send(w http.ResponseWriter, b []byte) error {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	_, _ = w.Write(b) // a client that has gone cannot be told
	return nil
}

// Runs and metrics make up nearly all bytes that a tracking server sends. They
// are appended by hand, a tenth of the time and of the garbage of reflection.
// TestAppendAgreesWithMarshal holds them to the tags of pkg/mlflow.

// appendPage appends a page under its name, with the next page's token where
// there is one, as protocol buffers leave out what is empty.
func appendPage[T any](name string, p mlflow.Page[T], one func([]byte, *T) []byte) []byte {
	b := append(make([]byte, 0, 256+512*len(p.Items)), '{')
	b = appendList(b, name, p.Items, one)
	if p.Next != "" {
		b = appendText(b, "next_page_token", p.Next)
	}
	return append(b, '}')
}

// appendRun appends a run.
func appendRun(b []byte, r *mlflow.Run) []byte {
	b = append(appendInputs(b, r), `,"outputs":{`...)
	b = appendList(b, "model_outputs", r.Outputs.Models, func(b []byte, m *mlflow.ModelOutput) []byte {
		b = appendText(append(b, '{'), "model_id", m.ModelID)
		return append(appendInt(b, "step", m.Step), '}')
	})
	return append(b, `}}`...)
}

// appendInputs appends a run up to its inputs, without its closing brace.
func appendInputs(b []byte, r *mlflow.Run) []byte {
	b = appendInfo(append(b, `{"info":`...), &r.Info)
	b = append(b, `,"data":{`...)
	b = appendList(b, "metrics", r.Data.Metrics, appendMetric)
	b = appendList(b, "params", r.Data.Params, func(b []byte, p *mlflow.Param) []byte { return appendPair(b, p.Key, p.Value) })
	b = appendList(b, "tags", r.Data.Tags, appendTag)
	b = append(b, `},"inputs":{`...)
	b = appendList(b, "dataset_inputs", r.Inputs.Datasets, appendDatasetInput)
	b = appendList(b, "model_inputs", r.Inputs.Models, func(b []byte, m *mlflow.ModelInput) []byte {
		return append(appendText(append(b, '{'), "model_id", m.ModelID), '}')
	})
	return append(b, '}')
}

// appendInfo appends the head of a run.
func appendInfo(b []byte, i *mlflow.RunInfo) []byte {
	b = appendText(append(b, '{'), "run_id", i.ID)
	b = appendText(b, "run_uuid", i.UUID)
	if i.Name != "" {
		b = appendText(b, "run_name", i.Name)
	}
	b = appendText(b, "experiment_id", i.ExperimentID)
	b = appendText(b, "user_id", i.UserID)
	b = appendText(b, "status", string(i.Status))
	b = appendInt(b, "start_time", i.StartTime)
	if i.EndTime != nil {
		b = appendInt(b, "end_time", *i.EndTime)
	}
	if i.ArtifactURI != "" {
		b = appendText(b, "artifact_uri", i.ArtifactURI)
	}
	return append(appendText(b, "lifecycle_stage", i.LifecycleStage), '}')
}

// appendDatasetInput appends a dataset that a run read. There are few, and their
// schemas are long: reflection does.
func appendDatasetInput(b []byte, d *mlflow.DatasetInput) []byte {
	raw, _ := json.Marshal(d) // strings only: always can
	return append(b, raw...)
}

// appendMetric appends a metric with all that is known of it.
func appendMetric(b []byte, m *mlflow.Metric) []byte {
	b = appendPoint(b, m)
	for _, f := range [...]struct{ name, value string }{
		{"dataset_name", m.DatasetName}, {"dataset_digest", m.DatasetDigest}, {"model_id", m.ModelID}, {"run_id", m.RunID},
	} {
		if f.value != "" {
			b = appendText(b, f.name, f.value)
		}
	}
	return append(b, '}')
}

// appendRunMetric appends a metric of one of several runs: the protocol leaves
// out its dataset and model there.
func appendRunMetric(b []byte, m *mlflow.Metric) []byte {
	return append(appendText(appendPoint(b, m), "run_id", m.RunID), '}')
}

// appendPoint appends a metric without its closing brace.
func appendPoint(b []byte, m *mlflow.Metric) []byte {
	b = appendText(append(b, '{'), "key", m.Key)
	b = m.Value.AppendJSON(appendName(b, "value"))
	b = appendInt(b, "timestamp", m.Timestamp)
	return appendInt(b, "step", m.Step)
}

// appendTag appends a tag.
func appendTag(b []byte, t *mlflow.Tag) []byte { return appendPair(b, t.Key, t.Value) }

// appendPair appends a key with its value.
func appendPair(b []byte, key, value string) []byte {
	b = appendText(append(b, '{'), "key", key)
	return append(appendText(b, "value", value), '}')
}

// appendList appends the list under its name; an empty one is left out.
func appendList[T any](b []byte, name string, items []T, one func([]byte, *T) []byte) []byte {
	if len(items) == 0 {
		return b
	}
	b = append(appendName(b, name), '[')
	for i := range items {
		if i > 0 {
			b = append(b, ',')
		}
		b = one(b, &items[i])
	}
	return append(b, ']')
}

// appendName appends the name of a member, after a comma unless it is the first.
func appendName(b []byte, name string) []byte {
	if b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	return append(append(append(b, '"'), name...), '"', ':')
}

// appendText appends a member that is a string.
func appendText(b []byte, name, s string) []byte { return appendString(appendName(b, name), s) }

// appendInt appends a member that is an integer.
func appendInt(b []byte, name string, n int64) []byte {
	return strconv.AppendInt(appendName(b, name), n, 10)
}

// appendString appends a JSON string. Bytes that are no UTF-8 become U+FFFD.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	done := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		r, size := rune(c), 1
		if c >= utf8.RuneSelf {
			if r, size = utf8.DecodeRuneInString(s[i:]); r != utf8.RuneError || size > 1 {
				i += size
				continue
			}
		}
		b = append(b, s[done:i]...)
		b = appendEscaped(b, r)
		i += size
		done = i
	}
	return append(append(b, s[done:]...), '"')
}

// appendASCII appends a JSON string in ASCII alone, as Python writes them.
func appendASCII(b []byte, s string) []byte {
	b = append(b, '"')
	for _, r := range s {
		if ' ' <= r && r < 0x7f && r != '"' && r != '\\' || r == 0x7f {
			b = append(b, byte(r))
			continue
		}
		b = appendEscaped(b, r)
	}
	return append(b, '"')
}

// appendEscaped appends a character as an escape.
func appendEscaped(b []byte, r rune) []byte {
	switch r {
	case '"', '\\':
		return append(b, '\\', byte(r))
	case '\n':
		return append(b, `\n`...)
	case '\r':
		return append(b, `\r`...)
	case '\t':
		return append(b, `\t`...)
	case '\b':
		return append(b, `\b`...)
	case '\f':
		return append(b, `\f`...)
	}
	if high, low := utf16.EncodeRune(r); high != utf8.RuneError {
		return fmt.Appendf(b, `\u%04x\u%04x`, high, low)
	}
	return fmt.Appendf(b, `\u%04x`, r)
}
