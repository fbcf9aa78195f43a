package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/salesctl/salesctl/pkg/mlflow"
	"github.com/salesctl/salesctl/pkg/mlflow/sqlstore"
)

// content names what the database holds.
type content struct {
	many   string // the experiment of all runs that are searched
	others string // the experiment of the runs below, and of those that are created
	wide   string // a run of 1,000 params and 1,000 metrics
	long   string // a run of one metric, "loss", of 10,000 values
	busy   string // a run that is written into
}

const (
	wideness = 1_000  // params and metrics of the wide run
	length   = 10_000 // values of the long history
	epoch    = 1_700_000_000_000
)

// fill makes a database with so many runs to search.
func fill(ctx context.Context, path string, runs int) (c content, err error) {
	s, err := sqlstore.Open(ctx, "sqlite:///"+path, sqlstore.Options{Create: true})
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, s.Close()) }() // which also empties its log into the file
	for name, id := range map[string]*string{"many": &c.many, "others": &c.others} {
		if *id, err = s.CreateExperiment(ctx, mlflow.NewExperiment{Name: name}); err != nil {
			return c, err
		}
	}
	all := make([]mlflow.Run, runs)
	for i := range all {
		all[i] = searched(c.many, i)
	}
	if err := s.WriteRuns(ctx, all); err != nil {
		return c, err
	}
	for _, one := range []struct {
		id *string
		mlflow.Batch
	}{{&c.wide, wideBatch()}, {&c.long, longBatch()}, {&c.busy, mlflow.Batch{}}} {
		r, err := s.CreateRun(ctx, mlflow.NewRun{ExperimentID: c.others, UserID: "bench", StartTime: epoch})
		if err != nil {
			return c, err
		}
		*one.id = r.Info.ID
		for chunk := range one.Chunks() {
			if err := s.LogBatch(ctx, r.Info.ID, chunk); err != nil {
				return c, err
			}
		}
	}
	return c, nil
}

// searched is the i-th run that is searched: 5 metrics, 5 params and 4 tags.
func searched(experiment string, i int) mlflow.Run {
	end := int64(epoch + 1000*i + 500)
	r := mlflow.Run{Info: mlflow.RunInfo{
		ID:   fmt.Sprintf("%032x", uint32(i)*2654435761), // scattered, as random ids are
		Name: fmt.Sprint("run ", i), ExperimentID: experiment, UserID: "bench",
		Status: mlflow.Finished, StartTime: int64(epoch + 1000*i), EndTime: &end,
	}}
	for j := range 5 {
		r.Data.Metrics = append(r.Data.Metrics, mlflow.Metric{Key: fmt.Sprint("metric", j),
			Value: mlflow.Number((i*7919 + j*31) % 10007), Timestamp: end, Step: 1})
		r.Data.Params = append(r.Data.Params, mlflow.Param{Key: fmt.Sprint("param", j), Value: fmt.Sprint((i + j) % 17)})
	}
	r.Data.Tags = []mlflow.Tag{{Key: "mlflow.user", Value: "bench"}, {Key: "mlflow.source.type", Value: "LOCAL"},
		{Key: "kind", Value: []string{"fit", "tune", "evaluate"}[i%3]}}
	return r
}

func wideBatch() (b mlflow.Batch) {
	for i := range wideness {
		b.Params = append(b.Params, mlflow.Param{Key: fmt.Sprint("param", i), Value: fmt.Sprint("value ", i)})
		b.Metrics = append(b.Metrics, mlflow.Metric{Key: fmt.Sprint("metric", i), Value: mlflow.Number(i) / 3, Timestamp: epoch})
	}
	return b
}

func longBatch() (b mlflow.Batch) {
	for i := range int64(length) {
		b.Metrics = append(b.Metrics, mlflow.Metric{Key: "loss", Value: 1 / mlflow.Number(i+1), Timestamp: epoch + i, Step: i})
	}
	return b
}

// copyFile copies a file; the folder is made.
func copyFile(from, to string) (err error) {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
