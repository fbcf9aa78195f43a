package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/salesctl/salesctl/pkg/config"
)

// annotationGroup marks the group of a flag in the help.
const annotationGroup = "salesctl_group"

// The groups of flags that have no name of their own.
const (
	ownFlags    = "Flags"
	globalFlags = "Global flags"
)

// helpWidth is where help text wraps, on a terminal and elsewhere, so that the
// man pages and the documentation look the same.
const helpWidth = 100

// group puts flags under a heading in the help.
func group(flags *pflag.FlagSet, heading string, names ...string) {
	for _, n := range names {
		_ = flags.SetAnnotation(n, annotationGroup, []string{heading}) // fails only for a flag that does not exist
	}
}

// setHelp makes the tree explain itself; order is that of the root's commands.
func setHelp(a *app, root *cobra.Command, order map[string]int) {
	root.SetUsageFunc(func(cmd *cobra.Command) error {
		return writeHelp(a.stderr, cmd, order)
	})
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) { a.unexplained = a.explain(cmd, order) })
}

// explain answers --help and the help command. What stands behind a command that
// only holds others is no command, and help for it would hide that.
func (a *app) explain(cmd *cobra.Command, order map[string]int) error {
	if cmd.HasSubCommands() {
		if err := knownCommand(cmd, cmd.Flags().Args()); err != nil {
			return err
		}
	}
	if err := a.chooseFormat(); err != nil { // --help comes before the root's hook
		return err
	}
	if a.forPrograms() {
		return a.render(commandsTable(cmd, order))
	}
	_ = writeHelp(a.stdout, cmd, order) // a reader that went away is no failure of the help
	return nil
}

// commandsTable is the help of programs: the command and all that lie below it.
func commandsTable(cmd *cobra.Command, order map[string]int) table {
	t := table{Thing: "commands", Columns: columns("command", "summary", "usage")}
	var add func(*cobra.Command)
	add = func(c *cobra.Command) {
		t.Rows = append(t.Rows, []any{c.CommandPath(), c.Short, useLine(c)})
		for _, sub := range listed(c, order) {
			add(sub)
		}
	}
	add(cmd)
	return t
}

// writeHelp writes one screen: what it is, how it is called, three examples,
// the commands below it, the flags in their groups.
func writeHelp(w io.Writer, cmd *cobra.Command, order map[string]int) error {
	var b strings.Builder
	b.WriteString(cmp.Or(cmd.Long, cmd.Short) + "\n\nUsage:\n  " + useLine(cmd) + "\n")
	if len(cmd.Aliases) > 0 {
		b.WriteString("\nAliases: " + strings.Join(cmd.Aliases, ", ") + "\n")
	}
	if cmd.Example != "" {
		b.WriteString("\nExamples:\n" + cmd.Example + "\n")
	}
	writeCommands(&b, cmd, order)
	for _, g := range flagGroups(cmd) {
		fmt.Fprintf(&b, "\n%s:\n%s", g.heading, g.flags.FlagUsagesWrapped(helpWidth))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// useLine says what follows the name of a command.
func useLine(cmd *cobra.Command) string {
	if cmd.HasAvailableSubCommands() {
		return cmd.CommandPath() + " COMMAND [flags]"
	}
	return cmd.UseLine() + " [flags]"
}

// listed returns the commands below cmd that are shown, in the order of the help.
func listed(cmd *cobra.Command, order map[string]int) []*cobra.Command {
	subs := slices.DeleteFunc(slices.Clone(cmd.Commands()), func(c *cobra.Command) bool {
		return c.Hidden || c.Deprecated != ""
	})
	if !cmd.HasParent() {
		slices.SortStableFunc(subs, func(a, b *cobra.Command) int {
			return cmp.Compare(order[a.Name()], order[b.Name()])
		})
	}
	return subs
}

// writeCommands lists the commands below cmd under the titles of their groups.
func writeCommands(w io.Writer, cmd *cobra.Command, order map[string]int) {
	subs := listed(cmd, order)
	if len(subs) == 0 {
		return
	}
	titles := []cobra.Group{{Title: "Commands:"}} // of commands without a group
	for _, g := range cmd.Groups() {
		titles = append(titles, *g)
	}
	for _, g := range titles {
		writeGroup(w, g.Title, slices.DeleteFunc(slices.Clone(subs), func(c *cobra.Command) bool { return c.GroupID != g.ID }))
	}
}

// writeGroup writes a title and the commands below it, or nothing for none.
func writeGroup(w io.Writer, title string, cmds []*cobra.Command) {
	if len(cmds) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s\n", title)
	for _, c := range cmds {
		fmt.Fprintf(w, "  %-12s %s\n", c.Name(), c.Short)
	}
}

// overview is what the bare program says: the way of the data, and where to
// begin.
func overview(w io.Writer, root *cobra.Command, order map[string]int) error {
	var b strings.Builder
	b.WriteString(root.Short + ".\n")
	first := "salesctl help"
	for _, g := range root.Groups() {
		var cmds []*cobra.Command
		for _, c := range listed(root, order) {
			if c.GroupID == g.ID {
				cmds = append(cmds, c)
			}
			if c.Name() == "demo" {
				first = "salesctl demo"
			}
		}
		writeGroup(&b, g.Title, cmds)
		if g.ID == groupMain && len(cmds) > 0 {
			break
		}
	}
	fmt.Fprintf(&b, "\nTry: %s\n", first)
	if first != "salesctl help" {
		b.WriteString("`salesctl help` lists all commands.\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// flagGroup is a heading of the help and the flags below it.
type flagGroup struct {
	heading string
	flags   *pflag.FlagSet
}

// flagGroups sorts the flags of cmd under their headings: its own groups in the
// order of their first flag, then the global ones.
func flagGroups(cmd *cobra.Command) []flagGroup {
	var groups []flagGroup
	add := func(heading string, f *pflag.Flag) {
		if f.Hidden {
			return
		}
		i := slices.IndexFunc(groups, func(g flagGroup) bool { return g.heading == heading })
		if i < 0 {
			set := pflag.NewFlagSet("", pflag.ContinueOnError)
			set.SortFlags = false
			groups = append(groups, flagGroup{heading: heading, flags: set})
			i = len(groups) - 1
		}
		groups[i].flags.AddFlag(describe(f))
	}
	local := cmd.LocalNonPersistentFlags()
	local.SortFlags = false // cobra's copy does not take this over
	own := func(f *pflag.Flag) {
		heading := ownFlags
		if g := f.Annotations[annotationGroup]; len(g) == 1 {
			heading = g[0]
		}
		if !everywhere(f) {
			add(heading, f)
		}
	}
	local.VisitAll(own)
	for c := cmd; c != nil; c = c.Parent() {
		c.PersistentFlags().VisitAll(func(f *pflag.Flag) { add(globalFlags, f) })
	}
	local.VisitAll(func(f *pflag.Flag) {
		if everywhere(f) {
			add(globalFlags, f)
		}
	})
	return groups
}

// everywhere reports whether cobra itself adds the flag to commands.
func everywhere(f *pflag.Flag) bool { return f.Name == "help" || f.Name == "version" }

// describe returns a copy of f whose help names the environment variable too.
func describe(f *pflag.Flag) *pflag.Flag {
	c := *f
	if key := f.Annotations[annotationKey]; len(key) == 1 {
		c.Usage += " [" + config.EnvName(key[0]) + "]"
	}
	return &c
}

// newHelp makes `salesctl help`.
func newHelp() *cobra.Command {
	return &cobra.Command{
		Use:     "help [COMMAND]",
		Short:   "Explain a command",
		GroupID: groupSetup,
		Example: `  salesctl help
  salesctl help config
  salesctl help config show`,
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			return subcommands(cmd.Root(), args), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			found, rest, err := cmd.Root().Find(args)
			if err != nil {
				return err
			}
			if len(rest) > 0 {
				return knownCommand(found, rest)
			}
			found.InitDefaultHelpFlag()
			found.InitDefaultVersionFlag()
			return found.Help()
		},
	}
}

// subcommands completes the path of a command, in the shells' form.
func subcommands(root *cobra.Command, path []string) []string {
	cmd, _, err := root.Find(path)
	if err != nil {
		return nil
	}
	var names []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name()+"\t"+c.Short)
		}
	}
	return names
}
