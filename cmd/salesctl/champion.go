package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/salesctl/salesctl/pkg/artifact"
	"github.com/salesctl/salesctl/pkg/config"
	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/mlflow"
	"github.com/salesctl/salesctl/pkg/pipeline"
	"github.com/salesctl/salesctl/pkg/promote"
	"github.com/salesctl/salesctl/pkg/sales"
	"github.com/salesctl/salesctl/pkg/train"
)

// champion is the pipeline that answers.
type champion struct {
	*pipeline.Pipeline
	version string
	name    string // of the file, for messages
	uri     string // of the folder that it lies in
	file    artifact.File
}

// champion opens the version of the pipeline that the alias champion points at.
func (t *tracking) champion(ctx context.Context) (champion, error) {
	v, err := t.GetVersionByAlias(ctx, promote.Pipeline, promote.Champion)
	next := "run `salesctl train`"
	switch mlflow.CodeOf(err) {
	case mlflow.InvalidParameterValue: // no such alias
		next = "`salesctl models list` shows the versions, `salesctl models promote VERSION` makes one the champion"
		fallthrough
	case mlflow.ResourceDoesNotExist: // no such model
		return champion{}, fault.New(fault.NotFound, "there is no %s@%s in %s: %w", promote.Pipeline, promote.Champion, t.place, err).
			WithHint("%s", next)
	}
	if err != nil {
		return champion{}, err
	}
	return t.open(ctx, v)
}

// open opens a version of the pipeline.
func (t *tracking) open(ctx context.Context, v mlflow.ModelVersion) (champion, error) {
	uri, err := t.ModelVersionDownloadURI(ctx, v.Name, v.Version)
	if err != nil {
		return champion{}, err
	}
	files, err := t.files(ctx, uri)
	if err != nil {
		return champion{}, err
	}
	c := champion{version: v.Version, name: uri + "/" + train.PipelineFile, uri: uri}
	if c.file, err = files.Get(ctx, train.PipelineFile); err != nil {
		return champion{}, fmt.Errorf("version %s of %s: %w", v.Version, v.Name, err)
	}
	if c.Pipeline, err = pipeline.Open(c.file, c.file.Size()); err != nil {
		return champion{}, errors.Join(c.blame(err), c.file.Close())
	}
	return c, nil
}

// champion opens the pipeline that answers by the settings.
func (a *app) champion(ctx context.Context, s *config.Settings) (c champion, err error) {
	err = a.withTracking(ctx, s, false, func(t *tracking) error {
		c, err = t.champion(ctx)
		return err
	})
	return c, err
}

// Close closes the pipeline's file.
func (c champion) Close() error { return c.file.Close() }

// Warm reads and checks the whole pipeline.
func (c champion) Warm() error { return c.blame(c.Pipeline.Warm()) }

// Forecast answers for series.
func (c champion) Forecast(ctx context.Context, history sales.Panel, name string, r sales.Request) ([]sales.Forecast, error) {
	out, err := c.Pipeline.Forecast(ctx, history, name, r)
	return out, c.blame(err)
}

// Predict answers for rows.
func (c champion) Predict(ctx context.Context, history sales.Panel, rows []sales.Row) ([]sales.Prediction, error) {
	out, err := c.Pipeline.Predict(ctx, history, rows)
	return out, c.blame(err)
}

// blame names the file where its bytes are at fault, which may show only when a
// part of it is first asked for.
func (c champion) blame(err error) error {
	if fault.Is(err, fault.Integrity) {
		return fmt.Errorf("%s: %w", c.name, err)
	}
	return err
}
