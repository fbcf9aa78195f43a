package sales

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// Key names a series: one value for each key column, such as a store, or a
// store and a department.
type Key []string

// ParseKey reads the form that String writes.
func ParseKey(s string) Key { return strings.Split(s, "/") }

// String joins the parts with slashes.
func (k Key) String() string { return strings.Join(k, "/") }

// Equal reports whether both keys name the same series.
func (k Key) Equal(o Key) bool { return slices.Equal(k, o) }

// Compare orders keys part by part: whole numbers by value and before text, so
// that store 2 stands before store 10.
func (k Key) Compare(o Key) int { return slices.CompareFunc(k, o, compareParts) }

func compareParts(a, b string) int {
	if a == b {
		return 0
	}
	x, aWhole := whole(a)
	y, bWhole := whole(b)
	switch {
	case aWhole && bWhole:
		return cmp.Or(cmp.Compare(x, y), cmp.Compare(a, b))
	case aWhole:
		return -1
	case bWhole:
		return 1
	}
	return cmp.Compare(a, b)
}

// whole reads a whole number. Panels are sorted by keys, and an error costs
// more than a comparison, so text that begins with a letter is not tried.
func whole(s string) (int64, bool) {
	if s == "" || s[0] > '9' {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}
