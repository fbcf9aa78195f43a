package server

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/salesctl/salesctl/pkg/mlflow"
)

// vouchers is a store with one run and one logged model on this server, and one
// of each on the server's disk.
type vouchers struct {
	fake
	made *mlflow.NewVersion
}

func (v *vouchers) GetRun(_ context.Context, id string) (r mlflow.Run, err error) {
	switch id {
	case "run":
		r.Info.ArtifactURI = "mlflow-artifacts:/1/run/artifacts"
	case "disk":
		r.Info.ArtifactURI = "file:///srv/run/artifacts"
	default:
		err = mlflow.Errorf(mlflow.ResourceDoesNotExist, "Run with id=%s not found", id)
	}
	return r, err
}

func (v *vouchers) GetLoggedModel(_ context.Context, id string) (m mlflow.LoggedModel, err error) {
	if id != "m-1" {
		return m, mlflow.Errorf(mlflow.ResourceDoesNotExist, "Logged model with ID '%s' not found.", id)
	}
	m.Info.ArtifactURI = "mlflow-artifacts:/1/models/m-1/artifacts"
	return m, nil
}

func (v *vouchers) GetRegisteredModel(context.Context, string) (m mlflow.RegisteredModel, err error) {
	return m, nil
}

func (v *vouchers) GetModelVersion(_ context.Context, name, version string) (mlflow.ModelVersion, error) {
	return mlflow.ModelVersion{Name: name, Version: version, RunID: "run", ModelID: "m-1"}, nil
}

func (v *vouchers) LatestVersions(context.Context, string, []string) ([]mlflow.ModelVersion, error) {
	return []mlflow.ModelVersion{{Name: "m", Version: "9"}, {Name: "m", Version: "10"}, {Name: "m", Version: "8", ModelID: "m-2"}}, nil
}

func (v *vouchers) CreateModelVersion(_ context.Context, n mlflow.NewVersion) (m mlflow.ModelVersion, err error) {
	v.made = &n
	return m, nil
}

// TestSourcesThatNobodyVouchesFor: a version must not become a way to files that
// are not its maker's.
func TestSourcesThatNobodyVouchesFor(t *testing.T) {
	for _, c := range []struct {
		source, ids string
		ok          bool
	}{
		{"mlflow-artifacts:/1/run/artifacts/model", `,"run_id":"run"`, true},
		{"mlflow-artifacts:/1/run/artifacts", `,"run_id":"run"`, true},
		{"mlflow-artifacts:///1/run/artifacts/model", `,"run_id":"run"`, true},
		{"mlflow-artifacts:/1/run/artifacts/../../other", `,"run_id":"run"`, false},
		{"mlflow-artifacts:/1/run/artifacts/%252e%252e/%2e%2e/other", `,"run_id":"run"`, false},
		{"mlflow-artifacts:/1/run/artifacts-2/model", `,"run_id":"run"`, false},
		{"mlflow-artifacts:/1/run", `,"run_id":"run"`, false},
		{"mlflow-artifacts:/1/run/artifacts/model", ``, false},
		{"mlflow-artifacts:/1/run/artifacts/model", `,"run_id":"nobody"`, false},
		{"mlflow-artifacts:/1/run/artifacts/model", `,"run_id":"disk"`, false},
		{"mlflow-artifacts://host/1/run/artifacts/model", `,"run_id":"run"`, false},
		{"mlflow-artifacts:/1/models/m-1/artifacts", `,"model_id":"m-1"`, true},
		{"mlflow-artifacts:/1/models/m-2/artifacts", `,"model_id":"m-1"`, false},
		{"runs:/run/model", `,"run_id":"run"`, true},
		{"runs:/other/model", `,"run_id":"run"`, false},
		{"runs://host/run/model", `,"run_id":"run"`, false},
		{"runs:/run/model", `,"run_id":"run","model_id":"m-1"`, false},
		{"models:/m-1", `,"model_id":"m-1"`, true},
		{"models:/m-1", `,"model_id":"m-2"`, false},
		{"models:/m-1", ``, false},
		{"models:/m/1", ``, true},
		{"models:/m/1", `,"run_id":"other"`, false},
		{"models:/m/1", `,"model_id":""`, false},
		{"models:/m/1/2", ``, false},
		{"models:/ /1", ``, false},
		{"models://host/m/1", ``, false},
		{"s3://bucket/model", ``, true},
		{"s3://bucket/model", `,"model_id":"m-1"`, true},
		{"S3://bucket/../model", ``, false},
		{"s3://bucket/a/%2e%2e/b", ``, false},
		{"s3://bucket/a%00b", ``, false},
		{"s3://bucket/./a", ``, false},
		{"s3://bucket/a?b=/../c", ``, false},
		{"/srv/run/artifacts/model", `,"run_id":"disk"`, true},
		{"file:///srv/run/artifacts/model", `,"run_id":"disk"`, true},
		{"file://localhost/srv/run/artifacts", `,"run_id":"disk"`, true},
		{"/srv/run/artifacts/../../../etc/passwd", `,"run_id":"disk"`, false},
		{"/srv/run/artifacts/%2e%2e/x", `,"run_id":"disk"`, false},
		{"/etc/passwd", `,"run_id":"disk"`, false},
		{"/etc/passwd", ``, false},
		{"file:///etc", `,"model_id":"m-1"`, false},
		{"etc", `,"run_id":"run"`, false},
		{"http://169.254.169.254/latest", ``, false},
		{"HTTPS://host/x", ``, false},
		{"sftp://host/x", ``, false},
	} {
		v := &vouchers{}
		w := register(t, v, `{"name":"x","source":"`+c.source+`"`+c.ids+`}`)
		if (v.made != nil) != c.ok || !c.ok && w.Code != http.StatusBadRequest {
			t.Errorf("%s %s: %d %s", c.source, c.ids, w.Code, w.Body)
		}
	}
}

// TestVersionsNameNoLoggedModel: MLflow's server never does, and a client must not
// come to lean on it.
func TestVersionsNameNoLoggedModel(t *testing.T) {
	v := &vouchers{}
	for _, path := range []string{"/model-versions/get?name=m&version=1", "/registered-models/get-latest-versions?name=m"} {
		w := httptest.NewRecorder()
		New(Options{Tracking: v, Registry: v}).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", apiPath+path, http.NoBody))
		if w.Code != http.StatusOK || strings.Contains(w.Body.String(), "model_id") || !strings.Contains(w.Body.String(), `"version":"`) {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}

func TestCopiesTakeOverWhereTheyComeFrom(t *testing.T) {
	for source, want := range map[string]mlflow.NewVersion{
		"models:/m/3":      {Name: "x", Source: "models:/m/3", RunID: "run", ModelID: "m-1"},
		"models:/m/latest": {Name: "x", Source: "models:/m/10"},
		"models:/m/None":   {Name: "x", Source: "models:/m/10"},
	} {
		v := &vouchers{}
		if register(t, v, `{"name":"x","source":"`+source+`"}`); v.made == nil || v.made.Source != want.Source || v.made.RunID != want.RunID || v.made.ModelID != want.ModelID {
			t.Errorf("%s: %+v", source, v.made)
		}
	}
}

// register creates a version.
func register(t *testing.T, v *vouchers, body string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), "POST", apiPath+"/model-versions/create", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	New(Options{Tracking: v, Registry: v}).ServeHTTP(w, r)
	return w
}

// FuzzSource: no source lies outside of the folder that vouches for it, however
// it is spelled.
func FuzzSource(f *testing.F) {
	f.Add("/1/run/artifacts/%2e%2e/x")
	f.Add("///1/run/artifacts/../x")
	f.Fuzz(func(t *testing.T, path string) {
		root := func() (string, error) { return "mlflow-artifacts:/1/run/artifacts", nil }
		source := "mlflow-artifacts:" + path
		if !plainPath(source) || contained(source, "run_id", "run", root) != nil {
			return
		}
		for _, p := range []string{path, unescape(path)} {
			if strings.Contains("/"+p+"/", "/../") || strings.ContainsRune(p, 0) {
				t.Fatalf("%q is let through", source)
			}
		}
	})
}
