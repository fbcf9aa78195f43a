package filter

import "strings"

// shape is what a group of tokens is.
type shape uint8

const (
	loose      shape = iota // one token that stands for itself
	identifier              // metrics.loss, `run name`
	quote                   // 'a'
	intNumber
	floatNumber
	nothing // NULL
	list    // (...)
	call    // f(...)
	operation
	comparison
	other // a list without parentheses
)

// group is a piece of a text that belongs together: an operand, a comparison of
// two, or a token that is neither.
type group struct {
	shape      shape
	token      class // of a loose one
	start, end int   // bytes
	parts      []group
}

// grouped arranges tokens as a reader of SQL does that knows no grammar: dots
// bind names first, then operators operands, then comparisons; a word after an
// operand is its alias. What MLflow accepts hangs on this order, and so do the
// pieces that its errors name.
func grouped(tokens []token) []group {
	gs := calls(lists(tokens))
	gs = dots(gs)
	gs = ordered(gs)
	gs = binary(gs, operation, group.operator, group.calculable)
	gs = binary(gs, comparison, group.comparer, group.comparable)
	return binary(aliased(gs), other, group.comma, group.listable)
}

// is reports whether g is one token of the class.
func (g group) is(c class) bool { return g.shape == loose && g.token == c }

// operand reports whether g can be compared.
func (g group) operand() bool {
	return g.shape != loose && g.shape != comparison && g.shape != other || g.is(holder)
}

// What joins groups, and what may stand on both sides of it.

func (g group) operator() bool   { return g.is(operator) || g.is(wildcard) }
func (g group) comparer() bool   { return g.is(comparer) }
func (g group) comma() bool      { return g.is(comma) }
func (g group) calculable() bool { return g.operand() && g.shape != nothing }
func (g group) comparable() bool { return g.operand() || g.shape == comparison }

func (g group) listable() bool {
	return g.shape != list && (g.comparable() || g.shape == other || g.is(keyword) || g.is(wildcard))
}

// text returns the text of g, spaces included.
func (g group) text(all string) string { return all[g.start:g.end] }

// word reports whether g is that word, in any case.
func (g group) word(all, w string) bool {
	return g.shape == loose && strings.EqualFold(g.text(all), w)
}

// join makes one group of several neighbours.
func join(s shape, parts ...group) group {
	return group{shape: s, start: parts[0].start, end: parts[len(parts)-1].end, parts: parts}
}

// lists makes one group of what stands between parentheses. Without a partner, a
// parenthesis stands for itself.
func lists(tokens []token) []group {
	var out []group
	var open []int // places in out
	for _, t := range tokens {
		g := group{token: t.class, start: t.start, end: t.end}
		switch t.class {
		case opening:
			open = append(open, len(out))
		case closing:
			if len(open) > 0 {
				at := open[len(open)-1]
				open = open[:len(open)-1]
				g.start, g.shape = out[at].start, list
				out = out[:at]
			}
		case single:
			g.shape = quote
		case integer:
			g.shape = intNumber
		case float:
			g.shape = floatNumber
		case null:
			g.shape = nothing
		}
		out = append(out, g)
	}
	return out
}

// calls makes one group of a name and the parentheses after it.
func calls(in []group) []group {
	var out []group
	for i := 0; i < len(in); i++ {
		if in[i].is(name) && i+1 < len(in) && in[i+1].shape == list {
			out = append(out, join(call, in[i:i+2]...))
			i++
			continue
		}
		out = append(out, in[i])
	}
	return out
}

// dots makes identifiers.
func dots(in []group) []group {
	var out []group
	for i := 0; i < len(in); i++ {
		g := in[i]
		if !g.is(name) && !g.is(symbol) {
			out = append(out, g)
			continue
		}
		g.shape = identifier
		for i+1 < len(in) && in[i+1].is(dot) {
			i++
			g.end = in[i].end
			if i+1 < len(in) && follows(in[i+1]) {
				i++
				g.end = in[i].end
			}
		}
		out = append(out, g)
	}
	return out
}

// follows reports whether g may stand after a dot.
func follows(g group) bool {
	return g.is(name) || g.is(symbol) || g.is(wildcard) || g.shape == quote || g.shape == call
}

// ordered takes ASC and DESC into the identifier before them.
func ordered(in []group) []group {
	var out []group
	for _, g := range in {
		if n := len(out); g.is(ordering) && n > 0 && (out[n-1].shape == identifier || out[n-1].number()) {
			out[n-1] = join(identifier, out[n-1], g)
			continue
		}
		out = append(out, g)
	}
	return out
}

func (g group) number() bool { return g.shape == intNumber || g.shape == floatNumber }

// binary makes one group of two operands and what stands between them.
func binary(in []group, s shape, between, valid func(group) bool) []group {
	var out []group
	for i := 0; i < len(in); i++ {
		n := len(out)
		if between(in[i]) && n > 0 && i+1 < len(in) && valid(out[n-1]) && valid(in[i+1]) {
			out[n-1] = join(s, out[n-1], in[i], in[i+1])
			i++
			continue
		}
		out = append(out, in[i])
	}
	return out
}

// aliased takes an identifier into what stands before it.
func aliased(in []group) []group {
	var out []group
	for i := 0; i < len(in); i++ {
		switch in[i].shape {
		case list, call, identifier, operation, comparison, intNumber, floatNumber:
			if i+1 < len(in) && in[i+1].shape == identifier {
				out = append(out, join(identifier, in[i], in[i+1]))
				i++
				continue
			}
		}
		out = append(out, in[i])
	}
	return out
}
