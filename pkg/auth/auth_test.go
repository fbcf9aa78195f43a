package auth_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/salesctl/salesctl/pkg/auth"
	"github.com/salesctl/salesctl/pkg/fault"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func ring(t *testing.T) (*auth.Keyring, string, *time.Time) {
	t.Helper()
	now := noon
	path := filepath.Join(t.TempDir(), "state", "keys.json")
	return auth.NewKeyring(path, func() time.Time { return now }), path, &now
}

// create makes a key whose name tells its number in the ring.
func create(t *testing.T, r *auth.Keyring, expires time.Time, scopes ...auth.Scope) (auth.Key, string) {
	t.Helper()
	before, err := r.List()
	if err != nil {
		t.Fatal(err)
	}
	k, secret, err := r.Create(fmt.Sprint("ann", len(before)), scopes, expires)
	if err != nil {
		t.Fatal(err)
	}
	return k, secret
}

func TestKeyringKeepsNoSecret(t *testing.T) {
	r, path, _ := ring(t)
	k, secret := create(t, r, time.Time{}, auth.API)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), secret) || !strings.Contains(string(text), k.ID) {
		t.Errorf("the file holds %s", text)
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %o", info.Mode().Perm())
	}
	if len(secret) < 43 || !strings.HasPrefix(secret, "salesctl_") {
		t.Errorf("secret %q", secret)
	}
	if found, err := r.Find(secret); err != nil || found.ID != k.ID {
		t.Errorf("found %+v, %v", found, err)
	}
	if _, err := r.Find(secret + "x"); !fault.Is(err, fault.Auth) {
		t.Errorf("a wrong secret: %v", err)
	}
}

func TestKeysExpireAndAreRevokedByOthers(t *testing.T) {
	r, path, now := ring(t)
	_, short := create(t, r, noon.Add(time.Hour), auth.API)
	long, secret := create(t, r, time.Time{}, auth.API)
	if _, err := r.Find(short); err != nil {
		t.Error(err)
	}
	*now = noon.Add(time.Hour)
	if _, err := r.Find(short); !fault.Is(err, fault.Auth) || !strings.Contains(err.Error(), "expired on 2026-01-02") {
		t.Errorf("after an hour: %v", err)
	}
	other := auth.NewKeyring(path, time.Now)
	if err := other.Revoke(long.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Find(secret); !fault.Is(err, fault.Auth) {
		t.Errorf("revoked by another process: %v", err)
	}
	if err := other.Revoke(long.ID); !fault.Is(err, fault.NotFound) {
		t.Errorf("revoked twice: %v", err)
	}
	if keys, err := r.List(); err != nil || len(keys) != 1 {
		t.Errorf("left %v, %v", keys, err)
	}
}

// Keys that many programs make at once are all kept, also beside a file of a lock
// that one which crashed left.
func TestManyProcessesAddKeys(t *testing.T) {
	const many = 20
	_, path, _ := ring(t)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path+".lock", []byte("4711\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	for i := range many {
		wait.Go(func() {
			if _, _, err := auth.NewKeyring(path, time.Now).Create(fmt.Sprint("n", i), auth.Scopes(), time.Time{}); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	keys, err := auth.NewKeyring(path, time.Now).List()
	if err != nil || len(keys) != many {
		t.Errorf("%d keys, %v", len(keys), err)
	}
	files, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*"))
	if hidden, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".*")); err != nil || len(files) != 2 || len(hidden) != 0 {
		t.Errorf("left behind: %v %v, %v", files, hidden, err)
	}
}

func TestNamesAreOneKeys(t *testing.T) {
	r, _, now := ring(t)
	k, _, err := r.Create("ann", auth.Scopes(), noon.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	*now = noon.Add(2 * time.Hour) // a name stands in the audit after its key has expired
	if _, secret, err := r.Create("ann", auth.Scopes(), time.Time{}); !fault.Is(err, fault.Usage) || !strings.Contains(fault.HintOf(err), k.ID) || secret != "" {
		t.Errorf("%q, %v", secret, err)
	}
	if err := r.Revoke(k.ID); err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.Create("ann", auth.Scopes(), time.Time{}); err != nil {
		t.Errorf("after the first was revoked: %v", err)
	}
}

func TestCreateRefuses(t *testing.T) {
	r, path, _ := ring(t)
	for name, c := range map[string]struct {
		name    string
		scopes  []auth.Scope
		expires time.Time
	}{
		"no name":       {"", auth.Scopes(), time.Time{}},
		"colon":         {"a:b", auth.Scopes(), time.Time{}},
		"no scope":      {"a", nil, time.Time{}},
		"unknown scope": {"a", []auth.Scope{"all"}, time.Time{}},
		"expired":       {"a", auth.Scopes(), noon},
	} {
		if _, _, err := r.Create(c.name, c.scopes, c.expires); !fault.Is(err, fault.Usage) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("a refused key made the file")
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("[{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Find("x"); !fault.Is(err, fault.Integrity) {
		t.Errorf("a damaged file: %v", err)
	}
}

// guarded is a server that asks for a key where the path is /secret.
func guarded(t *testing.T, r *auth.Keyring, audit *strings.Builder, hosts ...string) *httptest.Server {
	t.Helper()
	o := auth.Options{
		Keys: r, Hosts: hosts, Flag: "--allowed-hosts",
		Scope: func(r *http.Request) auth.Scope {
			if r.URL.Path != "/secret" {
				return ""
			}
			if r.Method == http.MethodPost {
				return auth.TrackingWrite
			}
			return auth.TrackingRead
		},
		Deny: func(w http.ResponseWriter, _ *http.Request, err error) {
			status := http.StatusUnauthorized
			if errors.Is(err, auth.ErrForbidden) {
				status = http.StatusForbidden
			}
			http.Error(w, err.Error()+"; "+fault.HintOf(err), status)
		},
	}
	if audit != nil {
		o.Audit = slog.New(slog.NewJSONHandler(audit, nil))
	}
	s := httptest.NewServer(auth.Guard(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "hello ", auth.Caller(r.Context()).Name)
	}), o))
	t.Cleanup(s.Close)
	return s
}

func ask(t *testing.T, method, url string, change func(*http.Request)) (status int, body string, header http.Header) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(r)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text), resp.Header
}

func TestGuardAsksForKeys(t *testing.T) {
	r, _, _ := ring(t)
	reader, read := create(t, r, time.Time{}, auth.TrackingRead)
	_, write := create(t, r, time.Time{}, auth.TrackingWrite)
	var audit strings.Builder
	s := guarded(t, r, &audit)
	bearer := func(secret string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+secret) }
	}
	for name, c := range map[string]struct {
		method, path string
		with         func(*http.Request)
		status       int
	}{
		"open":          {http.MethodGet, "/health", nil, 200},
		"no key":        {http.MethodGet, "/secret", nil, 401},
		"wrong key":     {http.MethodGet, "/secret", bearer("salesctl_x"), 401},
		"empty key":     {http.MethodGet, "/secret", bearer(""), 401},
		"bearer":        {http.MethodGet, "/secret", bearer(read), 200},
		"basic":         {http.MethodGet, "/secret", func(r *http.Request) { r.SetBasicAuth("ann", read) }, 200},
		"header":        {http.MethodGet, "/secret", func(r *http.Request) { r.Header.Set("X-API-Key", read) }, 200},
		"reader writes": {http.MethodPost, "/secret", bearer(read), 403},
		"writer reads":  {http.MethodGet, "/secret", bearer(write), 200},
		"writer writes": {http.MethodPost, "/secret", bearer(write), 200},
	} {
		status, body, header := ask(t, c.method, s.URL+c.path, c.with)
		if status != c.status {
			t.Errorf("%s: %d %s", name, status, body)
		}
		if (header.Get("WWW-Authenticate") != "") != (c.status == 401) {
			t.Errorf("%s: WWW-Authenticate %q", name, header.Get("WWW-Authenticate"))
		}
		if strings.Contains(body, read) || strings.Contains(body, write) {
			t.Errorf("%s: the answer shows the key: %s", name, body)
		}
	}
	var line struct{ Key, Name, Method, Path string }
	if err := json.Unmarshal([]byte(audit.String()), &line); err != nil || line.Method != "POST" || line.Path != "/secret" || line.Name != "ann1" {
		t.Errorf("audit %q: %v; want the one request that was let through and changes something", audit.String(), err)
	}
	if strings.Contains(audit.String(), reader.ID) {
		t.Error("the audit tells of a request that was refused as if it had been carried out")
	}
}

// Where the file of keys is broken, clients are told that the server is at fault;
// where the file lies is for its log alone.
func TestGuardHidesTheFile(t *testing.T) {
	r, path, _ := ring(t)
	_, secret := create(t, r, time.Time{}, auth.TrackingRead)
	if err := os.WriteFile(path, []byte("[{"), 0o600); err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	var given error
	h := auth.Guard(http.NotFoundHandler(), auth.Options{
		Keys: r, Log: slog.New(slog.NewTextHandler(&log, nil)),
		Scope: func(*http.Request) auth.Scope { return auth.TrackingRead },
		Deny:  func(_ http.ResponseWriter, _ *http.Request, err error) { given = err },
	})
	request := httptest.NewRequest(http.MethodGet, "http://localhost/x", nil)
	request.Header.Set("Authorization", "Bearer "+secret)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, request)
	if fault.Is(given, fault.Auth) || given == nil || w.Header().Get("WWW-Authenticate") != "" {
		t.Errorf("%v, %v", given, w.Header())
	}
	if said := fmt.Sprint(given, fault.HintOf(given)); strings.Contains(said, filepath.Dir(path)) {
		t.Errorf("clients are told %q", said)
	}
	if !strings.Contains(log.String(), path) || strings.Contains(log.String(), secret) {
		t.Errorf("the log says %q", log.String())
	}
}

func TestGuardRefusesOtherOrigins(t *testing.T) {
	s := guarded(t, nil, nil)
	for name, c := range map[string]struct {
		method, header, value string
		status                int
	}{
		"a program":             {http.MethodPost, "X-Other", "1", 200},
		"a page of this server": {http.MethodPost, "Sec-Fetch-Site", "same-origin", 200},
		"another page":          {http.MethodPost, "Sec-Fetch-Site", "cross-site", 403},
		"an old browser":        {http.MethodPost, "Origin", "https://evil.example", 403},
		"a link on it":          {http.MethodGet, "Sec-Fetch-Site", "cross-site", 200},
	} {
		if got, body, _ := ask(t, c.method, s.URL+"/x", func(r *http.Request) { r.Header.Set(c.header, c.value) }); got != c.status {
			t.Errorf("%s: %d %s", name, got, body)
		}
	}
}

func TestGuardChecksTheHost(t *testing.T) {
	s := guarded(t, nil, nil, "sales.example.com")
	for host, status := range map[string]int{
		"localhost:5000":          200,
		"127.0.0.1":               200,
		"[::1]:5000":              200,
		"127.8.8.8:1":             200,
		"sales.example.com:80":    200,
		"SALES.example.com":       200,
		"evil.example.com":        403,
		"sales.example.com.evil":  403,
		"localhost.evil.com:5000": 403,
		"10.1.2.3":                200, // an address: nobody resolved a name
		"0x7f000001":              403,
	} {
		got, body, _ := ask(t, http.MethodGet, s.URL+"/secret", func(r *http.Request) { r.Host = host })
		if got != status {
			t.Errorf("%s: %d %s", host, got, body)
		}
		if got == 403 && !strings.Contains(body, "--allowed-hosts") {
			t.Errorf("%s: the answer does not name the flag: %s", host, body)
		}
	}
	open := guarded(t, nil, nil, "*")
	if got, body, _ := ask(t, http.MethodGet, open.URL, func(r *http.Request) { r.Host = "any.example" }); got != 200 {
		t.Errorf("with *: %d %s", got, body)
	}
}
