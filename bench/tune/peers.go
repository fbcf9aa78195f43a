package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/binary"
	"encoding/json"
	"errors"

	"github.com/salesctl/salesctl/bench/peer"
	"github.com/salesctl/salesctl/configs"
	"github.com/salesctl/salesctl/pkg/config"
	"github.com/salesctl/salesctl/pkg/features"
	"github.com/salesctl/salesctl/pkg/sales"
	"github.com/salesctl/salesctl/pkg/store"
	"github.com/salesctl/salesctl/pkg/tune"
)

// peerNames are the peers of the search.
const peerNames = "scikit-learn, XGBoost, MLflow"

//go:embed peers.py
var script []byte

// task is what the script is asked to do.
type task struct {
	Columns int                         `json:"columns"`
	Folds   [][2][]int32                `json:"folds"` // rows to train and to validate on
	Learn   []int32                     `json:"learn"` // rows that the winners are fitted on
	Grid    map[string]map[string][]any `json:"grid"`  // by model
	Fixed   map[string]map[string]any   `json:"fixed"` // by model: parameters that are not searched
	Seed    uint64                      `json:"seed"`
	Jobs    int                         `json:"jobs"`
}

// askPeers runs the script in the venv on the sales of the folder.
func askPeers(ctx context.Context, venv, place string, runs, jobs int) (outcome, error) {
	files, err := inputs(ctx, place, jobs)
	if err != nil {
		return outcome{}, err
	}
	var o outcome
	for range runs {
		var a struct {
			Seconds float64
			Search  float64
			Best    map[string]map[string]any
			Mean    map[string]float64
		}
		if err := peer.Run(ctx, venv, script, files, &a); err != nil {
			return outcome{}, err
		}
		o.seconds, o.search = append(o.seconds, a.Seconds), append(o.search, a.Search)
		o.best, o.mean = a.Best, a.Mean
	}
	return o, nil
}

// inputs makes the script's files: the task, and the rows as they lie in memory,
// little-endian.
func inputs(ctx context.Context, place string, jobs int) (map[string][]byte, error) {
	defaults, err := configs.Files.ReadFile("salesctl.yaml")
	if err != nil {
		return nil, err
	}
	s, err := config.Load(config.Options{Defaults: defaults, Dir: place})
	if err != nil {
		return nil, err
	}
	text, err := configs.Files.ReadFile("tune.yaml")
	if err != nil {
		return nil, err
	}
	spaces, err := config.ParseSpaces("tune.yaml", text)
	if err != nil {
		return nil, err
	}
	db, err := store.Open(ctx, s.Store.DSN, store.Options{Dir: place})
	if err != nil {
		return nil, err
	}
	p, err := db.Panel(ctx)
	if err = errors.Join(err, db.Close()); err != nil {
		return nil, err
	}
	t := task{
		Grid: map[string]map[string][]any{}, Seed: s.Train.Seed, Jobs: jobs,
		Fixed: map[string]map[string]any{"rf": s.Train.RF, "gbt": s.Train.GBT},
	}
	for _, space := range spaces.Grid {
		t.Grid[space.Model] = map[string][]any{}
		for _, param := range space.Params {
			t.Grid[space.Model][param.Name] = param.Values
		}
	}
	table, err := t.lay(p, s.Train.Folds)
	if err != nil {
		return nil, err
	}
	asked, err := json.Marshal(t)
	return map[string][]byte{
		"task.json": asked, "x.bin": matrix(table), "y.bin": bytesOf(table.Y), "scale.bin": bytesOf(table.Scale), "actual.bin": bytesOf(table.Actual),
	}, err
}

// lay makes the rows before the last fifth of the weeks, as train does, and its
// folds.
func (t *task) lay(p sales.Panel, folds int) (features.Table, error) {
	n := p.Frequency.Steps(p.Start(), p.Origin()) + 1
	p = p.Until(p.Frequency.Add(p.Origin(), -n/5))
	encoder, _, err := features.Fit(p, features.Options{Set: features.Row})
	if err != nil {
		return features.Table{}, err
	}
	table, err := encoder.Transform(p)
	if err != nil {
		return features.Table{}, err
	}
	start := p.Origin()
	for _, r := range table.Learn {
		start = min(start, table.Index[r].Period)
	}
	cuts, err := tune.TimeFolds(p.Frequency.Steps(start, p.Origin())+1, folds, 0)
	if err != nil {
		return features.Table{}, err
	}
	t.Columns, t.Learn = table.X.Width(), table.Learn
	for _, cut := range cuts {
		from, to := p.Frequency.Add(start, cut.From), p.Frequency.Add(start, cut.To)
		var f [2][]int32
		for _, r := range table.Learn {
			if table.Index[r].Period < from {
				f[0] = append(f[0], r)
			}
		}
		for r, at := range table.Index {
			if at.Period >= from && at.Period < to {
				f[1] = append(f[1], int32(r))
			}
		}
		t.Folds = append(t.Folds, f)
	}
	return table, nil
}

// matrix is the features row by row, as float32.
func matrix(t features.Table) []byte {
	var b bytes.Buffer
	row := make([]float32, t.X.Width())
	for r := range t.X.Len() {
		t.X.Row(row, r)
		_ = binary.Write(&b, binary.LittleEndian, row) // a Buffer takes everything
	}
	return b.Bytes()
}

func bytesOf(x []float64) []byte {
	var b bytes.Buffer
	_ = binary.Write(&b, binary.LittleEndian, x)
	return b.Bytes()
}
