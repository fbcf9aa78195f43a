package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/salesctl/salesctl/pkg/fault"
)

// anyNumber of arguments may follow.
const anyNumber = -1

// takes wants from least to most arguments, and names them as the command's use
// line does.
func takes(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) >= least && (most == anyNumber || len(args) <= most) {
			return nil
		}
		_, names, _ := strings.Cut(cmd.Use, " ") // "alias ALIAS [VERSION]"
		found := "nothing"
		if len(args) > 0 {
			found = fmt.Sprintf("%q", args)
		}
		return usage(cmd, fmt.Errorf("%s takes %s, found %s", cmd.CommandPath(), names, found))
	}
}

// noArgs refuses every argument of a command that has flags only.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return usage(cmd, fmt.Errorf("%s takes no arguments, found %q", cmd.CommandPath(), args[0]))
}

// oneOf wants one of the command's ValidArgs.
func oneOf(cmd *cobra.Command, args []string) error {
	if err := takes(1, 1)(cmd, args); err != nil {
		return err
	}
	known := cmd.ValidArgs
	for _, k := range known {
		if k == args[0] {
			return nil
		}
	}
	err := fault.New(fault.Usage, "%s: there is no %q", cmd.CommandPath(), args[0])
	if near := fault.Nearest(args[0], known); near != "" {
		return err.WithHint("did you mean `%s %s`?", cmd.CommandPath(), near)
	}
	return err.WithHint("the choices are %s", strings.Join(known, ", "))
}
