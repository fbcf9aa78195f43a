package sqlstore

import (
	"encoding/base64"
	"encoding/json"
	"strconv"

	"github.com/salesctl/salesctl/pkg/mlflow"
)

// position is what a page token holds: how many rows came before it.
type position struct {
	Offset int `json:"offset"`
}

// offset reads a page token; "" is the first page.
func offset(token string) (int, error) {
	if token == "" {
		return 0, nil
	}
	raw, err := base64.StdEncoding.DecodeString(token)
	if err != nil {
		return 0, mlflow.Errorf(mlflow.InvalidParameterValue, "Invalid page token, could not base64-decode")
	}
	if !json.Valid(raw) {
		return 0, mlflow.Errorf(mlflow.InvalidParameterValue, "Invalid page token, decoded value=%s", quotedBytes(raw))
	}
	var p position
	if json.Unmarshal(raw, &p) != nil || p.Offset <= 0 { // the first page has no token
		return 0, mlflow.Errorf(mlflow.InvalidParameterValue, "Invalid page token, parsed value=%s", raw)
	}
	return p.Offset, nil
}

// page cuts one page off rows, of which the query fetched one more than limit
// where there are more.
func page[T any](rows []T, start, limit int) mlflow.Page[T] {
	if len(rows) <= limit {
		return mlflow.Page[T]{Items: rows}
	}
	next := `{"offset": ` + strconv.Itoa(start+limit) + `}` // as Python's json writes it, so that tokens are equal
	return mlflow.Page[T]{Items: rows[:limit], Next: base64.StdEncoding.EncodeToString([]byte(next))}
}
