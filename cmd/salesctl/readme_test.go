package main

import (
	"encoding/csv"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/salesctl/salesctl/testdata"
)

// readme returns the page that newcomers read.
func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(text), "\r\n", "\n")
}

// fenced returns the blocks of a language.
func fenced(t *testing.T, language string) (blocks []string) {
	t.Helper()
	for _, found := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllStringSubmatch(readme(t), -1) {
		blocks = append(blocks, found[1])
	}
	if len(blocks) == 0 {
		t.Fatalf("the README has no block in %s", language)
	}
	return blocks
}

// shell runs lines as a newcomer's shell would, but stops at the first that fails.
func shell(t *testing.T, dir, lines string) string {
	t.Helper()
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("there is no sh here to run the README's lines")
	}
	cmd := exec.Command(sh, "-euc", lines)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "XDG_CONFIG_HOME="+dir, "GORACE=atexit_sleep_ms=0")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", lines, err, out)
	}
	return string(out)
}

// TestReadmeTour takes the tour in an empty folder.
func TestReadmeTour(t *testing.T) {
	if testing.Short() {
		t.Skip("it trains")
	}
	blocks := fenced(t, "sh")
	dir, said := t.TempDir(), ""
	for _, lines := range blocks {
		said += shell(t, dir, lines)
	}
	for _, want := range []string{
		"nothing new: the database is as it was", // the sample loaded again
		"2012-10-26",
		"scored 2012-04-20 to 2012-10-26",
		"1,2012-11-02,1,arima,15", // C30, as CSV
		"1    2012-11-09  rf_gbt_mean",
		"tuning gbt: 8 of 8 candidates",
		"1 to 4 weeks after the cutoff",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("the tour does not show %q:\n%s", want, said)
		}
	}
}

// TestReadmeCalls holds every call of the program that the README shows, in a block
// or a line, against the commands and flags that there are.
func TestReadmeCalls(t *testing.T) {
	var lines []string
	for _, span := range regexp.MustCompile("(?s)`(salesctl [^`]*)`").FindAllStringSubmatch(readme(t), -1) {
		lines = append(lines, strings.ReplaceAll(span[1], "\n", " "))
	}
	for _, found := range regexp.MustCompile(`(?m)^(?:    )?(?:export \w+=\$\()?(salesctl (?:.*\\\n)*.*?)\)?$`).FindAllStringSubmatch(readme(t), -1) {
		lines = append(lines, strings.ReplaceAll(found[1], "\\\n", " "))
	}
	if len(lines) < 30 {
		t.Errorf("found only %d calls", len(lines))
	}
	for _, line := range lines {
		line, _, _ = strings.Cut(line, "    #")
		for _, words := range calls("  " + line) {
			if len(words) == 1 && strings.Contains("models runs tracking keys", words[0]) {
				continue // the name of a group
			}
			if err := parses(t, words); err != nil {
				t.Errorf("%s: %v", line, err)
			}
		}
	}
}

// TestReadmeRequests sends the README's requests to a server.
func TestReadmeRequests(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("there is no curl here to send the README's requests")
	}
	lines := regexp.MustCompile(`(?m)^    (curl (?:.*\\\n)*.*)$`).FindAllStringSubmatch(readme(t), -1)
	if len(lines) != 3 {
		t.Fatalf("the README has %d requests, want 3", len(lines))
	}
	dir := trainedDir(t)
	s := serving(t, dir)
	for i, want := range []string{`{"predictions":[{"Date":"02-11-2012","Sales":"1565`, `{"predictions":[{"Date":"02-11-2012","Sales":"`, `{"prediction":`} {
		if !strings.Contains(lines[i][1], "http://127.0.0.1:8000/") {
			t.Errorf("%s: serve's port is 8000", lines[i][1])
		}
		line := strings.Replace(lines[i][1], "curl", "curl --silent --fail", 1)
		if got := shell(t, dir, strings.ReplaceAll(line, "http://127.0.0.1:8000", string(s))); !strings.HasPrefix(got, want) {
			t.Errorf("%s answers %s, want %s...", line, got, want)
		}
	}
}

// TestReadmeOwnSales loads a file of the columns that the README's
// configuration names, and forecasts a series of it as the README says.
func TestReadmeOwnSales(t *testing.T) {
	dir := t.TempDir()
	mustRun(t, dir, "etl") // the sample, as on the tour
	write(t, dir, "salesctl.yaml", fenced(t, "yaml")[0])
	write(t, dir, "sales.csv", strings.Replace(branches("north/7", "south/8"), ",Price,", ",AvgPrice,", 1))
	if code, _, stderr := salesctl(t, dir, "etl", "sales.csv"); code != exitInvalid || !strings.Contains(stderr, "--replace") {
		t.Errorf("beside the sample: exit code %d: %s", code, stderr)
	}
	if out := mustRun(t, dir, "etl", "sales.csv", "--replace", "--yes", "--strict", "-o", "csv"); !strings.Contains(out, ",120,120,0,0,0,0,") {
		t.Errorf("etl says %s", out)
	}
	mustRun(t, dir, "train", "--model", "naive", "--no-backtest")
	call := regexp.MustCompile("`salesctl (forecast --key [^`]*)`").FindStringSubmatch(readme(t))
	if call == nil {
		t.Fatal("the README shows no forecast by --key")
	}
	if out := mustRun(t, dir, strings.Fields(call[1])...); strings.Count(out, "north/7") != 5 || strings.Contains(out, "south") {
		t.Errorf("%s says %s", call[1], out)
	}
	write(t, dir, "salesctl.yaml", fenced(t, "yaml")[0]+fenced(t, "yaml")[1])
	mustRun(t, dir, "train", "--model", "rf", "--no-backtest")
}

// TestReadmeColumns holds the table of columns against the sample.
func TestReadmeColumns(t *testing.T) {
	header, err := csv.NewReader(strings.NewReader(string(testdata.Walmart))).Read()
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(readme(t), "| column | unit |\n|---|---|\n")
	var told []string
	for line := range strings.Lines(table) {
		cells := strings.Split(line, "|")
		if len(cells) != 4 {
			break
		}
		told = append(told, strings.TrimSpace(cells[1]))
	}
	if !slices.Equal(told, header) {
		t.Errorf("the README explains %q, the sample has %q", told, header)
	}
}

// TestReadmeLinks follows the links to files.
func TestReadmeLinks(t *testing.T) {
	links := regexp.MustCompile(`\]\(([^)]+)\)`).FindAllStringSubmatch(readme(t), -1)
	if len(links) < 4 {
		t.Errorf("only %d links", len(links))
	}
	for _, link := range links {
		if _, err := os.Stat(filepath.Join("..", "..", filepath.FromSlash(link[1]))); err != nil {
			t.Error(err)
		}
	}
}

// TestReadmeExitCodes holds the table against the program's codes.
func TestReadmeExitCodes(t *testing.T) {
	told := map[string]bool{}
	for _, cell := range regexp.MustCompile(`\| ([0-9]+) \|`).FindAllStringSubmatch(readme(t), -1) {
		told[cell[1]] = true
	}
	want := map[string]bool{}
	for _, code := range []int{
		exitOK, exitFailure, exitUsage, exitConfig, exitInvalid, exitNotFound, exitUnavailable, exitAuth, exitIntegrity,
		interrupted{os.Interrupt}.code(), interrupted{syscall.SIGTERM}.code(),
	} {
		want[strconv.Itoa(code)] = true
	}
	if !maps.Equal(told, want) {
		t.Errorf("the README tells the codes %v, want %v", told, want)
	}
}
