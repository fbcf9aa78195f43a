package main

import (
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// buildInfo is what the binary knows of its own making.
type buildInfo struct {
	Version, Commit, Committed, Go, Platform string
	Modified                                 bool // built from a tree with uncommitted changes
}

// build reads what the Go toolchain wrote into the binary.
func build() buildInfo {
	b := buildInfo{Version: "unknown", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if info.Main.Version != "" {
		b.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.time":
			b.Committed = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}

// newVersion makes `salesctl version`.
func newVersion(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Tell the version, the commit and the Go release it was built from",
		GroupID: groupSetup,
		Args:    noArgs,
		Example: `  salesctl version
  salesctl version -o json
  salesctl version -o yaml`,
		RunE: func(*cobra.Command, []string) error {
			b := build()
			return a.render(table{
				Thing:   "version",
				Columns: columns("version", "commit", "committed", "modified", "go", "platform"),
				Rows:    [][]any{{b.Version, b.Commit, b.Committed, b.Modified, b.Go, b.Platform}},
			})
		},
	}
}
