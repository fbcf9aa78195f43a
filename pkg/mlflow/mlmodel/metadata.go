package mlmodel

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/salesctl/salesctl/pkg/fault"
)

// metadataNode makes YAML of the metadata that Python reads as the same. It goes
// by JSON, which knows only what both have: text, numbers, lists, maps.
func metadataNode(metadata map[string]any) (yaml.Node, error) {
	body, err := json.Marshal(metadata)
	if err != nil {
		return yaml.Node{}, fault.New(fault.Invalid, "write the model's metadata: %w", err)
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var plain any
	err = d.Decode(&plain)
	return *node(plain), err
}

// node makes YAML of what JSON was decoded to.
func node(v any) *yaml.Node {
	switch v := v.(type) {
	case map[string]any:
		n := &yaml.Node{Kind: yaml.MappingNode}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			n.Content = append(n.Content, text(key), node(v[key]))
		}
		return n
	case []any:
		n := &yaml.Node{Kind: yaml.SequenceNode}
		for _, item := range v {
			n.Content = append(n.Content, node(item))
		}
		return n
	case json.Number:
		return number(v.String())
	case bool:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: map[bool]string{true: "true", false: "false"}[v]}
	case string:
		return text(v)
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"}
}

// number writes a number. PyYAML goes by YAML 1.1, where one with an exponent
// needs a point and a sign.
func number(s string) *yaml.Node {
	if !strings.ContainsAny(s, ".e") {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: s}
	}
	if !strings.Contains(s, ".") {
		s = strings.Replace(s, "e", ".0e", 1)
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!float", Value: s}
}

// text writes text in quotes, as what stands without them may be a truth value or
// a time of day in YAML 1.1; plain names need none.
func text(s string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s}
	if !plainName(s) {
		n.Style = yaml.DoubleQuotedStyle
	}
	return n
}

// plainName reports whether s is lower-case words joined by dots and underscores.
func plainName(s string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyz"
	return s != "" && strings.Contains(letters, s[:1]) && strings.Trim(s, letters+"_.") == "" &&
		!slices.Contains([]string{"y", "n", "yes", "no", "on", "off", "true", "false", "null"}, s)
}
