package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"text/tabwriter"
	"time"
)

// result is the table.
type result struct {
	names   []string // of the servers
	rows    []row
	figures [][]figure // by row, then by server
	states  []state    // by server
}

// figure is what one request of a row costs.
type figure struct {
	cpu, wall time.Duration
	requests  int
	answers   [][]byte // to the first
}

// state is what a server costs beside requests.
type state struct {
	new, filled  time.Duration // from its start until it answers, on such a database
	begin, after usage         // when it answers, and after the last row
}

// compare measures the servers on copies of one database.
func compare(ctx context.Context, contestants []contestant, dir string, o options) (r result, err error) {
	source := filepath.Join(dir, "source.db")
	c, err := fill(ctx, source, o.runs)
	if err != nil {
		return r, err
	}
	r.rows = rows(c, o.runs)
	r.states = make([]state, len(contestants))
	servers := make([]*server, len(contestants))
	for i, c := range contestants {
		r.names = append(r.names, c.name)
		if servers[i], err = c.prepare(ctx, source, &r.states[i]); err != nil {
			return r, err
		}
		defer func() { err = errors.Join(err, servers[i].stop()) }()
	}
	for _, row := range r.rows {
		line := make([]figure, len(servers))
		least := 1
		for i, s := range servers {
			if line[i], err = s.measure(ctx, row, o.cpu, least); err != nil {
				return r, fmt.Errorf("%s, %s: %w", r.names[i], row.name, err)
			}
			if row.writes {
				least = line[i].requests
			}
		}
		if err := row.check(line); err != nil {
			return r, err
		}
		r.figures = append(r.figures, line)
	}
	for i, s := range servers {
		if r.states[i].after, err = s.usage(); err != nil {
			return r, err
		}
	}
	return r, nil
}

// prepare starts the server on a new database, stops it, and starts it again on a
// copy of the source, to go on.
func (c contestant) prepare(ctx context.Context, source string, st *state) (*server, error) {
	first, err := c.start(ctx, "new.db")
	if err != nil {
		return nil, err
	}
	st.new = first.ready
	if err := errors.Join(first.stop(), copyFile(source, c.database("filled.db"))); err != nil {
		return nil, err
	}
	s, err := c.start(ctx, "filled.db")
	if err != nil {
		return nil, err
	}
	st.filled = s.ready
	if st.begin, err = s.usage(); err != nil {
		return nil, errors.Join(err, s.stop())
	}
	return s, nil
}

func (s *server) usage() (usage, error) { return readUsage(os.DirFS(proc), s.cmd.Process.Pid) }

// measure asks the row's question in rounds that double, until the server has
// used enough CPU time for the ticks of its clock not to matter, and at least so
// many times. The first answer, for which a server may have to prepare statements,
// is not in the figure.
func (s *server) measure(ctx context.Context, r row, enough time.Duration, least int) (f figure, err error) {
	c := newCaller(s.uri)
	defer c.close()
	if f.answers, err = r.ask(ctx, c, 0); err != nil {
		return f, err
	}
	before, err := s.usage()
	if err != nil {
		return f, err
	}
	var waits []time.Duration
	for {
		for range len(waits) + 1 {
			began := time.Now()
			if _, err := r.ask(ctx, c, len(waits)+1); err != nil {
				return f, err
			}
			waits = append(waits, time.Since(began))
		}
		now, err := s.usage()
		if err != nil {
			return f, err
		}
		if used := now.cpu - before.cpu; used >= enough && len(waits) >= least {
			slices.Sort(waits)
			f.requests, f.cpu, f.wall = len(waits), used/time.Duration(len(waits)), waits[len(waits)/2]
			return f, nil
		}
	}
}

// check makes sure that all servers were measured at the same.
func (r row) check(line []figure) error {
	var first any
	for i, f := range line {
		answer, err := r.normal(f.answers)
		if err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
		if n := things(answer); r.count > 0 && n != r.count {
			return fmt.Errorf("%s: %d are answered, want %d", r.name, n, r.count)
		}
		if i == 0 {
			first = answer
		} else if !reflect.DeepEqual(first, answer) {
			return fmt.Errorf("%s: the servers answer\n%.2000s\n%.2000s", r.name, line[0].answers[0], f.answers[0])
		}
	}
	return nil
}

// normal is what the answers say, without what each server chooses itself.
func (r row) normal(answers [][]byte) ([]any, error) {
	all := make([]any, len(answers))
	for i, answer := range answers {
		if err := json.Unmarshal(answer, &all[i]); err != nil {
			return nil, err
		}
		strip(all[i], append([]string{"next_page_token"}, r.own...))
	}
	return all, nil
}

// strip removes fields and sorts lists of what has a key: the order of a run's
// metrics, params and tags means nothing. A history keeps its order, since all of
// it has one key.
func strip(v any, fields []string) {
	switch v := v.(type) {
	case map[string]any:
		for _, field := range fields {
			delete(v, field)
		}
		for _, part := range v {
			strip(part, fields)
		}
	case []any:
		for _, part := range v {
			strip(part, fields)
		}
		slices.SortStableFunc(v, func(a, b any) int { return cmp.Compare(key(a), key(b)) })
	}
}

// key is the key of a metric, param or tag, "" of anything else.
func key(v any) string {
	fields, _ := v.(map[string]any)
	k, _ := fields["key"].(string)
	return k
}

// things counts the runs and metrics that are answered.
func things(answers []any) (n int) {
	for _, answer := range answers {
		fields, _ := answer.(map[string]any)
		for _, name := range []string{"runs", "metrics"} {
			list, _ := fields[name].([]any)
			n += len(list)
		}
	}
	return n
}

// show prints the table.
func (r result) show(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprint(w, "server ms a request")
	for _, name := range r.names {
		_, _ = fmt.Fprintf(w, "\t%s: CPU\twaited\trequests", name)
	}
	_, _ = fmt.Fprint(w, "\tCPU ratio\twanted\t\n")
	for i, row := range r.rows {
		_, _ = fmt.Fprint(w, row.name)
		for _, f := range r.figures[i] {
			_, _ = fmt.Fprintf(w, "\t%.2f\t%.2f\t%d", millis(f.cpu), millis(f.wall), f.requests)
		}
		_, _ = fmt.Fprintf(w, "\t%s\t%.0f\t\n", r.ratio(i), row.wanted)
	}
	_ = w.Flush() // as with every line here, a reader who has gone is none
	for i, s := range r.states {
		_, _ = fmt.Fprintf(out, "\n%s\n  ready after %.0f ms on a new database, %.0f ms on the filled one\n", r.names[i], millis(s.new), millis(s.filled))
		_, _ = fmt.Fprintf(out, "  resident %.1f MB in %d processes when ready, %.1f MB after all requests, %.1f MB at most\n",
			megabytes(s.begin.resident), s.begin.processes, megabytes(s.after.resident), megabytes(s.after.peak))
	}
}

// ratio is the CPU time of the last server's request over that of the first's.
func (r result) ratio(i int) string {
	line := r.figures[i]
	if len(line) < 2 {
		return "-"
	}
	return fmt.Sprintf("%.1f", float64(line[len(line)-1].cpu)/float64(line[0].cpu))
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func megabytes(kB int64) float64 { return float64(kB) * 1024 / 1e6 }
