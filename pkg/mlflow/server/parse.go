package server

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/salesctl/salesctl/pkg/mlflow"
)

// kind is what a value of JSON is.
type kind uint8

// The kinds of values; the zero value is what is not there.
const (
	jsonAbsent kind = iota
	jsonNull
	jsonBoolean
	jsonInteger
	jsonFloat
	jsonText
	jsonList
	jsonObject
)

// value is one value of a request: a tree that keeps the order of names and the
// spelling of numbers, which MLflow's messages quote.
type value struct {
	kind    kind
	text    string   // a string's characters; a number as it was written; true or false
	items   []value  // of a list
	members []member // of an object
}

// member is a value with its name.
type member struct {
	name  string
	value value
}

// get returns the last member of the name, as Python's dictionaries do; a null
// counts as absent, as protocol buffers have it.
func (v value) get(name string) value {
	for i := len(v.members) - 1; i >= 0; i-- {
		m := &v.members[i]
		if m.name == name || isCamel(m.name, name) {
			if m.value.kind == jsonNull {
				return value{}
			}
			return m.value
		}
	}
	return value{}
}

// isCamel reports whether got is the name in lowerCamelCase, protocol buffers'
// other spelling: runId for run_id.
func isCamel(got, name string) bool {
	j, upper := 0, false
	for i := 0; i < len(name); i++ {
		c := name[i]
		if c == '_' {
			upper = true
			continue
		}
		if upper && 'a' <= c && c <= 'z' {
			c -= 'a' - 'A'
		}
		if upper = false; j >= len(got) || got[j] != c {
			return false
		}
		j++
	}
	return j == len(got)
}

// maxDepth bounds the nesting of a request, and with it the stack.
const maxDepth = 100

// maxValues bounds how many values a request holds, and with them the memory: one
// of two bytes takes some hundred. What MLflow's clients send at most are the
// 10,000 parts of an upload, of four values each.
const maxValues = 100_000

// parser reads JSON as Python's json module does: it takes NaN and Infinity for
// numbers, too.
type parser struct {
	in     []byte
	pos    int
	values int // so far
}

// parse reads one JSON text and nothing behind it.
func parse(in []byte) (value, error) {
	p := parser{in: in}
	v, ok := p.value(0)
	if p.values > maxValues {
		return value{}, mlflow.Errorf(mlflow.InvalidParameterValue, "The request holds more than the %d JSON values that this server takes.", maxValues)
	}
	if !ok || p.next() != 0 || p.pos < len(in) {
		return value{}, mlflow.Errorf(mlflow.InvalidParameterValue,
			"Malformed JSON in the request body at byte %d.", p.pos)
	}
	return v, nil
}

// parseBody reads the message of a body. Older clients encode theirs twice, and
// no body is an empty message.
func parseBody(body []byte) (value, error) {
	if len(body) == 0 {
		return value{kind: jsonObject}, nil
	}
	v, err := parse(body)
	if err == nil && v.kind == jsonText {
		v, err = parse([]byte(v.text))
	}
	switch {
	case err != nil:
		return value{}, err
	case v.kind == jsonNull:
		return value{kind: jsonObject}, nil
	case v.kind != jsonObject:
		return value{}, mlflow.Errorf(mlflow.InvalidParameterValue,
			"The request body must be a JSON object, not of type '%s'.", v.kind.python())
	}
	return v, nil
}

// space skips white space.
func (p *parser) space() {
	for p.pos < len(p.in) {
		switch p.in[p.pos] {
		case ' ', '\t', '\r', '\n':
			p.pos++
		default:
			return
		}
	}
}

// next skips white space and returns the byte behind it without taking it, 0 at
// the end.
func (p *parser) next() byte {
	p.space()
	if p.pos == len(p.in) {
		return 0
	}
	return p.in[p.pos]
}

// take takes the byte if it comes next.
func (p *parser) take(c byte) bool {
	if p.next() != c {
		return false
	}
	p.pos++
	return true
}

// word takes the word if it comes next.
func (p *parser) word(w string) bool {
	if len(p.in)-p.pos < len(w) || string(p.in[p.pos:p.pos+len(w)]) != w {
		return false
	}
	p.pos += len(w)
	return true
}

// value reads one value.
func (p *parser) value(depth int) (value, bool) {
	if p.values++; depth > maxDepth || p.values > maxValues {
		return value{}, false
	}
	switch p.next() {
	case '{':
		return p.object(depth)
	case '[':
		return p.list(depth)
	case '"':
		s, ok := p.string()
		return value{kind: jsonText, text: s}, ok
	case 't':
		return value{kind: jsonBoolean, text: "true"}, p.word("true")
	case 'f':
		return value{kind: jsonBoolean, text: "false"}, p.word("false")
	case 'n':
		return value{kind: jsonNull}, p.word("null")
	}
	return p.number()
}

// object reads an object, whose brace comes next.
func (p *parser) object(depth int) (value, bool) {
	v := value{kind: jsonObject}
	p.pos++
	if p.take('}') {
		return v, true
	}
	for {
		if p.next() != '"' {
			return v, false
		}
		name, ok := p.string()
		if !ok || !p.take(':') {
			return v, false
		}
		m, ok := p.value(depth + 1)
		if !ok {
			return v, false
		}
		v.members = append(v.members, member{name, m})
		if !p.take(',') {
			return v, p.take('}')
		}
	}
}

// list reads a list, whose bracket comes next.
func (p *parser) list(depth int) (value, bool) {
	v := value{kind: jsonList}
	p.pos++
	if p.take(']') {
		return v, true
	}
	for {
		item, ok := p.value(depth + 1)
		if !ok {
			return v, false
		}
		v.items = append(v.items, item)
		if !p.take(',') {
			return v, p.take(']')
		}
	}
}

// number reads a number; strconv settles later whether it is a good one.
func (p *parser) number() (value, bool) {
	start := p.pos
	for _, w := range []string{"NaN", "Infinity", "-Infinity"} {
		if p.word(w) {
			return value{kind: jsonFloat, text: w}, true
		}
	}
	if p.pos < len(p.in) && p.in[p.pos] == '-' {
		p.pos++
	}
	v := value{kind: jsonInteger}
	if whole := p.digits(); whole == 0 || whole > 1 && p.in[p.pos-whole] == '0' {
		return v, false
	}
	if p.pos < len(p.in) && p.in[p.pos] == '.' {
		v.kind = jsonFloat
		if p.pos++; p.digits() == 0 {
			return v, false
		}
	}
	if p.pos < len(p.in) && p.in[p.pos]|0x20 == 'e' {
		v.kind = jsonFloat
		if p.pos++; p.pos < len(p.in) && (p.in[p.pos] == '+' || p.in[p.pos] == '-') {
			p.pos++
		}
		if p.digits() == 0 {
			return v, false
		}
	}
	v.text = string(p.in[start:p.pos])
	return v, true
}

// digits takes digits and says how many.
func (p *parser) digits() int {
	start := p.pos
	for p.pos < len(p.in) && '0' <= p.in[p.pos] && p.in[p.pos] <= '9' {
		p.pos++
	}
	return p.pos - start
}

// string reads a string, whose quote comes next. One without escapes is copied
// in one piece.
func (p *parser) string() (string, bool) {
	p.pos++
	start := p.pos
	for ; p.pos < len(p.in); p.pos++ {
		switch c := p.in[p.pos]; {
		case c == '"':
			s := p.in[start:p.pos]
			p.pos++
			return string(s), utf8.Valid(s)
		case c == '\\':
			return p.escaped(append(make([]byte, 0, 2*(p.pos-start)+16), p.in[start:p.pos]...))
		case c < ' ':
			return "", false
		}
	}
	return "", false
}

// escaped reads the rest of a string that has escapes.
func (p *parser) escaped(b []byte) (string, bool) {
	for p.pos < len(p.in) {
		c := p.in[p.pos]
		if c < ' ' {
			return "", false
		}
		p.pos++
		switch {
		case c == '"':
			return string(b), utf8.Valid(b)
		case c != '\\':
			b = append(b, c)
			continue
		}
		r, ok := p.escape()
		if !ok {
			return "", false
		}
		b = utf8.AppendRune(b, r)
	}
	return "", false
}

// escape reads what stands behind a backslash. Half of a surrogate pair becomes
// U+FFFD.
func (p *parser) escape() (rune, bool) {
	if p.pos == len(p.in) {
		return 0, false
	}
	c := p.in[p.pos]
	p.pos++
	switch c {
	case '"', '\\', '/':
		return rune(c), true
	case 'b':
		return '\b', true
	case 'f':
		return '\f', true
	case 'n':
		return '\n', true
	case 'r':
		return '\r', true
	case 't':
		return '\t', true
	case 'u':
		return p.unicode()
	}
	return 0, false
}

// unicode reads the four digits behind \u, and the other half of a pair.
func (p *parser) unicode() (rune, bool) {
	r, ok := p.hex()
	if !ok || !utf16.IsSurrogate(r) {
		return r, ok
	}
	if at := p.pos; p.word(`\u`) {
		if low, ok := p.hex(); ok {
			if full := utf16.DecodeRune(r, low); full != utf8.RuneError {
				return full, true
			}
		}
		p.pos = at
	}
	return utf8.RuneError, true
}

// hex reads four hexadecimal digits.
func (p *parser) hex() (rune, bool) {
	if len(p.in)-p.pos < 4 {
		return 0, false
	}
	n, err := strconv.ParseUint(string(p.in[p.pos:p.pos+4]), 16, 16)
	p.pos += 4
	return rune(n), err == nil
}
