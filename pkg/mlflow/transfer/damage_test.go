package transfer_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/mlflow/transfer"
)

// files are the files of a folder, by their paths in it.
func files(t testing.TB, dir string) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		all[filepath.ToSlash(name)], err = os.ReadFile(path)
		return err
	}))
	return all
}

// Whichever file of an export is damaged: it is named, and nothing is written.
func TestDamagedFiles(t *testing.T) {
	from, to := open(t), open(t)
	fill(t, from)
	_, dir := export(t, from, transfer.Options{})
	empty := snapshot(t, to)
	for name, whole := range files(t, dir) {
		if name == "manifest.json" {
			continue
		}
		path := filepath.Join(dir, name)
		flipped := bytes.Clone(whole)
		flipped[len(flipped)/2] ^= 1
		for how, damaged := range map[string][]byte{
			"flipped": flipped, "truncated": whole[:len(whole)-1], "longer": append(bytes.Clone(whole), '\n'), "empty": {}, "missing": nil,
		} {
			err := error(nil)
			if must(t, os.WriteFile(path, damaged, 0o644)); damaged == nil {
				err = os.Remove(path)
			}
			must(t, err)
			g := &gate{cancel: func() {}}
			_, err = transfer.Import(t.Context(), localStore(dir), guarded(to, g), transfer.Options{})
			if !fault.Is(err, fault.Integrity) || !strings.Contains(err.Error(), name) || fault.HintOf(err) == "" {
				t.Errorf("%s is %s: imported with %v", name, how, err)
			}
			if g.writes > 0 {
				t.Errorf("%s is %s: %d things were written", name, how, g.writes)
			}
		}
		must(t, os.WriteFile(path, whole, 0o644))
	}
	equal(t, snapshot(t, to), empty)
	_, err := transfer.Import(t.Context(), localStore(dir), to, transfer.Options{})
	must(t, err) // mended, it is whole
}

func TestDamagedManifest(t *testing.T) {
	from := open(t)
	filler{t, from}.run(filler{t, from}.experiment("e"), "r")
	_, dir := export(t, from, transfer.Options{})
	path := filepath.Join(dir, "manifest.json")
	whole, err := os.ReadFile(path)
	must(t, err)
	edit := func(f func(m map[string]any)) []byte {
		var m map[string]any
		must(t, json.Unmarshal(whole, &m))
		f(m)
		raw, err := json.Marshal(m)
		must(t, err)
		return raw
	}
	for name, x := range map[string]struct {
		text []byte
		kind fault.Kind
	}{
		"truncated": {whole[:len(whole)/2], fault.Integrity},
		"empty":     {[]byte{}, fault.Integrity},
		"missing":   {nil, fault.NotFound},
		"newer":     {edit(func(m map[string]any) { m["format"] = 2 }), fault.Invalid},
		"shorter":   {edit(func(m map[string]any) { m["files"] = m["files"].([]any)[1:] }), fault.Integrity},
		"counts":    {edit(func(m map[string]any) { m["counts"].(map[string]any)["runs"] = 7 }), fault.Integrity},
	} {
		t.Run(name, func(t *testing.T) {
			must(t, os.WriteFile(path, x.text, 0o644))
			if x.text == nil {
				must(t, os.Remove(path))
			}
			_, err := transfer.Open(t.Context(), localStore(dir), transfer.Options{})
			if !fault.Is(err, x.kind) || !strings.Contains(err.Error(), "export") || fault.HintOf(err) == "" {
				t.Errorf("opened with %v, want kind %v", err, x.kind)
			}
		})
	}
}

// A manifest of any bytes is refused or sound; it never leads out of the folder.
func FuzzManifest(f *testing.F) {
	f.Add([]byte(`{"format":1,"files":[{"path":"../x","size":1}],"digest":""}`))
	f.Add([]byte(`{"format":1,"counts":{},"files":null,"digest":"c3"}`))
	f.Add([]byte(`{"format":1e99}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		dir := t.TempDir()
		must(t, os.WriteFile(filepath.Join(dir, "manifest.json"), text, 0o644))
		_, err := transfer.Open(t.Context(), localStore(dir), transfer.Options{})
		if err == nil {
			t.Fatalf("%q was taken for an export", text)
		}
		if k := fault.KindOf(err); k != fault.Integrity && k != fault.Invalid || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q: refused with %v", text, err)
		}
	})
}
