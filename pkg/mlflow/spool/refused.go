package spool

import (
	"errors"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/mlflow"
)

// hopeless reports whether the server will never take the record: it understood
// it and says that it is wrong.
func hopeless(err error) bool {
	e, ok := errors.AsType[*mlflow.Error](err)
	return ok && (e.Code == mlflow.InvalidParameterValue || e.Code == mlflow.BadRequest) || fault.Is(err, fault.Invalid)
}
