//go:build unix

package main

import (
	"fmt"
	"slices"
	"strconv"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/salesctl/salesctl/testdata"
)

// bothShow is what testdata/e2e/two.py writes.
type bothShow struct {
	Races map[string][]string // the outcomes of calls that only one can win
	Shown []allShown          // by each server
}

// allShown is what one server shows.
type allShown struct {
	Runs     map[string]shownRun
	Common   []int
	Versions []int
	Alias    string
	Texts    map[string]string
}

type shownRun struct {
	Status, Tag string
	Params      map[string]string
	History     [][2]float64
}

// TestTwoServersOnOneDatabase lets two tracking servers make and use one MariaDB
// database at once. Stock Python and a training write through both: nothing is
// lost, nothing is there twice, and each server shows what came by the other.
func TestTwoServersOnOneDatabase(t *testing.T) {
	if testing.Short() {
		t.Skip("it trains")
	}
	peer(t, "python") // before anything is started
	keys := bucket(t)
	ours, theirs := secured(t, "two_mlflow")
	var uris []string
	var servers []*process
	for _, uri := range []string{ours, theirs} {
		p := start(t, t.TempDir(), append(keys, "SALESCTL_TRACKING_URI="+uri), "tracking", "serve", "--port", "0", "--artifacts-destination", "s3://bucket/two")
		servers = append(servers, p)
	}
	for _, p := range servers { // both have begun to make the tables
		uris = append(uris, string(p.address(t)))
	}
	shop := office{t.TempDir(), []string{"MLFLOW_TRACKING_URI=" + uris[0], "SALESCTL_TRAIN_FOLDS=1",
		"SALESCTL_TRAIN_RF={n_estimators: 5}", "SALESCTL_TRAIN_GBT={n_estimators: 5}"}}
	write(t, shop.dir, "sales.csv", string(testdata.Walmart))
	shop.run(t, "etl", "sales.csv")

	training := start(t, shop.dir, shop.environ, "train", "--yes")
	const runs = 24
	var got bothShow
	python(t, nil, "two.py", map[string]any{"uris": uris, "runs": runs}, &got)
	training.until(t, "version 1 of Sales-Forecasting registered: it is the champion")
	training.end(t, exitOK)

	for call, outcomes := range got.Races {
		want := append(slices.Repeat([]string{"RESOURCE_ALREADY_EXISTS"}, 7), "won")
		if diff := cmp.Diff(want, outcomes); diff != "" {
			t.Errorf("%s: %s", call, diff)
		}
	}
	want := expected(runs)
	for i, shown := range got.Shown {
		if diff := cmp.Diff(want, shown); diff != "" {
			t.Errorf("server %d: %s", i+1, diff)
		}
	}
	for _, uri := range uris {
		if rows := shop.with("MLFLOW_TRACKING_URI="+uri).rows(t, "forecast", "--store", "1", "--steps", "5"); len(rows) != 5 {
			t.Errorf("through %s: %v", uri, rows)
		}
	}
	for _, p := range servers {
		p.signal(t, syscall.SIGTERM)
		p.end(t, exitOK)
	}
}

// expected is what each server has to show after two.py.
func expected(runs int) allShown {
	want := allShown{Runs: map[string]shownRun{}, Alias: "3", Texts: map[string]string{"run 0": "text 0", "run 1": "text 1"}}
	for i := range runs {
		r := shownRun{Status: "FINISHED", Tag: strconv.Itoa(i), Params: map[string]string{"i": strconv.Itoa(i)}}
		for step := range 10 {
			r.History = append(r.History, [2]float64{float64(step), float64(i) + float64(step)/10})
		}
		want.Runs[fmt.Sprintf("run %d", i)] = r
		want.Common = append(want.Common, i)
		want.Versions = append(want.Versions, i+1)
	}
	return want
}
