package serve

import (
	"encoding/json"
	"math/big"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// jsonValues draws the values that parseJSON makes, of some levels.
func jsonValues(levels int) *rapid.Generator[any] {
	text := rapid.StringOfN(rapid.RuneFrom([]rune("aé😀\"\\/\b\f\n\r\t\x00\x7f\u2028")), 0, 6, -1)
	leaves := []*rapid.Generator[any]{
		rapid.Just[any](nil),
		rapid.Bool().AsAny(),
		text.AsAny(),
		rapid.Map(rapid.Int64(), func(n int64) any { return big.NewInt(n) }),
		rapid.Map(rapid.Float64(), func(x float64) any { return real(x) }),
	}
	if levels == 0 {
		return rapid.OneOf(leaves...)
	}
	inner := jsonValues(levels - 1)
	list := rapid.Map(rapid.SliceOfN(inner, 0, 4), func(v []any) any { return v })
	object := rapid.Map(rapid.MapOfN(text, inner, 0, 4), func(v map[string]any) any { return v })
	return rapid.OneOf(append(leaves, list, object)...)
}

// TestJSONComesBack: what is written reads back as the same value and type.
func TestJSONComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := jsonValues(3).Draw(t, "value")
		indent := rapid.SampledFrom([]string{"", " ", "\r\n\t"}).Draw(t, "indent")
		text, err := json.MarshalIndent(v, indent, indent)
		if err != nil {
			t.Fatal(err)
		}
		got, err := parseJSON(text)
		if err != nil || !reflect.DeepEqual(got, v) {
			t.Fatalf("%s: %#v %v", text, got, err)
		}
	})
}

// TestDepth: the limit is on nesting, not on length.
func TestDepth(t *testing.T) {
	deep := func(n int) []byte { return []byte(strings.Repeat("[", n) + strings.Repeat("]", n)) }
	if _, err := parseJSON(deep(maxDepth)); err != nil {
		t.Error(err)
	}
	if _, err := parseJSON(deep(maxDepth + 1)); err != errUnreadable {
		t.Error(err)
	}
	if _, err := parseJSON([]byte("[" + strings.Repeat("[],", 2*maxDepth) + "[]]")); err != nil {
		t.Error(err)
	}
}

// TestHalfPairs: half a surrogate pair is U+FFFD and swallows nothing.
func TestHalfPairs(t *testing.T) {
	for text, want := range map[string]string{
		`"\ud83d"`:                "\ufffd",
		`"\ud83dx"`:               "\ufffdx",
		`"\ude00\ud83d"`:          "\ufffd\ufffd",
		`"\ud83d\u0041"`:          "\ufffdA",
		`"\ud83d\ud83d\ude00..."`: "\ufffd😀...",
		`"\ud83d\n"`:              "\ufffd\n",
	} {
		if got, err := parseJSON([]byte(text)); err != nil || got != want {
			t.Errorf("%s: %q %v, want %q", text, got, err, want)
		}
	}
}
