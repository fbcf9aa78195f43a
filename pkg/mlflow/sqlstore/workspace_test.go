package sqlstore

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/mlflow"
)

// divided is a store with two workspaces, in whose first a model stands.
func divided(t *testing.T, dsn string) (s *Store, a, b context.Context) {
	t.Helper()
	s = openAt(t, dsn, Options{Workspaces: true, ArtifactRoot: "s3://root"})
	for _, name := range []string{"team-a", "team-b"} {
		if _, err := s.CreateWorkspace(t.Context(), mlflow.Workspace{Name: name}); err != nil {
			t.Fatal(err)
		}
	}
	a, b = mlflow.WithWorkspace(t.Context(), "team-a"), mlflow.WithWorkspace(t.Context(), "team-b")
	if _, err := s.CreateRegisteredModel(a, mlflow.NewRegisteredModel{Name: "m"}); err != nil {
		t.Fatal(err)
	}
	return s, a, b
}

// What lies in other workspaces than the default one would be lost from sight.
func TestADividedDatabaseIsNotOpenedAsOne(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		s, a, _ := divided(t, dsn)
		want := []string{"registered models exist outside the default workspace (for example, model 'm' in workspace 'team-a')", "experiments exist outside the default workspace"}
		for i, text := range want {
			if i > 0 {
				if _, err := s.CreateExperiment(a, mlflow.NewExperiment{Name: "e"}); err != nil {
					t.Fatal(err)
				}
			}
			_, err := Open(t.Context(), dsn, Options{})
			if mlflow.CodeOf(err) != mlflow.InvalidState || !strings.HasPrefix(err.Error(), "Cannot disable workspaces because "+text) || fault.HintOf(err) == "" {
				t.Errorf("opened without workspaces: %v", err)
			}
		}
		if err := s.DeleteWorkspace(t.Context(), "team-a", mlflow.MoveToDefault); err != nil {
			t.Fatal(err)
		}
		again, err := Open(t.Context(), dsn, Options{})
		if err != nil {
			t.Fatalf("with all in the default workspace: %v", err)
		}
		defer again.Close()
		_, err = again.GetExperiment(a, mlflow.DefaultExperiment)
		if mlflow.CodeOf(err) != mlflow.FeatureDisabled {
			t.Errorf("a call in a workspace where there are none: %v", err)
		}
	})
}

func TestOpenInAWorkspace(t *testing.T) {
	dsn := file(t)
	divided(t, dsn)
	s, err := Open(t.Context(), dsn, Options{Workspaces: true, Workspace: "team-a"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.GetRegisteredModel(t.Context(), "m"); err != nil {
		t.Errorf("a call without a workspace is not in the store's: %v", err)
	}
	if _, err := s.GetRegisteredModel(mlflow.WithWorkspace(t.Context(), "default"), "m"); mlflow.CodeOf(err) != mlflow.ResourceDoesNotExist {
		t.Errorf("a call in another workspace: %v", err)
	}
	_, err = Open(t.Context(), dsn, Options{Workspaces: true, Workspace: "nope"})
	if mlflow.CodeOf(err) != mlflow.ResourceDoesNotExist {
		t.Errorf("in a workspace that does not exist: %v", err)
	}
	_, err = Open(t.Context(), file(t), Options{Create: true, Workspace: "team-a"})
	if mlflow.CodeOf(err) != mlflow.FeatureDisabled || fault.HintOf(err) == "" {
		t.Errorf("in a workspace where there are none: %v", err)
	}
}

func TestArtifactRootsThatWorkspacesCannotHave(t *testing.T) {
	for root, bad := range map[string]bool{
		"s3://bucket/workspaces": true, "/srv/workspaces/a": true, "mlflow-artifacts:/workspaces/": true,
		"s3://bucket/workspaces/a/b": false, "/srv/my-workspaces": false, "": false,
	} {
		s, err := Open(t.Context(), file(t), Options{Create: true, Workspaces: true, ArtifactRoot: root})
		if bad != (mlflow.CodeOf(err) == mlflow.InvalidState && err != nil) {
			t.Errorf("%s: %v", root, err)
		}
		if err == nil {
			_ = s.Close()
		}
	}
}

// What is collected is in the workspace of the call.
func TestCollectingInAWorkspace(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		s, a, b := divided(t, dsn)
		for _, ctx := range []context.Context{a, b} {
			id, err := s.CreateExperiment(ctx, mlflow.NewExperiment{Name: "e"})
			if err != nil {
				t.Fatal(err)
			}
			run, err := s.CreateRun(ctx, mlflow.NewRun{ExperimentID: id})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.CreateLoggedModel(ctx, mlflow.NewLoggedModel{ExperimentID: id, SourceRunID: run.Info.ID}); err != nil {
				t.Fatal(err)
			}
			if err := s.DeleteExperiment(ctx, id); err != nil {
				t.Fatal(err)
			}
		}
		count := func(ctx context.Context) int {
			trash, err := s.Deleted(ctx, -time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			return len(trash)
		}
		if n := []int{count(t.Context()), count(a), count(b)}; !cmp.Equal(n, []int{0, 3, 3}) {
			t.Fatalf("to collect in the default workspace, a and b: %v", n)
		}
		trash, err := s.Deleted(a, -time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range trash {
			if x.Workspace != "team-a" {
				t.Errorf("the %s is told to be in workspace %q", x.Kind, x.Workspace)
			}
		}
		if gone, err := s.Purge(b, trash, false); err != nil || len(gone) != 0 {
			t.Errorf("collected from another workspace: %v, %v", gone, err)
		}
		if gone, err := s.Purge(a, trash, false); err != nil || len(gone) != 3 {
			t.Errorf("collected: %v, %v", gone, err)
		}
		if n := []int{count(a), count(b)}; !cmp.Equal(n, []int{0, 3}) {
			t.Errorf("left in a and b: %v", n)
		}
	})
}

// A run measures no logged model of another workspace, whose id it may have heard of.
func TestMeasuringInAWorkspace(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		s, a, b := divided(t, dsn)
		made := func(ctx context.Context) (run, model string) {
			id, err := s.CreateExperiment(ctx, mlflow.NewExperiment{Name: "e"})
			if err != nil {
				t.Fatal(err)
			}
			r, err := s.CreateRun(ctx, mlflow.NewRun{ExperimentID: id})
			if err != nil {
				t.Fatal(err)
			}
			m, err := s.CreateLoggedModel(ctx, mlflow.NewLoggedModel{ExperimentID: id})
			if err != nil {
				t.Fatal(err)
			}
			return r.Info.ID, m.Info.ID
		}
		run, own := made(a)
		_, other := made(b)
		if err := s.LogMetric(a, run, mlflow.Metric{Key: "m", Value: 1, ModelID: own}); err != nil {
			t.Error(err)
		}
		if err := s.LogMetric(a, run, mlflow.Metric{Key: "m", Value: 1, ModelID: other}); mlflow.CodeOf(err) != mlflow.BadRequest {
			t.Errorf("a model of another workspace: %v", err)
		}
		if m, err := s.GetLoggedModel(b, other); err != nil || len(m.Data.Metrics) != 0 {
			t.Errorf("%+v, %v", m.Data.Metrics, err)
		}
	})
}

// Where there are no workspaces nobody looks after them.
func TestCareWithoutWorkspaces(t *testing.T) {
	s := openAt(t, file(t), Options{})
	ctx := t.Context()
	for name, do := range map[string]func() error{
		"create": func() error { _, err := s.CreateWorkspace(ctx, mlflow.Workspace{Name: "team-a"}); return err },
		"get":    func() error { _, err := s.GetWorkspace(ctx, mlflow.DefaultWorkspace); return err },
		"list":   func() error { _, err := s.ListWorkspaces(ctx); return err },
		"update": func() error { _, err := s.UpdateWorkspace(ctx, mlflow.Workspace{Name: "team-a"}); return err },
		"delete": func() error { return s.DeleteWorkspace(ctx, "team-a", mlflow.OnlyEmpty) },
	} {
		if err := do(); mlflow.CodeOf(err) != mlflow.FeatureDisabled || fault.HintOf(err) == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The log of aliases knows workspaces, too, and goes where the models go.
func TestAliasLogOfWorkspaces(t *testing.T) {
	each(t, func(t *testing.T, dsn string) {
		s, a, b := divided(t, dsn)
		if _, err := s.CreateModelVersion(a, mlflow.NewVersion{Name: "m", Source: "s3://x"}); err != nil {
			t.Fatal(err)
		}
		if err := s.SetAlias(a, "m", "best", "1"); err != nil {
			t.Fatal(err)
		}
		if _, err := s.AliasLog(b, "m"); mlflow.CodeOf(err) != mlflow.ResourceDoesNotExist {
			t.Errorf("the log of another workspace: %v", err)
		}
		if err := s.DeleteWorkspace(t.Context(), "team-a", mlflow.MoveToDefault); err != nil {
			t.Fatal(err)
		}
		log, err := s.AliasLog(t.Context(), "m")
		if err != nil || len(log) != 1 || log[0].New != "1" {
			t.Errorf("the log that moved: %v, %v", log, err)
		}
	})
}
