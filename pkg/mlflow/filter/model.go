package filter

import (
	"errors"
	"regexp"
	"strconv"
	"strings"

	"github.com/salesctl/salesctl/pkg/mlflow"
)

// The words for the entities of logged models, which have no aliases.
var modelEntities = map[string]Entity{"attributes": Attribute, "metrics": Metric, "params": Param, "tags": Tag}

var modelEntityNames = [...]string{Attribute: "attributes", Metric: "metrics", Param: "params", Tag: "tags"}

// Their operators, in the order of MLflow's errors.
var (
	modelNumberOps = []string{"<", "<=", ">", ">=", "=", "!="}
	modelTextOps   = []string{"=", "!=", "LIKE", "ILIKE", "IN", "NOT IN"}
)

var modelIdentifier = regexp.MustCompile(`^([a-z]+)\.(.+)$`)

// models reads a filter of logged models. Their grammar is looser: any operand may
// be a key or a value, and a string needs no quotes.
func (f filter) models(tokens []token) ([]Comparison, error) {
	if len(tokens) > maxTokens {
		return nil, f.refuse(tokens[maxTokens].start, "Invalid filter string: %s", pyString(abridged(f.text)))
	}
	if at := second(tokens); at >= 0 || len(tokens) == 0 {
		return nil, f.refuse(max(at, 0), "Invalid filter string: %s. Expected a single SQL expression.", pyString(f.text))
	}
	var out []Comparison
	for _, g := range picked(grouped(tokens), f.text) {
		if g.word(f.text, "AND") {
			continue
		}
		if g.shape != comparison {
			return nil, f.refuse(g.start, "Invalid filter string: %s. Expected a list of comparisons separated by 'AND' (e.g. 'metrics.loss > 0.1 AND params.lr = 0.01').", pyString(f.text))
		}
		c, err := f.model(g)
		if err != nil {
			return nil, err
		}
		if len(out) == maxComparisons {
			return nil, f.refuse(g.start, "A filter takes at most %d comparisons", maxComparisons)
		}
		out = append(out, c)
	}
	return out, nil
}

// model reads one comparison.
func (f filter) model(g group) (c Comparison, err error) {
	left, op := g.parts[0].text(f.text), strings.ToUpper(g.op(f.text))
	if len(g.parts) == 2 {
		return c, f.refuse(g.start, "Invalid comparison: %s%s. Expected a comparison with 3 tokens.", left, op)
	}
	if c.Entity, c.Key, err = f.modelKey(g.start, left); err != nil {
		return c, err
	}
	number := c.Entity == Metric || c.Entity == Attribute && has(f.rules.numbers, c.Key)
	ops := modelTextOps
	if number {
		ops = modelNumberOps
	}
	if !has(ops, op) {
		return c, f.refuse(g.start, "Invalid comparison operator for %s.%s: %s. Expected one of (%s).", modelEntityNames[c.Entity], c.Key, pyString(op), pyJoin(ops))
	}
	if c.Entity == Attribute && !has(f.rules.attributes, c.Key) {
		return c, f.refuse(g.start, "Invalid attribute key '%s' specified. Valid keys are '%s'", c.Key, pySet(f.rules.attributes))
	}
	c.Op = Op(op)
	c.Value, err = f.modelValue(c, number, g.parts[2])
	return c, err
}

// modelKey reads the left side.
func (f filter) modelKey(at int, text string) (Entity, string, error) {
	e, key := Attribute, text
	if m := modelIdentifier.FindStringSubmatch(text); m != nil {
		var ok bool
		if e, ok = modelEntities[m[1]]; !ok {
			return 0, "", f.refuse(at, "Invalid entity type: '%s'. Expected one of ['attributes', 'metrics', 'params', 'tags'].", m[1])
		}
		key = m[2]
	}
	key = strings.Trim(key, "`")
	if name, ok := modelAliases[key]; ok && e == Attribute {
		key = name
	}
	return e, key, nil
}

// modelValue reads the right side.
func (f filter) modelValue(c Comparison, number bool, g group) (any, error) {
	text := g.text(f.text)
	several := c.Op == In || c.Op == NotIn
	switch {
	case number:
		v, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
		if err != nil && v == 0 {
			return nil, f.refuse(g.start, "could not convert string to float: %s", pyString(text))
		}
		return v, nil
	case !several && strings.HasPrefix(text, "(") && strings.HasSuffix(text, ")"):
		return nil, f.refuse(g.start, "Invalid comparison operator for %s.%s: %s does not take a list.", modelEntityNames[c.Entity], c.Key, pyString(string(c.Op)))
	case !several:
		return strings.Trim(text, "'"), nil
	}
	items, err := parseList(text)
	if errors.Is(err, emptyList) {
		return []string{}, nil // nothing is in it
	}
	if err != nil {
		return nil, f.refuse(g.start, "%s", err.Error())
	}
	return items, nil
}

// ModelOrder is one clause of the order of logged models: an attribute, or the
// newest value of a metric, of those on a dataset where one is named.
type ModelOrder struct {
	Order
	Dataset mlflow.DatasetRef
}

// ParseModelOrder reads the order_by of a search of logged models.
func ParseModelOrder(clauses []mlflow.LoggedModelOrder) ([]ModelOrder, error) {
	if len(clauses) > maxOrders {
		return nil, tooMany()
	}
	out := make([]ModelOrder, 0, len(clauses))
	for _, c := range clauses {
		o := ModelOrder{
			Order:   Order{Entity: Attribute, Key: c.Field, Descending: c.Ascending != nil && !*c.Ascending},
			Dataset: mlflow.DatasetRef{Name: c.DatasetName, Digest: c.DatasetDigest},
		}
		if entity, key, ok := strings.Cut(c.Field, "."); ok {
			if entity != "metrics" {
				return nil, mlflow.Errorf(mlflow.InvalidParameterValue, "Invalid order by field name: %s. Only metrics are supported.", c.Field)
			}
			o.Entity, o.Key = Metric, key
		} else {
			if name, ok := modelAliases[c.Field]; ok {
				o.Key = name
			}
			if !has(rulesOf[LoggedModels].attributes, o.Key) {
				return nil, mlflow.Errorf(mlflow.InvalidParameterValue, "Invalid order by field name: %s", c.Field)
			}
		}
		out = append(out, o)
	}
	return out, nil
}
