package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"

	"github.com/salesctl/salesctl/pkg/fault"
	"go.uber.org/goleak"
)

func TestWatch(t *testing.T) {
	defer goleak.VerifyNone(t)
	for _, c := range []struct {
		signal os.Signal
		code   int
	}{{os.Interrupt, 130}, {syscall.SIGTERM, 143}} {
		ctx, cancel := context.WithCancelCause(context.Background())
		signals, exits := make(chan os.Signal), make(chan int, 1)
		go watch(signals, nil, io.Discard, cancel, func(code int) { exits <- code })
		signals <- c.signal
		<-ctx.Done()
		if got := exitCode(ctx, context.Canceled); got != c.code {
			t.Errorf("%v: exit code %d, want %d", c.signal, got, c.code)
		}
		if got := exitCode(ctx, fault.New(fault.Unavailable, "the query was cut")); got != c.code {
			t.Errorf("%v: the error of the stopped work gives exit code %d, want %d", c.signal, got, c.code)
		}
		if got := exitCode(ctx, nil); got != 0 {
			t.Errorf("%v: work that ended well gives exit code %d", c.signal, got)
		}
		signals <- c.signal
		if got := <-exits; got != c.code {
			t.Errorf("second %v: exit code %d, want %d", c.signal, got, c.code)
		}
	}
}

func TestInterruptibleLeavesNothing(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreAnyFunction("os/signal.loop"))
	ctx, release := interruptible(context.Background(), io.Discard, func(int) { t.Error("exit was called") })
	release()
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		t.Errorf("cause %v", cause)
	}
}

// TestSignals sends real signals to a real process.
func TestSignals(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a process cannot send itself signals on Windows")
	}
	for name, c := range map[string]struct {
		args  []string
		first os.Signal
		again bool
		code  int
	}{
		"interrupt": {[]string{"wait"}, os.Interrupt, false, 130},
		"terminate": {[]string{"wait"}, syscall.SIGTERM, false, 143},
		"twice":     {[]string{"wait", "--stubborn"}, os.Interrupt, true, 130},
		"drain":     {[]string{"wait", "--drain"}, syscall.SIGTERM, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command("probe", c.args...)
			stdout, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewScanner(stdout)
			next := func(want string) {
				if !lines.Scan() || lines.Text() != want {
					t.Errorf("got %q, want %q", lines.Text(), want)
				}
			}
			send := func(s os.Signal) {
				if err := cmd.Process.Signal(s); err != nil {
					t.Error(err)
				}
			}
			next("waiting")
			send(c.first)
			next("asked to stop")
			if c.again {
				send(c.first)
			}
			_ = cmd.Wait() // the exit code tells all
			if got := cmd.ProcessState.ExitCode(); got != c.code {
				t.Errorf("exit code %d, want %d", got, c.code)
			}
		})
	}
}
