package main

import (
	"errors"
	"os"

	"github.com/salesctl/salesctl/configs"
	"github.com/salesctl/salesctl/pkg/config"
	"github.com/salesctl/salesctl/pkg/model"
	"github.com/salesctl/salesctl/pkg/pipeline"
)

// ours lists the models of the tables.
func ours() []string { return []string{"rf", "extra_trees", "gbt", pipeline.Mean} }

// plainRecipe is forests and boosting as plain `salesctl train` makes them: what
// configs/salesctl.yaml says, without a look at the user's own settings.
func plainRecipe() (pipeline.Recipe, error) {
	defaults, err := configs.Files.ReadFile("salesctl.yaml")
	if err != nil {
		return pipeline.Recipe{}, err
	}
	empty, err := os.MkdirTemp("", "onestep") // has no salesctl.yaml, and without an environment there is no other
	if err != nil {
		return pipeline.Recipe{}, err
	}
	s, err := config.Load(config.Options{Defaults: defaults, Dir: empty})
	if err = errors.Join(err, os.Remove(empty)); err != nil {
		return pipeline.Recipe{}, err
	}
	return pipeline.Recipe{
		Models: []model.Spec{
			{Name: "rf", Params: s.Train.RF}, {Name: "extra_trees", Params: s.Train.Extra}, {Name: "gbt", Params: s.Train.GBT},
		},
		Seed: s.Train.Seed, Jobs: s.Train.Jobs,
	}, nil
}
