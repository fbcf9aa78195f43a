package main

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/salesctl/salesctl/pkg/config"
	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/mlflow"
	"github.com/salesctl/salesctl/pkg/mlflow/record"
	"github.com/salesctl/salesctl/pkg/promote"
	"github.com/salesctl/salesctl/pkg/train"
)

// newModels makes `salesctl models` and what is below it.
func newModels(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "models",
		Short: "Look at the registered models, and decide which one answers",
		Long: `Look at the versions of the registered pipeline, ` + promote.Pipeline + `, and decide which
one answers: the one that the alias ` + promote.Champion + ` points at. The models of its
regressors, ` + promote.XGBoost + ` and ` + promote.Forest + `, follow it.

A VERSION is a number, or an alias such as @champion.`,
		GroupID: groupLook,
		Example: `  salesctl models list
  salesctl models promote 2
  salesctl models rollback`,
	}
	cmd.AddCommand(newModelsList(a), newModelsShow(a), newModelsRegister(a), newModelsAlias(a),
		newModelsPromote(a), newModelsRollback(a), newModelsVerify(a), newModelsExport(a))
	return cmd
}

// versions returns the versions of a registered model, the newest first.
func versions(ctx context.Context, t *tracking, name string) ([]mlflow.ModelVersion, error) {
	model, err := t.GetRegisteredModel(ctx, name)
	if err != nil {
		return nil, noModel(t, err)
	}
	quote := "'"
	if strings.Contains(name, quote) { // the grammar has two, and none can be escaped
		quote = `"`
	}
	q := mlflow.RegistryQuery{Filter: "name = " + quote + name + quote, OrderBy: []string{"version_number DESC"}, MaxResults: mlflow.MaxSearchPage}
	var all []mlflow.ModelVersion
	for {
		page, err := t.SearchModelVersions(ctx, q)
		if err != nil {
			return nil, err
		}
		all = append(all, page.Items...)
		if q.PageToken = page.Next; page.Next == "" {
			break
		}
	}
	for i, v := range all { // a search over REST leaves them out
		all[i].Aliases = nil
		for _, a := range model.Aliases {
			if a.Version == v.Version {
				all[i].Aliases = append(all[i].Aliases, a.Alias)
			}
		}
	}
	return all, nil
}

// noModel adds the next step where a registered model does not exist.
func noModel(t *tracking, err error) error {
	if fault.Is(err, fault.NotFound) {
		return fault.New(fault.NotFound, "%s: %w", t.place, err).
			WithHint("`salesctl train` registers %s, %s and %s", promote.Pipeline, promote.XGBoost, promote.Forest)
	}
	return err
}

// version returns one version, by its number or an alias.
func version(ctx context.Context, t *tracking, name, text string) (mlflow.ModelVersion, error) {
	if alias, ok := strings.CutPrefix(text, "@"); ok {
		v, err := t.GetVersionByAlias(ctx, name, alias)
		switch mlflow.CodeOf(err) {
		case mlflow.ResourceDoesNotExist, mlflow.InvalidParameterValue: // no such model; no such alias
			err = fault.New(fault.NotFound, "%s@%s: %w", name, alias, err).WithHint("`salesctl models list` shows the versions and their aliases")
		}
		return v, err
	}
	v, err := t.GetModelVersion(ctx, name, text)
	if err != nil && fault.HintOf(err) == "" {
		err = fault.New(fault.KindOf(err), "%w", err).WithHint("`salesctl models list` shows the versions")
	}
	return v, err
}

func newModelsList(a *app) *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the versions of a registered model, the newest first",
		Args:  noArgs,
		Example: `  salesctl models list
  salesctl models list --name XGB-Sales-Forecasting
  salesctl models list --json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.tracked(cmd, func(ctx context.Context, _ *config.Settings, t *tracking) error {
				all, err := versions(ctx, t, name)
				if err != nil {
					return err
				}
				return a.render(versionsTable(all))
			})
		},
	}
	addName(cmd, &name)
	return cmd
}

func addName(cmd *cobra.Command, name *string) {
	cmd.Flags().StringVar(name, "name", promote.Pipeline, "the `NAME` of the registered model")
	_ = cmd.RegisterFlagCompletionFunc("name", cobra.FixedCompletions([]string{promote.Pipeline, promote.XGBoost, promote.Forest}, cobra.ShellCompDirectiveNoFileComp))
}

// versionsTable shows a line a version.
func versionsTable(all []mlflow.ModelVersion) table {
	t := table{Thing: "versions", Columns: columns("version", "aliases", "created", "trained_through", "run", "digest")}
	for _, v := range all {
		aliases := slices.Sorted(slices.Values(v.Aliases))
		t.Rows = append(t.Rows, []any{
			v.Version, strings.Join(aliases, " "), moment(v.CreationTime),
			v.Tag(train.TagTrainedThrough), v.RunID, short(v.Tag(record.TagDigest)),
		})
	}
	return t
}

// short is the start of a digest, for people.
func short(digest string) string { return digest[:min(len(digest), 12)] }

func newModelsShow(a *app) *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use:   "show [VERSION]",
		Short: "Show everything about a version",
		Args:  takes(0, 1),
		Example: `  salesctl models show
  salesctl models show 2
  salesctl models show @challenger --json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.tracked(cmd, func(ctx context.Context, _ *config.Settings, t *tracking) error {
				v, err := version(ctx, t, name, versionArg(args))
				if err != nil {
					return err
				}
				uri, err := t.ModelVersionDownloadURI(ctx, v.Name, v.Version) // the source may be another model's
				if err != nil {
					return err
				}
				return a.render(versionTable(v, uri))
			})
		},
	}
	addName(cmd, &name)
	return cmd
}

// versionArg is the version that was asked for, else the champion.
func versionArg(args []string) string {
	if len(args) == 0 {
		return "@" + promote.Champion
	}
	return args[0]
}

// versionTable shows a line a fact: a row for the whole version would be wider than
// any terminal.
func versionTable(v mlflow.ModelVersion, uri string) table {
	t := table{Thing: "version", Columns: columns("name", "value")}
	t.Rows = append(t.Rows, [][]any{
		{"name", v.Name}, {"version", v.Version}, {"aliases", strings.Join(v.Aliases, " ")}, {"stage", v.CurrentStage},
		{"created", moment(v.CreationTime)}, {"run", v.RunID}, {"source", v.Source}, {"files", uri}, {"description", v.Description},
	}...)
	for _, x := range v.Tags {
		t.Rows = append(t.Rows, []any{x.Key, x.Value})
	}
	return t
}

func newModelsAlias(a *app) *cobra.Command {
	var name string
	var remove bool
	cmd := &cobra.Command{
		Use:   "alias ALIAS [VERSION]",
		Short: "Point an alias at a version, or take it away",
		Long: `Point an alias at a VERSION, wherever it pointed before, or take it away.

The alias ` + promote.Champion + ` of ` + promote.Pipeline + ` decides which version answers: to point it
somewhere is a promotion, which ` + "`salesctl models rollback`" + ` takes back.`,
		Args: takes(1, 2),
		Example: `  salesctl models alias shadow 2
  salesctl models alias shadow --delete
  salesctl models alias blessed 1 --name RF-Sales-Forecasting`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if remove == (len(args) == 2) {
				return fault.New(fault.Usage, "an alias is either pointed at a VERSION or taken away by --delete")
			}
			return a.tracked(cmd, func(ctx context.Context, _ *config.Settings, t *tracking) error {
				if remove {
					return a.dropAlias(ctx, t, name, args[0])
				}
				return a.setAlias(ctx, t, name, args[0], args[1])
			})
		},
	}
	addName(cmd, &name)
	cmd.Flags().BoolVar(&remove, "delete", false, "take the alias away")
	return cmd
}

// setAlias points an alias at a version. The champion is made by a promotion,
// which keeps the way back.
func (a *app) setAlias(ctx context.Context, t *tracking, name, alias, to string) error {
	v, err := version(ctx, t, name, to)
	if err != nil {
		return err
	}
	if name == promote.Pipeline && alias == promote.Champion {
		return a.promote(ctx, t, v)
	}
	if err := t.SetAlias(ctx, name, alias, v.Version); err != nil {
		return err
	}
	a.note("%s@%s is version %s", name, alias, v.Version)
	if err := followed(ctx, t, name); err != nil {
		return err
	}
	return a.done(aliasTable(name, alias, v.Version))
}

// dropAlias takes an alias away, which must be there.
func (a *app) dropAlias(ctx context.Context, t *tracking, name, alias string) error {
	v, err := version(ctx, t, name, "@"+alias)
	if err != nil {
		return err
	}
	if err := t.DeleteAlias(ctx, name, alias); err != nil {
		return err
	}
	a.note("%s@%s, which was version %s, is gone", name, alias, v.Version)
	if err := followed(ctx, t, name); err != nil {
		return err
	}
	return a.done(aliasTable(name, alias, nil))
}

// aliasTable shows where an alias points now; nil is nowhere.
func aliasTable(name, alias string, version any) table {
	return table{Thing: "alias", Columns: columns("name", "alias", "version"), Rows: [][]any{{name, alias, version}}}
}

// followed repairs the aliases of the regressors after a change of the pipeline's.
func followed(ctx context.Context, t *tracking, name string) error {
	if name != promote.Pipeline {
		return nil
	}
	return promote.Follow(ctx, t.Registry)
}

func newModelsPromote(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "promote VERSION",
		Short: "Make a version the champion, which forecast and serve use",
		Args:  takes(1, 1),
		Example: `  salesctl models promote 2
  salesctl models promote @challenger
  salesctl models rollback`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.tracked(cmd, func(ctx context.Context, _ *config.Settings, t *tracking) error {
				v, err := version(ctx, t, promote.Pipeline, args[0])
				if err != nil {
					return err
				}
				return a.promote(ctx, t, v)
			})
		},
	}
}

// promote makes a version the champion, if its file is as it was registered.
func (a *app) promote(ctx context.Context, t *tracking, v mlflow.ModelVersion) error {
	if err := t.verify(ctx, v); err != nil {
		return err
	}
	c, err := promote.Promote(ctx, t.Registry, v.Version)
	return a.noteChange(c, err)
}

func newModelsRollback(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "rollback",
		Short: "Make the champion before the champion again",
		Args:  noArgs,
		Example: `  salesctl models rollback
  salesctl models show @champion
  salesctl models list`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.tracked(cmd, func(ctx context.Context, _ *config.Settings, t *tracking) error {
				c, err := promote.Rollback(ctx, t.Registry)
				return a.noteChange(c, err)
			})
		},
	}
}

// noteChange says who is the champion now.
func (a *app) noteChange(c promote.Change, err error) error {
	switch {
	case err != nil:
		return err
	case c.From == c.To:
		a.note("version %s of %s is the champion already", c.To, promote.Pipeline)
	case c.From == "":
		a.note("version %s of %s is the champion", c.To, promote.Pipeline)
	default:
		a.note("version %s of %s is the champion, in place of %s; back: salesctl models rollback", c.To, promote.Pipeline, c.From)
	}
	t := table{Thing: "promotion", Columns: columns("name", "champion", "before"), Rows: [][]any{{promote.Pipeline, c.To, nil}}}
	if c.From != "" {
		t.Rows[0][2] = c.From
	}
	return a.done(t)
}
