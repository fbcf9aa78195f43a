package server

import (
	_ "embed"
	"net/http"
	"strconv"
	"sync"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	gql "github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"

	"github.com/salesctl/salesctl/pkg/mlflow"
)

// Limits of one query, MLflow's own; the last bounds what is parsed before they
// can be counted.
const (
	maxQueryDepth   = 10
	maxSelections   = 1000
	maxRootFields   = 10
	maxFieldAliases = 10
	maxQueryTokens  = 20_000
)

//go:embed graphql.graphqls
var graphSchema string

// graphRoutes is the one address of the graph. The schema is read when somebody
// asks first.
func (h *handler) graphRoutes() []route {
	schema := sync.OnceValues(func() (*ast.Schema, error) {
		return gqlparser.LoadSchema(&ast.Source{Name: "graphql.graphqls", Input: graphSchema})
	})
	serve := func(w http.ResponseWriter, r *http.Request) error {
		s, err := schema()
		if err != nil {
			return err
		}
		return h.graph(w, r, s)
	}
	return []route{{http.MethodGet, "/graphql", serve}, {http.MethodPost, "/graphql", serve}}
}

// graphAnswer is the answer to a query. MLflow's errors are texts, not GraphQL's
// objects.
type graphAnswer struct {
	Data   map[string]any `json:"data"`
	Errors []string       `json:"errors"`
}

// graph answers a query: it is parsed, counted, checked against the schema, and
// then each of its fields is asked of the stores.
func (h *handler) graph(w http.ResponseWriter, r *http.Request, schema *ast.Schema) error {
	q := h.read(w, r).need("query")
	query, name := q.str("query"), q.str("operationName")
	if q.err != nil {
		return q.err
	}
	doc, err := gql.ParseQueryWithTokenLimit(&ast.Source{Input: query}, maxQueryTokens)
	if err != nil {
		return mlflow.Errorf(mlflow.BadRequest, "The query is not GraphQL: %v", err)
	}
	if err := countQuery(doc); err != nil {
		return answer(w, graphAnswer{Errors: []string{err.Error()}})
	}
	if found := validator.ValidateWithRules(schema, doc, nil); len(found) > 0 {
		var texts []string
		for _, e := range found {
			texts = append(texts, e.Message)
		}
		return answer(w, graphAnswer{Errors: texts})
	}
	op, err := operation(doc, name)
	if err != nil {
		return answer(w, graphAnswer{Errors: []string{err.Error()}})
	}
	given, _ := plainValue(q.v.get("variables")).(map[string]any)
	variables, err := validator.VariableValues(schema, op, given)
	if err != nil {
		return answer(w, graphAnswer{Errors: []string{err.Error()}})
	}
	e := execution{h: h, ctx: r.Context(), schema: schema, variables: variables}
	data := e.root(op)
	return answer(w, graphAnswer{data, e.errors})
}

// operation returns the operation of the name; without one, the only one.
func operation(doc *ast.QueryDocument, name string) (*ast.OperationDefinition, error) {
	op := doc.Operations.ForName(name)
	switch {
	case op == nil && name == "":
		return nil, mlflow.Errorf(mlflow.InvalidParameterValue, "Must provide operation name if query contains multiple operations.")
	case op == nil:
		return nil, mlflow.Errorf(mlflow.InvalidParameterValue, "Unknown operation named '%s'.", name)
	}
	return op, nil
}

// countQuery refuses a query that asks for too much at once.
func countQuery(doc *ast.QueryDocument) error {
	c := counter{doc: doc}
	for _, op := range doc.Operations {
		if err := c.level(op.SelectionSet, 1); err != nil {
			return err
		}
	}
	const tooMany = "GraphQL queries should have at most %d %s, got %d %[2]s."
	if c.roots > maxRootFields {
		return mlflow.Errorf(mlflow.InvalidParameterValue, tooMany, maxRootFields, "root fields", c.roots)
	}
	if c.aliases > maxFieldAliases {
		return mlflow.Errorf(mlflow.InvalidParameterValue, tooMany, maxFieldAliases, "aliases", c.aliases)
	}
	return nil
}

// counter counts a query that was parsed and not yet checked.
type counter struct {
	doc               *ast.QueryDocument
	selections, roots int
	aliases           int // the most at one level
}

// level counts the fields at a depth, and those below them.
func (c *counter) level(set ast.SelectionSet, depth int) error {
	if depth > maxQueryDepth {
		return mlflow.Errorf(mlflow.InvalidParameterValue, "Query exceeds maximum depth of %d", maxQueryDepth)
	}
	fields := c.fields(set, nil, map[string]bool{})
	if c.selections += len(fields); c.selections > maxSelections {
		return mlflow.Errorf(mlflow.InvalidParameterValue, "Query exceeds maximum total selections of %d", maxSelections)
	}
	if depth == 1 {
		c.roots += len(fields)
	}
	aliases := 0
	for _, f := range fields {
		if f.Alias != f.Name {
			aliases++
		}
		if len(f.SelectionSet) == 0 {
			continue
		}
		if err := c.level(f.SelectionSet, depth+1); err != nil {
			return err
		}
	}
	c.aliases = max(c.aliases, aliases)
	return nil
}

// fields are those of a set, the ones of its fragments included, each fragment
// once.
func (c *counter) fields(set ast.SelectionSet, fields []*ast.Field, seen map[string]bool) []*ast.Field {
	for _, s := range set {
		switch s := s.(type) {
		case *ast.Field:
			fields = append(fields, s)
		case *ast.InlineFragment:
			fields = c.fields(s.SelectionSet, fields, seen)
		case *ast.FragmentSpread:
			if f := c.doc.Fragments.ForName(s.Name); f != nil && !seen[s.Name] {
				seen[s.Name] = true
				fields = c.fields(f.SelectionSet, fields, seen)
			}
		}
	}
	return fields
}

// plainValue returns the value in the types that encoding/json decodes to, but
// integers stay integers.
func plainValue(v value) any {
	switch v.kind {
	case jsonBoolean:
		return v.text == "true"
	case jsonInteger:
		n, err := strconv.ParseInt(v.text, 10, 64)
		if err == nil {
			return n
		}
		fallthrough
	case jsonFloat:
		f, _ := strconv.ParseFloat(v.text, 64)
		return f
	case jsonText:
		return v.text
	case jsonList:
		items := make([]any, len(v.items))
		for i, item := range v.items {
			items[i] = plainValue(item)
		}
		return items
	case jsonObject:
		members := make(map[string]any, len(v.members))
		for _, m := range v.members {
			members[m.name] = plainValue(m.value)
		}
		return members
	}
	return nil
}
