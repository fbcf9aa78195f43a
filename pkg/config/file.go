package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/salesctl/salesctl/pkg/fault"
	"go.yaml.in/yaml/v3"
)

// layer is what one source says.
type layer struct {
	values  map[string]any // typed as the fields of Config
	origins map[string]Origin
}

// newLayer makes a layer that sets nothing.
func newLayer() layer {
	return layer{values: map[string]any{}, origins: map[string]Origin{}}
}

// set notes a value and its place; a later call for the same key wins.
func (l layer) set(key string, value any, o Origin) {
	l.values[key] = value
	l.origins[key] = o
}

// reader walks the nodes of one file against the fields of Config.
type reader struct {
	path     string
	into     layer
	types    map[string]reflect.Type // by key
	sections map[string]bool         // keys that hold keys
	problems []error
}

// parseFile reads a configuration file. Its error joins everything that is
// wrong with the file, in the order of the lines.
func parseFile(path string, data []byte) (layer, error) {
	r := reader{path: path, into: newLayer(), types: map[string]reflect.Type{}, sections: map[string]bool{}}
	for _, f := range fields() {
		r.types[f.key] = f.typ
		for i, c := range f.key {
			if c == '.' {
				r.sections[f.key[:i]] = true
			}
		}
	}
	root, err := parseYAML(path, data)
	if err != nil {
		return layer{}, err
	}
	if root != nil {
		r.section("", root)
	}
	return r.into, errors.Join(r.problems...)
}

// parseYAML returns the root of the file's only document, nil for an empty file.
func parseYAML(path string, data []byte) (*yaml.Node, error) {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc, second yaml.Node
	err := dec.Decode(&doc)
	if errors.Is(err, io.EOF) {
		return nil, nil
	}
	if err == nil {
		if err = dec.Decode(&second); errors.Is(err, io.EOF) {
			return doc.Content[0], nil
		}
	}
	if err == nil {
		return nil, fault.New(fault.Config, "%s:%d: a second document starts here: want one", path, second.Line)
	}
	line, msg := splitLine(err.Error())
	return nil, fault.New(fault.Config, "%s%s: no valid YAML here or just below: %s", path, line, msg).
		WithHint("`salesctl config schema` prints a schema that editors check the file against")
}

// splitLine finds the line in a message of the YAML parser, which has no type
// for its syntax errors: "yaml: line 3: did not find expected key".
func splitLine(msg string) (line, rest string) {
	msg = strings.TrimPrefix(msg, "yaml: ")
	if after, ok := strings.CutPrefix(msg, "line "); ok {
		if n, rest, ok := strings.Cut(after, ": "); ok {
			return ":" + n, rest
		}
	}
	return "", msg
}

// refuse notes a problem and lets the reading go on, so that all are told at once.
func (r *reader) refuse(n *yaml.Node, hint, format string, args ...any) {
	e := fault.New(fault.Config, "%s:%d: %s", r.path, n.Line, fmt.Sprintf(format, args...))
	if hint != "" {
		e = e.WithHint("%s", hint)
	}
	r.problems = append(r.problems, e)
}

// section reads the keys below prefix, which is empty or ends in a dot.
func (r *reader) section(prefix string, n *yaml.Node) {
	n = target(n)
	if isNull(n) {
		return
	}
	if n.Kind != yaml.MappingNode {
		r.refuse(n, "", "%s: want keys and values", orRoot(prefix))
		return
	}
	first := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, value := n.Content[i], target(n.Content[i+1])
		key := prefix + name.Value
		if line, ok := first[key]; ok {
			r.refuse(name, "", "%s is set twice, first on line %d", key, line)
			continue
		}
		first[key] = name.Line
		r.entry(key, name, value)
	}
}

// entry reads one key, which is a section or a leaf of Config, or is refused.
func (r *reader) entry(key string, name, value *yaml.Node) {
	if r.sections[key] {
		r.section(key+".", value)
		return
	}
	t, ok := r.types[key]
	if !ok {
		r.refuse(name, r.didYouMean(key), "unknown key %s", key)
		return
	}
	if isNull(value) { // "path:" with nothing behind it sets nothing
		return
	}
	v, err := decode(value, t)
	if err != nil {
		r.refuse(value, "", "%s: %v", key, err)
		return
	}
	r.into.set(key, v, Origin{Layer: FromFile, Name: r.path, Line: name.Line})
}

// decode reads a node as a value of the type. Its errors name no line, because
// the caller's do.
func decode(n *yaml.Node, t reflect.Type) (any, error) {
	switch {
	case t == reflect.TypeFor[Columns]():
		return decodeColumns(n)
	case t.Kind() == reflect.Slice:
		return decodeList(n)
	case t.Kind() == reflect.Map:
		if n.Kind != yaml.MappingNode {
			return nil, fmt.Errorf("want a map such as {name: value}, found %s", found(n))
		}
		var p Params
		if err := n.Decode(&p); err != nil {
			return nil, fmt.Errorf("want a map of names, each once: %w", err)
		}
		return p, nil
	case n.Kind != yaml.ScalarNode:
		return nil, fmt.Errorf("want a %s, found %s", noun(t), found(n))
	case t.Kind() != reflect.String && n.ShortTag() != "!!int": // YAML would cut 3.7 to 3
		return nil, fmt.Errorf("want a %s, found %q", noun(t), n.Value)
	}
	v := reflect.New(t)
	if err := n.Decode(v.Interface()); err != nil {
		return nil, fmt.Errorf("want a %s, found %s", noun(t), found(n))
	}
	return v.Elem().Interface(), nil
}

// decodeList reads a list of names. Numbers count as names, so that [1, 2] works
// for stores.
func decodeList(n *yaml.Node) (any, error) {
	if n.Kind != yaml.SequenceNode {
		return nil, fmt.Errorf("want a list such as [a, b], found %s", found(n))
	}
	list := make([]string, 0, len(n.Content))
	for _, c := range n.Content {
		if c = target(c); c.Kind != yaml.ScalarNode || isNull(c) {
			return nil, fmt.Errorf("want a list of names, found %s in it", found(c))
		}
		list = append(list, c.Value)
	}
	return list, nil
}

// decodeColumns reads a mapping in the order of the file.
func decodeColumns(n *yaml.Node) (any, error) {
	if n.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("want a map such as {temperature: Temperature}, found %s", found(n))
	}
	columns := make(Columns, 0, len(n.Content)/2)
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, header := n.Content[i].Value, target(n.Content[i+1])
		switch {
		case header.Kind != yaml.ScalarNode || header.Value == "" || isNull(header):
			return nil, fmt.Errorf("%s: want the name of a column of the file, found %s", name, found(header))
		case seen[name]:
			return nil, fmt.Errorf("names %s twice", name)
		}
		seen[name] = true
		columns = append(columns, Column{Name: name, Header: header.Value})
	}
	return columns, nil
}

// target follows an alias to its anchor.
func target(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// isNull reports whether nothing stands behind a key.
func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

// found says in words what stands in a file.
func found(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a map"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case isNull(n) || n.Value == "":
		return "nothing"
	}
	return fmt.Sprintf("%q", n.Value)
}

// orRoot names a section in messages.
func orRoot(prefix string) string {
	if prefix == "" {
		return "the file"
	}
	return strings.TrimSuffix(prefix, ".")
}

// didYouMean is the hint for an unknown key: the known key of the same last
// word in another section, or the nearest key or section.
func (r *reader) didYouMean(key string) string {
	last := key[strings.LastIndex(key, ".")+1:]
	var known []string
	for _, f := range fields() {
		if strings.HasSuffix(f.key, "."+last) {
			return "did you mean " + f.key + "?"
		}
		known = append(known, f.key)
	}
	known = append(known, slices.Sorted(maps.Keys(r.sections))...)
	if near := fault.Nearest(key, known); near != "" {
		return "did you mean " + near + "?"
	}
	return "`salesctl config show` lists the keys"
}
