package config

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-viper/mapstructure/v2"
	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/spf13/viper"
)

// Layer is a source of values. A higher one wins.
type Layer uint8

// The layers, from the lowest to the highest.
const (
	FromDefault Layer = iota
	FromFile
	FromEnviron
	FromFlag
)

// Origin says where a value came from.
type Origin struct {
	Layer Layer
	Name  string // the file's path, the variable or the flag
	Line  int    // of a file
}

// String writes default, path:line, the variable's name, or --flag.
func (o Origin) String() string {
	switch o.Layer {
	case FromFile:
		return fmt.Sprintf("%s:%d", o.Name, o.Line)
	case FromEnviron, FromFlag:
		return o.Name
	}
	return "default"
}

// Options says where Load looks.
type Options struct {
	Defaults []byte   // the default file: every key, each below its comment
	Dir      string   // the working directory, absolute; relative paths are below it
	File     string   // the file to read instead of salesctl.yaml in Dir; may be empty
	Environ  []string // NAME=value, as os.Environ gives it
	Flags    []Flag   // the flags that were given
}

// Flag is a flag that sets a key.
type Flag struct {
	Key  string // such as train.folds
	Name string // such as --folds
	Text string // the value; lists are separated by commas
}

// Settings is a Config that knows where its values came from.
type Settings struct {
	Config
	Files   []string // the files that were read, the winning one last
	origins map[string]Origin
}

// Load reads all layers and checks the outcome. Its error is a fault.Config, or
// several joined, each of which names the place of a wrong value.
func Load(o Options) (*Settings, error) {
	s := &Settings{origins: map[string]Origin{}}
	layers, err := s.read(o)
	if err != nil {
		return nil, err
	}
	if err := s.merge(layers); err != nil {
		return nil, err
	}
	return s, s.check()
}

// read returns the layers from the lowest to the highest.
func (s *Settings) read(o Options) ([]layer, error) {
	defaults, err := parseFile("default", o.Defaults)
	if err != nil {
		return nil, err
	}
	clear(defaults.origins) // its lines are not the user's to edit
	layers := []layer{defaults}
	paths := candidates(o)
	for i, path := range paths {
		asked := o.File != "" && i == len(paths)-1
		l, err := s.readFile(path, asked)
		if err != nil {
			return nil, err
		}
		layers = append(layers, l)
	}
	env, errEnv := parseEnviron(o.Environ)
	flags, errFlags := parseFlags(o.Flags)
	return append(layers, env, flags), errors.Join(errEnv, errFlags)
}

// candidates lists the files that may exist, the lowest first: the user's own,
// then the directory's or the one that was named.
func candidates(o Options) []string {
	var paths []string
	if home := userDir(o.Environ); home != "" {
		paths = append(paths, filepath.Join(home, "salesctl", fileName))
	}
	file := cmp.Or(o.File, fileName)
	if !filepath.IsAbs(file) {
		file = filepath.Join(o.Dir, file)
	}
	return append(paths, file)
}

const (
	fileName = "salesctl.yaml"
	appData  = "AppData"
)

// userDir follows the XDG base directory specification, by which a relative
// path counts as unset; where there is no HOME either, on Windows, it is
// %AppData%.
func userDir(environ []string) string {
	vars := map[string]string{}
	for _, e := range environ {
		name, value, _ := strings.Cut(e, "=")
		if strings.EqualFold(name, appData) { // Windows lists it in either spelling
			name = appData
		}
		vars[name] = value
	}
	if x := vars["XDG_CONFIG_HOME"]; filepath.IsAbs(x) {
		return x
	}
	if h := vars["HOME"]; h != "" {
		return filepath.Join(h, ".config")
	}
	return vars[appData]
}

// readFile reads a file that must exist if it was asked for by name.
func (s *Settings) readFile(path string, must bool) (layer, error) {
	data, err := os.ReadFile(path)
	switch {
	case errors.Is(err, os.ErrNotExist) && !must:
		return newLayer(), nil
	case err != nil:
		return layer{}, fault.New(fault.Config, "read the configuration: %w", err).
			WithHint("`salesctl config show` works without a file")
	}
	s.Files = append(s.Files, path)
	return parseFile(path, data)
}

// merge lays the layers over each other and fills the Config.
func (s *Settings) merge(layers []layer) error {
	v := viper.New()
	for _, l := range layers {
		for key, value := range l.values {
			// One key at a time: viper merges maps, and the sections are maps.
			if err := v.MergeConfigMap(nest(key, value)); err != nil {
				return fault.New(fault.Config, "merge %s: %w", key, err)
			}
		}
		maps.Copy(s.origins, l.origins)
	}
	useYAMLNames := func(c *mapstructure.DecoderConfig) { c.TagName = "yaml" }
	if err := v.UnmarshalExact(&s.Config, useYAMLNames); err != nil {
		return fault.New(fault.Config, "fill in the configuration: %w", err)
	}
	return nil
}

// nest turns a.b and a value into {a: {b: value}}.
func nest(key string, value any) map[string]any {
	section, rest, ok := strings.Cut(key, ".")
	if !ok {
		return map[string]any{key: value}
	}
	return map[string]any{section: nest(rest, value)}
}
