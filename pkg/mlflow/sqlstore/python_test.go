package sqlstore

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/salesctl/salesctl/pkg/mlflow"
)

// TestTextsAreThoseOfPython compares with what testdata/python.py recorded.
func TestTextsAreThoseOfPython(t *testing.T) {
	raw, err := os.ReadFile("testdata/python.json")
	if err != nil {
		t.Fatal(err)
	}
	var want struct {
		Repr, JSON, Float, URI [][2]string
		Name                   [][3]any
	}
	if err := json.Unmarshal(raw, &want); err != nil {
		t.Fatal(err)
	}
	compare := func(what string, f func(string) string, cases [][2]string) {
		for _, c := range cases {
			if got := f(c[0]); got != c[1] {
				t.Errorf("%s of %q: %q, want %q", what, c[0], got, c[1])
			}
		}
	}
	compare("repr", quoted, want.Repr)
	compare("json", jsonQuoted, want.JSON)
	compare("join", func(u string) string { return join(u, "7", "artifacts") }, want.URI)
	compare("float", func(s string) string {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil {
			t.Fatal(err)
		}
		return float(f)
	}, want.Float)
	for _, c := range want.Name {
		name, ok, norm := c[0].(string), c[1].(bool), c[2].(string)
		err := checkName("key", name)
		if ok != (err == nil) {
			t.Errorf("name %q: %v, MLflow takes it: %v", name, err, ok)
		}
		if err != nil && strings.Contains(err.Error(), badPath) && !strings.HasSuffix(err.Error(), quoted(norm)) {
			t.Errorf("name %q: %v, want %q", name, err, norm)
		}
	}
}

func FuzzName(f *testing.F) {
	for _, s := range []string{"", "a", "a//b", "../a", "\xff", "a\n", "//"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		err := checkName("key", name)
		if err == nil && !filepath.IsLocal(name) {
			t.Errorf("%q leads out of a folder", name)
		}
		if e, ok := errors.AsType[*mlflow.Error](err); err != nil && (!ok || e.Code != mlflow.InvalidParameterValue) {
			t.Errorf("%q: %v", name, err)
		}
	})
}

func FuzzCut(f *testing.F) {
	f.Add("aä😀", 2)
	f.Fuzz(func(t *testing.T, s string, n int) {
		if n < 0 || !utf8.ValidString(s) {
			t.Skip()
		}
		got := cut(n, s)
		if !strings.HasPrefix(s, got) || utf8.RuneCountInString(got) != min(n, utf8.RuneCountInString(s)) {
			t.Errorf("cut(%d, %q) = %q", n, s, got)
		}
	})
}

func FuzzPageToken(f *testing.F) {
	for _, s := range []string{"", "eyJvZmZzZXQiOiA0fQ==", "x", "eyJvZmZzZXQiOiAtNH0="} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, token string) {
		n, err := offset(token)
		if err != nil {
			if mlflow.CodeOf(err) != mlflow.InvalidParameterValue {
				t.Error(err)
			}
			return
		}
		if n < 0 {
			t.Fatalf("offset %d", n)
		}
		next := page(make([]int, 2), n, 1).Next
		if again, err := offset(next); err != nil || again != n+1 {
			t.Errorf("after %d comes %d, %v", n, again, err)
		}
	})
}

func TestPageTokensOfOthersAreRefused(t *testing.T) {
	for token, want := range map[string]string{
		"abc":                  "Invalid page token, could not base64-decode",
		"nonsense":             `Invalid page token, decoded value=b'\x9e\x89\xecz{\x1e'`, // MLflow 3.17.2's own words
		"J1wK":                 `Invalid page token, decoded value=b"'\\\n"`,
		"eyJvZmZzZXQiOiAwfQ==": `Invalid page token, parsed value={"offset": 0}`,
		"eyJvZmZzZXQiOiAtNH0=": `Invalid page token, parsed value={"offset": -4}`,
	} {
		if _, err := offset(token); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", token, err, want)
		}
	}
}

func TestLocationsBecomeAbsolute(t *testing.T) {
	dir := t.TempDir()
	s := &Store{dir: dir}
	for location, want := range map[string]string{
		"":                    "",
		"runs":                filepath.Join(dir, "runs"),
		"/srv/runs":           "/srv/runs",
		"file:runs":           "file://" + dir + "/runs",
		"file:///srv/runs":    "file:///srv/runs",
		"s3://bucket/a":       "s3://bucket/a",
		"mlflow-artifacts:/":  "mlflow-artifacts:/",
		"s3://bucket/a?x=../": "Invalid query string",
	} {
		got, err := s.resolve(location)
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%q: %q, want %q", location, got, want)
		}
	}
}
