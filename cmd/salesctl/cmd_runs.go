package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/salesctl/salesctl/pkg/config"
	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/mlflow"
	"github.com/salesctl/salesctl/pkg/train"
)

// newRuns makes `salesctl runs` and what is below it.
func newRuns(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "runs",
		Short:   "Look at logged trainings and inferences",
		GroupID: groupLook,
		Example: `  salesctl runs list
  salesctl runs show latest
  salesctl runs search "metrics.final_wape < 4" --order-by "metrics.final_wape ASC"`,
	}
	cmd.AddCommand(newRunsList(a), newRunsShow(a), newRunsCompare(a), newRunsSearch(a), newRunsDelete(a), newRunsRestore(a))
	return cmd
}

// runsQuery are the flags of the commands that find runs.
type runsQuery struct {
	experiment string
	orderBy    []string
	limit      int
	nested     bool
	deleted    bool
}

func (q *runsQuery) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&q.experiment, "experiment", train.Experiment, "the `NAME` of an experiment, or all")
	f.StringArrayVar(&q.orderBy, "order-by", nil, "sort by `FIELD`, such as \"metrics.final_wape ASC\"; may be repeated")
	f.IntVar(&q.limit, "limit", 20, "at most `N` runs")
	f.BoolVar(&q.nested, "nested", false, "the runs within runs, too")
	f.BoolVar(&q.deleted, "deleted", false, "the deleted runs instead")
}

// leastPage keeps a short list from being asked for run by run.
const leastPage = 200

// find returns the runs, the newest first unless sorted otherwise.
func (q *runsQuery) find(ctx context.Context, t *tracking, filter string) ([]mlflow.Run, error) {
	if q.limit < 1 || q.limit > mlflow.MaxSearchRuns {
		return nil, fault.New(fault.Usage, "--limit is %d, want 1 to %d", q.limit, mlflow.MaxSearchRuns)
	}
	query := mlflow.RunQuery{Filter: filter, OrderBy: q.orderBy, MaxResults: q.limit, ViewType: mlflow.ActiveOnly}
	if !q.nested { // not every server's grammar has a word for a missing tag: nested runs are left out below, of larger pages
		query.MaxResults = max(q.limit, leastPage)
	}
	if q.deleted {
		query.ViewType = mlflow.DeletedOnly
	}
	var err error
	if query.ExperimentIDs, err = experimentIDs(ctx, t, q.experiment); err != nil {
		return nil, err
	}
	var runs []mlflow.Run
	for len(runs) < q.limit { // a page of nested runs alone adds none
		page, err := t.SearchRuns(ctx, query)
		if err != nil {
			return nil, err
		}
		for _, r := range page.Items {
			if len(runs) < q.limit && (q.nested || r.Data.Tag(tagParent) == "") {
				runs = append(runs, r)
			}
		}
		if query.PageToken = page.Next; page.Next == "" {
			break
		}
	}
	return runs, nil
}

// tagParent is the tag of a nested run.
const tagParent = "mlflow.parentRunId"

// experimentIDs finds an experiment by name, or all of them.
func experimentIDs(ctx context.Context, t *tracking, name string) ([]string, error) {
	if name != "all" {
		e, err := t.GetExperimentByName(ctx, name) // in one call, whatever else there is
		if fault.Is(err, fault.NotFound) {
			return nil, fault.New(fault.NotFound, "there is no experiment %q in %s", name, t.place).WithHint("`salesctl train` makes one; --experiment all looks at every one")
		}
		return []string{e.ID}, err
	}
	var ids []string
	for token := ""; ; {
		page, err := t.SearchExperiments(ctx, mlflow.ExperimentQuery{PageToken: token})
		if err != nil {
			return nil, err
		}
		for _, e := range page.Items {
			ids = append(ids, e.ID)
		}
		if token = page.Next; token == "" {
			return ids, nil
		}
	}
}

func newRunsList(a *app) *cobra.Command {
	var q runsQuery
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List runs, the newest first",
		Args:  noArgs,
		Example: `  salesctl runs list
  salesctl runs list --experiment "Sales Forecasting Inference" --limit 100
  salesctl runs list --nested --json`,
		RunE: func(cmd *cobra.Command, _ []string) error { return q.run(cmd, a, "") },
	}
	q.add(cmd)
	return cmd
}

func newRunsSearch(a *app) *cobra.Command {
	var q runsQuery
	cmd := &cobra.Command{
		Use:   "search FILTER",
		Short: "Find runs by MLflow's search grammar",
		Args:  takes(1, 1),
		Example: `  salesctl runs search "metrics.final_wape < 4"
  salesctl runs search "params.seed = '42' AND attributes.status = 'FINISHED'"
  salesctl runs search "tags.mlflow.runName LIKE 'ARIMA_%'" --nested --order-by "metrics.aic ASC"`,
		RunE: func(cmd *cobra.Command, args []string) error { return q.run(cmd, a, args[0]) },
	}
	q.add(cmd)
	return cmd
}

func (q *runsQuery) run(cmd *cobra.Command, a *app, filter string) error {
	return a.tracked(cmd, func(ctx context.Context, _ *config.Settings, t *tracking) error {
		runs, err := q.find(ctx, t, filter)
		if err != nil {
			return err
		}
		return a.render(runsTable(runs))
	})
}

// tracked runs a command's work on the tracking place of the settings.
func (a *app) tracked(cmd *cobra.Command, f func(context.Context, *config.Settings, *tracking) error) error {
	s, err := a.settings(cmd)
	if err != nil {
		return err
	}
	ctx := cmd.Context()
	return a.withTracking(ctx, s, false, func(t *tracking) error { return f(ctx, s, t) })
}

// runsTable shows a line a run.
func runsTable(runs []mlflow.Run) table {
	t := table{Thing: "runs", Columns: columns("run", "name", "status", "started", "seconds", "user", "final_wape", "final_rmse")}
	for _, r := range runs {
		t.Rows = append(t.Rows, []any{
			r.Info.ID, r.Info.Name, string(r.Info.Status), moment(r.Info.StartTime), seconds(r.Info), r.Info.UserID,
			metric(r, "final_wape"), metric(r, "final_rmse"),
		})
	}
	return t
}

// moment writes milliseconds since 1970 as a time.
func moment(ms int64) any {
	if ms == 0 {
		return nil
	}
	return time.UnixMilli(ms).UTC().Format(time.RFC3339)
}

func seconds(i mlflow.RunInfo) any {
	if i.EndTime == nil {
		return nil
	}
	return float64(*i.EndTime-i.StartTime) / 1000
}

func metric(r mlflow.Run, key string) any {
	for _, m := range r.Data.Metrics {
		if m.Key == key {
			return float64(m.Value)
		}
	}
	return nil
}

func newRunsShow(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "show RUN",
		Short: "Show everything that a run holds",
		Long: `Show a run's params, metrics, tags, datasets and models, a line each. RUN is an
id, or latest for the newest training.`,
		Args: takes(1, 1),
		Example: `  salesctl runs show latest
  salesctl runs show latest --json
  salesctl runs show latest -o csv > run.csv`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.tracked(cmd, func(ctx context.Context, _ *config.Settings, t *tracking) error {
				r, err := findRun(ctx, t, args[0])
				if err != nil {
					return err
				}
				return a.render(runTable(r))
			})
		},
	}
}

// findRuns returns the runs of ids, none of them twice.
func findRuns(ctx context.Context, t *tracking, ids []string) (runs []mlflow.Run, err error) {
	for _, id := range ids {
		r, err := findRun(ctx, t, id)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(runs, func(o mlflow.Run) bool { return o.Info.ID == r.Info.ID }) {
			return nil, fault.New(fault.Usage, "the run %s is named twice", r.Info.ID)
		}
		runs = append(runs, r)
	}
	return runs, nil
}

// findRun returns the run of an id, or the newest training.
func findRun(ctx context.Context, t *tracking, id string) (mlflow.Run, error) {
	if id != "latest" {
		r, err := t.GetRun(ctx, id)
		if fault.Is(err, fault.NotFound) {
			err = fault.New(fault.NotFound, "%w", err).WithHint("`salesctl runs list --experiment all --nested` shows the ids")
		}
		return r, err
	}
	return newestTraining(ctx, t)
}

// newestTraining asks for one run and no more: an experiment may hold very many.
func newestTraining(ctx context.Context, t *tracking) (mlflow.Run, error) {
	none := fault.New(fault.NotFound, "there is no training in %s", t.place).WithHint("run `salesctl train`")
	e, err := t.GetExperimentByName(ctx, train.Experiment)
	if fault.Is(err, fault.NotFound) {
		return mlflow.Run{}, none
	}
	if err != nil {
		return mlflow.Run{}, err
	}
	page, err := t.SearchRuns(ctx, mlflow.RunQuery{
		ExperimentIDs: []string{e.ID}, ViewType: mlflow.ActiveOnly, MaxResults: 1,
		Filter:  fmt.Sprintf("attributes.run_name = '%s'", train.RunName),
		OrderBy: []string{"attributes.start_time DESC"},
	})
	if err != nil {
		return mlflow.Run{}, err
	}
	if len(page.Items) == 0 {
		return mlflow.Run{}, none
	}
	return page.Items[0], nil
}

// runTable shows a line a fact, of kinds that keep a param and a metric of one name
// apart.
func runTable(r mlflow.Run) table {
	t := table{Thing: "run", Columns: columns("kind", "name", "value")}
	add := func(kind, name string, value any) { t.Rows = append(t.Rows, []any{kind, name, value}) }
	i := r.Info
	add("run", "id", i.ID)
	add("run", "name", i.Name)
	add("run", "status", string(i.Status))
	add("run", "lifecycle", i.LifecycleStage)
	add("run", "started", moment(i.StartTime))
	add("run", "artifacts", i.ArtifactURI)
	for _, p := range r.Data.Params {
		add("param", p.Key, p.Value)
	}
	for _, m := range r.Data.Metrics {
		add("metric", m.Key, fmt.Sprint(float64(m.Value)))
	}
	for _, x := range r.Data.Tags {
		add("tag", x.Key, x.Value)
	}
	for _, d := range r.Inputs.Datasets {
		add("dataset", d.Dataset.Name, d.Dataset.Digest)
	}
	for _, m := range r.Outputs.Models {
		add("model", "id", m.ModelID)
	}
	return t
}

func newRunsCompare(a *app) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "compare RUN RUN...",
		Short: "Show runs side by side",
		Args:  takes(2, anyNumber),
		Example: `  salesctl runs compare latest 0123456789abcdef0123456789abcdef
  salesctl runs compare latest 0123456789abcdef0123456789abcdef --all
  salesctl runs compare latest 0123456789abcdef0123456789abcdef -o csv`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.tracked(cmd, func(ctx context.Context, _ *config.Settings, t *tracking) error {
				runs, err := findRuns(ctx, t, args)
				if err != nil {
					return err
				}
				return a.render(compareTable(runs, all))
			})
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "also what is the same in all of them")
	return cmd
}

// compareTable shows a line a param or metric, a column a run.
func compareTable(runs []mlflow.Run, all bool) table {
	t := table{Thing: "comparison", Columns: columns("kind", "name")}
	type fact struct{ kind, name string }
	values := map[fact][]any{}
	var order []fact
	put := func(i int, kind, name string, v any) {
		at := fact{kind, name}
		if values[at] == nil {
			values[at] = make([]any, len(runs))
			order = append(order, at)
		}
		values[at][i] = v
	}
	for i, r := range runs {
		t.Columns = append(t.Columns, columns(r.Info.ID)...)
		for _, p := range r.Data.Params {
			put(i, "param", p.Key, p.Value)
		}
		for _, m := range r.Data.Metrics {
			put(i, "metric", m.Key, float64(m.Value))
		}
	}
	for _, at := range order {
		same := true
		for _, v := range values[at] {
			same = same && fmt.Sprint(v) == fmt.Sprint(values[at][0]) // NaN equals itself here
		}
		if all || !same {
			t.Rows = append(t.Rows, append([]any{at.kind, at.name}, values[at]...))
		}
	}
	return t
}
