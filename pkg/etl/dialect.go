package etl

import (
	"bytes"
	"context"
	"errors"
	"io"

	"github.com/salesctl/salesctl/pkg/fault"
)

// dialect is how a file writes its lines.
type dialect struct {
	skip  int64 // bytes before the first record: a byte order mark, a line sep=;
	lines int   // line ends among them
	comma byte  // between fields
}

const utf8BOM = "\ufeff"

// headSize is how much of a file decides its dialect; the header fits into it.
const headSize = 64 << 10

// sniff finds the dialect from the first bytes and refuses what is no text.
func sniff(ctx context.Context, in Input, s *source) (dialect, error) {
	r, err := s.rewind(ctx, io.Discard)
	if err != nil {
		return dialect{}, in.readFault(ctx, err)
	}
	head := make([]byte, headSize)
	n, err := io.ReadFull(r, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return dialect{}, in.readFault(ctx, err)
	}
	return dialectOf(in, head[:n])
}

func dialectOf(in Input, head []byte) (dialect, error) {
	if what, hint := notCSV(head); what != "" {
		return dialect{}, fault.New(fault.Invalid, "%s %s", in.label(), what).WithHint("%s", hint)
	}
	var d dialect
	text := bytes.TrimPrefix(head, []byte(utf8BOM))
	if line, separator := separatorLine(text); separator != 0 {
		d.comma, d.lines, text = separator, 1, text[line:]
	}
	d.skip = int64(len(head) - len(text))
	header := bytes.TrimSpace(text)
	if len(header) == 0 {
		return dialect{}, fault.New(fault.Invalid, "%s is empty", in.label()).
			WithHint("a CSV begins with a header such as Store,Date,Weekly_Sales")
	}
	header, _, _ = bytes.Cut(header, []byte("\n"))
	header = bytes.TrimSuffix(header, []byte("\r"))
	if bytes.IndexByte(header, '\r') >= 0 {
		return dialect{}, fault.New(fault.Invalid, "%s ends its lines with a carriage return alone", in.label()).
			WithHint("save it with line feeds: tr '\\r' '\\n' < old.csv > new.csv")
	}
	if d.comma == 0 {
		d.comma = commonest(header)
	}
	return d, nil
}

// separatorLine reads the line sep=; that spreadsheets put before the header; it
// returns its length, line end included, and the separator, 0 where there is none.
func separatorLine(text []byte) (length int, separator byte) {
	line, _, _ := bytes.Cut(text, []byte("\n"))
	length = min(len(line)+1, len(text))
	line = bytes.Trim(bytes.TrimSuffix(line, []byte("\r")), `"`)
	if len(line) != len("sep=;") || !bytes.EqualFold(line[:4], []byte("sep=")) || bytes.IndexByte([]byte(",;\t|"), line[4]) < 0 {
		return 0, 0
	}
	return length, line[4]
}

// notCSV tells what the first bytes are where they are no text, and what to do.
func notCSV(head []byte) (what, hint string) {
	switch {
	case bytes.HasPrefix(head, []byte{0xff, 0xfe}), bytes.HasPrefix(head, []byte{0xfe, 0xff}):
		return "is UTF-16 text", "save it as UTF-8: iconv -f UTF-16 -t UTF-8 old.csv > new.csv"
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		return "is a spreadsheet or a zip archive", "save the sheet as CSV UTF-8"
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		return "is compressed", "unpack it on the way: gunzip -c FILE | salesctl etl -"
	case bytes.IndexByte(head, 0) >= 0:
		return "is binary data, not text", "give a CSV in UTF-8"
	}
	return "", ""
}

// commonest returns the separator that stands most often outside of quotes.
func commonest(header []byte) byte {
	var count [256]int
	quoted := false
	for _, c := range header {
		if c == '"' {
			quoted = !quoted
		}
		if !quoted {
			count[c]++
		}
	}
	best := byte(',')
	for _, c := range []byte(";\t") {
		if count[c] > count[best] {
			best = c
		}
	}
	return best
}

// records starts reading the source at its header; what is read goes to w too.
func (d dialect) records(ctx context.Context, s *source, w io.Writer) (*reader, error) {
	r, err := s.rewind(ctx, w)
	if err != nil {
		return nil, err
	}
	if _, err := io.CopyN(io.Discard, r, d.skip); err != nil {
		return nil, err
	}
	records := newReader(r, d.comma)
	records.line = d.lines
	return records, nil
}
