package config

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
)

// object is a part of a JSON Schema.
type object map[string]any

// Schema returns the JSON Schema of the configuration file. Editors that speak
// YAML check and complete by it. It says what check.go checks, from the same
// rules.
func Schema(defaults []byte) ([]byte, error) {
	l, err := parseFile("default", defaults)
	if err != nil {
		return nil, err
	}
	docs, err := comments(defaults)
	if err != nil {
		return nil, err
	}
	sections := object{}
	for _, f := range fields() {
		section, name, _ := strings.Cut(f.key, ".")
		if sections[section] == nil {
			sections[section] = closed(object{})
		}
		p := property(f)
		p["description"], p["default"] = docs[f.key], l.values[f.key]
		sections[section].(object)["properties"].(object)[name] = p
	}
	root := closed(sections)
	root["$schema"], root["title"] = "https://json-schema.org/draft/2020-12/schema", "salesctl.yaml"
	return json.MarshalIndent(root, "", "  ")
}

// closed is the schema of a map that has these keys, each optional, and no other.
func closed(properties object) object {
	return object{"type": "object", "properties": properties, "additionalProperties": false}
}

// property is the schema of a key, by its type and its rules.
func property(f field) object {
	p, text := object{}, object{"type": "string"}
	switch noun(f.typ) {
	case "text":
		p = text
	case "whole number":
		p["type"] = "integer"
		if f.typ.Kind() == reflect.Uint64 {
			p["minimum"] = 0
		}
	case "list":
		p["type"], p["items"] = "array", text
	case "map":
		p["type"] = "object"
		if f.typ == reflect.TypeFor[Columns]() {
			p["additionalProperties"] = object{"type": "string", "minLength": 1}
		}
	}
	limits := [2]string{"minimum", "maximum"}
	if noun(f.typ) == "list" {
		limits = [2]string{"minItems", "maxItems"}
	}
	at := p
	for rule := range strings.SplitSeq(f.rules, ",") {
		name, param, _ := strings.Cut(rule, "=")
		switch name {
		case "dive": // the rules behind it are for the items
			at = text
		case "required":
			at["minLength"] = 1
		case "unique":
			at["uniqueItems"] = true
		case "min":
			at[limits[0]] = json.Number(param)
		case "max":
			at[limits[1]] = json.Number(param)
		case "oneof":
			at["enum"] = choices(param, strings.HasPrefix(f.rules, "omitempty"))
		}
	}
	return p
}

// choices lists the values of a rule, the empty one first where it is allowed.
func choices(param string, empty bool) []string {
	list := strings.Fields(param)
	if empty {
		list = append([]string{""}, list...)
	}
	return list
}

// MarshalJSON writes the map that the mapping is in the file, in its order.
func (c Columns) MarshalJSON() ([]byte, error) {
	var b strings.Builder
	for i, col := range c {
		name, err := json.Marshal(col.Name)
		if err != nil {
			return nil, err
		}
		header, err := json.Marshal(col.Header)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%s:%s", name, header)
	}
	return []byte("{" + b.String() + "}"), nil
}
