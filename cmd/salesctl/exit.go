package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/salesctl/salesctl/pkg/fault"
)

// The exit codes, as the contract fixes them.
const (
	exitOK          = 0
	exitFailure     = 1
	exitUsage       = 2
	exitConfig      = 3
	exitInvalid     = 4
	exitNotFound    = 5
	exitRejected    = 6
	exitDrift       = 7
	exitUnavailable = 8
	exitAuth        = 9
	exitIntegrity   = 10
	exitTimeout     = 124
)

// exitCode is the one place where errors become exit codes. A signal wins over
// whatever the stopped work returned; a fault wins over the reason of a
// cancelled context, because the room that made it knew more.
func exitCode(ctx context.Context, err error) int {
	var sig interrupted
	switch {
	case err == nil: // a server that drained has done its work
		return exitOK
	case errors.As(context.Cause(ctx), &sig):
		return sig.code()
	case fault.KindOf(err) != fault.Failure:
		return kindCode(fault.KindOf(err))
	case errors.Is(err, context.DeadlineExceeded):
		return exitTimeout
	}
	return exitFailure
}

// kindCode is the contract's table of kinds.
func kindCode(k fault.Kind) int {
	switch k {
	case fault.Usage:
		return exitUsage
	case fault.Config:
		return exitConfig
	case fault.Invalid:
		return exitInvalid
	case fault.NotFound, fault.Conflict: // a conflict is a step that is missing, and its hint names it
		return exitNotFound
	case fault.Rejected:
		return exitRejected
	case fault.Drift:
		return exitDrift
	case fault.Unavailable:
		return exitUnavailable
	case fault.Auth:
		return exitAuth
	case fault.Integrity:
		return exitIntegrity
	}
	return exitFailure
}

// printError writes the message, and the hint on a line of its own. Errors that
// were joined are written one by one.
func printError(ctx context.Context, w io.Writer, err error) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			printError(ctx, w, e)
		}
		return
	}
	msg, hint := err.Error(), fault.HintOf(err)
	var sig interrupted
	if errors.As(context.Cause(ctx), &sig) && errors.Is(err, context.Canceled) {
		msg = sig.Error()
	}
	fmt.Fprintln(w, "salesctl:", msg)
	if hint != "" {
		fmt.Fprintln(w, "hint:", hint)
	}
}
