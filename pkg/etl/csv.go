package etl

import (
	"bufio"
	"bytes"
	"io"
	"strings"
)

// maxLine is how many bytes a record may have. A longer one is passed over
// without being held.
const maxLine = 1 << 20

// Why a record cannot be split into fields.
const (
	tooLong  = "is longer than 1 MiB"
	unclosed = `opens a quote that is never closed: write "" for a quote inside of quotes`
	strayed  = `holds a quote in the middle of a field: put the whole field in quotes and write "" for a quote inside`
)

// record is one record of a file.
type record struct {
	line    int      // where it begins, from 1
	raw     string   // without its line end; the first KiB of one that is too long
	fields  []string // valid until the next record; nil with a problem
	problem string   // why there are no fields
}

// reader splits a CSV into records, as RFC 4180 and encoding/csv do. It is not
// built on encoding/csv because that holds a record of any length in memory,
// loses the rest of the file to one quote that is not closed, and does not give
// back the text of the record. Here a record with a fault is one line: the next
// record begins behind its first line end.
type reader struct {
	scan    *bufio.Scanner
	comma   byte
	line    int    // lines before the next record
	problem string // of the record that split found last
	long    bool   // split is inside a line that is too long
	head    []byte // how that line begins
	fields  []string
}

func newReader(in io.Reader, comma byte) *reader {
	r := &reader{scan: bufio.NewScanner(in), comma: comma}
	// One more byte holds the line end of the longest record.
	r.scan.Buffer(make([]byte, 64<<10), maxLine+1)
	r.scan.Split(r.split)
	return r
}

// next returns the next record that is not blank, at the end of the file io.EOF.
func (r *reader) next() (record, error) {
	for r.scan.Scan() {
		text := r.scan.Bytes()
		rec := record{line: r.line + 1, problem: r.problem}
		r.line += 1 + bytes.Count(text, []byte("\n"))
		if len(bytes.TrimSpace(text)) == 0 && rec.problem == "" {
			continue
		}
		rec.raw = string(bytes.TrimSuffix(text, []byte("\r")))
		if rec.problem == "" {
			r.fields = appendFields(r.fields[:0], rec.raw, r.comma)
			rec.fields = r.fields
		}
		return rec, nil
	}
	if err := r.scan.Err(); err != nil {
		return record{}, err
	}
	return record{}, io.EOF
}

// split is the bufio.SplitFunc: a token is a record without its last line end.
func (r *reader) split(data []byte, atEOF bool) (int, []byte, error) {
	r.problem = ""
	if r.long {
		return r.passOver(data, atEOF)
	}
	if len(data) == 0 {
		return 0, nil, nil
	}
	end, v := recordEnd(data, r.comma, atEOF)
	if v == more && len(data) > maxLine {
		if end = bytes.IndexByte(data, '\n'); end < 0 {
			r.long, r.head = true, bytes.Clone(data[:maxRaw])
			return len(data), nil, nil
		}
		v = open
	}
	switch {
	case v == more:
		return 0, nil, nil
	case end > maxLine:
		r.problem = tooLong
		return min(end+1, len(data)), data[:maxRaw], nil
	case v == open:
		r.problem = unclosed
	case v == stray:
		r.problem = strayed
	}
	return min(end+1, len(data)), data[:end], nil
}

// passOver drops data up to the end of a line that is too long.
func (r *reader) passOver(data []byte, atEOF bool) (int, []byte, error) {
	end := bytes.IndexByte(data, '\n')
	if end < 0 && !atEOF {
		return len(data), nil, nil
	}
	r.long, r.problem = false, tooLong
	if end < 0 {
		return len(data), r.head, nil
	}
	return end + 1, r.head, nil
}

// verdict is what recordEnd found.
type verdict uint8

const (
	whole verdict = iota // a record
	more                 // the record goes on behind the data
	open                 // a quote that is never closed
	stray                // a quote in the middle of a field
)

// recordEnd returns where the first record of data ends, which is before a line
// end or at the end of the file; with a fault, where its first line ends.
func recordEnd(data []byte, comma byte, atEOF bool) (int, verdict) {
	eol := bytes.IndexByte(data, '\n')
	if eol < 0 && !atEOF {
		return 0, more
	}
	if eol < 0 {
		eol = len(data)
	}
	if bytes.IndexByte(data[:eol], '"') < 0 {
		return eol, whole
	}
	for pos := 0; ; pos++ { // one field a turn
		var v verdict
		pos, v = fieldEnd(data, pos, comma, atEOF)
		if v == stray && pos > eol {
			v = open // a quote further down is stray because of the one left open
		}
		if v != whole {
			return eol, v
		}
		if pos == len(data) || data[pos] == '\n' {
			return pos, whole
		}
	}
}

// fieldEnd returns the position of the separator or line end behind the field
// that begins at pos, or the length of data.
func fieldEnd(data []byte, pos int, comma byte, atEOF bool) (int, verdict) {
	if pos == len(data) || data[pos] != '"' {
		for pos < len(data) && data[pos] != comma && data[pos] != '\n' {
			if data[pos] == '"' {
				return pos, stray
			}
			pos++
		}
		if pos == len(data) && !atEOF {
			return pos, more
		}
		return pos, whole
	}
	for pos++; ; pos++ {
		n := bytes.IndexByte(data[pos:], '"')
		if n < 0 && atEOF {
			return pos, open
		}
		if n < 0 {
			return pos, more
		}
		pos += n + 1
		rest := data[pos:]
		switch {
		case len(rest) < 2 && !atEOF: // a line end has up to two bytes
			return pos, more
		case len(rest) == 0 || rest[0] == comma || rest[0] == '\n':
			return pos, whole
		case rest[0] == '\r' && (len(rest) == 1 || rest[1] == '\n'):
			return pos + 1, whole
		case rest[0] != '"':
			return pos, stray
		}
	}
}

// appendFields splits the text of a whole record; fields share its memory.
func appendFields(dst []string, text string, comma byte) []string {
	for {
		var field string
		var last bool
		if strings.HasPrefix(text, `"`) {
			field, text, last = cutQuoted(text)
		} else {
			at := strings.IndexByte(text, comma)
			if last = at < 0; last {
				at = len(text)
			}
			field, text = text[:at], text[min(at+1, len(text)):]
		}
		if dst = append(dst, field); last {
			return dst
		}
	}
}

// cutQuoted takes a quoted field and the separator behind it off a whole record;
// last reports that there is no separator.
func cutQuoted(text string) (field, rest string, last bool) {
	end := 1
	for {
		end += strings.IndexByte(text[end:], '"')
		if !strings.HasPrefix(text[end+1:], `"`) {
			break
		}
		end += 2
	}
	field, rest = text[1:end], text[end+1:]
	if strings.ContainsAny(field, "\"\r") {
		field = strings.NewReplacer(`""`, `"`, "\r\n", "\n").Replace(field)
	}
	if rest == "" {
		return field, "", true
	}
	return field, rest[1:], false
}
