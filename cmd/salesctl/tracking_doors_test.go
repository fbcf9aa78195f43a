//go:build unix

package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// The tracking server stands beside the API, and neither answers for the other.
func TestMountedTracking(t *testing.T) {
	s := serving(t, trainedDir(t))
	for _, c := range []struct {
		path   string
		status int
		want   string // is in the body
	}{
		{"/health", 200, "OK"},
		{"/version", 200, "3."},
		{"/healthz", 200, `{"status":"ok"}`},
		{"/api/2.0/mlflow/experiments/get?experiment_id=1", 200, `"Sales Forecasting Experiment"`},
		{"/ajax-api/2.0/mlflow/experiments/get?experiment_id=1", 200, `"Sales Forecasting Experiment"`},
		{"/api/2.0/mlflow/registered-models/alias?name=Sales-Forecasting&alias=champion", 200, `"version":"1"`},
		{"/api/2.0/mlflow/runs/get?run_id=0123456789abcdef0123456789abcdef", 404, `"RESOURCE_DOES_NOT_EXIST"`},
		{"/api/2.0/mlflow/nowhere", 404, `"ENDPOINT_NOT_FOUND"`},
		{"/", 404, `{"detail":"Not Found"}`},
		{"/nowhere", 404, `{"detail":"Not Found"}`},
		{"/apis", 404, `{"detail":"Not Found"}`},
		{"/health/", 404, `{"detail":"Not Found"}`},
	} {
		got := s.ask(t, http.MethodGet, c.path, "")
		if got.status != c.status || !strings.Contains(got.body, c.want) {
			t.Errorf("%s: %d %s", c.path, got.status, got.body)
		}
	}
	for _, path := range []string{"/predict_sales", "/api/2.0/mlflow/experiments/search"} {
		got := s.ask(t, http.MethodPost, path, readmeRow, "Host", "evil.example")
		if got.status != http.StatusForbidden || !strings.Contains(got.body, "--allowed-hosts evil.example") {
			t.Errorf("%s under a foreign name: %d %s", path, got.status, got.body)
		}
	}
	named, _ := background(t, trainedDir(t), nil, "serve", "--port", "0", "--allowed-hosts", "shop.example")
	if got := named.ask(t, http.MethodPost, "/predict_sales", readmeRow, "Host", "shop.example"); got.status != http.StatusOK {
		t.Errorf("under its name: %d %s", got.status, got.body)
	}
}

// newKey makes a key of the scopes.
func newKey(t *testing.T, dir, scopes string) (id, secret string) {
	t.Helper()
	var made struct{ Data []struct{ ID, Key string } }
	if err := json.Unmarshal([]byte(mustRun(t, dir, "keys", "create", "somebody-"+strings.ReplaceAll(scopes, ":", "-"), "--scope", scopes, "--json")), &made); err != nil {
		t.Fatal(err)
	}
	return made.Data[0].ID, made.Data[0].Key
}

// With --auth key nobody gets in without one, and none beyond its scope; the
// refusal is of the API that was asked, and names the way out.
func TestKeysAtTheDoor(t *testing.T) {
	dir := trainedDir(t)
	_, shop := newKey(t, dir, "api")
	reading, read := newKey(t, dir, "tracking:read")
	_, write := newKey(t, dir, "tracking:write")
	const look, log = "/api/2.0/mlflow/experiments/get?experiment_id=1", "/api/2.0/mlflow/experiments/create"
	all, _ := background(t, dir, nil, "serve", "--port", "0", "--auth", "key")
	alone, _ := background(t, dir, nil, "tracking", "serve", "--port", "0", "--auth", "key")
	for name, s := range map[string]api{"serve": all, "tracking serve": alone} {
		for _, c := range []struct {
			method, path, body, key string
			status                  int
			want                    string
		}{
			{"GET", look, "", "", 401, `{"error_code":"UNAUTHENTICATED","message":"this server asks for a key: send it as`},
			{"GET", look, "", "salesctl_wrong", 401, "the key is unknown or was revoked"},
			{"GET", look, "", shop, 403, "this needs tracking:read"},
			{"GET", look, "", read, 200, "Sales Forecasting Experiment"},
			{"GET", look, "", write, 200, "Sales Forecasting Experiment"},
			{"POST", log, `{"name":"x of ` + name + `"}`, read, 403, "salesctl keys create NAME --scope tracking:write"},
			{"POST", log, `{"name":"x of ` + name + `"}`, write, 200, "experiment_id"},
			{"GET", "/health", "", "", 200, "OK"},
		} {
			s.knock(t, name, c.method, c.path, c.body, c.key, c.status, c.want)
		}
	}
	all.knock(t, "serve", "GET", "/healthz", "", "", 200, "ok")
	all.knock(t, "serve", "POST", "/predict_sales", readmeRow, "", 401, `{"detail":"this server asks for a key: send it as`)
	all.knock(t, "serve", "POST", "/predict_sales", readmeRow, write, 403, `"detail":"the key`)
	all.knock(t, "serve", "POST", "/predict_sales", readmeRow, shop, 200, `"prediction"`)
	all.knock(t, "serve", "POST", "/monitor_mlflow?experiment_name=x", "", shop, 200, "Experiment not found.")
	mustRun(t, dir, "keys", "revoke", reading, "--yes")
	all.knock(t, "serve, after it was revoked", "GET", look, "", read, 401, "the key is unknown or was revoked")
	alone.knock(t, "tracking serve, after it was revoked", "GET", look, "", read, 401, "the key is unknown or was revoked")
}

// knock sends a key in both ways in which clients do.
func (s api) knock(t *testing.T, name, method, path, body, key string, status int, want string) {
	t.Helper()
	basic := &http.Request{Header: http.Header{}}
	basic.SetBasicAuth("anybody", key)
	ways := map[string]string{"bearer": "Bearer " + key, "basic": basic.Header.Get("Authorization")}
	if key == "" {
		ways = map[string]string{"no key": ""}
	}
	if method == http.MethodPost && strings.HasSuffix(path, "/create") && status == http.StatusOK {
		delete(ways, "basic") // it can be made once
	}
	for way, value := range ways {
		got := s.ask(t, method, path, body, "Authorization", value)
		if got.status != status || !strings.Contains(got.body, want) {
			t.Errorf("%s: %s %s by %s: %d %s, want %d %s", name, method, path, way, got.status, got.body, status, want)
		}
		if asked := got.header.Get("WWW-Authenticate") != ""; asked != (status == http.StatusUnauthorized) {
			t.Errorf("%s: %s by %s: WWW-Authenticate %v", name, path, way, got.header)
		}
	}
}
