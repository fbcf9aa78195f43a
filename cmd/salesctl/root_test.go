package main

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// testApp is an app in an empty directory, without environment and terminal.
func testApp(t testing.TB) (a *app, stdout, stderr *bytes.Buffer) {
	stdout, stderr = new(bytes.Buffer), new(bytes.Buffer)
	return &app{
		stdin: strings.NewReader(""), stdout: stdout, stderr: stderr,
		now: func() time.Time { return time.Date(2012, 11, 2, 9, 0, 0, 0, time.UTC) },
		dir: t.TempDir(), global: globals{output: formatTable},
	}, stdout, stderr
}

func testRoot(t testing.TB, cmds []command) *cobra.Command {
	t.Helper()
	a, _, _ := testApp(t)
	root, err := newRoot(a, cmds)
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// tree lists the commands that users see, the root first.
func tree(cmd *cobra.Command) []*cobra.Command {
	out := []*cobra.Command{cmd}
	for _, sub := range cmd.Commands() {
		out = append(out, tree(sub)...)
	}
	return out
}

// Every command, also those to come, explains itself in the same way.
func TestEveryCommandExplainsItself(t *testing.T) {
	for _, cmd := range tree(testRoot(t, commands())) {
		path := cmd.CommandPath()
		if cmd.Short == "" || strings.HasSuffix(cmd.Short, ".") || len(cmd.Short) > 80 {
			t.Errorf("%s: the short help is one line without a final stop, not %q", path, cmd.Short)
		}
		if cmd.HasParent() && !cmd.Parent().HasParent() && cmd.GroupID == "" {
			t.Errorf("%s is in no group", path)
		}
		if cmd.HasParent() && (cmd.PersistentPreRunE != nil || cmd.PersistentPreRun != nil) {
			t.Errorf("%s hides the root's PersistentPreRunE, which reads the global flags", path)
		}
		if cmd.Run != nil {
			t.Errorf("%s has a Run, whose errors cannot become an exit code: use RunE", path)
		}
		cmd.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
			if f.Usage == "" || strings.HasSuffix(f.Usage, ".") {
				t.Errorf("%s: the help of --%s is %q", path, f.Name, f.Usage)
			}
		})
	}
}

// Every command has three examples, and each of them is a call that exists: its
// commands, flags, values of flags and number of arguments.
func TestExamples(t *testing.T) {
	for _, cmd := range tree(testRoot(t, commands())) {
		path, found := cmd.CommandPath(), 0
		for line := range strings.Lines(cmd.Example) {
			if !strings.HasPrefix(line, "  ") {
				t.Errorf("%s: example %q is not indented by two spaces", path, line)
			}
			for _, words := range calls(line) {
				found++
				if err := parses(t, words); err != nil {
					t.Errorf("%s: example %q: %v", path, strings.TrimSpace(line), err)
				}
			}
		}
		if found < 3 {
			t.Errorf("%s has %d examples, want 3", path, found)
		}
	}
}

// shellWord is a quoted or a plain word, a pipe or a redirection.
var shellWord = regexp.MustCompile(`'[^']*'|"[^"]*"|\|\||&&|[|<>;()]|[^\s|<>;()'"]+`)

// calls returns the arguments of each call of salesctl in a line of shell.
func calls(line string) [][]string {
	line, _, _ = strings.Cut(line, " # ")
	var out [][]string
	inside := false
	for _, w := range shellWord.FindAllString(line, -1) {
		switch {
		case strings.ContainsAny(w[:1], "|<>;()&"):
			inside = false
		case inside:
			out[len(out)-1] = append(out[len(out)-1], strings.Trim(w, `'"`))
		case w == "salesctl":
			out, inside = append(out, nil), true
		}
	}
	return out
}

// parses reads the words of a call as cobra does before it runs a command. Each
// call gets a tree of its own, because flags keep their values.
func parses(t *testing.T, words []string) error {
	cmd, rest, err := testRoot(t, commands()).Traverse(words)
	if err != nil {
		return err
	}
	cmd.InitDefaultHelpFlag()
	if err := cmd.ParseFlags(rest); err != nil {
		return err
	}
	if err := cmd.ValidateArgs(cmd.Flags().Args()); err != nil {
		return err
	}
	if err := cmd.ValidateRequiredFlags(); err != nil {
		return err
	}
	return cmd.ValidateFlagGroups()
}

func TestCalls(t *testing.T) {
	for line, want := range map[string][][]string{
		"  salesctl":                                   {nil},
		"  salesctl etl new.csv  # comment":            {{"etl", "new.csv"}},
		"  A=1 salesctl x | salesctl predict - > out":  {{"x"}, {"predict", "-"}},
		"  source <(salesctl completion bash)":         {{"completion", "bash"}},
		"  salesctl runs search 'metrics.wape < 0.05'": {{"runs", "search", "metrics.wape < 0.05"}},
		"  cat salesctl.yaml":                          nil,
	} {
		got := calls(line)
		if !slices.EqualFunc(got, want, slices.Equal[[]string]) {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
}

func TestExamplesAreChecked(t *testing.T) {
	for _, words := range [][]string{{"confg"}, {"config", "shw"}, {"version", "--jsn"}, {"completion"}, {"version", "now"}} {
		if err := parses(t, words); err == nil {
			t.Errorf("salesctl %s passes for a call that exists", strings.Join(words, " "))
		}
	}
}

func named(name, group string) command {
	return func(*app) *cobra.Command {
		return &cobra.Command{
			Use: name, Short: "About " + name, GroupID: group,
			RunE: func(*cobra.Command, []string) error { return nil },
		}
	}
}

// The bare program shows the way of the data in its order and where to begin.
func TestOverview(t *testing.T) {
	a, stdout, _ := testApp(t)
	if code := run(context.Background(), a, commands(), nil); code != exitOK {
		t.Fatalf("exit code %d", code)
	}
	want := `Forecast sales, from a CSV to a served model.

The way of the data:
  demo         Show it all on the sample, in a temporary folder
  etl          Load and validate sales from a CSV
  train        Train the models, compare them, register the pipeline
  backtest     Score models on the past, as if it were the future
  forecast     Forecast the periods after the newest actual
  predict      Predict single rows from what is known of their period
  explain      Tell why a prediction is what it is
  serve        Answer the HTTP API from the champion
  tracking     Run and look after the MLflow tracking server

Try: salesctl demo
` + "`salesctl help` lists all commands.\n"
	if stdout.String() != want {
		t.Errorf("got\n%s\nwant\n%s", stdout, want)
	}
}

func TestPath(t *testing.T) {
	a, _, _ := testApp(t)
	abs := filepath.Join(t.TempDir(), "x")
	for in, want := range map[string]string{"a/../b": filepath.Join(a.dir, "b"), "": a.dir, abs: abs} {
		if got := a.path(in); got != want {
			t.Errorf("path(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestColor(t *testing.T) {
	a, _, _ := testApp(t)
	if a.color(io.Discard) {
		t.Error("colours without a terminal")
	}
	if _, ok := terminal(a.stdout); ok {
		t.Error("a buffer passes for a terminal")
	}
}

func TestEnv(t *testing.T) {
	a := &app{environ: []string{"NO_COLOR=1", "A=1", "A=2", "B"}}
	for name, want := range map[string]string{"NO_COLOR": "1", "A": "2", "B": "", "C": ""} {
		if got := a.env(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
}

func TestLogger(t *testing.T) {
	for _, c := range []struct {
		g    globals
		want int // lines of one each of debug, warn and error
	}{{globals{}, 2}, {globals{verbose: true}, 3}, {globals{quiet: true}, 1}} {
		a, stdout, stderr := testApp(t)
		a.global = c.g
		log := a.logger(slog.LevelWarn)
		log.Debug("d")
		log.Warn("w")
		log.Error("e")
		if got := strings.Count(stderr.String(), "\n"); got != c.want || stdout.Len() > 0 {
			t.Errorf("%+v: %d lines, want %d: %s", c.g, got, c.want, stderr)
		}
	}
}

// An error before a command's own work is a wrong call; the same error from the
// work is not.
func TestOnlyTheWorkMayFail(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*cobra.Command)
		code   int
	}{
		"work": {func(c *cobra.Command) {
			c.RunE = func(*cobra.Command, []string) error { return io.ErrUnexpectedEOF }
		}, exitFailure},
		"arguments": {func(c *cobra.Command) {
			c.Args = func(*cobra.Command, []string) error { return io.ErrUnexpectedEOF }
		}, exitUsage},
		"required flag": {func(c *cobra.Command) {
			c.Flags().Int("store", 0, "")
			_ = c.MarkFlagRequired("store")
		}, exitUsage},
	} {
		a, _, _ := testApp(t)
		probe := func(a *app) *cobra.Command {
			cmd := named("probe", groupMain)(a)
			c.change(cmd)
			return cmd
		}
		if code := run(context.Background(), a, []command{probe}, []string{"probe"}); code != c.code {
			t.Errorf("%s: exit code %d, want %d", name, code, c.code)
		}
	}
}
