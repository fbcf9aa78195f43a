// Onestep measures forest, boosting and their mean one step ahead on the 1,287
// rows of testdata/seed_test_rows.csv: the next week's sales of a store, with
// the actuals up to the week before and the week's own columns given.
//
//	go run ./bench/onestep
//	PEERS_VENV=$PWD/.venv go run ./bench/onestep
//	go run ./bench/onestep -eliminate > bench/onestep/groups.txt
//	go run ./bench/onestep -folds > bench/onestep/journal.txt
//	go run ./bench/onestep -ablation > bench/onestep/ablation.txt
//
// Ours go the way of the product: the recipe of configs/salesctl.yaml, scored by
// evaluate.OneStep, so that the figures are those of
//
//	salesctl backtest --test-rows testdata/seed_test_rows.csv
//
// Beside them stand last week's value, the same week last year and, where
// PEERS_VENV names a venv with bench/requirements.txt in it, the default
// models of scikit-learn and XGBoost on the Python original's features, with the
// time of both in one run.
//
// Everything else looks at the other rows only: four folds in time, each predicted
// from the weeks before it. Three tables are kept beside this program, the journal of
// what was chosen by them:
//
//  1. -eliminate (groups.txt) leaves out one group of features after the other and
//     takes the smallest set that loses nothing beyond chance.
//  2. -folds (journal.txt) compares, with those features, what targets are divided by,
//     the parameters of each model, and what else could answer in the place of the
//     mean of forest and boosting.
//  3. -ablation (ablation.txt) says what each group is worth beside the chosen ones.
//
// The first two look at each other's outcome. They were repeated until neither
// changed; the tests hold the product's defaults against them.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/salesctl/salesctl/bench/peer"
	"github.com/salesctl/salesctl/pkg/evaluate"
	"github.com/salesctl/salesctl/pkg/metrics"
	"github.com/salesctl/salesctl/pkg/sales"
)

func main() {
	eliminate := flag.Bool("eliminate", false, "choose the groups of features on folds in time, without the tested rows")
	folds := flag.Bool("folds", false, "compare bases and parameters on the same folds")
	groups := flag.Bool("ablation", false, "compare groups of features on the same folds")
	flag.Parse()
	table := compareTested
	switch {
	case *folds:
		table = compareChoices
	case *eliminate:
		table = eliminateGroups
	case *groups:
		table = ablate
	}
	if err := run(context.Background(), os.Stdout, table); err != nil {
		fmt.Fprintln(os.Stderr, "onestep:", err)
		os.Exit(1)
	}
}

// run reads the sample and prints a table.
func run(ctx context.Context, out io.Writer, table func(context.Context, io.Writer, sales.Panel, rowFilter) error) error {
	panel, err := sample(ctx)
	if err != nil {
		return err
	}
	tested, err := testRows()
	if err != nil {
		return err
	}
	return table(ctx, out, panel, among(tested))
}

// compareTested prints ours and the others on the tested rows.
func compareTested(ctx context.Context, out io.Writer, panel sales.Panel, held rowFilter) error {
	tested, err := testRows()
	if err != nil {
		return err
	}
	began := time.Now()
	result, err := score(ctx, panel, tested)
	if err != nil {
		return err
	}
	took := time.Since(began)
	show(out, result)
	venv := peer.Venv()
	if venv == "" {
		_, err := fmt.Fprintf(out, "skipped: %s; %s\n", peerNames, peer.HowTo)
		return err
	}
	theirs, err := askPeers(ctx, venv)
	if err != nil {
		return err
	}
	showPeers(out, theirs, actuals(panel, held))
	_, err = fmt.Fprintf(out, "features, fits and predictions: ours %.2f s, the peers %.2f s, %.1f times ours\n",
		took.Seconds(), theirs.Seconds, theirs.Seconds/took.Seconds())
	return err
}

// score trains and scores ours as `salesctl backtest --test-rows` does.
func score(ctx context.Context, p sales.Panel, tested []evaluate.RowID) (evaluate.Result, error) {
	recipe, err := plainRecipe()
	if err != nil {
		return evaluate.Result{}, err
	}
	candidates, err := recipe.OneStep(ours()...)
	if err != nil {
		return evaluate.Result{}, err
	}
	return evaluate.OneStep(ctx, p, candidates, tested, evaluate.Options{Jobs: recipe.Jobs})
}

// show prints the scores over all rows and what they stand for.
func show(out io.Writer, r evaluate.Result) {
	_, _ = fmt.Fprintf(out, "%s\n%s\n", r.Statement.Rows, r.Statement.Information)
	for _, w := range r.Warnings {
		_, _ = fmt.Fprintln(out, w)
	}
	_, _ = fmt.Fprintf(out, "\n%-20s %6s %8s %8s %10s %8s\n", "model", "rows", "MAPE %", "WAPE %", "RMSE $", "R2")
	for _, name := range r.Models {
		line(out, name, overall(r, name))
	}
}

// showPeers prints the peers' lines under ours.
func showPeers(out io.Writer, theirs answers, actual []float64) {
	line(out, "scikit-learn forest", metrics.Score(actual, theirs.Forest, nil))
	line(out, "xgboost", metrics.Score(actual, theirs.Boost, nil))
	line(out, "mean of these two", metrics.Score(actual, theirs.mean(), nil))
	_, _ = fmt.Fprintln(out, "\nthe peers are fitted on every row that is not tested, also those from the first tested week on")
}

func line(out io.Writer, name string, s metrics.Scores) {
	_, _ = fmt.Fprintf(out, "%-20s %6d %8.3f %8.3f %10.0f %8.4f\n", name, s.N, s.MAPE, s.WAPE, s.RMSE, s.R2)
}

// overall returns a model's scores over all rows.
func overall(r evaluate.Result, model string) metrics.Scores {
	for _, s := range r.Scores {
		if s.Model == model && s.By == evaluate.ByTotal {
			return s.Scores
		}
	}
	return metrics.Scores{}
}
