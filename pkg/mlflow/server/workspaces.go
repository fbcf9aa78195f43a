package server

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/salesctl/salesctl/pkg/mlflow"
)

// workspacesPath is where workspaces are looked after, which is the same in all
// of them.
const workspacesPath = "/3.0/mlflow/workspaces"

// workspaceRoutes make, show, change and delete workspaces.
func (h *handler) workspaceRoutes() []route {
	const one = workspacesPath + "/{workspace_name}"
	routes := []route{
		{http.MethodGet, workspacesPath, h.listWorkspaces},
		{http.MethodPost, workspacesPath, h.createWorkspace},
		{http.MethodGet, one, h.getWorkspace},
		{http.MethodPatch, one, h.updateWorkspace},
		{http.MethodDelete, one, h.deleteWorkspace},
	}
	if h.Workspaces == nil {
		for i := range routes {
			routes[i].serve = workspacesOff
		}
	}
	return twins(routes)
}

// workspacesOff answers where there are none, in a text, as MLflow's server does.
func workspacesOff(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(http.StatusServiceUnavailable)
	_, _ = fmt.Fprintf(w, "Endpoint: %s disabled because the server is running without workspaces support. "+
		"To enable workspaces, start it with --enable-workspaces", r.URL.Path) // a client that has gone cannot be told
	return nil
}

// inWorkspace serves a request in the workspace that its header names. What a
// server can do is told to those, too, whose workspace is gone.
func (h *handler) inWorkspace(serve func(http.ResponseWriter, *http.Request) error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		name := strings.TrimSpace(r.Header.Get(mlflow.WorkspaceHeader))
		if h.Workspaces == nil && name == "" || strings.HasSuffix(strings.TrimRight(r.URL.Path, "/"), "/mlflow/server-info") {
			return serve(w, r)
		}
		name, err := h.workspace(r.Context(), name)
		if err != nil {
			return err
		}
		return serve(w, r.WithContext(mlflow.WithWorkspace(r.Context(), name)))
	}
}

// workspace finds the workspace that a header names; the default one, which is
// always there, is not looked up.
func (h *handler) workspace(ctx context.Context, name string) (string, error) {
	switch {
	case h.Workspaces == nil:
		return "", mlflow.Errorf(mlflow.FeatureDisabled, "Workspace APIs are not available: workspaces are not enabled on this server")
	case name == "" || name == mlflow.DefaultWorkspace:
		return mlflow.DefaultWorkspace, nil
	}
	if err := mlflow.CheckWorkspaceName(name); err != nil {
		return "", err
	}
	found, err := h.Workspaces.GetWorkspace(ctx, name)
	return found.Name, err
}

// scoped is where a safe path of the proxy lies for the request's workspace.
func (h *handler) scoped(ctx context.Context, p string) (string, error) {
	if h.Workspaces == nil {
		return p, nil
	}
	return mlflow.ScopedPath(mlflow.WorkspaceOf(ctx), p)
}

// workspaceAnswer holds a workspace.
type workspaceAnswer struct {
	Workspace mlflow.Workspace `json:"workspace"`
}

func (h *handler) listWorkspaces(w http.ResponseWriter, r *http.Request) error {
	list, err := h.Workspaces.ListWorkspaces(r.Context())
	if err != nil {
		return err
	}
	return answer(w, struct {
		Workspaces []mlflow.Workspace `json:"workspaces,omitempty"`
	}{list})
}

func (h *handler) getWorkspace(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("workspace_name")
	if err := mlflow.CheckWorkspaceName(name); err != nil {
		return err
	}
	found, err := h.Workspaces.GetWorkspace(r.Context(), name)
	if err != nil {
		return err
	}
	return answer(w, workspaceAnswer{found})
}

func (h *handler) createWorkspace(w http.ResponseWriter, r *http.Request) error {
	q := h.read(w, r)
	name := q.need("name").str("name")
	given := readWorkspace(q, name)
	switch {
	case q.err != nil:
		return q.err
	case name == mlflow.DefaultWorkspace:
		return mlflow.Errorf(mlflow.InvalidParameterValue, "The 'default' workspace is reserved and cannot be created")
	}
	if err := mlflow.CheckWorkspaceName(name); err != nil {
		return err
	}
	if err := checkWorkspace(given); err != nil {
		return err
	}
	made, err := h.Workspaces.CreateWorkspace(r.Context(), given)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusCreated)
	return answer(w, workspaceAnswer{made})
}

func (h *handler) updateWorkspace(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("workspace_name")
	if err := mlflow.CheckWorkspaceName(name); err != nil {
		return err
	}
	q := h.read(w, r)
	given := readWorkspace(q, name)
	switch {
	case q.err != nil:
		return q.err
	case given == mlflow.Workspace{Name: name}:
		return mlflow.Errorf(mlflow.InvalidParameterValue, "Workspace update must have at least one key")
	}
	if err := checkWorkspace(given); err != nil {
		return err
	}
	changed, err := h.Workspaces.UpdateWorkspace(r.Context(), given)
	if err != nil {
		return err
	}
	return answer(w, workspaceAnswer{changed})
}

func (h *handler) deleteWorkspace(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("workspace_name")
	if name == mlflow.DefaultWorkspace {
		return mlflow.Errorf(mlflow.InvalidParameterValue, "The 'default' workspace is reserved and cannot be deleted")
	}
	if err := mlflow.CheckWorkspaceName(name); err != nil {
		return err
	}
	how := mlflow.OnlyEmpty
	if q := r.URL.Query(); q.Has("mode") {
		how = mlflow.WorkspaceDeletion(q.Get("mode"))
	}
	switch how {
	case mlflow.MoveToDefault, mlflow.DeleteAll, mlflow.OnlyEmpty:
	default:
		return mlflow.Errorf(mlflow.InvalidParameterValue, "Invalid deletion mode '%s'. Must be one of: SET_DEFAULT, CASCADE, RESTRICT", how)
	}
	if err := h.Workspaces.DeleteWorkspace(r.Context(), name, how); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// readWorkspace reads what may be said of a workspace beside its name, the texts
// but the description without spaces around them.
func readWorkspace(q *reader, name string) mlflow.Workspace {
	w := mlflow.Workspace{Name: name, Description: q.text("description"), ArtifactRoot: trimmed(q.text("default_artifact_root"))}
	a := within(q, "trace_archival_config", func(q *reader) mlflow.TraceArchival {
		q.in = "" // MLflow names what is in it without it
		return mlflow.TraceArchival{Location: trimmed(q.text("location")), Retention: trimmed(q.text("retention"))}
	})
	if a.Location != nil || a.Retention != nil {
		w.Archival = &a
	}
	return w
}

// text reads a string that may be empty or not there.
func (r *reader) text(name string) *string {
	s := r.str(name)
	if !r.has(name) {
		return nil
	}
	return &s
}

func trimmed(s *string) *string {
	if s == nil {
		return nil
	}
	return new(strings.TrimSpace(*s))
}

// checkWorkspace refuses places that are none, or hosts of the client's choice.
func checkWorkspace(w mlflow.Workspace) error {
	if w.ArtifactRoot != nil && *w.ArtifactRoot != "" {
		const field = "default_artifact_root"
		root := *w.ArtifactRoot
		if err := checkLocation(field, root); err != nil {
			return err
		}
		if scheme, _ := cutScheme(root); len(scheme) < 2 && !filepath.IsAbs(root) {
			return mlflow.Errorf(mlflow.InvalidParameterValue, "Invalid value for '%s'. Expected a URI (for example 's3://bucket/prefix' or 'mlflow-artifacts:/prefix') or an absolute path, got '%s'.", field, root)
		}
	}
	if w.Archival == nil {
		return nil
	}
	if at := w.Archival.Location; at != nil && *at != "" {
		if err := checkArchive(*at); err != nil {
			return err
		}
	}
	if keep := w.Archival.Retention; keep != nil && *keep != "" {
		return checkRetention(*keep)
	}
	return nil
}

// checkArchive refuses a place where no traces can be archived.
func checkArchive(uri string) error {
	const field = "trace_archival_config.location"
	if err := checkLocation(field, uri); err != nil {
		return err
	}
	switch scheme, _ := cutScheme(uri); scheme {
	case "":
		return mlflow.Errorf(mlflow.InvalidParameterValue, "Invalid value for '%s'. Expected a URI string.", field)
	case "mlflow-artifacts":
		return mlflow.Errorf(mlflow.InvalidParameterValue, "Invalid value for '%s'. Trace archival location cannot use the proxy-only `mlflow-artifacts:` scheme.", field)
	}
	return nil
}

// retention is a length of time as MLflow writes it.
var retention = regexp.MustCompile(`^[1-9]\d*[mhd]$`)

// maxRetention is how many characters a length of time has at most.
const maxRetention = 32

func checkRetention(text string) error {
	const field = "trace_archival_config.retention"
	switch {
	case len(text) > maxRetention:
		return mlflow.Errorf(mlflow.InvalidParameterValue, "Invalid value for '%s'. Maximum length is 32 characters.", field)
	case !retention.MatchString(text):
		return mlflow.Errorf(mlflow.InvalidParameterValue, "Invalid value for '%s'. Expected a duration in the form `<int><unit>`, where unit is one of 'm', 'h', or 'd' (for example '30d' or '12h').", field)
	}
	return nil
}
