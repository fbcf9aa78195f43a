package sqlstore

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/mlflow"
)

// Workspaces divide a database: experiments and registered models have a column
// for theirs, and all else belongs to one of these. Without workspaces everything
// lies in the default one, and what follows adds nothing to a query.

// scope is the part of the database that a transaction sees.
type scope struct {
	workspace string
	scoped    bool // there may be others
}

// scope is that of a call.
func (s *Store) scope(ctx context.Context) (scope, error) {
	in := scope{cmp.Or(mlflow.WorkspaceOf(ctx), s.workspace, mlflow.DefaultWorkspace), s.scoped}
	if !in.scoped && in.workspace != mlflow.DefaultWorkspace {
		return in, workspacesOff("unset MLFLOW_WORKSPACE, or set MLFLOW_ENABLE_WORKSPACES=true")
	}
	return in, nil
}

// workspacesOff is the refusal of every workspace but the default one.
func workspacesOff(hint string) error {
	return mlflow.Errorf(mlflow.FeatureDisabled, "Workspace APIs are not available: workspaces are not enabled on this server").
		WithHint("%s", hint)
}

// here is the condition, to stand behind another, that a row of the table, which
// has a workspace, is in this one. The arguments are those of the whole query.
func (c scope) here(table string, args ...any) (string, []any) {
	if !c.scoped {
		return "", args
	}
	return " AND " + table + ".workspace = ?", append(args, c.workspace)
}

// inside is the condition that a row's experiment is in this workspace.
func (c scope) inside(table string, args ...any) (string, []any) {
	if !c.scoped {
		return "", args
	}
	return " AND EXISTS (SELECT 1 FROM experiments w WHERE w.experiment_id = " + table + ".experiment_id AND w.workspace = ?)",
		append(args, c.workspace)
}

// limited returns the selection with one more condition, such as those above.
func (s *selection) limited(condition string, args []any) *selection {
	if condition == "" {
		return s
	}
	out := *s
	out.where = append(slices.Clone(s.where), strings.TrimPrefix(condition, " AND "))
	out.whereArgs = append(slices.Clone(s.whereArgs), args...)
	return &out
}

// reachable refuses runs that are not in this workspace. Without workspaces a run
// that does not exist has no history, and that is no error.
func (t tx) reachable(runs ...string) error {
	if !t.scoped {
		return nil
	}
	for _, id := range runs {
		if _, err := t.runInfo(id); err != nil {
			return err
		}
	}
	return nil
}

// rootOf is where the experiments of the workspace get their place, for a server
// whose own place is the one given.
func (t tx) rootOf(server string) (string, error) {
	if !t.scoped {
		return server, nil
	}
	own, ok, err := one(t, text, "SELECT COALESCE(default_artifact_root, '') FROM workspaces WHERE name = ?", t.workspace)
	if ok && own != "" {
		return own, nil
	}
	return join(server, mlflow.ArtifactFolder(t.workspace)), err
}

// checkWorkspaces refuses a database that does not fit to how it is opened: with
// things in workspaces that nobody would see, or without the workspace that calls
// are to be in. Every text but the hints is MLflow's.
func (s *Store) checkWorkspaces(ctx context.Context) error {
	if s.scoped {
		if err := checkRoot(s.root); err != nil {
			return err
		}
		if s.workspace == "" {
			return nil
		}
		_, err := s.GetWorkspace(ctx, s.workspace)
		if fault.Is(err, fault.NotFound) {
			return fault.New(fault.NotFound, "%w", err).WithHint("`salesctl tracking workspaces list` shows those there are, `salesctl tracking workspaces create %s` makes it", s.workspace)
		}
		return err
	}
	return s.read(ctx, func(t tx) error {
		for _, held := range []struct{ query, text string }{
			{"SELECT '', '' FROM experiments WHERE workspace <> 'default' LIMIT 1",
				"experiments exist outside the default workspace (i.e., assigned to non-default workspaces). Enable workspace support (MLFLOW_ENABLE_WORKSPACES=true) or move those experiments back to the default workspace before starting the tracking store in single-tenant mode."},
			{"SELECT name, workspace FROM registered_models WHERE workspace <> 'default' LIMIT 1",
				"registered models exist outside the default workspace (for example, model '%s' in workspace '%s'). Either remove those models or re-enable workspaces before starting."},
			{"SELECT webhook_id, workspace FROM webhooks WHERE workspace <> 'default' LIMIT 1",
				"webhooks exist outside the default workspace (for example, webhook '%s' in workspace '%s'). Either remove those webhooks or re-enable workspaces before starting."},
		} {
			found, ok, err := one(t, scanTag, held.query)
			if err != nil {
				return err
			}
			if ok {
				text := strings.Replace(strings.Replace(held.text, "%s", found.Key, 1), "%s", found.Value, 1)
				return mlflow.Errorf(mlflow.InvalidState, "Cannot disable workspaces because %s", text).
					WithHint("start with --enable-workspaces, or set MLFLOW_ENABLE_WORKSPACES=true")
			}
		}
		return nil
	})
}

// checkRoot refuses a place that would mix with the folders of workspaces.
func checkRoot(root string) error {
	path := root
	if _, rest, ok := strings.Cut(root, ":"); ok {
		path = rest
	}
	segments := strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
	n := len(segments)
	switch {
	case n > 0 && segments[n-1] == "workspaces":
		return mlflow.Errorf(mlflow.InvalidState, "Cannot enable workspace mode because the default artifact root %s ends with the reserved 'workspaces' segment. Choose a different artifact root before enabling workspaces.", root)
	case n > 1 && segments[n-2] == "workspaces":
		return mlflow.Errorf(mlflow.InvalidState, "Cannot enable workspace mode because the default artifact root %s is already scoped under the reserved 'workspaces/<name>' prefix. Configure a different artifact root before enabling workspaces.", root)
	}
	return nil
}
