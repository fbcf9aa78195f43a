package golearn

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/sjwhitworth/golearn/base"

	"github.com/salesctl/salesctl/pkg/fault"
)

// Table is what an ARFF file holds: columns of numbers and columns of words.
type Table struct {
	Columns []Column // of one length
}

// Column is one attribute. It has Numbers, NaN for a missing one, or Words,
// which are never missing.
type Column struct {
	Name    string
	Numbers []float64
	Words   []string
}

// Len returns the number of rows.
func (c Column) Len() int { return max(len(c.Numbers), len(c.Words)) }

// nominal reports whether the column holds words.
func (c Column) nominal() bool { return c.Words != nil }

// reserved are the characters that golearn's reader of ARFF takes for its own:
// it has no quotes.
const reserved = "{}\"'%,@?"

// WriteARFF writes the table through golearn's grid, the last column as the
// class. Numbers have the digits that give them again. Names and words must do
// without blanks and the format's own signs, since golearn does not quote.
func WriteARFF(w io.Writer, relation string, t Table) error {
	if err := t.check(relation); err != nil {
		return err
	}
	g := base.NewDenseInstances()
	var attributes []base.Attribute
	for _, c := range t.Columns {
		attributes = append(attributes, c.attribute())
		g.AddAttribute(attributes[len(attributes)-1])
	}
	specs := base.ResolveAttributes(g, attributes)
	err := errors.Join(g.AddClassAttribute(attributes[len(attributes)-1]), g.Extend(t.Columns[0].Len()))
	if err != nil {
		return fmt.Errorf("write ARFF: %w", err)
	}
	for j, c := range t.Columns {
		for i := range c.Len() {
			g.Set(specs[j], i, c.cell(attributes[j], i))
		}
	}
	out := &checked{w: bufio.NewWriter(w)}
	err = guarded(func() error {
		return base.SerializeInstancesToWriterDenseARFFWithAttributes(out, g, attributes, relation)
	})
	if err = errors.Join(err, out.err, out.w.Flush()); err != nil {
		return fmt.Errorf("write ARFF: %w", err)
	}
	return nil
}

// check refuses what golearn would write but not read again.
func (t Table) check(relation string) error {
	if len(t.Columns) == 0 {
		return fault.New(fault.Invalid, "write ARFF: there are no columns")
	}
	for _, c := range t.Columns {
		if c.Len() != t.Columns[0].Len() {
			return fault.New(fault.Invalid, "write ARFF: column %s has %d rows, but %s has %d", c.Name, c.Len(), t.Columns[0].Name, t.Columns[0].Len())
		}
		for _, word := range append([]string{c.Name, relation}, c.Words...) {
			if word == "" || strings.ContainsAny(word, reserved) || strings.ContainsFunc(word, blank) {
				return fault.New(fault.Invalid, "write ARFF: %q in column %s cannot be written, the format has no place for blanks and %s", word, c.Name, reserved).
					WithHint("rename it, or write a CSV")
			}
		}
		for i, v := range c.Numbers {
			if math.IsInf(v, 0) {
				return fault.New(fault.Invalid, "write ARFF: column %s, row %d is %v", c.Name, i+1, v)
			}
		}
	}
	return nil
}

func blank(r rune) bool { return r <= ' ' || r == 0x7f || r == 0x85 || r == 0xa0 }

// attribute returns golearn's description of the column.
func (c Column) attribute() base.Attribute {
	if c.nominal() {
		a := base.NewCategoricalAttribute()
		a.SetName(c.Name)
		for _, word := range c.Words {
			a.GetSysValFromString(word) // which also makes it a value of the attribute
		}
		return a
	}
	a := base.NewFloatAttribute(c.Name)
	a.Precision = 0
	for _, v := range c.Numbers {
		a.Precision = max(a.Precision, places(v))
	}
	return a
}

// places returns how many digits behind the point give the number again. The
// shortest decimal may need one more than it has, where it was not rounded evenly.
func places(v float64) int {
	_, digits, _ := strings.Cut(strconv.FormatFloat(v, 'f', -1, 64), ".")
	n := len(digits)
	if back, err := strconv.ParseFloat(strconv.FormatFloat(v, 'f', n, 64), 64); err == nil && back != v {
		n++
	}
	return n
}

// cell returns row i as golearn keeps it.
func (c Column) cell(a base.Attribute, i int) []byte {
	if c.nominal() {
		return a.GetSysValFromString(c.Words[i])
	}
	return base.PackFloatToBytes(c.Numbers[i])
}

// checked writes until the first error, which golearn's writer does not look at,
// and turns its word for a missing number into that of the format.
type checked struct {
	w   *bufio.Writer
	err error
}

func (c *checked) Write(p []byte) (int, error) {
	if c.err != nil {
		return 0, c.err
	}
	cells := strings.Split(string(p), ",")
	for i, cell := range cells {
		if cell == "NaN" {
			cells[i] = "?"
		}
	}
	_, c.err = c.w.WriteString(strings.Join(cells, ","))
	return len(p), c.err
}

// MaxARFF bounds a file that ReadARFF takes, in bytes: golearn's grid holds all
// of it.
const MaxARFF = 256 << 20

// ReadARFF reads a file through golearn's reader. It has numeric attributes (real,
// numeric, integer) and nominal ones; those of text and dates, quotes and sparse
// rows are refused, with the line. What golearn does not take but the format
// does (upper case, `?` for a missing number) is rewritten for it first.
func ReadARFF(r io.Reader) (Table, error) {
	f, err := os.CreateTemp("", "salesctl-*.arff") // golearn reads the attributes from a file
	if err != nil {
		return Table{}, fmt.Errorf("read ARFF: %w", err)
	}
	defer func() { _ = os.Remove(f.Name()) }()
	in := plain{to: bufio.NewWriter(f)}
	err = in.copy(r)
	if err = errors.Join(err, in.to.Flush(), f.Close()); err != nil {
		return Table{}, fmt.Errorf("read ARFF: %w", err)
	}
	var g *base.DenseInstances
	err = guarded(func() (err error) {
		g, err = base.ParseDenseARFFToInstances(f.Name())
		return err
	})
	if err != nil {
		return Table{}, fault.New(fault.Invalid, "read ARFF: %w", err)
	}
	return in.table(g), nil
}

// plain rewrites a file as golearn reads it.
type plain struct {
	to      *bufio.Writer
	names   []string
	nominal [][]string // of each attribute, its values; nil of numbers
	rows    int
}

// copy rewrites line by line and refuses what golearn would misread.
func (p *plain) copy(r io.Reader) error {
	lines := bufio.NewScanner(io.LimitReader(r, MaxARFF+1))
	lines.Buffer(nil, bufio.MaxScanTokenSize)
	data, size := false, 0
	for n := 1; lines.Scan(); n++ {
		if size += len(lines.Bytes()) + 1; size > MaxARFF {
			return fault.New(fault.Invalid, "the file is larger than %d MB", MaxARFF>>20).WithHint("split it, or load a CSV")
		}
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '%' {
			continue
		}
		var err error
		switch {
		case data:
			line, err = p.row(line)
		case strings.EqualFold(line, "@data"):
			data = true
		default:
			line, err = p.header(line)
		}
		if err != nil {
			return fault.New(fault.Invalid, "line %d: %w", n, err)
		}
		if _, err := fmt.Fprintln(p.to, line); err != nil {
			return err
		}
	}
	switch {
	case errors.Is(lines.Err(), bufio.ErrTooLong):
		return fault.New(fault.Invalid, "a line is longer than %d kB", bufio.MaxScanTokenSize>>10).WithHint("load a CSV")
	case lines.Err() != nil:
		return lines.Err()
	case !data || p.rows == 0 || len(p.names) == 0:
		return fault.New(fault.Invalid, "there are no rows: a file has @attribute lines, then @data, then a line a row")
	}
	return nil
}

// header rewrites a line before @data.
func (p *plain) header(line string) (string, error) {
	line = strings.ReplaceAll(line, "\t", " ")
	word, rest, _ := strings.Cut(line, " ")
	if strings.EqualFold(word, "@relation") {
		return "@relation x", nil
	}
	name, kind, _ := strings.Cut(strings.TrimSpace(rest), " ")
	kind = strings.TrimSpace(kind)
	switch {
	case !strings.EqualFold(word, "@attribute"):
		return "", fmt.Errorf("%.40q is no @relation, @attribute or @data", line)
	case name == "" || strings.ContainsAny(name, reserved):
		return "", fmt.Errorf("the name %q cannot be read, quotes are not supported", name)
	case slices.Contains(p.names, name):
		return "", fmt.Errorf("two attributes are named %s", name)
	}
	p.names = append(p.names, name)
	if inner, ok := strings.CutPrefix(kind, "{"); ok && strings.HasSuffix(inner, "}") {
		values := strings.Split(strings.TrimSuffix(inner, "}"), ",")
		for i, v := range values {
			values[i] = strings.TrimSpace(v)
			if values[i] == "" || strings.ContainsAny(values[i], reserved+" \t") {
				return "", fmt.Errorf("attribute %s: the value %q cannot be read, quotes are not supported", name, v)
			}
		}
		p.nominal = append(p.nominal, values)
		return "@attribute " + name + " {" + strings.Join(values, ",") + "}", nil
	}
	p.nominal = append(p.nominal, nil)
	if !slices.Contains([]string{"real", "numeric", "integer"}, strings.ToLower(kind)) {
		return "", fmt.Errorf("attribute %s is of the kind %.40q, want real, numeric, integer or {a,b}", name, kind)
	}
	return "@attribute " + name + " real", nil
}

// row rewrites a line after @data.
func (p *plain) row(line string) (string, error) {
	cells := strings.Split(line, ",")
	if len(cells) != len(p.names) {
		return "", fmt.Errorf("%d values, there are %d attributes", len(cells), len(p.names))
	}
	for j, cell := range cells {
		cell = strings.TrimSpace(cell)
		cells[j] = cell
		if p.nominal[j] != nil {
			if !slices.Contains(p.nominal[j], cell) {
				return "", fmt.Errorf("%s is %q, which its attribute does not list", p.names[j], cell)
			}
			continue
		}
		if cell == "?" {
			cells[j] = "NaN"
			continue
		}
		if v, err := strconv.ParseFloat(cell, 64); err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
			return "", fmt.Errorf("%s is %q, which is no finite number", p.names[j], cell)
		}
	}
	p.rows++
	return strings.Join(cells, ","), nil
}

// table copies golearn's grid.
func (p *plain) table(g *base.DenseInstances) Table {
	t := Table{Columns: make([]Column, len(p.names))}
	for j, a := range g.AllAttributes() {
		spec, _ := g.GetAttribute(a) // it is one of g's own
		c := Column{Name: a.GetName()}
		for i := range p.rows {
			v := g.Get(spec, i)
			if p.nominal[j] != nil {
				c.Words = append(c.Words, a.GetStringFromSysVal(v))
			} else {
				c.Numbers = append(c.Numbers, base.UnpackBytesToFloat(v))
			}
		}
		t.Columns[j] = c
	}
	return t
}
