//go:build unix

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"syscall"
	"testing"
	"time"

	"github.com/salesctl/salesctl/pkg/metrics"
	"github.com/salesctl/salesctl/pkg/model"
	"github.com/salesctl/salesctl/pkg/model/boost"
	"github.com/salesctl/salesctl/pkg/model/forest"
)

// answer is what one process tells of one fit.
type answer struct {
	CPU     float64 `json:"cpu"`     // seconds of the fit, of all threads
	Seconds float64 `json:"seconds"` // of the fit
	Memory  float64 `json:"memory"`  // bytes, the most that the process held until the fit was over
	MAE     float64 `json:"mae"`
	R2      float64 `json:"r2"`
	Predict float64 `json:"predict"` // seconds for 10,000 rows on one thread
	Row     float64 `json:"row"`     // seconds for one row, ours only
	Allocs  float64 `json:"allocs"`  // allocations for one row, ours only
}

// learner returns our model for a job of the same name as peers.py has.
func learner(job string, threads int, seed uint64) (model.Learner, error) {
	switch job {
	case "forest":
		return forest.New(forest.Options{MinSamplesLeaf: 1, Jobs: threads, Seed: seed}), nil
	case "boost":
		return boost.New(boost.Options{Subsample: 0.8, Jobs: threads, Seed: seed}), nil
	case "boost-big":
		return boost.New(boost.Options{LearningRate: 0.1, MaxDepth: new(6), Jobs: threads, Seed: seed}), nil
	}
	return nil, fmt.Errorf("no job %q", job)
}

// child fits one model in this process and writes its answer.
func child(ctx context.Context, out io.Writer, o childOptions) error {
	l, err := learner(o.job, o.threads, o.seed)
	if err != nil {
		return err
	}
	runtime.GOMAXPROCS(o.threads)
	train, err := readTable(o.folder, "train.f32")
	if err != nil {
		return err
	}
	stop, err := profile(o.profile)
	if err != nil {
		return err
	}
	cpu, began := usage(), time.Now()
	m, err := l.Fit(ctx, train, model.Dataset{})
	if err != nil {
		return err
	}
	a := answer{Seconds: time.Since(began).Seconds()}
	after := usage()
	a.CPU, a.Memory = after.cpu-cpu.cpu, after.memory
	if err := stop(); err != nil {
		return err
	}
	test, err := readTable(o.folder, "test.f32")
	if err != nil {
		return err
	}
	if err := judge(&a, m, test); err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(a)
}

// profile writes a CPU profile to the file until it is stopped; none without a
// name.
func profile(file string) (stop func() error, err error) {
	if file == "" {
		return func() error { return nil }, nil
	}
	f, err := os.Create(filepath.Clean(file))
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, err
	}
	return func() error { pprof.StopCPUProfile(); return f.Close() }, nil
}

// judge scores the model and times its predictions.
func judge(a *answer, m model.Regressor, test model.Dataset) error {
	p := make([]float64, test.Len())
	if err := m.Predict(p, test.X); err != nil {
		return err
	}
	s := metrics.Score(test.Y, p, nil)
	a.MAE, a.R2 = s.MAE, s.R2
	many := model.NewFrame(test.X.Names, nil, 10_000)
	row := make([]float32, test.X.Width())
	for r := range many.Len() {
		test.X.Row(row, r%test.Len())
		many.SetRow(r, row)
	}
	a.Predict = math.Inf(1)
	dst := make([]float64, many.Len())
	for range 20 {
		began := time.Now()
		if err := m.Predict(dst, many); err != nil {
			return err
		}
		a.Predict = min(a.Predict, time.Since(began).Seconds())
	}
	one, ok := m.(model.RowPredictor)
	if !ok {
		return fmt.Errorf("%T answers no single row", m)
	}
	began, sum := time.Now(), 0.0
	for r := range many.Len() {
		many.Row(row, r)
		sum += one.PredictRow(row)
	}
	a.Row = time.Since(began).Seconds() / float64(many.Len())
	a.Allocs = testing.AllocsPerRun(100, func() { sum += one.PredictRow(row) })
	if math.IsNaN(sum) {
		return fmt.Errorf("%T answers NaN", m)
	}
	return nil
}

// used is what a process has taken so far.
type used struct{ cpu, memory float64 }

// usage returns what this process has taken.
func usage() used {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return used{math.NaN(), math.NaN()}
	}
	seconds := func(t syscall.Timeval) float64 { return time.Duration(t.Nano()).Seconds() }
	return used{seconds(u.Utime) + seconds(u.Stime), float64(u.Maxrss) * 1024}
}
