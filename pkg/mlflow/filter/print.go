package filter

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// The prefixes of keys that every kind understands.
var prefixes = [...]string{Attribute: "", Metric: "metrics.", Param: "params.", Tag: "tags.", Dataset: "dataset."}

var plainKey = regexp.MustCompile(`^[A-Za-z]\w*(\.[A-Za-z]\w*)*$`)

// Format writes comparisons as a filter that Parse reads back. What the grammar has
// no way to say is not read back: a key with a backtick, a text that ends in a
// backslash or holds both kinds of quotes, and in logged models any quote.
func Format(cs []Comparison) string {
	texts := make([]string, len(cs))
	for i, c := range cs {
		texts[i] = c.String()
	}
	return strings.Join(texts, " AND ")
}

// String writes one comparison.
func (c Comparison) String() string {
	key := c.Key
	if c.Entity != Attribute && !plain(key) {
		key = "`" + key + "`"
	}
	text := prefixes[c.Entity] + key + " " + string(c.Op)
	switch v := c.Value.(type) {
	case nil:
		return text
	case string:
		return text + " " + literal(v)
	case []string:
		return text + " (" + pyJoin(v) + ")"
	case []int64:
		ids := make([]string, len(v))
		for i, n := range v {
			ids[i] = strconv.FormatInt(n, 10)
		}
		return text + " (" + pyJoin(ids) + ")"
	case float64:
		return text + " " + decimalText(v)
	}
	if c.Key == "experiment_id" { // a number that is written as a text
		return fmt.Sprintf("%s '%d'", text, c.Value)
	}
	return fmt.Sprintf("%s %d", text, c.Value)
}

// plain reports whether a key needs no quotes.
func plain(key string) bool {
	for part := range strings.SplitSeq(key, ".") {
		if never[strings.ToUpper(part)] {
			return false
		}
	}
	return plainKey.MatchString(key)
}

// literal quotes a text, whose backslashes mean nothing.
func literal(s string) string {
	if strings.Contains(s, "'") {
		return `"` + s + `"`
	}
	return "'" + s + "'"
}

// decimalText writes a number that is read back as a float.
func decimalText(v float64) string {
	switch {
	case math.IsNaN(v):
		return "nan"
	case math.IsInf(v, 0):
		return strings.TrimPrefix(strconv.FormatFloat(math.Copysign(1, v), 'f', 0, 64)+"e999", "+")
	}
	s := strconv.FormatFloat(v, 'g', -1, 64)
	if !strings.ContainsAny(s, ".e") {
		s += ".0"
	}
	return strings.ReplaceAll(s, "e+", "e")
}
