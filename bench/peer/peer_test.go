package peer

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// verdict is a test that notes how Need ended it.
type verdict struct{ skipped, failed string }

func (v *verdict) Helper()                           {}
func (v *verdict) Skipf(format string, args ...any)  { v.skipped = fmt.Sprintf(format, args...) }
func (v *verdict) Fatalf(format string, args ...any) { v.failed = fmt.Sprintf(format, args...) }

// A missing peer is skipped by people and is a failure in continuous
// integration; either message names the peer and how to get it.
func TestNeed(t *testing.T) {
	missing := []string{"statsmodels", "pip install"}
	for _, c := range []struct {
		name, venv, ci, want string
		says                 []string
	}{
		{"a venv", t.TempDir(), "true", "venv", nil},
		{"a relative venv", ".venv", "", "failed", []string{".venv", "whole path"}},
		{"none", "", "", "skipped", missing},
		{"none, CI=false", "", "false", "skipped", missing},
		{"none in CI", "", "true", "failed", missing},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv(Variable, c.venv)
			t.Setenv("CI", c.ci)
			var v verdict
			got := ""
			if Need(&v, "statsmodels") != "" {
				got = "venv"
			}
			for what, message := range map[string]string{"skipped": v.skipped, "failed": v.failed} {
				if message == "" {
					continue
				}
				got += what
				for _, says := range c.says {
					if !strings.Contains(message, says) {
						t.Errorf("%s with %q, which does not say %q", what, message, says)
					}
				}
			}
			if got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// fake makes a venv whose python is a shell script.
func fake(t *testing.T, script string) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(bin, "python"), []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	return filepath.Dir(bin)
}

func TestRun(t *testing.T) {
	var got struct{ Script, File string }
	venv := fake(t, `printf '{"script": "%s", "file": "%s"}' "$(cat)" "$(cat rows.csv)"`)
	err := Run(t.Context(), venv, []byte("print(1)"), map[string][]byte{"rows.csv": []byte("1,2")}, &got)
	if err != nil || got.Script != "print(1)" || got.File != "1,2" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestRunFails(t *testing.T) {
	for name, c := range map[string]struct{ venv, says string }{
		"no python":      {t.TempDir(), "run the peers in"},
		"script fails":   {fake(t, "echo no module named sklearn >&2; exit 1"), "no module named sklearn"},
		"prints no JSON": {fake(t, "echo hello"), "read the peers' answer"},
	} {
		var answer any
		if err := Run(t.Context(), c.venv, nil, nil, &answer); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
}
