package main

import (
	"cmp"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/salesctl/salesctl/configs"
	"github.com/salesctl/salesctl/pkg/config"
	"github.com/salesctl/salesctl/pkg/fault"
)

// app is what a command may know of the world beside its arguments.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	now            func() time.Time
	environ        []string              // NAME=value
	dir            string                // absolute; after the flags are read it heeds -C
	keys           map[string]config.Key // by name
	global         globals
	running        bool  // a command's own work has begun: its errors are no wrong calls
	unexplained    error // why help that was asked for was not given
}

// globals are the flags that every command has.
type globals struct {
	dir, config, output           string
	json, quiet, verbose, noColor bool
}

// processApp is the app of a real process. Without a working directory (it was
// removed) relative paths fail where they are used.
func processApp() *app {
	dir, err := os.Getwd()
	if err != nil {
		dir = "."
	}
	return &app{
		stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr,
		now: time.Now, environ: os.Environ(), dir: dir,
	}
}

// path resolves a path that the user gave against the working directory.
func (a *app) path(p string) string {
	if filepath.IsAbs(p) {
		return filepath.Clean(p)
	}
	return filepath.Join(a.dir, p)
}

// env looks up a variable; a later entry wins, as in a process.
func (a *app) env(name string) string {
	var value string
	for _, e := range a.environ {
		if n, v, _ := strings.Cut(e, "="); n == name {
			value = v
		}
	}
	return value
}

// enter follows the global flags. It runs before every command.
func (a *app) enter() error {
	a.dir = a.path(a.global.dir)
	if info, err := os.Stat(a.dir); err != nil || !info.IsDir() {
		return fault.New(fault.NotFound, "-C: there is no directory %s", a.dir).WithHint("create it first: mkdir -p %s", a.dir)
	}
	return a.chooseFormat()
}

// chooseFormat follows -o and --json.
func (a *app) chooseFormat() error {
	if a.global.json {
		if a.global.output != formatTable && a.global.output != formatJSON {
			return fault.New(fault.Usage, "--json and -o %s exclude each other", a.global.output)
		}
		a.global.output = formatJSON
	}
	return checkFormat(a.global.output)
}

// forPrograms says that the answer is read by a program: stdout gets a document
// of rows, whatever notes people get on stderr.
func (a *app) forPrograms() bool { return a.global.output != formatTable }

// defaults is the configuration file that ships with the program.
func defaults() ([]byte, error) { return configs.Files.ReadFile("salesctl.yaml") }

// describeKeys reads what the flags that set keys say of themselves.
func (a *app) describeKeys() error {
	data, err := defaults()
	if err != nil {
		return err
	}
	keys, err := config.Keys(data)
	if err != nil {
		return err
	}
	a.keys = make(map[string]config.Key, len(keys))
	for _, k := range keys {
		a.keys[k.Name] = k
	}
	return nil
}

// note writes a message for people to stderr, unless --quiet.
func (a *app) note(format string, args ...any) {
	if !a.global.quiet {
		fmt.Fprintf(a.stderr, format+"\n", args...)
	}
}

// logger writes what packages have to say to stderr, from the usual level on;
// with --verbose everything, with --quiet errors.
func (a *app) logger(usual slog.Level) *slog.Logger {
	level := usual
	switch {
	case a.global.verbose:
		level = slog.LevelDebug
	case a.global.quiet:
		level = slog.LevelError
	}
	return slog.New(slog.NewTextHandler(a.stderr, &slog.HandlerOptions{Level: level}))
}

// terminal returns the width of the terminal behind w, and whether it is one.
func terminal(w io.Writer) (width int, ok bool) {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return 0, false
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		width = 80
	}
	return cmp.Or(width, 80), true
}

// color says whether to write ANSI escapes to w: to a terminal only, and never
// with --no-color, NO_COLOR (no-color.org) or a dumb terminal.
func (a *app) color(w io.Writer) bool {
	_, ok := terminal(w)
	return ok && !a.global.noColor && a.env("NO_COLOR") == "" && a.env("TERM") != "dumb"
}
