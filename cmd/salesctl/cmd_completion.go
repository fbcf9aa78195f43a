package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

// newCompletion makes `salesctl completion`.
func newCompletion(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "completion bash|zsh|fish|powershell",
		Short: "Write a shell's completion script",
		Long: `Write a shell's completion script to stdout.

Load it once with the shell's own means, as in the first example, or keep it
where the shell looks for completions.`,
		GroupID:   groupSetup,
		ValidArgs: []string{"bash", "zsh", "fish", "powershell"},
		Args:      oneOf,
		Example: `  source <(salesctl completion bash)
  salesctl completion zsh > "${fpath[1]}/_salesctl"
  salesctl completion fish > ~/.config/fish/completions/salesctl.fish`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.textOnly("a completion script"); err != nil {
				return err
			}
			return writeCompletion(a.stdout, cmd.Root(), args[0])
		},
	}
}

// writeCompletion has cobra write the script, with descriptions.
func writeCompletion(w io.Writer, root *cobra.Command, shell string) error {
	switch shell {
	case "bash":
		return root.GenBashCompletionV2(w, true)
	case "zsh":
		return root.GenZshCompletion(w)
	case "fish":
		return root.GenFishCompletion(w, true)
	case "powershell":
		return root.GenPowerShellCompletionWithDesc(w)
	}
	return fmt.Errorf("no completion for the shell %q", shell)
}
