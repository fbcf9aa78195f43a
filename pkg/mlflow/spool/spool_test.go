package spool_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/salesctl/salesctl/pkg/artifact"
	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/mlflow"
	"github.com/salesctl/salesctl/pkg/mlflow/record"
	"github.com/salesctl/salesctl/pkg/mlflow/spool"
	"github.com/salesctl/salesctl/pkg/mlflow/sqlstore"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("SPOOL_TEST_DIR"); dir != "" {
		os.Exit(child(dir))
	}
	goleak.VerifyTestMain(m)
}

// gate stands before a store and may let a call fail. It hides that the store
// can write many runs at once.
type gate struct {
	mlflow.Tracking
	pass func(call string) error
}

func (g gate) GetExperimentByName(ctx context.Context, name string) (mlflow.Experiment, error) {
	if err := g.pass("GetExperimentByName"); err != nil {
		return mlflow.Experiment{}, err
	}
	return g.Tracking.GetExperimentByName(ctx, name)
}

func (g gate) CreateRun(ctx context.Context, r mlflow.NewRun) (mlflow.Run, error) {
	if err := g.pass("CreateRun"); err != nil {
		return mlflow.Run{}, err
	}
	return g.Tracking.CreateRun(ctx, r)
}

func (g gate) LogBatch(ctx context.Context, id string, b mlflow.Batch) error {
	if err := g.pass("LogBatch"); err != nil {
		return err
	}
	return g.Tracking.LogBatch(ctx, id, b)
}

func (g gate) LogInputs(ctx context.Context, id string, d []mlflow.DatasetInput, m []mlflow.ModelInput) error {
	if err := g.pass("LogInputs"); err != nil {
		return err
	}
	return g.Tracking.LogInputs(ctx, id, d, m)
}

func (g gate) UpdateRun(ctx context.Context, u mlflow.RunUpdate) (mlflow.RunInfo, error) {
	if err := g.pass("UpdateRun"); err != nil {
		return mlflow.RunInfo{}, err
	}
	return g.Tracking.UpdateRun(ctx, u)
}

func always(string) error { return nil }

// away is what a client says of a server that is not there.
var away = fault.New(fault.Unavailable, "connection refused")

func store(t *testing.T, dir string) *sqlstore.Store {
	t.Helper()
	s, err := sqlstore.Open(t.Context(), "sqlite:///"+filepath.Join(dir, "mlflow.db"), sqlstore.Options{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// artifacts keeps what is written, by URI and path.
type artifacts struct {
	mu sync.Mutex
	m  map[string]string
}

func (a *artifacts) open(_ context.Context, uri string) (artifact.Store, error) {
	return folder{a: a, uri: uri}, nil
}

// folder is the artifacts at one URI; it only takes files.
type folder struct {
	artifact.Store
	a   *artifacts
	uri string
}

func (f folder) Put(_ context.Context, path string, r io.Reader) error {
	data, err := io.ReadAll(r)
	f.a.mu.Lock()
	defer f.a.mu.Unlock()
	if f.a.m == nil {
		f.a.m = map[string]string{}
	}
	f.a.m[f.uri+"/"+path] = string(data)
	return err
}

// full is a run with something of everything.
func full(name string) record.Record {
	return record.Record{
		ID: rand.Text(), Experiment: "Spooled 'runs'", Name: name, User: "me", Status: mlflow.Finished, Start: 1000, End: 2000,
		RunID:   fmt.Sprintf("%x", []byte((name + rand.Text())[:16])),
		Params:  []mlflow.Param{{Key: "store", Value: "1"}},
		Metrics: []mlflow.Metric{{Key: "m", Value: 1.5, Timestamp: 1500, Step: 3}, {Key: "nan", Value: mlflow.Number(math.NaN()), Timestamp: 1}},
		Tags:    []mlflow.Tag{{Key: "t", Value: "é\n"}},
		Datasets: []mlflow.DatasetInput{{
			Tags:    []mlflow.Tag{{Key: "mlflow.data.context", Value: "training"}},
			Dataset: mlflow.Dataset{Name: "sales", Digest: "1", SourceType: "local", Source: "{}"},
		}},
		Files: []record.File{{Path: "a/b.csv", Data: []byte("1,2\n\x00")}},
	}
}

func plain(name string) record.Record {
	r := full(name)
	r.Files = nil
	return r
}

func open(t *testing.T, dir string, o spool.Options) *spool.Spool {
	t.Helper()
	s, err := spool.Open(filepath.Join(dir, "spool"), o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func write(t *testing.T, s *spool.Spool, records ...record.Record) {
	t.Helper()
	if err := s.WriteAll(t.Context(), records); err != nil {
		t.Fatal(err)
	}
}

// runs returns the runs of the records' experiment, by name. Two of one name are
// an error.
func runs(t *testing.T, s mlflow.Tracking) map[string]mlflow.Run {
	t.Helper()
	all := map[string]mlflow.Run{}
	e, err := s.GetExperimentByName(t.Context(), "Spooled 'runs'")
	if fault.Is(err, fault.NotFound) {
		return all
	}
	if err != nil {
		t.Fatal(err)
	}
	page, err := s.SearchRuns(t.Context(), mlflow.RunQuery{ExperimentIDs: []string{e.ID}, ViewType: mlflow.All, MaxResults: 50000})
	if err != nil || page.Next != "" {
		t.Fatal(err, page.Next)
	}
	for _, r := range page.Items {
		if _, twice := all[r.Info.Name]; twice {
			t.Errorf("run %q is there twice", r.Info.Name)
		}
		all[r.Info.Name] = r
	}
	return all
}

// complete checks that the run is all of the record.
func complete(t *testing.T, run mlflow.Run, want record.Record) {
	t.Helper()
	if run.Info.Status != want.Status || run.Info.EndTime == nil || *run.Info.EndTime != want.End || run.Info.StartTime != want.Start || run.Info.UserID != want.User {
		t.Errorf("run %s: %+v", want.Name, run.Info)
	}
	if run.Data.Tag(record.TagID) != want.ID || run.Data.Tag("t") != "é\n" {
		t.Errorf("run %s: tags %v", want.Name, run.Data.Tags)
	}
	if diff := cmp.Diff(want.Params, run.Data.Params); diff != "" {
		t.Errorf("run %s: params -want +got\n%s", want.Name, diff)
	}
	if len(run.Data.Metrics) != 2 || !math.IsNaN(float64(run.Data.Metrics[slices.IndexFunc(run.Data.Metrics, func(m mlflow.Metric) bool { return m.Key == "nan" })].Value)) {
		t.Errorf("run %s: metrics %v", want.Name, run.Data.Metrics)
	}
	if diff := cmp.Diff(want.Datasets, run.Inputs.Datasets); diff != "" {
		t.Errorf("run %s: datasets -want +got\n%s", want.Name, diff)
	}
}

func TestReplayTwiceMakesOneRunEach(t *testing.T) {
	dir := t.TempDir()
	db, files := store(t, dir), &artifacts{}
	s := open(t, dir, spool.Options{})
	a, b, c := full("a"), full("b"), plain("c")
	write(t, s, a, b)
	write(t, s, c)
	to := record.Destination{Tracking: db, Files: files.open}
	saved := copyOf(t, s.Dir())
	var steps []string
	rep, err := s.Replay(t.Context(), to, func(done, all int) { steps = append(steps, fmt.Sprintf("%d/%d", done, all)) })
	if err != nil || rep.Delivered != 3 || rep.Kept+rep.Bad != 0 || strings.Join(steps, " ") != "1/3 2/3 3/3" {
		t.Fatalf("%+v, %v, progress %v", rep, err, steps)
	}
	if n, err := s.Len(); n != 0 || err != nil {
		t.Errorf("%d wait still, %v", n, err)
	}
	restore(t, s.Dir(), saved)
	if rep, err := s.Replay(t.Context(), to, nil); err != nil || rep.Delivered != 3 {
		t.Fatalf("again: %+v, %v", rep, err)
	}
	got := runs(t, db)
	if len(got) != 3 {
		t.Fatalf("%d runs", len(got))
	}
	for _, r := range []record.Record{a, b, c} {
		complete(t, got[r.Name], r)
		if got[r.Name].Info.ID != r.RunID {
			t.Errorf("run %s has the ID %s, want %s", r.Name, got[r.Name].Info.ID, r.RunID)
		}
	}
	if f := files.m[got["a"].Info.ArtifactURI+"/a/b.csv"]; f != "1,2\n\x00" {
		t.Errorf("artifacts %q", files.m)
	}
}

// copyOf and restore bring segments back that were delivered, as a crash before
// their removal leaves them.
func copyOf(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	m := map[string][]byte{}
	names, err := filepath.Glob(filepath.Join(dir, "*.jsonl"))
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	for _, n := range names {
		if m[n], err = os.ReadFile(n); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

func restore(t *testing.T, _ string, files map[string][]byte) {
	t.Helper()
	for n, raw := range files {
		if err := os.WriteFile(n, raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// The server goes away at each call in turn: nothing is lost, nothing is double.
func TestServerGoesAwayInTheMiddle(t *testing.T) {
	for at := 1; ; at++ {
		dir := t.TempDir()
		db, files := store(t, dir), &artifacts{}
		s := open(t, dir, spool.Options{})
		a, b := full("a"), full("b")
		write(t, s, a, b)
		calls := 0
		g := gate{db, func(string) error {
			calls++
			if calls == at {
				return away
			}
			return nil
		}}
		rep, err := s.Replay(t.Context(), record.Destination{Tracking: g, Files: files.open}, nil)
		if calls < at {
			if at < 9 {
				t.Errorf("only %d calls", calls)
			}
			return // it went through
		}
		if !fault.Is(err, fault.Unavailable) || rep.Kept+rep.Delivered != 2 || rep.Kept == 0 {
			t.Fatalf("away at call %d: %+v, %v", at, rep, err)
		}
		if n, err := s.Len(); n != rep.Kept || err != nil {
			t.Errorf("away at call %d: %d wait, %v; the report says %d", at, n, err, rep.Kept)
		}
		if rep, err := s.Replay(t.Context(), record.Destination{Tracking: db, Files: files.open}, nil); err != nil || rep.Kept != 0 {
			t.Fatalf("back after call %d: %+v, %v", at, rep, err)
		}
		got := runs(t, db)
		if len(got) != 2 {
			t.Errorf("away at call %d: %d runs", at, len(got))
		}
		complete(t, got["a"], a)
		complete(t, got["b"], b)
	}
}

func TestDamagedLinesAreSetAside(t *testing.T) {
	for name, damage := range map[string]func([]byte) []byte{
		"a changed byte":  func(b []byte) []byte { return bytes.Replace(b, []byte(`"end":2000`), []byte(`"end":2001`), 1) },
		"no JSON":         func(b []byte) []byte { return append([]byte("\x00\xff"), b...) },
		"cut off":         func(b []byte) []byte { return append(b[:len(b)/4:len(b)/4], b[bytes.IndexByte(b, '\n'):]...) },
		"another program": func(b []byte) []byte { return append([]byte("{}\n"), b[bytes.IndexByte(b, '\n')+1:]...) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			db := store(t, dir)
			s := open(t, dir, spool.Options{})
			a, b := plain("a"), plain("b")
			write(t, s, a, b)
			var bad []byte
			for file, raw := range copyOf(t, s.Dir()) {
				raw = damage(raw)
				bad, _, _ = bytes.Cut(raw, []byte("\n"))
				if err := os.WriteFile(file, raw, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			rep, err := s.Replay(t.Context(), record.Destination{Tracking: db}, nil)
			if err != nil || rep.Delivered != 1 || rep.Bad != 1 || len(rep.Problems) != 1 {
				t.Fatalf("%+v, %v", rep, err)
			}
			aside, err := os.ReadFile(filepath.Join(s.Dir(), rep.Problems[0].Segment))
			if err != nil || !bytes.Equal(bytes.TrimSuffix(aside, []byte("\n")), bad) || !strings.HasSuffix(rep.Problems[0].Segment, ".bad") {
				t.Errorf("set aside in %s: %q, %v", rep.Problems[0].Segment, aside, err)
			}
			if got := runs(t, db); len(got) != 1 {
				t.Errorf("%d runs", len(got))
			}
			if n, err := s.Len(); n != 0 || err != nil {
				t.Errorf("%d wait, %v", n, err)
			}
		})
	}
}

func TestRefusedAndConflictingRecords(t *testing.T) {
	dir := t.TempDir()
	db := store(t, dir)
	s := open(t, dir, spool.Options{})
	wrong, deleted, good := plain("wrong"), plain("deleted"), plain("good")
	wrong.Params = []mlflow.Param{{Key: "", Value: "x"}}
	deleted.Experiment = "gone"
	write(t, s, wrong, deleted, good)
	id, err := db.CreateExperiment(t.Context(), mlflow.NewExperiment{Name: "gone"})
	if err == nil {
		err = db.DeleteExperiment(t.Context(), id)
	}
	if err != nil {
		t.Fatal(err)
	}
	rep, err := s.Replay(t.Context(), record.Destination{Tracking: db}, nil)
	if err != nil || rep.Delivered != 1 || rep.Bad != 1 || rep.Kept != 1 || len(rep.Problems) != 2 {
		t.Fatalf("%+v, %v", rep, err)
	}
	if p := rep.Problems; p[0].ID != wrong.ID || p[1].ID != deleted.ID || !fault.Is(p[1].Err, fault.Conflict) || fault.HintOf(p[1].Err) == "" {
		t.Errorf("%+v", p)
	}
	if err := db.RestoreExperiment(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if rep, err := s.Replay(t.Context(), record.Destination{Tracking: db}, nil); err != nil || rep.Delivered != 1 || rep.Kept != 0 {
		t.Errorf("restored: %+v, %v", rep, err)
	}
}

// Who deleted a run after it was replayed does not get it back.
func TestDeletedRunsStayDeleted(t *testing.T) {
	dir := t.TempDir()
	db := store(t, dir)
	s := open(t, dir, spool.Options{})
	a := plain("a")
	write(t, s, a)
	saved := copyOf(t, s.Dir())
	for range 2 {
		if rep, err := s.Replay(t.Context(), record.Destination{Tracking: db}, nil); err != nil || rep.Delivered != 1 {
			t.Fatalf("%+v, %v", rep, err)
		}
		restore(t, s.Dir(), saved)
		if err := db.DeleteRun(t.Context(), a.RunID); err != nil && mlflow.CodeOf(err) != mlflow.InvalidParameterValue {
			t.Fatal(err)
		}
	}
	if got := runs(t, db); len(got) != 1 || got["a"].Info.LifecycleStage != mlflow.Deleted {
		t.Errorf("%+v", got)
	}
}

func TestWrongRecordsAreRefusedAtOnce(t *testing.T) {
	s := open(t, t.TempDir(), spool.Options{})
	for name, change := range map[string]func(*record.Record){
		"no ID":         func(r *record.Record) { r.ID = "" },
		"quote in ID":   func(r *record.Record) { r.ID = "12345678' or 'a" },
		"odd run ID":    func(r *record.Record) { r.RunID = "../x" },
		"no experiment": func(r *record.Record) { r.Experiment = "" },
		"still running": func(r *record.Record) { r.Status = mlflow.Running },
	} {
		r := full("x")
		change(&r)
		if err := s.Write(t.Context(), r); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Write(ctx, full("x")); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if n, err := s.Len(); n != 0 || err != nil {
		t.Errorf("%d wait, %v", n, err)
	}
}

func TestLimits(t *testing.T) {
	for name, o := range map[string]spool.Options{"records": {MaxRecords: 3}, "bytes": {MaxBytes: 2000}} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := open(t, dir, o)
			var err error
			kept := 0
			for ; kept < 100 && err == nil; kept++ {
				err = s.Write(t.Context(), plain("r"))
			}
			kept--
			if !strings.Contains(err.Error(), "is full") || !strings.Contains(fault.HintOf(err), "tracking replay") || kept < 2 || kept > 4 {
				t.Fatalf("%v, hint %q after %d records", err, fault.HintOf(err), kept)
			}
			again := open(t, dir, o)
			if err := again.Write(t.Context(), plain("r")); err == nil {
				t.Error("a spool that is opened again does not know what is in it")
			}
			if n, err := again.Len(); n != kept || err != nil {
				t.Errorf("%d wait, %v, want %d", n, err, kept)
			}
			// Another process delivers: there is room again.
			for file := range copyOf(t, s.Dir()) {
				if err := os.Remove(file); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.Write(t.Context(), plain("r")); err != nil {
				t.Errorf("after a replay elsewhere: %v", err)
			}
		})
	}
}

func TestUnwritableFolder(t *testing.T) {
	s := open(t, t.TempDir(), spool.Options{})
	if err := os.RemoveAll(s.Dir()); err != nil {
		t.Fatal(err)
	}
	if err := s.Write(t.Context(), plain("a")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
	if _, err := spool.Open(filepath.Join(t.TempDir(), "a\x00b"), spool.Options{}); err == nil {
		t.Error("an impossible folder was opened")
	}
}

func TestLeftoversOfDeadWriters(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, spool.Options{})
	left := filepath.Join(s.Dir(), ".unfinished-1")
	if err := os.WriteFile(left, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	open(t, dir, spool.Options{})
	if _, err := os.Stat(left); err != nil {
		t.Errorf("a file of a living writer is gone: %v", err)
	}
	open(t, dir, spool.Options{Now: func() time.Time { return time.Now().Add(2 * time.Hour) }})
	if _, err := os.Stat(left); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an old leftover is still there: %v", err)
	}
}

func TestOneReplayAtATime(t *testing.T) {
	dir := t.TempDir()
	db := store(t, dir)
	s := open(t, dir, spool.Options{})
	write(t, s, plain("a"))
	var inner error
	g := gate{db, func(string) error {
		if inner == nil {
			_, inner = s.Replay(t.Context(), record.Destination{Tracking: db}, nil)
		}
		return nil
	}}
	if _, err := s.Replay(t.Context(), record.Destination{Tracking: g}, nil); err != nil {
		t.Fatal(err)
	}
	if !fault.Is(inner, fault.Conflict) {
		t.Errorf("the second replay: %v", inner)
	}
}
