package mlflow

import (
	"context"
	"path"
	"regexp"
	"strings"
)

// DefaultWorkspace is the workspace of everything that names none. It is always
// there, and all there is where workspaces are off.
const DefaultWorkspace = "default"

// WorkspaceHeader is the header in which a request names its workspace.
const WorkspaceHeader = "X-MLFLOW-WORKSPACE"

// Workspace is a part of a server that knows nothing of the others: experiments
// with all that hangs on them, and registered models. A nil field is not set; in
// an update it stays as it is, and an empty text clears it.
type Workspace struct {
	Name         string         `json:"name"`
	Description  *string        `json:"description,omitempty"`
	ArtifactRoot *string        `json:"default_artifact_root,omitempty"` // the URI below which its experiments get their place
	Archival     *TraceArchival `json:"trace_archival_config,omitempty"`
}

// TraceArchival says where MLflow's own server archives the traces of a
// workspace, and after which time, such as 30d. Here it is only kept.
type TraceArchival struct {
	Location  *string `json:"location,omitempty"`
	Retention *string `json:"retention,omitempty"`
}

// WorkspaceDeletion says what becomes of what is in a workspace that is deleted.
type WorkspaceDeletion string

// The ways of deleting a workspace.
const (
	MoveToDefault WorkspaceDeletion = "SET_DEFAULT" // it goes to the default workspace, if its names are free there
	DeleteAll     WorkspaceDeletion = "CASCADE"     // it is deleted for good, but for the files
	OnlyEmpty     WorkspaceDeletion = "RESTRICT"    // the deletion is refused
)

// Workspaces makes, finds, changes and deletes workspaces.
type Workspaces interface {
	CreateWorkspace(ctx context.Context, w Workspace) (Workspace, error)
	GetWorkspace(ctx context.Context, name string) (Workspace, error)
	ListWorkspaces(ctx context.Context) ([]Workspace, error) // by name
	UpdateWorkspace(ctx context.Context, w Workspace) (Workspace, error)
	DeleteWorkspace(ctx context.Context, name string, how WorkspaceDeletion) error
}

// workspaceKey is the key of a context's workspace.
type workspaceKey struct{}

// WithWorkspace returns a context whose calls work in a workspace.
func WithWorkspace(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, workspaceKey{}, name)
}

// WorkspaceOf returns the workspace that WithWorkspace gave the context, "" where
// it has none: then the one called has one of its own, or DefaultWorkspace.
func WorkspaceOf(ctx context.Context) string {
	name, _ := ctx.Value(workspaceKey{}).(string)
	return name
}

// What the name of a workspace is like: that of a Kubernetes namespace, and no
// word that begins a path of the server.
const (
	minWorkspaceName = 2
	maxWorkspaceName = 63
	workspaceForm    = `^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
)

var workspaceName = regexp.MustCompile(workspaceForm)

// CheckWorkspaceName refuses what cannot be the name of a workspace.
func CheckWorkspaceName(name string) error {
	n := len([]rune(name))
	switch {
	case name == DefaultWorkspace:
		return nil
	case n < minWorkspaceName || n > maxWorkspaceName:
		return Errorf(InvalidParameterValue, "Workspace name '%s' must be between %d and %d characters.", name, minWorkspaceName, maxWorkspaceName)
	case !workspaceName.MatchString(name):
		return Errorf(InvalidParameterValue, "Workspace name '%s' must match the pattern %s (lowercase alphanumeric with optional internal hyphens).", name, workspaceForm)
	}
	switch name {
	case workspaceFolder, "api", "ajax-api", "static-files":
		return Errorf(InvalidParameterValue, "Workspace name '%s' is reserved and cannot be used.", name)
	}
	return nil
}

// workspaceFolder holds a folder for each workspace.
const workspaceFolder = "workspaces"

// ArtifactFolder is the folder of a workspace below a place that all share.
func ArtifactFolder(workspace string) string { return path.Join(workspaceFolder, workspace) }

// ScopedPath is where a path of mlflow-artifacts:/ lies for a workspace: below the
// workspace's folder, in which it may stand already. The default workspace also
// has what lies outside of all these folders, since it was there before them.
func ScopedPath(workspace, p string) (string, error) {
	clean := strings.TrimPrefix(path.Clean("/"+p), "/") // ./workspaces is workspaces, too
	first, rest, _ := strings.Cut(clean, "/")
	named, _, _ := strings.Cut(rest, "/")
	switch {
	case first != workspaceFolder && workspace == DefaultWorkspace:
		return p, nil
	case first != workspaceFolder:
		return path.Join(ArtifactFolder(workspace), clean) + trailing(p), nil
	case named == "":
		return "", Errorf(InvalidParameterValue, "Artifact paths prefixed with 'workspaces/' must include a workspace name.")
	case named != workspace:
		return "", Errorf(InvalidParameterValue,
			"Artifact path targets workspace '%s' but the workspace specified in the request is '%s'.", named, workspace)
	}
	return clean + trailing(p), nil
}

// trailing is the slash at a path's end, which says that it names a folder.
func trailing(p string) string {
	if strings.HasSuffix(p, "/") {
		return "/"
	}
	return ""
}
