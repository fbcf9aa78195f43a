package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/salesctl/salesctl/pkg/artifact"
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
	if _, err := t.GetRegisteredModel(ctx, name); err != nil {
		return nil, noModel(t, name, err)
	}
	q := mlflow.RegistryQuery{Filter: fmt.Sprintf("name = '%s'", name), OrderBy: []string{"version_number DESC"}, MaxResults: mlflow.MaxSearchPage}
	var all []mlflow.ModelVersion
	for {
		page, err := t.SearchModelVersions(ctx, q)
		if err != nil {
			return nil, err
		}
		all = append(all, page.Items...)
		if q.PageToken = page.Next; page.Next == "" {
			return all, nil
		}
	}
}

// noModel adds the next step where a registered model does not exist.
func noModel(t *tracking, name string, err error) error {
	if fault.Is(err, fault.NotFound) {
		return fault.New(fault.NotFound, "%s: %w", t.place, err).WithHint("`salesctl train` registers %s", name)
	}
	return err
}

// version returns one version, by its number or an alias.
func version(ctx context.Context, t *tracking, name, text string) (mlflow.ModelVersion, error) {
	if alias, ok := strings.CutPrefix(text, "@"); ok {
		v, err := t.GetVersionByAlias(ctx, name, alias)
		if err != nil {
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
			versionTag(v, train.TagTrainedThrough), v.RunID, short(versionTag(v, record.TagDigest)),
		})
	}
	return t
}

func versionTag(v mlflow.ModelVersion, key string) string {
	for _, t := range v.Tags {
		if t.Key == key {
			return t.Value
		}
	}
	return ""
}

// short is the start of a digest, for people.
func short(digest string) string { return digest[:min(len(digest), 12)] }

func newModelsShow(a *app) *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use:   "show [VERSION]",
		Short: "Show everything about a version",
		Args:  cobra.MaximumNArgs(1),
		Example: `  salesctl models show
  salesctl models show 2
  salesctl models show @challenger --json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.tracked(cmd, func(ctx context.Context, _ *config.Settings, t *tracking) error {
				v, err := version(ctx, t, name, versionArg(args))
				if err != nil {
					return err
				}
				uri, err := t.ModelVersionDownloadURI(ctx, v.Name, v.Version)
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

// versionTable shows a line a fact.
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

func newModelsRegister(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "register FILE",
		Short: "Register a pipeline file, such as one of `salesctl models export`",
		Args:  cobra.ExactArgs(1),
		Example: `  salesctl models register model.pipeline
  salesctl models export @champion --out champion
  salesctl models register champion/model.pipeline -C /srv/other`,
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := a.settings(cmd)
			if err != nil {
				return err
			}
			file, err := a.open(args[0])
			if err != nil {
				return err
			}
			body, err := io.ReadAll(file)
			if err = errors.Join(err, file.Close()); err != nil {
				return err
			}
			r, err := train.Import(body, a.provenance(s), a.now())
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			ctx := cmd.Context()
			return a.withTracking(ctx, s, true, func(t *tracking) error {
				d, _, err := t.deliver(ctx, r)
				if err == nil {
					a.noteVersions(d)
				}
				return err
			})
		},
	}
}

func newModelsAlias(a *app) *cobra.Command {
	var name string
	var remove bool
	cmd := &cobra.Command{
		Use:   "alias ALIAS [VERSION]",
		Short: "Point an alias at a version, or take it away",
		Args:  cobra.RangeArgs(1, 2),
		Example: `  salesctl models alias shadow 2
  salesctl models alias shadow --delete
  salesctl models alias blessed 1 --name RF-Sales-Forecasting`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if remove == (len(args) == 2) {
				return fault.New(fault.Usage, "an alias is either pointed at a VERSION or taken away by --delete")
			}
			return a.tracked(cmd, func(ctx context.Context, _ *config.Settings, t *tracking) error {
				err := error(nil)
				if remove {
					err = t.DeleteAlias(ctx, name, args[0])
				} else {
					err = t.SetAlias(ctx, name, args[0], args[1])
				}
				if err == nil && name == promote.Pipeline {
					err = promote.Follow(ctx, t)
				}
				return err
			})
		},
	}
	addName(cmd, &name)
	cmd.Flags().BoolVar(&remove, "delete", false, "take the alias away")
	return cmd
}

func newModelsPromote(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "promote VERSION",
		Short: "Make a version the champion, which forecast and serve use",
		Args:  cobra.ExactArgs(1),
		Example: `  salesctl models promote 2
  salesctl models promote @challenger
  salesctl models rollback`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.tracked(cmd, func(ctx context.Context, _ *config.Settings, t *tracking) error {
				v, err := version(ctx, t, promote.Pipeline, args[0])
				if err != nil {
					return err
				}
				c, err := promote.Promote(ctx, t, v.Version)
				return a.noteChange(c, err)
			})
		},
	}
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
				c, err := promote.Rollback(ctx, t)
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
	return nil
}

func newModelsVerify(a *app) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "verify [VERSION]",
		Short: "Check that a version's files are what was registered, and answer as they did",
		Args:  cobra.MaximumNArgs(1),
		Example: `  salesctl models verify
  salesctl models verify 2
  salesctl models verify --all`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if all && len(args) > 0 {
				return fault.New(fault.Usage, "--all and a VERSION exclude each other")
			}
			return a.tracked(cmd, func(ctx context.Context, _ *config.Settings, t *tracking) error {
				check, err := asked(ctx, t, all, args)
				if err != nil {
					return err
				}
				for _, v := range check {
					if err := t.verify(ctx, v); err != nil {
						return fmt.Errorf("version %s of %s: %w", v.Version, v.Name, err)
					}
					a.note("version %s of %s is as it was registered", v.Version, v.Name)
				}
				return nil
			})
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "every version")
	return cmd
}

// asked are the versions to check.
func asked(ctx context.Context, t *tracking, all bool, args []string) ([]mlflow.ModelVersion, error) {
	if all {
		return versions(ctx, t, promote.Pipeline)
	}
	v, err := version(ctx, t, promote.Pipeline, versionArg(args))
	return []mlflow.ModelVersion{v}, err
}

// verify checks every byte of the pipeline against the version's digest, and its
// golden answers.
func (t *tracking) verify(ctx context.Context, v mlflow.ModelVersion) error {
	c, err := t.open(ctx, v)
	if err != nil {
		return err
	}
	err = c.Warm()
	h := sha256.New()
	_, copied := artifact.Copy(h, c.file)
	if err = errors.Join(err, copied, c.Close()); err != nil {
		return err
	}
	want := versionTag(v, record.TagDigest)
	if got := hex.EncodeToString(h.Sum(nil)); want != "" && got != want {
		return fault.New(fault.Integrity, "%s has the SHA-256 %s, registered was %s", c.name, got, want).
			WithHint("promote another version, or restore the file")
	}
	return nil
}

func newModelsExport(a *app) *cobra.Command {
	var name, out string
	cmd := &cobra.Command{
		Use:   "export [VERSION] --out DIR",
		Short: "Write a version's files to a folder",
		Args:  cobra.MaximumNArgs(1),
		Example: `  salesctl models export --out champion
  salesctl models export 2 --out v2
  salesctl models export --name XGB-Sales-Forecasting --out xgboost`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if out == "" {
				return fault.New(fault.Usage, "--out is missing: which folder?").WithHint("--out champion")
			}
			return a.tracked(cmd, func(ctx context.Context, _ *config.Settings, t *tracking) error {
				v, err := version(ctx, t, name, versionArg(args))
				if err != nil {
					return err
				}
				return t.export(ctx, v, a.path(out))
			})
		},
	}
	addName(cmd, &name)
	cmd.Flags().StringVar(&out, "out", "", "the `DIR` to write to; it must not exist")
	return cmd
}

// export copies all files of a version to a folder.
func (t *tracking) export(ctx context.Context, v mlflow.ModelVersion, dir string) error {
	if found, err := filepath.Glob(dir); err != nil || len(found) > 0 {
		return errors.Join(err, fault.New(fault.Usage, "--out: %s exists", dir).WithHint("name a new folder"))
	}
	uri, err := t.ModelVersionDownloadURI(ctx, v.Name, v.Version)
	if err != nil {
		return err
	}
	from, err := t.files(ctx, uri)
	if err != nil {
		return err
	}
	to := artifact.NewLocal(dir)
	n := 0
	err = artifact.Walk(ctx, from, "", func(e artifact.Entry) error {
		n++
		f, err := from.Get(ctx, e.Path)
		if err != nil {
			return err
		}
		err = to.Put(ctx, e.Path, io.NewSectionReader(f, 0, f.Size()))
		return errors.Join(err, f.Close())
	})
	if err == nil && n == 0 {
		err = fault.New(fault.NotFound, "version %s of %s has no files at %s", v.Version, v.Name, uri)
	}
	return err
}
