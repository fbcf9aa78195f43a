package record_test

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/salesctl/salesctl/pkg/artifact"
	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/mlflow"
	"github.com/salesctl/salesctl/pkg/mlflow/record"
	"github.com/salesctl/salesctl/pkg/mlflow/sqlstore"
)

// place is a tracking database with its artifacts. Where fail is set, the n-th
// call that writes fails.
type place struct {
	*sqlstore.Store
	files artifact.Store
	fail  int
	calls int
}

func open(t *testing.T) *place {
	t.Helper()
	dir := t.TempDir()
	s, err := sqlstore.Open(t.Context(), "sqlite:///mlflow.db", sqlstore.Options{Dir: dir, Create: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return &place{Store: s, files: artifact.NewLocal(filepath.Join(dir, "files"))}
}

var errAway = errors.New("the server has gone")

func (p *place) call() error {
	p.calls++
	if p.calls == p.fail {
		return fault.New(fault.Unavailable, "%w", errAway)
	}
	return nil
}

// The calls below are those that a delivery writes with.

func (p *place) CreateRun(ctx context.Context, n mlflow.NewRun) (mlflow.Run, error) {
	if err := p.call(); err != nil {
		return mlflow.Run{}, err
	}
	return p.Store.CreateRun(ctx, n)
}

func (p *place) LogBatch(ctx context.Context, id string, b mlflow.Batch) error {
	return errors.Join(p.call(), p.Store.LogBatch(ctx, id, b))
}

func (p *place) CreateLoggedModel(ctx context.Context, n mlflow.NewLoggedModel) (mlflow.LoggedModel, error) {
	m, err := p.Store.CreateLoggedModel(ctx, n)
	return m, errors.Join(p.call(), err) // it fails after the work was done, as a cut connection does
}

func (p *place) CreateModelVersion(ctx context.Context, n mlflow.NewVersion) (mlflow.ModelVersion, error) {
	if err := p.call(); err != nil {
		return mlflow.ModelVersion{}, err
	}
	return p.Store.CreateModelVersion(ctx, n)
}

func (p *place) UpdateRun(ctx context.Context, u mlflow.RunUpdate) (mlflow.RunInfo, error) {
	if err := p.call(); err != nil {
		return mlflow.RunInfo{}, err
	}
	return p.Store.UpdateRun(ctx, u)
}

func (p *place) destination() record.Destination {
	return record.Destination{Tracking: p, Registry: p, Files: func(_ context.Context, uri string) (artifact.Store, error) {
		return artifact.Sub(p.files, strings.TrimPrefix(uri, "mlflow-artifacts:/")), nil
	}}
}

func sample() record.Record {
	return record.Record{
		ID: "id-1", Experiment: "training", Name: "run", User: "ann", Status: mlflow.Finished, Start: 1000, End: 2000,
		Params:  []mlflow.Param{{Key: "p", Value: "1"}},
		Metrics: []mlflow.Metric{{Key: "m", Value: 1.5, Timestamp: 2000}},
		Tags:    []mlflow.Tag{{Key: "t", Value: "x"}},
		Datasets: []mlflow.DatasetInput{{Dataset: mlflow.Dataset{
			Name: "sales", Digest: "d", SourceType: "local", Source: "{}",
		}}},
		Files: []record.File{{Path: "a/table.csv", Data: []byte("x\n")}},
		Models: []record.Model{
			{Name: "pipeline", Register: "Sales", Digest: "abc", Files: []record.File{
				{Path: "MLmodel", Data: []byte("run: {{run_id}} model: {{model_id}}"), Template: true},
				{Path: "data", Data: []byte("{{run_id}} stays")},
			}},
			{Name: "side", Files: []record.File{{Path: "MLmodel", Data: []byte("x")}}},
		},
		Children: []record.Record{
			{ID: "id-1-a", Experiment: "training", Name: "a", Status: mlflow.Finished, Start: 1000, End: 2000},
			{ID: "id-1-b", Experiment: "training", Name: "b", Status: mlflow.Finished, Start: 1000, End: 2000},
		},
	}
}

func deliver(t *testing.T, p *place, r record.Record, again bool) (record.Delivered, error) {
	t.Helper()
	if err := r.Check(); err != nil {
		t.Fatal(err)
	}
	return record.NewWriter(p.destination()).Deliver(t.Context(), r, again)
}

func text(t *testing.T, s artifact.Store, path string) string {
	t.Helper()
	f, err := s.Get(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(io.NewSectionReader(f, 0, f.Size()))
	if err = errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// check that the place holds the sample once, whole.
func check(t *testing.T, p *place, d record.Delivered) {
	t.Helper()
	run, err := p.GetRun(t.Context(), d.Run.ID)
	if err != nil {
		t.Fatal(err)
	}
	if run.Info.Status != mlflow.Finished || *run.Info.EndTime != 2000 || run.Info.StartTime != 1000 || run.Info.Name != "run" {
		t.Errorf("info %+v", run.Info)
	}
	if run.Data.Param("p") != "1" || run.Data.Tag("t") != "x" || len(run.Data.Metrics) != 1 || len(run.Inputs.Datasets) != 1 || len(run.Outputs.Models) != 2 {
		t.Errorf("data %+v, %+v, %+v", run.Data, run.Inputs, run.Outputs)
	}
	files, err := filesAt(p, t, run.Info.ArtifactURI)
	if err != nil {
		t.Fatal(err)
	}
	if got := text(t, files, "a/table.csv"); got != "x\n" {
		t.Errorf("file %q", got)
	}
	nested, err := p.SearchRuns(t.Context(), mlflow.RunQuery{ExperimentIDs: []string{run.Info.ExperimentID}, Filter: "tags.`mlflow.parentRunId` = '" + run.Info.ID + "'"})
	if err != nil || len(nested.Items) != 2 {
		t.Errorf("%d nested runs, %v", len(nested.Items), err)
	}
	all, err := p.SearchRuns(t.Context(), mlflow.RunQuery{ExperimentIDs: []string{run.Info.ExperimentID}})
	if err != nil || len(all.Items) != 3 {
		t.Errorf("%d runs in all, %v", len(all.Items), err)
	}
	models, err := p.SearchLoggedModels(t.Context(), mlflow.LoggedModelQuery{ExperimentIDs: []string{run.Info.ExperimentID}})
	if err != nil || len(models.Items) != 2 {
		t.Errorf("%d logged models, %v", len(models.Items), err)
	}
	if len(d.Versions) != 1 || d.Versions[0].Version != "1" {
		t.Fatalf("versions %+v", d.Versions)
	}
	uri, err := p.ModelVersionDownloadURI(t.Context(), "Sales", "1")
	if err != nil {
		t.Fatal(err)
	}
	folder, err := filesAt(p, t, uri)
	if err != nil {
		t.Fatal(err)
	}
	id := ""
	for _, m := range models.Items {
		if m.Info.Name == "pipeline" && m.Info.Status == mlflow.ModelReady {
			id = m.Info.ID
		}
	}
	if got := text(t, folder, "MLmodel"); got != "run: "+run.Info.ID+" model: "+id || id == "" {
		t.Errorf("MLmodel %q", got)
	}
	if got := text(t, folder, "data"); got != "{{run_id}} stays" {
		t.Errorf("a file that is no template became %q", got)
	}
}

func filesAt(p *place, t *testing.T, uri string) (artifact.Store, error) {
	t.Helper()
	return p.destination().Files(t.Context(), uri)
}

func TestDeliver(t *testing.T) {
	p := open(t)
	d, err := deliver(t, p, sample(), false)
	if err != nil {
		t.Fatal(err)
	}
	if !d.Versions[0].Fresh {
		t.Error("the version is not fresh")
	}
	check(t, p, d)
}

// TestDeliverAgain breaks the first delivery off at each call in turn.
func TestDeliverAgainAfterABreak(t *testing.T) {
	for at := 1; ; at++ {
		p := open(t)
		p.fail = at
		_, err := deliver(t, p, sample(), false)
		if p.calls < at { // it came to the end
			if err != nil || at < 8 {
				t.Fatalf("%d calls: %v", p.calls, err)
			}
			return
		}
		if !errors.Is(err, errAway) {
			t.Fatalf("break at %d: %v", at, err)
		}
		p.fail = 0
		d, err := deliver(t, p, sample(), true)
		if err != nil {
			t.Fatalf("again after a break at %d: %v", at, err)
		}
		check(t, p, d)
	}
}

func TestEqualModelAddsNoVersion(t *testing.T) {
	p := open(t)
	if _, err := deliver(t, p, sample(), false); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		digest, version string
		fresh           bool
	}{{"abc", "1", false}, {"def", "2", true}, {"abc", "1", false}} {
		r := sample()
		r.ID += c.version + c.digest
		r.Models[0].Digest, r.Children = c.digest, nil
		d, err := deliver(t, p, r, true)
		if err != nil {
			t.Fatal(err)
		}
		if v := d.Versions[0]; v.Version != c.version || v.Fresh != c.fresh {
			t.Errorf("%s: version %s, fresh %v", c.digest, v.Version, v.Fresh)
		}
	}
}

func TestDeletedExperimentIsSaidSo(t *testing.T) {
	p := open(t)
	d, err := deliver(t, p, sample(), false)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.DeleteExperiment(t.Context(), d.Run.ExperimentID); err != nil {
		t.Fatal(err)
	}
	r := sample()
	r.ID = "other"
	if _, err := deliver(t, p, r, true); !fault.Is(err, fault.Conflict) || fault.HintOf(err) == "" {
		t.Errorf("%v, hint %q", err, fault.HintOf(err))
	}
}

func TestManyParamsGoInBatches(t *testing.T) {
	p := open(t)
	r := record.Record{ID: "x", Experiment: "e", Name: "n", Status: mlflow.Finished}
	for i := range 250 {
		r.Params = append(r.Params, mlflow.Param{Key: "p" + strings.Repeat("x", i), Value: "v"})
	}
	for range 2300 {
		r.Metrics = append(r.Metrics, mlflow.Metric{Key: "m", Value: 1, Step: int64(len(r.Metrics))})
	}
	d, err := deliver(t, p, r, true)
	if err != nil {
		t.Fatal(err)
	}
	run, err := p.GetRun(t.Context(), d.Run.ID)
	if err != nil || len(run.Data.Params) != 250 {
		t.Errorf("%d params, %v", len(run.Data.Params), err)
	}
	h, err := p.MetricHistory(t.Context(), mlflow.HistoryQuery{RunID: d.Run.ID, Key: "m"})
	if err != nil || len(h.Items) != 2300 {
		t.Errorf("%d values, %v", len(h.Items), err)
	}
}

func TestWholeRuns(t *testing.T) {
	p := open(t)
	r := sample()
	r.Files, r.Models, r.Children = nil, nil, nil
	if record.Batchable(r) {
		t.Error("a record without a run id is batchable")
	}
	r.RunID = strings.Repeat("0a", 16)
	if !record.Batchable(r) || record.Batchable(sample()) {
		t.Error("a plain record is not batchable, or one with files is")
	}
	w := record.NewWriter(p.destination())
	for range 2 { // again: no harm
		if ok, err := w.WriteRuns(t.Context(), []record.Record{r}); err != nil || !ok {
			t.Fatal(ok, err)
		}
	}
	if w.Known(r.Experiment) == "" || w.Known("other") != "" {
		t.Error("it does not know where it wrote to")
	}
	// Delivered later, it is found by its tag.
	d, err := deliver(t, p, r, true)
	if err != nil || d.Run.ID != r.RunID {
		t.Fatalf("%+v, %v", d, err)
	}
	run, err := p.GetRun(t.Context(), r.RunID)
	if err != nil {
		t.Fatal(err)
	}
	if run.Info.Status != mlflow.Finished || *run.Info.EndTime != 2000 || run.Data.Param("p") != "1" || len(run.Inputs.Datasets) != 1 ||
		!slices.Contains(run.Data.Tags, mlflow.Tag{Key: "mlflow.runName", Value: "run"}) {
		t.Errorf("%+v", run)
	}
}

func TestCheckRefusesWhatCannotBeDelivered(t *testing.T) {
	for name, change := range map[string]func(*record.Record){
		"quote in the id": func(r *record.Record) { r.ID = "it's" },
		"run id":          func(r *record.Record) { r.RunID = "1" },
		"no experiment":   func(r *record.Record) { r.Experiment = "" },
		"still running":   func(r *record.Record) { r.Status = mlflow.Running },
		"a child's id":    func(r *record.Record) { r.Children[1].ID = "a/b" },
	} {
		r := sample()
		change(&r)
		if err := r.Check(); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDeletedRunStaysSo(t *testing.T) {
	p := open(t)
	d, err := deliver(t, p, sample(), false)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.DeleteRun(t.Context(), d.Run.ID); err != nil {
		t.Fatal(err)
	}
	if again, err := deliver(t, p, sample(), true); err != nil || again.Run.ID != d.Run.ID || again.Run.LifecycleStage != mlflow.Deleted {
		t.Errorf("%+v, %v", again.Run, err)
	}
}

// TestBrokenOffVersionIsFound delivers again what broke off after its version was
// made, when the newest version is another's already.
func TestBrokenOffVersionIsFound(t *testing.T) {
	p := open(t)
	to := p.destination()
	to.Registered = func(context.Context, []record.Version) error { return errAway }
	if _, err := record.NewWriter(to).Deliver(t.Context(), sample(), false); !errors.Is(err, errAway) {
		t.Fatal(err)
	}
	other := sample()
	other.ID, other.Models[0].Digest, other.Children = "id-2", "def", nil
	if _, err := deliver(t, p, other, false); err != nil {
		t.Fatal(err)
	}
	d, err := deliver(t, p, sample(), true)
	if err != nil || len(d.Versions) != 1 || d.Versions[0].Version != "1" {
		t.Errorf("%+v, %v", d.Versions, err)
	}
}

// TestRegistered is told before the run ends, and again where it failed.
func TestRegistered(t *testing.T) {
	p := open(t)
	to := p.destination()
	var told []string
	var failure error = fault.New(fault.Unavailable, "%w", errAway)
	to.Registered = func(_ context.Context, versions []record.Version) error {
		for _, v := range versions {
			told = append(told, v.Name+"/"+v.Version)
		}
		return failure
	}
	w := record.NewWriter(to)
	if _, err := w.Deliver(t.Context(), sample(), false); !errors.Is(err, errAway) {
		t.Fatal(err)
	}
	runs, err := p.SearchRuns(t.Context(), mlflow.RunQuery{ExperimentIDs: []string{"1"}, Filter: "attributes.run_name = 'run'"})
	if err != nil || len(runs.Items) != 1 || runs.Items[0].Info.Status != mlflow.Running {
		t.Errorf("%+v, %v", runs.Items, err)
	}
	failure = nil
	d, err := w.Deliver(t.Context(), sample(), true)
	if err != nil || d.Run.Status != mlflow.Finished || !slices.Equal(told, []string{"Sales/1", "Sales/1"}) {
		t.Errorf("%+v, %v, told %v", d.Run, err, told)
	}
}
