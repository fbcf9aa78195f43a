//go:build unix

package main

import (
	"github.com/salesctl/salesctl/pkg/model"
	"github.com/salesctl/salesctl/pkg/model/ets"
	"github.com/salesctl/salesctl/pkg/model/theta"
)

// smoothing are the smoothing models, under the names that peers.py has for them.
func smoothing() map[string]model.Local {
	return map[string]model.Local{
		"ets":                     ets.Model{},
		"auto_theta":              theta.Model{Variant: theta.Auto},
		"dynamic_optimized_theta": theta.Model{Variant: theta.DynamicOptimized},
	}
}
