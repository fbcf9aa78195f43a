package config

import (
	"github.com/salesctl/salesctl/pkg/fault"
	"go.yaml.in/yaml/v3"
)

// Grid is what tuning searches for one model.
type Grid struct {
	Model  string
	Params []GridParam // in the order of the file, which is that of the search
}

// GridParam is one parameter and the values to try.
type GridParam struct {
	Name   string
	Values []any // int, float64, bool or string
}

// ParseGrids reads a file of grids, {model: {parameter: [values]}}, in its
// order. Path names the file in errors, which are of kind fault.Config.
func ParseGrids(path string, data []byte) ([]Grid, error) {
	root, err := parseYAML(path, data)
	if err != nil || root == nil {
		return nil, err
	}
	var grids []Grid
	err = eachEntry(path, root, func(model string, params *yaml.Node) error {
		g := Grid{Model: model}
		err := eachEntry(path, params, func(name string, values *yaml.Node) error {
			p := GridParam{Name: name}
			if values.Kind != yaml.SequenceNode || len(values.Content) == 0 {
				return fault.New(fault.Config, "%s:%d: %s.%s: want a list of values such as [1, 2], found %s",
					path, values.Line, model, name, found(values))
			}
			if err := values.Decode(&p.Values); err != nil {
				return fault.New(fault.Config, "%s:%d: %s.%s: %w", path, values.Line, model, name, err)
			}
			g.Params = append(g.Params, p)
			return nil
		})
		grids = append(grids, g)
		return err
	})
	return grids, err
}

// eachEntry calls f for each entry of a mapping, whose keys must differ.
func eachEntry(path string, n *yaml.Node, f func(name string, value *yaml.Node) error) error {
	if n.Kind != yaml.MappingNode {
		return fault.New(fault.Config, "%s:%d: want keys and values, found %s", path, n.Line, found(n))
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name := n.Content[i].Value
		if seen[name] {
			return fault.New(fault.Config, "%s:%d: %s is set twice", path, n.Content[i].Line, name)
		}
		seen[name] = true
		if err := f(name, target(n.Content[i+1])); err != nil {
			return err
		}
	}
	return nil
}
