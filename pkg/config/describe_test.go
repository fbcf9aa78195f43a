package config_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/salesctl/salesctl/pkg/config"
	"github.com/salesctl/salesctl/pkg/fault"
)

// The default file is where users learn the keys: it must have every key, with
// a comment that is a sentence.
func TestEveryKeyIsDescribed(t *testing.T) {
	keys, err := config.Keys(defaults(t))
	if err != nil {
		t.Fatal(err)
	}
	set := load(t, config.Options{Dir: t.TempDir()}).Entries()
	if len(keys) != len(set) || len(keys) < 20 {
		t.Fatalf("%d keys, %d settings", len(keys), len(set))
	}
	envs := map[string]string{}
	for i, k := range keys {
		if k.Name != set[i].Key || k.Default != set[i].Value {
			t.Errorf("%s = %q, but the setting is %s = %q", k.Name, k.Default, set[i].Key, set[i].Value)
		}
		if len(k.Doc) < 10 || !strings.HasSuffix(k.Doc, ".") {
			t.Errorf("%s: %q is no sentence", k.Name, k.Doc)
		}
		if !strings.Contains(string(defaults(t)), "\n  "+strings.SplitN(k.Name, ".", 2)[1]+":") {
			t.Errorf("%s is not in the default file", k.Name)
		}
		if other, ok := envs[k.Env]; ok {
			t.Errorf("%s stands for %s and %s", k.Env, other, k.Name)
		}
		envs[k.Env] = k.Name
	}
}

func TestSchema(t *testing.T) {
	data, err := config.Schema(defaults(t))
	if err != nil {
		t.Fatal(err)
	}
	type property struct {
		Type, Description    string
		Default              any
		Enum                 []any
		Minimum, Maximum     *float64
		Items                struct{ MinLength int }
		AdditionalProperties any
		Properties           map[string]json.RawMessage
	}
	var root property
	if err := json.Unmarshal(data, &root); err != nil {
		t.Fatal(err)
	}
	if root.AdditionalProperties != false {
		t.Error("the schema allows unknown keys")
	}
	keys, err := config.Keys(defaults(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range keys {
		section, name, _ := strings.Cut(k.Name, ".")
		var s, p property
		if err := json.Unmarshal(root.Properties[section], &s); err != nil {
			t.Fatalf("%s: %v", section, err)
		}
		if err := json.Unmarshal(s.Properties[name], &p); err != nil {
			t.Fatalf("%s: %v", k.Name, err)
		}
		if p.Description != k.Doc || p.Default == nil {
			t.Errorf("%s: description %q, default %v", k.Name, p.Description, p.Default)
		}
		if want := map[string]string{"text": "string", "whole number": "integer", "list": "array", "map": "object"}[k.Type]; p.Type != want {
			t.Errorf("%s: type %s, want %s", k.Name, p.Type, want)
		}
		if p.Type == "array" && p.Items.MinLength != 1 {
			t.Errorf("%s: an empty item, which Load refuses, is allowed", k.Name)
		}
		checkBounds(t, k.Name, p.Minimum, p.Maximum, p.Enum)
	}
}

// checkBounds holds the schema's bounds against what Load accepts.
func checkBounds(t *testing.T, key string, lowest, highest *float64, enum []any) {
	t.Helper()
	accepts := func(value any) bool {
		text, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		section, name, _ := strings.Cut(key, ".")
		dir := t.TempDir()
		write(t, dir, "salesctl.yaml", section+": {"+name+": "+string(text)+"}\n")
		_, err = config.Load(config.Options{Defaults: defaults(t), Dir: dir})
		return err == nil
	}
	if lowest != nil && (!accepts(int(*lowest)) || accepts(int(*lowest)-1)) {
		t.Errorf("%s: the schema's minimum %v is not Load's", key, *lowest)
	}
	if highest != nil && (!accepts(int(*highest)) || accepts(int(*highest)+1)) {
		t.Errorf("%s: the schema's maximum %v is not Load's", key, *highest)
	}
	for _, e := range enum {
		if !accepts(e) {
			t.Errorf("%s: the schema's choice %q is refused", key, e)
		}
	}
	if enum != nil && accepts("something else") {
		t.Errorf("%s: a value outside the schema's choices is accepted", key)
	}
}

// Whatever stands in a file, Load answers with settings or with a fault that
// names the file, and never panics.
func FuzzLoad(f *testing.F) {
	f.Add("train: {folds: 3}")
	f.Add("data:\n  columns: {a: b}\n---\n")
	f.Add("a: &a [*a]\n")
	f.Add("train: &t\n  rf: *t\n")
	f.Fuzz(func(t *testing.T, text string) {
		dir := t.TempDir()
		path := write(t, dir, "salesctl.yaml", text)
		s, err := config.Load(config.Options{Defaults: defaults(t), Dir: dir})
		if err != nil {
			if !fault.Is(err, fault.Config) || !strings.Contains(err.Error(), path) {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		if len(s.Entries()) == 0 {
			t.Error("no settings")
		}
	})
}
