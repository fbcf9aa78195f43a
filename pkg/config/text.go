package config

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/salesctl/salesctl/pkg/fault"
)

// parseEnviron reads the variables that set keys. An empty one counts as unset;
// an unknown one with our prefix is refused, as a misspelt key of a file is.
func parseEnviron(environ []string) (layer, error) {
	byEnv := map[string]field{}
	var known []string
	for _, f := range fields() {
		byEnv[EnvName(f.key)] = f
		known = append(known, EnvName(f.key))
	}
	for name, key := range foreign() {
		byEnv[name] = byEnv[EnvName(key)]
	}
	l := newLayer()
	var problems []error
	for _, e := range ownLast(environ) {
		name, value, _ := strings.Cut(e, "=")
		f, ok := byEnv[name]
		if value == "" || !ok && !strings.HasPrefix(name, envPrefix) {
			continue
		}
		if !ok {
			problems = append(problems, unknownVariable(name, known))
			continue
		}
		o := Origin{Layer: FromEnviron, Name: name}
		problems = append(problems, l.setText(f, value, o))
	}
	return l, errors.Join(problems...)
}

// foreign lists the variables of MLflow's own clients that set keys of ours.
func foreign() map[string]string {
	return map[string]string{
		"MLFLOW_TRACKING_URI":      "tracking.uri",
		"MLFLOW_TRACKING_USERNAME": "tracking.username",
		"MLFLOW_TRACKING_PASSWORD": "tracking.password",
		"MLFLOW_TRACKING_TOKEN":    "tracking.token",
		"MLFLOW_ENABLE_WORKSPACES": "tracking.enable_workspaces",
		"MLFLOW_WORKSPACE":         "tracking.workspace",
		"MLFLOW_S3_ENDPOINT_URL":   "s3.endpoint",
	}
}

// ownLast sorts the variables, those with our prefix last, so that they win.
func ownLast(environ []string) []string {
	return slices.SortedFunc(slices.Values(environ), func(a, b string) int {
		own := func(e string) int {
			if strings.HasPrefix(e, envPrefix) {
				return 1
			}
			return 0
		}
		return cmp.Or(own(a)-own(b), strings.Compare(a, b))
	})
}

// unknownVariable says what was meant by a variable with our prefix.
func unknownVariable(name string, known []string) error {
	e := fault.New(fault.Config, "the environment sets %s, which stands for no key", name)
	if near := fault.Nearest(name, known); near != "" {
		return e.WithHint("did you mean %s?", near)
	}
	return e.WithHint("`salesctl config show` lists the keys; unset %s", name)
}

// parseFlags reads the flags that were given.
func parseFlags(flags []Flag) (layer, error) {
	byKey := map[string]field{}
	for _, f := range fields() {
		byKey[f.key] = f
	}
	l := newLayer()
	var problems []error
	for _, flag := range flags {
		f, ok := byKey[flag.Key]
		if !ok {
			return l, fmt.Errorf("flag %s sets the key %s, which does not exist", flag.Name, flag.Key)
		}
		o := Origin{Layer: FromFlag, Name: flag.Name}
		problems = append(problems, l.setText(f, flag.Text, o))
	}
	return l, errors.Join(problems...)
}

// setText sets a key from text. What is wrong with a flag is a wrong call, not
// a wrong configuration.
func (l layer) setText(f field, text string, o Origin) error {
	v, err := decodeText(text, f.typ)
	if err != nil {
		return refusal(o, fmt.Errorf("%s: %w", f.key, err))
	}
	l.set(f.key, v, o)
	return nil
}

// decodeText reads a value as a variable or a flag writes it: text as it is,
// lists with commas, everything else as YAML.
func decodeText(s string, t reflect.Type) (any, error) {
	if t.Kind() == reflect.String {
		return s, nil
	}
	if noun(t) == "list" && !strings.HasPrefix(s, "[") {
		var list []string
		for item := range strings.SplitSeq(s, ",") {
			list = append(list, strings.TrimSpace(item))
		}
		return list, nil
	}
	n, err := parseYAML("value", []byte(s))
	if err != nil || n == nil {
		return nil, fmt.Errorf("want a %s, found %q", noun(t), s)
	}
	return decode(n, t)
}

// refusal puts the place of a value before what is wrong with it.
func refusal(o Origin, err error) *fault.Error {
	kind := fault.Config
	if o.Layer == FromFlag {
		kind = fault.Usage
	}
	return fault.New(kind, "%s: %w", o, err)
}
