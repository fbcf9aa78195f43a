package filter

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// class is what a token is.
type class uint8

const (
	junk     class = iota // a character that belongs to nothing
	name                  // loss, `a b`, [a b]
	symbol                // "a b"
	single                // 'a b'
	integer               // -3
	float                 // -3.5e-4
	null                  // the word NULL
	keyword               // any other word that is no name
	ordering              // ASC, DESC
	builtin               // the word timestamp
	comparer              // >=, LIKE
	operator              // +, -
	wildcard              // *
	holder                // ?
	dot
	comma
	semicolon
	opening // (
	closing // )
	comment
)

// token is a part of the text, spaces never.
type token struct {
	class      class
	start, end int // bytes
}

// words are the words that are no names where they stand alone.
var words = map[string]class{
	"AND": keyword, "OR": keyword, "NOT": keyword, "IS": keyword, "IN": keyword, "NULL": null,
	"BETWEEN": keyword, "EXISTS": keyword, "TRUE": keyword, "FALSE": keyword, "CASE": keyword,
	"VALUES": keyword, "USING": keyword, "FROM": keyword, "AS": keyword, "SELECT": keyword,
	"WHERE": keyword, "ORDER": keyword, "GROUP": keyword, "BY": keyword, "HAVING": keyword,
	"LIMIT": keyword, "UNION": keyword, "TYPE": keyword, "USER": keyword, "VERSION": keyword, "NONE": keyword, "TIMESTAMP": builtin,
}

// never are those that stay words before a dot or a parenthesis.
var never = map[string]bool{"CASE": true, "IN": true, "VALUES": true, "USING": true, "FROM": true, "AS": true}

// Words of more than one part, and numbers with an exponent.
var (
	phrase   = regexp.MustCompile(`(?i)^(?:(NOT\s+NULL|(?:ORDER|GROUP)\s+BY)|((?:ASC|DESC)(?:\s+NULLS\s+(?:FIRST|LAST))?)|((?:NOT\s+)?(?:LIKE|ILIKE|RLIKE)|(?:NOT\s+)?REGEXP(?:\s+BINARY)?))\b`)
	exponent = regexp.MustCompile(`(?i)^-?[0-9]+(\.[0-9]+)?E-?[0-9]+`)
	decimal  = regexp.MustCompile(`^-?([0-9]+\.[0-9]*|\.[0-9]+)`)
	whole    = regexp.MustCompile(`^-?[0-9]+`)
	hex      = regexp.MustCompile(`(?i)^-?0x[0-9A-F]+`)
	bracket  = regexp.MustCompile(`^\[[^\]\[]+\]`)
	lineEnd  = regexp.MustCompile(`\r\n|\r|\n|$`)
	dotted   = regexp.MustCompile(`^\s*\.([^0-9]|$)`)
)

// lex cuts a text into tokens. It never fails: what belongs to nothing is junk,
// which the parser names in its error. One token more than the limit is the last:
// a request holds millions, and all of them would be for nothing.
func lex(text string) []token {
	var out []token
	lastEnd := strings.LastIndex(text, "*/")
	for at := 0; at < len(text) && len(out) <= maxTokens; {
		r, size := utf8.DecodeRuneInString(text[at:])
		if unicode.IsSpace(r) {
			at += size
			continue
		}
		c, n := next(text, at, lastEnd, r)
		if n == 0 {
			c, n = junk, size
		}
		out = append(out, token{c, at, at + n})
		at += n
	}
	return out
}

// next returns the class and the length of the token at a place, length 0 where
// there is none. The order of the cases decides. The last comment ends at lastEnd.
func next(text string, at, lastEnd int, r rune) (class, int) {
	rest := text[at:]
	switch {
	case strings.HasPrefix(rest, "--"), strings.HasPrefix(rest, "# "):
		return comment, lineEnd.FindStringIndex(rest)[1]
	case strings.HasPrefix(rest, "/*") && at+2 <= lastEnd:
		return comment, strings.Index(rest[2:], "*/") + 4
	case r == '`', r == '´':
		return name, quoted(rest, r, false)
	case r == '\'':
		return single, quoted(rest, r, true)
	case r == '"':
		return symbol, quoted(rest, r, true)
	case r == '[' && !wordBefore(text, at):
		return name, len(bracket.FindString(rest))
	}
	if c, n := number(rest); n > 0 {
		return c, n
	}
	if wordy(r) {
		return word(rest, r, strings.HasSuffix(text[:at], "."))
	}
	return mark(rest, r)
}

// quoted returns the length of what stands between two quotes, which are doubled
// inside, or escaped with a backslash; 0 where the second one is missing. A text
// that then never ends may end at the first of two quotes after all.
func quoted(text string, quote rune, backslash bool) int {
	size, last := utf8.RuneLen(quote), 0
	q := text[:size]
	for at := size; at < len(text); {
		switch {
		case backslash && strings.HasPrefix(text[at:], `\`+q):
			at += 1 + size
			last = at
		case strings.HasPrefix(text[at:], q+q):
			last = at + size
			at += 2 * size
		case strings.HasPrefix(text[at:], q):
			return at + size
		default:
			at++
		}
	}
	return last
}

// number returns the class and the length of a number. One that runs into a
// letter is cut short, as a regular expression would, or is none.
func number(text string) (class, int) {
	if n := len(hex.FindString(text)); n > 0 {
		return junk, n
	}
	if n := len(exponent.FindString(text)); n > 0 {
		return float, n
	}
	if n := len(decimal.FindString(text)); n > 0 {
		keep := strings.IndexByte(text[:n], '.') + 1 // the part that must stay
		if keep == 1 || text[:keep] == "-." {
			keep++
		}
		if n = shorten(text, n, keep); n > 0 {
			return float, n
		}
	}
	n := len(whole.FindString(text))
	least := 1
	if strings.HasPrefix(text, "-") {
		least = 2
	}
	return integer, shorten(text, n, least)
}

// shorten returns the greatest length from least to n after which no letter
// follows; 0 if there is none.
func shorten(text string, n, least int) int {
	for ; n >= least && n > 0; n-- {
		if r, _ := utf8.DecodeRuneInString(text[n:]); !letter(r) {
			return n
		}
	}
	return 0
}

// letter reports whether no number may end before r.
func letter(r rune) bool {
	return r == '_' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || 'À' <= r && r <= 'Ü' || 'à' <= r && r <= 'ü'
}

// wordy reports whether r may be part of a word.
func wordy(r rune) bool {
	return r == '_' || unicode.IsLetter(r) || unicode.IsNumber(r)
}

// wordBefore reports whether something stands before the place that a bracket
// would index.
func wordBefore(text string, at int) bool {
	r, _ := utf8.DecodeLastRuneInString(text[:at])
	return at > 0 && (wordy(r) || r == ']' || r == ')')
}

// word reads a word that begins with r, and finds out whether it is a name. One
// beside a dot or before a parenthesis is, whatever it means elsewhere.
func word(text string, r rune, afterDot bool) (class, int) {
	n := span(text, wordy)
	upper := strings.ToUpper(text[:n])
	if never[upper] {
		return keyword, n
	}
	if r != '_' && letter(r) && (afterDot || dotted.MatchString(text[n:]) || strings.HasPrefix(text[n:], "(")) {
		return name, n
	}
	if m := phrase.FindStringSubmatchIndex(text); m != nil {
		switch {
		case m[2] >= 0:
			return keyword, m[1]
		case m[4] >= 0:
			return ordering, m[1]
		}
		return comparer, m[1]
	}
	n = span(text, func(r rune) bool { return wordy(r) || r == '$' || r == '#' })
	if c, ok := words[strings.ToUpper(text[:n])]; ok {
		return c, n
	}
	return name, n
}

// span returns the length of the runes at the front that are of a kind.
func span(text string, of func(rune) bool) int {
	n := strings.IndexFunc(text, func(r rune) bool { return !of(r) })
	if n < 0 {
		return len(text)
	}
	return n
}

// mark reads what is no word.
func mark(text string, r rune) (class, int) {
	if n := len(text) - len(strings.TrimLeft(text, "<>=~!")); n > 0 {
		return comparer, n
	}
	switch r {
	case '*':
		return wildcard, 1
	case '?':
		return holder, 1
	case '.':
		return dot, 1
	case ',':
		return comma, 1
	case ';':
		return semicolon, 1
	case '(':
		return opening, 1
	case ')':
		return closing, 1
	}
	if n := len(text) - len(strings.TrimLeft(text, "+/@#%^&|-")); n > 0 {
		return operator, n
	}
	return junk, 0
}
