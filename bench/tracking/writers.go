package main

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/salesctl/salesctl/pkg/mlflow"
	"github.com/salesctl/salesctl/pkg/mlflow/client"
)

// batchKeys are the metrics of one batch of a writer.
const batchKeys = 10

// writer logs into a run of its own, at each step one metric alone and then
// batchKeys of them in a batch.
type writer struct {
	number  int
	run     string
	singles int           // steps whose metric was acknowledged
	batches int           // and whose batch was
	slowest time.Duration // answer
}

// value tells a writer's metrics from those of every other.
func (w *writer) value(step int) mlflow.Number { return mlflow.Number(w.number*1_000_000 + step) }

// metric is what the writer logs at a step under the key.
func (w *writer) metric(key string, step int) mlflow.Metric {
	return mlflow.Metric{Key: key, Value: w.value(step), Timestamp: epoch, Step: int64(step)}
}

// batch is the batch of a step.
func (w *writer) batch(step int) (b mlflow.Batch) {
	for k := range batchKeys {
		b.Metrics = append(b.Metrics, w.metric(fmt.Sprint("batch", k), step))
	}
	return b
}

// log writes until the context ends, which cuts nothing off, or something fails.
func (w *writer) log(ctx context.Context, c *client.Client) error {
	whole := context.WithoutCancel(ctx)
	for step := 0; ctx.Err() == nil; step++ {
		if err := w.timed(func() error { return c.LogMetric(whole, w.run, w.metric("single", step)) }); err != nil {
			return err
		}
		w.singles++
		if err := w.timed(func() error { return c.LogBatch(whole, w.run, w.batch(step)) }); err != nil {
			return err
		}
		w.batches++
	}
	return nil
}

func (w *writer) timed(call func() error) error {
	began := time.Now()
	err := call()
	w.slowest = max(w.slowest, time.Since(began))
	return err
}

// newClient makes a client that sends nothing twice, so that an error is seen,
// and keeps a connection for each writer.
func newClient(uri string, writers int) (*client.Client, error) {
	return client.New(client.Options{URI: uri, Retries: -1,
		HTTP: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: writers}}})
}

// crowd are writers at work.
type crowd struct {
	writers []*writer
	failed  chan error // of each writer that something ended
	group   sync.WaitGroup
}

// gather starts n writers.
func gather(ctx context.Context, c *client.Client, n int) (*crowd, error) {
	all := &crowd{failed: make(chan error, n)}
	for i := range n {
		r, err := c.CreateRun(ctx, mlflow.NewRun{ExperimentID: mlflow.DefaultExperiment, StartTime: epoch})
		if err != nil {
			return nil, err
		}
		all.writers = append(all.writers, &writer{number: i, run: r.Info.ID})
	}
	for _, w := range all.writers {
		all.group.Go(func() {
			if err := w.log(ctx, c); err != nil {
				all.failed <- fmt.Errorf("writer %d: %w", w.number, err)
			}
		})
	}
	return all, nil
}

// sum is what was acknowledged.
func (a *crowd) sum() (requests, metrics int, slowest time.Duration) {
	for _, w := range a.writers {
		requests += w.singles + w.batches
		metrics += w.singles + batchKeys*w.batches
		slowest = max(slowest, w.slowest)
	}
	return requests, metrics, slowest
}

// verify looks for everything that was acknowledged.
func (a *crowd) verify(ctx context.Context, c *client.Client) error {
	for _, w := range a.writers {
		if err := w.verify(ctx, c); err != nil {
			return fmt.Errorf("writer %d: %w", w.number, err)
		}
	}
	return nil
}

// verify looks for every metric that was acknowledged. What was sent when the
// server was killed may be there or not, a batch as a whole.
func (w *writer) verify(ctx context.Context, c *client.Client) error {
	whole := -1
	for k := -1; k < batchKeys; k++ {
		key, acknowledged := "single", w.singles
		if k >= 0 {
			key, acknowledged = fmt.Sprint("batch", k), w.batches
		}
		h, err := c.MetricHistory(ctx, mlflow.HistoryQuery{RunID: w.run, Key: key})
		if err != nil {
			return err
		}
		n := len(h.Items)
		if n < acknowledged || n > acknowledged+1 {
			return fmt.Errorf("metric %s: %d values, and %d were acknowledged", key, n, acknowledged)
		}
		for step, m := range h.Items {
			if m.Step != int64(step) || m.Value != w.value(step) {
				return fmt.Errorf("metric %s: step %d is %+v", key, step, m)
			}
		}
		if k == 0 {
			whole = n
		}
		if k > 0 && n != whole {
			return fmt.Errorf("half a batch is written: %d values of batch0, %d of %s", whole, n, key)
		}
	}
	return nil
}
