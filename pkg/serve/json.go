package serve

import (
	"math"
	"math/big"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Limits of Python's json module: digits of an integer (sys.int_max_str_digits)
// and, roughly, levels of nesting (the recursion limit).
const (
	maxDigits = 4300
	maxDepth  = 900
)

// errUnreadable is a body that Python's json module gives up on without a
// position: not UTF-8, nested too deep, or an integer of too many digits.
var errUnreadable error = &statusError{http.StatusBadRequest, "There was an error parsing the body"}

// syntaxError is a JSON error in the words of Python's json module.
type syntaxError struct {
	at  int // in characters from the start of the text
	msg string
}

func (e *syntaxError) Error() string { return e.msg + " at character " + strconv.Itoa(e.at) }

// parseJSON reads a text as Python's json.loads does, which differs from
// encoding/json where clients can see it: NaN and the infinities are values,
// integers keep all digits, and errors have Python's words and positions. The
// values are nil, bool, string, *big.Int, real, []any and map[string]any. Text
// in UTF-16 or UTF-32, which Python still guesses, is refused (RFC 8259, 8.1).
func parseJSON(body []byte) (any, error) {
	if !utf8.Valid(body) {
		return nil, errUnreadable
	}
	r := &jsonReader{text: strings.TrimPrefix(string(body), "\ufeff")}
	r.space()
	v, err := r.value()
	if err != nil {
		return nil, err
	}
	r.space()
	if r.at < len(r.text) {
		return nil, r.fail(r.at, "Extra data")
	}
	return v, nil
}

// jsonReader is a recursive descent over text; at is the next byte.
type jsonReader struct {
	text  string
	at    int
	depth int
}

// fail makes the error for a byte offset, which Python counts in characters.
func (r *jsonReader) fail(at int, msg string) error {
	return &syntaxError{at: utf8.RuneCountInString(r.text[:at]), msg: msg}
}

// peek returns the next byte, 0 at the end (which no grammar rule expects).
func (r *jsonReader) peek() byte {
	if r.at < len(r.text) {
		return r.text[r.at]
	}
	return 0
}

// take moves over s if it comes next.
func (r *jsonReader) take(s string) bool {
	if strings.HasPrefix(r.text[r.at:], s) {
		r.at += len(s)
		return true
	}
	return false
}

// space moves over the four characters that JSON takes for space.
func (r *jsonReader) space() {
	r.at = len(r.text) - len(strings.TrimLeft(r.text[r.at:], " \t\r\n"))
}

// value reads whatever comes next; it stands on its first character.
func (r *jsonReader) value() (any, error) {
	switch c := r.peek(); {
	case c == '"':
		return r.str()
	case c == '{':
		return r.nested(r.object)
	case c == '[':
		return r.nested(r.array)
	case c == '-' || '0' <= c && c <= '9':
		return r.number()
	}
	return r.constant()
}

// nested reads one level deeper.
func (r *jsonReader) nested(read func() (any, error)) (any, error) {
	if r.depth++; r.depth > maxDepth {
		return nil, errUnreadable
	}
	r.at++ // the bracket
	r.space()
	v, err := read()
	r.depth--
	return v, err
}

// constant reads what is spelled out. Python's three extra ones are read, to be
// refused by name (finite_number) rather than as broken JSON.
func (r *jsonReader) constant() (any, error) {
	switch {
	case r.take("null"):
		return nil, nil
	case r.take("true"):
		return true, nil
	case r.take("false"):
		return false, nil
	case r.take("NaN"):
		return real(math.NaN()), nil
	case r.take("Infinity"):
		return real(math.Inf(1)), nil
	}
	return nil, r.fail(r.at, "Expecting value")
}

// object reads members up to the brace; the last of equal names counts.
func (r *jsonReader) object() (any, error) {
	members := map[string]any{}
	if r.take("}") {
		return members, nil
	}
	for {
		if r.peek() != '"' {
			return nil, r.fail(r.at, "Expecting property name enclosed in double quotes")
		}
		name, err := r.str()
		if err != nil {
			return nil, err
		}
		r.space()
		if !r.take(":") {
			return nil, r.fail(r.at, "Expecting ':' delimiter")
		}
		r.space()
		if members[name], err = r.value(); err != nil {
			return nil, err
		}
		if done, err := r.next("}"); done || err != nil {
			return members, err
		}
	}
}

// array reads items up to the bracket.
func (r *jsonReader) array() (any, error) {
	items := []any{}
	if r.take("]") {
		return items, nil
	}
	for {
		v, err := r.value()
		if err != nil {
			return nil, err
		}
		items = append(items, v)
		if done, err := r.next("]"); done || err != nil {
			return items, err
		}
	}
}

// next moves over the closing bracket, which ends the list, or a comma.
func (r *jsonReader) next(closing string) (done bool, err error) {
	r.space()
	if r.take(closing) {
		return true, nil
	}
	if !r.take(",") {
		return false, r.fail(r.at, "Expecting ',' delimiter")
	}
	r.space()
	return false, nil
}

// number reads the longest number; Python leaves what follows to the caller, so
// that 01 is a 0 with a missing comma after it.
func (r *jsonReader) number() (any, error) {
	start := r.at
	if r.take("-Infinity") {
		return real(math.Inf(-1)), nil
	}
	r.take("-")
	switch {
	case r.take("0"):
	case r.digits() == 0:
		return nil, r.fail(start, "Expecting value")
	}
	if !r.fraction() {
		text := r.text[start:r.at]
		if len(strings.TrimPrefix(text, "-")) > maxDigits {
			return nil, errUnreadable
		}
		n, _ := new(big.Int).SetString(text, 10) // digits only
		return n, nil
	}
	f, _ := strconv.ParseFloat(r.text[start:r.at], 64) // a range error gives infinity, as in Python
	return real(f), nil
}

// digits moves over decimal digits and counts them.
func (r *jsonReader) digits() int {
	n := 0
	for c := r.peek(); '0' <= c && c <= '9'; c = r.peek() {
		r.at++
		n++
	}
	return n
}

// fraction moves over decimals and an exponent, and tells whether there were
// any; a dot or an e without digits is not touched.
func (r *jsonReader) fraction() bool {
	found := false
	back := r.at
	if r.take(".") {
		found = r.digits() > 0
		if !found {
			r.at = back
			return false // Python stops at a lone dot, so that 1.e5 is a 1
		}
	}
	back = r.at
	if r.take("e") || r.take("E") {
		if !r.take("+") {
			r.take("-")
		}
		if r.digits() == 0 {
			r.at = back
			return found
		}
		found = true
	}
	return found
}

// str reads a string from its opening quote.
func (r *jsonReader) str() (string, error) {
	start := r.at
	r.at++
	var out strings.Builder
	for r.at < len(r.text) {
		c := r.text[r.at]
		switch {
		case c == '"':
			r.at++
			return out.String(), nil
		case c < ' ':
			return "", r.fail(r.at, "Invalid control character at")
		case c == '\\' && r.at+1 < len(r.text):
			char, err := r.escape()
			if err != nil {
				return "", err
			}
			out.WriteRune(char)
		default:
			out.WriteByte(c)
			r.at++
		}
	}
	return "", r.fail(start, "Unterminated string starting at")
}

// escape reads from a backslash that something follows. Half a surrogate pair
// becomes U+FFFD: no answer in UTF-8 could hold it.
func (r *jsonReader) escape() (rune, error) {
	back := r.at
	r.at += 2
	c := r.text[back+1]
	if i := strings.IndexByte(`"\/bfnrt`, c); i >= 0 {
		return rune("\"\\/\b\f\n\r\t"[i]), nil
	}
	if c != 'u' {
		return 0, r.fail(back, `Invalid \escape`)
	}
	first, ok := hex4(r.text[r.at:])
	if !ok {
		return 0, r.fail(back+1, `Invalid \uXXXX escape`)
	}
	r.at += 4
	if utf16.IsSurrogate(first) && strings.HasPrefix(r.text[r.at:], `\u`) {
		second, _ := hex4(r.text[r.at+2:])
		if pair := utf16.DecodeRune(first, second); pair != utf8.RuneError {
			r.at += 6
			return pair, nil
		}
	}
	return first, nil // WriteRune turns half a pair into U+FFFD
}

// hex4 reads four hexadecimal digits. Python wants one more character after them.
func hex4(s string) (rune, bool) {
	if len(s) <= 4 {
		return 0, false
	}
	v, err := strconv.ParseUint(s[:4], 16, 16)
	return rune(v), err == nil
}
