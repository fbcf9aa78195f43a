package sales

import (
	"errors"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxKeyPart is the longest part of a key, in bytes; an index of every database
// takes it.
const maxKeyPart = 255

// KeyPart returns the one spelling of a part of a key, so that files, flags and
// requests name the same series: without white space around it, and a whole
// number without leading zeros or decimals, since spreadsheets and data frames
// write the same store as 1, 01 or 1.0. The error tells, after the value, what
// a part may not be.
func KeyPart(s string) (string, error) {
	s = strings.TrimSpace(s)
	switch {
	case s == "":
		return "", errors.New("is blank: every key needs a value")
	case len(s) > maxKeyPart:
		return "", errors.New("is longer than 255 bytes")
	case !utf8.ValidString(s):
		return "", errors.New("is not UTF-8 text")
	case strings.ContainsRune(s, '/'):
		return "", errors.New(`holds "/", which separates the parts of a key`)
	case strings.ContainsFunc(s, unicode.IsControl):
		return "", errors.New("holds a control character")
	}
	whole, decimals, _ := strings.Cut(s, ".")
	if strings.Trim(decimals, "0") != "" {
		return s, nil
	}
	if n, err := strconv.ParseInt(whole, 10, 64); err == nil {
		return strconv.FormatInt(n, 10), nil
	}
	return s, nil
}
