package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// interrupted is the cause of a context that a signal cancelled.
type interrupted struct{ signal os.Signal }

// Error names the signal, as the shell would.
func (i interrupted) Error() string { return i.signal.String() }

// code is the shell's convention: 128 and the signal's number.
func (i interrupted) code() int {
	if i.signal == syscall.SIGTERM {
		return 143
	}
	return 130
}

// interruptible returns a context that the first SIGINT or SIGTERM cancels; a
// second one calls exit at once. release gives the signals back.
func interruptible(parent context.Context, stderr io.Writer, exit func(int)) (ctx context.Context, release func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	done := make(chan struct{})
	go watch(signals, done, stderr, cancel, exit)
	return ctx, func() {
		signal.Stop(signals)
		close(done)
		cancel(nil)
	}
}

// watch turns signals into a cancelled context first and an exit second, until
// done is closed.
func watch(signals <-chan os.Signal, done <-chan struct{}, stderr io.Writer, cancel context.CancelCauseFunc, exit func(int)) {
	for first := true; ; first = false {
		select {
		case <-done:
			return
		case s := <-signals:
			if !first {
				exit(interrupted{s}.code())
				return
			}
			fmt.Fprintln(stderr, "\nsalesctl: stopping; once more stops at once")
			cancel(interrupted{s})
		}
	}
}
