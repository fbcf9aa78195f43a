package mlflow

import (
	"context"
	"path"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestWorkspaceOfAContext(t *testing.T) {
	if got := WorkspaceOf(t.Context()); got != "" {
		t.Errorf("a context without a workspace has %q", got)
	}
	ctx, cancel := context.WithCancel(WithWorkspace(WithWorkspace(t.Context(), "a"), "b"))
	defer cancel()
	if got := WorkspaceOf(ctx); got != "b" {
		t.Errorf("the last one is %q", got)
	}
}

func TestScopedPath(t *testing.T) {
	for _, c := range []struct{ workspace, path, want string }{
		{"default", "", ""},
		{"default", "0/run/artifacts/f", "0/run/artifacts/f"},
		{"default", "workspaces/default/0/f", "workspaces/default/0/f"},
		{"default", "workspaces/a/f", "refused"},
		{"default", "./workspaces/a/f", "refused"},
		{"default", "x//workspaces/a", "x//workspaces/a"},
		{"default", "workspaces", "refused"},
		{"a", "", "workspaces/a"},
		{"a", ".", "workspaces/a"},
		{"a", "f", "workspaces/a/f"},
		{"a", "/f/", "workspaces/a/f/"},
		{"a", "workspaces/a", "workspaces/a"},
		{"a", "workspaces/a/f", "workspaces/a/f"},
		{"a", "workspaces/ab/f", "refused"},
		{"a", "workspaces/", "refused"},
		{"a", "workspaces", "refused"},
	} {
		got, err := ScopedPath(c.workspace, c.path)
		if err != nil {
			got = "refused"
			if CodeOf(err) != InvalidParameterValue {
				t.Errorf("%s of %s: %v", c.path, c.workspace, err)
			}
		}
		if got != c.want {
			t.Errorf("%q of %s is %q, want %q", c.path, c.workspace, got, c.want)
		}
	}
}

// Whatever the path, a workspace reaches its own folder only, and the default one
// nobody's.
func TestScopedPathsDoNotMeet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		segment := rapid.SampledFrom([]string{"workspaces", "a", "b", "default", ".", "", "0", "f.txt", "workspaces "})
		p := strings.Join(rapid.SliceOfN(segment, 0, 6).Draw(t, "path"), "/")
		got, err := ScopedPath("a", p)
		if below := path.Clean("/" + got); err == nil && below != "/workspaces/a" && !strings.HasPrefix(below, "/workspaces/a/") {
			t.Fatalf("%q is %q", p, got)
		}
		got, err = ScopedPath(DefaultWorkspace, p)
		below := path.Clean("/" + got)
		if folder := below == "/workspaces" || strings.HasPrefix(below, "/workspaces/"); err == nil && folder &&
			below != "/workspaces/default" && !strings.HasPrefix(below, "/workspaces/default/") {
			t.Fatalf("%q is %q", p, got)
		}
	})
}
