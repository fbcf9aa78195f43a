package mlmodel

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"

	"github.com/salesctl/salesctl/pkg/fault"
)

// Type is the type of a column, by MLflow's name.
type Type string

// The types of columns.
const (
	Boolean  Type = "boolean"
	Long     Type = "long"
	Float    Type = "float"  // 32 bits
	Double   Type = "double" // 64 bits; MLflow lets floats and whole numbers of 32 bits pass for it
	String   Type = "string"
	Datetime Type = "datetime"
)

// types lists all of them.
func types() []Type { return []Type{Boolean, Long, Float, Double, String, Datetime} }

// Column is one column of a model's input or output.
type Column struct {
	Type     Type   `json:"type"`
	Name     string `json:"name,omitempty"` // "" where there is one column only
	Required bool   `json:"required"`
}

// Numbers returns required columns of 64-bit numbers; a NaN in them is a missing
// value. A data frame that was read with whole numbers in 64 bits takes an
// astype("float64") first: MLflow refuses them for any model with such columns.
func Numbers(names []string) []Column {
	columns := make([]Column, len(names))
	for i, name := range names {
		columns[i] = Column{Double, name, true}
	}
	return columns
}

// Signature is what goes into a model and what comes out.
type Signature struct {
	Inputs  []Column
	Outputs []Column
}

// check refuses columns that MLflow refuses: of an unknown type, two of one
// name, nameless ones among others.
func (s Signature) check() error {
	for _, columns := range [][]Column{s.Inputs, s.Outputs} {
		seen := map[string]bool{}
		for _, c := range columns {
			switch {
			case !slices.Contains(types(), c.Type):
				return fault.New(fault.Invalid, "column %q has the unknown type %q", c.Name, c.Type)
			case c.Name == "" && len(columns) > 1:
				return fault.New(fault.Invalid, "one of %d columns has no name", len(columns))
			case seen[c.Name]:
				return fault.New(fault.Invalid, "two columns are named %q", c.Name)
			}
			seen[c.Name] = true
		}
	}
	return nil
}

// Example is rows that a model can be asked for.
type Example struct {
	Columns []string
	Rows    [][]any // one cell a column: numbers, text; nil and NaN are missing
}

// ExampleOf returns rows of numbers as an example.
func ExampleOf[Number float32 | float64](columns []string, rows [][]Number) Example {
	e := Example{Columns: columns}
	for _, row := range rows {
		cells := make([]any, len(row))
		for i, v := range row {
			cells[i] = float64(v)
		}
		e.Rows = append(e.Rows, cells)
	}
	return e
}

// The files of an example: the rows alone, and as a scoring server is sent them.
const (
	examplePath = "input_example.json"
	servingPath = "serving_input_example.json"
)

// split is pandas' orientation of that name.
type split struct {
	Columns []string `json:"columns"`
	Data    [][]any  `json:"data"`
}

// files writes the example.
func (e Example) files() ([]File, error) {
	data := make([][]any, len(e.Rows))
	for i, row := range e.Rows {
		if len(row) != len(e.Columns) {
			return nil, fault.New(fault.Invalid, "example row %d has %d cells for %d columns", i+1, len(row), len(e.Columns))
		}
		data[i] = slices.Clone(row)
		for c, cell := range row {
			if v, ok := cell.(float64); ok && math.IsNaN(v) {
				data[i][c] = nil // JSON has no NaN
			}
		}
	}
	plain := split{e.Columns, data}
	rows, err := encode(plain)
	if err != nil {
		return nil, fault.New(fault.Invalid, "write the example: %w", err)
	}
	request, err := encode(struct {
		Split split `json:"dataframe_split"`
	}{plain})
	return []File{{examplePath, rows}, {servingPath, request}}, err
}

// encode writes JSON with characters as they are.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}
