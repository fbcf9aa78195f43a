package main

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/salesctl/salesctl/pkg/config"
)

// settings loads the configuration, with the flags of cmd on top.
func (a *app) settings(cmd *cobra.Command) (*config.Settings, error) {
	data, err := defaults()
	if err != nil {
		return nil, err
	}
	return config.Load(config.Options{
		Defaults: data,
		Dir:      a.dir,
		File:     a.global.config,
		Environ:  a.environ,
		Flags:    settingFlags(cmd.Flags()),
	})
}

// setting is the value of a flag that sets a configuration key. It is checked
// where all values of the key are, in config.Load.
type setting struct {
	text, noun string
}

// Set, String and Type make it a pflag.Value.
func (s *setting) Set(text string) error { s.text = text; return nil }
func (s *setting) String() string        { return s.text }
func (s *setting) Type() string          { return s.noun }

// annotationKey marks a flag that sets a configuration key.
const annotationKey = "salesctl_key"

// addSetting adds a flag that sets a configuration key. Default and help are
// the key's, and settings puts the value on top of all others.
func (a *app) addSetting(flags *pflag.FlagSet, name, key string) {
	k := a.keys[key]
	noun := map[string]string{"text": "TEXT", "whole number": "N", "list": "A,B", "map": "MAP"}[k.Type]
	def := strings.ReplaceAll(strings.Trim(k.Default, "[]"), ", ", ",")
	doc := strings.TrimSuffix(k.Doc, ".")
	flags.Var(&setting{text: def, noun: noun}, name, strings.ToLower(doc[:1])+doc[1:])
	_ = flags.SetAnnotation(name, annotationKey, []string{key}) // fails only for a flag that does not exist
}

// addSettings adds flags that set configuration keys: pairs of a flag's name and
// the key's.
func (a *app) addSettings(f *pflag.FlagSet, pairs ...string) {
	for i := 0; i+1 < len(pairs); i += 2 {
		a.addSetting(f, pairs[i], pairs[i+1])
	}
}

// settingFlags lists the flags that were given and set a key.
func settingFlags(flags *pflag.FlagSet) []config.Flag {
	var given []config.Flag
	flags.Visit(func(f *pflag.Flag) {
		if key := f.Annotations[annotationKey]; len(key) == 1 {
			given = append(given, config.Flag{Key: key[0], Name: "--" + f.Name, Text: f.Value.String()})
		}
	})
	return given
}
