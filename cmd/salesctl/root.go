package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/salesctl/salesctl/pkg/fault"
)

// command makes one command of the tree.
type command func(*app) *cobra.Command

// The groups of the commands, in the order of the help.
const (
	groupMain  = "main"  // the way of the data, in its order
	groupLook  = "look"  // looking at what is there
	groupSetup = "setup" // the program itself
)

// commands lists the tree in the order of the help. Only what works is here.
func commands() []command {
	return []command{
		newDemo,
		newETL,
		newTrain,
		newBacktest,
		newForecast,
		newPredict,
		newExplain,
		newServe,
		newData,
		newPlot,
		newRuns,
		newModels,
		newTracking,
		newKeys,
		newConfig,
		newVersion,
		newCompletion,
		newMan,
	}
}

// run carries out one call and returns its exit code.
func run(ctx context.Context, a *app, cmds []command, args []string) int {
	root, err := newRoot(a, cmds)
	if err != nil {
		printError(ctx, a.stderr, err)
		return exitCode(ctx, err)
	}
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		err = a.unexplained // cobra takes no error of the help
	}
	if err == nil {
		return exitOK
	}
	if f := (*fault.Error)(nil); !a.running && !errors.As(err, &f) {
		err = usage(cmd, err) // cobra's own errors, such as a missing argument
	}
	printError(ctx, a.stderr, err)
	return exitCode(ctx, err)
}

// newRoot builds the tree.
func newRoot(a *app, cmds []command) (*cobra.Command, error) {
	if err := a.describeKeys(); err != nil {
		return nil, err
	}
	order := map[string]int{} // of the commands in the help
	root := &cobra.Command{
		Use:           "salesctl",
		Short:         "Forecast sales, from a CSV to a served model",
		SilenceErrors: true, // run prints them
		SilenceUsage:  true,
		Args:          knownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if a.forPrograms() {
				return a.render(commandsTable(cmd, order))
			}
			return overview(a.stdout, cmd, order)
		},
		PersistentPreRunE: func(*cobra.Command, []string) error { return a.enter() },
		// cobra's completion command has no examples; ours is in cmd_completion.go.
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
		Version:           build().Version,
		Example: `  salesctl
  salesctl help
  salesctl -C /tmp config show`,
	}
	root.SetVersionTemplate("salesctl {{.Version}}\n")
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.AddGroup(
		&cobra.Group{ID: groupMain, Title: "The way of the data:"},
		&cobra.Group{ID: groupLook, Title: "Looking at it:"},
		&cobra.Group{ID: groupSetup, Title: "The program:"},
	)
	a.addGlobals(root.PersistentFlags())
	root.Flags().Bool("version", false, "tell the version and end")
	_ = root.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(formats(), cobra.ShellCompDirectiveNoFileComp))
	for i, c := range cmds {
		sub := c(a)
		order[sub.Name()] = i
		root.AddCommand(sub)
	}
	// cobra's own help command has no examples and does not say "did you mean".
	help := newHelp()
	order[help.Name()] = len(cmds)
	root.SetHelpCommand(help)
	root.AddCommand(help)
	setHelp(a, root, order)
	finish(a, root)
	return root, nil
}

// addGlobals adds the flags that every command has, in the order of the help.
func (a *app) addGlobals(f *pflag.FlagSet) {
	g := &a.global
	f.StringVarP(&g.dir, "directory", "C", "", "work in `DIR`: every relative path is below it")
	f.StringVar(&g.config, "config", "", "read `FILE` instead of ./salesctl.yaml")
	f.StringVarP(&g.output, "output", "o", formatTable, "write `FORMAT`: "+strings.Join(formats(), ", "))
	f.BoolVar(&g.json, "json", false, "write JSON: the same as -o json")
	f.BoolVarP(&g.quiet, "quiet", "q", false, "no progress and no notes on stderr")
	f.BoolVarP(&g.verbose, "verbose", "v", false, "tell on stderr what is being done")
	f.BoolVar(&g.noColor, "no-color", false, "no colours; NO_COLOR in the environment does the same")
}

// finish gives every command what all share: errors of flags and arguments that
// say what was meant, and the mark that its own work has begun.
func finish(a *app, cmd *cobra.Command) {
	cmd.SetFlagErrorFunc(flagError)
	cmd.DisableFlagsInUseLine = true
	cmd.Flags().BoolP("help", "h", false, "explain this command")         // cobra's own flag has other words
	cmd.Flags().SortFlags, cmd.PersistentFlags().SortFlags = false, false // the help keeps their order
	if work := cmd.RunE; work != nil {
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			a.running = true
			return work(cmd, args)
		}
	} else { // a command that only holds others
		cmd.Args = knownCommand
		cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	}
	for _, sub := range cmd.Commands() {
		finish(a, sub)
	}
}

// usage makes a wrong call of an error that has no kind yet.
func usage(cmd *cobra.Command, err error) error {
	return fault.New(fault.Usage, "%w", err).WithHint("see `%s --help`", cmd.CommandPath())
}

// knownCommand refuses an argument where a command is due.
func knownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var known []string
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			known = append(append(known, sub.Name()), sub.Aliases...)
		}
	}
	err := fault.New(fault.Usage, "unknown command %q for %s", args[0], cmd.CommandPath())
	if near := fault.Nearest(args[0], known); near != "" {
		return err.WithHint("did you mean `%s %s`?", cmd.CommandPath(), near)
	}
	return err.WithHint("`%s --help` lists the commands", cmd.CommandPath())
}

// flagError says which flag was meant, or what its value should be.
func flagError(cmd *cobra.Command, err error) error {
	var invalid *pflag.InvalidValueError
	if errors.As(err, &invalid) && invalid.GetFlag().Value.Type() == "int" {
		err = fmt.Errorf("--%s: want a whole number, found %q", invalid.GetFlag().Name, invalid.GetValue())
	}
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) {
		return usage(cmd, err)
	}
	if cmd.HasSubCommands() && cmd.Flags().NArg() > 0 { // an unknown command stands before the flag
		return knownCommand(cmd, cmd.Flags().Args())
	}
	if unknown.GetSpecifiedShortnames() != "" {
		return usage(cmd, fmt.Errorf("unknown flag -%s of %s", unknown.GetSpecifiedName(), cmd.CommandPath()))
	}
	name := unknown.GetSpecifiedName()
	var known []string
	visit := func(f *pflag.Flag) { known = append(known, f.Name) }
	cmd.LocalFlags().VisitAll(visit)
	cmd.InheritedFlags().VisitAll(visit)
	bad := fmt.Errorf("unknown flag --%s of %s", name, cmd.CommandPath())
	if near := fault.Nearest(name, known); near != "" {
		return fault.New(fault.Usage, "%w", bad).WithHint("did you mean --%s?", near)
	}
	return usage(cmd, bad)
}
