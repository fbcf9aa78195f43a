package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"

	"github.com/salesctl/salesctl/pkg/fault"
)

// plain is the body of every error but a 422.
type plain struct {
	Detail string `json:"detail"`
}

// itemized is the body of a 422.
type itemized struct {
	Detail []detail `json:"detail"`
}

// internalError says no more than it must; the log has the rest.
var internalError = plain{"Internal Server Error"}

// statusError is a refusal whose status is known where it happens.
type statusError struct {
	status int
	detail string
}

func (e *statusError) Error() string { return e.detail }

// refuse writes the error.
func (s *server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	status, body := statusOf(err)
	gone := r.Context().Err() != nil && errors.Is(err, context.Canceled) // the client; nobody reads the answer
	if status >= http.StatusInternalServerError && !gone {
		s.Logger.ErrorContext(r.Context(), "request failed", "request_id", requestID(r.Context()), "error", err)
	}
	s.write(w, r, status, body)
}

// statusOf is the one place that turns an error into a status and a body.
func statusOf(err error) (int, any) {
	if e, ok := errors.AsType[*validationError](err); ok {
		return http.StatusUnprocessableEntity, itemized{e.details}
	}
	if e, ok := errors.AsType[*statusError](err); ok {
		return e.status, plain{e.detail}
	}
	switch fault.KindOf(err) {
	case fault.NotFound, fault.Conflict, fault.Invalid: // the store is there, so it is the pipeline or the data that lacks something
		return http.StatusConflict, plain{withHint(err)}
	case fault.Unavailable:
		return http.StatusServiceUnavailable, plain{withHint(err)}
	}
	return http.StatusInternalServerError, internalError
}

// withHint is the message and the next step, which travel as one text here.
func withHint(err error) string {
	if hint := fault.HintOf(err); hint != "" {
		return err.Error() + ": " + hint
	}
	return err.Error()
}

// write sends the body as JSON, all at once: what cannot be written is a 500
// and never half an answer.
func (s *server) write(w http.ResponseWriter, r *http.Request, status int, body any) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(body); err != nil {
		s.refuse(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(buf.Len()-1))
	w.WriteHeader(status)
	_, _ = w.Write(buf.Bytes()[:buf.Len()-1]) // without Encode's newline; an error means that the client has gone
}

// real is a float that goes into JSON as Python writes it: 25000.0, not 25000,
// so that a typed client sees a float whatever the number. NaN and the
// infinities, which JSON lacks, become null.
type real float64

// MarshalJSON writes the shortest form that reads back as the same number.
func (x real) MarshalJSON() ([]byte, error) {
	f := float64(x)
	size := math.Abs(f)
	switch {
	case math.IsNaN(f) || math.IsInf(f, 0):
		return []byte("null"), nil
	case f != 0 && (size < 1e-4 || size >= 1e16): // where Python's repr turns to exponents
		return strconv.AppendFloat(nil, f, 'e', -1, 64), nil
	}
	text := strconv.AppendFloat(nil, f, 'f', -1, 64)
	if !bytes.ContainsRune(text, '.') {
		text = append(text, ".0"...)
	}
	return text, nil
}

// cents writes dollars with two decimals, rounded as Python rounds: the binary
// value correctly, exact ties to even.
func cents(dollars float64) string { return strconv.FormatFloat(dollars, 'f', 2, 64) }

// rounded is the number that cents writes, Python's round(dollars, 2).
func rounded(dollars float64) real {
	f, _ := strconv.ParseFloat(cents(dollars), 64) // our own output, which parses
	return real(f)
}

// Deny answers a request that was not let in, as FastAPI does.
func Deny(w http.ResponseWriter, status int, err error) {
	body, _ := json.Marshal(plain{withHint(err)}) // text always can be written
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // an error means that the client has gone
}
