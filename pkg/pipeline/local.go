package pipeline

import (
	"encoding/json"
	"errors"

	"github.com/salesctl/salesctl/pkg/local"
	"github.com/salesctl/salesctl/pkg/model/catalog"
	"github.com/salesctl/salesctl/pkg/sales"
)

// storedFit is how a local.Fit is written.
type storedFit struct {
	Key     sales.Key `json:"key"`
	Model   string    `json:"model"`
	Warning string    `json:"warning,omitempty"`
	State   []byte    `json:"state"`
}

// marshalLocal writes the parameters as a section.
func marshalLocal(f local.Fitted) ([]byte, error) {
	stored := make([]storedFit, len(f.Fits))
	for i, fit := range f.Fits {
		state, err := fit.MarshalBinary()
		if err != nil {
			return nil, err
		}
		stored[i] = storedFit{fit.Key, fit.Model, fit.Warning, state}
	}
	return json.Marshal(stored)
}

// readLocal reads what marshalLocal wrote; its history is empty until Observe.
func readLocal(c *container, name string) (local.Fitted, error) {
	var stored []storedFit
	if err := c.readJSON(localSection(name), &stored); err != nil {
		return local.Fitted{}, err
	}
	f := local.Fitted{Label: name, Fits: make([]local.Fit, len(stored))}
	var errs []error
	for i, s := range stored {
		fit, err := catalog.DecodeLocal(s.Model, s.State)
		errs = append(errs, err)
		f.Fits[i] = local.Fit{Key: s.Key, Model: s.Model, Warning: s.Warning, LocalFit: fit}
	}
	return f, errors.Join(errs...)
}

func localSection(name string) string { return "local/" + name }
