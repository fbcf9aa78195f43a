package disk_test

import (
	"bufio"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/salesctl/salesctl/pkg/disk"
)

func names(t *testing.T, dir string) (out []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

func TestWriteFileReplaces(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a")
	for _, text := range []string{"long, and then", "short", ""} {
		if err := disk.WriteFile(path, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != text {
			t.Errorf("%q, %v; want %q", got, err, text)
		}
	}
	if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if got := names(t, dir); len(got) != 1 {
		t.Errorf("left behind: %v", got)
	}
}

// What cannot be put into its place leaves nothing, and what was there stays.
func TestWriteFileFails(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "folder", "full"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := disk.WriteFile(filepath.Join(dir, "folder"), []byte("x")); err == nil {
		t.Error("a file in the place of a folder")
	}
	if err := disk.WriteFile(filepath.Join(dir, "nowhere", "a"), []byte("x")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("in a folder that is not there: %v", err)
	}
	if got := names(t, dir); len(got) != 1 || got[0] != "folder" {
		t.Errorf("left behind: %v", got)
	}
}

func TestTryLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	unlock, ok, err := disk.TryLock(path)
	if !ok || err != nil {
		t.Fatalf("%v, %v", ok, err)
	}
	if _, ok, err := disk.TryLock(path); ok || err != nil {
		t.Errorf("a second one: %v, %v", ok, err)
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	again, ok, err := disk.TryLock(path)
	if !ok || err != nil {
		t.Fatalf("after it was given back: %v, %v", ok, err)
	}
	if err := again(); err != nil {
		t.Error(err)
	}
	if _, _, err := disk.TryLock(filepath.Join(path, "below", "a", "file")); err == nil {
		t.Error("a lock where no file can be")
	}
}

// TestHolder is no test: it is the program that TestDeadHolder kills.
func TestHolder(t *testing.T) {
	path := os.Getenv("DISK_TEST_LOCK")
	if path == "" {
		t.Skip("runs as a child of TestDeadHolder")
	}
	unlock, ok, err := disk.TryLock(path)
	if !ok || err != nil {
		t.Fatalf("%v, %v", ok, err)
	}
	defer unlock() // or the collector of garbage might give it back
	_, _ = os.Stdout.WriteString("locked\n")
	_, _ = bufio.NewReader(os.Stdin).ReadByte() // until it is killed
}

// A program that was killed leaves no lock behind.
func TestDeadHolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	holder := exec.Command(os.Args[0], "-test.run=^TestHolder$")
	holder.Env = append(os.Environ(), "DISK_TEST_LOCK="+path)
	stdin, err := holder.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	stdout, err := holder.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	if said, err := bufio.NewReader(stdout).ReadString('\n'); said != "locked\n" {
		t.Fatalf("the holder says %q, %v", said, err)
	}
	if _, ok, err := disk.TryLock(path); ok || err != nil {
		t.Errorf("while the holder lives: %v, %v", ok, err)
	}
	if err := holder.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = holder.Wait() // says that it was killed
	unlock, ok, err := disk.TryLock(path)
	if !ok || err != nil {
		t.Fatalf("after its death: %v, %v", ok, err)
	}
	if err := unlock(); err != nil {
		t.Error(err)
	}
}
