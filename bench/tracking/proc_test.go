package main

import (
	"errors"
	"io/fs"
	"os"
	"testing"
	"testing/fstest"
	"time"
)

func TestUsage(t *testing.T) {
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	// state, parent, 9 fields that nobody reads, then utime, stime, cutime, cstime
	dir := fstest.MapFS{
		"10/stat":   file("10 (a server) S 1 0 0 0 0 0 0 0 0 0 7 3 20 10 20 0"),
		"10/status": file("Name:\ta server\nVmHWM:\t     900 kB\nVmRSS:\t     800 kB\n"),
		"11/stat":   file("11 (evil) S 1 (x) R 10 0 0 0 0 0 0 0 0 0 1 0 0 0 20 0"),
		"11/status": file("VmRSS:\t100 kB\nVmHWM:\t100 kB\n"),
		"12/stat":   file("12 (grandchild) S 11 0 0 0 0 0 0 0 0 0 0 2 0 0 20 0"), // ends before its status is read
		"13/stat":   file("13 (another) S 1 0 0 0 0 0 0 0 0 0 1000 0 0 0 20 0"),
		"14/other":  file("it has ended"),
		"self/stat": file("?"),
	}
	got, err := readUsage(dir, 10)
	if want := (usage{processes: 3, cpu: 430 * time.Millisecond, resident: 900, peak: 1000}); err != nil || got != want {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
	if _, err := readUsage(dir, 15); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a process that is not there: %v", err)
	}
	for _, line := range []string{"", "1 (", "1 (x) R 1 2", "1 (x) R 1 0 0 0 0 0 0 0 0 0 a 0 0 0 20 0"} {
		if p, err := parseStat(line); err == nil {
			t.Errorf("%q is read as %+v", line, p)
		}
	}
}

// This very process burns time and has memory.
func TestUsageOfThis(t *testing.T) {
	if _, err := os.Stat(proc + "/self/stat"); err != nil {
		t.Skip("no Linux")
	}
	before, err := readUsage(os.DirFS(proc), os.Getpid())
	if err != nil || before.resident <= 0 || before.peak < before.resident {
		t.Fatalf("%+v, %v", before, err)
	}
	for {
		now, err := readUsage(os.DirFS(proc), os.Getpid())
		if err != nil {
			t.Fatal(err)
		}
		if now.cpu > before.cpu {
			return
		}
	}
}
