// Package etl brings a CSV of sales into a database: what the file says becomes
// observations, and what cannot be one becomes a refused line with its reason.
// It knows how files are written and no database: a Loader, which others
// implement, takes the lines in.
//
// The way of the data, read twice so that memory does not grow with the file:
//
//  1. Input opens the file; standard input and pipes are first copied to a
//     temporary file.
//  2. sniff looks at the first 64 KiB: text or not, a byte order mark, comma,
//     semicolon or tab, as a first line sep=; says or the header shows.
//  3. newPlan joins the mapping of the configuration with what the database
//     remembers of its first load.
//  4. survey reads the file once: its digest, the columns of the header, the
//     layout of the dates, the weekday that they fall on and the decimal separator
//     of the numbers. A file that leaves one of these open is refused.
//  5. parser reads the file again and hands one sales.Line a record to the
//     Loader: key parts as text, the date as the last day of its period, numbers
//     as float64 with NaN for a blank field.
//  6. The Loader compares with what it has, in one transaction, and Report
//     tells what came of it.
//
// What a line may be:
//
//   - Fields are split as RFC 4180 says. Blank lines are passed over, a line with
//     more or fewer fields than the header, with a stray or unclosed quote, or of
//     more than 1 MiB is refused, and the next line is read as if nothing were.
//   - Numbers have one decimal separator in the whole file, settled by the
//     configuration, by a number that has no other reading, or by the load that is
//     remembered; 1.234 and 1,234 are never guessed at. Between commas it is the
//     point. Thousands may stand in groups of three. Currency signs are refused,
//     NaN and Inf too.
//   - Texts are UTF-8. A file in which more than a few lines are not is refused.
//   - A blank target or column is missing and kept; a blank key or date is refused.
//     A negative target is kept and warned about.
//   - Key parts are read by sales.KeyPart: 1, 01 and 1.0 are one store.
//   - Dates have one layout in the whole file; which of day and month comes first
//     is settled by the configuration, by the load that is remembered, or by a day
//     past the twelfth, and never guessed. A time of day must be midnight.
//   - Weekly data has one weekday. Monthly data names a month by its first or last
//     day. Periods without a line stay missing.
package etl

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"strings"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/sales"
)

// Loader takes lines into a database, all or nothing.
type Loader interface {
	// Remembered returns the schema and format of the first load, ok false
	// where there was none.
	Remembered(ctx context.Context) (src sales.Source, ok bool, err error)
	// Load takes the lines in, in one transaction. An error from the sequence
	// rolls everything back and is returned.
	Load(ctx context.Context, src sales.Source, lines iter.Seq2[sales.Line, error]) (sales.Loaded, error)
}

// Options says how to read and what to do with it. The zero value reads the
// columns of the Python original.
type Options struct {
	Mapping
	Strict  bool // any refused line refuses the whole file
	Replace bool // hide every older load; nothing of them is remembered
	Sample  bool // the input is the data set that ships with the program
	// Progress, where it is not nil, is told now and then how many lines were
	// read of how many; total is 0 in the first reading, which counts them.
	Progress func(read, total int)
}

// progressEvery is how many lines lie between two calls of Options.Progress.
const progressEvery = 4096

// Report tells what became of an input.
type Report struct {
	sales.Loaded              // Warnings are of both, the reading first
	Source       sales.Source // with the digest, the schema and its weekday, the layout for package time
	Layout       string       // the layout for people
	Rows         int          // lines behind the header, without blank ones
	Negative     int          // lines that are not refused although their target is negative; duplicates count too
	Blank        int          // the same of a blank target
}

// Run reads the input into the database.
func Run(ctx context.Context, in Input, to Loader, o Options) (Report, error) {
	r, err := run(ctx, in, to, o)
	if err != nil && ctx.Err() != nil {
		return Report{}, ctx.Err()
	}
	return r, err
}

func run(ctx context.Context, in Input, to Loader, o Options) (Report, error) {
	if o.Progress == nil {
		o.Progress = func(int, int) {}
	}
	was, ok, err := to.Remembered(ctx)
	if err != nil {
		return Report{}, fmt.Errorf("ask the database for its first load: %w", err)
	}
	// The sample settles nothing for a user's file, and a replacing load nothing
	// by what it hides.
	p, err := newPlan(o.Mapping, was, ok && !o.Replace && was.Sample == o.Sample)
	if err != nil {
		return Report{}, err
	}
	src, err := in.open(ctx)
	if err != nil {
		return Report{}, err
	}
	defer src.close()
	l, err := prepare(ctx, in, src, p, o)
	if err != nil {
		return Report{}, err
	}
	return l.into(ctx, to)
}

// load is an Input that was surveyed and is ready for its second reading.
type load struct {
	in       Input
	src      *source
	dialect  dialect
	parser   parser
	read     int // lines of the second reading so far
	unused   []string
	progress func(read, total int)
	report   Report
	negative int // the first line with a negative target
	causes   map[cause]refused
}

// refused counts the refusals of one cause.
type refused struct {
	lines  int
	first  int    // line
	reason string // of the first
}

// prepare reads the input for the first time.
func prepare(ctx context.Context, in Input, src *source, p plan, o Options) (*load, error) {
	d, err := sniff(ctx, in, src)
	if err != nil {
		return nil, err
	}
	s := newSurvey(in, p)
	at, err := s.read(ctx, src, d, p, o.Progress)
	if err != nil {
		return nil, err
	}
	t, err := s.choose(p)
	if err != nil {
		return nil, err
	}
	format, schema := p.format(), p.schema()
	format.DateLayout = t.golang
	decimal, remember, err := s.numbers.choose(p)
	if err != nil {
		return nil, err
	}
	if remember != 0 {
		format.Decimal = string(rune(remember))
	}
	if schema.Frequency, err = s.frequency(p, t); err != nil {
		return nil, err
	}
	return &load{
		in: in, src: src, dialect: d, unused: at.unused, progress: o.Progress,
		parser: parser{
			at: at, format: format, layout: t.layout, frequency: schema.Frequency, decimal: decimal,
		},
		report: Report{
			Rows: s.lines, Layout: t.name,
			Source: sales.Source{
				Name: in.Name, Digest: s.digest, Schema: schema, Format: format,
				Sample: o.Sample, Replace: o.Replace, Strict: o.Strict,
			},
		},
	}, nil
}

// into reads the input for the second time, into the database.
func (l *load) into(ctx context.Context, to Loader) (Report, error) {
	loaded, err := to.Load(ctx, l.report.Source, l.lines(ctx))
	if err != nil {
		return Report{}, err
	}
	r := l.report
	r.Loaded = loaded
	r.Warnings = append(l.warnings(), loaded.Warnings...)
	return r, nil
}

// lines is the sequence of the input's lines. Its error is the last thing it
// yields. It may be read again.
func (l *load) lines(ctx context.Context) iter.Seq2[sales.Line, error] {
	return func(yield func(sales.Line, error) bool) {
		l.read, l.report.Negative, l.report.Blank, l.causes = 0, 0, 0, map[cause]refused{}
		sum := sha256.New()
		r, err := l.dialect.records(ctx, l.src, sum)
		if err == nil {
			_, err = r.next() // the header
		}
		for err == nil {
			var rec record
			if rec, err = r.next(); err == nil {
				err = ctx.Err()
			}
			if err == nil && !yield(l.line(rec), nil) {
				return
			}
		}
		switch {
		case !errors.Is(err, io.EOF):
			yield(sales.Line{}, l.in.readFault(ctx, err))
		case hex.EncodeToString(sum.Sum(nil)) != l.report.Source.Digest:
			yield(sales.Line{}, fault.New(fault.Conflict, "%s changed while it was read", l.in.label()).
				WithHint("run it again when its writer is done"))
		default:
			l.progress(l.read, l.report.Rows)
		}
	}
}

// line parses a record and counts it.
func (l *load) line(rec record) sales.Line {
	out := l.parser.line(rec)
	r := &l.report
	if l.read++; l.read%progressEvery == 0 {
		l.progress(l.read, r.Rows)
	}
	switch target := out.Observation.Target; {
	case out.Refused != "":
		c := l.causes[l.parser.cause]
		if c.lines++; c.lines == 1 {
			c.first, c.reason = out.Number, out.Refused
		}
		l.causes[l.parser.cause] = c
	case math.IsNaN(target):
		r.Blank++
	case target < 0:
		if r.Negative == 0 {
			l.negative = out.Number
		}
		r.Negative++
	}
	return out
}

// warnings tells what was kept or left out without being refused.
func (l *load) warnings() []string {
	var w []string
	if len(l.unused) > 0 {
		w = append(w, fmt.Sprintf("columns that are not in the mapping are ignored: %s", list(l.unused)))
	}
	if n := l.report.Negative; n > 0 {
		w = append(w, fmt.Sprintf("%s with a negative %s, which is kept as it is; the first is line %d",
			fault.Counted(n, "line"), strings.TrimSpace(l.parser.format.Target), l.negative))
	}
	for cause, c := range l.causes {
		if 2*c.lines > l.report.Rows { // one cause at most
			w = append(w, fmt.Sprintf("%d of %d lines are refused for one cause, and what is left is not all of the data; line %d: %s; %s",
				c.lines, l.report.Rows, c.first, c.reason, cause.remedy))
		}
	}
	return w
}
