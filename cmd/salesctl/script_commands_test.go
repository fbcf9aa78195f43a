package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/salesctl/salesctl/pkg/database"
	"github.com/salesctl/salesctl/testdata"
)

// scriptCommand is a word that the scripts know beside those of testscript.
type scriptCommand func(ts *testscript.TestScript, args []string)

// scriptCommands lists the words with their arguments. What a word cannot do
// fails the script; none can be negated.
func scriptCommands() map[string]func(*testscript.TestScript, bool, []string) {
	out := map[string]func(*testscript.TestScript, bool, []string){}
	for usage, run := range map[string]scriptCommand{
		"exits CODE PROGRAM ARGS...":        exits,
		"trained DIR":                       trained,
		"walmart FILE STORES":               walmart,
		"series FILE KIND":                  series,
		"enlarge FILE MARK BYTES":           enlarge,
		"prepend FILE QUOTED":               prepend,
		"flip GLOB OFFSET BITS":             flip,
		"count N GLOB":                      count,
		"same DIR DIR":                      same,
		"lock DATABASE":                     lock,
		"interrupted TEXT PROGRAM ARGS...":  interrupted130,
		"json PATH VALUE":                   jsonValue,
		"counts NAME=N...":                  counts,
		"within TOLERANCE COLUMN VALUES...": within,
		"let NAME PATH":                     let,
		"sql DATABASE STATEMENT":            sqlStatement,
		"serving NAME PROGRAM ARGS...":      servingAs,
		"ended NAME":                        endedWell,
	} {
		words := strings.Fields(usage)
		most := len(words) - 1
		if strings.HasSuffix(usage, "...") {
			most = math.MaxInt
		}
		out[words[0]] = func(ts *testscript.TestScript, neg bool, args []string) {
			if neg || len(args) < len(words)-1-strings.Count(usage, "ARGS...") || len(args) > most {
				ts.Fatalf("usage: %s", usage)
			}
			run(ts, args)
		}
	}
	return out
}

// exits runs a program and holds its exit code against CODE.
func exits(ts *testscript.TestScript, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// trained makes the directory that `salesctl etl` and `salesctl train` leave
// behind on the sample.
func trained(ts *testscript.TestScript, args []string) {
	made, err := trainedSample()
	ts.Check(err)
	ts.Check(os.CopyFS(ts.MkAbs(args[0]), made.files))
}

// walmart writes the first stores of the sample to a file.
func walmart(ts *testscript.TestScript, args []string) {
	stores, err := strconv.Atoi(args[1])
	ts.Check(err)
	var b bytes.Buffer
	for i, line := range bytes.SplitAfter(testdata.Walmart, []byte("\n")) {
		store, _, _ := strings.Cut(string(line), ",")
		if n, err := strconv.Atoi(store); i == 0 || err == nil && n <= stores {
			b.Write(line)
		}
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), b.Bytes(), 0o644))
}

// enlarge puts so many digits in the place of a mark.
func enlarge(ts *testscript.TestScript, args []string) {
	n, err := strconv.Atoi(args[2])
	ts.Check(err)
	text := strings.Replace(ts.ReadFile(args[0]), args[1], strings.Repeat("9", n), 1)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o644))
}

// prepend puts a text, quoted as in Go, before a file.
func prepend(ts *testscript.TestScript, args []string) {
	text, err := strconv.Unquote(`"` + args[1] + `"`)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text+ts.ReadFile(args[0])), 0o644))
}

// flip turns bits of one byte of a file over; the same again mends it.
func flip(ts *testscript.TestScript, args []string) {
	names := glob(ts, args[0])
	if len(names) != 1 {
		ts.Fatalf("%d files match %s", len(names), args[0])
	}
	at, err := strconv.Atoi(args[1])
	ts.Check(err)
	bits, err := strconv.ParseUint(args[2], 0, 8)
	ts.Check(err)
	data, err := os.ReadFile(names[0])
	ts.Check(err)
	data[at] ^= byte(bits)
	ts.Check(os.WriteFile(names[0], data, 0o644))
}

func glob(ts *testscript.TestScript, pattern string) []string {
	names, err := filepath.Glob(ts.MkAbs(pattern))
	ts.Check(err)
	return names
}

// count holds the number of files, hidden ones too, against N.
func count(ts *testscript.TestScript, args []string) {
	if names := glob(ts, args[1]); strconv.Itoa(len(names)) != args[0] {
		ts.Fatalf("%d files match %s, want %s: %q", len(names), args[1], args[0], names)
	}
}

// same holds two directories against each other, names and bytes.
func same(ts *testscript.TestScript, args []string) {
	read := func(dir string) map[string]string {
		files := map[string]string{}
		root := os.DirFS(ts.MkAbs(dir))
		ts.Check(fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			data, err := fs.ReadFile(root, name)
			files[name] = string(data)
			return err
		}))
		return files
	}
	a, b := read(args[0]), read(args[1])
	if len(a) == 0 {
		ts.Fatalf("%s is empty", args[0])
	}
	if len(a) != len(b) {
		ts.Fatalf("%s has %d files, %s %d", args[0], len(a), args[1], len(b))
	}
	for name, data := range a {
		if other, ok := b[name]; !ok || other != data {
			ts.Fatalf("%s of %s is another in %s", name, args[0], args[1])
		}
	}
}

// lock holds the write lock of a database until the script ends.
func lock(ts *testscript.TestScript, args []string) {
	db, err := database.Open(context.Background(), "sqlite:///"+filepath.ToSlash(ts.MkAbs(args[0])), database.Options{})
	ts.Check(err)
	ctx, release := context.WithCancel(context.Background())
	held, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		_ = db.InTx(ctx, func(*sql.Tx) error {
			close(held)
			<-ctx.Done()
			return ctx.Err()
		})
	}()
	<-held
	ts.Defer(func() {
		release()
		<-ended
		_ = db.Close()
	})
}

// interrupted130 runs a program, sends it an interrupt once its stderr has the
// text, and wants exit code 130. The two streams go to the files
// interrupted.stdout and interrupted.stderr.
func interrupted130(ts *testscript.TestScript, args []string) {
	path, err := exec.LookPath(args[1])
	ts.Check(err)
	cmd := exec.Command(path, args[2:]...)
	cmd.Dir = ts.MkAbs(".")
	for _, name := range []string{"HOME", "PATH", "GORACE", "TMPDIR"} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	var stdout bytes.Buffer
	heard := &listener{text: args[0], heard: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = &stdout, heard
	ts.Check(cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case <-heard.heard:
		ts.Check(cmd.Process.Signal(os.Interrupt))
		<-ended
	case <-ended:
	}
	ts.Check(os.WriteFile(ts.MkAbs("interrupted.stdout"), stdout.Bytes(), 0o644))
	ts.Check(os.WriteFile(ts.MkAbs("interrupted.stderr"), heard.said.Bytes(), 0o644))
	if code := cmd.ProcessState.ExitCode(); code != 130 {
		ts.Fatalf("exit code %d, want 130: %s", code, &heard.said)
	}
}

// listener keeps what it is told and closes a channel when it has heard a text.
type listener struct {
	said  bytes.Buffer
	text  string
	heard chan struct{}
	done  bool
}

func (l *listener) Write(p []byte) (int, error) {
	l.said.Write(p)
	if !l.done && strings.Contains(l.said.String(), l.text) {
		l.done = true
		close(l.heard)
	}
	return len(p), nil
}

// jsonValue holds a value of the JSON on stdout against a text: data.0.model is
// the model of the first row, data.len the number of rows.
func jsonValue(ts *testscript.TestScript, args []string) {
	if text := jsonText(ts, args[0]); text != args[1] {
		ts.Fatalf("%s is %s, want %s", args[0], text, args[1])
	}
}

// jsonText is a value of the JSON on stdout; what is no string is written as JSON.
func jsonText(ts *testscript.TestScript, path string) string {
	var value any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &value))
	for _, step := range strings.Split(path, ".") {
		switch v := value.(type) {
		case map[string]any:
			next, ok := v[step]
			if !ok {
				ts.Fatalf("%s: there is no %s", path, step)
			}
			value = next
		case []any:
			if step == "len" {
				value = len(v)
				break
			}
			i, err := strconv.Atoi(step)
			if err != nil || i >= len(v) {
				ts.Fatalf("%s: there is no %s of %d", path, step, len(v))
			}
			value = v[i]
		default:
			ts.Fatalf("%s: there is nothing below %v", path, v)
		}
	}
	if text, ok := value.(string); ok {
		return text
	}
	b, err := json.Marshal(value)
	ts.Check(err)
	return string(b)
}

// counts holds what `salesctl etl --json` counted, on stdout, against what is
// wanted; what is not named is 0. What was read is the sum of all others.
func counts(ts *testscript.TestScript, args []string) {
	var answer struct{ Data []map[string]any }
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &answer))
	if len(answer.Data) != 1 {
		ts.Fatalf("%d rows", len(answer.Data))
	}
	want := map[string]float64{"read": 0, "new": 0, "corrected": 0, "unchanged": 0, "duplicate": 0, "refused": 0}
	for _, arg := range args {
		name, value, _ := strings.Cut(arg, "=")
		n, err := strconv.ParseFloat(value, 64)
		ts.Check(err)
		if _, ok := want[name]; !ok {
			ts.Fatalf("there is no count %q", name)
		}
		want[name] = n
	}
	sum := 0.0
	for name, n := range want {
		if got := answer.Data[0][name]; got != n {
			ts.Fatalf("%s is %v, want %v", name, got, n)
		}
		if name != "read" {
			sum += n
		}
	}
	if sum != want["read"] {
		ts.Fatalf("the counts sum to %v, read are %v", sum, want["read"])
	}
}

// within holds a column of the CSV on stdout against values, to a relative
// tolerance.
func within(ts *testscript.TestScript, args []string) {
	tolerance, err := strconv.ParseFloat(args[0], 64)
	ts.Check(err)
	records, err := csv.NewReader(strings.NewReader(ts.ReadFile("stdout"))).ReadAll()
	ts.Check(err)
	column := slices.Index(records[0], args[1])
	if column < 0 || len(records)-1 != len(args)-2 {
		ts.Fatalf("columns %v, %d rows for %d values", records[0], len(records)-1, len(args)-2)
	}
	for i, text := range args[2:] {
		want, err := strconv.ParseFloat(text, 64)
		ts.Check(err)
		got, err := strconv.ParseFloat(records[i+1][column], 64)
		ts.Check(err)
		if !(math.Abs(got-want) <= tolerance*math.Abs(want)) {
			ts.Fatalf("row %d: %s is %v, want %v", i+1, args[1], got, want)
		}
	}
}
