package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// document reads stdout as JSON documents and wants exactly one, in the
// envelope that the contract fixes.
func document(t *testing.T, call string, stdout string) (rows []map[string]any) {
	t.Helper()
	var answer struct {
		Schema   string
		Meta     map[string]any
		Data     []map[string]any
		Warnings []string
	}
	d := json.NewDecoder(strings.NewReader(stdout))
	if err := d.Decode(&answer); err != nil {
		t.Errorf("%s: %v: %q", call, err, stdout)
		return nil
	}
	if err := d.Decode(new(any)); !errors.Is(err, io.EOF) {
		t.Errorf("%s: more than one document: %s", call, stdout)
	}
	if !strings.HasPrefix(answer.Schema, "salesctl/") || answer.Meta == nil || answer.Data == nil || answer.Warnings == nil {
		t.Errorf("%s: not the envelope: %s", call, stdout)
	}
	return answer.Data
}

// jsonCalls are calls of every command that ends by itself, in an order in which
// all of them work, on a trained sample. Some have nothing to do, and must answer,
// too. OTHER and KEY stand for ids that earlier answers tell.
func jsonCalls() []string {
	return []string{
		"", "help", "help runs", "models", "etl --help",
		"version", "config show", "config validate", "keys list", "keys create ann",
		"etl", "etl --replace --dry-run", "data show", "data export sales.csv", "train --model naive --no-backtest --seed 7", "backtest --model naive --folds 1",
		"forecast --store 1", "predict rows.json", "explain --store 1 --date 2012-10-26",
		"plot series --store 1", "plot forecast --store 1 --interval 80", "plot predicted --model naive", "plot residuals --model naive", "plot importance", "plot learning",
		"runs list", "runs show latest", "runs search metrics.final_wape<0", "runs compare latest OTHER",
		"runs delete latest --dry-run", "runs delete OTHER --yes", "runs restore OTHER",
		"models list", "models show", "models alias shadow 1", "models alias shadow --delete", "models promote 2", "models promote 2",
		"models rollback", "models verify", "models verify --all", "models export --out champion", "models register champion/model.pipeline",
		"tracking doctor", "tracking replay", "tracking gc", "tracking gc --older-than 0d --dry-run",
		"tracking export backup", "tracking import backup --dry-run", "tracking import backup --yes",
		"tracking workspaces create team-a", "tracking workspaces list", "tracking workspaces delete team-a --dry-run", "tracking workspaces delete team-a --yes",
		"keys revoke KEY --dry-run", "keys revoke KEY --yes",
	}
}

// Each command with --json writes one document, also one that changes something
// and one that finds nothing to do.
func TestEveryCommandAnswersInJSON(t *testing.T) {
	dir := trainedDir(t)
	write(t, dir, "rows.json", `{"store":1,"date":"2012-11-02","temperature":60,"fuel_price":3.4,"cpi":223,"unemployment":6.5,"holiday_flag":0}`)
	write(t, dir, "salesctl.yaml", "tracking: {enable_workspaces: true}\n")
	found := map[string]string{}
	called := map[string]bool{}
	for _, call := range jsonCalls() {
		words := strings.Fields(call)
		for i, w := range words {
			if v, ok := found[w]; ok {
				words[i] = v
			}
		}
		code, stdout, stderr := salesctl(t, dir, append(words, "--json")...)
		if code != exitOK {
			t.Errorf("%s: exit code %d: %s", call, code, stderr)
			continue
		}
		rows := document(t, call, stdout)
		switch call {
		case "runs list":
			found["OTHER"], _ = rows[len(rows)-1]["run"].(string)
		case "keys create ann":
			found["KEY"], _ = rows[0]["id"].(string)
		}
		cmd, _, err := testRoot(t, commands()).Find(words)
		if err != nil {
			t.Fatal(err)
		}
		called[cmd.CommandPath()] = true
	}
	// What has a document of its own, or none for a reason.
	for path, want := range map[string]string{
		"salesctl completion":    "salesctl: a completion script cannot be written as json\nhint: leave out --json and -o\n",
		"salesctl man":           "salesctl: a manual page cannot be written as json\nhint: leave out --json and -o\n",
		"salesctl demo":          "salesctl: demo is for people: it has no -o json\n",
		"salesctl config schema": "",
	} {
		args := append(strings.Fields(path)[1:], "--json")
		if path == "salesctl completion" {
			args = append(args, "bash")
		}
		code, stdout, stderr := salesctl(t, dir, args...)
		switch {
		case want == "" && (code != exitOK || !json.Valid([]byte(stdout))):
			t.Errorf("%s: exit code %d, %s", path, code, stdout)
		case want != "" && (code != exitUsage || stdout != "" || !strings.HasPrefix(stderr, want)):
			t.Errorf("%s: exit code %d, %q, %q", path, code, stdout, stderr)
		}
		called[path] = true
	}
	for _, path := range []string{"salesctl serve", "salesctl tracking serve"} { // by TestServersAnswerInJSON
		called[path] = true
	}
	for _, cmd := range tree(testRoot(t, commands())) {
		if path := cmd.CommandPath(); !cmd.HasSubCommands() && !called[path] {
			t.Errorf("%s is called by nothing here: %v", path, slices.Sorted(maps.Keys(called)))
		}
	}
}

// A server writes its document when it is ready: a program that asked for any
// port finds it there.
func TestServersAnswerInJSON(t *testing.T) {
	dir := trainedDir(t)
	for _, args := range [][]string{{"serve"}, {"tracking", "serve"}} {
		call := strings.Join(args, " ")
		ctx, stop := context.WithCancel(t.Context())
		stdout, in := io.Pipe()
		ended := make(chan int, 1)
		go func() {
			a := &app{stdin: strings.NewReader(""), stdout: in, stderr: io.Discard, now: time.Now, dir: dir}
			ended <- run(ctx, a, commands(), append(args, "--port", "0", "--json"))
			_ = in.Close()
		}()
		var first bytes.Buffer
		if err := json.NewDecoder(io.TeeReader(stdout, &first)).Decode(new(any)); err != nil {
			t.Fatalf("%s: %v", call, err)
		}
		if rows := document(t, call, first.String()); len(rows) == 1 {
			address, _ := rows[0]["url"].(string)
			conn, err := net.Dial("tcp", strings.TrimPrefix(address, "http://"))
			if err != nil {
				t.Errorf("%s: %v", call, err)
			} else {
				_ = conn.Close()
			}
		}
		stop()
		rest, err := io.ReadAll(stdout)
		if code := <-ended; code != exitOK || err != nil || strings.TrimSpace(string(rest)) != "" {
			t.Errorf("%s: exit code %d, then %q, %v", call, code, rest, err)
		}
	}
}

// Where nothing waits and nothing was ever there, a look makes nothing.
func TestReplayMakesNothing(t *testing.T) {
	dir := t.TempDir()
	if code, stdout, stderr := salesctl(t, dir, "tracking", "replay", "--json"); code != exitNotFound || stdout != "" || !strings.Contains(stderr, dir) {
		t.Errorf("exit code %d: %s%s", code, stdout, stderr)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("it made %v, %v", entries, err)
	}
}
