package client_test

import (
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/salesctl/salesctl/pkg/artifact"
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
