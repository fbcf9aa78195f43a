package filter

import (
	"math"
	"strconv"
	"strings"

	"github.com/salesctl/salesctl/pkg/fault"
)

// term is a comparison whose operator is not checked yet.
type term struct {
	Comparison
	raw string // the operator as it was written
	at  int    // byte
}

// classic reads the filters of everything but logged models. First every
// comparison is read, then every operator is checked: that is the order of the
// errors.
func (f filter) classic(gs []group) ([]Comparison, error) {
	if err := f.leftovers(gs); err != nil {
		return nil, err
	}
	var terms []term
	for _, g := range gs {
		if g.shape != comparison {
			continue
		}
		t, err := f.term(g)
		if err != nil {
			return nil, err
		}
		terms = append(terms, t)
	}
	out := make([]Comparison, 0, len(terms))
	for _, t := range terms {
		if err := f.operator(&t); err != nil {
			return nil, err
		}
		if len(out) == maxComparisons {
			return nil, f.refuse(t.at, "A filter takes at most %d comparisons", maxComparisons)
		}
		out = append(out, t.Comparison)
	}
	return out, nil
}

// leftovers refuses what is neither a comparison nor AND.
func (f filter) leftovers(gs []group) error {
	var texts []string
	at := -1
	for _, g := range gs {
		if g.shape == comparison || g.word(f.text, "AND") {
			continue
		}
		if at < 0 {
			at = g.start
		}
		t := g.text(f.text)
		if f.kind == Runs {
			t = "'" + t + "'"
		}
		texts = append(texts, t)
	}
	if at < 0 {
		return nil
	}
	return f.refuse(at, "Invalid clause(s) in filter string: %s", strings.Join(texts, ", "))
}

// term reads one comparison.
func (f filter) term(g group) (term, error) {
	left := g.parts[0]
	t := term{raw: g.op(f.text), at: g.start}
	if left.shape != identifier {
		return t, f.refuse(left.start, "Invalid comparison clause. Expected 'Identifier' found '%s'", left.text(f.text))
	}
	var err error
	if t.Entity, t.Key, err = f.identifier(left); err != nil {
		return t, err
	}
	if len(g.parts) == 2 {
		return t, f.nullable(t)
	}
	t.Value, err = f.value(t, g.parts[2])
	return t, err
}

// nullable refuses IS NULL beside what always has a value.
func (f filter) nullable(t term) error {
	name := entityNames[t.Entity]
	switch {
	case f.kind == Runs && t.Entity != Tag && t.Entity != Param:
		return f.refuse(t.at, "IS NULL / IS NOT NULL is only supported for tags and params, not for '%s' '%s'", name, t.Key)
	case f.kind == Experiments && t.Entity != Tag:
		return f.refuse(t.at, "IS NULL / IS NOT NULL is only supported for tags, not for attribute '%s'", t.Key)
	case f.kind == RegisteredModels || f.kind == Versions:
		return f.refuse(t.at, "IS NULL / IS NOT NULL is not supported for %s '%s'", name, t.Key)
	}
	return nil
}

// identifier reads the left side.
func (f filter) identifier(g group) (Entity, string, error) {
	e, key, err := identify(f.kind, g.text(f.text), f.rules.attributes)
	if err != nil {
		return 0, "", f.refuse(g.start, "%s", err.Error())
	}
	return e, key, nil
}

// identify reads an entity and a key. The registry wants its attributes without
// quotes.
func identify(kind Kind, text string, attributes []string) (e Entity, key string, err error) {
	entity, key, ok := strings.Cut(text, ".")
	if !ok {
		entity, key = "attribute", text
	} else if allowed := rulesOf[kind].entities; allowed != nil && !has(allowed, entity) {
		return 0, "", complaint("Invalid entity type '" + entity + "'. Valid entity types are ('attribute', 'tag', 'tags')")
	}
	e, ok = entityOf[unticked(entity)]
	if !ok {
		return 0, "", complaint("Invalid entity type '" + unticked(entity) + "'. Valid values are ['metric', 'parameter', 'tag', 'attribute', 'dataset']")
	}
	bare := unticked(unquoted(key))
	if kind == RegisteredModels || kind == Versions {
		if e == Attribute {
			bare = key
		}
	}
	switch {
	case e == Attribute && !has(attributes, bare):
		return 0, "", complaint("Invalid attribute key '" + bare + "' specified. Valid keys are '" + pySet(attributes) + "'")
	case e == Dataset && !has(datasetKeys, bare):
		return 0, "", complaint("Invalid dataset key '" + bare + "' specified. Valid keys are '" + pySet(datasetKeys) + "'")
	}
	return e, bare, nil
}

// complaint is a message that has no place yet.
type complaint string

func (c complaint) Error() string { return string(c) }

// value reads the right side.
func (f filter) value(t term, g group) (any, error) {
	text := g.text(f.text)
	number := t.Entity == Attribute && has(f.rules.numbers, t.Key) && f.kind != Versions
	switch {
	case t.Entity == Metric && !g.number():
		return nil, f.refuse(g.start, "Expected numeric value type for metric. Found %s", text)
	case number && !g.number():
		return nil, f.refuse(g.start, "Expected numeric value type for numeric attribute: %s. Found %s", t.Key, text)
	case t.Entity == Metric:
		return parseFloat(text), nil
	case number:
		return parseNumber(g, text), nil
	case g.shape == quote, g.shape == identifier:
		s := unquoted(text)
		if s == text {
			return nil, f.refuse(g.start, "Parameter value is either not quoted or unidentified quote types used for string value %s. Use either single or double quotes.", text)
		}
		return s, nil
	case g.shape == list && (t.Entity == Attribute || t.Entity == Dataset):
		return f.list(t, g)
	}
	return f.noString(t, g)
}

// noString refuses a value that is no string where one is due; a version's number
// is none.
func (f filter) noString(t term, g group) (any, error) {
	text := g.text(f.text)
	registry := f.kind == RegisteredModels || f.kind == Versions
	switch {
	case t.Entity == Param || t.Entity == Tag:
		return nil, f.refuse(g.start, "Expected a quoted string value for %s (e.g. 'my-value'). Got value %s", entityNames[t.Entity], text)
	case t.Entity == Dataset:
		return nil, f.refuse(g.start, "Expected a quoted string value for dataset attributes. Got value %s", text)
	case f.kind == Versions && g.number() && has(f.rules.numbers, t.Key):
		return parseNumber(g, text), nil
	case f.kind == Versions && g.number():
		return nil, f.refuse(g.start, "Only the '%s' attributes support comparison with numeric values.", pySet(f.rules.numbers))
	case registry:
		return nil, f.refuse(g.start, "Expected a quoted string value or a list of quoted string values for attributes. Got value %s", text)
	}
	return nil, f.refuse(g.start, "Expected a quoted string value for attributes. Got value %s", text)
}

// list reads a list of strings.
func (f filter) list(t term, g group) (any, error) {
	if t.Entity == Attribute && !has(f.rules.lists, t.Key) {
		return nil, f.refuse(g.start, "Only %s attributes support comparison with a list of quoted string values.", pyList(f.rules.lists))
	}
	items, err := parseList(g.text(f.text))
	if err != nil {
		return nil, f.refuse(g.start, "%s", err.Error())
	}
	return items, nil
}

// parseNumber reads a literal; a whole one that is too large for a database's
// integers stays a number.
func parseNumber(g group, text string) any {
	if g.shape == intNumber {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return n
		}
	}
	return parseFloat(text)
}

// parseFloat reads what the lexer took for a number.
func parseFloat(text string) float64 {
	v, _ := strconv.ParseFloat(text, 64) // the lexer let only numbers through; a huge one is infinite
	return v
}

// operator checks the operator of a term, and completes it: what the kind's own
// name for the attribute is, what type its value must have.
func (f filter) operator(t *term) error {
	t.Op = Op(strings.ToUpper(t.raw))
	if f.kind == Experiments && t.Value != nil {
		t.Op = Op(t.raw) // a small like is none there
	}
	check := f.runOp
	switch f.kind {
	case Experiments:
		check = f.experimentOp
	case RegisteredModels:
		check = f.registryOp
	case Versions:
		check = f.versionOp
	}
	_, several := t.Value.([]string)
	if err := check(t); err != nil {
		return err
	}
	if several != (t.Op == In || t.Op == NotIn) {
		return f.refuse(t.at, "Invalid comparator '%s' for a list of values", t.raw)
	}
	if t.Entity == Attribute && f.kind == Runs {
		if name, ok := runAliases[t.Key]; ok {
			t.Key = name
		}
	}
	return nil
}

// runOp checks the operator of a condition on runs: numbers are compared, texts
// matched, and what a run may lack is asked for.
func (f filter) runOp(t *term) error {
	set, end := listOps, ""
	switch {
	case t.Entity == Metric:
		set = numberOps
	case t.Entity == Param:
		set, end = nullOps, "'" // not every one of MLflow's errors closes its quote
	case t.Entity == Tag:
		set = nullOps
	case t.Entity == Dataset:
	case !has(f.rules.numbers, t.Key):
		end = "'"
	case has(numberOps, string(t.Op)):
		return nil
	default:
		return f.noComparator(t, listOps, end) // it lists those of strings
	}
	if has(set, string(t.Op)) {
		return nil
	}
	return f.noComparator(t, set, end)
}

// noComparator refuses an operator and lists those of a set.
func (f filter) noComparator(t *term, set []string, end string) error {
	return f.refuse(t.at, "Invalid comparator '%s' not one of '%s%s", t.Op, pySet(set), end)
}

// experimentOp checks the operator of a condition on experiments, where ids are
// names and have no order.
func (f filter) experimentOp(t *term) error {
	op := string(t.Op)
	switch {
	case t.Entity == Tag && !has(nullOps, op):
		return f.refuse(t.at, "Invalid comparator for tag: %s", op)
	case t.Entity == Tag:
		return nil
	case t.Key == "experiment_id" && !has(exactOps, op):
		return f.refuse(t.at, "Invalid comparator for experiment_id: %s", op)
	case t.Key == "experiment_id":
		return f.experimentIDs(t)
	case has(f.rules.numbers, t.Key) && !has(numberOps, op):
		return f.noComparator(t, listOps, "")
	case has(f.rules.numbers, t.Key):
		return f.whole(t)
	case !has(listOps, op):
		return f.noComparator(t, listOps, "'")
	}
	return nil
}

// experimentIDs makes numbers of ids.
func (f filter) experimentIDs(t *term) error {
	ids, several := t.Value.([]string)
	if !several {
		ids = []string{t.Value.(string)} // the value of an attribute that is no number
	}
	numbers := make([]int64, len(ids))
	for i, id := range ids {
		n, ok := pyInt(id)
		if !ok {
			return f.refuse(t.at, "Invalid experiment ID '%s'. Experiment ID must be a valid integer.", id)
		}
		numbers[i] = n
	}
	if t.Value = numbers; !several {
		t.Value = numbers[0]
	}
	return nil
}

// whole makes the value of a numeric attribute an integer.
func (f filter) whole(t *term) error {
	switch v := t.Value.(type) {
	case int64:
		return nil
	case float64:
		return f.badNumber(t, pyFloat(v))
	case string:
		n, ok := pyInt(v)
		if !ok {
			return f.badNumber(t, v)
		}
		t.Value = n
	}
	return nil
}

// badNumber refuses a value that is no integer. MLflow quotes a float for
// experiments and not for versions.
func (f filter) badNumber(t *term, shown string) *fault.Error {
	if _, number := t.Value.(float64); !number || f.kind == Experiments {
		shown = pyString(shown)
	}
	return f.refuse(t.at, "Invalid value for numeric attribute '%s': %s", t.Key, shown)
}

// registryOp checks the operator of a text in the registry.
func (f filter) registryOp(t *term) error {
	set, name := listOps, "attribute"
	if t.Entity == Tag {
		set, name = textOps, "tag"
	}
	if !has(set, string(t.Op)) {
		return f.refuse(t.at, "Invalid comparator for %s: %s", name, t.Op)
	}
	return nil
}

// versionOp checks the operator of a condition on versions, whose numbers may be
// written as texts.
func (f filter) versionOp(t *term) error {
	switch {
	case t.Entity == Attribute && has(f.rules.numbers, t.Key) && !has(numberOps, string(t.Op)):
		return f.refuse(t.at, "Invalid comparator for attribute %s: %s", t.Key, t.Op)
	case t.Entity == Attribute && has(f.rules.numbers, t.Key):
		return f.whole(t)
	}
	return f.registryOp(t)
}

// pyInt reads what Python's int takes, underscores aside.
func pyInt(s string) (int64, bool) {
	n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
	return n, err == nil
}

// pyFloat writes a number as Python does, if it is of common size.
func pyFloat(v float64) string {
	s := strconv.FormatFloat(v, 'g', -1, 64)
	if v == math.Trunc(v) && math.Abs(v) < 1e16 {
		s = strconv.FormatFloat(v, 'f', 1, 64)
	}
	return s
}
