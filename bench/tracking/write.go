package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/salesctl/salesctl/pkg/mlflow/client"
)

// write prints how a server takes many writers at once, and whether it keeps what
// it has acknowledged.
func write(ctx context.Context, out io.Writer, c contestant, o options) error {
	lasting := time.Duration(o.seconds * float64(time.Second))
	err := c.serve(ctx, "writers.db", o.writers, func(s *server, asks *client.Client) error {
		return calm(ctx, out, s, asks, o.writers, lasting)
	})
	if err != nil {
		return err
	}
	var left *crowd
	err = c.serve(ctx, "killed.db", o.writers, func(s *server, asks *client.Client) error {
		left, err = killed(ctx, s, asks, o.writers, lasting/3)
		return err
	})
	if err != nil {
		return err
	}
	return c.serve(ctx, "killed.db", o.writers, func(s *server, asks *client.Client) error {
		if err := left.verify(ctx, asks); err != nil {
			return err
		}
		requests, metrics, _ := left.sum()
		_, err := fmt.Fprintf(out, "killed after %.1f s of the same: ready again in %.0f ms, all %d metrics of the %d acknowledged requests are there\n",
			lasting.Seconds()/3, millis(s.ready), metrics, requests)
		return err
	})
}

// serve starts the contestant for as long as use needs it, with a client that
// has a connection for each of n writers.
func (c contestant) serve(ctx context.Context, database string, n int, use func(*server, *client.Client) error) (err error) {
	s, err := c.start(ctx, database)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	asks, err := newClient(s.uri, n)
	if err != nil {
		return err
	}
	defer asks.Close()
	return use(s, asks)
}

// calm lets the writers write and stop, and looks for what they wrote.
func calm(ctx context.Context, out io.Writer, s *server, asks *client.Client, n int, lasting time.Duration) error {
	limited, cancel := context.WithTimeout(ctx, lasting)
	defer cancel()
	all, err := gather(limited, asks, n)
	if err != nil {
		return err
	}
	all.group.Wait()
	close(all.failed)
	if err := errors.Join(<-all.failed, ctx.Err()); err != nil {
		return err
	}
	used, err := s.usage()
	if err != nil {
		return err
	}
	if err := all.verify(ctx, asks); err != nil {
		return err
	}
	requests, metrics, slowest := all.sum()
	_, err = fmt.Fprintf(out, "%d writers, %.1f s: %d requests, %.0f a second, the slowest %.0f ms; no error, all %d metrics are there; %.1f MB resident\n",
		n, lasting.Seconds(), requests, float64(requests)/lasting.Seconds(), millis(slowest), metrics, megabytes(used.resident))
	return err
}

// killed kills the server amid the writing.
func killed(ctx context.Context, s *server, asks *client.Client, n int, after time.Duration) (*crowd, error) {
	all, err := gather(ctx, asks, n)
	if err != nil {
		return nil, err
	}
	select {
	case <-time.After(after):
	case err = <-all.failed:
	case <-ctx.Done():
		err = ctx.Err()
	}
	err = errors.Join(err, s.kill())
	all.group.Wait() // each fails now
	return all, err
}
