// Command sqlite measures the store on the sample: a load, the same load again,
// and what a fresh process waits for its panel. With -rows it also loads a
// generated file and tells the memory that it took, which must not grow with the
// file. Each figure is the median of several runs.
//
//	go run ./bench/sqlite -rows 1000000
package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"flag"
	"fmt"
	"iter"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/salesctl/salesctl/pkg/sales"
	"github.com/salesctl/salesctl/pkg/store"
	"github.com/salesctl/salesctl/testdata"
)

func main() {
	log.SetFlags(0)
	runs := flag.Int("runs", 15, "repetitions of each measurement")
	rows := flag.Int("rows", 0, "rows of a generated file to load too")
	panel := flag.String("panel", "", "only open this database and read its panel")
	flag.Parse()
	var err error
	if *panel != "" {
		err = read(context.Background(), *panel)
	} else {
		err = measure(context.Background(), *runs, *rows)
	}
	if err != nil {
		log.Fatal(err)
	}
}

// measure prints the figures.
func measure(ctx context.Context, runs, rows int) error {
	if runs < 1 {
		return fmt.Errorf("%d runs, want at least 1", runs)
	}
	dir, err := os.MkdirTemp("", "sqlite")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	lines, err := sample()
	if err != nil {
		return err
	}
	var first, again, fresh []time.Duration
	for i := range runs {
		path := filepath.Join(dir, strconv.Itoa(i))
		for _, times := range []*[]time.Duration{&first, &again} {
			d, err := load(ctx, path, slices.Values(lines))
			if err != nil {
				return err
			}
			*times = append(*times, d)
		}
		begin := time.Now()
		if out, err := exec.CommandContext(ctx, os.Args[0], "-panel", path).CombinedOutput(); err != nil {
			return errors.Join(err, errors.New(string(out)))
		}
		fresh = append(fresh, time.Since(begin))
	}
	fmt.Printf("load %d rows       %8s\nload them again      %8s\npanel, fresh process %8s\n",
		len(lines), median(first), median(again), median(fresh))
	if rows == 0 {
		return nil
	}
	d, err := load(ctx, filepath.Join(dir, "long"), generated(rows))
	if err != nil {
		return err
	}
	status, err := os.ReadFile("/proc/self/status") // Linux only
	if err != nil {
		return err
	}
	_, peak, _ := strings.Cut(string(status), "VmHWM:")
	peak, _, _ = strings.Cut(strings.TrimSpace(peak), "\n")
	fmt.Printf("load %d rows    %8s, peak memory %s\n", rows, d.Round(time.Millisecond), peak)
	return nil
}

// median returns the duration in the middle.
func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2].Round(100 * time.Microsecond)
}

// source is a file with the columns of the sample.
func source() sales.Source {
	return sales.Source{
		Name: "bench", Digest: "bench",
		Schema: sales.Schema{Frequency: sales.Frequency{Ends: time.Friday}, KeyNames: []string{"store"},
			ColumnNames: []string{"holiday_flag", "temperature", "fuel_price", "cpi", "unemployment"}},
		Format: sales.Format{DateLayout: "02-01-2006", Keys: []string{"Store"}, Date: "Date", Target: "Weekly_Sales",
			Columns: []string{"Holiday_Flag", "Temperature", "Fuel_Price", "CPI", "Unemployment"}},
	}
}

// load opens the database, loads the lines and closes it.
func load(ctx context.Context, path string, lines iter.Seq[sales.Line]) (time.Duration, error) {
	begin := time.Now()
	s, err := store.Open(ctx, "sqlite:///"+path, store.Options{Create: true})
	if err != nil {
		return 0, err
	}
	_, err = s.Load(ctx, source(), func(yield func(sales.Line, error) bool) {
		for l := range lines {
			if !yield(l, nil) {
				return
			}
		}
	})
	err = errors.Join(err, s.Close())
	return time.Since(begin), err
}

// read opens the database and reads its panel, which a fresh process is timed by.
func read(ctx context.Context, path string) error {
	s, err := store.Open(ctx, "sqlite:///"+path, store.Options{})
	if err != nil {
		return err
	}
	_, err = s.Panel(ctx)
	return errors.Join(err, s.Close())
}

// sample reads the lines of the data set that ships with the program.
func sample() ([]sales.Line, error) {
	recs, err := csv.NewReader(bytes.NewReader(testdata.Walmart)).ReadAll()
	if err != nil {
		return nil, err
	}
	var lines []sales.Line
	for i, rec := range recs[1:] {
		day, err := time.Parse("02-01-2006", rec[1])
		if err != nil {
			return nil, err
		}
		values := make([]float64, len(rec)-2)
		for j := range values {
			if values[j], err = strconv.ParseFloat(rec[j+2], 64); err != nil {
				return nil, err
			}
		}
		lines = append(lines, sales.Line{Number: i + 2, Raw: strings.Join(rec, ","), Observation: sales.Observation{
			Key: sales.Key{rec[0]}, Period: sales.Date(day.Date()), Target: values[0], Columns: values[1:]}})
	}
	return lines, nil
}

// generated yields rows of 200 weeks a store.
func generated(rows int) iter.Seq[sales.Line] {
	return func(yield func(sales.Line) bool) {
		for i := range rows {
			l := sales.Line{Number: i + 2, Raw: strings.Repeat("x", 60), Observation: sales.Observation{
				Key: sales.Key{strconv.Itoa(i / 200)}, Period: sales.Date(2010, time.February, 5) + sales.Period(7*(i%200)),
				Target: float64(i) / 3, Columns: []float64{0, float64(i) / 7, 2.5, 211, 8}}}
			if !yield(l) {
				return
			}
		}
	}
}
