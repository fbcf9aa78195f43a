package mlmodel

import (
	"cmp"
	"encoding/json"
	"io/fs"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/salesctl/salesctl/pkg/fault"
)

// maxBytes is more than any description takes.
const maxBytes = 4 << 20

// Read reads an MLmodel file. A field that it does not know is ignored, since
// MLflow's releases differ in them; one that it knows must make sense, and the
// data must lie within the folder: else it is a fault.Integrity. A model that
// has neither of our flavours is a fault.Invalid.
func Read(body []byte) (Model, error) {
	if len(body) > maxBytes {
		return Model{}, damaged("it has %d bytes", len(body))
	}
	var d document
	if err := yaml.Unmarshal(body, &d); err != nil {
		return Model{}, damaged("%w", err)
	}
	m := Model{
		ArtifactPath: d.ArtifactPath, RunID: d.RunID, MLflowVersion: d.MLflow, Size: d.Size,
		ModelID: orEmpty(d.ModelID), UUID: orEmpty(d.UUID),
	}
	if err := d.Metadata.Decode(&m.Metadata); err != nil && !d.Metadata.IsZero() {
		return Model{}, damaged("its metadata: %w", err)
	}
	var err error
	if m.Created, err = parseTime(d.Created); err != nil {
		return Model{}, damaged("%w", err)
	}
	if m.Signature, err = d.Signature.columns(); err != nil {
		return Model{}, err
	}
	return m, m.pick(d.Flavors)
}

// pick takes from the flavours the one that this program knows.
func (m *Model) pick(flavors map[string]map[string]any) error {
	for flavor, version := range map[Flavor]string{Salesctl: "salesctl_version", XGBoost: "xgb_version"} {
		settings, ok := flavors[string(flavor)]
		if !ok {
			continue
		}
		if m.Flavor != "" {
			return damaged("it is both %s and %s", Salesctl, XGBoost)
		}
		m.Flavor = flavor
		m.DataPath, _ = settings["data"].(string)
		m.FlavorVersion, _ = settings[version].(string)
		if !fs.ValidPath(m.DataPath) || m.DataPath == "." || strings.Contains(m.DataPath, `\`) {
			return damaged("its data lies at %q", m.DataPath)
		}
	}
	if m.Flavor == "" {
		return fault.New(fault.Invalid, "the model is none that salesctl can load").
			WithHint("name a model that `salesctl train` logged")
	}
	return nil
}

// columns reads the signature; nil is none.
func (s *signatureText) columns() (out Signature, err error) {
	if s == nil {
		return Signature{}, nil
	}
	if out.Inputs, err = readColumns(s.Inputs); err != nil {
		return Signature{}, damaged("its inputs: %w", err)
	}
	if out.Outputs, err = readColumns(s.Outputs); err != nil {
		return Signature{}, damaged("its outputs: %w", err)
	}
	return out, nil
}

// readColumns reads a list of columns; those without "required" are. A list with
// tensors or other types than ours is no list of columns.
func readColumns(text *string) ([]Column, error) {
	if text == nil {
		return nil, nil
	}
	var read []struct {
		Type     Type   `json:"type"`
		Name     string `json:"name"`
		Required *bool  `json:"required"`
		Optional bool   `json:"optional"` // in place of required, before MLflow 2.10
	}
	if err := json.Unmarshal([]byte(*text), &read); err != nil {
		return nil, err
	}
	columns := make([]Column, len(read))
	for i, c := range read {
		if !slices.Contains(types(), c.Type) {
			return nil, nil
		}
		columns[i] = Column{c.Type, c.Name, *cmp.Or(c.Required, new(!c.Optional))}
	}
	return columns, Signature{Inputs: columns}.check()
}

func orEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func damaged(format string, args ...any) error {
	return fault.New(fault.Integrity, "the model's description is damaged: "+format, args...).
		WithHint("log the model again with `salesctl train`")
}
