package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/salesctl/salesctl/pkg/fault"
)

// register keeps a file and returns its version.
func register(t *testing.T, p pipelines, text string) (version string, fresh bool) {
	t.Helper()
	version, fresh, err := p.Register(t.Context(), []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return version, fresh
}

// newestText is what the champion's file holds.
func newestText(t *testing.T, p pipelines) string {
	t.Helper()
	last, err := p.newest(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(filepath.Dir(p.place), filepath.FromSlash(last.path)))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestRegister(t *testing.T) {
	a, _, _ := testApp(t)
	p := a.pipelines()
	for i, c := range []struct {
		text, version string
		fresh         bool
	}{
		{"one", "1", true},
		{"one", "1", false}, // unchanged
		{"two", "2", true},
		{"one", "3", true}, // back again: the newest decides
	} {
		version, fresh := register(t, p, c.text)
		if version != c.version || fresh != c.fresh || newestText(t, p) != c.text {
			t.Errorf("%d. %s: version %s, fresh %v, newest %q", i+1, c.text, version, fresh, newestText(t, p))
		}
	}
	for range 10 {
		register(t, p, fmt.Sprint("more ", newestText(t, p)))
	}
	if last, err := p.newest(t.Context()); err != nil || last.number != 13 {
		t.Errorf("of 13 versions the newest is %d, %v: by text 9 would be", last.number, err)
	}
}

// Training again repairs a version that was damaged on the disk.
func TestRegisterRepairs(t *testing.T) {
	a, _, _ := testApp(t)
	p := a.pipelines()
	register(t, p, "whole")
	last, err := p.newest(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	write(t, a.dir, filepath.Join(stateFolder, last.path), "wh")
	if version, fresh := register(t, p, "whole"); version != "1" || !fresh || newestText(t, p) != "whole" {
		t.Errorf("version %s, fresh %v, the file holds %q", version, fresh, newestText(t, p))
	}
}

// Trainings that end at the same moment both keep their file, and everybody
// takes the same one for the newest.
func TestRegisterAtTheSameMoment(t *testing.T) {
	a, _, _ := testApp(t)
	p := a.pipelines()
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			if _, fresh, err := p.Register(t.Context(), fmt.Appendf(nil, "pipeline %d", i)); err != nil || !fresh {
				t.Errorf("%d: fresh %v, %v", i, fresh, err)
			}
		})
	}
	group.Wait()
	files, err := os.ReadDir(p.place)
	if err != nil || len(files) != 8 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	portable := regexp.MustCompile(`^[0-9]+-[0-9a-f]+\.pipeline$`) // Windows has no : * ? < > | and takes A for a
	held := map[string]bool{}
	for _, f := range files {
		data, err := os.ReadFile(filepath.Join(p.place, f.Name()))
		if err != nil || !portable.MatchString(f.Name()) {
			t.Errorf("%s: %v", f.Name(), err)
		}
		held[string(data)] = true
	}
	if len(held) != 8 {
		t.Errorf("of 8 pipelines %d survive", len(held))
	}
	if first := newestText(t, p); first != newestText(t, a.pipelines()) {
		t.Error("two readers have two newest")
	}
}

// Whatever else lies in the folder is no version.
func TestOtherFilesAreNoVersions(t *testing.T) {
	a, _, _ := testApp(t)
	p := a.pipelines()
	if last, err := p.newest(t.Context()); err != nil || last.path != "" {
		t.Errorf("without a folder the newest is %q, %v", last.path, err)
	}
	register(t, p, "good")
	if err := os.Mkdir(filepath.Join(p.place, "old"), 0o755); err != nil {
		t.Fatal(err)
	}
	digest := strings.Repeat("0", 16)
	for _, name := range []string{
		"9.pipeline", "9-.pipeline", "9-notes.txt", "9-" + digest, "9-" + digest + ".pipeline.bak", "copy of 9-" + digest + ".pipeline",
		"-9-" + digest + ".pipeline", "0-" + digest + ".pipeline", "09-" + digest + ".pipeline", "9-" + strings.Repeat("G", 16) + ".pipeline",
		"99999999999999999999-" + digest + ".pipeline", "old/9-" + digest + ".pipeline", ".unfinished-9-" + digest + ".pipeline", "desktop.ini",
	} {
		write(t, p.place, name, "bad")
		if got := newestText(t, p); got != "good" {
			t.Errorf("%s passes for the newest version", name)
		}
	}
	if version, _ := register(t, p, "better"); version != "2" {
		t.Errorf("the next version is %s", version)
	}
}

func TestChampion(t *testing.T) {
	a, _, _ := testApp(t)
	p := a.pipelines()
	_, err := p.champion(t.Context())
	if !fault.Is(err, fault.NotFound) || !strings.Contains(err.Error(), p.place) || !strings.Contains(fault.HintOf(err), "salesctl train") {
		t.Errorf("without a pipeline: %v, hint %q", err, fault.HintOf(err))
	}
	register(t, p, "no pipeline")
	_, err = p.champion(t.Context())
	if !fault.Is(err, fault.Integrity) || !strings.Contains(err.Error(), filepath.Join(p.place, "1-")) {
		t.Errorf("of a file that is none: %v", err)
	}
}

// A byte that is wrong anywhere is told, with the file's name and exit code 10,
// before a number is served.
func TestDamagedPipeline(t *testing.T) {
	dir := trainedDir(t)
	p := (&app{dir: dir}).pipelines()
	last, err := p.newest(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, stateFolder, filepath.FromSlash(last.path))
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	check := func(at int, command string, code int, said string) {
		if code != exitIntegrity || !strings.Contains(said, name) || !strings.Contains(said, "`salesctl train` again") {
			t.Errorf("byte %d of %d, %s: exit code %d: %s", at, len(whole), command, code, said)
		}
	}
	for _, at := range []int{0, 9, len(whole) / 4, len(whole) / 2, len(whole) - 1} {
		bad := bytes.Clone(whole)
		bad[at] ^= 1
		write(t, filepath.Dir(name), filepath.Base(name), string(bad))
		code, said := startUp(t, dir)
		check(at, "serve", code, said)
		code, stdout, said := salesctl(t, dir, "forecast", "--store", "1", "--model", "naive") // which reads the least
		check(at, "forecast", code, said)
		if stdout != "" {
			t.Errorf("byte %d of %d: forecast says %s", at, len(whole), stdout)
		}
	}
}

// startUp runs `salesctl serve` until it listens or gives up.
func startUp(t *testing.T, dir string) (code int, stderr string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	said := &announcement{address: make(chan string, 1)}
	go func() {
		select {
		case <-said.address:
			cancel()
		case <-ctx.Done():
		}
	}()
	a := &app{stdout: io.Discard, stderr: said, now: time.Now, dir: dir}
	return run(ctx, a, commands(), []string{"serve", "--port", "0"}), said.String()
}
