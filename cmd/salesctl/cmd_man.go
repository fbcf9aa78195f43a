package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"github.com/salesctl/salesctl/pkg/fault"
)

// manOptions are the flags of `salesctl man`.
type manOptions struct {
	dir string
}

// newMan makes `salesctl man`.
func newMan(a *app) *cobra.Command {
	var o manOptions
	cmd := &cobra.Command{
		Use:     "man [COMMAND]",
		Short:   "Write manual pages",
		Long:    "Write the manual page of a command to stdout, or with --dir those of all commands as files.",
		GroupID: groupSetup,
		Example: `  salesctl man | man -l -
  salesctl man config show
  salesctl man --dir ~/.local/share/man/man1`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.run(a, cmd.Root(), args)
		},
	}
	cmd.Flags().StringVar(&o.dir, "dir", "", "write the pages of all commands into `DIR`")
	return cmd
}

// run writes the page of the command that args name, or with --dir every page.
func (o manOptions) run(a *app, root *cobra.Command, args []string) error {
	if err := a.textOnly("a manual page"); err != nil {
		return err
	}
	root.DisableAutoGenTag = true // or each page would hold the day it was made
	found, rest, err := root.Find(args)
	if err != nil {
		return err
	}
	if len(rest) > 0 {
		return knownCommand(found, rest)
	}
	header := &doc.GenManHeader{Section: "1", Date: pageDate(a), Source: "salesctl " + build().Version, Manual: "salesctl"}
	if o.dir == "" {
		return doc.GenMan(found, header, a.stdout)
	}
	if len(args) > 0 {
		return fault.New(fault.Usage, "--dir writes the pages of all commands, not only of %s", strings.Join(args, " "))
	}
	dir := a.path(o.dir)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("man: %w", err)
	}
	if err := doc.GenManTree(root, header, dir); err != nil {
		return fmt.Errorf("man: %w", err)
	}
	a.note("wrote the manual pages to %s", dir)
	return nil
}

// pageDate is the day of the commit, so that the same source gives the same
// pages; a build without one takes today's.
func pageDate(a *app) *time.Time {
	t, err := time.Parse(time.RFC3339, build().Committed)
	if err != nil {
		t = a.now()
	}
	return &t
}
