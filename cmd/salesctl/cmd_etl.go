package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/spf13/cobra"

	"github.com/salesctl/salesctl/pkg/config"
	"github.com/salesctl/salesctl/pkg/etl"
	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/sales"
	"github.com/salesctl/salesctl/pkg/store"
)

// etlOptions are the flags of `salesctl etl`.
type etlOptions struct {
	strict, replace, yes, dryRun bool
}

// newETL makes `salesctl etl`.
func newETL(a *app) *cobra.Command {
	var o etlOptions
	cmd := &cobra.Command{
		Use:   "etl [FILE|-]",
		Short: "Load and validate sales from a CSV",
		Long: `Load and validate sales from a CSV into the database. The file's columns, its
date layout and the weekday on which weeks end are found out, or taken from
salesctl.yaml, and remembered.

Loading is all or nothing and can be repeated: a row that is there already
changes nothing, a row with other values is a new version of it. Refused lines
are counted and kept aside with their reason; with --strict one is enough to
refuse the file. Without FILE, data.path is loaded, else the sample. A name that
ends in .arff is read as Weka's form.`,
		GroupID: groupMain,
		Args:    takes(0, 1),
		Example: `  salesctl etl
  salesctl etl sales.csv --strict
  curl -s https://example.com/sales.csv | salesctl etl - --replace --yes`,
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := a.settings(cmd)
			if err != nil {
				return err
			}
			in, sample := a.input(s, args)
			if in, err = a.fromARFF(in); err != nil {
				return err
			}
			return o.run(cmd.Context(), a, s, in, sample)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.strict, "strict", false, "refuse the file when one line is refused (exit 4)")
	f.BoolVar(&o.replace, "replace", false, "hide every older load: the file may have other columns; nothing is deleted")
	f.BoolVarP(&o.yes, "yes", "y", false, "do not ask before --replace")
	f.BoolVar(&o.dryRun, "dry-run", false, "with --replace: say what would be hidden, and load nothing")
	return cmd
}

// input is the file that is asked for: the argument, data.path or the sample.
func (a *app) input(s *config.Settings, args []string) (in etl.Input, sample bool) {
	switch {
	case len(args) == 1 && args[0] == "-":
		return etl.Input{Name: "-", Reader: a.stdin}, false
	case len(args) == 1:
		return etl.Input{Name: a.path(args[0])}, false
	case s.Data.Path != "":
		return etl.Input{Name: a.path(s.Data.Path)}, false
	}
	return sampleInput(), true
}

// run asks where older loads would be hidden, loads and tells.
func (o *etlOptions) run(ctx context.Context, a *app, s *config.Settings, in etl.Input, sample bool) error {
	if o.dryRun && !o.replace {
		return fault.New(fault.Usage, "--dry-run goes with --replace")
	}
	if o.replace {
		if stop, err := o.confirm(ctx, a, s, in); stop || err != nil {
			return err
		}
	}
	report, err := o.load(ctx, a, s, in, sample)
	if err != nil {
		return err
	}
	if report.ID == 0 {
		a.note("nothing new: the database is as it was")
	}
	return a.render(etlTable(report))
}

// load reads the input into the database.
func (o *etlOptions) load(ctx context.Context, a *app, s *config.Settings, in etl.Input, sample bool) (etl.Report, error) {
	name := in.Name
	if name == "-" {
		name = "standard input"
	}
	to := &loader{app: a, settings: s}
	bar := a.progress("loading " + name)
	report, err := etl.Run(ctx, in, to, etl.Options{
		Mapping: mapping(s), Strict: o.strict, Replace: o.replace, Sample: sample,
		Progress: func(read, total int) { bar.set(read, total, "") },
	})
	bar.close()
	if err == nil {
		a.note("database %s", to.db.Path())
	}
	var m *etl.MappingError
	if errors.As(err, &m) {
		err = s.Refuse(m.Setting, fault.New(fault.Config, "%w", m.Err).WithHint("%s", fault.HintOf(err)))
	}
	return report, errors.Join(err, to.close())
}

// loader opens the database, which only a load makes: a file that cannot be read
// leaves none behind.
type loader struct {
	*app
	settings *config.Settings
	db       *store.Store
}

// Remembered tells what an existing database remembers.
func (l *loader) Remembered(ctx context.Context) (src sales.Source, ok bool, err error) {
	l.db, err = l.openStore(ctx, l.settings, false)
	switch {
	case fault.Is(err, fault.NotFound):
		return sales.Source{}, false, nil
	case err != nil:
		return sales.Source{}, false, err
	}
	return l.db.Remembered(ctx)
}

// Load takes in the lines.
func (l *loader) Load(ctx context.Context, src sales.Source, lines iter.Seq2[sales.Line, error]) (sales.Loaded, error) {
	if l.db == nil {
		var err error
		if l.db, err = l.openStore(ctx, l.settings, true); err != nil {
			return sales.Loaded{}, err
		}
	}
	return l.db.Load(ctx, src, lines)
}

// close closes the database, if any was opened.
func (l *loader) close() error {
	if l.db == nil {
		return nil
	}
	return l.db.Close()
}

// mapping is what the settings say of the file; what they do not say is left to
// the first load.
func mapping(s *config.Settings) etl.Mapping {
	set := func(key string) bool { return s.Origin(key).Layer != config.FromDefault }
	var m etl.Mapping
	if set("data.keys") {
		m.Keys = s.Data.Keys
	}
	if set("data.date") {
		m.Date = s.Data.Date
	}
	if set("data.target") {
		m.Target = s.Data.Target
	}
	if set("data.columns") {
		m.Columns = []etl.Column{}
		for _, c := range s.Data.Columns {
			m.Columns = append(m.Columns, etl.Column(c))
		}
	}
	if set("data.static") {
		m.Static = s.Data.Static
	}
	if set("data.frequency") {
		m.Frequency = s.Data.Frequency
	}
	m.Layout, m.Decimal, m.WeekEnds = s.Data.Layout, s.Data.Decimal, s.Data.WeekEnds
	return m
}

// confirm asks before older loads are hidden; stop says that nothing is to be
// done.
func (o *etlOptions) confirm(ctx context.Context, a *app, s *config.Settings, in etl.Input) (stop bool, err error) {
	n, place, err := a.shownLoads(ctx, s)
	switch {
	case err != nil:
		return true, err
	case o.dryRun:
		a.note("--replace would hide %s; nothing was done", fault.Counted(n, "load"))
		return true, a.done(table{Thing: "etl-replace", Columns: columns("file", "would_hide"), Rows: [][]any{{in.Name, n}}})
	case n == 0 || o.yes:
		return false, nil
	case in.Name == "-":
		return true, fault.New(fault.Usage, "--replace asks, and standard input holds the sales").WithHint("add --yes")
	}
	return false, a.ask(fmt.Sprintf("hide %s of %s?", fault.Counted(n, "load"), place))
}

// shownLoads counts the loads of the database that no other hides.
func (a *app) shownLoads(ctx context.Context, s *config.Settings) (n int, place string, err error) {
	db, err := a.openStore(ctx, s, false)
	if fault.Is(err, fault.NotFound) {
		return 0, "", nil
	} else if err != nil {
		return 0, "", err
	}
	loads, err := db.Loads(ctx)
	for _, l := range loads {
		if !l.Hidden {
			n++
		}
	}
	return n, db.Path(), errors.Join(err, db.Close())
}

// ask reads a yes from stdin; anything else is an error.
func (a *app) ask(question string) error {
	fmt.Fprintf(a.stderr, "%s [y/N] ", question)
	line, err := bufio.NewReader(a.stdin).ReadString('\n')
	if err != nil && line == "" {
		fmt.Fprintln(a.stderr)
		return fault.New(fault.Usage, "nobody answered: nothing was done").WithHint("--yes answers")
	}
	switch strings.ToLower(strings.TrimSpace(line)) {
	case "y", "yes":
		return nil
	}
	return fault.New(fault.Failure, "nothing was done")
}

// etlTable shows what became of the lines.
func etlTable(r etl.Report) table {
	c := r.Counts
	t := table{
		Thing:    "etl",
		Columns:  columns("file", "read", "new", "corrected", "unchanged", "duplicate", "refused", "load"),
		Rows:     [][]any{{r.Source.Name, c.Read, c.New, c.Corrected, c.Unchanged, c.Duplicate, c.Refused, nil}},
		Warnings: r.Warnings,
	}
	if r.ID != 0 {
		t.Rows[0][7] = r.ID
	}
	for _, refusal := range r.Refusals {
		t.Warnings = append(t.Warnings, fmt.Sprintf("line %d refused: %s", refusal.Line, refusal.Reason))
	}
	if more := c.Refused - len(r.Refusals); more > 0 {
		t.Warnings = append(t.Warnings, fmt.Sprintf("and %d more refused lines", more))
	}
	return t
}
