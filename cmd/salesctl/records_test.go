package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/pipeline"
	"github.com/salesctl/salesctl/pkg/sales"
)

// The same rows are read from a CSV and from the three forms of JSON.
func TestRecordsOfEveryForm(t *testing.T) {
	text := rapid.StringMatching(`[ -~äé€]{0,8}`)
	rapid.Check(t, func(t *rapid.T) {
		names := []string{"a", "b", "the date"} // in order, as those of JSON are read
		rows := rapid.SliceOfN(rapid.SliceOfN(text, len(names), len(names)), 1, 4).Draw(t, "rows")
		var sheet, lines bytes.Buffer
		w := csv.NewWriter(&sheet)
		w.UseCRLF = rapid.Bool().Draw(t, "crlf")
		_ = w.Write(names)
		var objects []map[string]string
		for _, row := range rows {
			_ = w.Write(row)
			object := map[string]string{}
			for i, name := range names {
				object[name] = row[i]
			}
			objects = append(objects, object)
			_ = json.NewEncoder(&lines).Encode(object)
		}
		w.Flush()
		array, _ := json.Marshal(objects)
		mark := rapid.SampledFrom([]string{"", "\ufeff", "\n ", "\ufeff\r\n"}).Draw(t, "before")
		for form, data := range map[string]string{"csv": sheet.String(), "ndjson": lines.String(), "array": string(array)} {
			records, err := readRecords("x", strings.NewReader(mark+data))
			if err != nil {
				t.Fatalf("%s %q: %v", form, data, err)
			}
			var got [][]string
			for _, r := range records {
				if diff := cmp.Diff(names, r.names); diff != "" {
					t.Fatalf("%s: %s", form, diff)
				}
				got = append(got, r.texts)
			}
			if diff := cmp.Diff(rows, got); diff != "" {
				t.Fatalf("%s %q: %s", form, data, diff)
			}
		}
	})
}

// Whatever a file holds, it is read or refused with its name.
func FuzzRecords(f *testing.F) {
	for _, text := range []string{"", "a,b\n1,2\n", "\ufeffa\r\n\"x\"\"y\"\r\n", "a\n\"x", "[{}]", `{"a":1}{"a":null}`, "[[1]]", "{", "a,b\n1\n", "\n\n"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		records, err := readRecords("rows.txt", strings.NewReader(text))
		if err != nil {
			if !fault.Is(err, fault.Invalid) || !strings.HasPrefix(err.Error(), "rows.txt") {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		for _, r := range records {
			if len(r.names) != len(r.texts) || !strings.HasPrefix(r.place, "rows.txt") {
				t.Errorf("%q: %+v", text, r)
			}
		}
	})
}

func TestChoiceText(t *testing.T) {
	for choice, want := range map[string]string{
		"arima":                  "arima",
		"naive naive naive":      "naive",
		"naive arima":            "naive for 1, arima for 2 and more weeks ahead",
		"naive naive arima":      "naive for 1 to 2, arima for 3 and more weeks ahead",
		"a b b a c c c a a":      "a for 1, b for 2 to 3, a for 4, c for 5 to 7, a for 8 and more weeks ahead",
		"naive naive gbt gbt rf": "naive for 1 to 2, gbt for 3 to 4, rf for 5 and more weeks ahead",
	} {
		p := pipeline.Info{Choice: strings.Fields(choice), Schema: sales.Schema{Frequency: sales.Frequency{Unit: sales.Weekly}}}
		if got := choiceText(p); got != want {
			t.Errorf("%s: %s, want %s", choice, got, want)
		}
	}
}

func TestShellQuoted(t *testing.T) {
	for word, want := range map[string]string{
		"1":            "1",
		"Süd/7":        "Süd/7",
		"":             "''",
		"Upper West/8": "'Upper West/8'",
		"Joe's":        `'Joe'\''s'`,
		"$HOME":        "'$HOME'",
		"`id`":         "'`id`'",
		"#1":           "'#1'",
	} {
		if got := shellQuoted(word); got != want {
			t.Errorf("%q: %s, want %s", word, got, want)
		}
	}
}
