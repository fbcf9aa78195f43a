package main

import (
	"bytes"
	"io"
	"net/http"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/salesctl/salesctl/bench/peer"
)

// binary builds ours.
func binary(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("builds salesctl and starts it")
	}
	if runtime.GOOS != "linux" {
		t.Skip("there is no " + proc)
	}
	path, err := built(t.Context(), "", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// small is a comparison that takes no time; its figures mean nothing.
func small(t *testing.T, contestants ...contestant) string {
	t.Helper()
	r, err := compare(t.Context(), contestants, t.TempDir(), options{runs: 1100, cpu: 1})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	r.show(&out)
	t.Log("\n" + out.String())
	for i, row := range r.rows {
		for k, f := range r.figures[i] {
			if f.requests < 1 || f.cpu <= 0 || f.wall <= 0 {
				t.Errorf("%s, %s: %+v", r.names[k], row.name, f)
			}
		}
	}
	for i, s := range r.states {
		if s.new <= 0 || s.filled <= 0 || s.begin.processes < 1 || s.after.resident <= 0 || s.after.peak < s.after.resident {
			t.Errorf("%s: %+v", r.names[i], s)
		}
	}
	return out.String()
}

// Both servers give the same answer to each row, of as many runs and metrics as
// the database holds: else compare fails.
func TestPeers(t *testing.T) {
	venv := peer.Need(t, peerName)
	dir := t.TempDir()
	small(t, ours(binary(t), filepath.Join(dir, "ours")), theirs(venv, filepath.Join(dir, "theirs")))
}

func TestOursAlone(t *testing.T) {
	table := small(t, ours(binary(t), filepath.Join(t.TempDir(), "ours")))
	for _, want := range []string{"create run", "search, all by 1,000", "resident", "ready after"} {
		if !strings.Contains(table, want) {
			t.Errorf("the table does not say %q:\n%s", want, table)
		}
	}
}

func TestCheck(t *testing.T) {
	r := row{name: "a row", count: 2, own: []string{"run_id"}}
	const answer = `{"runs":[{"run_id":"1","tags":[{"key":"a"},{"key":"b"}]},{"run_id":"2"}],"next_page_token":"x"}`
	for name, c := range map[string]struct{ other, says string }{
		"the same":       {answer, ""},
		"another order":  {`{"next_page_token":"y","runs":[{"tags":[{"key":"b"},{"key":"a"}],"run_id":"3"},{"run_id":"2"}]}`, ""},
		"a tag less":     {`{"runs":[{"tags":[{"key":"a"}]},{}]}`, "the servers answer"},
		"a run less":     {`{"runs":[{"tags":[{"key":"a"},{"key":"b"}]}]}`, "1 are answered, want 2"},
		"no JSON at all": {`<html>`, "invalid character"},
	} {
		err := r.check([]figure{{answers: [][]byte{[]byte(answer)}}, {answers: [][]byte{[]byte(c.other)}}})
		if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
	// A history of one metric means something by its order.
	const up, down = `{"metrics":[{"key":"m","step":1},{"key":"m","step":2}]}`, `{"metrics":[{"key":"m","step":2},{"key":"m","step":1}]}`
	if err := r.check([]figure{{answers: [][]byte{[]byte(up)}}, {answers: [][]byte{[]byte(down)}}}); err == nil {
		t.Error("a history in another order passes for the same")
	}
}

func TestShow(t *testing.T) {
	r := result{
		names: []string{"a", "b"}, rows: []row{{name: "ask", wanted: 5}},
		figures: [][]figure{{{cpu: 2 * time.Millisecond, wall: 3 * time.Millisecond, requests: 9}, {cpu: 25 * time.Millisecond, requests: 4}}},
		states:  []state{{new: time.Second, after: usage{resident: 1000}}, {}},
	}
	var out bytes.Buffer
	r.show(&out)
	got := strings.Join(strings.Fields(out.String()), " ")
	for _, want := range []string{"ask 2.00 3.00 9 25.00 0.00 4 12.5 5", "ready after 1000 ms", "1.0 MB after all requests"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q does not say %q", got, want)
		}
	}
}

func TestRefusals(t *testing.T) {
	for _, o := range []options{{runs: 0, seconds: 1}, {runs: 1, seconds: 0}, {runs: 1, writers: -1, seconds: 1}} {
		if err := run(t.Context(), io.Discard, o); err == nil {
			t.Errorf("%+v is measured", o)
		}
	}
}

// A server that ends instead of starting is told of at once, with its words.
func TestStartFails(t *testing.T) {
	c := contestant{name: "a server", dir: t.TempDir(), program: "sh", args: []string{"-c", "echo unknown command >&2; exit 3"}}
	if _, err := c.start(t.Context(), "x.db"); err == nil || !strings.Contains(err.Error(), "unknown command") {
		t.Error(err)
	}
	c.program = filepath.Join(c.dir, "nothing")
	if _, err := c.start(t.Context(), "x.db"); err == nil {
		t.Error("nothing was started")
	}
}

func TestRefusedRequest(t *testing.T) {
	uri := serveStore(t)
	c := newCaller(uri)
	defer c.close()
	_, err := c.call(t.Context(), request{method: http.MethodGet, path: api + "runs/get?run_id=0123456789abcdef0123456789abcdef"})
	if err == nil || !strings.Contains(err.Error(), "404") || !strings.Contains(err.Error(), "RESOURCE_DOES_NOT_EXIST") {
		t.Error(err)
	}
}
