package filter

import (
	"strings"
	"unicode"
)

// unquoted returns what stands between single or double quotes, else s itself.
func unquoted(s string) string {
	if enclosed(s, "'") || enclosed(s, `"`) {
		return s[1 : len(s)-1]
	}
	return s
}

// unticked returns what stands between backticks, else s itself.
func unticked(s string) string {
	if enclosed(s, "`") {
		return s[1 : len(s)-1]
	}
	return s
}

func enclosed(s, quote string) bool {
	return len(s) >= 2 && strings.HasPrefix(s, quote) && strings.HasSuffix(s, quote)
}

const (
	emptyList = complaint("While parsing a list in the query, expected a non-empty list of string values, but got empty list")
	illFormed = complaint("While parsing a list in the query, expected a non-empty list of string values, but got ill-formed list.")
	notString = "While parsing a list in the query, expected string value, punctuation, or whitespace, but got different type in list: "
)

// parseList reads strings between parentheses as Python reads a tuple: strings
// side by side are one, and parentheses around one thing are nothing.
func parseList(text string) ([]string, error) {
	r := listReader{text: text}
	top, ok := r.node()
	if !ok || !r.done() {
		return nil, illFormed
	}
	if top.items == nil {
		top = node{items: []node{top}}
	}
	if len(top.items) == 0 {
		return nil, emptyList
	}
	out := make([]string, len(top.items))
	for i, n := range top.items {
		if !n.isString {
			return nil, complaint(notString + top.python())
		}
		out[i] = n.text
	}
	return out, nil
}

// node is a string, a number or, where items is not nil, a tuple.
type node struct {
	text     string
	isString bool
	items    []node
}

// python writes a node as Python prints it.
func (n node) python() string {
	switch {
	case n.isString:
		return pyString(n.text)
	case n.items == nil:
		return n.text
	case len(n.items) == 1:
		return "(" + n.items[0].python() + ",)"
	}
	out := make([]string, len(n.items))
	for i, item := range n.items {
		out[i] = item.python()
	}
	return "(" + strings.Join(out, ", ") + ")"
}

// listReader reads Python's literals from the front of its text.
type listReader struct{ text string }

// done skips spaces and reports whether nothing is left.
func (r *listReader) done() bool {
	r.text = strings.TrimLeftFunc(r.text, unicode.IsSpace)
	return r.text == ""
}

// take removes c from the front, if it is there.
func (r *listReader) take(c byte) bool {
	if r.done() || r.text[0] != c {
		return false
	}
	r.text = r.text[1:]
	return true
}

// node reads one literal.
func (r *listReader) node() (node, bool) {
	if r.take('(') {
		return r.tuple()
	}
	if c, n := number(r.text); n > 0 && c != junk {
		out := node{text: r.text[:n]}
		r.text = r.text[n:]
		return out, true
	}
	var out node
	for !r.done() && (r.text[0] == '\'' || r.text[0] == '"') {
		s, ok := r.str(r.text[0])
		if !ok {
			return out, false
		}
		out.text, out.isString = out.text+s, true
	}
	return out, out.isString
}

// tuple reads what follows an opening parenthesis.
func (r *listReader) tuple() (node, bool) {
	out := node{items: []node{}}
	for !r.take(')') {
		item, ok := r.node()
		if !ok {
			return out, false
		}
		out.items = append(out.items, item)
		if r.take(',') {
			continue
		}
		if !r.take(')') {
			return out, false
		}
		if len(out.items) == 1 {
			return item, true
		}
		break
	}
	return out, true
}

// str reads one string with Python's escapes.
func (r *listReader) str(quote byte) (string, bool) {
	var b strings.Builder
	for i := 1; i < len(r.text); i++ {
		switch c := r.text[i]; c {
		case quote:
			r.text = r.text[i+1:]
			return b.String(), true
		case '\n':
			return "", false
		case '\\':
			if i++; i < len(r.text) {
				b.WriteString(escaped(r.text[i]))
			}
		default:
			b.WriteByte(c)
		}
	}
	return "", false
}

// escaped is what a backslash before c means.
func escaped(c byte) string {
	switch c {
	case '\\', '\'', '"':
		return string(c)
	case 'n':
		return "\n"
	case 'r':
		return "\r"
	case 't':
		return "\t"
	case '\n':
		return ""
	}
	return `\` + string(c)
}
