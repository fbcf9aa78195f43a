package server

import (
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"
)

func TestParseTakesWhatPythonTakes(t *testing.T) {
	for in, want := range map[string]value{
		`NaN`:               {kind: jsonFloat, text: "NaN"},
		` -Infinity `:       {kind: jsonFloat, text: "-Infinity"},
		`-0`:                {kind: jsonInteger, text: "-0"},
		`1e5`:               {kind: jsonFloat, text: "1e5"},
		`"\ud83d\ude00"`:    {kind: jsonText, text: "😀"},
		`"\ud83dx"`:         {kind: jsonText, text: "\ufffdx"},
		`"\ud83d\u0041"`:    {kind: jsonText, text: "\ufffdA"},
		`"a\/\"\\\b\u00e9"`: {kind: jsonText, text: "a/\"\\\bé"},
		`{"a":[null],"a":true}`: {kind: jsonObject, members: []member{
			{"a", value{kind: jsonList, items: []value{{kind: jsonNull}}}}, {"a", value{kind: jsonBoolean, text: "true"}}}},
	} {
		got, err := parse([]byte(in))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v; want %+v", in, got, err, want)
		}
	}
}

func TestParseRefusesWithThePlace(t *testing.T) {
	for in, place := range map[string]string{
		``:                 "byte 0",
		`{"a":1`:           "byte 6",
		`{"a" 1}`:          "byte 5",
		`[1,]`:             "byte 3",
		`{"a":1,}`:         "byte 7",
		`01`:               "byte 2",
		`1.`:               "byte 2",
		`1e+`:              "byte 3",
		`"a`:               "byte 2",
		"\"a\n\"":          "byte 2",
		`"\x"`:             "byte 3",
		`"\u12g4"`:         "byte 7",
		"\"\xff\"":         "byte 3",
		`{} {}`:            "byte 3",
		`nul`:              "byte 0",
		`"\ud83d\ude0`:     "byte 9",
		`'a'`:              "byte 0",
		`{1:2}`:            "byte 1",
		`+1`:               "byte 0",
		`[[[[1]]]`:         "byte 8",
		`{"a":tru}`:        "byte 5",
		`"\u00e9` + "\x01": "byte 7",
	} {
		if _, err := parse([]byte(in)); err == nil || !strings.HasSuffix(err.Error(), "at "+place+".") {
			t.Errorf("%s: %v, want the place %s", in, err, place)
		}
	}
}

func TestParseBoundsDepth(t *testing.T) {
	for depth, ok := range map[int]bool{maxDepth: true, maxDepth + 2: false, 1e6: false} {
		_, err := parse([]byte(strings.Repeat("[", depth) + strings.Repeat("]", depth)))
		if (err == nil) != ok {
			t.Errorf("depth %d: %v", depth, err)
		}
	}
}

// FuzzParse holds the parser to encoding/json: both take the same texts, but for
// Python's words for numbers, and read the same.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{`{"a":[1,-2.5e3,"x\u00e9\ud83d\ude00"],"b":{"c":null,"d":true}}`, `""`, `[]`, `0.1e-7`, `"\ud800"`, "\"\xc3\x28\""} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		v, err := parse(in)
		if strings.Contains(string(in), "NaN") || strings.Contains(string(in), "Infinity") {
			return
		}
		var want any
		d := json.NewDecoder(strings.NewReader(string(in)))
		d.UseNumber()
		ok := json.Valid(in) && d.Decode(&want) == nil
		if err == nil != ok {
			if ok && (strings.ToValidUTF8(string(in), "") != string(in) || strings.Count(string(in), "[")+strings.Count(string(in), "{") > maxDepth) {
				return // encoding/json takes bytes that are no UTF-8, and deeper nests
			}
			t.Fatalf("%q: %v, encoding/json says %v", in, err, ok)
		}
		if err == nil && !reflect.DeepEqual(v.any(), want) {
			t.Fatalf("%q: %v, encoding/json reads %v", in, v.any(), want)
		}
	})
}

// any is the value as encoding/json has it.
func (v value) any() any {
	switch v.kind {
	case jsonBoolean:
		return v.text == "true"
	case jsonInteger, jsonFloat:
		return json.Number(v.text)
	case jsonText:
		return v.text
	case jsonList:
		out := []any{}
		for _, item := range v.items {
			out = append(out, item.any())
		}
		return out
	case jsonObject:
		out := map[string]any{}
		for _, m := range v.members {
			out[m.name] = m.value.any()
		}
		return out
	}
	return nil
}

func TestGetKnowsBothSpellingsAndTakesTheLast(t *testing.T) {
	v, err := parse([]byte(`{"run_id":"a","runId":"b","maxResults":null,"max_results_":1}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := v.get("run_id").text; got != "b" {
		t.Errorf("run_id is %q", got)
	}
	if got := v.get("max_results").kind; got != jsonAbsent {
		t.Errorf("max_results is of kind %d", got)
	}
	for name, camel := range map[string]string{"a_b_c": "aBC", "runid": "runid", "x1_y2": "x1Y2"} {
		if !isCamel(camel, name) || isCamel(camel+"x", name) || isCamel(camel[:len(camel)-1], name) {
			t.Errorf("%s and %s", camel, name)
		}
	}
}

func TestNumbersByTheRulesOfProtocolBuffers(t *testing.T) {
	for in, want := range map[string]struct {
		n  int64
		ok bool
	}{
		`7`: {7, true}, `"7"`: {7, true}, `7.0`: {7, true}, `"7e1"`: {70, true}, `-0.0`: {0, true},
		`9223372036854775807`: {math.MaxInt64, true}, `9223372036854775808`: {}, `-9.223372036854775808e18`: {math.MinInt64, true},
		`9.223372036854775808e18`: {}, `1.5`: {}, `true`: {}, `"x"`: {}, `""`: {}, `null`: {}, `[]`: {}, `NaN`: {}, `"Infinity"`: {}, `1e400`: {},
	} {
		v, err := parse([]byte(in))
		if err != nil {
			t.Fatal(err)
		}
		if n, ok := v.int64(); ok != want.ok || ok && n != want.n {
			t.Errorf("%s: %d, %v", in, n, ok)
		}
	}
	for in, want := range map[string]float64{
		`1`: 1, `"1.5"`: 1.5, `true`: 1, `false`: 0, `"Infinity"`: math.Inf(1), `"-Infinity"`: math.Inf(-1), `Infinity`: math.Inf(1), `1e-400`: 0,
	} {
		v, err := parse([]byte(in))
		if err != nil {
			t.Fatal(err)
		}
		if f, ok := v.float64(); !ok || f != want {
			t.Errorf("%s: %v, %v", in, f, ok)
		}
	}
	for _, in := range []string{`"nan"`, `"0x10"`, `"1_0"`, `"x"`, `""`, `[]`, `null`, `1e999`} {
		v, err := parse([]byte(in))
		if err != nil {
			t.Fatal(err)
		}
		if f, ok := v.float64(); ok {
			t.Errorf("%s: %v", in, f)
		}
	}
}
