package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/salesctl/salesctl/pkg/config"
	"github.com/salesctl/salesctl/pkg/fault"
)

// newConfig makes `salesctl config` and what is below it.
func newConfig(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "config",
		Short:   "Show, check and describe the configuration",
		GroupID: groupSetup,
		Example: `  salesctl config show
  salesctl config validate
  salesctl config schema > salesctl.schema.json`,
	}
	cmd.AddCommand(newConfigShow(a), newConfigValidate(a), newConfigSchema(a))
	return cmd
}

// newConfigShow makes `salesctl config show`.
func newConfigShow(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "show",
		Short: "List every setting, its value and where it comes from",
		Long: `List every setting, its value and where it comes from.

A value is taken from the first of: a flag; the environment; the file named by
--config, or ./salesctl.yaml; the file salesctl/salesctl.yaml under
$XDG_CONFIG_HOME, or ~/.config; the default. Secrets are masked.`,
		Args: noArgs,
		Example: `  salesctl config show
  SALESCTL_TRAIN_SEED=7 salesctl config show -o csv
  salesctl config show --config staging.yaml --json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := a.settings(cmd)
			if err != nil {
				return err
			}
			t := table{Thing: "config", Columns: columns("key", "value", "origin")}
			for _, e := range s.Entries() {
				t.Rows = append(t.Rows, []any{e.Key, e.Value, e.Origin})
			}
			return a.render(t)
		},
	}
}

// newConfigValidate makes `salesctl config validate`. To load is to check.
func newConfigValidate(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "validate [FILE]",
		Short: "Check the configuration and tell everything that is wrong with it",
		Long: `Check the configuration, or that of FILE, and tell everything that is wrong with
it, by file and line. What is found wrong exits 3; otherwise the files that were
read are listed.`,
		Args: takes(0, 1),
		Example: `  salesctl config validate
  salesctl config validate staging.yaml
  salesctl config validate --json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				a.global.config = args[0]
			}
			s, err := a.settings(cmd)
			if err != nil {
				return err
			}
			if _, err := recipe(s); err != nil {
				return err
			}
			t := table{Thing: "config-files", Columns: columns("file", "valid")}
			for _, f := range s.Files {
				t.Rows = append(t.Rows, []any{f, true})
			}
			if len(s.Files) == 0 {
				t.Warnings = append(t.Warnings, "there is no configuration file: the defaults hold")
			}
			return a.render(t)
		},
	}
}

// newConfigSchema makes `salesctl config schema`.
func newConfigSchema(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Write the JSON Schema of salesctl.yaml, for editors",
		Long: `Write the JSON Schema of salesctl.yaml. An editor that speaks YAML checks and
completes the file by it, once the file's first line says
  # yaml-language-server: $schema=salesctl.schema.json`,
		Args: noArgs,
		Example: `  salesctl config schema
  salesctl config schema > salesctl.schema.json
  salesctl config schema -o json`,
		RunE: func(*cobra.Command, []string) error {
			if o := a.global.output; o != formatTable && o != formatJSON {
				return fault.New(fault.Usage, "a JSON Schema cannot be written as %s", o)
			}
			data, err := defaults()
			if err != nil {
				return err
			}
			schema, err := config.Schema(data)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(a.stdout, "%s\n", schema)
			return err
		},
	}
}
