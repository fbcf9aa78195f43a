package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Key describes one setting.
type Key struct {
	Name    string // such as train.folds
	Env     string // such as SALESCTL_TRAIN_FOLDS
	Doc     string // one sentence or two
	Default string // as Entry writes values
	Type    string // text, whole number, list or map
}

// Keys returns every setting in the order of Config, described by the default
// file's comments and values.
func Keys(defaults []byte) ([]Key, error) {
	l, err := parseFile("default", defaults)
	if err != nil {
		return nil, err
	}
	docs, err := comments(defaults)
	if err != nil {
		return nil, err
	}
	var keys []Key
	for _, f := range fields() {
		keys = append(keys, Key{
			Name:    f.key,
			Env:     EnvName(f.key),
			Doc:     docs[f.key],
			Default: text(l.values[f.key]),
			Type:    noun(f.typ),
		})
	}
	return keys, nil
}

// EnvName returns the environment variable of a key.
func EnvName(key string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

const envPrefix = "SALESCTL_"

// field is a leaf of Config.
type field struct {
	key   string
	typ   reflect.Type
	rules string // the validator's
	index []int  // for reflect.Value.FieldByIndex
}

// fields lists the leaves of Config in order.
func fields() []field {
	return leaves("", nil, reflect.TypeFor[Config]())
}

// leaves walks a struct; index is its path from Config.
func leaves(prefix string, index []int, t reflect.Type) []field {
	var out []field
	for i := range t.NumField() {
		f := t.Field(i)
		key, at := prefix+f.Tag.Get("yaml"), append(slices.Clip(index), i)
		if f.Type.Kind() == reflect.Struct {
			out = append(out, leaves(key+".", at, f.Type)...)
			continue
		}
		out = append(out, field{key: key, typ: f.Type, rules: f.Tag.Get("validate"), index: at})
	}
	return out
}

// noun says in words what values of a type are.
func noun(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "text"
	case reflect.Int, reflect.Uint64:
		return "whole number"
	case reflect.Map:
		return "map"
	}
	if t == reflect.TypeFor[Columns]() {
		return "map"
	}
	return "list"
}

// comments returns the comment above each key of a YAML file, on one line.
func comments(data []byte) (map[string]string, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return nil, fmt.Errorf("read the comments of the default configuration: %w", err)
	}
	docs := map[string]string{}
	if len(doc.Content) == 1 {
		collect(docs, "", doc.Content[0])
	}
	return docs, nil
}

// collect notes the comments of a mapping node and of what lies below it.
func collect(docs map[string]string, prefix string, n *yaml.Node) {
	if n.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := prefix + n.Content[i].Value
		lines := strings.Split(n.Content[i].HeadComment, "\n")
		for j := range lines {
			lines[j] = strings.TrimSpace(strings.TrimPrefix(lines[j], "#"))
		}
		docs[key] = strings.Join(lines, " ")
		collect(docs, key+".", n.Content[i+1])
	}
}
