// Package fault holds the words in which every room reports an error: a kind,
// which the command line turns into an exit code and the server into an HTTP
// status, in one place each, and a hint, which tells the operator the next step
// and is printed on a line of its own.
//
// A room that has nothing to add wraps with fmt.Errorf and %w; the kind and the
// hint of the innermost fault travel along.
package fault

import (
	"errors"
	"fmt"
)

// Kind says what sort of thing went wrong. The zero value is Failure.
type Kind uint8

// The kinds of errors, as the contract's exit codes tell them apart.
const (
	Failure     Kind = iota // anything without a kind of its own
	Usage                   // the call's words are off
	Config                  // a configuration value or file is off
	Invalid                 // data is refused
	NotFound                // a store, model, run or file does not exist
	Conflict                // the state at hand forbids the operation
	Rejected                // a gate said no
	Drift                   // drift was found and asked for as a failure
	Unavailable             // a dependency (database, server) cannot be reached
	Auth                    // authentication failed
	Integrity               // stored bytes are not what was written
)

// ErrFull is in the chain of every error of a disk, quota or table that has no
// room left. Nothing of what was to be written is there.
var ErrFull = errors.New("there is no room left")

// Error is an error with a kind and, where there is one, a hint.
type Error struct {
	Kind Kind
	Hint string // the operator's next step, without a final stop; may be empty
	Err  error  // never nil
}

// New makes an Error; format and args are those of fmt.Errorf, %w included.
func New(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Err: fmt.Errorf(format, args...)}
}

// WithHint returns a copy of e that carries the operator's next step.
func (e *Error) WithHint(format string, args ...any) *Error {
	c := *e
	c.Hint = fmt.Sprintf(format, args...)
	return &c
}

// Error returns the message without the hint.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap gives errors.Is and errors.As the way in.
func (e *Error) Unwrap() error { return e.Err }

// KindOf returns the kind of the outermost Error in err's chain, Failure where
// there is none.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Failure
}

// Is reports whether err is of the kind.
func Is(err error, kind Kind) bool { return err != nil && KindOf(err) == kind }

// HintOf returns the first hint in err's chain, "" where there is none.
func HintOf(err error) string {
	for {
		e, ok := errors.AsType[*Error](err)
		if !ok {
			return ""
		}
		if e.Hint != "" {
			return e.Hint
		}
		err = e.Err
	}
}
