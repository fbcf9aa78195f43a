package train

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/salesctl/salesctl/pkg/evaluate"
	"github.com/salesctl/salesctl/pkg/metrics"
	"github.com/salesctl/salesctl/pkg/mlflow"
	"github.com/salesctl/salesctl/pkg/mlflow/record"
	"github.com/salesctl/salesctl/pkg/pipeline"
	"github.com/salesctl/salesctl/pkg/sales"
	"github.com/salesctl/salesctl/pkg/tune"
)

// Names under which a training stands in MLflow, those of the Python original.
const (
	Experiment     = "Sales Forecasting Experiment"
	RegisteredName = "Sales-Forecasting" // of the pipeline
	RunName        = "Training Run"      // of a whole training, which others are nested in
)

// maxNested bounds the runs nested for one series each, and those for one
// candidate of a model each; beyond it there is only the table.
const maxNested = 100

// Provenance says where a training comes from, for its record.
type Provenance struct {
	ID      string // of the record, unique
	User    string
	Version string // of the program
	Commit  string // the git commit it was built from; may be empty
	Data    string // where the sales lie
}

// record tells the training as MLflow keeps it, without the models.
func (t *training) record(s mlflow.RunStatus) (record.Record, error) {
	end := t.Now().UnixMilli()
	r := record.Record{
		ID: t.From.ID, Experiment: Experiment, Name: RunName, User: t.From.User, Status: s,
		Start: t.start.UnixMilli(), End: end, Params: t.params(), Metrics: t.metrics(end),
	}
	data, err := dataset(t.Panel, t.From.Data)
	if err != nil {
		return r, err
	}
	r.Datasets = []mlflow.DatasetInput{data}
	r.Tags = t.tags(data.Dataset.Digest)
	for _, add := range []func(*record.Record) error{t.predictions, t.series, t.trials, t.folds} {
		if err := add(&r); err != nil {
			return r, err
		}
	}
	return r, nil
}

// FoldsPath is where a run keeps the folds of its backtest.
const FoldsPath = "backtest/folds.json"

// folds keeps what the backtest was made over, so that later models can meet the
// same.
func (t *training) folds(r *record.Record) error {
	if t.report.Backtest == nil {
		return nil
	}
	text, err := json.MarshalIndent(t.report.Backtest.Folds, "", "  ")
	r.Files = append(r.Files, record.File{Path: FoldsPath, Data: append(text, '\n')})
	return err
}

// prefix is the name of a model in params and metrics: that of the Python
// original where it has the model.
func prefix(model string) string {
	switch model {
	case "gbt":
		return "xgboost"
	case pipeline.Mean:
		return "final"
	}
	return model
}

// params are those of the models, and what decided the comparison.
func (t *training) params() []mlflow.Param {
	out := []mlflow.Param{
		{Key: "models", Value: strings.Join(modelNames(t.Recipe), ",")},
		{Key: "seed", Value: strconv.FormatUint(t.Recipe.Seed, 10)},
		{Key: "folds", Value: strconv.Itoa(t.Folds)},
		{Key: "horizon", Value: strconv.Itoa(t.Horizon)},
	}
	if len(t.Spaces) > 0 {
		out = append(out, mlflow.Param{Key: "tune", Value: string(cmp.Or(t.Search.Strategy, tune.Grid))},
			mlflow.Param{Key: "score", Value: cmp.Or(t.Score, "mse")})
	}
	out = append(out, named("features_", t.Recipe.Features.Params())...)
	for _, m := range t.Recipe.Models {
		out = append(out, named(prefix(m.Name)+"_", m.Params)...)
	}
	return out
}

func modelNames(r pipeline.Recipe) []string {
	var names []string
	for _, m := range r.Models {
		names = append(names, m.Name)
	}
	return names
}

// named writes parameters in the order of their names.
func named(prefix string, params map[string]any) []mlflow.Param {
	var out []mlflow.Param
	for _, name := range slices.Sorted(maps.Keys(params)) {
		out = append(out, mlflow.Param{Key: prefix + name, Value: fmt.Sprint(params[name])})
	}
	return out
}

// metrics are the scores over all rows: one period ahead by model, and of the
// backtest by model, and by model and horizon with the horizon as the step.
func (t *training) metrics(at int64) []mlflow.Metric {
	var out []mlflow.Metric
	add := func(key string, value float64, step int) {
		if !math.IsNaN(value) {
			out = append(out, mlflow.Metric{Key: key, Value: mlflow.Number(value), Timestamp: at, Step: int64(step)})
		}
	}
	for _, s := range t.report.OneStep.Scores {
		if s.By == evaluate.ByTotal {
			for _, m := range measures(s.Scores) {
				add(prefix(s.Model)+"_"+m.name, m.value, 0)
			}
		}
	}
	if t.report.Backtest == nil {
		return out
	}
	for _, s := range t.report.Backtest.Scores {
		name := "backtest_" + prefix(s.Model) + "_"
		switch s.By {
		case evaluate.ByHorizon:
			add(name+"wape_by_horizon", s.WAPE, s.Horizon)
		case evaluate.ByTotal:
			for _, m := range measures(s.Scores) {
				add(name+m.name, m.value, 0)
			}
		}
	}
	return out
}

type measure struct {
	name  string
	value float64
}

// measures are the scores that are logged; MAPE and WAPE are percent.
func measures(s metrics.Scores) []measure {
	return []measure{{"mae", s.MAE}, {"mse", s.MSE}, {"rmse", s.RMSE}, {"r2", s.R2}, {"mape", s.MAPE}, {"wape", s.WAPE}}
}

// tags say what was trained by what, on which span of the data.
func (t *training) tags(digest string) []mlflow.Tag {
	p := t.From
	span := func(from, to sales.Period) string { return from.String() + "/" + to.String() } // ISO 8601 interval
	tested := t.Panel.Frequency.Add(t.report.Split, 1)
	tags := []mlflow.Tag{
		{Key: "mlflow.user", Value: p.User},
		{Key: "mlflow.source.name", Value: "salesctl train"},
		{Key: "mlflow.source.type", Value: "LOCAL"},
		{Key: "salesctl.version", Value: p.Version},
		{Key: "salesctl.dataset_digest", Value: digest},
		{Key: "salesctl.scored_span", Value: span(tested, t.Panel.Origin())},
		{Key: "salesctl.trained_span", Value: span(t.Panel.Start(), t.Panel.Origin())},
	}
	if p.Commit != "" {
		tags = append(tags, mlflow.Tag{Key: "mlflow.source.git.commit", Value: p.Commit})
	}
	if choice := t.report.Pipeline.Choice; len(choice) > 0 {
		tags = append(tags, mlflow.Tag{Key: "salesctl.choice", Value: strings.Join(choice, ",")})
	}
	return tags
}

// line is one row of the one-step table with what each model said.
type line struct {
	evaluate.Row
	by map[string]float64
}

func (l line) text(model string) string {
	if v, ok := l.by[model]; ok {
		return number(v)
	}
	return ""
}

// predictions adds the one-step table in the columns of the Python original.
func (t *training) predictions(r *record.Record) error {
	if len(t.report.OneStep.Rows) == 0 {
		return nil
	}
	type id struct {
		key  string
		date sales.Period
	}
	lines := map[id]*line{}
	var order []id
	for _, row := range t.report.OneStep.Rows {
		at := id{row.Key.String(), row.Date}
		if lines[at] == nil {
			lines[at] = &line{Row: row, by: map[string]float64{}}
			order = append(order, at)
		}
		lines[at].by[row.Model] = row.Forecast
	}
	slices.SortStableFunc(order, func(a, b id) int { return lines[a].Key.Compare(lines[b].Key) })
	rows := [][]string{{"True Values", "XGBoost Predictions", "Random Forest Predictions", "Final Predictions (Averaged)", "store", "date"}}
	for _, at := range order {
		l := lines[at]
		rows = append(rows, []string{
			number(l.Actual), l.text("gbt"), l.text("rf"), l.text(pipeline.Mean), at.key, at.date.String(),
		})
	}
	return addCSV(r, "predictions/predictions.csv", rows)
}

// series adds what the forecasters found out about each series: a run each, and
// a table.
func (t *training) series(r *record.Record) error {
	tables := map[string][][]string{}
	for _, f := range t.fits {
		names := slices.Sorted(maps.Keys(f.Metrics))
		if tables[f.Model] == nil {
			tables[f.Model] = [][]string{append([]string{"store", "order"}, names...)}
		}
		row := []string{f.Key.String(), f.Params["order"]}
		for _, name := range names {
			row = append(row, number(f.Metrics[name]))
		}
		tables[f.Model] = append(tables[f.Model], row)
	}
	for _, model := range slices.Sorted(maps.Keys(tables)) {
		if err := addCSV(r, "models/"+model+"/"+model+"_parameters.csv", tables[model]); err != nil {
			return err
		}
		if len(tables[model])-1 > maxNested {
			continue
		}
		for _, f := range t.fits {
			if f.Model == model {
				r.Children = append(r.Children, seriesRun(*r, f))
			}
		}
	}
	return nil
}

// seriesRun is the nested run of one series.
func seriesRun(parent record.Record, f pipeline.SeriesFit) record.Record {
	name := strings.ToUpper(f.Model) + "_Store_" + strings.Join(f.Key, "_")
	c := nested(parent, name)
	c.Params = []mlflow.Param{{Key: "store_id", Value: f.Key.String()}, {Key: "order", Value: f.Params["order"]}}
	for _, m := range []string{"aic", "bic"} {
		c.Metrics = append(c.Metrics, mlflow.Metric{Key: m, Value: mlflow.Number(f.Metrics[m]), Timestamp: parent.End})
	}
	return c
}

// nested is an empty run in the parent. Its id follows from the parent's and its
// place there, so that a record delivered twice finds it.
func nested(parent record.Record, name string) record.Record {
	return record.Record{
		ID: fmt.Sprintf("%s-%d", parent.ID, len(parent.Children)+1), Experiment: parent.Experiment, Name: name, User: parent.User,
		Status: parent.Status, Start: parent.Start, End: parent.End,
		Tags: []mlflow.Tag{{Key: "mlflow.user", Value: parent.User}, {Key: "mlflow.source.name", Value: "salesctl train"}, {Key: "mlflow.source.type", Value: "LOCAL"}},
	}
}

// addCSV adds a table as an artifact.
func addCSV(r *record.Record, path string, rows [][]string) error {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	if err := w.WriteAll(rows); err != nil {
		return err
	}
	r.Files = append(r.Files, record.File{Path: path, Data: b.Bytes()})
	return nil
}

// number writes all digits, and nothing for no value.
func number(x float64) string {
	if math.IsNaN(x) {
		return ""
	}
	return strconv.FormatFloat(x, 'f', -1, 64)
}

// dataset describes the sales that were trained on, all of them, as MLflow
// describes data. Its digest is over every value.
func dataset(p sales.Panel, place string) (mlflow.DatasetInput, error) {
	source, err := json.Marshal(map[string]string{"uri": place})
	if err != nil {
		return mlflow.DatasetInput{}, err
	}
	type column struct {
		Type     string `json:"type"`
		Name     string `json:"name"`
		Required bool   `json:"required"`
	}
	var columns []column
	for _, name := range p.KeyNames {
		columns = append(columns, column{"string", name, true})
	}
	columns = append(columns, column{"datetime", "date", true}, column{"double", "target", false})
	for _, name := range p.ColumnNames {
		columns = append(columns, column{"double", name, false})
	}
	schema, err := json.Marshal(map[string]any{"mlflow_colspec": columns})
	if err != nil {
		return mlflow.DatasetInput{}, err
	}
	profile, err := json.Marshal(map[string]int{"num_rows": p.Len(), "num_elements": p.Len() * len(columns)})
	return mlflow.DatasetInput{
		Tags: []mlflow.Tag{{Key: "mlflow.data.context", Value: "training"}},
		Dataset: mlflow.Dataset{
			Name: "sales", Digest: digest(p), SourceType: "local", Source: string(source),
			Schema: string(schema), Profile: string(profile),
		},
	}, err
}

// digest is the start of a SHA-256 over keys, periods and values.
func digest(p sales.Panel) string {
	h := sha256.New()
	put := func(values []float64) {
		var b []byte
		for _, v := range values {
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
		}
		h.Write(b)
	}
	for _, s := range p.Series {
		fmt.Fprintf(h, "%q %q %s %d\n", s.Key, s.Static, s.Start, len(s.Target))
		put(s.Target)
		for _, c := range s.Columns {
			put(c)
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}
