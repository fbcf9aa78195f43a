package client_test

import (
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/salesctl/salesctl/pkg/artifact"
	"github.com/salesctl/salesctl/pkg/mlflow"
	"github.com/salesctl/salesctl/pkg/mlflow/client"
	"github.com/salesctl/salesctl/pkg/mlflow/mlflowtest"
	"github.com/salesctl/salesctl/pkg/mlflow/server"
	"github.com/salesctl/salesctl/pkg/mlflow/sqlstore"
)

func TestAgainstOurServer(t *testing.T) {
	dir := t.TempDir()
	store, err := sqlstore.Open(t.Context(), "sqlite:///"+filepath.Join(dir, "mlflow.db"), sqlstore.Options{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	s := httptest.NewServer(server.New(server.Options{
		Tracking: store, Registry: store, Artifacts: artifact.NewLocal(filepath.Join(dir, "artifacts")),
	}))
	defer s.Close()
	everything(t, open(t, s.URL))
}

func TestWorkspacesAgainstOurServer(t *testing.T) {
	store, err := sqlstore.Open(t.Context(), "sqlite:///"+filepath.Join(t.TempDir(), "mlflow.db"), sqlstore.Options{Create: true, Workspaces: true})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	s := httptest.NewServer(server.New(server.Options{Tracking: store, Registry: store, Workspaces: store}))
	defer s.Close()
	mlflowtest.RunWorkspaces(t, func(t *testing.T) mlflowtest.Divided { return open(t, s.URL) })
	lost := open(t, s.URL, func(o *client.Options) { o.Workspace = "nobody-made-it" })
	if _, err := lost.GetExperiment(t.Context(), mlflow.DefaultExperiment); err == nil || err.Error() != "Workspace 'nobody-made-it' not found" {
		t.Errorf("in a workspace that is not there: %v", err)
	}
	if _, err := lost.GetExperiment(mlflow.WithWorkspace(t.Context(), mlflow.DefaultWorkspace), mlflow.DefaultExperiment); err != nil {
		t.Errorf("the context's workspace comes first: %v", err)
	}
}
