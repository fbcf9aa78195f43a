//go:build unix

package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/salesctl/salesctl/pkg/model"
	"github.com/salesctl/salesctl/testdata"
)

// rowWriter writes rows of float32, the target last, to the training or the test
// table of a folder.
type rowWriter struct {
	train, test *bufio.Writer
	files       []*os.File
}

// newTables begins the tables of a folder, whose rows have width numbers with
// the target.
func newTables(folder string, width int) (*rowWriter, error) {
	if err := os.WriteFile(filepath.Join(folder, "width"), []byte(strconv.Itoa(width)), 0o600); err != nil {
		return nil, err
	}
	w := &rowWriter{}
	for _, t := range []struct {
		name string
		to   **bufio.Writer
	}{{"train.f32", &w.train}, {"test.f32", &w.test}} {
		f, err := os.Create(filepath.Join(folder, t.name))
		if err != nil {
			return nil, errors.Join(err, w.close())
		}
		w.files = append(w.files, f)
		*t.to = bufio.NewWriterSize(f, 1<<20)
	}
	return w, nil
}

func (w *rowWriter) add(test bool, row []float32) error {
	to := w.train
	if test {
		to = w.test
	}
	return binary.Write(to, binary.LittleEndian, row)
}

func (w *rowWriter) close() error {
	var errs []error
	for i, b := range []*bufio.Writer{w.train, w.test} {
		if b != nil {
			errs = append(errs, b.Flush(), w.files[i].Close())
		}
	}
	return errors.Join(errs...)
}

// bigWidth is the number of features of the large table.
const bigWidth = 30

// writeBig writes rows of made-up numbers, four in five of them to train on: the
// target is Friedman's first function (Multivariate Adaptive Regression Splines,
// 1991) of five features, with steps, an interaction of five others and noise.
func writeBig(folder string, rows int) error {
	w, err := newTables(folder, bigWidth+1)
	if err != nil {
		return err
	}
	random := rand.New(rand.NewPCG(20260701, 0))
	row := make([]float32, bigWidth+1)
	for r := range rows {
		for c := range bigWidth {
			row[c] = float32(random.Float64())
			if c%3 == 2 {
				row[c] = float32(random.NormFloat64())
			}
		}
		x := func(c int) float64 { return float64(row[c]) }
		y := 10*math.Sin(math.Pi*x(0)*x(1)) + 5*x(2)*x(2) + 10*x(3) + 5*x(4) + 3*x(5)*x(6)
		if x(7) > 0.3 && x(8) > 0 {
			y += 4
		}
		row[bigWidth] = float32(y + 2*math.Floor(4*x(9)) + 2*random.NormFloat64())
		if err := w.add(r%5 == 4, row); err != nil {
			return errors.Join(err, w.close())
		}
	}
	return w.close()
}

// stores is the number of stores of the sample.
const stores = 45

// writeSample writes the rows of the sample with features like the Python
// original's: the row's own columns, the sales of one and two weeks before, the
// calendar, and one column a store. The rows of testdata/seed_test_rows.csv are
// those to test on.
func writeSample(folder string) error {
	records, err := csv.NewReader(bytes.NewReader(testdata.Walmart)).ReadAll()
	if err != nil {
		return err
	}
	held, err := csv.NewReader(bytes.NewReader(testdata.TestRows)).ReadAll()
	if err != nil {
		return err
	}
	test := map[[2]string]bool{}
	for _, r := range held[1:] {
		test[[2]string{r[0], r[1]}] = true
	}
	const own = 11
	w, err := newTables(folder, own+stores+1)
	if err != nil {
		return err
	}
	nan := float32(math.NaN())
	past := map[string][2]float32{}
	for _, r := range records[1:] { // by store and then date, as they stand
		row, day, err := sampleRow(r, own)
		if err != nil {
			return errors.Join(err, w.close())
		}
		before, ok := past[r[0]]
		if !ok {
			before = [2]float32{nan, nan}
		}
		row[5], row[6] = before[0], before[1]
		past[r[0]] = [2]float32{row[own+stores], before[0]}
		if err := w.add(test[[2]string{r[0], day.Format(time.DateOnly)}], row); err != nil {
			return errors.Join(err, w.close())
		}
	}
	return w.close()
}

// sampleRow reads a line of the sample: store, date, sales, holiday and four
// columns of the week. It leaves columns 5 and 6 to the sales of weeks before.
func sampleRow(r []string, own int) (row []float32, day time.Time, err error) {
	row = make([]float32, own+stores+1)
	numbers := make([]float64, len(r))
	for c, text := range r {
		if c == 1 {
			day, err = time.Parse("02-01-2006", text)
		} else {
			numbers[c], err = strconv.ParseFloat(text, 64)
		}
		if err != nil {
			return nil, day, err
		}
	}
	for c := range 5 {
		row[c] = float32(numbers[3+c])
	}
	_, week := day.ISOWeek()
	row[7], row[8], row[9], row[10] = float32(day.Year()), float32(day.Month()), float32(week), float32(day.Day())
	if s := int(numbers[0]); s >= 1 && s <= stores {
		row[own+s-1] = 1
	}
	row[own+stores] = float32(numbers[2])
	return row, day, nil
}

// readTable reads one of a folder's tables.
func readTable(folder, name string) (model.Dataset, error) {
	text, err := os.ReadFile(filepath.Join(folder, "width"))
	if err != nil {
		return model.Dataset{}, err
	}
	width, err := strconv.Atoi(string(text))
	if err != nil {
		return model.Dataset{}, err
	}
	f, err := os.Open(filepath.Join(folder, name))
	if err != nil {
		return model.Dataset{}, err
	}
	d, err := readRows(f, width)
	return d, errors.Join(err, f.Close())
}

func readRows(f *os.File, width int) (model.Dataset, error) {
	info, err := f.Stat()
	if err != nil {
		return model.Dataset{}, err
	}
	rows := int(info.Size()) / (4 * width)
	d := model.Dataset{X: model.NewFrame(make([]string, width-1), nil, rows), Y: make([]float64, rows)}
	in := bufio.NewReaderSize(f, 1<<20)
	line := make([]byte, 4*width)
	for r := range rows {
		if _, err := io.ReadFull(in, line); err != nil {
			return d, fmt.Errorf("row %d: %w", r, err)
		}
		for c, col := range d.X.Cols {
			col[r] = math.Float32frombits(binary.LittleEndian.Uint32(line[4*c:]))
		}
		d.Y[r] = float64(math.Float32frombits(binary.LittleEndian.Uint32(line[4*(width-1):])))
	}
	return d, nil
}
