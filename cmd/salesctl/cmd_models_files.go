package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/salesctl/salesctl/pkg/artifact"
	"github.com/salesctl/salesctl/pkg/config"
	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/mlflow"
	"github.com/salesctl/salesctl/pkg/mlflow/record"
	"github.com/salesctl/salesctl/pkg/promote"
	"github.com/salesctl/salesctl/pkg/train"
)

func newModelsRegister(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "register FILE",
		Short: "Register a pipeline file, such as one of `salesctl models export`",
		Args:  takes(1, 1),
		Example: `  salesctl models register model.pipeline
  salesctl -C /srv/other models register /srv/shop/champion/model.pipeline
  salesctl models promote @challenger`,
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := a.settings(cmd)
			if err != nil {
				return err
			}
			file, err := a.open(args[0])
			if err != nil {
				return err
			}
			body, err := io.ReadAll(file) // whole: its digest is checked before anything is registered
			if err = errors.Join(err, file.Close()); err != nil {
				return err
			}
			r, err := train.Import(body, a.provenance(s), a.now())
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			ctx := cmd.Context()
			return a.withTracking(ctx, s, true, func(t *tracking) error {
				a.note("registering in %s", t.place)
				d, alias, err := t.deliver(ctx, r)
				if err != nil {
					return err
				}
				a.noteVersions(d)
				switch alias {
				case promote.Champion:
					a.note("it is the champion, which forecast and serve use")
				case promote.Challenger:
					a.note("it is the challenger; to use it: salesctl models promote @%s", alias)
				}
				return a.done(registeredTable(d.Versions, alias))
			})
		},
	}
}

// registeredTable shows a line a version that a record stands as; alias is what
// that of the pipeline got.
func registeredTable(versions []record.Version, alias string) table {
	t := table{Thing: "registered", Columns: columns("name", "version", "alias", "new")}
	for _, v := range versions {
		var got any
		if v.Name == promote.Pipeline && alias != "" {
			got = alias
		}
		t.Rows = append(t.Rows, []any{v.Name, v.Version, got, v.Fresh})
	}
	return t
}

func newModelsVerify(a *app) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "verify [VERSION]",
		Short: "Check that a version's files are what was registered, and answer as they did",
		Args:  takes(0, 1),
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
				sound := table{Thing: "verified", Columns: columns("name", "version", "digest")}
				for _, v := range check {
					if err := t.verify(ctx, v); err != nil {
						return err
					}
					a.note("version %s of %s is as it was registered", v.Version, v.Name)
					sound.Rows = append(sound.Rows, []any{v.Name, v.Version, v.Tag(record.TagDigest)})
				}
				return a.done(sound)
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
	err = c.Warm() // decodes every section and asks the golden questions again
	h := sha256.New()
	_, copied := artifact.Copy(h, c.file)
	if err = errors.Join(err, copied, c.Close()); err != nil {
		return fmt.Errorf("version %s of %s: %w", v.Version, v.Name, err)
	}
	want := v.Tag(record.TagDigest)
	if got := hex.EncodeToString(h.Sum(nil)); want != "" && got != want {
		return fault.New(fault.Integrity, "version %s of %s: %s has the SHA-256 %s, registered was %s", v.Version, v.Name, c.name, got, want).
			WithHint("promote another version, or restore the file")
	}
	return nil
}

func newModelsExport(a *app) *cobra.Command {
	var name, out string
	cmd := &cobra.Command{
		Use:   "export [VERSION] --out DIR",
		Short: "Write a version's files to a folder",
		Args:  takes(0, 1),
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
				files, err := t.export(ctx, v, a.path(out))
				if err != nil {
					return err
				}
				a.note("version %s of %s is in %s", v.Version, v.Name, a.path(out))
				return a.done(table{
					Thing: "exported", Columns: columns("name", "version", "folder", "files"),
					Rows: [][]any{{v.Name, v.Version, a.path(out), files}},
				})
			})
		},
	}
	addName(cmd, &name)
	cmd.Flags().StringVar(&out, "out", "", "the `DIR` to write to; it must not exist")
	return cmd
}

// export copies all files of a version to a folder, which it makes, and counts
// them; what fails leaves none behind.
func (t *tracking) export(ctx context.Context, v mlflow.ModelVersion, dir string) (n int, err error) {
	switch _, err := os.Lstat(dir); {
	case err == nil:
		return 0, fault.New(fault.Usage, "--out: %s exists", dir).WithHint("name a new folder")
	case !errors.Is(err, fs.ErrNotExist):
		return 0, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}()
	uri, err := t.ModelVersionDownloadURI(ctx, v.Name, v.Version)
	if err != nil {
		return 0, err
	}
	from, err := t.files(ctx, uri)
	if err != nil {
		return 0, err
	}
	to := artifact.NewLocal(dir)
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
	return n, err
}
