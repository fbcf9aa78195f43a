package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/spf13/cobra"
)

// TestMain makes two programs for the scripts: salesctl is the real one, probe
// is the same shell around commands that fail, wait and answer as they are told.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"salesctl": main,
		"probe": func() {
			ctx, release := interruptible(context.Background(), os.Stderr, os.Exit)
			code := run(ctx, processApp(), probes(), os.Args[1:])
			release()
			os.Exit(code)
		},
	})
}

// TestScripts is the contract of the command line: one script a subject.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("GORACE", "atexit_sleep_ms=0") // or each process of a -race run sleeps for a second
			e.Values[runningServers{}] = map[string]*runningServer{}
			return nil
		},
		Cmds: scriptCommands(),
	})
}

// probes are commands that stand in for work.
func probes() []command {
	return []command{newFail, newWait, newRows, newSettings}
}

// newFail makes `probe fail KIND`, which ends with an error of that kind.
func newFail(*app) *cobra.Command {
	kinds := map[string]error{
		"failure":     errors.New("it failed"),
		"usage":       fault.New(fault.Usage, "it failed"),
		"config":      fault.New(fault.Config, "it failed"),
		"invalid":     fault.New(fault.Invalid, "it failed"),
		"notfound":    fault.New(fault.NotFound, "it failed").WithHint("do that first"),
		"conflict":    fault.New(fault.Conflict, "it failed"),
		"rejected":    fault.New(fault.Rejected, "it failed"),
		"drift":       fault.New(fault.Drift, "it failed"),
		"unavailable": fmt.Errorf("dial: %w", fault.New(fault.Unavailable, "it failed: %w", context.DeadlineExceeded)),
		"auth":        fault.New(fault.Auth, "it failed"),
		"integrity":   fault.New(fault.Integrity, "it failed"),
		"timeout":     fmt.Errorf("wait: %w", context.DeadlineExceeded),
		"two":         errors.Join(fault.New(fault.Config, "one").WithHint("mend one"), fault.New(fault.Config, "two").WithHint("mend two")),
	}
	return &cobra.Command{
		Use: "fail KIND", GroupID: groupMain, Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return kinds[args[0]] },
	}
}

// newWait makes `probe wait`, which works until it is stopped.
func newWait(a *app) *cobra.Command {
	var stubborn, drain bool
	cmd := &cobra.Command{
		Use: "wait", GroupID: groupMain, Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			fmt.Fprintln(a.stdout, "waiting")
			<-cmd.Context().Done()
			fmt.Fprintln(a.stdout, "asked to stop")
			if stubborn {
				time.Sleep(time.Minute)
			}
			if drain {
				return nil
			}
			return fmt.Errorf("work: %w", cmd.Context().Err())
		},
	}
	cmd.Flags().BoolVar(&stubborn, "stubborn", false, "go on when asked to stop")
	cmd.Flags().BoolVar(&drain, "drain", false, "end well when asked to stop")
	return cmd
}

// newRows makes `probe rows`, which answers with every sort of cell.
func newRows(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "rows", GroupID: groupLook, Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			return a.render(table{
				Thing:   "rows",
				Columns: []column{{Name: "zeta"}, {Name: "alpha", Places: 3}, {Name: "count"}, {Name: "ok"}},
				Rows: [][]any{
					{"1", 1565441.0375, 7, true},
					{"a,\"b\" <c>", math.NaN(), uint64(math.MaxUint64), false},
					{nil, 1e-7, -1, nil},
				},
				Meta:     meta{ModelVersion: "3", DataThrough: "2012-10-26"},
				Warnings: []string{"only 12 weeks for store 44"},
			})
		},
	}
}

// newSettings makes `probe settings`, whose flags set configuration keys.
func newSettings(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "settings", GroupID: groupLook, Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := a.settings(cmd)
			if err != nil {
				return err
			}
			t := table{Thing: "settings", Columns: columns("key", "value", "origin")}
			for _, e := range s.Entries() {
				t.Rows = append(t.Rows, []any{e.Key, e.Value, e.Origin})
			}
			return a.render(t)
		},
	}
	a.addSetting(cmd.Flags(), "folds", "train.folds")
	a.addSetting(cmd.Flags(), "model", "train.models")
	a.addSetting(cmd.Flags(), "dsn", "store.dsn")
	a.addSetting(cmd.Flags(), "host", "serve.host")
	group(cmd.Flags(), "Training", "folds", "model")
	return cmd
}
