// Package peer runs the Python programs that salesctl is measured against, in
// the venv that the environment variable PEERS_VENV names.
//
//  1. Venv tells whether there is one. Tests ask Need, which skips them without
//     one, and in continuous integration fails them.
//  2. Run puts a script and its files into a temporary folder, runs it there and
//     reads the JSON that it prints.
package peer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Variable is the environment variable that names the venv. It has not the prefix
// of salesctl's settings, which refuse a name that is none of theirs.
const Variable = "PEERS_VENV"

// HowTo tells how to get a venv with the peers in it.
const HowTo = "in the repository run `python3 -m venv .venv && .venv/bin/pip install -r bench/requirements.txt`, then set " + Variable + "=$PWD/.venv"

// Venv returns the folder of the venv, "" without one.
func Venv() string { return os.Getenv(Variable) }

// TB is what Need asks of a test.
type TB interface {
	Helper()
	Skipf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// Need returns the venv for a test that compares with the named peers. Without
// one the test is skipped; where the environment says CI=true it fails, since a
// comparison that silently does not happen would pass for one that does.
func Need(t TB, peers string) (venv string) {
	t.Helper()
	venv = Venv()
	switch {
	case filepath.IsAbs(venv):
		return venv
	case venv != "":
		t.Fatalf("%s is %s, but tests run in folders of their own: give the whole path", Variable, venv)
	case os.Getenv("CI") == "true":
		t.Fatalf("the peer is missing: %s; %s", peers, HowTo)
	default:
		t.Skipf("the peer is missing: %s; %s", peers, HowTo)
	}
	return ""
}

// Run runs the script with the venv's Python in a folder that holds the files,
// by name, and decodes what it prints into answer.
func Run(ctx context.Context, venv string, script []byte, files map[string][]byte, answer any) (err error) {
	dir, err := os.MkdirTemp("", "peer")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	for name, body := range files {
		if err := os.WriteFile(filepath.Join(dir, name), body, 0o600); err != nil {
			return err
		}
	}
	python, err := filepath.Abs(filepath.Join(venv, "bin", "python"))
	if err != nil {
		return err
	}
	var out, problems bytes.Buffer
	cmd := exec.CommandContext(ctx, python, "-")
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = dir, bytes.NewReader(script), &out, &problems
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("run the peers in %s: %w\n%s", venv, err, problems.Bytes())
	}
	if err := json.Unmarshal(out.Bytes(), answer); err != nil {
		return fmt.Errorf("read the peers' answer: %w", err)
	}
	return nil
}
