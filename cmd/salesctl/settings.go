package main

import "github.com/spf13/pflag"

// addSettings adds flags that set configuration keys: pairs of a flag's name and
// the key's.
func (a *app) addSettings(f *pflag.FlagSet, pairs ...string) {
	for i := 0; i+1 < len(pairs); i += 2 {
		a.addSetting(f, pairs[i], pairs[i+1])
	}
}
