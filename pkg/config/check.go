package config

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/go-playground/validator/v10"
	"github.com/salesctl/salesctl/pkg/fault"
)

// check tells what is wrong with the merged values, in the order of the keys.
func (s *Settings) check() error {
	var problems []error
	for _, f := range fields() {
		if err := s.refusePassword(f); err != nil {
			problems = append(problems, err)
		}
	}
	v := validator.New(validator.WithRequiredStructEnabled())
	v.RegisterTagNameFunc(func(f reflect.StructField) string { return f.Tag.Get("yaml") })
	var wrong validator.ValidationErrors
	if err := v.Struct(s.Config); errors.As(err, &wrong) {
		for _, w := range wrong {
			problems = append(problems, s.explain(w))
		}
	} else if err != nil {
		return fmt.Errorf("check the configuration: %w", err)
	}
	return errors.Join(problems...)
}

// explain says what a rule of the validator wants, in words.
func (s *Settings) explain(w validator.FieldError) error {
	_, key, _ := strings.Cut(w.Namespace(), ".")
	key, item, inList := strings.Cut(key, "[")
	e := func(format string, args ...any) error {
		return s.Refuse(key, fmt.Errorf(format, args...))
	}
	switch w.Tag() {
	case "required":
		if inList {
			return e("item %s is empty", strings.TrimSuffix(item, "]"))
		}
		return e("must not be empty")
	case "min":
		if w.Kind() == reflect.Slice {
			return e("must not be empty")
		}
		return e("must be at least %s, found %v", w.Param(), w.Value())
	case "max":
		return e("must be at most %s, found %v", w.Param(), w.Value())
	case "unique":
		return e("names something twice")
	case "oneof":
		return s.notOneOf(key, fmt.Sprint(w.Value()), strings.Fields(w.Param()))
	}
	return e("%q is neither an IP address nor a host name", w.Value())
}

// notOneOf refuses a value that is none of the choices, with the nearest as hint.
func (s *Settings) notOneOf(key, value string, choices []string) error {
	err := fault.New(fault.Config, "want %s, found %q", orList(choices), value)
	if near := fault.Nearest(value, choices); near != "" {
		err = err.WithHint("did you mean %s?", near)
	}
	return s.Refuse(key, err)
}

// orList writes "a", "a or b", "a, b or c".
func orList(words []string) string {
	n := len(words)
	if n == 1 {
		return words[0]
	}
	return strings.Join(words[:n-1], ", ") + " or " + words[n-1]
}

// Refuse says that the value of a key is wrong, at the place where it was set.
// It is for checks that other rooms make, such as the name of a model; a hint
// of err is kept.
func (s *Settings) Refuse(key string, err error) error {
	e := refusal(s.Origin(key), fmt.Errorf("%s: %w", key, err))
	if hint := fault.HintOf(err); hint != "" {
		return e.WithHint("%s", hint)
	}
	return e
}

// Origin tells where the value of a key came from.
func (s *Settings) Origin(key string) Origin { return s.origins[key] }
