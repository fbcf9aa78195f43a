package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/mlflow"
)

// newTrackingWorkspaces makes `salesctl tracking workspaces` and what is below it.
func newTrackingWorkspaces(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "workspaces",
		Short: "Make, list and delete the workspaces of a server that has them",
		Long: `Make, list and delete workspaces, which divide a tracking server or a database
into parts that know nothing of each other. A server has them when it was started
with --enable-workspaces, a database here with MLFLOW_ENABLE_WORKSPACES=true.`,
		Example: `  salesctl tracking workspaces create team-a
  MLFLOW_WORKSPACE=team-a salesctl runs list
  salesctl tracking workspaces delete team-a --contents move`,
	}
	cmd.AddCommand(newWorkspacesCreate(a), newWorkspacesList(a), newWorkspacesDelete(a))
	return cmd
}

// workspaces opens the tracking place for f. Nothing is in a workspace here: the one
// of the settings may be what is to be made.
func (a *app) workspaces(cmd *cobra.Command, f func(context.Context, mlflow.Workspaces) error) error {
	s, err := a.settings(cmd)
	if err != nil {
		return err
	}
	s.Tracking.Workspace = ""
	ctx := cmd.Context()
	return a.withTracking(ctx, s, false, func(t *tracking) error {
		if t.far != nil {
			return f(ctx, t.far)
		}
		return f(ctx, t.store)
	})
}

func newWorkspacesCreate(a *app) *cobra.Command {
	var description, root string
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Make a workspace",
		Args:  takes(1, 1),
		Example: `  salesctl tracking workspaces create team-a
  salesctl tracking workspaces create team-a --description "the north"
  salesctl tracking workspaces create team-a --artifact-root s3://bucket/team-a`,
		RunE: func(cmd *cobra.Command, args []string) error {
			w := mlflow.Workspace{Name: args[0]}
			if description != "" { // MLflow tells an empty text from none
				w.Description = &description
			}
			if root != "" {
				w.ArtifactRoot = &root
			}
			return a.workspaces(cmd, func(ctx context.Context, in mlflow.Workspaces) error {
				made, err := in.CreateWorkspace(ctx, w)
				if err != nil {
					return err
				}
				a.note("made workspace %s", made.Name)
				a.note("next: export MLFLOW_WORKSPACE=%s", made.Name)
				return a.done(workspacesTable([]mlflow.Workspace{made}))
			})
		},
	}
	cmd.Flags().StringVar(&description, "description", "", "what it is for: a `TEXT`")
	cmd.Flags().StringVar(&root, "artifact-root", "", "the `URI` below which its experiments get their artifacts; empty means a folder of the server's own place")
	return cmd
}

func newWorkspacesList(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the workspaces by name",
		Args:  noArgs,
		Example: `  salesctl tracking workspaces list
  salesctl tracking workspaces list --json
  MLFLOW_TRACKING_URI=http://127.0.0.1:5000 salesctl tracking workspaces list`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.workspaces(cmd, func(ctx context.Context, in mlflow.Workspaces) error {
				list, err := in.ListWorkspaces(ctx)
				if err != nil {
					return err
				}
				return a.render(workspacesTable(list))
			})
		},
	}
}

func newWorkspacesDelete(a *app) *cobra.Command {
	var c change
	var contents string
	cmd := &cobra.Command{
		Use:   "delete NAME",
		Short: "Delete a workspace",
		Long: `Delete a workspace. One in which anything is stays, unless --contents says what
becomes of that: move puts it into the default workspace, where its names must be
free, and delete deletes it for good. Files stay where they are.`,
		Args: takes(1, 1),
		Example: `  salesctl tracking workspaces delete team-a
  salesctl tracking workspaces delete team-a --contents move --yes
  salesctl tracking workspaces delete team-a --contents delete --dry-run`,
		RunE: func(cmd *cobra.Command, args []string) error {
			how, what, err := contentsOf(contents)
			if err != nil {
				return err
			}
			return a.workspaces(cmd, func(ctx context.Context, in mlflow.Workspaces) error {
				w, err := in.GetWorkspace(ctx, args[0]) // before the question: a dry run fails as the run would
				if err != nil {
					return err
				}
				ok, err := c.agreed(a, "delete workspace "+w.Name+what)
				if err != nil {
					return err
				}
				if ok {
					if err := in.DeleteWorkspace(ctx, w.Name, how); err != nil {
						return err
					}
					a.note("deleted %s", w.Name)
				}
				return a.done(table{Thing: "deleted-workspaces", Columns: columns("name", "deleted"), Rows: [][]any{{w.Name, ok}}})
			})
		},
	}
	c.add(cmd)
	cmd.Flags().StringVar(&contents, "contents", "keep", "what becomes of what is in it: `WHAT` of keep (then it is not deleted), move, delete")
	return cmd
}

// contentsOf reads --contents, and says it in words for a question.
func contentsOf(text string) (how mlflow.WorkspaceDeletion, what string, err error) {
	switch text {
	case "keep":
		return mlflow.OnlyEmpty, ", if it is empty", nil
	case "move":
		return mlflow.MoveToDefault, " and move what is in it to " + mlflow.DefaultWorkspace, nil
	case "delete":
		return mlflow.DeleteAll, " and, for good, all that is in it", nil
	}
	return "", "", fault.New(fault.Usage, "--contents: there is no %q", text).
		WithHint("the choices are keep, move, delete")
}

// workspacesTable shows a line a workspace.
func workspacesTable(list []mlflow.Workspace) table {
	// Without what becomes of traces, which salesctl neither has nor archives.
	t := table{Thing: "workspaces", Columns: columns("name", "description", "artifact_root")}
	for _, w := range list {
		row := []any{w.Name, nil, nil}
		for i, text := range []*string{w.Description, w.ArtifactRoot} {
			if text != nil {
				row[i+1] = *text
			}
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}
