package main

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"math"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/salesctl/salesctl/pkg/sales"
	"github.com/salesctl/salesctl/pkg/store"
	"github.com/salesctl/salesctl/testdata"
)

// forecastRow is a line of `salesctl forecast -o csv`.
type forecastRow struct {
	date, model string
	forecast    float64
}

func forecastCSV(t *testing.T, text string) []forecastRow {
	t.Helper()
	records, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || len(records) == 0 || !slices.Equal(records[0][:5], []string{"key", "date", "horizon", "model", "forecast"}) {
		t.Fatalf("%v: %s", err, text)
	}
	var rows []forecastRow
	for _, r := range records[1:] {
		v, err := strconv.ParseFloat(r[4], 64)
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, forecastRow{date: r[1], model: r[3], forecast: v})
	}
	return rows
}

// openDB opens the directory's database for a look inside.
func openDB(t *testing.T, dir string) *store.Store {
	t.Helper()
	db, err := store.Open(t.Context(), "sqlite:///sales.db", store.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// inside returns what answers in the directory, the pipeline and the sales,
// without a server around them.
func inside(t *testing.T, dir string) (champion, sales.Panel) {
	t.Helper()
	a := &app{dir: dir}
	s, err := a.demoSettings() // the defaults
	if err != nil {
		t.Fatal(err)
	}
	c, err := a.champion(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	data, err := openDB(t, dir).Panel(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return c, data
}

// row is readmeRow as the pipeline takes it, in another week and store.
func row(storeID string, period sales.Period) sales.Row {
	return sales.Row{Key: sales.Key{storeID}, Period: period, Columns: []float64{0, 75.5, 3.45, 238.2, 5.8}}
}

func predictOne(t *testing.T, c champion, data sales.Panel, r sales.Row) float64 {
	t.Helper()
	got, err := c.Predict(t.Context(), data, []sales.Row{r})
	if err != nil {
		t.Fatal(err)
	}
	return got[0].Value
}

// C27: predictions never enter the actual sales, and their own table holds every one.
func TestPredictTwice(t *testing.T) {
	dir := trainedDir(t)
	db := openDB(t, dir)
	before, err := db.Panel(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s := serving(t, dir)
	first, second := s.predict(t, readmeRow), s.predict(t, readmeRow)
	if first != second {
		t.Errorf("%v, then %v", first, second)
	}
	weeks := s.forecast(t, "store_id=1&steps=2")
	if again := s.forecast(t, "store_id=1&steps=2"); !slices.Equal(weeks, again) {
		t.Errorf("%v, then %v", weeks, again)
	}
	fresh := openDB(t, dir) // without what db has read already
	after, err := fresh.Panel(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, after, cmpopts.EquateNaNs()); diff != "" || after.Len() != 6435 {
		t.Errorf("the sales have changed, %d rows: %s", after.Len(), diff)
	}
	loads, err := fresh.Loads(t.Context())
	if err != nil || len(loads) != 1 {
		t.Errorf("loads %v, %v", loads, err)
	}
	served, err := fresh.Served(t.Context(), time.Time{})
	if err != nil || len(served) != 6 {
		t.Fatalf("%d predictions are kept, %v", len(served), err)
	}
	for i, p := range served[:2] {
		if p.Model != "rf_gbt_mean" || p.Version != "1" || p.Key.String() != "1" || p.Period != sales.Date(2012, 11, 9) ||
			!slices.Equal(p.Columns, []float64{0, 75.5, 3.45, 238.2, 5.8}) || math.Abs(p.Value-first) > 0.005 || p.RequestID == "" {
			t.Errorf("prediction %d is kept as %+v", i, p)
		}
	}
	if p := served[3]; p.Model != "arima" || p.Horizon != 2 || p.Period != sales.Date(2012, 11, 9) {
		t.Errorf("the second week is kept as %+v", p)
	}
}

// One question has one answer, whoever is asked: the server, the command line or
// the pipeline itself.
func TestSameAnswersEverywhere(t *testing.T) {
	dir := trainedDir(t)
	s := serving(t, dir)
	c, data := inside(t, dir)
	byPipeline := predictOne(t, c, data, row("1", sales.Date(2012, 11, 9)))
	out := mustRun(t, dir, "predict", "--store", "1", "--date", "2012-11-03", "--set", "holiday_flag=0", "--set", "temperature=75.5",
		"--set", "fuel_price=3.45", "--set", "cpi=238.2", "--set", "unemployment=5.8", "-o", "csv")
	if want := fmt.Sprintf("key,date,model,prediction\n1,2012-11-09,rf_gbt_mean,%s\n", strconv.FormatFloat(byPipeline, 'f', -1, 64)); out != want {
		t.Errorf("salesctl predict says %q, the pipeline %q", out, want)
	}
	if got := s.post(t, "/predict_sales", readmeRow); got.body != `{"prediction":`+strings.TrimSuffix(strconv.FormatFloat(byPipeline, 'f', 2, 64), "0")+`}` {
		t.Errorf("the server says %s, the pipeline %v", got.body, byPipeline)
	}

	byCommand := forecastCSV(t, mustRun(t, dir, "forecast", "--store", "7", "--steps", "12", "-o", "csv"))
	byHTTP := s.forecast(t, "store_id=7&steps=12&model=auto")
	var models []string
	for i, want := range byCommand {
		day, err := time.Parse(time.DateOnly, want.date)
		if err != nil {
			t.Fatal(err)
		}
		if got := byHTTP[i]; got.Date != day.Format("02-01-2006") || got.Sales != strconv.FormatFloat(want.forecast, 'f', 2, 64) {
			t.Errorf("the server says %v, the command line %v", got, want)
		}
		if !slices.Contains(models, want.model) {
			models = append(models, want.model)
		}
	}
	if got := s.post(t, "/forecast_sales?store_id=7&steps=12&model=auto", "").header.Get("X-Model"); got != strings.Join(models, ", ") {
		t.Errorf("X-Model %q, the command line names %q", got, models)
	}
}

func TestHeadersNameWhatAnswered(t *testing.T) {
	s := serving(t, trainedDir(t))
	for path, model := range map[string]string{"/predict_sales": "rf_gbt_mean", "/forecast_sales?store_id=1": "arima", "/forecast_sales?store_id=1&model=gbt": "gbt"} {
		first, second := s.post(t, path, readmeRow), s.post(t, path, readmeRow)
		if h := first.header; h.Get("X-Model") != model || h.Get("X-Model-Version") != "1" {
			t.Errorf("%s: %v", path, h)
		}
		if a, b := first.header.Get("X-Request-Id"), second.header.Get("X-Request-Id"); a == "" || a == b {
			t.Errorf("%s: request ids %q and %q", path, a, b)
		}
	}
}

func TestParallelRequests(t *testing.T) {
	dir := trainedDir(t)
	s := serving(t, dir)
	type question struct{ path, body string }
	questions := []question{
		{"/predict_sales", readmeRow},
		{"/predict_sales", with(t, `"Store":1`, `"Store":45`)},
		{"/forecast_sales?store_id=2&steps=8&model=auto", ""},
		{"/forecast_sales", `{"store_id":3,"steps":8}`},
	}
	want := map[question]string{}
	for _, q := range questions {
		want[q] = s.post(t, q.path, q.body).body
	}
	var group sync.WaitGroup
	for i := range 50 {
		group.Go(func() {
			q := questions[i%len(questions)]
			if got, err := s.send(http.MethodPost, q.path, q.body); err != nil || got.status != http.StatusOK || got.body != want[q] {
				t.Errorf("%v: %v %d %s, want %s", q, err, got.status, got.body, want[q])
			}
		})
	}
	group.Wait()
	served, err := openDB(t, dir).Served(t.Context(), time.Time{})
	if want := 2*(1+13) + 2*(1+12)*8; err != nil || len(served) != want {
		t.Errorf("%d numbers are kept, want %d: %v", len(served), want, err)
	}
}

// usersSales is the sample under a name of the user's, to which next week's file
// may be added, with the pipeline of the sample.
func usersSales(t *testing.T) (dir string) {
	t.Helper()
	dir = trainedDir(t)
	if err := os.Remove(filepath.Join(dir, "sales.db")); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "sales.csv", string(testdata.Walmart))
	mustRun(t, dir, "etl", "sales.csv")
	return dir
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// nextWeek is a file with a row of the week after the sample's last.
const nextWeek = `Store,Date,Weekly_Sales,Holiday_Flag,Temperature,Fuel_Price,CPI,Unemployment
1,02-11-2012,1700000.00,0,62.1,3.40,223.5,6.573
`

// What another process loads is in the next answer.
func TestLoadWhileServing(t *testing.T) {
	dir := usersSales(t)
	s := serving(t, dir)
	old := s.forecast(t, "store_id=1&steps=1")[0]
	before := s.predict(t, readmeRow)
	write(t, dir, "week.csv", nextWeek)
	if out, err := exec.Command("salesctl", "-C", dir, "etl", "week.csv").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if got := s.forecast(t, "store_id=1&steps=1")[0]; old.Date != "02-11-2012" || got.Date != "09-11-2012" {
		t.Errorf("the first week is %s, after the load %s", old.Date, got.Date)
	}
	if got := s.forecast(t, "store_id=2&steps=1")[0]; got.Date != "02-11-2012" {
		t.Errorf("the first week of a store without new sales is %s", got.Date)
	}
	if after := s.predict(t, readmeRow); after == before {
		t.Errorf("the new sales do not move the prediction of the week after, %v", after)
	}
}

// TestOtherData asks where the Python original's URLs cannot answer: 409, and
// what to do instead.
func TestOtherData(t *testing.T) {
	for name, c := range map[string]struct {
		config, csv string
		train       []string
		path, body  string
		want        string // within the detail
	}{
		"two key columns": {config: "data: {keys: [Branch, Dept], date: Week, target: Revenue, columns: {price: Price}}",
			csv: branches("north/1", "south/2"), train: []string{"--model", "naive"}, path: "/forecast_sales?store_id=1", want: "use the command line"},
		"keys that are no numbers": {config: "data: {keys: [Branch], date: Week, target: Revenue, columns: {holiday_flag: Price, temperature: Price2, fuel_price: Price3, cpi: Price4, unemployment: Price5}}",
			csv: branches("north"), train: []string{"--model", "naive"}, path: "/forecast_sales?store_id=1", want: "use the command line"},
		"without the columns": {config: "data: {keys: [Branch], date: Week, target: Revenue, columns: {price: Price}}",
			csv: branches("1"), train: []string{"--model", "naive"}, path: "/predict_sales", body: readmeRow, want: "use the command line"},
		"without the forest":      {csv: firstStore(), train: []string{"--model", "naive"}, path: "/predict_sales", body: readmeRow, want: "run `salesctl train --model gbt,rf`"},
		"without the asked model": {csv: firstStore(), train: []string{"--model", "naive"}, path: "/forecast_sales?store_id=1&model=gbt", want: "run `salesctl train --model gbt`"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, "sales.csv", c.csv)
			if c.config != "" {
				write(t, dir, "salesctl.yaml", c.config)
			}
			mustRun(t, dir, "etl", "sales.csv", "--strict")
			mustRun(t, dir, append([]string{"train", "--no-backtest"}, c.train...)...)
			got := serving(t, dir).post(t, c.path, c.body)
			if got.status != http.StatusConflict || !strings.Contains(got.body, c.want) {
				t.Errorf("%d %s, want %s", got.status, got.body, c.want)
			}
		})
	}
}

// firstStore is the sample without the other stores.
func firstStore() string {
	lines := strings.SplitAfter(string(testdata.Walmart), "\n")
	return strings.Join(lines[:1+143], "")
}

// branches is a file of 60 weeks for each key, whose parts a slash divides.
func branches(keys ...string) string {
	var b bytes.Buffer
	header := []string{"Branch", "Dept"}[:strings.Count(keys[0], "/")+1]
	fmt.Fprintf(&b, "%s,Week,Revenue,Price,Price2,Price3,Price4,Price5\n", strings.Join(header, ","))
	for k, key := range keys {
		for i := range 60 {
			week := time.Date(2020, 1, 3+7*i, 0, 0, 0, 0, time.UTC)
			fmt.Fprintf(&b, "%s,%s,%d,%d,2,3,4,5\n", strings.ReplaceAll(key, "/", ","), week.Format(time.DateOnly), 1000*(k+1)+i%7, i%2)
		}
	}
	return b.String()
}

// TestDatabaseOfOtherColumns serves a pipeline that the database does not fit.
func TestDatabaseOfOtherColumns(t *testing.T) {
	for keys, c := range map[string]struct{ csv, want string }{
		"[Branch, Dept]": {branches("1/7"), "use the command line"},
		"[Branch]":       {branches("1"), "run `salesctl train`"},
	} {
		dir := trainedDir(t)
		write(t, dir, "salesctl.yaml", "data: {keys: "+keys+", date: Week, target: Revenue, columns: {price: Price}}")
		write(t, dir, "sales.csv", c.csv)
		mustRun(t, dir, "etl", "sales.csv", "--replace", "--yes")
		if got := serving(t, dir).post(t, "/forecast_sales?store_id=1", ""); got.status != http.StatusConflict || !strings.Contains(got.body, c.want) {
			t.Errorf("%s: %d %s, want %s", keys, got.status, got.body, c.want)
		}
	}
}
