package filter

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/mlflow"
)

func ExampleParse() {
	cs, err := Parse(Runs, `metrics.rmse < 1500 AND tags."git commit" LIKE '3f%' AND run_id NOT IN ('a', 'b')`)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, c := range cs {
		fmt.Printf("%q %s %v\n", c.Key, c.Op, c.Value)
	}
	_, err = Parse(Runs, "metrics.rmse < 1500 OR metrics.mae < 900")
	fmt.Println(err)
	// Output:
	// "rmse" < 1500
	// "git commit" LIKE 3f%
	// "run_id" NOT IN [a b]
	// Invalid clause(s) in filter string: 'OR' (at character 21 of the filter)
}

func ExampleFormat() {
	fmt.Println(Format([]Comparison{
		{Metric, "val/rmse", Less, 1500.0},
		{Param, "note", Equal, "it's"},
		{Tag, "mlflow.parentRunId", IsNull, nil},
	}))
	// Output:
	// metrics.`val/rmse` < 1500.0 AND params.note = "it's" AND tags.mlflow.parentRunId IS NULL
}

// sayable makes comparisons that the grammar of a kind can express.
func sayable(kind Kind) *rapid.Generator[Comparison] {
	key := rapid.StringMatching("[a-zA-Z][a-zA-Z0-9_.]{0,8}|(x\\.)?(in|As|FROM|order)(\\.y)?|[a-zA-Z0-9 _./:é🙂-]{1,12}").
		Filter(func(s string) bool { return strings.TrimSpace(s) == s })
	text := rapid.StringMatching(`[a-zA-Z0-9 %_\\.,=()é🙂"-]{0,12}`)
	switch kind {
	case LoggedModels:
		text = rapid.StringMatching(`[a-zA-Z0-9 %_.,=()é🙂-]{0,12}`)
	case Runs:
		text = rapid.OneOf(text, rapid.StringMatching(`[a-z' ]{0,6}`))
	}
	text = text.Filter(func(s string) bool { return !strings.HasSuffix(s, `\`) })
	number := rapid.Float64().Filter(func(f float64) bool { return !math.IsNaN(f) })
	return rapid.Custom(func(t *rapid.T) Comparison {
		one := func(ops []string) Op { return Op(rapid.SampledFrom(ops).Draw(t, "op")) }
		list := rapid.SliceOfN(text, 1, 3)
		entities := []Entity{Attribute, Tag}
		switch kind {
		case Runs:
			entities = append(entities, Metric, Param, Dataset)
		case LoggedModels:
			entities = append(entities, Metric, Param)
		}
		switch e := rapid.SampledFrom(entities).Draw(t, "entity"); {
		case e == Metric:
			return Comparison{e, key.Draw(t, "key"), one(numberOps), number.Draw(t, "value")}
		case e == Dataset:
			return Comparison{e, "name", one([]string{"IN", "NOT IN"}), list.Draw(t, "values")}
		case e == Attribute && kind == Experiments:
			return Comparison{e, "experiment_id", one([]string{"IN", "NOT IN"}), rapid.SliceOfN(rapid.Int64(), 1, 3).Draw(t, "ids")}
		case e == Attribute && kind == Runs:
			return Comparison{e, "start_time", one(numberOps), rapid.Int64().Draw(t, "time")}
		case e == Attribute && kind == Versions:
			return Comparison{e, "version_number", one(numberOps), rapid.Int64().Draw(t, "version")}
		case e == Attribute:
			return Comparison{e, "name", one(textOps), text.Draw(t, "name")}
		case kind == Runs && rapid.Bool().Draw(t, "null"):
			return Comparison{e, key.Draw(t, "key"), one([]string{"IS NULL", "IS NOT NULL"}), nil}
		default:
			return Comparison{e, key.Draw(t, "key"), one(textOps), text.Draw(t, "text")}
		}
	})
}

func TestWhatIsWrittenIsReadBack(t *testing.T) {
	for name, kind := range kindNames {
		t.Run(name, rapid.MakeCheck(func(t *rapid.T) {
			want := rapid.SliceOfN(sayable(kind), 1, 4).Draw(t, "filter")
			got, err := Parse(kind, Format(want))
			if err != nil {
				t.Fatalf("%s: %v", Format(want), err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("%s (-want +got)\n%s", Format(want), diff)
			}
		}))
	}
}

// A fault is placed in characters, not bytes.
func TestPlaces(t *testing.T) {
	for _, tt := range []struct {
		kind Kind
		text string
		want int
	}{
		{Runs, "nope = 'a'", 1},
		{Runs, "tags.é = 'ü' OR tags.a = 'b'", 14},
		{Runs, "tags.a = 5", 10},
		{Runs, "tags.a = 'x' AND metrics.b LIKE 5", 18},
		{Runs, "metrics.a > 1; metrics.b > 1", 16},
		{Runs, "   ", 1},
		{Runs, "run_id IN ('a', 5)", 11},
		{Experiments, "name = 'a' AND creation_time > 5.5", 16},
		{LoggedModels, "name = 'a' AND metrics.x < y", 28},
		{LoggedModels, "name = 'a'; name = 'b'", 13},
		{Versions, "name = 'a' AND version_number LIKE 'b'", 16},
	} {
		_, err := Parse(tt.kind, tt.text)
		if want := fmt.Sprintf(" (at character %d of the filter)", tt.want); err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%q: %v, want%s", tt.text, err, want)
		}
	}
}

func TestLimits(t *testing.T) {
	many := strings.Repeat("tags.a = 'b' AND ", maxComparisons)
	for kind, name := range map[Kind]string{Runs: "Runs", LoggedModels: "LoggedModels"} {
		if _, err := Parse(kind, many); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := Parse(kind, many+"tags.a = 'b'"); !fault.Is(err, fault.Usage) || !strings.Contains(err.Error(), "at most 200 comparisons") {
			t.Errorf("%s: %v", name, err)
		}
		long := strings.Repeat("a ", 3*maxTokens)
		if n := len(lex(long)); n != maxTokens+1 {
			t.Errorf("%d tokens of a long text are read, want one more than %d", n, maxTokens)
		}
		_, err := Parse(kind, long)
		if err == nil || len(err.Error()) > 500 {
			t.Errorf("%s: a long text: %.600v", name, err)
		}
	}
	orders := make([]string, maxOrders+1)
	models := make([]mlflow.LoggedModelOrder, maxOrders+1)
	for i := range orders {
		orders[i] = fmt.Sprintf("metrics.m%d", i)
		models[i].Field = orders[i]
	}
	_, err := ParseOrder(Runs, orders)
	_, err2 := ParseModelOrder(models)
	for _, err := range []error{err, err2} {
		if err == nil || !strings.Contains(err.Error(), "at most 50 fields") {
			t.Errorf("error %v", err)
		}
	}
}

func TestModelOrder(t *testing.T) {
	no := false
	got, err := ParseModelOrder([]mlflow.LoggedModelOrder{
		{Field: "creation_time"}, {Field: "metrics.val.rmse", Ascending: &no, DatasetName: "d", DatasetDigest: "e"}, {Field: "last_updated_timestamp"},
	})
	want := []ModelOrder{
		{Order: Order{Key: "creation_timestamp_ms"}},
		{Order{Metric, "val.rmse", true}, mlflow.DatasetRef{Name: "d", Digest: "e"}},
		{Order: Order{Key: "last_updated_timestamp_ms"}},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Error(err, diff)
	}
	for field, want := range map[string]string{
		"params.a": "Invalid order by field name: params.a. Only metrics are supported.",
		"nope":     "Invalid order by field name: nope",
	} {
		if _, err := ParseModelOrder([]mlflow.LoggedModelOrder{{Field: field}}); err == nil || err.Error() != want {
			t.Errorf("%s: %v", field, err)
		}
	}
}

// Whatever is asked, Parse answers or refuses; what it accepts means the same when
// it is written again, as far as it can be written.
func FuzzParse(f *testing.F) {
	for _, text := range []string{
		"metrics.rmse < 1.5e-3 AND params.`a b` = 'c' and tags.\"d\" LIKE \"e%\"", "run_id NOT IN ('a', \"b\" 'c',)", "tags.a IS NOT NULL", "name = 'it''s'",
		"experiment_id IN ('1', '2')", "version_number >= '5'", "dataset.context ilike 'x'", "((", "'''", "``", "[a].b = ?", "a.b.c(d) <> -5.", "/* */ # --", "((('a',),),)", "a IN (('b'))",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for name, kind := range kindNames {
			got, err := Parse(kind, text)
			if err != nil {
				if mlflow.CodeOf(err) != mlflow.InvalidParameterValue || !place.MatchString(err.Error()) {
					t.Fatalf("%s: %q: %v", name, text, err)
				}
				continue
			}
			written := Format(got)
			if strings.ContainsAny(written, "\\\"`\n\r") || strings.Contains(strings.ReplaceAll(written, "''", "'"), "''") {
				continue // quotes that may not be sayable
			}
			again, err := Parse(kind, written)
			if err != nil || !cmp.Equal(got, again, cmpopts.EquateNaNs(), cmpopts.EquateEmpty()) {
				t.Fatalf("%s: %q is %v, written %q, which is %v, %v", name, text, got, written, again, err)
			}
		}
	})
}

func FuzzParseOrder(f *testing.F) {
	for _, text := range []string{"metrics.`a b` DESC", "timestamp  asc", `attributes."x\"y" desc`, "name", "a.b c d", "metrics.'it' DESC NULLS LAST", `\`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for name, kind := range kindNames {
			if kind == LoggedModels {
				continue
			}
			if _, err := ParseOrder(kind, []string{text}); err != nil && mlflow.CodeOf(err) != mlflow.InvalidParameterValue {
				t.Fatalf("%s: %q: %v", name, text, err)
			}
		}
	})
}
