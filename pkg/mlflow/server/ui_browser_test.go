package server_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/salesctl/salesctl/pkg/artifact"
	"github.com/salesctl/salesctl/pkg/mlflow"
	"github.com/salesctl/salesctl/pkg/mlflow/server"
	"github.com/salesctl/salesctl/pkg/mlflow/sqlstore"
)

// pageTimeout is how long one page may take until it shows its text. It is long:
// a machine under load compiles 15 MB of JavaScript slowly.
const pageTimeout = 90 * time.Second

// stockPages returns the folder of MLflow's own pages in the venv of the peers,
// and Chromium. Without them the test is skipped; where CI=true it fails.
func stockPages(t *testing.T) (pages, chromium string) {
	t.Helper()
	skip := t.Skipf
	if os.Getenv("CI") == "true" {
		skip = t.Fatalf
	}
	venv := os.Getenv("PEERS_VENV")
	if venv == "" {
		skip("PEERS_VENV names no venv with mlflow==%s", mlflow.Release)
	}
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		skip("the pages need a browser: %v", err)
	}
	pages, err = server.FindUI(venv, os.Getenv)
	if err != nil {
		skip("%v", err)
	}
	return pages, chromium
}

// shop is what the pages show.
type shop struct {
	url                     string
	experiment, model       string
	first, second, inferred string // runs
}

// openShop serves a database in which two runs were trained, and one of their
// models registered.
func openShop(t *testing.T, pages, prefix string) shop {
	t.Helper()
	dir := t.TempDir()
	db, err := sqlstore.Open(t.Context(), "sqlite:///"+filepath.Join(dir, "mlflow.db"), sqlstore.Options{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	files := artifact.NewLocal(filepath.Join(dir, "artifacts"))
	s := httptest.NewServer(server.New(server.Options{Tracking: db, Registry: db, Artifacts: files, UI: pages, StaticPrefix: prefix}))
	t.Cleanup(s.Close)
	f := filler{t, db, files}
	var out shop
	out.url = s.URL + prefix + "/"
	out.experiment = must(db.CreateExperiment(t.Context(), mlflow.NewExperiment{Name: "Sales Forecasting Experiment",
		Tags: []mlflow.Tag{{Key: "mlflow.note.content", Value: "Weekly sales of 45 stores."}}}))(t)
	out.first = f.run(out.experiment, "Training Run A", 51234.5, "")
	out.second = f.run(out.experiment, "Training Run B", 49876.5, "")
	out.inferred = f.run(out.experiment, "nested-candidate", 60000, out.second)
	out.model = f.loggedModel(out.experiment, out.second)
	f.register("XGB-Sales-Forecasting", out.experiment, out.second, out.model)
	return out
}

// must stops the test at an error.
func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// filler writes what a training leaves.
type filler struct {
	t     *testing.T
	db    *sqlstore.Store
	files artifact.Store
}

func (f filler) check(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

// put writes a file below a proxied artifact URI.
func (f filler) put(uri, name, body string) {
	f.t.Helper()
	root := strings.TrimPrefix(uri, "mlflow-artifacts:/")
	f.check(f.files.Put(f.t.Context(), root+"/"+name, strings.NewReader(body)))
}

// run writes a run that has ended, with a metric of twenty steps.
func (f filler) run(experiment, name string, rmse float64, parent string) string {
	f.t.Helper()
	ctx := f.t.Context()
	tags := []mlflow.Tag{{Key: "mlflow.note.content", Value: "notes on " + name}, {Key: "mlflow.user", Value: "ann"}, {Key: "stage", Value: "candidate"}}
	if parent != "" {
		tags = append(tags, mlflow.Tag{Key: "mlflow.parentRunId", Value: parent})
	}
	start := time.Now().Add(-time.Hour).UnixMilli()
	run := must(f.db.CreateRun(ctx, mlflow.NewRun{ExperimentID: experiment, Name: name, UserID: "ann", StartTime: start, Tags: tags}))(f.t)
	batch := mlflow.Batch{
		Params:  []mlflow.Param{{Key: "xgboost_max_depth", Value: "6"}, {Key: "rf_n_estimators", Value: "100"}},
		Metrics: []mlflow.Metric{{Key: "final_rmse", Value: mlflow.Number(rmse), Timestamp: start}},
	}
	for step := range 20 {
		batch.Metrics = append(batch.Metrics, mlflow.Metric{Key: "train_rmse", Value: mlflow.Number(rmse + float64(1000*(20-step))), Timestamp: start + int64(step), Step: int64(step)})
	}
	f.check(f.db.LogBatch(ctx, run.Info.ID, batch))
	f.check(f.db.LogInputs(ctx, run.Info.ID, []mlflow.DatasetInput{{Tags: []mlflow.Tag{{Key: "mlflow.data.context", Value: "training"}},
		Dataset: mlflow.Dataset{Name: "walmart_sales", Digest: "9f1c2e3d", SourceType: "local", Source: `{"uri":"sales.csv"}`, Schema: "{}", Profile: `{"num_rows": 6435}`}}}, nil))
	f.put(run.Info.ArtifactURI, "predictions/predictions.csv", "True Values,Final Predictions (Averaged)\n1,2\n")
	f.put(run.Info.ArtifactURI, "notes.txt", "artifact text of "+name+"\n")
	end := start + 60_000
	must(f.db.UpdateRun(ctx, mlflow.RunUpdate{ID: run.Info.ID, Status: mlflow.Finished, EndTime: &end}))(f.t)
	return run.Info.ID
}

// loggedModel writes a model that the run made.
func (f filler) loggedModel(experiment, run string) string {
	f.t.Helper()
	ctx := f.t.Context()
	m := must(f.db.CreateLoggedModel(ctx, mlflow.NewLoggedModel{ExperimentID: experiment, Name: "xgboost_model", ModelType: "xgboost", SourceRunID: run,
		Params: []mlflow.Param{{Key: "objective", Value: "reg:squarederror"}}, Tags: []mlflow.Tag{{Key: "flavour", Value: "xgboost"}}}))(f.t)
	f.put(m.Info.ArtifactURI, "MLmodel", "flavors:\n  xgboost:\n    xgb_version: 3.2.0\n")
	must(f.db.FinalizeLoggedModel(ctx, m.Info.ID, mlflow.ModelReady))(f.t)
	f.check(f.db.LogOutputs(ctx, run, []mlflow.ModelOutput{{ModelID: m.Info.ID}}))
	f.check(f.db.LogMetric(ctx, run, mlflow.Metric{Key: "holdout_rmse", Value: 777, Timestamp: time.Now().UnixMilli(), ModelID: m.Info.ID}))
	return m.Info.ID
}

// register makes version 1 of a registered model, its champion.
func (f filler) register(name, experiment, run, model string) {
	f.t.Helper()
	ctx := f.t.Context()
	must(f.db.CreateRegisteredModel(ctx, mlflow.NewRegisteredModel{Name: name, Description: "Gradient boosting of the pipeline."}))(f.t)
	must(f.db.CreateModelVersion(ctx, mlflow.NewVersion{Name: name, RunID: run, ModelID: model, Description: "First champion.",
		Source: fmt.Sprintf("mlflow-artifacts:/%s/models/%s/artifacts", experiment, model), Tags: []mlflow.Tag{{Key: "gate", Value: "passed"}}}))(f.t)
	f.check(f.db.SetAlias(ctx, name, "champion", "1"))
}

// page is a page of MLflow's and some text that it shows when it works.
type page struct {
	name, path string
	click      string // what is clicked first, by its text
	want       []string
}

// pagesOf lists the pages that people who train models use.
func (s shop) pagesOf() []page {
	experiment, run := "#/experiments/"+s.experiment, "#/experiments/"+s.experiment+"/runs/"+s.second
	compare := "#/compare-runs?runs=" + url.QueryEscape(`["`+s.first+`","`+s.second+`"]`) + "&experiments=" + url.QueryEscape(`["`+s.experiment+`"]`)
	return []page{
		{"experiments", "#/experiments", "", []string{"Sales Forecasting Experiment", "Default"}},
		{"runs table", experiment + "/runs", "", []string{"Training Run A", "Training Run B", "walmart_sales"}},
		{"charts", experiment + "/runs?compareRunsMode=CHART", "", []string{"Training Run A", "train_rmse", "final_rmse"}},
		{"models of an experiment", experiment + "/models", "", []string{"xgboost_model", "Training Run B"}},
		{"run", run, "", []string{"Training Run B", "notes on Training Run B", "final_rmse", "49876.5", "xgboost_max_depth", "walmart_sales", "ann", "XGB-Sales-Forecasting"}},
		{"metrics of a run", run + "/model-metrics", "", []string{"train_rmse", "final_rmse"}},
		{"artifacts of a run", run + "/artifacts", "notes.txt", []string{"predictions", "notes.txt", "artifact text of Training Run B"}},
		{"comparison", compare, "", []string{"Comparing 2 Runs", "Training Run A", "Training Run B", "rf_n_estimators", "51234.5"}},
		{"logged model", experiment + "/models/" + s.model, "", []string{"xgboost_model", "objective", "reg:squarederror", "holdout_rmse", "Ready"}},
		{"artifacts of a logged model", experiment + "/models/" + s.model + "/artifacts", "MLmodel", []string{"MLmodel", "xgb_version"}},
		{"registered models", "#/models", "", []string{"XGB-Sales-Forecasting", "champion"}},
		{"registered model", "#/models/XGB-Sales-Forecasting", "", []string{"Gradient boosting of the pipeline.", "Version 1", "champion"}},
		{"version", "#/models/XGB-Sales-Forecasting/versions/1", "", []string{"First champion.", "champion", "gate", "passed", "Training Run B"}},
	}
}

// refusals collects the answers of 400 and more that the pages got.
type refusals struct {
	sync.Mutex
	seen []string
}

func (r *refusals) note(event any) {
	if e, ok := event.(*network.EventResponseReceived); ok && e.Response.Status >= 400 {
		r.Lock()
		defer r.Unlock()
		at, _, _ := strings.Cut(e.Response.URL, "?")
		if line := fmt.Sprintf("%d %s", e.Response.Status, at); !slices.Contains(r.seen, line) {
			r.seen = append(r.seen, line)
		}
	}
}

// browser starts Chromium, which asks nobody but the server.
func browser(t *testing.T, chromium string, r *refusals) context.Context {
	t.Helper()
	flags := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chromium), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.UserDataDir(t.TempDir()), chromedp.WindowSize(1600, 1100))
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), flags...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Listen(ctx, r.note); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Call(ctx, network.Enable, network.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	return ctx
}

// waitFor waits until the page shows the text. A page that moves on to another
// document takes the waiting with it: it is asked again.
func waitFor(ctx context.Context, text string) error {
	for {
		_, err := chromedp.Run(ctx, chromedp.Poll[bool](fmt.Sprintf(`document.body.innerText.includes(%q)`, text), chromedp.WithPollingTimeout(0)))
		if err == nil || ctx.Err() != nil || !strings.Contains(err.Error(), "Cannot find context") {
			return err
		}
	}
}

// show opens the page, waits until it shows all its text, and takes a picture.
func (p page) show(ctx context.Context, t *testing.T, base, pictures string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, pageTimeout)
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank"), chromedp.Navigate(base+p.path)); err != nil {
		t.Fatal(err)
	}
	err := error(nil)
	if p.click != "" {
		at := fmt.Sprintf(`//*[text()=%q]`, p.click)
		err = chromedp.Do(ctx, chromedp.WaitVisible(at), chromedp.Click(at))
	}
	for _, text := range p.want {
		if err == nil {
			err = waitFor(ctx, text)
		}
	}
	if err != nil { // the time is over, but the browser still tells what it shows
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		ctx = late
	}
	shown, e := chromedp.Run(ctx, chromedp.Evaluate[string](`document.body.innerText`))
	if e != nil {
		t.Errorf("text: %v", e)
	}
	picture, e := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if e != nil {
		t.Errorf("picture: %v", e)
	}
	if e := os.WriteFile(filepath.Join(pictures, strings.ReplaceAll(p.name, " ", "-")+".png"), picture, 0o600); e != nil {
		t.Error(e)
	}
	if err != nil {
		t.Errorf("want %q: %v\nit shows:\n%s", p.want, err, shown)
	}
}

// The stock pages work on this server. Their pictures are kept where
// UI_PICTURES says, for people to look at.
func TestStockPagesInChromium(t *testing.T) {
	pages, chromium := stockPages(t)
	s := openShop(t, pages, "/mlflow")
	pictures := os.Getenv("UI_PICTURES")
	if pictures == "" {
		pictures = t.TempDir()
	}
	var refused refusals
	ctx := browser(t, chromium, &refused)
	for _, p := range s.pagesOf() {
		t.Run(p.name, func(t *testing.T) { p.show(ctx, t, s.url, pictures) })
	}
	for _, line := range refused.seen {
		// MLflow's own server has no accounts either, unless they are turned on,
		// and the assistant is no part of this one.
		if !strings.HasSuffix(line, "/ajax-api/2.0/mlflow/users/current") && !strings.Contains(line, "/ajax-api/3.0/mlflow/assistant/") {
			t.Errorf("a page was refused: %s", line)
		}
	}
}
