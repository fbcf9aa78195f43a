package transfer_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/salesctl/salesctl/pkg/artifact"
	"github.com/salesctl/salesctl/pkg/mlflow"
	"github.com/salesctl/salesctl/pkg/mlflow/transfer"
)

// gate ends an import at one of its writes: before it is carried out, or after
// that, as a cut connection does.
type gate struct {
	mlflow.Tracking
	mlflow.Registry
	files       func(context.Context, string) (artifact.Store, error)
	writes, end int
	after       bool
	cancel      context.CancelFunc
}

// do carries a write out, unless it is the one that is not.
func (g *gate) do(write func() error) error {
	g.writes++
	if g.writes != g.end {
		return write()
	}
	g.cancel()
	if g.after {
		return errors.Join(write(), context.Canceled)
	}
	return context.Canceled
}

// guarded puts a gate before a place.
func guarded(p transfer.Place, g *gate) transfer.Place {
	g.Tracking, g.Registry, g.files = p.Tracking, p.Registry, p.Files
	return transfer.Place{Tracking: g, Registry: g, Files: g.open}
}

func (g *gate) open(ctx context.Context, uri string) (artifact.Store, error) {
	s, err := g.files(ctx, uri)
	return gatedFiles{s, g}, err
}

type gatedFiles struct {
	artifact.Store
	g *gate
}

func (f gatedFiles) Put(ctx context.Context, path string, r io.Reader) error {
	return f.g.do(func() error { return f.Store.Put(ctx, path, r) })
}

// The calls below are those that an import writes with. What the gate lets pass is
// carried out with a context of its own: the caller's has ended.

func (g *gate) CreateExperiment(ctx context.Context, e mlflow.NewExperiment) (id string, err error) {
	return id, g.do(func() (err error) {
		id, err = g.Tracking.CreateExperiment(context.WithoutCancel(ctx), e)
		return err
	})
}

func (g *gate) DeleteExperiment(ctx context.Context, id string) error {
	return g.do(func() error { return g.Tracking.DeleteExperiment(context.WithoutCancel(ctx), id) })
}

func (g *gate) RestoreExperiment(ctx context.Context, id string) error {
	return g.do(func() error { return g.Tracking.RestoreExperiment(context.WithoutCancel(ctx), id) })
}

func (g *gate) CreateRun(ctx context.Context, n mlflow.NewRun) (r mlflow.Run, err error) {
	err = g.do(func() (err error) { r, err = g.Tracking.CreateRun(context.WithoutCancel(ctx), n); return err })
	return r, err
}

func (g *gate) LogBatch(ctx context.Context, id string, b mlflow.Batch) error {
	return g.do(func() error { return g.Tracking.LogBatch(context.WithoutCancel(ctx), id, b) })
}

func (g *gate) LogInputs(ctx context.Context, id string, d []mlflow.DatasetInput, m []mlflow.ModelInput) error {
	return g.do(func() error { return g.Tracking.LogInputs(context.WithoutCancel(ctx), id, d, m) })
}

func (g *gate) LogOutputs(ctx context.Context, id string, m []mlflow.ModelOutput) error {
	return g.do(func() error { return g.Tracking.LogOutputs(context.WithoutCancel(ctx), id, m) })
}

func (g *gate) SetTag(ctx context.Context, id string, t mlflow.Tag) error {
	return g.do(func() error { return g.Tracking.SetTag(context.WithoutCancel(ctx), id, t) })
}

func (g *gate) UpdateRun(ctx context.Context, u mlflow.RunUpdate) (i mlflow.RunInfo, err error) {
	err = g.do(func() (err error) { i, err = g.Tracking.UpdateRun(context.WithoutCancel(ctx), u); return err })
	return i, err
}

func (g *gate) DeleteRun(ctx context.Context, id string) error {
	return g.do(func() error { return g.Tracking.DeleteRun(context.WithoutCancel(ctx), id) })
}

func (g *gate) CreateLoggedModel(ctx context.Context, n mlflow.NewLoggedModel) (m mlflow.LoggedModel, err error) {
	err = g.do(func() (err error) {
		m, err = g.Tracking.CreateLoggedModel(context.WithoutCancel(ctx), n)
		return err
	})
	return m, err
}

func (g *gate) LogLoggedModelParams(ctx context.Context, id string, p []mlflow.Param) error {
	return g.do(func() error { return g.Tracking.LogLoggedModelParams(context.WithoutCancel(ctx), id, p) })
}

func (g *gate) SetLoggedModelTags(ctx context.Context, id string, t []mlflow.Tag) (m mlflow.LoggedModel, err error) {
	err = g.do(func() (err error) {
		m, err = g.Tracking.SetLoggedModelTags(context.WithoutCancel(ctx), id, t)
		return err
	})
	return m, err
}

func (g *gate) FinalizeLoggedModel(ctx context.Context, id string, s mlflow.ModelStatus) (m mlflow.LoggedModel, err error) {
	err = g.do(func() (err error) {
		m, err = g.Tracking.FinalizeLoggedModel(context.WithoutCancel(ctx), id, s)
		return err
	})
	return m, err
}

func (g *gate) CreateRegisteredModel(ctx context.Context, n mlflow.NewRegisteredModel) (m mlflow.RegisteredModel, err error) {
	err = g.do(func() (err error) {
		m, err = g.Registry.CreateRegisteredModel(context.WithoutCancel(ctx), n)
		return err
	})
	return m, err
}

func (g *gate) CreateModelVersion(ctx context.Context, n mlflow.NewVersion) (v mlflow.ModelVersion, err error) {
	err = g.do(func() (err error) {
		v, err = g.Registry.CreateModelVersion(context.WithoutCancel(ctx), n)
		return err
	})
	return v, err
}

func (g *gate) TransitionStage(ctx context.Context, c mlflow.StageChange) (v mlflow.ModelVersion, err error) {
	err = g.do(func() (err error) { v, err = g.Registry.TransitionStage(context.WithoutCancel(ctx), c); return err })
	return v, err
}

func (g *gate) SetModelVersionTag(ctx context.Context, name, version string, t mlflow.Tag) error {
	return g.do(func() error { return g.Registry.SetModelVersionTag(context.WithoutCancel(ctx), name, version, t) })
}

func (g *gate) SetAlias(ctx context.Context, name, alias, version string) error {
	return g.do(func() error { return g.Registry.SetAlias(context.WithoutCancel(ctx), name, alias, version) })
}

// An import is ended at each of its writes in turn; the next one completes what is
// half there, and it is the same as if nothing had happened.
func TestInterruptedImport(t *testing.T) {
	from := open(t)
	fill(t, from)
	want := snapshot(t, from)
	dir, _ := export(t, from, transfer.Options{})
	e, err := transfer.Open(t.Context(), dir, transfer.Options{})
	must(t, err)
	const parts = 8 // the disk is slow, and they wait for it together
	for part := range parts {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			end := part + 1
			for interrupted(t, e, end, want) {
				end += parts
			}
			if end < 50 {
				t.Errorf("an import has less than %d writes: the gate misses some", end)
			}
		})
	}
}

// interrupted ends an import at a write, and reports whether there is such a one.
func interrupted(t *testing.T, e *transfer.Exported, end int, want map[string]any) bool {
	to := open(t)
	try := func(end int, after bool) bool {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		_, err := e.Import(ctx, guarded(to, &gate{end: end, after: after, cancel: cancel}), transfer.Options{})
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Fatalf("write %d: %v", end, err)
		}
		return err != nil
	}
	if !try(end, end%2 == 0) {
		return false
	}
	try(1+end/3, end%2 == 1) // while it completes what the first one left
	if _, err := e.Import(t.Context(), to, transfer.Options{}); err != nil {
		t.Fatalf("write %d, again: %v", end, err)
	}
	if equal(t, snapshot(t, to), want); t.Failed() {
		t.Fatalf("it was interrupted at write %d", end)
	}
	return true
}

// An export that is cancelled leaves nothing.
func TestInterruptedExport(t *testing.T) {
	from := open(t)
	fill(t, from)
	parent := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	_, err := transfer.ExportDir(ctx, from, filepath.Join(parent, "export"), transfer.Options{
		Progress: func(p transfer.Progress) {
			if p.Step == "exporting registered models" {
				cancel()
			}
		},
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("it ended with %v", err)
	}
	if left, err := os.ReadDir(parent); err != nil || len(left) > 0 {
		t.Errorf("it left %v (%v)", left, err)
	}
}
