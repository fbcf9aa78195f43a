package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"github.com/salesctl/salesctl/pkg/config"
	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/pipeline"
	"github.com/salesctl/salesctl/pkg/plot"
	"github.com/salesctl/salesctl/pkg/sales"
)

// demoOptions are the flags of `salesctl demo`.
type demoOptions struct {
	keep string
	exit bool
}

// newDemo makes `salesctl demo`.
func newDemo(a *app) *cobra.Command {
	var o demoOptions
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show it all on the sample, in a temporary folder",
		Long: `Load the sample, train, compare the models, forecast one store and serve, in a
temporary folder that is removed at the end. Configuration, environment and the
working directory are left alone, and a free port is taken. It stays up until
Ctrl-C.`,
		GroupID: groupMain,
		Args:    noArgs,
		Example: `  salesctl demo
  salesctl demo --exit
  salesctl demo --keep ./demo`,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context(), a) },
	}
	cmd.Flags().StringVar(&o.keep, "keep", "", "work in `DIR`, which must be empty or absent, and leave it")
	cmd.Flags().BoolVar(&o.exit, "exit", false, "end after the self-check instead of staying up")
	return cmd
}

func (o *demoOptions) run(ctx context.Context, a *app) (err error) {
	if a.global.output != formatTable {
		return fault.New(fault.Usage, "demo is for people: it has no -o %s", a.global.output).
			WithHint("salesctl train -o %[1]s, salesctl forecast -o %[1]s and the others have", a.global.output)
	}
	dir, remove, err := o.folder(a)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
	inner := *a
	inner.dir = dir
	s, err := inner.demoSettings()
	if err != nil {
		return err
	}
	d := &demo{app: &inner, settings: s, stay: !o.exit, keep: o.keep != ""}
	d.tell("The way of the data, on %s,\nin %s", sampleName, dir)
	for _, chapter := range []func(context.Context) error{d.load, d.train, d.forecast, d.serve} {
		if err := chapter(ctx); errors.Is(err, context.Canceled) && ctx.Err() != nil {
			a.note("the demo is stopped")
			return nil
		} else if err != nil {
			return err
		}
	}
	return nil
}

// folder returns the folder to work in and what removes it.
func (o *demoOptions) folder(a *app) (dir string, remove func() error, err error) {
	if o.keep == "" {
		dir, err = os.MkdirTemp("", "salesctl-demo-")
		return dir, func() error { return os.RemoveAll(dir) }, err
	}
	dir = a.path(o.keep)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", nil, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", nil, err
	}
	if len(entries) > 0 {
		return "", nil, fault.New(fault.Usage, "--keep: %s is not empty", dir).WithHint("name a new folder")
	}
	return dir, func() error { return nil }, nil
}

// demoSettings are the defaults, whatever the environment says, with a free port.
func (a *app) demoSettings() (*config.Settings, error) {
	data, err := defaults()
	if err != nil {
		return nil, err
	}
	return config.Load(config.Options{
		Defaults: data, Dir: a.dir,
		Flags: []config.Flag{{Key: "serve.port", Name: "demo", Text: "0"}},
	})
}

// demo is a demonstration on its way: each method is a chapter of the story that
// stdout tells. Its app works in the demonstration's folder.
type demo struct {
	*app
	settings   *config.Settings
	stay, keep bool
	next       float64 // what is forecast for the first week, to be found again in an answer
}

// storyWidth is where the story wraps: it fits the usual terminal.
const storyWidth = 80

// tell writes lines of the story.
func (d *demo) tell(format string, args ...any) {
	for line := range strings.SplitSeq(fmt.Sprintf(format, args...), "\n") {
		for part := range strings.SplitSeq(text.WrapSoft(line, storyWidth), "\n") {
			fmt.Fprintln(d.stdout, strings.TrimRight(part, " "))
		}
	}
}

// show writes a table without its notes, which the story tells itself.
func (d *demo) show(t table) error {
	silent := *d.app
	silent.global.quiet = true
	return silent.render(t)
}

func (d *demo) load(ctx context.Context) error {
	d.tell("\n1. etl: a CSV becomes a database\n")
	report, err := (&etlOptions{}).load(ctx, d.app, d.settings, sampleInput(), true)
	if err != nil {
		return err
	}
	t := etlTable(report)
	t.Columns, t.Rows[0] = t.Columns[1:7], t.Rows[0][1:7] // the counts alone
	return d.show(t)
}

func (d *demo) train(ctx context.Context) error {
	d.tell("\n2. train: which model is nearest, one week ahead?\n")
	report, _, err := (&trainOptions{}).train(ctx, d.app, d.settings)
	if err != nil {
		return err
	}
	if err := d.show(brief("train", report.OneStep)); err != nil {
		return err
	}
	d.tell("\nMAPE and WAPE are percent, RMSE is US dollars. A skill of 0.3 means errors 30 %%\n" +
		"smaller than those of seasonal_naive, which says: as in this week last year.")
	d.tell("\n%s", meta{Compared: report.OneStep.Statement})
	d.tell("\n3. backtest: and 1 to %d weeks ahead, knowing the past alone?\n", d.settings.Train.Horizon)
	if err := d.show(brief("backtest", *report.Backtest)); err != nil {
		return err
	}
	d.tell("\n%s", meta{Compared: report.Backtest.Statement})
	return nil
}

func (d *demo) forecast(ctx context.Context) error {
	data, err := d.panel(ctx, d.settings)
	if err != nil {
		return err
	}
	c, err := d.champion(ctx, d.settings)
	if err != nil {
		return err
	}
	store := data.Series[0]
	forecasts, err := c.Forecast(ctx, data, pipeline.Auto, sales.Request{Keys: []sales.Key{store.Key}, Steps: d.settings.Train.Horizon})
	if err = errors.Join(err, c.Close()); err != nil {
		return err
	}
	d.tell("\n4. forecast: the weeks to come, each by the model that is best so far ahead\n")
	m := newMeta(c, data)
	if err := d.show(forecastTable(forecasts, nil, m)); err != nil {
		return err
	}
	d.tell("\n%s\n", m)
	d.next = forecasts[0].Points[0].Mean
	figure, err := forecastFigure(data, forecasts[0], shownHistory, "US dollars a week")
	if err != nil {
		return err
	}
	return figure.Write(d.stdout, plot.Text, plot.Options{Color: d.color(d.stdout)})
}

// shownHistory is how many weeks of sales stand before a forecast in the terminal.
const shownHistory = 64

// serve serves, checks its own answers and stays up.
func (d *demo) serve(ctx context.Context) error {
	serving, stop := context.WithCancel(ctx)
	defer stop()
	quiet := *d.app
	quiet.global.quiet = true
	address, ended := make(chan net.Addr, 1), make(chan error, 1)
	go func() {
		ended <- quiet.serve(serving, d.settings, d.logger(slog.LevelWarn), func(l net.Addr) { address <- l })
	}()
	var l net.Addr
	select {
	case err := <-ended:
		return err
	case l = <-address:
	}
	err := d.check(ctx, "http://"+l.String())
	if err == nil {
		d.farewell()
	}
	if err == nil && d.stay {
		select {
		case <-ctx.Done():
		case err := <-ended: // of itself: then it answers no more
			return err
		}
	}
	if ctx.Err() != nil { // stopped while it was up, which is no failure
		err = nil
	}
	stop()
	return errors.Join(err, <-ended)
}

// farewell tells what becomes of it all.
func (d *demo) farewell() {
	switch {
	case d.stay && d.keep:
		d.tell("\nIt stays up. Ctrl-C ends it and leaves the folder.")
	case d.stay:
		d.tell("\nIt stays up. Ctrl-C ends it and removes the folder.")
	case d.keep:
		d.tell("\nEvery answer is as it should be. The folder stays.")
	default:
		d.tell("\nEvery answer is as it should be. The folder is removed.")
	}
}

// demoRow is a row in the form of POST /predict_sales.
const demoRow = `{"Store":1,"Date":"03-11-2012","Holiday_Flag":0,"Temperature":75.5,
      "Fuel_Price":3.45,"CPI":238.2,"Unemployment":5.8}`

// check asks over HTTP what a newcomer can ask, and checks the answers.
func (d *demo) check(ctx context.Context, base string) error {
	d.tell("\n5. serve: the same over HTTP\n")
	var health struct{ Status string }
	d.tell("%s/healthz", base)
	if err := d.call(ctx, http.MethodGet, base+"/healthz", "", &health); err != nil {
		return err
	}
	var weeks struct {
		Predictions []struct{ Date, Sales string }
	}
	query := base + "/forecast_sales?store_id=1&model=auto"
	d.tell("\ncurl -X POST '%s'", query)
	if err := d.call(ctx, http.MethodPost, query, "", &weeks); err != nil {
		return err
	}
	if next := strconv.FormatFloat(d.next, 'f', 2, 64); len(weeks.Predictions) != 3 || weeks.Predictions[0].Sales != next {
		return fault.New(fault.Failure, "self-check: want three weeks, the first %s, the server answered %v", next, weeks.Predictions)
	}
	var row struct{ Prediction float64 }
	fmt.Fprintf(d.stdout, "\ncurl -X POST %s/predict_sales \\\n  -H 'Content-Type: application/json' \\\n  -d '%s'\n", base, demoRow)
	if err := d.call(ctx, http.MethodPost, base+"/predict_sales", demoRow, &row); err != nil {
		return err
	}
	if row.Prediction <= 0 {
		return fault.New(fault.Failure, "self-check: the server predicts %v", row.Prediction)
	}
	return nil
}

// call sends a request, tells the answer and reads it.
func (d *demo) call(ctx context.Context, method, url, body string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return err
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	answer, err := io.ReadAll(resp.Body)
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fault.New(fault.Failure, "self-check: %s %s answered %s: %s", method, url, resp.Status, answer)
	}
	fmt.Fprintln(d.stdout, shortened("  "+string(answer)))
	return json.Unmarshal(answer, into)
}

// shortened cuts a line that would wrap.
func shortened(line string) string {
	const more = "..."
	if len(line) <= storyWidth {
		return line
	}
	return line[:storyWidth-len(more)] + more
}
