package transfer

import (
	"bufio"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/salesctl/salesctl/pkg/artifact"
	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/mlflow"
)

// format is the version of the layout below. A program refuses one that is newer.
const format = 1

// Where things lie in an export:
//
//	manifest.json                 what is here: path, size and SHA-256 of every file
//	experiments.jsonl             a mlflow.Experiment a line
//	registered_models.jsonl       a registered a line, with all versions
//	runs/ID/run.json              a mlflow.Run: info, params, tags, inputs, outputs
//	runs/ID/metrics.jsonl         a mlflow.Metric a line: each value of each metric
//	runs/ID/artifacts/...         its files, as they are
//	logged_models/ID/model.json   a mlflow.LoggedModel, with its metrics
//	logged_models/ID/artifacts/...
//
// Ids are those of where it was exported. Names of experiments, models and metrics
// are in files and never name one, so that they may hold any sign.
const (
	manifestPath    = "manifest.json"
	experimentsPath = "experiments.jsonl"
	registeredPath  = "registered_models.jsonl"

	runsFolder   = "runs"
	modelsFolder = "logged_models"

	runFile         = "run.json"
	modelFile       = "model.json"
	metricsFile     = "metrics.jsonl"
	artifactsFolder = "artifacts"
)

// manifest lists the files of an export.
type manifest struct {
	Format int     `json:"format"`
	MLflow string  `json:"mlflow"` // the release whose words the files are in
	Counts Counts  `json:"counts"`
	Files  []entry `json:"files"`  // by path
	Digest string  `json:"digest"` // SHA-256 of the manifest as JSON without a digest
}

// entry is one file of an export.
type entry struct {
	Path   string `json:"path"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// sum is the digest of a manifest, over its fields in their order and not over its
// bytes, so that another indentation does no harm.
func (m manifest) sum() (string, error) {
	m.Digest = ""
	raw, err := json.Marshal(m)
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:]), err
}

// writer writes the files of an export and remembers them.
type writer struct {
	to    artifact.Store
	files map[string]entry
}

// meter measures what goes through it.
type meter struct {
	hash hash.Hash
	size int64
}

// newMeter returns a meter that has seen nothing.
func newMeter() *meter { return &meter{hash: sha256.New()} }

// Write counts and hashes; it never fails.
func (m *meter) Write(p []byte) (int, error) {
	m.size += int64(len(p))
	return m.hash.Write(p)
}

// sum is the SHA-256 in hexadecimal digits.
func (m *meter) sum() string { return hex.EncodeToString(m.hash.Sum(nil)) }

// put writes a file as it comes, and measures it on its way: nothing is read twice,
// and nothing is held.
func (w *writer) put(ctx context.Context, name string, content func(io.Writer) error) error {
	r, p := io.Pipe()
	m := newMeter()
	made := make(chan error, 1)
	go func() {
		err := content(io.MultiWriter(m, p))
		p.CloseWithError(err)
		made <- err
	}()
	err := w.to.Put(ctx, name, r)
	r.CloseWithError(cmp.Or(err, io.ErrClosedPipe)) // or the other side waits for ever
	if failed := <-made; err == nil {
		err = failed
	}
	w.files[name] = entry{name, m.size, m.sum()}
	return err
}

// lines writes a file of JSON, a value a line.
func (w *writer) lines(ctx context.Context, name string, content func(line func(any) error) error) error {
	return w.put(ctx, name, func(to io.Writer) error {
		b := bufio.NewWriterSize(to, 1<<16)
		e := json.NewEncoder(b)
		e.SetEscapeHTML(false)
		if err := content(e.Encode); err != nil {
			return err
		}
		return b.Flush()
	})
}

// value writes a file of one JSON value.
func (w *writer) value(ctx context.Context, name string, v any) error {
	return w.lines(ctx, name, func(line func(any) error) error { return line(v) })
}

// close writes the manifest, which makes an export of the files.
func (w *writer) close(ctx context.Context, c Counts) error {
	m := manifest{Format: format, MLflow: mlflow.Release, Counts: c}
	for _, name := range slices.Sorted(maps.Keys(w.files)) {
		m.Files = append(m.Files, w.files[name])
	}
	var err error
	if m.Digest, err = m.sum(); err != nil {
		return err
	}
	raw, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return err
	}
	return w.to.Put(ctx, manifestPath, strings.NewReader(string(raw)+"\n"))
}

// readManifest reads the list of an export's files and checks it.
func readManifest(ctx context.Context, from artifact.Store) (m manifest, err error) {
	f, err := from.Get(ctx, manifestPath)
	if absent(err) {
		return m, fault.New(fault.NotFound, "there is no %s: this is no export, or one that broke off", manifestPath).
			WithHint("`salesctl tracking export` makes one")
	}
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := json.NewDecoder(io.NewSectionReader(f, 0, f.Size())).Decode(&m); err != nil {
		return m, damaged(manifestPath, "%w", err)
	}
	if m.Format > format {
		return m, fault.New(fault.Invalid, "the export has format %d, this program knows %d", m.Format, format).
			WithHint("import it with a newer salesctl")
	}
	sum, err := m.sum()
	if err == nil && sum != m.Digest {
		err = damaged(manifestPath, "its digest is %s, not %s", sum, m.Digest)
	}
	return m, err
}

// check holds a file against what the manifest says of it.
func (e entry) check(ctx context.Context, from artifact.Store) error {
	if clean, err := artifact.Clean(e.Path); err != nil || clean != e.Path {
		return damaged(manifestPath, "%q is no path of a file in it", e.Path)
	}
	f, err := from.Get(ctx, e.Path)
	if absent(err) {
		return damaged(e.Path, "it is missing")
	}
	if err != nil {
		return err
	}
	m := newMeter()
	_, err = artifact.Copy(writerUntil{ctx, m}, f)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	switch {
	case m.size != e.Size:
		return damaged(e.Path, "it has %d bytes, not %d", m.size, e.Size)
	case m.sum() != e.SHA256:
		return damaged(e.Path, "its SHA-256 is %s, not %s", m.sum(), e.SHA256)
	}
	return nil
}

// writerUntil takes nothing any more once the context has ended.
type writerUntil struct {
	ctx context.Context
	io.Writer
}

// Write writes unless the context has ended.
func (w writerUntil) Write(p []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	return w.Writer.Write(p)
}

// damaged refuses an export for one of its files.
func damaged(name, format string, args ...any) error {
	return fault.New(fault.Integrity, "the export is damaged: %s: %w", name, fmt.Errorf(format, args...)).
		WithHint("export again, or copy the folder again; nothing was imported")
}

// at joins a path of an export.
func at(parts ...string) string { return path.Join(parts...) }
