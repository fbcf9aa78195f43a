package main

import (
	"context"
	_ "embed"

	"github.com/salesctl/salesctl/bench/peer"
	"github.com/salesctl/salesctl/testdata"
)

// peerNames are the peers of this table.
const peerNames = "scikit-learn and XGBoost"

//go:embed peers.py
var script []byte

// answers are the peers' predictions of the tested rows in dollars, by store and
// then date.
type answers struct {
	Forest, Boost []float64
	Seconds       float64 // of features, fits and predictions
}

// mean returns the mean of both models.
func (a answers) mean() []float64 { return meanOf(a.Forest, a.Boost) }

// askPeers trains the peers' models in the venv.
func askPeers(ctx context.Context, venv string) (answers, error) {
	var a answers
	files := map[string][]byte{"walmart.csv": testdata.Walmart, "rows.csv": testdata.TestRows}
	err := peer.Run(ctx, venv, script, files, &a)
	return a, err
}
