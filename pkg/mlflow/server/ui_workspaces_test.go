package server_test

import (
	"context"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/salesctl/salesctl/pkg/artifact"
	"github.com/salesctl/salesctl/pkg/mlflow"
	"github.com/salesctl/salesctl/pkg/mlflow/server"
	"github.com/salesctl/salesctl/pkg/mlflow/sqlstore"
)

// The stock pages know workspaces: they list them, and show what is in one.
func TestStockPagesOfWorkspaces(t *testing.T) {
	pages, chromium := stockPages(t)
	dir := t.TempDir()
	db, err := sqlstore.Open(t.Context(), "sqlite:///"+filepath.Join(dir, "mlflow.db"), sqlstore.Options{Create: true, Workspaces: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	files := artifact.NewLocal(filepath.Join(dir, "artifacts"))
	s := httptest.NewServer(server.New(server.Options{Tracking: db, Registry: db, Workspaces: db, Artifacts: files, UI: pages}))
	t.Cleanup(s.Close)
	description := "Those in the north."
	must(db.CreateWorkspace(t.Context(), mlflow.Workspace{Name: "team-north", Description: &description}))(t)
	in := mlflow.WithWorkspace(t.Context(), "team-north")
	experiment := must(db.CreateExperiment(in, mlflow.NewExperiment{Name: "Sales of the north"}))(t)
	must(db.CreateExperiment(t.Context(), mlflow.NewExperiment{Name: "Sales of all"}))(t)
	run := must(db.CreateRun(in, mlflow.NewRun{ExperimentID: experiment, Name: "northern run", StartTime: 1}))(t)
	put(in, t, files, run.Info.ArtifactURI+"/notes.txt", "text of the north\n")
	must(db.CreateRegisteredModel(in, mlflow.NewRegisteredModel{Name: "Northern-Forecasting"}))(t)

	var refused refusals
	ctx := browser(t, chromium, &refused)
	const north = "?workspace=team-north"
	at := "#/experiments/" + experiment
	for _, p := range []page{
		{"workspaces", "#/", "", []string{"team-north", "Those in the north."}},
		{"experiments", "#/experiments?workspace=default", "", []string{"Sales of all"}},
		{"experiments of a workspace", "#/experiments" + north, "", []string{"Sales of the north"}},
		{"runs of a workspace", at + "/runs" + north, "", []string{"northern run"}},
		{"artifacts of a workspace", at + "/runs/" + run.Info.ID + "/artifacts" + north, "notes.txt", []string{"notes.txt", "text of the north"}},
		{"models of a workspace", "#/models" + north, "", []string{"Northern-Forecasting"}},
	} {
		t.Run(p.name, func(t *testing.T) { p.show(ctx, t, s.URL+"/", t.TempDir()) })
	}
	for _, line := range refused.seen {
		if !strings.HasSuffix(line, "/ajax-api/2.0/mlflow/users/current") && !strings.Contains(line, "/ajax-api/3.0/mlflow/assistant/") {
			t.Errorf("a page was refused: %s", line)
		}
	}
}

// put writes a file of the proxy.
func put(ctx context.Context, t *testing.T, files artifact.Store, uri, body string) {
	t.Helper()
	if err := files.Put(ctx, strings.TrimPrefix(uri, "mlflow-artifacts:/"), strings.NewReader(body)); err != nil {
		t.Fatal(err)
	}
}
