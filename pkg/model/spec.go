package model

import (
	"encoding/json"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/salesctl/salesctl/pkg/fault"
)

// Spec is the one form of a model in configs, grids and logged parameters.
type Spec struct {
	Name   string         `json:"name"`
	Params map[string]any `json:"params,omitempty"`
}

// Decode reads the parameters into the fields of a struct by their JSON names; what
// they do not name is left alone. An unknown name or a value of another type is a
// fault.Config. JSON would take names in any case and pass over unknown ones: a
// misspelt parameter would train with its default.
func (s Spec) Decode(into any) error {
	if len(s.Params) == 0 {
		return nil
	}
	known := parameters(into)
	for _, name := range slices.Sorted(maps.Keys(s.Params)) {
		if !slices.Contains(known, name) {
			err := fault.New(fault.Config, "%s has no parameter %q", s.Name, name)
			if near := fault.Nearest(name, known); near != "" {
				return err.WithHint("did you mean %s?", near)
			}
			if len(known) == 0 {
				return err.WithHint("it takes no parameters")
			}
			return err.WithHint("it has: %s", strings.Join(known, ", "))
		}
	}
	text, err := json.Marshal(s.Params)
	if err != nil {
		return fault.New(fault.Config, "parameters of %s: %w", s.Name, err)
	}
	err = json.Unmarshal(text, into)
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fault.New(fault.Config, "%s: %s cannot be a %s", s.Name, wrong.Field, wrong.Value).
			WithHint("give %s", nounOf(wrong.Type.Kind()))
	}
	if err != nil {
		return fault.New(fault.Config, "parameters of %s: %w", s.Name, err)
	}
	return nil
}

// nounOf words what a parameter of the kind takes.
func nounOf(k reflect.Kind) string {
	switch k {
	case reflect.Bool:
		return "true or false"
	case reflect.Float64:
		return "a number"
	case reflect.Uint64:
		return "a whole number from 0"
	case reflect.String:
		return "a word"
	case reflect.Slice:
		return "a list"
	}
	return "a whole number"
}

// parameters lists the JSON names of a struct's fields.
func parameters(of any) []string {
	t := reflect.TypeOf(of).Elem()
	var names []string
	for i := range t.NumField() {
		if name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ","); name != "-" {
			names = append(names, name)
		}
	}
	return names
}
