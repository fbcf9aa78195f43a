package sqlstore

import (
	"testing"

	"github.com/salesctl/salesctl/pkg/mlflow/mlflowtest"
)

func TestContract(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		mlflowtest.Run(t, func(t *testing.T) mlflowtest.Server { return openAt(t, dsn, Options{}) })
	})
}

func TestContractOfWorkspaces(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		mlflowtest.RunWorkspaces(t, func(t *testing.T) mlflowtest.Divided { return openAt(t, dsn, Options{Workspaces: true}) })
	})
}
