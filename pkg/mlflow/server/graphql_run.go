package server

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/salesctl/salesctl/pkg/mlflow"
)

// execution answers one operation. The value of a field is a member of the REST
// API's message, so that the graph has no second form of anything.
type execution struct {
	h         *handler
	ctx       context.Context //nolint:containedctx // it lives as long as the request
	schema    *ast.Schema
	variables map[string]any
	errors    []string
}

// root asks for each field of the operation. One that fails is null, and the
// others are answered.
func (e *execution) root(op *ast.OperationDefinition) map[string]any {
	data := map[string]any{}
	for _, f := range merged(op.SelectionSet) {
		message, err := e.resolve(f)
		if err == nil {
			data[f.Alias], err = e.message(f, message)
		}
		if err != nil {
			e.fail(err)
			data[f.Alias] = nil
		}
	}
	return data
}

// fail notes an error for the client.
func (e *execution) fail(err error) { e.errors = append(e.errors, message(err)) }

// message selects from a message of the REST API what the field's query names.
func (e *execution) message(f *ast.Field, message any) (any, error) {
	if f.Name == "__typename" {
		return message, nil
	}
	tree, err := asTree(message)
	if err != nil {
		return nil, err
	}
	return e.value(f.Definition.Type, f.SelectionSet, tree), nil
}

// asTree returns the message as JSON's types, its numbers as they are written.
func asTree(message any) (tree any, err error) {
	raw, err := json.Marshal(message)
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	return tree, d.Decode(&tree)
}

// merged are the fields of a set by what the answer calls them, in the query's
// order; fields of one name select together.
func merged(set ast.SelectionSet) []*ast.Field {
	var fields []*ast.Field
	for _, s := range set {
		var found []*ast.Field
		switch s := s.(type) {
		case *ast.Field:
			found = []*ast.Field{s}
		case *ast.InlineFragment:
			found = merged(s.SelectionSet)
		case *ast.FragmentSpread:
			found = merged(s.Definition.SelectionSet)
		}
		for _, f := range found {
			i := slices.IndexFunc(fields, func(g *ast.Field) bool { return g.Alias == f.Alias })
			if i < 0 {
				fields = append(fields, f)
				continue
			}
			both := *fields[i]
			both.SelectionSet = slices.Concat(both.SelectionSet, f.SelectionSet)
			fields[i] = &both
		}
	}
	return fields
}

// value gives a value the type that the schema says. What is missing has the
// zero value that protocol buffers give it, but an error that did not happen is
// null.
func (e *execution) value(t *ast.Type, set ast.SelectionSet, v any) any {
	if t.Elem != nil {
		items, _ := v.([]any)
		out := make([]any, len(items))
		for i, item := range items {
			out[i] = e.value(t.Elem, set, item)
		}
		return out
	}
	switch def := e.schema.Types[t.NamedType]; {
	case def.Kind == ast.Object && (v != nil || t.NamedType != "ApiError"):
		members, _ := v.(map[string]any)
		return e.object(def, set, members)
	case v == nil:
		return zero(t.NamedType)
	}
	switch n := v.(type) {
	case json.Number:
		if t.NamedType == "LongString" {
			return n.String()
		}
	case string:
		if t.NamedType == "Float" { // NaN, which JSON has no number for
			return nil
		}
	}
	return v
}

// zero is the value of a scalar that is not there.
func zero(scalar string) any {
	switch scalar {
	case "String":
		return ""
	case "LongString":
		return "0"
	case "Boolean":
		return false
	}
	return nil
}

// object selects members of an object.
func (e *execution) object(def *ast.Definition, set ast.SelectionSet, members map[string]any) map[string]any {
	out := map[string]any{}
	for _, f := range merged(set) {
		if f.Name == "__typename" {
			out[f.Alias] = def.Name
			continue
		}
		v, err := e.member(def.Name, f.Name, members)
		if err != nil {
			e.fail(err)
			out[f.Alias] = nil
			continue
		}
		out[f.Alias] = e.value(f.Definition.Type, f.SelectionSet, v)
	}
	return out
}

// member returns a member by its name in the graph. A run's experiment and the
// versions made from it are asked for here, and only where a query names them.
func (e *execution) member(typeName, field string, members map[string]any) (any, error) {
	switch typeName + "." + field {
	case "MlflowRunExtension.experiment":
		x, err := e.h.Tracking.GetExperiment(e.ctx, infoOf(members, "experiment_id"))
		if err != nil {
			return nil, err
		}
		return asTree(newExperiment(e.ctx, x))
	case "MlflowRunExtension.modelVersions":
		filter := fmt.Sprintf("run_id='%s'", infoOf(members, "run_id"))
		page, err := e.h.Registry.SearchModelVersions(e.ctx, mlflow.RegistryQuery{Filter: filter})
		if err != nil {
			return nil, err
		}
		return asTree(page.Items)
	}
	return members[snake(field)], nil
}

// infoOf returns a member of a run's info.
func infoOf(run map[string]any, name string) string {
	info, _ := run["info"].(map[string]any)
	s, _ := info[name].(string)
	return s
}

// snake turns lowerCamelCase into snake_case.
func snake(camel string) string {
	var b strings.Builder
	for _, r := range camel {
		if 'A' <= r && r <= 'Z' {
			b.WriteByte('_')
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}
