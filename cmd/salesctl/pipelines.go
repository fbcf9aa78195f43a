package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"regexp"
	"strconv"

	"github.com/salesctl/salesctl/pkg/artifact"
	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/pipeline"
	"github.com/salesctl/salesctl/pkg/sales"
)

// pipelineFolder holds the versions, one file each: pipelines/3-<digest>.pipeline.
// The digest in the name keeps two trainings that end at the same moment from
// overwriting each other.
const pipelineFolder = "pipelines"

// pipelineName is the name of a version's file: its number and the first eight
// bytes of its SHA-256. Whatever else lies in the folder is left alone.
var pipelineName = regexp.MustCompile(`^pipelines/([1-9][0-9]{0,8})-([0-9a-f]{16})\.pipeline$`)

// pipelines keeps the versions of the pipeline; the newest is the champion.
type pipelines struct {
	files artifact.Store
	place string // for messages
}

func (a *app) pipelines() pipelines {
	dir := a.path(stateFolder)
	return pipelines{files: artifact.NewLocal(dir), place: filepath.Join(dir, pipelineFolder)}
}

// kept is a version's file.
type kept struct {
	path   string // "" where there is none
	number int
	digest string
}

func (k kept) version() string { return strconv.Itoa(k.number) }

// newest returns the champion's file. Of two with the same number, which only
// trainings that ended at the same moment make, it is always the same one.
func (p pipelines) newest(ctx context.Context) (kept, error) {
	files, err := p.files.List(ctx, pipelineFolder)
	if err != nil {
		return kept{}, err
	}
	var last kept
	for _, f := range files {
		name := pipelineName.FindStringSubmatch(f)
		if name == nil {
			continue
		}
		if n, _ := strconv.Atoi(name[1]); n >= last.number { // at most nine digits
			last = kept{path: f, number: n, digest: name[2]}
		}
	}
	return last, nil
}

// Register keeps the file as a new version, unless it is the newest one; where
// that one was damaged meanwhile, it is written again.
func (p pipelines) Register(ctx context.Context, file []byte) (version string, fresh bool, err error) {
	last, err := p.newest(ctx)
	if err != nil {
		return "", false, err
	}
	sum := sha256.Sum256(file)
	next := kept{number: last.number + 1, digest: hex.EncodeToString(sum[:8])}
	if next.digest == last.digest {
		if same, err := p.holds(ctx, last, file); same || err != nil {
			return last.version(), false, err
		}
		next.number = last.number
	}
	next.path = fmt.Sprintf("%s/%d-%s.pipeline", pipelineFolder, next.number, next.digest)
	return next.version(), true, p.files.Put(ctx, next.path, bytes.NewReader(file))
}

// holds reports whether the version's file still has these bytes.
func (p pipelines) holds(ctx context.Context, k kept, file []byte) (bool, error) {
	f, err := p.files.Get(ctx, k.path)
	if err != nil {
		return false, err
	}
	stored, err := io.ReadAll(io.NewSectionReader(f, 0, f.Size()))
	return bytes.Equal(stored, file), errors.Join(err, f.Close())
}

// champion is the pipeline that answers.
type champion struct {
	*pipeline.Pipeline
	version string
	name    string // of the file, for messages
	file    artifact.File
}

// champion opens the newest version.
func (p pipelines) champion(ctx context.Context) (champion, error) {
	last, err := p.newest(ctx)
	if err != nil {
		return champion{}, err
	}
	if last.path == "" {
		return champion{}, fault.New(fault.NotFound, "there is no trained pipeline in %s", p.place).WithHint("run `salesctl train`")
	}
	f, err := p.files.Get(ctx, last.path)
	if err != nil {
		return champion{}, err
	}
	c := champion{version: last.version(), name: filepath.Join(p.place, path.Base(last.path)), file: f}
	if c.Pipeline, err = pipeline.Open(f, f.Size()); err != nil {
		return champion{}, errors.Join(c.blame(err), f.Close())
	}
	return c, nil
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
