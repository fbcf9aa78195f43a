package config

import (
	"cmp"
	"slices"
	"strings"

	"github.com/salesctl/salesctl/pkg/fault"
	"go.yaml.in/yaml/v3"
)

// Spaces are what tuning searches: lists of values for a grid, and lists and
// ranges that candidates are drawn from.
type Spaces struct {
	Grid, Random []Space
}

// Space is what is searched for one model.
type Space struct {
	Model  string
	Params []SpaceParam // in the order of the file, which is that of the search
	Line   int          // of the model's name
}

// SpaceParam is one parameter and the values to try or, without any, the range
// that they are drawn from.
type SpaceParam struct {
	Name      string
	Values    []any  // int, float64, bool or string
	Kind      string // of the range: uniform, loguniform or int
	Low, High float64
	Line      int // of the name
}

// ParseSpaces reads a file of search spaces,
//
//	grid:   {model: {parameter: [values]}}
//	random: {model: {parameter: [values] or {uniform: [low, high]}}}
//
// in its order. A range is uniform, loguniform or int; whether its ends fit its
// kind is tuning's to check, at Line. Path names the file in errors, which are of
// kind fault.Config and begin with file and line.
func ParseSpaces(path string, data []byte) (Spaces, error) {
	root, err := parseYAML(path, data)
	if err != nil || root == nil {
		return Spaces{}, err
	}
	var out Spaces
	err = eachEntry(path, root, func(section string, at, value *yaml.Node) error {
		switch section {
		case "grid":
			out.Grid, err = spacesOf(path, section, value, false)
		case "random":
			out.Random, err = spacesOf(path, section, value, true)
		default:
			err := fault.New(fault.Config, "%s:%d: there is no section %s, want grid or random", path, at.Line, section)
			if near := fault.Nearest(section, []string{"grid", "random"}); near != "" {
				return err.WithHint("did you mean %s?", near)
			}
			return err
		}
		return err
	})
	return out, err
}

// spacesOf reads a section: the spaces of models.
func spacesOf(path, section string, n *yaml.Node, ranges bool) ([]Space, error) {
	var out []Space
	err := eachEntry(path, n, func(model string, at, params *yaml.Node) error {
		s := Space{Model: model, Line: at.Line}
		err := eachEntry(path, params, func(name string, at, values *yaml.Node) error {
			p, err := spaceParam(values, ranges)
			if err != nil {
				return fault.New(fault.Config, "%s:%d: %s.%s.%s: %w", path, values.Line, section, model, name, err)
			}
			p.Name, p.Line = name, at.Line
			s.Params = append(s.Params, p)
			return nil
		})
		out = append(out, s)
		return err
	})
	return out, err
}

// spaceParam reads the values of a parameter, or its range.
func spaceParam(n *yaml.Node, ranges bool) (SpaceParam, error) {
	wanted := "a list of values such as [1, 2]"
	if ranges {
		wanted += " or a range such as {uniform: [0.5, 1]}"
	}
	switch {
	case n.Kind == yaml.SequenceNode && len(n.Content) > 0:
		return listParam(n)
	case n.Kind == yaml.MappingNode && ranges:
		return rangeParam(n)
	case n.Kind == yaml.MappingNode:
		return SpaceParam{}, fault.New(fault.Config, "want %s, found a range: a grid has none", wanted)
	}
	return SpaceParam{}, fault.New(fault.Config, "want %s, found %s", wanted, found(n))
}

func listParam(n *yaml.Node) (SpaceParam, error) {
	var p SpaceParam
	for _, v := range n.Content {
		if target(v).Kind != yaml.ScalarNode {
			return p, fault.New(fault.Config, "want plain values in the list, found %s", found(target(v)))
		}
	}
	return p, n.Decode(&p.Values)
}

func rangeParam(n *yaml.Node) (SpaceParam, error) {
	var p SpaceParam
	kinds := []string{"uniform", "loguniform", "int"}
	if len(n.Content) != 2 || !slices.Contains(kinds, n.Content[0].Value) {
		err := fault.New(fault.Config, "want one of %s in a range", strings.Join(kinds, ", "))
		if near := fault.Nearest(cmp.Or(firstKey(n), "?"), kinds); near != "" {
			return p, err.WithHint("did you mean %s?", near)
		}
		return p, err
	}
	p.Kind = n.Content[0].Value
	ends := target(n.Content[1])
	var pair []float64
	if ends.Kind != yaml.SequenceNode || len(ends.Content) != 2 || ends.Decode(&pair) != nil {
		return p, fault.New(fault.Config, "%s: want its lowest and highest value such as [1, 10], found %s", p.Kind, found(ends))
	}
	p.Low, p.High = pair[0], pair[1]
	return p, nil
}

// firstKey is the first key of a mapping, "" of an empty one.
func firstKey(n *yaml.Node) string {
	if len(n.Content) == 0 {
		return ""
	}
	return n.Content[0].Value
}

// eachEntry calls f for each entry of a mapping, whose keys must differ; at is
// the key.
func eachEntry(path string, n *yaml.Node, f func(name string, at, value *yaml.Node) error) error {
	if n.Kind != yaml.MappingNode {
		return fault.New(fault.Config, "%s:%d: want keys and values, found %s", path, n.Line, found(n))
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		at := n.Content[i]
		if seen[at.Value] {
			return fault.New(fault.Config, "%s:%d: %s is set twice", path, at.Line, at.Value)
		}
		seen[at.Value] = true
		if err := f(at.Value, at, target(n.Content[i+1])); err != nil {
			return err
		}
	}
	return nil
}
