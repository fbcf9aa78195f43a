package filter

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/salesctl/salesctl/pkg/mlflow"
)

// verdict is a line that testdata/record.py wrote.
type verdict struct {
	Kind   string
	Filter *string
	Order  []string
	Parsed []json.RawMessage
	Error  string
	Crash  string
}

var kindNames = map[string]Kind{
	"experiments": Experiments, "runs": Runs, "logged models": LoggedModels,
	"registered models": RegisteredModels, "versions": Versions,
}

func verdicts(t *testing.T) []verdict {
	t.Helper()
	f, err := os.Open("testdata/verdicts.jsonl.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var out []verdict
	lines := bufio.NewScanner(z)
	for lines.Scan() {
		var v verdict
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		if v.Kind != "" { // the first line has the version
			out = append(out, v)
		}
	}
	return out
}

// Some SQL of other tongues is cut into other pieces than by MLflow's tokenizer;
// what comes of it is refused all the same, in other words.
var foreign = []string{"name := 'a'", "name::text = 'a'", "name = %s", "$1 = 'a'", "@name = 'a'"}

// What MLflow means to accept and then breaks on.
var mended = []string{
	"runs: \"start_time > 99999999999999999999\"",
	"logged models: \"attributes.creation_time > 5\"",
	"logged models: \"attributes.creation_timestamp > 5\"",
}

// Every filter is accepted or refused as by MLflow, with its words.
func TestFilterVerdicts(t *testing.T) {
	n := 0
	for _, v := range verdicts(t) {
		if v.Filter == nil {
			continue
		}
		n++
		got, err := Parse(kindNames[v.Kind], *v.Filter)
		id := fmt.Sprintf("%s: %q", v.Kind, *v.Filter)
		if slices.Contains(foreign, *v.Filter) && err != nil || slices.Contains(mended, id) && err == nil {
			continue
		}
		compareVerdict(t, id, v, err)
		if err == nil && v.Error+v.Crash == "" {
			if want := parsed(t, v); printed(got) != want {
				t.Errorf("%s\n got %s\nwant %s", id, printed(got), want)
			}
		}
	}
	if n < 1000 {
		t.Errorf("only %d filters", n)
	}
}

func TestOrderVerdicts(t *testing.T) {
	for _, v := range verdicts(t) {
		if v.Filter != nil {
			continue
		}
		got, err := ParseOrder(kindNames[v.Kind], v.Order)
		id := fmt.Sprintf("%s: order by %q", v.Kind, v.Order)
		compareVerdict(t, id, v, err)
		if err == nil && v.Error+v.Crash == "" {
			if want := parsedOrder(t, v); printedOrder(got) != want {
				t.Errorf("%s\n got %s\nwant %s", id, printedOrder(got), want)
			}
		}
	}
}

var (
	sets  = regexp.MustCompile(`\{'[^}]*\}`)
	place = regexp.MustCompile(` \(at character \d+ of the filter\)$`)
)

// stable sorts what Python prints of sets.
func stable(s string) string {
	return sets.ReplaceAllStringFunc(s, func(set string) string {
		items := strings.Split(strings.Trim(set, "{}"), ", ")
		slices.Sort(items)
		return "{" + strings.Join(items, ", ") + "}"
	})
}

func compareVerdict(t *testing.T, id string, v verdict, err error) {
	t.Helper()
	if v.Error == "" && v.Crash == "" {
		if err != nil {
			t.Errorf("%s is refused: %v", id, err)
		}
		return
	}
	if err == nil {
		t.Errorf("%s is accepted, MLflow says %s%s", id, v.Error, v.Crash)
		return
	}
	if mlflow.CodeOf(err) != mlflow.InvalidParameterValue {
		t.Errorf("%s: code %s", id, mlflow.CodeOf(err))
	}
	got := place.ReplaceAllString(err.Error(), "")
	if v.Filter != nil && got == err.Error() {
		t.Errorf("%s: no place in %v", id, err)
	}
	if v.Error != "" && stable(got) != stable(v.Error) {
		t.Errorf("%s\n got %s\nwant %s", id, stable(got), stable(v.Error))
	}
}

func parsed(t *testing.T, v verdict) string {
	t.Helper()
	var out []string
	for _, raw := range v.Parsed {
		var c struct {
			Entity, Key, Op string
			Value           any
		}
		d := json.NewDecoder(strings.NewReader(string(raw)))
		d.UseNumber()
		if err := d.Decode(&c); err != nil {
			t.Fatal(err)
		}
		out = append(out, line(c.Entity, c.Key, c.Op, c.Value))
	}
	return strings.Join(out, "; ")
}

func printed(cs []Comparison) string {
	var out []string
	for _, c := range cs {
		out = append(out, line(entityNames[c.Entity], c.Key, string(c.Op), c.Value))
	}
	return strings.Join(out, "; ")
}

// line writes a comparison so that Python's and ours are alike: MLflow leaves
// numbers as text here and there.
func line(entity, key, op string, value any) string {
	switch v := value.(type) {
	case float64:
		value = strconv.FormatFloat(v, 'g', -1, 64)
	case []any:
		ss := make([]string, len(v))
		for i, s := range v {
			ss[i] = s.(string)
		}
		value = ss
	case []int64:
		ss := make([]string, len(v))
		for i, n := range v {
			ss[i] = strconv.FormatInt(n, 10)
		}
		value = ss
	case int64:
		value = strconv.FormatFloat(float64(v), 'g', -1, 64)
	case json.Number, string:
		f, err := strconv.ParseFloat(strings.TrimSpace(fmt.Sprint(v)), 64)
		if err == nil || math.IsInf(f, 0) {
			value = strconv.FormatFloat(f, 'g', -1, 64)
		}
	}
	return fmt.Sprintf("%s.%q %s %q", entity, key, op, fmt.Sprint(value))
}

func parsedOrder(t *testing.T, v verdict) string {
	t.Helper()
	var out []string
	for i, raw := range v.Parsed {
		var c [3]any
		if err := json.Unmarshal(raw, &c); err != nil {
			t.Fatal(err)
		}
		key := c[1].(string)
		switch {
		case v.Kind == "runs" && c[0] == "attribute" && runAliases[key] != "":
			key = runAliases[key]
		case v.Kind == "versions":
			c[0] = "attribute" // MLflow looks at the key only
		case v.Kind == "registered models" && key == "timestamp":
			key = "last_updated_timestamp"
		}
		out = append(out, fmt.Sprintf("%d %s.%q %t", i, c[0], key, c[2]))
	}
	return strings.Join(out, "; ")
}

func printedOrder(os []Order) string {
	var out []string
	for i, o := range os {
		out = append(out, fmt.Sprintf("%d %s.%q %t", i, entityNames[o.Entity], o.Key, !o.Descending))
	}
	return strings.Join(out, "; ")
}
