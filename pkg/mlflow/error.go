package mlflow

import (
	"errors"
	"fmt"

	"github.com/salesctl/salesctl/pkg/fault"
)

// Code is an error code of MLflow's protocol.
type Code string

// The codes that MLflow's server answers with, as far as this one needs them.
const (
	InternalError          Code = "INTERNAL_ERROR"
	TemporarilyUnavailable Code = "TEMPORARILY_UNAVAILABLE"
	BadRequest             Code = "BAD_REQUEST"
	InvalidParameterValue  Code = "INVALID_PARAMETER_VALUE"
	InvalidState           Code = "INVALID_STATE"
	EndpointNotFound       Code = "ENDPOINT_NOT_FOUND"
	ResourceDoesNotExist   Code = "RESOURCE_DOES_NOT_EXIST"
	ResourceAlreadyExists  Code = "RESOURCE_ALREADY_EXISTS"
	PermissionDenied       Code = "PERMISSION_DENIED"
	Unauthenticated        Code = "UNAUTHENTICATED"
	ResourceExhausted      Code = "RESOURCE_EXHAUSTED"
	NotImplemented         Code = "NOT_IMPLEMENTED"
	RequestLimitExceeded   Code = "REQUEST_LIMIT_EXCEEDED"
	NotFound               Code = "NOT_FOUND"
	FeatureDisabled        Code = "FEATURE_DISABLED"
)

// Error is an error as MLflow's protocol carries it.
type Error struct {
	Code    Code   `json:"error_code"`
	Message string `json:"message"`
}

// Errorf makes an Error, wrapped as the fault whose kind its code means. Where
// the operator needs a next step, the caller adds one with WithHint.
func Errorf(code Code, format string, args ...any) *fault.Error {
	return fault.New(code.kind(), "%w", &Error{Code: code, Message: fmt.Sprintf(format, args...)})
}

// Error returns the message alone: the code is for programs.
func (e *Error) Error() string { return e.Message }

// kind is what the code means to the command line.
func (c Code) kind() fault.Kind {
	switch c {
	case ResourceDoesNotExist, EndpointNotFound, NotFound:
		return fault.NotFound
	case InvalidParameterValue, BadRequest, FeatureDisabled:
		return fault.Usage
	case ResourceAlreadyExists, InvalidState:
		return fault.Conflict
	case TemporarilyUnavailable, ResourceExhausted, RequestLimitExceeded:
		return fault.Unavailable
	case PermissionDenied, Unauthenticated:
		return fault.Auth
	}
	return fault.Failure
}

// CodeOf returns the code that an error goes over the wire with: its own, else
// what its kind means.
func CodeOf(err error) Code {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	switch fault.KindOf(err) {
	case fault.NotFound:
		return ResourceDoesNotExist
	case fault.Usage, fault.Invalid:
		return InvalidParameterValue
	case fault.Conflict:
		return InvalidState
	case fault.Unavailable:
		return TemporarilyUnavailable
	case fault.Auth:
		return PermissionDenied
	}
	return InternalError
}
