package filter

import (
	"strings"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/mlflow"
)

// Order is one clause of an order_by.
type Order struct {
	Entity     Entity // never Dataset
	Key        string // of an attribute, the one name that MLflow's tables know it by
	Descending bool
}

// ParseOrder reads an order_by of anything but logged models. Clauses that repeat
// a field of runs, registered models or versions are refused.
func ParseOrder(kind Kind, clauses []string) ([]Order, error) {
	out := make([]Order, 0, len(clauses))
	seen := map[Order]bool{}
	for _, c := range clauses {
		o, err := parseOrder(kind, c)
		if err != nil {
			return nil, err
		}
		field := Order{Entity: o.Entity, Key: o.Key}
		if seen[field] && kind != Experiments {
			return nil, mlflow.Errorf(mlflow.InvalidParameterValue, "`order_by` contains duplicate fields: %s", pyList(clauses))
		}
		if len(out) == maxOrders {
			return nil, tooMany()
		}
		seen[field] = true
		out = append(out, o)
	}
	return out, nil
}

func tooMany() *fault.Error {
	return mlflow.Errorf(mlflow.InvalidParameterValue, "`order_by` takes at most %d fields", maxOrders)
}

// parseOrder reads one clause. That of registered models takes three bare names
// and no entity.
func parseOrder(kind Kind, clause string) (Order, error) {
	field, descending, err := direction(clause)
	if err != nil {
		return Order{}, err
	}
	o := Order{Key: strings.TrimSpace(field), Descending: descending}
	if kind == RegisteredModels {
		if !has(rulesOf[kind].orders, o.Key) {
			return o, mlflow.Errorf(mlflow.InvalidParameterValue, "Invalid order by key '%s' specified. Valid keys are '{'name', 'timestamp'}'", o.Key)
		}
		if o.Key == "timestamp" {
			o.Key = "last_updated_timestamp"
		}
		return o, nil
	}
	err = o.identify(kind)
	return o, err
}

// identify reads the field that Key holds. Versions share the names of entities
// and the quotes with experiments, and forget the entity.
func (o *Order) identify(kind Kind) (err error) {
	reader, valid := kind, rulesOf[kind].orders
	if kind == Versions {
		reader = Experiments
	}
	o.Entity, o.Key, err = identify(reader, o.Key, valid)
	switch {
	case err != nil:
		return mlflow.Errorf(mlflow.InvalidParameterValue, "%s", err.Error())
	case kind == Versions && !has(valid, o.Key):
		return mlflow.Errorf(mlflow.InvalidParameterValue, "Invalid order by key '%s' specified. Valid keys are %s", o.Key, pySet(valid))
	case kind == Versions:
		o.Entity = Attribute
	case kind == Experiments && o.Entity != Attribute:
		return mlflow.Errorf(mlflow.InvalidParameterValue, "Invalid order_by entity: %s", entityNames[o.Entity])
	case o.Entity == Dataset:
		return mlflow.Errorf(mlflow.InvalidParameterValue, "Invalid identifier type 'dataset'")
	case kind == Runs && o.Entity == Attribute && runAliases[o.Key] != "":
		o.Key = runAliases[o.Key]
	}
	return nil
}

// direction splits a clause into its field and ASC or DESC. A field loses its
// quotes where one of them follows.
func direction(clause string) (field string, descending bool, err error) {
	field, ok := fieldOf(clause)
	if !ok {
		return "", false, unreadable(clause)
	}
	words, ok := shellWords(strings.ReplaceAll(field, "`", `"`))
	switch {
	case !ok || len(words) > 2:
		return "", false, unreadable(clause)
	case len(words) < 2:
		return field, false, nil
	}
	switch strings.ToLower(words[1]) {
	case "asc":
		return words[0], false, nil
	case "desc":
		return words[0], true, nil
	}
	return "", false, mlflow.Errorf(mlflow.InvalidParameterValue, "Invalid ordering key in order_by clause '%s'.", clause)
}

// unreadable refuses what is no field with a direction.
func unreadable(clause string) *fault.Error {
	return mlflow.Errorf(mlflow.InvalidParameterValue, "Invalid order_by clause '%s'. Could not be parsed.", clause)
}

// fieldOf returns the clause if it is one identifier, with its direction, and
// nothing around it, not even spaces. The word timestamp, a type of SQL, is one
// here.
func fieldOf(clause string) (string, bool) {
	tokens := lex(clause)
	if len(tokens) == 0 || len(tokens) > maxTokens || tokens[0].start > 0 {
		return "", false
	}
	if first := tokens[0]; clause[:first.end] == "timestamp" && first.class == builtin {
		last := tokens[len(tokens)-1]
		switch {
		case clause == "timestamp":
			return clause, true
		case len(tokens) == 2 && last.class == ordering && last.end == len(clause):
			return "timestamp " + clause[last.start:], true
		}
		return "", false
	}
	gs := grouped(tokens)
	return clause, len(gs) == 1 && gs[0].shape == identifier && gs[0].end == len(clause)
}

// shellWords splits a text as a POSIX shell does.
func shellWords(text string) (words []string, ok bool) {
	var word strings.Builder
	var quote byte
	inWord := false
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case c == '\\' && quote != '\'' && (quote == 0 || i+1 < len(text) && strings.IndexByte(`\"`, text[i+1]) >= 0):
			if i++; i == len(text) {
				return nil, false
			}
			word.WriteByte(text[i])
			inWord = true
		case quote != 0:
			word.WriteByte(c)
		case c == '\'' || c == '"':
			quote, inWord = c, true
		case strings.IndexByte(" \t\r\n", c) >= 0:
			if inWord {
				words = append(words, word.String())
			}
			word.Reset()
			inWord = false
		default:
			word.WriteByte(c)
			inWord = true
		}
	}
	if inWord {
		words = append(words, word.String())
	}
	return words, quote == 0
}
