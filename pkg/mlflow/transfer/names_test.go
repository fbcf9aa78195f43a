package transfer_test

import (
	"bytes"
	"context"
	"io"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/salesctl/salesctl/pkg/artifact"
	"github.com/salesctl/salesctl/pkg/mlflow"
	"github.com/salesctl/salesctl/pkg/mlflow/transfer"
)

// The signs that names are made of here: of words, of keys, which MLflow lets name
// files, and of paths.
const (
	anySign  = `ab7 ü漢😀/\:.%#?&+"'` + "`"
	keySign  = "ab7 ü漢_-:"
	pathSign = "ab7 ü漢😀_-.%#?&+'"
)

// drawn draws a name, and where it has parts they are neither empty nor dots.
func drawn(t *rapid.T, what, signs string, parts int) string {
	part := rapid.StringOfN(rapid.SampledFrom([]rune(signs)), 1, 12, -1).Filter(func(s string) bool {
		return strings.Trim(s, ". ") != "" && !strings.HasPrefix(s, "..")
	})
	return strings.Join(rapid.SliceOfN(part, 1, parts).Draw(t, what), "/")
}

// memory keeps an export where the disk is not waited for.
type memory map[string][]byte

type memoryFile struct{ *bytes.Reader }

func (memoryFile) Close() error { return nil }

func (m memory) Put(_ context.Context, path string, r io.Reader) (err error) {
	m[path], err = io.ReadAll(r)
	return err
}

func (m memory) Get(_ context.Context, path string) (artifact.File, error) {
	return memoryFile{bytes.NewReader(m[path])}, nil
}

func (memory) List(context.Context, string) ([]artifact.Entry, error) {
	panic("an import lists nothing")
}
func (memory) Delete(context.Context, string) error { panic("nothing is deleted") }

// Whatever things are called, they are called the same in a copy.
func TestNames(t *testing.T) {
	t.Parallel()
	from, to := open(t), open(t)
	f, ctx, n := filler{t, from}, t.Context(), 0
	rapid.Check(t, func(r *rapid.T) {
		n++ // a name is another one in each check
		experiment := drawn(r, "experiment", anySign, 3) + strconv.Itoa(n)
		run := f.run(f.experiment(experiment), drawn(r, "run", anySign, 3))
		must(t, from.Tracking.LogBatch(ctx, run.ID, mlflow.Batch{
			Metrics: []mlflow.Metric{{Key: drawn(r, "metric", keySign, 3), Value: 1, Timestamp: 1}},
			Params:  []mlflow.Param{{Key: drawn(r, "param", keySign, 3), Value: drawn(r, "value", anySign, 3)}},
			Tags:    []mlflow.Tag{{Key: "x" + drawn(r, "tag", keySign, 3), Value: drawn(r, "value", anySign, 3)}},
		}))
		file := drawn(r, "file", pathSign, 3)
		if _, err := artifact.Clean(file); err != nil {
			r.Skip(err)
		}
		f.put(run.ArtifactURI, file, "text")
		v := f.version(mlflow.NewVersion{
			Name:   strings.Trim(drawn(r, "model", strings.NewReplacer("/", "", ":", "").Replace(anySign), 1), " ") + strconv.Itoa(n),
			Source: run.ArtifactURI + "/" + file, RunID: run.ID,
		})
		must(t, from.Registry.SetAlias(ctx, v.Name, "champion", v.Version))
		dir := memory{}
		_, err := transfer.Export(ctx, from, dir, transfer.Options{Experiments: []string{experiment}, Models: []string{v.Name}})
		must(t, err)
		rep, err := transfer.Import(ctx, dir, to, transfer.Options{})
		must(t, err)
		if len(rep.Warnings) > 0 || rep.New.Artifacts != 1 || rep.New.Versions != 1 {
			t.Errorf("made %+v, warned of %q", rep.New, rep.Warnings)
		}
		if equal(t, snapshot(t, to, experiment, v.Name), snapshot(t, from, experiment, v.Name)); t.Failed() {
			r.FailNow()
		}
	})
}
