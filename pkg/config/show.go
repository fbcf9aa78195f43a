package config

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/salesctl/salesctl/pkg/fault"
)

// Entry is one setting for people to read.
type Entry struct {
	Key    string
	Value  string // secrets are masked; lists are in brackets, maps in braces
	Origin string
}

// Entries lists every setting in the order of Config.
func (s *Settings) Entries() []Entry {
	var out []Entry
	for _, f := range fields() {
		value := text(s.value(f))
		if value != "" && fault.NamesSecret(f.key) {
			value = fault.Mask
		}
		out = append(out, Entry{Key: f.key, Value: fault.Redact(value), Origin: s.Origin(f.key).String()})
	}
	return out
}

// value reads the leaf of the Config that a field stands for.
func (s *Settings) value(f field) any {
	return reflect.ValueOf(s.Config).FieldByIndex(f.index).Interface()
}

// text writes a value on one line in the way of YAML, without quotes.
func text(v any) string {
	switch v := v.(type) {
	case []string:
		return "[" + strings.Join(v, ", ") + "]"
	case Columns:
		var items []string
		for _, c := range v {
			items = append(items, c.Name+": "+c.Header)
		}
		return "{" + strings.Join(items, ", ") + "}"
	case Params:
		var items []string
		for _, name := range slices.Sorted(maps.Keys(v)) {
			value := fmt.Sprint(v[name])
			if fault.NamesSecret(name) {
				value = fault.Mask
			}
			items = append(items, name+": "+value)
		}
		return "{" + strings.Join(items, ", ") + "}"
	}
	return fmt.Sprint(v)
}
