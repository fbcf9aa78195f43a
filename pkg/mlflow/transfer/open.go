package transfer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/salesctl/salesctl/pkg/artifact"
	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/mlflow"
)

// Exported is an export all of whose files are whole.
type Exported struct {
	store        artifact.Store
	counts       Counts
	runs, models []*contents
}

// contents are the files of a run or a logged model of an export.
type contents struct {
	id        string
	path      string
	has       map[string]bool // files beside the artifacts
	artifacts []string        // paths below the folder of that name
	digest    string          // of all files
}

// Open reads an export and checks every file of it. A file that is missing or
// another than was written is a fault.Integrity that names it.
func Open(ctx context.Context, from artifact.Store, o Options) (*Exported, error) {
	m, err := readManifest(ctx, from)
	if err != nil {
		return nil, err
	}
	e := &Exported{store: from, counts: m.Counts}
	for i, f := range m.Files {
		o.progress("checking files", i, len(m.Files))
		if err := f.check(ctx, from); err != nil {
			return nil, err
		}
	}
	e.runs, err = folders(m.Files, runsFolder, runFile)
	if err == nil {
		e.models, err = folders(m.Files, modelsFolder, modelFile)
	}
	return e, err
}

// Counts says how much the export holds.
func (e *Exported) Counts() Counts { return e.counts }

// folders finds the folders of one kind among the files, which come by path.
func folders(files []entry, kind, main string) ([]*contents, error) {
	var all []*contents
	digest := sha256.New()
	end := func() error {
		if len(all) == 0 {
			return nil
		}
		f := all[len(all)-1]
		f.digest = hex.EncodeToString(digest.Sum(nil))
		digest.Reset()
		if !f.has[main] {
			return damaged(at(f.path, main), "it is missing")
		}
		return nil
	}
	for _, e := range files {
		parts := strings.SplitN(e.Path, "/", 3)
		if parts[0] != kind || len(parts) < 3 {
			continue
		}
		if n := len(all); n == 0 || all[n-1].id != parts[1] {
			if err := end(); err != nil {
				return nil, err
			}
			all = append(all, &contents{id: parts[1], path: at(kind, parts[1]), has: map[string]bool{}})
		}
		f := all[len(all)-1]
		if name, ok := strings.CutPrefix(parts[2], artifactsFolder+"/"); ok {
			f.artifacts = append(f.artifacts, name)
		} else {
			f.has[parts[2]] = true
		}
		fmt.Fprintf(digest, "%q %s\n", parts[2], e.SHA256)
	}
	return all, end()
}

// read reads a file of JSON values and hands each to a function, which decodes it.
func (e *Exported) read(ctx context.Context, name string, each func(decode func(any) error) error) (err error) {
	f, err := e.store.Get(ctx, name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	d := json.NewDecoder(io.NewSectionReader(f, 0, f.Size()))
	for d.More() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := each(d.Decode); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// run reads a run.
func (e *Exported) run(ctx context.Context, f *folder) (r mlflow.Run, err error) {
	err = e.read(ctx, at(f.path, runFile), func(decode func(any) error) error { return decode(&r) })
	return r, err
}

// model reads a logged model.
func (e *Exported) model(ctx context.Context, f *folder) (m mlflow.LoggedModel, err error) {
	err = e.read(ctx, at(f.path, modelFile), func(decode func(any) error) error { return decode(&m) })
	return m, err
}

// experiments reads the experiments, as far as they are chosen.
func (e *Exported) experiments(ctx context.Context, o Options) (all []mlflow.Experiment, err error) {
	known := map[string]bool{}
	err = e.read(ctx, experimentsPath, func(decode func(any) error) error {
		var x mlflow.Experiment
		if err := decode(&x); err != nil {
			return err
		}
		known[x.Name] = true
		if o.wants(x.Name) {
			all = append(all, x)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return all, missing("experiment", o.Experiments, known)
}

// missing refuses names that an export does not have.
func missing(noun string, names []string, known map[string]bool) error {
	for _, name := range names {
		if !known[name] {
			return fault.New(fault.NotFound, "the export has no %s %q", noun, name)
		}
	}
	return nil
}
