package calendar

import (
	"bufio"
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/sales"
)

// maxOwn bounds a user's list: longer ones are no list of holidays.
const maxOwn = 10_000

// Read reads the user's own holidays from a CSV with the header name,date and
// ISO dates, a line an occurrence. Lines of one name are one holiday; its
// periods are flagged, as the built-in ones are. The holidays come in the order
// of their first lines. name is the file's, for messages.
func Read(r io.Reader, name string) ([]Holiday, error) {
	in := csv.NewReader(skipBOM(r))
	in.TrimLeadingSpace = true
	in.FieldsPerRecord = 2
	header, err := in.Read()
	if err != nil {
		return nil, refuse(name, err)
	}
	if !strings.EqualFold(strings.TrimSpace(header[0]), "name") || !strings.EqualFold(strings.TrimSpace(header[1]), "date") {
		return nil, fault.New(fault.Invalid, "%s line 1: the header is %q, want name,date", name, strings.Join(header, ","))
	}
	var own []Holiday
	at := map[string]int{}
	for lines := 0; ; lines++ {
		record, err := in.Read()
		if errors.Is(err, io.EOF) {
			return own, nil
		}
		if err != nil {
			return nil, refuse(name, err)
		}
		line, _ := in.FieldPos(0)
		if lines == maxOwn {
			return nil, fault.New(fault.Invalid, "%s line %d: more than %d holidays", name, line, maxOwn)
		}
		if own, err = add(own, at, record); err != nil {
			return nil, fault.New(fault.Invalid, "%s line %d: %w", name, line, err)
		}
	}
}

// add appends one line to the holiday that it names; at finds holidays by name.
func add(own []Holiday, at map[string]int, record []string) ([]Holiday, error) {
	name := strings.TrimSpace(record[0])
	if name == "" {
		return nil, errors.New("column name: empty")
	}
	if slices.ContainsFunc(rules(), func(h Holiday) bool { return h.Name == name }) {
		return nil, fault.New(fault.Invalid, "column name: %s is a built-in holiday", name)
	}
	day, err := sales.ParsePeriod(strings.TrimSpace(record[1]))
	if err != nil {
		return nil, fault.New(fault.Invalid, "column date: %w", err)
	}
	i, ok := at[name]
	if !ok {
		i = len(own)
		at[name] = i
		own = append(own, Holiday{Name: name, Flagged: true})
	}
	if !slices.Contains(own[i].Dates, day) {
		own[i].Dates = append(own[i].Dates, day)
	}
	return own, nil
}

// refuse words what encoding/csv says.
func refuse(name string, err error) error {
	var parse *csv.ParseError
	switch {
	case errors.Is(err, io.EOF):
		return fault.New(fault.Invalid, "%s is empty", name).WithHint("write a line name,date and then one line a holiday, such as Inventory,2012-01-15")
	case errors.As(err, &parse):
		return fault.New(fault.Invalid, "%s line %d: %w", name, parse.Line, parse.Err)
	}
	return fault.New(fault.Failure, "read %s: %w", name, err)
}

// skipBOM drops the byte order mark that spreadsheets write.
func skipBOM(r io.Reader) io.Reader {
	b := bufio.NewReader(r)
	if head, _ := b.Peek(3); string(head) == "\xef\xbb\xbf" {
		_, _ = b.Discard(3)
	}
	return b
}
