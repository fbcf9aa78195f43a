package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/salesctl/salesctl/pkg/database"
	"github.com/salesctl/salesctl/pkg/mlflow"
)

var _ mlflow.Workspaces = (*Store)(nil)

// workspaceTables are those whose rows are directly in a workspace, in the order
// in which MLflow looks into them; unique says that they have a name, and that it
// must be free where the row goes.
var workspaceTables = []struct {
	name   string
	unique bool
}{
	{"registered_models", true}, {"experiments", true}, {"evaluation_datasets", true}, {"webhooks", true},
	{"secrets", false}, {"endpoints", true}, {"model_definitions", true}, {"budget_policies", false},
	{"guardrails", true}, {"jobs", false}, {"mcp_servers", true},
}

// emptiedTables are the tables of workspaceTables that a statement each empties; what
// refers to others comes before them.
var emptiedTables = []string{
	"guardrails", "endpoints", "model_definitions", "secrets", "budget_policies", "evaluation_datasets", "webhooks", "jobs", "mcp_servers",
}

func scanWorkspace(r scanner) (w mlflow.Workspace, err error) {
	var location, retention sql.NullString
	err = r.Scan(&w.Name, &w.Description, &w.ArtifactRoot, &location, &retention)
	if location.Valid || retention.Valid {
		w.Archival = &mlflow.TraceArchival{}
	}
	if location.Valid {
		w.Archival.Location = &location.String
	}
	if retention.Valid {
		w.Archival.Retention = &retention.String
	}
	return w, err
}

// wantWorkspaces refuses to look after workspaces in a database without them.
func (s *Store) wantWorkspaces() error {
	if s.scoped {
		return nil
	}
	return workspacesOff("set MLFLOW_ENABLE_WORKSPACES=true")
}

const selectWorkspaces = "SELECT name, description, default_artifact_root, trace_archival_location, trace_archival_retention FROM workspaces"

// findWorkspace returns a workspace by its name.
func (t tx) findWorkspace(name string) (mlflow.Workspace, error) {
	w, ok, err := one(t, scanWorkspace, selectWorkspaces+" WHERE name = ?", name)
	if err == nil && !ok {
		err = mlflow.Errorf(mlflow.ResourceDoesNotExist, "Workspace '%s' not found", name)
	}
	return w, err
}

// GetWorkspace returns a workspace.
func (s *Store) GetWorkspace(ctx context.Context, name string) (w mlflow.Workspace, err error) {
	if err := s.wantWorkspaces(); err != nil {
		return w, err
	}
	err = s.read(ctx, func(t tx) error {
		w, err = t.findWorkspace(name)
		return err
	})
	return w, err
}

// ListWorkspaces returns all workspaces by name.
func (s *Store) ListWorkspaces(ctx context.Context) (list []mlflow.Workspace, err error) {
	if err := s.wantWorkspaces(); err != nil {
		return nil, err
	}
	err = s.read(ctx, func(t tx) error {
		list, err = all(t, scanWorkspace, selectWorkspaces+" ORDER BY name")
		return err
	})
	return list, err
}

// CreateWorkspace makes a workspace; of its texts only the description may be
// there and empty.
func (s *Store) CreateWorkspace(ctx context.Context, w mlflow.Workspace) (out mlflow.Workspace, err error) {
	if err := s.wantWorkspaces(); err != nil {
		return out, err
	}
	if err := mlflow.CheckWorkspaceName(w.Name); err != nil {
		return out, err
	}
	err = s.write(ctx, func(t tx) error {
		archival := archivalOf(w)
		_, err := t.exec("INSERT INTO workspaces (name, description, default_artifact_root, trace_archival_location, trace_archival_retention) VALUES (?, ?, ?, ?, ?)",
			w.Name, w.Description, filled(w.ArtifactRoot), filled(archival.Location), filled(archival.Retention))
		if database.IsDuplicate(err) {
			err = mlflow.Errorf(mlflow.ResourceAlreadyExists, "Workspace '%s' already exists. Error: (sqlite3.IntegrityError) UNIQUE constraint failed: workspaces.name", w.Name)
		}
		if err != nil {
			return err
		}
		out, err = t.findWorkspace(w.Name)
		return err
	})
	return out, err
}

func archivalOf(w mlflow.Workspace) mlflow.TraceArchival {
	if w.Archival == nil {
		return mlflow.TraceArchival{}
	}
	return *w.Archival
}

// filled is a text as a row keeps it: an empty one is none.
func filled(s *string) any {
	if s == nil {
		return nil
	}
	return null(*s)
}

// UpdateWorkspace changes what is not nil.
func (s *Store) UpdateWorkspace(ctx context.Context, w mlflow.Workspace) (out mlflow.Workspace, err error) {
	if err := s.wantWorkspaces(); err != nil {
		return out, err
	}
	err = s.write(ctx, func(t tx) error {
		if _, err := t.findWorkspace(w.Name); err != nil {
			return err
		}
		archival := archivalOf(w)
		for _, field := range []struct {
			column string
			given  *string
			value  any
		}{
			{"description", w.Description, w.Description},
			{"default_artifact_root", w.ArtifactRoot, filled(w.ArtifactRoot)},
			{"trace_archival_location", archival.Location, filled(archival.Location)},
			{"trace_archival_retention", archival.Retention, filled(archival.Retention)},
		} {
			if field.given == nil {
				continue
			}
			if _, err := t.exec("UPDATE workspaces SET "+field.column+" = ? WHERE name = ?", field.value, w.Name); err != nil {
				return err
			}
		}
		out, err = t.findWorkspace(w.Name)
		return err
	})
	return out, err
}

// DeleteWorkspace deletes a workspace; how says what becomes of what is in it.
func (s *Store) DeleteWorkspace(ctx context.Context, name string, how mlflow.WorkspaceDeletion) error {
	if err := s.wantWorkspaces(); err != nil {
		return err
	}
	if name == mlflow.DefaultWorkspace {
		return mlflow.Errorf(mlflow.InvalidState, "Cannot delete the reserved 'default' workspace")
	}
	return s.write(ctx, func(t tx) error {
		if _, err := t.findWorkspace(name); err != nil {
			return err
		}
		t.workspace = name
		var err error
		switch how {
		case mlflow.OnlyEmpty:
			err = t.wantEmpty()
		case mlflow.DeleteAll:
			err = t.deleteAll(s.millis())
		case mlflow.MoveToDefault:
			err = t.moveToDefault()
		default:
			err = mlflow.Errorf(mlflow.InvalidParameterValue, "Invalid workspace deletion mode %s. Expected one of: RESTRICT, CASCADE, SET_DEFAULT.", quoted(string(how)))
		}
		if err != nil {
			return err
		}
		_, err = t.exec("DELETE FROM workspaces WHERE name = ?", name)
		return err
	})
}

// wantEmpty refuses a workspace in which anything is.
func (t tx) wantEmpty() error {
	for _, table := range workspaceTables {
		n, _, err := one(t, number, "SELECT COUNT(*) FROM "+table.name+" WHERE workspace = ?", t.workspace)
		if err != nil {
			return err
		}
		if n > 0 {
			return mlflow.Errorf(mlflow.InvalidState, "Cannot delete workspace '%s': table '%s' still contains %d resource(s). Remove or reassign them before deleting the workspace.",
				t.workspace, table.name, n)
		}
	}
	return nil
}

// deleteAll deletes for good all that is in the workspace; files stay.
func (t tx) deleteAll(now int64) error {
	names, err := all(t, text, "SELECT name FROM registered_models WHERE workspace = ? ORDER BY name", t.workspace)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := t.deleteRegistered(name, now); err != nil {
			return err
		}
	}
	for _, table := range emptiedTables {
		if _, err := t.exec("DELETE FROM "+table+" WHERE workspace = ?", t.workspace); err != nil {
			return err
		}
	}
	var trash []Trash
	for _, part := range []struct {
		kind  Kind
		query string
	}{
		{KindModel, "SELECT m.model_id FROM logged_models m JOIN experiments e ON e.experiment_id = m.experiment_id WHERE e.workspace = ?"},
		{KindRun, "SELECT r.run_uuid FROM runs r JOIN experiments e ON e.experiment_id = r.experiment_id WHERE e.workspace = ?"},
		{KindExperiment, "SELECT experiment_id FROM experiments WHERE workspace = ?"},
	} {
		ids, err := all(t, text, part.query, t.workspace)
		if err != nil {
			return err
		}
		for _, id := range ids {
			trash = append(trash, Trash{Kind: part.kind, ID: id})
		}
	}
	return t.purge(trash)
}

// moveToDefault moves all that is in the workspace to the default one, or nothing
// where a name is taken there. What belongs to a registered model follows by its
// foreign keys.
func (t tx) moveToDefault() error {
	var taken []string
	for _, table := range workspaceTables {
		if !table.unique {
			continue
		}
		names, err := all(t, text, "SELECT name FROM "+table.name+" WHERE workspace = ? AND name IN (SELECT name FROM "+table.name+" WHERE workspace = 'default')", t.workspace)
		if err != nil {
			return err
		}
		for _, name := range names {
			taken = append(taken, fmt.Sprintf("  - %s: %s", table.name, quoted(name)))
		}
	}
	if len(taken) > 0 {
		return mlflow.Errorf(mlflow.InvalidState, "Cannot reassign resources from workspace '%s' to 'default': the following names already exist in the default workspace and would cause conflicts:\n%s\nRename or remove the conflicting resources before retrying.",
			t.workspace, strings.Join(taken, "\n"))
	}
	for _, table := range workspaceTables {
		_, err := t.exec("UPDATE "+table.name+" SET workspace = 'default' WHERE workspace = ?", t.workspace)
		if database.IsDuplicate(err) { // secrets, which have a name by another name
			err = mlflow.Errorf(mlflow.InvalidState, "Cannot delete workspace '%s': resources in this workspace conflict with existing resources in the 'default' workspace. Resolve naming conflicts before deleting. Error: %v", t.workspace, err)
		}
		if err != nil {
			return err
		}
	}
	_, err := t.exec("UPDATE salesctl_alias_log SET workspace = 'default' WHERE workspace = ?", t.workspace)
	return err
}
