package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/salesctl/salesctl/pkg/artifact"
	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/mlflow"
)

// failure is the body of an answer that is no 200.
type failure struct {
	Code     mlflow.Code `json:"error_code"`
	Message  string      `json:"message"`
	SQLState string      `json:"sqlstate,omitempty"`
	Class    string      `json:"error_class,omitempty"`
}

// class is what goes with a code: the HTTP status, and MLflow's classification,
// which newer clients show.
type class struct {
	status          int
	sqlState, class string
}

// classOf is the one place that turns a code into a status.
func classOf(c mlflow.Code) class {
	const user, system = "KAM00", "XXM00"
	switch c {
	case mlflow.BadRequest, mlflow.InvalidParameterValue:
		return class{http.StatusBadRequest, user, "INVALID_PARAMETER_VALUE"}
	case mlflow.ResourceAlreadyExists:
		return class{http.StatusBadRequest, user, "RESOURCE_ALREADY_EXISTS"}
	case mlflow.ResourceDoesNotExist, mlflow.NotFound, mlflow.EndpointNotFound:
		return class{http.StatusNotFound, user, "RESOURCE_NOT_FOUND"}
	case mlflow.FeatureDisabled:
		return class{http.StatusInternalServerError, user, "FEATURE_DISABLED"}
	case mlflow.PermissionDenied:
		return class{http.StatusForbidden, user, "PERMISSION_DENIED"}
	case mlflow.Unauthenticated:
		return class{status: http.StatusUnauthorized}
	case mlflow.RequestLimitExceeded, mlflow.ResourceExhausted:
		return class{status: http.StatusTooManyRequests}
	case mlflow.NotImplemented:
		return class{status: http.StatusNotImplemented}
	case mlflow.TemporarilyUnavailable:
		return class{http.StatusServiceUnavailable, system, "CLIENT_INTERNAL_ERROR"}
	}
	return class{http.StatusInternalServerError, system, "CLIENT_INTERNAL_ERROR"}
}

// fullMessage is for the client of a server whose disk is full.
const fullMessage = "The disk of the server's database or artifacts is full, and nothing of this request was written. " +
	"Whoever runs the server must free space there; then send it again."

// brokenError says that a body did not come to its end.
type brokenError struct{ err error }

func (e *brokenError) Error() string { return "The request body broke off: " + e.err.Error() }
func (e *brokenError) Unwrap() error { return e.err }

// tooLargeError says that a body is longer than the server reads.
type tooLargeError struct{ limit int64 }

func (e *tooLargeError) Error() string {
	return fmt.Sprintf("The request body is longer than the %d bytes that this server reads.", e.limit)
}

// refuse writes the error.
func (h *handler) refuse(w http.ResponseWriter, r *http.Request, err error) {
	status, code, text := judge(err)
	if status >= http.StatusInternalServerError {
		h.Logger.ErrorContext(r.Context(), "request failed", "request_id", requestID(w, r),
			"method", r.Method, "path", r.URL.Path, "error", err)
	}
	h.fail(w, status, code, text)
}

// judge says how an error is answered. Some have a status of their own, where
// that of their code would not do: MLflow's clients repeat a 429 or 500 for
// minutes and then do not tell its text.
func judge(err error) (status int, code mlflow.Code, text string) {
	if _, ok := errors.AsType[*tooLargeError](err); ok {
		return http.StatusRequestEntityTooLarge, mlflow.InvalidParameterValue, err.Error()
	}
	if broken, ok := errors.AsType[*brokenError](err); ok {
		return http.StatusBadRequest, mlflow.BadRequest, broken.Error()
	}
	if errors.Is(err, fault.ErrFull) {
		return http.StatusInsufficientStorage, mlflow.ResourceExhausted, fullMessage
	}
	if e, ok := errors.AsType[*artifact.UnusableError](err); ok {
		return http.StatusServiceUnavailable, mlflow.TemporarilyUnavailable, fmt.Sprintf(
			"The artifact store %s of this server cannot be used: %s. Try again later; the server's log says more.", e.Store, e.What)
	}
	code = mlflow.CodeOf(err)
	return classOf(code).status, code, message(err)
}

// internalMessage says no more than it must; the log has the rest.
const internalMessage = "Internal server error. The server's log says more."

// message is what the client reads: MLflow's own text as it is, another error
// with its hint. What went wrong inside is for the log, not for the client.
func message(err error) string {
	if e, ok := errors.AsType[*mlflow.Error](err); ok {
		return e.Message
	}
	switch fault.KindOf(err) {
	case fault.Failure, fault.Integrity, fault.Config, fault.Drift, fault.Rejected:
		return internalMessage
	}
	if hint := fault.HintOf(err); hint != "" {
		return err.Error() + ": " + hint
	}
	return err.Error()
}

// fail writes an error of the protocol.
func (h *handler) fail(w http.ResponseWriter, status int, code mlflow.Code, message string) {
	c := classOf(code)
	b, _ := json.Marshal(failure{code, message, c.sqlState, c.class}) // strings only: always can
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(status)
	_, _ = w.Write(b) // a client that has gone cannot be told
}
