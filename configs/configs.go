// Package configs embeds what ships with the binary: the commented default
// configuration and the search spaces of tuning.
package configs

import "embed"

// Files holds salesctl.yaml and tune.yaml.
//
//go:embed *.yaml
var Files embed.FS
