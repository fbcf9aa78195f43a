// Arima fits ARIMA(5,1,0) to the 45 stores of the sample, one after the other on
// one processor, and tells how long that takes and how far log-likelihoods and
// forecasts are from what statsmodels says in testdata/arima510_statsmodels.json.
// Where PEERS_VENV names a venv with bench/requirements.txt in it, statsmodels
// fits the same stores in the same run, and is timed and compared too.
//
//	go run ./bench/arima
//	PEERS_VENV=$PWD/.venv go run ./bench/arima
package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/salesctl/salesctl/bench/peer"
	"github.com/salesctl/salesctl/pkg/model"
	"github.com/salesctl/salesctl/pkg/model/arima"
	"github.com/salesctl/salesctl/testdata"
)

// steps is how many weeks are forecast.
const steps = 8

//go:embed peers.py
var script []byte

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "arima:", err)
		os.Exit(1)
	}
}

// run prints times and differences.
func run(ctx context.Context, out io.Writer) error {
	stores, err := readStores()
	if err != nil {
		return err
	}
	stored, err := readStored()
	if err != nil {
		return err
	}
	ours, err := fitAll(ctx, stores)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(out, "ARIMA(5,1,0) of %d stores in %.3f s, the median of 3\n", len(ours.Stores), ours.Seconds)
	against(out, "testdata/arima510_statsmodels.json", ours, stored)
	venv := peer.Venv()
	if venv == "" {
		_, err := fmt.Fprintf(out, "skipped: statsmodels; %s\n", peer.HowTo)
		return err
	}
	theirs, err := askPeer(ctx, venv)
	if err != nil {
		return err
	}
	against(out, "statsmodels in this run", ours, theirs)
	_, err = fmt.Fprintf(out, "statsmodels took %.3f s, %.0f times ours\n", theirs.Seconds, theirs.Seconds/ours.Seconds)
	return err
}

// fits are the fits of all stores.
type fits struct {
	Seconds float64 // of the fits, without forecasts
	Stores  map[string]fit
}

// fit is what is compared of a store.
type fit struct {
	LLF       float64   // log-likelihood
	Forecast8 []float64 // dollars, of the weeks after the data
}

// fitAll fits every store, one after the other, and all of them three times, of
// which the time in the middle counts.
func fitAll(ctx context.Context, stores map[string][]float64) (fits, error) {
	m := arima.Model{Order: arima.Order{P: 5, D: 1}}
	all := map[string]model.LocalFit{}
	var seconds [3]float64
	for round := range seconds {
		began := time.Now()
		for store, y := range stores {
			f, err := m.FitSeries(ctx, model.Series{Y: y})
			if err != nil {
				return fits{}, fmt.Errorf("store %s: %w", store, err)
			}
			all[store] = f
		}
		seconds[round] = time.Since(began).Seconds()
	}
	slices.Sort(seconds[:])
	out := fits{Seconds: seconds[1], Stores: map[string]fit{}}
	for store, f := range all {
		path, err := f.Forecast(ctx, steps, model.Series{Y: stores[store]}, nil)
		if err != nil {
			return fits{}, fmt.Errorf("store %s: %w", store, err)
		}
		summed, ok := f.(*arima.Fit)
		if !ok {
			return fits{}, fmt.Errorf("store %s: %T has no summary", store, f)
		}
		out.Stores[store] = fit{LLF: summed.Summary().LogLikelihood, Forecast8: path.Mean}
	}
	return out, nil
}

// against prints how far ours are from the others.
func against(out io.Writer, name string, ours, others fits) {
	w := compare(ours, others)
	_, _ = fmt.Fprintf(out, "against %s: log-likelihood from %+.4f to %+.4f, forecasts within %.4f %% (store %s)\n",
		name, w.lowest, w.highest, 100*w.forecast, w.store)
}

// worst is the largest differences between ours and others.
type worst struct {
	lowest, highest float64 // of our log-likelihood less theirs
	forecast        float64 // of any week, as a share of their forecast
	store           string  // where the forecasts differ most
}

// compare finds the largest differences over all stores of the others. One that
// ours lack differs without bound.
func compare(ours, others fits) worst {
	w := worst{lowest: math.Inf(1), highest: math.Inf(-1)}
	for _, store := range slices.Sorted(maps.Keys(others.Stores)) {
		b := others.Stores[store]
		a, ok := ours.Stores[store]
		if !ok || len(a.Forecast8) != len(b.Forecast8) {
			return worst{math.Inf(-1), math.Inf(1), math.Inf(1), store}
		}
		w.lowest, w.highest = min(w.lowest, a.LLF-b.LLF), max(w.highest, a.LLF-b.LLF)
		for i, want := range b.Forecast8 {
			if d := math.Abs(a.Forecast8[i]/want - 1); d > w.forecast || w.store == "" || math.IsNaN(d) {
				w.forecast, w.store = d, store
			}
		}
	}
	return w
}

// readStored returns what statsmodels 0.15.0 made of the sample.
func readStored() (fits, error) {
	var f fits
	if err := json.Unmarshal(testdata.ARIMA, &f); err != nil {
		return f, fmt.Errorf("arima510_statsmodels.json: %w", err)
	}
	return f, nil
}

// readStores returns the weekly sales of each store, the oldest first, as they
// stand in the sample.
func readStores() (map[string][]float64, error) {
	records, err := csv.NewReader(bytes.NewReader(testdata.Walmart)).ReadAll()
	if err != nil {
		return nil, err
	}
	stores := map[string][]float64{}
	for _, r := range records[1:] {
		y, err := strconv.ParseFloat(r[2], 64)
		if err != nil {
			return nil, err
		}
		stores[r[0]] = append(stores[r[0]], y)
	}
	return stores, nil
}

// askPeer fits every store with statsmodels in the venv.
func askPeer(ctx context.Context, venv string) (fits, error) {
	var f fits
	err := peer.Run(ctx, venv, script, map[string][]byte{"walmart.csv": testdata.Walmart}, &f)
	return f, err
}
