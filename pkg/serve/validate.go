package serve

import (
	"fmt"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
)

// detail is one thing that is wrong with a request, as pydantic 2 tells it.
type detail struct {
	Type  string         `json:"type"`
	Loc   []any          `json:"loc"` // the part of the request, then the field or the character
	Msg   string         `json:"msg"`
	Input any            `json:"input"` // what came
	Ctx   map[string]any `json:"ctx,omitempty"`
}

// validationError is a 422: all that is wrong, in the order of the fields.
type validationError struct{ details []detail }

func (e *validationError) Error() string {
	d := e.details[0]
	return fmt.Sprintf("%v: %s", d.Loc, d.Msg)
}

// invalid is the error of a request with one thing wrong.
func invalid(typ, msg string, input any, loc ...any) error {
	return &validationError{[]detail{{Type: typ, Loc: loc, Msg: msg, Input: input}}}
}

// badValue is what a pydantic validator's ValueError becomes.
func badValue(msg string, input any, loc ...any) detail {
	return detail{"value_error", loc, "Value error, " + msg, input, map[string]any{"error": struct{}{}}}
}

// source is a part of a request that fields are read from.
type source struct {
	part   string         // "query" or "body", the first element of a loc
	values map[string]any // as parseJSON and parseQuery make them
	whole  any            // the input of a missing field: the body, and nothing for a query
}

// has tells whether the field came at all; null is a value.
func (src source) has(name string) bool {
	_, ok := src.values[name]
	return ok
}

// form reads fields one after the other and collects what is wrong with them.
// The value of a field that is wrong is of no use; fail tells.
type form struct{ details []detail }

// fail returns the 422 for all fields that were wrong, nil for none.
func (f *form) fail() error {
	if len(f.details) == 0 {
		return nil
	}
	return &validationError{f.details}
}

// wrong notes what is wrong with a field.
func (f *form) wrong(src source, name, typ, msg string, ctx map[string]any) {
	f.details = append(f.details, detail{typ, []any{src.part, name}, msg, src.values[name], ctx})
}

// value returns the field as it came.
func (f *form) value(src source, name string) (any, bool) {
	v, ok := src.values[name]
	if !ok {
		f.details = append(f.details, detail{"missing", []any{src.part, name}, "Field required", src.whole, nil})
	}
	return v, ok
}

// text reads a string; nothing is converted into one.
func (f *form) text(src source, name string) string {
	v, ok := f.value(src, name)
	s, isText := v.(string)
	if ok && !isText {
		f.wrong(src, name, "string_type", "Input should be a valid string", nil)
	}
	return s
}

// Texts of numbers that pydantic converts, after the space around them is gone.
var (
	integerText = regexp.MustCompile(`^([+-]?[0-9]+(?:_[0-9]+)*)(?:\.0+)?$`)
	realText    = regexp.MustCompile(`^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$`)
	notReal     = regexp.MustCompile(`(?i)^[+-]?(inf|infinity|nan)$`)
)

// issue is the type and message of what is wrong with a number, or nothing.
type issue struct{ typ, msg string }

// The issues, in pydantic's words.
var (
	fine       = issue{}
	intType    = issue{"int_type", "Input should be a valid integer"}
	intParsing = issue{"int_parsing", "Input should be a valid integer, unable to parse string as an integer"}
	intSize    = issue{"int_parsing_size", "Unable to parse input string as an integer, exceeded maximum size"}
	intFloat   = issue{"int_from_float", "Input should be a valid integer, got a number with a fractional part"}
	realType   = issue{"float_type", "Input should be a valid number"}
	realParse  = issue{"float_parsing", "Input should be a valid number, unable to parse string as a number"}
	notFinite  = issue{"finite_number", "Input should be a finite number"}
)

// integer reads a whole number of any size; nil where it is wrong.
func (f *form) integer(src source, name string) *big.Int {
	v, ok := f.value(src, name)
	if !ok {
		return nil
	}
	n, is := asInteger(v)
	if is != fine {
		f.wrong(src, name, is.typ, is.msg, nil)
		return nil
	}
	return n
}

// between reads a whole number from least to most.
func (f *form) between(src source, name string, least, most int64) int64 {
	n := f.integer(src, name)
	switch {
	case n == nil:
	case n.Cmp(big.NewInt(least)) < 0:
		f.wrong(src, name, "greater_than_equal", fmt.Sprintf("Input should be greater than or equal to %d", least), map[string]any{"ge": least})
	case n.Cmp(big.NewInt(most)) > 0:
		f.wrong(src, name, "less_than_equal", fmt.Sprintf("Input should be less than or equal to %d", most), map[string]any{"le": most})
	default:
		return n.Int64()
	}
	return least
}

// real reads a finite number.
func (f *form) real(src source, name string) float64 {
	v, ok := f.value(src, name)
	if !ok {
		return math.NaN()
	}
	x, is := asReal(v)
	if is == fine && (math.IsNaN(x) || math.IsInf(x, 0)) {
		is = notFinite
	}
	if is != fine {
		f.wrong(src, name, is.typ, is.msg, nil)
	}
	return x
}

// asInteger converts as pydantic's lax mode does: booleans, floats without a
// fraction that fit 64 bits, and texts of integers.
func asInteger(v any) (*big.Int, issue) {
	switch v := v.(type) {
	case *big.Int:
		return v, fine
	case bool:
		if v {
			return big.NewInt(1), fine
		}
		return new(big.Int), fine
	case real:
		return realAsInteger(float64(v))
	case string:
		return textAsInteger(v)
	}
	return nil, intType
}

// realAsInteger takes a float without a fraction; 2^63 is pydantic's limit, not
// that of the numbers that follow.
func realAsInteger(x float64) (*big.Int, issue) {
	switch {
	case math.IsNaN(x) || math.IsInf(x, 0):
		return nil, notFinite
	case x != math.Trunc(x):
		return nil, intFloat
	case math.Abs(x) >= 1<<63:
		return nil, intSize
	}
	return big.NewInt(int64(x)), fine
}

// textAsInteger takes digits with a sign, leading zeros, single underscores and
// a fraction of zeros. (Pydantic 2.14 also takes 0-5 for -5; that is refused.)
func textAsInteger(s string) (*big.Int, issue) {
	if len(s) > maxDigits {
		return nil, intSize
	}
	found := integerText.FindStringSubmatch(strings.TrimSpace(s))
	if found == nil {
		return nil, intParsing
	}
	n, _ := new(big.Int).SetString(strings.ReplaceAll(found[1], "_", ""), 10) // digits only
	return n, fine
}

// asReal converts as pydantic's lax mode does: booleans, integers that a float
// can hold, and texts of numbers, NaN and the infinities included.
func asReal(v any) (float64, issue) {
	switch v := v.(type) {
	case real:
		return float64(v), fine
	case *big.Int:
		x, _ := new(big.Float).SetInt(v).Float64()
		if math.IsInf(x, 0) {
			return 0, realType
		}
		return x, fine
	case bool:
		if v {
			return 1, fine
		}
		return 0, fine
	case string:
		return textAsReal(v)
	}
	return 0, realType
}

// textAsReal gives underscores, which stand between digits in Python's own
// literals, a second chance; as in pydantic, space around them is then too much.
func textAsReal(s string) (float64, issue) {
	if x, ok := parseReal(strings.TrimSpace(s)); ok {
		return x, fine
	}
	if !strings.HasPrefix(s, "_") && !strings.HasSuffix(s, "_") && !strings.Contains(s, "__") {
		if x, ok := parseReal(strings.ReplaceAll(s, "_", "")); ok {
			return x, fine
		}
	}
	return 0, realParse
}

// parseReal reads decimal numbers and the names of those that are not finite.
func parseReal(s string) (float64, bool) {
	if notReal.MatchString(s) {
		return math.NaN(), true
	}
	if !realText.MatchString(s) {
		return 0, false
	}
	x, _ := strconv.ParseFloat(s, 64) // a range error gives infinity, which form.real refuses
	return x, true
}
