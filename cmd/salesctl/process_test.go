package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"unicode/utf8"
)

// child is the test binary as salesctl in the directory, with more environment
// than the test's own.
func child(dir string, environ []string, args ...string) *exec.Cmd {
	cmd := exec.Command("salesctl", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), append(environ, "GORACE=atexit_sleep_ms=0")...)
	return cmd
}

// process is a running command, whose stdout and stderr are read line by line.
type process struct {
	cmd   *exec.Cmd
	lines *bufio.Scanner
	said  strings.Builder
}

func start(t *testing.T, dir string, environ []string, args ...string) *process {
	t.Helper()
	p := &process{cmd: child(dir, environ, args...)}
	p.begin(t)
	return p
}

// begin starts the command.
func (p *process) begin(t *testing.T) {
	t.Helper()
	pipe, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.cmd.Stdout = p.cmd.Stderr
	p.lines = bufio.NewScanner(pipe)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.cmd.Process.Kill() }) // of no effect on one that has ended
}

// until reads up to the line that has the text, and returns that line.
func (p *process) until(t *testing.T, text string) string {
	t.Helper()
	for p.lines.Scan() {
		fmt.Fprintln(&p.said, p.lines.Text())
		if strings.Contains(p.lines.Text(), text) {
			return p.lines.Text()
		}
	}
	t.Fatalf("no %q in %s", text, &p.said)
	return ""
}

// address waits for the server to say where it listens.
func (p *process) address(t *testing.T) api {
	t.Helper()
	return api(listeningOn.FindStringSubmatch(p.until(t, "listening on"))[1])
}

// end reads the rest and holds the exit code.
func (p *process) end(t *testing.T, code int) {
	t.Helper()
	for p.lines.Scan() {
		fmt.Fprintln(&p.said, p.lines.Text())
	}
	_ = p.cmd.Wait() // the exit code tells all
	if got := p.cmd.ProcessState.ExitCode(); got != code {
		t.Errorf("exit code %d, want %d: %s", got, code, &p.said)
	}
}

func (p *process) signal(t *testing.T, s os.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

func needSignals(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("a process cannot be sent signals on Windows")
	}
}

// entries lists what lies in a directory.
func entries(t *testing.T, dir string) (names []string) {
	t.Helper()
	found, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	for _, e := range found {
		names = append(names, e.Name())
	}
	return names
}

// The first signal lets the request in hand be answered, and then ends it well.
func TestServeDrains(t *testing.T) {
	needSignals(t)
	dir := trainedDir(t)
	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		p := start(t, dir, nil, "serve", "--port", "0")
		s := p.address(t)
		conn, err := net.Dial("tcp", strings.TrimPrefix(string(s), "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "POST /predict_sales HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", len(readmeRow))
		back := bufio.NewReader(conn)
		if line, err := back.ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") { // the request is in hand
			t.Fatalf("%q, %v", line, err)
		}
		p.signal(t, signal)
		p.until(t, "stopping")
		if _, err := io.WriteString(conn, readmeRow); err != nil {
			t.Fatal(err)
		}
		if _, err := back.ReadString('\n'); err != nil { // the empty line after 100 Continue
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(back, nil)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%v: the request in hand was answered %v, %v", signal, resp, err)
		}
		resp.Body.Close()
		p.end(t, exitOK)
	}
}

// A busy port fails before any work: nothing is loaded, nothing trained.
func TestBusyPort(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ environ, args []string }{
		"flag":        {args: []string{"serve", "--port", port}},
		"environment": {environ: []string{"SALESCTL_SERVE_PORT=" + port}, args: []string{"serve"}},
	} {
		dir := t.TempDir()
		p := start(t, dir, c.environ, c.args...)
		p.end(t, exitFailure)
		if got := entries(t, dir); len(got) > 0 {
			t.Errorf("%s: %v was made", name, got)
		}
		want := []string{"--port " + port, "is already in use", "hint: ", "--port 0"}
		if runtime.GOOS == "linux" {
			want = append(want, fmt.Sprintf("(pid %d)", os.Getpid()))
		}
		for _, text := range want {
			if !strings.Contains(p.said.String(), text) {
				t.Errorf("%s: no %q in %s", name, text, &p.said)
			}
		}
	}
}

// Off loopback the explicit word is enough, and is warned of.
func TestServeOpenly(t *testing.T) {
	needSignals(t)
	p := start(t, trainedDir(t), nil, "serve", "--host", "0.0.0.0", "--port", "0", "--auth", "none")
	address := strings.Replace(string(p.address(t)), "0.0.0.0", "127.0.0.1", 1)
	if !strings.Contains(p.said.String(), "level=WARN") || !strings.Contains(p.said.String(), "anyone who reaches this address may ask") {
		t.Errorf("nobody was warned: %s", &p.said)
	}
	api(address).predict(t, readmeRow)
	p.signal(t, os.Interrupt)
	p.end(t, exitOK)
}

// In a folder with nothing in it the missing steps are run on the sample.
func TestServeBootstraps(t *testing.T) {
	needSignals(t)
	if testing.Short() {
		t.Skip("it trains")
	}
	dir := t.TempDir()
	p := start(t, dir, []string{"XDG_CONFIG_HOME=" + t.TempDir()}, "serve", "--port", "0")
	p.address(t).predict(t, readmeRow)
	for _, want := range []string{"loading the sample", filepath.Join(dir, "sales.db"), "training one", filepath.Join(dir, "mlflow.db"), "version 1 of Sales-Forecasting"} {
		if !strings.Contains(p.said.String(), want) {
			t.Errorf("no %q in %s", want, &p.said)
		}
	}
	p.signal(t, syscall.SIGTERM)
	p.end(t, exitOK)
	if got := entries(t, dir); !slices.Equal(got, []string{stateFolder, "mlartifacts", "mlflow.db", "sales.db"}) {
		t.Errorf("it left %v", got)
	}
}

// hostile is an environment that a demonstration has to ignore, with a
// temporary folder of its own.
func hostile(tmp string) []string {
	return []string{
		"TMPDIR=" + tmp, "TMP=" + tmp, "TEMP=" + tmp,
		"SALESCTL_TRAIN_MODELS=nonsense", "SALESCTL_SERVE_PORT=1", "SALESCTL_NO_SUCH_KEY=1", "SALESCTL_STORE_DSN=sqlite:///elsewhere.db",
		"MLFLOW_TRACKING_URI=http://192.0.2.1:5000", "AWS_PROFILE=nobody", "AWS_ENDPOINT_URL=http://192.0.2.1",
	}
}

// It tells the whole story in 80 columns, takes nothing from around it and
// leaves nothing behind.
func TestDemo(t *testing.T) {
	if testing.Short() {
		t.Skip("it trains")
	}
	dir, tmp := t.TempDir(), t.TempDir()
	write(t, dir, "salesctl.yaml", "train: [nonsense")
	told, err := child(dir, hostile(tmp), "demo", "--exit").Output()
	story := string(told)
	if err != nil {
		t.Fatalf("%v: %s", err, story)
	}
	for _, want := range []string{
		"1. etl", "\n6435  6435 ", "2. train", "rf_gbt_mean            1260", "3. backtest", "rf_gbt_mean            1080", "fitted up to 2012-04-13",
		"4. forecast", "2012-12-21        8", "model 1, trained through 2012-10-26", "•• forecast   US dollars a week",
		"5. serve", "\nhttp://127.0.0.1:", `{"status":"ok"}`, "curl -X POST 'http://127.0.0.1:", `{"predictions":[{"Date":"02-11-2012"`, `{"prediction":`,
		"Every answer is as it should be. The folder is removed.\n",
	} {
		if !strings.Contains(story, want) {
			t.Errorf("the story lacks %q", want)
		}
	}
	for line := range strings.Lines(story) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 || strings.HasSuffix(line, " \n") || strings.Contains(line, "\x1b") {
			t.Errorf("%d columns: %q", n, line)
		}
	}
	if t.Failed() {
		t.Log(story)
	}
	if left := append(entries(t, tmp), entries(t, dir)...); len(left) != 1 {
		t.Errorf("it left %v", left)
	}
}

// It stays up until Ctrl-C, which is no failure, and --keep leaves the folder.
func TestDemoStaysUp(t *testing.T) {
	needSignals(t)
	if testing.Short() {
		t.Skip("it trains")
	}
	dir, tmp := t.TempDir(), t.TempDir()
	p := start(t, dir, hostile(tmp), "demo", "--keep", "kept")
	health := p.until(t, "/healthz")
	p.until(t, "It stays up.")
	base, _, _ := strings.Cut(health, "/healthz")
	if weeks := api(base).forecast(t, "store_id=45"); len(weeks) != 3 {
		t.Errorf("it answers %v", weeks)
	}
	p.signal(t, os.Interrupt)
	p.end(t, exitOK)
	kept := filepath.Join(dir, "kept")
	if got := strings.Join(entries(t, kept), " "); got != stateFolder+" mlartifacts mlflow.db sales.db" {
		t.Errorf("it left %s", got)
	}
	mustRun(t, kept, "forecast", "--store", "1")
	if left := entries(t, tmp); len(left) > 0 {
		t.Errorf("it left %v", left)
	}
}

// Ctrl-C during the training ends it at once and leaves nothing behind.
func TestDemoInterrupted(t *testing.T) {
	needSignals(t)
	dir, tmp := t.TempDir(), t.TempDir()
	p := start(t, dir, hostile(tmp), "demo")
	p.until(t, "2. train")
	p.until(t, "...") // its progress
	if len(entries(t, tmp)) != 1 {
		t.Errorf("it works in %v", entries(t, tmp))
	}
	p.signal(t, os.Interrupt)
	p.end(t, 0)
	if left := append(entries(t, tmp), entries(t, dir)...); len(left) > 0 {
		t.Errorf("it left %v", left)
	}
}
