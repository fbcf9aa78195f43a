package train

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strconv"

	"github.com/salesctl/salesctl/pkg/mlflow"
	"github.com/salesctl/salesctl/pkg/mlflow/record"
	"github.com/salesctl/salesctl/pkg/tune"
)

// trials adds what tuning found out about its candidates, the best first: a table
// and the journal for each model and, unless there are too many, a run for each
// candidate that has a score.
func (t *training) trials(r *record.Record) error {
	for _, found := range t.report.Tunings {
		name := "tuning/" + prefix(found.Model)
		if err := addCSV(r, name+"_trials.csv", t.trialTable(found)); err != nil {
			return err
		}
		if found.journal != "" {
			text, err := os.ReadFile(found.journal)
			switch {
			case err == nil:
				r.Files = append(r.Files, record.File{Path: name + "_journal.jsonl", Data: text})
			case !errors.Is(err, fs.ErrNotExist): // gone where another process of the same search was faster
				return err
			}
		}
		if found.Total > maxNested {
			continue
		}
		for i, trial := range found.Trials {
			r.Children = append(r.Children, t.trialRun(*r, found.Model, trial, i+1))
		}
	}
	return nil
}

// trialTable is a line for each candidate: what it is, how far it came, its mean
// and its folds.
func (t *training) trialTable(found Tuning) [][]string {
	score := cmp.Or(t.Score, "mse")
	head := []string{"rank", "trial", "state", score}
	for i := range t.Folds {
		head = append(head, fmt.Sprintf("fold_%d_%s", i+1, score))
	}
	var names []string
	rows := [][]string{head}
	for rank, trial := range slices.Concat(found.Trials, found.Untried) {
		if names == nil {
			names = slices.Sorted(maps.Keys(trial.Params))
			rows[0] = append(rows[0], names...)
		}
		row := []string{"", strconv.Itoa(trial.Index + 1), string(trial.State), number(trial.Mean)}
		if rank < len(found.Trials) {
			row[0] = strconv.Itoa(rank + 1)
		}
		for i := range t.Folds {
			if i < len(trial.Folds) {
				row = append(row, number(trial.Folds[i]))
			} else {
				row = append(row, "")
			}
		}
		for _, name := range names {
			row = append(row, fmt.Sprint(trial.Params[name]))
		}
		rows = append(rows, row)
	}
	return rows
}

// trialRun is the nested run of a candidate. The score of one that was not taken
// to the end is another metric: it is the mean of fewer folds.
func (t *training) trialRun(parent record.Record, model string, trial tune.Trial, rank int) record.Record {
	c := nested(parent, fmt.Sprintf("%s_trial_%d", prefix(model), trial.Index+1))
	c.Params = named(prefix(model)+"_", trial.Params)
	c.Tags = append(c.Tags, mlflow.Tag{Key: "salesctl.trial_state", Value: string(trial.State)})
	score := cmp.Or(t.Score, "mse")
	for i, fold := range trial.Folds {
		c.Metrics = append(c.Metrics, mlflow.Metric{Key: "fold_" + score, Value: mlflow.Number(fold), Timestamp: parent.End, Step: int64(i + 1)})
	}
	mean := score
	c.Status = mlflow.Finished
	if trial.State != tune.Finished {
		c.Status, mean = mlflow.Killed, "partial_"+score
	}
	c.Metrics = append(c.Metrics,
		mlflow.Metric{Key: mean, Value: mlflow.Number(trial.Mean), Timestamp: parent.End},
		mlflow.Metric{Key: "rank", Value: mlflow.Number(rank), Timestamp: parent.End})
	return c
}
