// Package artifacttest is the suite that every artifact.Store passes: what a path
// may be, that files appear whole or not at all, and that a long file does not
// stay in memory.
package artifacttest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/salesctl/salesctl/pkg/artifact"
	"github.com/salesctl/salesctl/pkg/fault"
)

// Long is how many bytes the suite streams. In parts of 8 MiB it is a dozen.
const Long = 100 << 20

// Run runs the suite. open returns a store that is empty.
func Run(t *testing.T, open func(t *testing.T) artifact.Store) {
	for _, tt := range []struct {
		name string
		test func(*testing.T, artifact.Store)
	}{
		{"round trip", roundTrip},
		{"replacing", replacing},
		{"odd names", oddNames},
		{"listing", listing},
		{"walking", walking},
		{"what is not there", notThere},
		{"paths that leave", leaving},
		{"half an upload leaves nothing", half},
		{"cancelled", cancelled},
		{"parts of a store", parts},
		{"reading from anywhere", anywhere},
		{"a long file", long},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.test(t, open(t)) })
	}
}

func put(t *testing.T, s artifact.Store, path, body string) {
	t.Helper()
	if err := s.Put(t.Context(), path, strings.NewReader(body)); err != nil {
		t.Fatalf("put %q: %v", path, err)
	}
}

func get(t *testing.T, s artifact.Store, path string) string {
	t.Helper()
	f, err := s.Get(t.Context(), path)
	if err != nil {
		t.Fatalf("get %q: %v", path, err)
	}
	defer func() { _ = f.Close() }()
	var b bytes.Buffer
	if n, err := artifact.Copy(&b, f); err != nil || n != f.Size() || int(n) != b.Len() {
		t.Fatalf("copy %q: %d of %d bytes, %v", path, n, f.Size(), err)
	}
	return b.String()
}

func list(t *testing.T, s artifact.Store, folder string) []artifact.Entry {
	t.Helper()
	entries, err := s.List(t.Context(), folder)
	if err != nil {
		t.Fatalf("list %q: %v", folder, err)
	}
	return entries
}

func want[T any](t *testing.T, want, got T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func roundTrip(t *testing.T, s artifact.Store) {
	for path, body := range map[string]string{"a/b.txt": "one", "a/c/d": "", "z": "three", "bytes": "\x00\xff\r\n"} {
		put(t, s, path, body)
		want(t, body, get(t, s, path))
	}
	if err := s.Delete(t.Context(), "z"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get(t.Context(), "z"); !fault.Is(err, fault.NotFound) {
		t.Errorf("after it was deleted: %v", err)
	}
}

func replacing(t *testing.T, s artifact.Store) {
	for _, body := range []string{"a long body", "short", ""} {
		put(t, s, "a/b", body)
		want(t, body, get(t, s, "a/b"))
		want(t, []artifact.Entry{{Path: "a/b", Size: int64(len(body))}}, list(t, s, "a"))
	}
}

func oddNames(t *testing.T, s artifact.Store) {
	for _, path := range []string{"with space/a b", "número/ñ/日本", "emoji 🎉", "a#b", "a%2Fb", "100%", "a+b", "a&b=c?d", "~'()*!,;@$", "..hidden", "a/./b", "end.", "a:b", "d/C:x", `a\b`, `..\x`} {
		if runtime.GOOS == "windows" && strings.ContainsAny(path, `\:?*"<>|`) {
			continue // no file there can have the name
		}
		put(t, s, path, path)
		want(t, path, get(t, s, path))
		clean, err := artifact.Clean(path)
		if err != nil {
			t.Fatal(err)
		}
		found := false
		err = artifact.Walk(t.Context(), s, "", func(e artifact.Entry) error {
			found = found || e.Path == clean
			return nil
		})
		if err != nil || !found {
			t.Errorf("%q is not listed, %v", path, err)
		}
		if err := s.Delete(t.Context(), path); err != nil {
			t.Errorf("delete %q: %v", path, err)
		}
	}
}

func listing(t *testing.T, s artifact.Store) {
	for _, path := range []string{"b/x", "b.txt", "a/b/c", "a/d", "ab"} {
		put(t, s, path, path)
	}
	want(t, []artifact.Entry{{Path: "a", Dir: true}, {Path: "ab", Size: 2}, {Path: "b", Dir: true}, {Path: "b.txt", Size: 5}}, list(t, s, ""))
	want(t, []artifact.Entry{{Path: "a/b", Dir: true}, {Path: "a/d", Size: 3}}, list(t, s, "a"))
	want(t, []artifact.Entry{{Path: "a/b/c", Size: 5}}, list(t, s, "a/b/"))
	for _, folder := range []string{"absent", "absent/too", "ab", "ab/c", "b.t"} { // files are no folders
		want(t, []artifact.Entry(nil), list(t, s, folder))
	}
}

func walking(t *testing.T, s artifact.Store) {
	for _, path := range []string{"m/b/x", "m/b.txt", "m/a", "other"} {
		put(t, s, path, "")
	}
	var seen []string
	err := artifact.Walk(t.Context(), s, "m", func(e artifact.Entry) error {
		seen = append(seen, e.Path)
		return nil
	})
	want(t, []string{"m/a", "m/b/x", "m/b.txt"}, seen)
	stop := errors.New("stop")
	if err = errors.Join(err, artifact.Walk(t.Context(), s, "", func(artifact.Entry) error { return stop })); !errors.Is(err, stop) {
		t.Errorf("error %v", err)
	}
}

func notThere(t *testing.T, s artifact.Store) {
	put(t, s, "a/b", "x")
	for _, path := range []string{"x", "a", "a/c", "a/b/c"} { // a folder is no file
		if f, err := s.Get(t.Context(), path); !fault.Is(err, fault.NotFound) {
			t.Errorf("get %q: %v, %v", path, f, err)
		}
	}
	for _, path := range []string{"x", "a/c", "a/b/c"} {
		if err := s.Delete(t.Context(), path); !fault.Is(err, fault.NotFound) {
			t.Errorf("delete %q: %v", path, err)
		}
	}
	want(t, "x", get(t, s, "a/b"))
}

func leaving(t *testing.T, s artifact.Store) {
	for _, path := range []string{"", ".", "..", "../x", "a/../../x", "/etc/passwd", "a\x00"} {
		_, got := s.Get(t.Context(), path)
		var listed error
		if path != "" { // the root
			_, listed = s.List(t.Context(), path)
		} else {
			listed = got
		}
		for _, err := range []error{s.Put(t.Context(), path, strings.NewReader("x")), got, listed, s.Delete(t.Context(), path)} {
			if !fault.Is(err, fault.Usage) {
				t.Errorf("%q: %v", path, err)
			}
		}
	}
	want(t, []artifact.Entry(nil), list(t, s, ""))
}

// breaking gives so many bytes, then an error.
type breaking struct {
	left int
	err  error
}

func (b *breaking) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, b.err
	}
	n := min(len(p), b.left)
	b.left -= n
	return n, nil
}

func half(t *testing.T, s artifact.Store) {
	put(t, s, "x", "whole")
	errBroken := errors.New("broken")
	for _, size := range []int{0, 4, 30 << 20} {
		for _, path := range []string{"x", "new"} {
			if err := s.Put(t.Context(), path, &breaking{size, errBroken}); !errors.Is(err, errBroken) {
				t.Errorf("%d bytes: want the reader's error, got %v", size, err)
			}
		}
	}
	if err := s.Put(t.Context(), "new/folder/x", &breaking{4, errBroken}); !errors.Is(err, errBroken) {
		t.Errorf("in a new folder: %v", err)
	}
	want(t, []artifact.Entry{{Path: "x", Size: 5}}, list(t, s, ""))
	want(t, "whole", get(t, s, "x"))
}

func cancelled(t *testing.T, s artifact.Store) {
	put(t, s, "x", "whole")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, got := s.Get(ctx, "x")
	_, listed := s.List(ctx, "")
	for i, err := range []error{s.Put(ctx, "x", strings.NewReader("other")), got, listed, s.Delete(ctx, "x")} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("call %d: %v", i, err)
		}
	}
	ctx, cancel = context.WithCancel(t.Context())
	midway := readFunc(func(p []byte) (int, error) { cancel(); return len(p), nil }) // never ends
	if err := s.Put(ctx, "x", midway); !errors.Is(err, context.Canceled) {
		t.Errorf("in the middle: %v", err)
	}
	want(t, "whole", get(t, s, "x"))
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

func parts(t *testing.T, s artifact.Store) {
	put(t, s, "a/b/c", "outer")
	put(t, s, "ab", "beside")
	below := artifact.Sub(artifact.Sub(s, "a/"), "b")
	want(t, "outer", get(t, below, "c"))
	put(t, below, "d/e", "inner")
	want(t, "inner", get(t, s, "a/b/d/e"))
	want(t, []artifact.Entry{{Path: "c", Size: 5}, {Path: "d", Dir: true}}, list(t, below, ""))
	want(t, []artifact.Entry{{Path: "d/e", Size: 5}}, list(t, below, "d"))
	if err := below.Delete(t.Context(), "c"); err != nil {
		t.Error(err)
	}
	want(t, []artifact.Entry{{Path: "a/b/d", Dir: true}}, list(t, s, "a/b"))
	for _, path := range []string{"../../ab", "..", ""} {
		if _, err := below.Get(t.Context(), path); !fault.Is(err, fault.Usage) {
			t.Errorf("%q leaves the part: %v", path, err)
		}
	}
	if _, err := artifact.Sub(s, "../x").List(t.Context(), ""); !fault.Is(err, fault.Usage) {
		t.Errorf("a part outside: %v", err)
	}
}

func anywhere(t *testing.T, s artifact.Store) {
	put(t, s, "x", "0123456789")
	f, err := s.Get(t.Context(), "x")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	for _, tt := range []struct {
		at   int64
		size int
		want string
	}{{0, 3, "012"}, {7, 3, "789"}, {8, 3, "89"}, {10, 1, ""}, {99, 1, ""}, {4, 1, "4"}} {
		p := make([]byte, tt.size)
		n, err := f.ReadAt(p, tt.at)
		atEnd := errors.Is(err, io.EOF) // a full read at the end may say so or not
		if string(p[:n]) != tt.want || n < tt.size && !atEnd || err != nil && !atEnd {
			t.Errorf("%d from %d: %q, %v", tt.size, tt.at, p[:n], err)
		}
	}
}
