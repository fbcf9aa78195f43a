package server

import (
	"cmp"
	"context"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/mlflow"
)

// A version's source decides which files the server later hands out under the
// version's name. Hence only the files of the run or the logged model that the
// request names can be a source on this server, or a place that this server does
// not read: without that, whoever may register could read the server's disk.

// origin says which ids a request gives, be they empty.
type origin struct{ run, model bool }

// checkSource refuses a source that is not the client's to register, and turns
// the source of a copied version into what the store keeps.
func (h *handler) checkSource(ctx context.Context, n mlflow.NewVersion, given origin) (mlflow.NewVersion, error) {
	if h.Sources != nil && n.Source != "" && !h.Sources.MatchString(n.Source) {
		return n, mlflow.Errorf(mlflow.InvalidParameterValue, "Invalid model version source: '%s'.", n.Source)
	}
	if err := checkScheme(n.Source, "source"); err != nil {
		return n, err
	}
	n, err := h.resolveCopy(ctx, n, given)
	if err != nil {
		return n, err
	}
	if n.ModelID != "" {
		return n, h.checkModelSource(ctx, n)
	}
	return n, h.checkRunSource(ctx, n)
}

// checkScheme refuses addresses of hosts: the server would call whatever host the
// client names.
func checkScheme(uri, field string) error {
	scheme, rest := cutScheme(uri)
	switch scheme {
	case "ftp", "sftp", "hdfs", "viewfs", "http", "https", "r2", "b2", "abfss":
	case "mlflow-artifacts":
		if authority(rest) == "" {
			return nil // this server itself
		}
	default:
		return nil
	}
	return mlflow.Errorf(mlflow.InvalidParameterValue, "'%s' cannot use the '%s' scheme: the '%[2]s' scheme addresses a host other than"+
		" the tracking server's configured artifact storage, so the server would connect to the host named in the URI.", field, scheme)
}

// resolveCopy follows models:/name/version, /stage, /latest and @alias to the
// version that is copied, and takes over its run and its logged model.
func (h *handler) resolveCopy(ctx context.Context, n mlflow.NewVersion, given origin) (mlflow.NewVersion, error) {
	scheme, rest := cutScheme(n.Source)
	if scheme != "models" {
		return n, nil
	}
	if authority(rest) != "" {
		return n, badSource(n.Source, "Registered model sources must use the active model registry.")
	}
	ref, ok := mlflow.ParseModelURI(n.Source)
	if !ok {
		return n, notIdentified(n.Source, "model_id")
	}
	if ref.Name == "" {
		return n, nil
	}
	if _, err := h.Registry.GetRegisteredModel(ctx, ref.Name); err != nil {
		return n, err
	}
	from, err := h.find(ctx, ref)
	if err != nil {
		return n, err
	}
	if given.run && n.RunID != from.RunID || given.model && n.ModelID != from.ModelID {
		return n, badSource(n.Source, "The run_id and model_id request parameters must match the referenced model version.")
	}
	n.Source = "models:/" + from.Name + "/" + from.Version
	n.RunID, n.ModelID = from.RunID, from.ModelID
	return n, nil
}

// find returns the version that the reference means.
func (h *handler) find(ctx context.Context, ref mlflow.ModelRef) (mlflow.ModelVersion, error) {
	switch {
	case ref.Version != "":
		return h.Registry.GetModelVersion(ctx, ref.Name, ref.Version)
	case ref.Alias != "":
		return h.Registry.GetVersionByAlias(ctx, ref.Name, ref.Alias)
	}
	var stages []string
	if ref.Stage != "" {
		stages = []string{ref.Stage}
	}
	found, err := h.Registry.LatestVersions(ctx, ref.Name, stages)
	if err != nil {
		return mlflow.ModelVersion{}, err
	}
	if len(found) == 0 {
		where := ""
		if ref.Stage != "" {
			where = " and stage '" + ref.Stage + "'"
		}
		return mlflow.ModelVersion{}, mlflow.Errorf(mlflow.InternalError, // MLflow's own code for it
			"No versions of model with name '%s'%s found", ref.Name, where)
	}
	return slices.MaxFunc(found, func(a, b mlflow.ModelVersion) int { // "10" is after "9"
		return cmp.Or(cmp.Compare(len(a.Version), len(b.Version)), cmp.Compare(a.Version, b.Version))
	}), nil
}

// checkRunSource checks a source that a run, or nothing, vouches for.
func (h *handler) checkRunSource(ctx context.Context, n mlflow.NewVersion) error {
	root := func() (string, error) {
		run, err := h.Tracking.GetRun(ctx, n.RunID)
		return run.Info.ArtifactURI, err
	}
	scheme, rest := cutScheme(n.Source)
	if local, err := isLocal(n.Source); err != nil || local {
		return h.checkLocal(n.Source, "run_id", n.RunID, root, err)
	}
	if !plainPath(n.Source) {
		return relativeSource(n.Source)
	}
	switch scheme {
	case "runs":
		id, _, _ := strings.Cut(strings.TrimPrefix(rest, "/"), "/")
		if authority(rest) != "" || n.RunID == "" || id != n.RunID {
			return notIdentified(n.Source, "run_id")
		}
	case "models":
		if ref, ok := mlflow.ParseModelURI(n.Source); authority(rest) != "" || !ok || ref.ID != "" {
			return notIdentified(n.Source, "model_id")
		}
	case "mlflow-artifacts":
		return contained(n.Source, "run_id", n.RunID, root)
	}
	return nil
}

// checkModelSource checks a source that a logged model vouches for.
func (h *handler) checkModelSource(ctx context.Context, n mlflow.NewVersion) error {
	root := func() (string, error) {
		m, err := h.Tracking.GetLoggedModel(ctx, n.ModelID)
		return m.Info.ArtifactURI, err
	}
	scheme, rest := cutScheme(n.Source)
	if local, err := isLocal(n.Source); err != nil || local {
		return h.checkLocal(n.Source, "model_id", n.ModelID, root, err)
	}
	if !plainPath(n.Source) {
		return relativeSource(n.Source)
	}
	switch scheme {
	case "models":
		if ref, ok := mlflow.ParseModelURI(n.Source); authority(rest) != "" || !ok || ref.ID != "" && ref.ID != n.ModelID {
			return notIdentified(n.Source, "model_id")
		}
	case "runs":
		return notIdentified(n.Source, "model_id")
	case "mlflow-artifacts":
		return contained(n.Source, "model_id", n.ModelID, root)
	}
	return nil
}

// checkLocal checks a source on the server's own disk: it must lie in the folder
// of the run or the logged model.
func (h *handler) checkLocal(source, field, id string, root func() (string, error), bad error) error {
	if bad != nil {
		return bad
	}
	if id != "" {
		uri, err := root()
		if err != nil {
			return identify(err, source, field)
		}
		if local, err := isLocal(uri); err == nil && local && below(localPath(source), localPath(uri)) {
			return nil
		}
	}
	return badSource(source, "To use a local path as a model version source, the "+field+" request parameter has to be specified and the"+
		" local path has to be contained within the artifact directory of the run specified by the "+field+".")
}

// contained checks a source on this server's artifact store.
func contained(source, field, id string, root func() (string, error)) error {
	if id == "" {
		return notIdentified(source, field)
	}
	uri, err := root()
	if err != nil {
		return identify(err, source, field)
	}
	if scheme, rest := cutScheme(uri); scheme != "mlflow-artifacts" || !below(unescape(source[len("mlflow-artifacts:"):]), unescape(rest)) {
		return notIdentified(source, field)
	}
	return nil
}

// below reports whether the path is the folder or in it.
func below(p, folder string) bool {
	p, folder = path.Clean("/"+p), path.Clean("/"+folder)
	return folder != "/" && (p == folder || strings.HasPrefix(p, folder+"/"))
}

// isLocal reports whether the URI is a path on the server's own disk.
func isLocal(uri string) (bool, error) {
	scheme, rest := cutScheme(uri)
	if scheme != "file" {
		return scheme == "", nil
	}
	host := authority(rest)
	if host != "" && host != "." && !strings.HasPrefix(host, "localhost") && !strings.HasPrefix(host, "127.0.0.1") {
		return false, mlflow.Errorf(mlflow.InternalError, "%s is not a valid remote uri. For remote access on windows, please consider"+
			" using a different scheme such as SMB (e.g. smb://<hostname>/<path>).", uri)
	}
	return true, nil
}

// localPath is the path that a local URI means.
func localPath(uri string) string {
	scheme, rest := cutScheme(uri)
	if scheme == "" {
		return unescape(uri)
	}
	if host := authority(rest); host != "" {
		rest = rest[len("//")+len(host):]
	}
	return unescape(rest)
}

// plainPath reports whether the URI's path is what it looks like: without .., .,
// and null bytes, be they encoded ever so often.
func plainPath(uri string) bool {
	uri = unescape(uri)
	if strings.ContainsRune(uri, 0) || slices.Contains(strings.Split(uri, "/"), "..") {
		return false
	}
	_, rest := cutScheme(uri)
	rest, _, _ = strings.Cut(rest, "?")
	rest = strings.TrimPrefix(rest, "//"+authority(rest))
	for strings.Contains(rest, "//") {
		rest = strings.ReplaceAll(rest, "//", "/")
	}
	rest = strings.TrimRight(rest, "/")
	return strings.HasPrefix(rest, "/") && path.Clean(rest) == rest
}

// cutScheme cuts a URI into its scheme, in lower case, and what stands behind the
// colon.
func cutScheme(uri string) (scheme, rest string) {
	before, after, found := strings.Cut(uri, ":")
	if !found || before == "" || strings.Trim(strings.ToLower(before), "abcdefghijklmnopqrstuvwxyz0123456789+-.") != "" {
		return "", uri
	}
	return strings.ToLower(before), after
}

// authority is the host that the URI names behind its scheme, "" where it has
// none.
func authority(rest string) string {
	rest, ok := strings.CutPrefix(rest, "//")
	if !ok {
		return ""
	}
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		rest = rest[:end]
	}
	return rest
}

// unescape undoes percent encoding until nothing is left to undo.
func unescape(s string) string {
	for range 10 { // MLflow's own bound
		u, err := url.PathUnescape(s)
		if err != nil || u == s {
			break
		}
		s = u
	}
	return s
}

// identify hides that the run or the logged model does not exist behind the same
// refusal as one that does not hold the source.
func identify(err error, source, field string) error {
	if fault.Is(err, fault.NotFound) {
		return notIdentified(source, field)
	}
	return err
}

// notIdentified refuses a source that the id does not vouch for.
func notIdentified(source, field string) error {
	return badSource(source, "The "+field+" request parameter must identify the resource that contains the source.")
}

// relativeSource refuses a source whose path is not what it looks like.
func relativeSource(source string) error {
	return badSource(source, "If supplying a source as an http, https, local file path, ftp, objectstore, or mlflow-artifacts uri,"+
		" an absolute path must be provided without relative path references present. Please provide an absolute path.")
}

// badSource refuses a source.
func badSource(source, why string) error {
	return mlflow.Errorf(mlflow.InvalidParameterValue, "Invalid model version source: '%s'. %s", source, why)
}
