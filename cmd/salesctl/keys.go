package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/sales"
)

// keyOptions are the flags that name series.
type keyOptions struct {
	store string
	parts []string // name=value
}

func (o *keyOptions) add(f *pflag.FlagSet) {
	f.StringVar(&o.store, "store", "", "the stores `1[,2|all]`; with several key columns 1/7")
	f.StringArrayVar(&o.parts, "key", nil, "one part of the key, `NAME=VALUE`; may be repeated")
}

// given says whether any series was named.
func (o *keyOptions) given() bool { return o.store != "" || len(o.parts) > 0 }

// find returns the named series' keys, in the order in which they were named and
// each once; all of them for "all". Too few parts list the choices.
func (o *keyOptions) find(p sales.Panel) ([]sales.Key, error) {
	wanted, err := o.pattern(p)
	if err != nil {
		return nil, err
	}
	var keys []sales.Key
	for _, w := range wanted {
		matches := matching(p, w)
		switch {
		case len(matches) == 0:
			return nil, w.absent(p)
		case len(matches) > 1 && !w.open && !o.all():
			return nil, fault.New(fault.Usage, "%s is more than one series", w.describe(p.Schema)).
				WithHint("say which by --key: %s; or --store all", someKeys(p.Schema, matches))
		}
		for _, k := range matches {
			if !slices.ContainsFunc(keys, k.Equal) {
				keys = append(keys, k)
			}
		}
	}
	return keys, nil
}

// all says whether every series is meant, as far as --key goes.
func (o *keyOptions) all() bool { return o.store == "all" }

// wanted is a key of which some parts may be open: "" matches any value.
type wanted struct {
	parts sales.Key
	open  bool // every match is meant
}

// put sets a part, which no other flag may have set.
func (w wanted) put(s sales.Schema, i int, value string) error {
	spelt, err := sales.KeyPart(value)
	switch {
	case err != nil:
		return fmt.Errorf("%q %w", value, err)
	case w.parts[i] != "":
		return fmt.Errorf("%s is given twice", s.KeyNames[i])
	}
	w.parts[i] = spelt
	return nil
}

// describe names the parts that are set: "store 1 dept 7".
func (w wanted) describe(s sales.Schema) string {
	var said []string
	for i, part := range w.parts {
		if part != "" {
			said = append(said, s.KeyNames[i]+" "+part)
		}
	}
	return cmp.Or(strings.Join(said, " "), "a series")
}

// absent is the error of a key that no series has.
func (w wanted) absent(p sales.Panel) error {
	return fault.New(fault.NotFound, "%s not found", w.describe(p.Schema)).WithHint("there is %s", someKeys(p.Schema, p.Keys()))
}

// pattern reads the flags against the names of the key columns.
func (o *keyOptions) pattern(p sales.Panel) ([]wanted, error) {
	base := wanted{parts: make(sales.Key, len(p.KeyNames)), open: o.all()}
	for _, part := range o.parts {
		name, value, ok := strings.Cut(part, "=")
		i := slices.IndexFunc(p.KeyNames, func(n string) bool { return strings.EqualFold(n, name) })
		switch {
		case !ok:
			return nil, fault.New(fault.Usage, "--key %q is not NAME=VALUE", part)
		case i < 0:
			return nil, fault.New(fault.Usage, "--key %s: there is no key column %s", part, name).
				WithHint("the key is %s", strings.Join(p.KeyNames, ", "))
		}
		if err := base.put(p.Schema, i, value); err != nil {
			return nil, fault.New(fault.Usage, "--key %s: %w", part, err)
		}
	}
	if o.all() || o.store == "" {
		return []wanted{base}, nil
	}
	var out []wanted
	for _, store := range strings.Split(o.store, ",") {
		w := wanted{parts: slices.Clone(base.parts)}
		parts := sales.ParseKey(store)
		if len(parts) > len(w.parts) {
			return nil, fault.New(fault.Usage, "--store %s has %s", store, fault.Counted(len(parts), "part")).
				WithHint("the key is %s", strings.Join(p.KeyNames, "/"))
		}
		for i, part := range parts {
			if err := w.put(p.Schema, i, part); err != nil {
				return nil, fault.New(fault.Usage, "--store %s: %w", o.store, err)
			}
		}
		out = append(out, w)
	}
	return out, nil
}

// matching returns the keys that have the parts that are set.
func matching(p sales.Panel, w wanted) []sales.Key {
	return slices.DeleteFunc(p.Keys(), func(k sales.Key) bool {
		for i, part := range w.parts {
			if part != "" && part != k[i] {
				return true
			}
		}
		return false
	})
}

// someKeys lists keys for a hint, the first and the last of many.
func someKeys(s sales.Schema, keys []sales.Key) string {
	const few = 8
	text := make([]string, len(keys))
	for i, k := range keys {
		text[i] = k.String()
	}
	name := strings.Join(s.KeyNames, "/")
	if len(text) > few {
		return fmt.Sprintf("%s %s ... %s (%d)", name, strings.Join(text[:few-1], ", "), text[len(text)-1], len(text))
	}
	return name + " " + strings.Join(text, ", ")
}
