package etl

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The decimal separators that numbers may have. The other one of the two may
// group the digits before it in threes, as may an apostrophe or a narrow space.
const (
	point = '.'
	comma = ','
)

// other returns the other decimal separator.
func other(decimal byte) byte { return point + comma - decimal }

// decimalName names a decimal separator in messages.
func decimalName(decimal byte) string {
	if decimal == comma {
		return "decimal comma"
	}
	return "decimal point"
}

// number reads a number with the decimal separator, NaN for a blank text.
func number(text string, decimal byte) (v float64, reason string) {
	s := strings.TrimSpace(text)
	if s == "" {
		return math.NaN(), ""
	}
	v, err := strconv.ParseFloat(s, 64)
	if decimal == comma || err != nil {
		if reads(s, decimal) {
			v, err = strconv.ParseFloat(spell(s, decimal), 64)
		} else if reads(s, other(decimal)) {
			return 0, "is written for a " + decimalName(other(decimal)) + ": the numbers of this file have a " + decimalName(decimal)
		}
	}
	switch {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return 0, "is not a finite number: leave the field blank where the value is unknown"
	case err == nil && !literal(s):
		return v, ""
	case strings.ContainsAny(s, ",$€£ '") && strings.ContainsAny(s, "0123456789"):
		return 0, "is not a plain number: write it like 1234.5, without currency signs, or with its thousands in groups of three"
	}
	return 0, "is not a number: want digits such as 1234.5, or a blank field for an unknown value"
}

// literal reports whether a number is written as only Go does: 0x1p-2 or 1_000.
func literal(s string) bool {
	for i := range len(s) {
		if c := s[i]; c == '_' || c|0x20 == 'x' {
			return true
		}
	}
	return false
}

// reads reports whether s is a number with the decimal separator: a sign, digits
// that may be grouped, decimals, and an exponent where nothing is grouped.
func reads(s string, decimal byte) bool {
	if s != "" && (s[0] == '-' || s[0] == '+') {
		s = s[1:]
	}
	scientific := false
	if at := strings.IndexAny(s, "eE"); at >= 0 {
		exponent := s[at+1:]
		if exponent != "" && (exponent[0] == '-' || exponent[0] == '+') {
			exponent = exponent[1:]
		}
		if exponent == "" || !digits(exponent) {
			return false
		}
		s, scientific = s[:at], true
	}
	whole, decimals := s, ""
	if at := strings.IndexByte(s, decimal); at >= 0 {
		whole, decimals = s[:at], s[at+1:]
	}
	if !digits(decimals) || whole == "" && decimals == "" {
		return false
	}
	return digits(whole) || !scientific && grouped(whole)
}

// digits reports whether s holds nothing else.
func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// grouped reports whether s is digits in groups of three with one separator; the
// first group may be shorter and does not begin with a zero, so that 0.125 is
// no thousand to anybody.
func grouped(s string) bool {
	at := 0
	for at < len(s) && s[at] >= '0' && s[at] <= '9' {
		at++
	}
	if at == 0 || at > 3 || at == len(s) || s[0] == '0' {
		return false
	}
	separator, size := utf8.DecodeRuneInString(s[at:])
	switch separator {
	case point, comma, '\'', '\u2019', '\u00a0', '\u2009', '\u202f':
	default:
		return false
	}
	between := s[at : at+size]
	for s = s[at:]; s != ""; s = s[size+3:] {
		if len(s) < size+3 || s[:size] != between || !digits(s[size:size+3]) {
			return false
		}
	}
	return true
}

// spell writes a number that reads takes as package strconv wants it.
func spell(s string, decimal byte) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == rune(decimal):
			return point
		case r >= '0' && r <= '9', r == '-', r == '+', r == 'e', r == 'E':
			return r
		}
		return -1
	}, s)
}
