// Package filter reads MLflow's search grammar, the one language in which its
// clients ask for experiments, runs, logged models, registered models and their
// versions:
//
//	metrics.rmse < 1500 AND params.model = 'xgboost' AND tags."git commit" LIKE '3f%'
//
// The way of a filter:
//
//  1. lex cuts the text into tokens, grouped joins them into comparisons.
//  2. What is no comparison is refused, and so is what stands on its sides where
//     the kind of thing that is searched knows no such attribute or value.
//  3. Then the operators are checked. What leaves Parse can be turned into a
//     query without another question; an attribute has one name only, whatever
//     alias was written.
//
// ParseOrder does the same for the clauses of an order_by, ParseModelOrder for
// that of logged models, which has no grammar but fields.
//
// MLflow's server reads filters with a general SQL tokenizer and then picks its
// comparisons from the pieces. This package reads the same pieces, because what
// is accepted hangs on them: AND may be missing between two comparisons, a double
// quote in a value ends nothing, and logged models take values without quotes. An
// error says what MLflow says and then where; MLflow's own ends as an internal
// error in a few cases (a list beside =), which are plain refusals here.
package filter

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/mlflow"
)

// Kind is what is searched. Each has its own attributes and operators.
type Kind uint8

// What can be searched.
const (
	Experiments Kind = iota
	Runs
	LoggedModels
	RegisteredModels
	Versions
)

// Entity is what a comparison looks at.
type Entity uint8

// What things have to be compared.
const (
	Attribute Entity = iota
	Metric
	Param
	Tag
	Dataset
)

// Op is an operator, in capitals.
type Op string

// The operators.
const (
	Equal        Op = "="
	NotEqual     Op = "!="
	Less         Op = "<"
	LessEqual    Op = "<="
	Greater      Op = ">"
	GreaterEqual Op = ">="
	Like         Op = "LIKE"
	ILike        Op = "ILIKE" // LIKE that does not look at case
	In           Op = "IN"
	NotIn        Op = "NOT IN"
	IsNull       Op = "IS NULL"
	IsNotNull    Op = "IS NOT NULL"
)

// Comparison is one condition. A filter is a list of them, all of which hold.
type Comparison struct {
	Entity Entity
	Key    string // of an attribute, the one name that MLflow's tables know it by
	Op     Op
	Value  any // string, int64, float64; []string, of ids of experiments []int64, for In and NotIn; nil for IsNull and IsNotNull
}

// Limits that keep a query within what databases take.
const (
	maxTokens      = 10000 // as MLflow's tokenizer
	maxComparisons = 200
	maxOrders      = 50 // each may join a table, and SQLite joins 64
)

// PromptTag marks a registered model that is a prompt. Searches of the registry
// leave prompts out unless they ask for this tag.
const PromptTag = "mlflow.prompt.is_prompt"

// Parse reads a filter; the empty one holds for everything. Its errors are
// mlflow.InvalidParameterValue.
func Parse(kind Kind, text string) ([]Comparison, error) {
	if text == "" {
		return nil, nil
	}
	f := filter{kind: kind, rules: rulesOf[kind], text: text}
	tokens := lex(text)
	switch {
	case kind == LoggedModels:
		return f.models(tokens)
	case len(tokens) == 0:
		return nil, f.refuse(0, "Invalid filter '%s'. Could not be parsed.", text)
	case len(tokens) > maxTokens:
		return nil, f.refuse(tokens[maxTokens].start, "Error on parsing filter '%s'", abridged(text))
	}
	if at := second(tokens); at >= 0 {
		return nil, f.refuse(at, "Search filter contained multiple expression %s. Provide AND-ed expression list.", pyString(text))
	}
	return f.classic(picked(grouped(tokens), text))
}

// filter is a text that is being read.
type filter struct {
	kind  Kind
	rules rules
	text  string
}

// refuse makes an error in MLflow's words that also says where in the text its
// reason begins.
func (f filter) refuse(at int, format string, args ...any) *fault.Error {
	where := " (at character " + strconv.Itoa(utf8.RuneCountInString(f.text[:at])+1) + " of the filter)"
	return mlflow.Errorf(mlflow.InvalidParameterValue, format+"%s", append(args, where)...)
}

// abridged keeps a message short of a text that is too long.
func abridged(text string) string {
	const most = 200
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most]) + "..."
}

// second returns where a second statement begins, -1 if nowhere.
func second(tokens []token) int {
	i := slices.IndexFunc(tokens, func(t token) bool { return t.class == semicolon })
	if i < 0 || i+1 == len(tokens) {
		return -1
	}
	return tokens[i+1].start
}

// picked makes comparisons of IN, NOT IN, IS NULL and IS NOT NULL with what stands
// around them, which the grouping leaves apart.
func picked(in []group, text string) []group {
	var out []group
	for i := 0; i < len(in); {
		rest := in[i:]
		n := 1
		if rest[0].shape == identifier && len(rest) >= 3 {
			g, ok := special(rest, text)
			if ok {
				out = append(out, g)
				i += 1 + len(g.parts[1].parts) + len(g.parts[2:])
				continue
			}
			n = min(len(rest), 4) // where there is none, MLflow looks no closer
		}
		out = append(out, rest[:n]...)
		i += n
	}
	return out
}

// special makes the comparison that begins with the identifier gs[0], if one does.
func special(gs []group, text string) (g group, ok bool) {
	switch {
	case gs[1].word(text, "IN") && gs[2].shape == list:
		return join(comparison, gs[0], join(loose, gs[1]), gs[2]), true
	case gs[1].word(text, "IS") && (gs[2].shape == nothing || gs[2].word(text, "NOT NULL")):
		return join(comparison, gs[0], join(loose, gs[1:3]...)), true
	case len(gs) > 3 && gs[1].word(text, "NOT") && gs[2].word(text, "IN") && gs[3].shape == list:
		return join(comparison, gs[0], join(loose, gs[1:3]...), gs[3]), true
	}
	return g, false
}

// op returns the operator of a comparison: as it was written, but for those
// of two words.
func (g group) op(text string) string {
	words := strings.Fields(g.parts[1].text(text))
	if len(words) == 1 {
		return words[0]
	}
	return strings.ToUpper(strings.Join(words, " "))
}
