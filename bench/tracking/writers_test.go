package main

import (
	"bytes"
	"context"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/salesctl/salesctl/pkg/mlflow"
	mlflowserver "github.com/salesctl/salesctl/pkg/mlflow/server"
	"github.com/salesctl/salesctl/pkg/mlflow/sqlstore"
)

// Many writers at once, then a kill amid their writing: nothing fails before it,
// and what was acknowledged is there.
func TestWriters(t *testing.T) {
	c := ours(binary(t), filepath.Join(t.TempDir(), "ours"))
	var out bytes.Buffer
	if err := write(t.Context(), &out, c, options{writers: 16, seconds: 1.5}); err != nil {
		t.Fatal(err)
	}
	t.Log("\n" + out.String())
	for _, want := range []string{"16 writers", "no error", "killed after 0.5 s"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not told", want)
		}
	}
}

// serveStore serves a new database in this process.
func serveStore(t *testing.T) (uri string) {
	t.Helper()
	s, err := sqlstore.Open(t.Context(), "sqlite:///"+filepath.Join(t.TempDir(), "x.db"), sqlstore.Options{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	web := httptest.NewServer(mlflowserver.New(mlflowserver.Options{Tracking: s, Registry: s}))
	t.Cleanup(web.Close)
	return web.URL
}

// What is lost, changed, from another writer or half there is found.
func TestVerify(t *testing.T) {
	c, err := newClient(serveStore(t), 2)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	more := func(w *writer, m mlflow.Metric) {
		if err := c.LogMetric(t.Context(), w.run, m); err != nil {
			t.Fatal(err)
		}
	}
	// log logs so many steps.
	log := func(steps int) *writer {
		r, err := c.CreateRun(t.Context(), mlflow.NewRun{ExperimentID: mlflow.DefaultExperiment})
		if err != nil {
			t.Fatal(err)
		}
		w := &writer{number: 7, run: r.Info.ID}
		for step := range steps {
			more(w, w.metric("single", step))
			if err := c.LogBatch(t.Context(), w.run, w.batch(step)); err != nil {
				t.Fatal(err)
			}
		}
		w.singles, w.batches = steps, steps
		return w
	}
	for name, damage := range map[string]struct {
		do   func(*writer)
		says string
	}{
		"nothing":              {func(*writer) {}, ""},
		"sent, not told":       {func(w *writer) { w.singles--; w.batches-- }, ""},
		"a metric lost":        {func(w *writer) { w.singles++ }, "metric single: 4 values, and 5 were acknowledged"},
		"a batch lost":         {func(w *writer) { w.batches++ }, "metric batch0: 4 values, and 5 were acknowledged"},
		"more than was sent":   {func(w *writer) { w.singles -= 2 }, "metric single: 4 values"},
		"half a batch":         {func(w *writer) { more(w, w.metric("batch3", 4)) }, "half a batch"},
		"somebody else's":      {func(w *writer) { w.number = 8 }, "step 0 is"},
		"a step that is wrong": {func(w *writer) { more(w, w.metric("single", 9)) }, "step 4 is"},
	} {
		w := log(4)
		damage.do(w)
		err := w.verify(t.Context(), c)
		if damage.says == "" && err != nil || damage.says != "" && (err == nil || !strings.Contains(err.Error(), damage.says)) {
			t.Errorf("%s: %v, want %q", name, err, damage.says)
		}
	}
}

// A writer that fails ends the measurement with its error.
func TestWritersFail(t *testing.T) {
	web := httptest.NewServer(nil) // knows no route
	defer web.Close()
	c, err := newClient(web.URL, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := gather(t.Context(), c, 1); err == nil {
		t.Error("a run was made by nobody")
	}
	if err := (&writer{}).log(t.Context(), c); err == nil {
		t.Error("a metric was logged by nobody")
	}
	ctx, stop := context.WithTimeout(t.Context(), time.Nanosecond)
	defer stop()
	<-ctx.Done()
	if err := (&writer{}).log(ctx, c); err != nil {
		t.Errorf("the end of the writing is no error: %v", err)
	}
}
