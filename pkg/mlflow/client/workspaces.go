package client

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/salesctl/salesctl/pkg/mlflow"
)

var _ mlflow.Workspaces = (*Client)(nil)

// workspaces is where workspaces are looked after, which is not in any of them.
const workspaces = "/api/3.0/mlflow/workspaces"

// workspaceAnswer holds a workspace.
type workspaceAnswer struct{ Workspace mlflow.Workspace }

// CreateWorkspace makes a workspace.
func (c *Client) CreateWorkspace(ctx context.Context, w mlflow.Workspace) (mlflow.Workspace, error) {
	a, err := call[workspaceAnswer](ctx, c, request{method: http.MethodPost, path: workspaces, body: w, once: true})
	return a.Workspace, err
}

// GetWorkspace returns a workspace.
func (c *Client) GetWorkspace(ctx context.Context, name string) (mlflow.Workspace, error) {
	a, err := call[workspaceAnswer](ctx, c, request{method: http.MethodGet, path: workspacePath(name)})
	return a.Workspace, err
}

// ListWorkspaces returns all workspaces by name.
func (c *Client) ListWorkspaces(ctx context.Context) ([]mlflow.Workspace, error) {
	a, err := call[struct{ Workspaces []mlflow.Workspace }](ctx, c, request{method: http.MethodGet, path: workspaces})
	return a.Workspaces, err
}

// UpdateWorkspace changes what is not nil.
func (c *Client) UpdateWorkspace(ctx context.Context, w mlflow.Workspace) (mlflow.Workspace, error) {
	a, err := call[workspaceAnswer](ctx, c, request{method: http.MethodPatch, path: workspacePath(w.Name), body: w})
	return a.Workspace, err
}

// DeleteWorkspace deletes a workspace; how says what becomes of what is in it.
func (c *Client) DeleteWorkspace(ctx context.Context, name string, how mlflow.WorkspaceDeletion) error {
	_, err := call[none](ctx, c, request{method: http.MethodDelete, path: workspacePath(name), query: url.Values{"mode": {string(how)}}})
	return err
}

func workspacePath(name string) string { return workspaces + "/" + url.PathEscape(name) }

// isWorkspaces reports whether a URL is one of these routes. They answer 503 where a
// server has no workspaces.
func isWorkspaces(u *url.URL) bool { return strings.Contains(u.Path, workspaces) }
