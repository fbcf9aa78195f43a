package modeltest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/salesctl/salesctl/pkg/model"
)

// Learner runs the suite for an algorithm that learns from rows. learner makes
// it, small and seeded; unmarshal is its package's reader of what
// MarshalBinary writes.
func Learner(t *testing.T, learner func() model.Learner, unmarshal func([]byte) (model.Regressor, error)) {
	t.Helper()
	runAll(t, learnerSuite{learner, unmarshal}.checks())
}

type learnerSuite struct {
	learner   func() model.Learner
	unmarshal func([]byte) (model.Regressor, error)
}

func (s learnerSuite) checks() []check {
	return append([]check{
		{"fits the same bytes twice", s.deterministic},
		{"accepts a validation set", s.validation},
		{"predicts a row as it predicts a frame", s.rowEqualsFrame},
		{"importances sum to one", s.importances},
		{"refuses a wrong width", s.wrongWidth},
		{"refuses a dst of another length", s.wrongLength},
		{"leaves its input alone", s.inputUnchanged},
		{"looks at its own rows only", s.subset},
		{"takes no weights for weights of one", s.unitWeights},
		{"round trip", s.roundTrip},
		{"survives damaged bytes", s.damaged},
		{"stops when cancelled", s.cancelled},
		{"concurrent predictions", s.concurrent},
		{"constant target", s.constant},
		{"missing values", s.missing},
		{"refuses empty data", s.empty},
		{"one row", s.oneRow},
		{"constant columns", s.constantColumns},
		{"nothing but missing values", s.allMissing},
		{"duplicates", s.duplicates},
		{"more bins than values", s.fewRows},
		{"refuses targets and weights that are no numbers", s.oddNumbers},
		{"numbers near overflow", s.huge},
		{"rows of weight zero count for nothing", s.zeroWeights},
		{"a category never seen", s.newCategory},
	}, s.explanations()...)
}

const (
	tableRows  = 240
	tableWidth = 6
)

// table returns rows of four numeric columns, one of few values and one of
// categories, and a target that depends on some of them.
func table(seed uint64) model.Dataset {
	rng := rand.New(rand.NewPCG(seed, 2))
	kinds := make([]model.Kind, tableWidth)
	kinds[5] = model.Categorical
	x := model.NewFrame([]string{"a", "b", "c", "d", "few", "category"}, kinds, tableRows)
	y := make([]float64, tableRows)
	for r := range y {
		row := []float32{
			rng.Float32(), float32(rng.NormFloat64()), rng.Float32() * 1e6, rng.Float32(),
			float32(rng.IntN(3)), float32(rng.IntN(5)),
		}
		x.SetRow(r, row)
		y[r] = 1000 + 300*float64(row[0]) + 50*float64(row[1]) + 80*float64(row[5]) + 5*rng.NormFloat64()
	}
	return model.Dataset{X: x, Y: y}
}

func (s learnerSuite) fit(train model.Dataset) (model.Regressor, error) {
	return s.learner().Fit(context.Background(), train, model.Dataset{})
}

// fitted returns a model of the suite's table and the table.
func (s learnerSuite) fitted() (model.Regressor, model.Dataset, error) {
	train := table(1)
	m, err := s.fit(train)
	return m, train, err
}

// predict returns the predictions of m for all rows of x, in a dst that no
// prediction was written to before.
func predict(m model.Regressor, x *model.Frame) ([]float64, error) {
	dst := make([]float64, x.Len())
	for i := range dst {
		dst[i] = math.NaN()
	}
	if err := m.Predict(dst, x); err != nil {
		return nil, err
	}
	return dst, nil
}

func (s learnerSuite) deterministic() error {
	var stored [2][]byte
	for i := range stored {
		m, _, err := s.fitted()
		if err != nil {
			return err
		}
		if stored[i], err = m.MarshalBinary(); err != nil {
			return err
		}
	}
	if !bytes.Equal(stored[0], stored[1]) {
		return errors.New("two fits of the same data are stored as different bytes")
	}
	return nil
}

func (s learnerSuite) validation() error {
	train, valid := table(1), table(2)
	m, err := s.learner().Fit(context.Background(), train, valid)
	if err != nil {
		return err
	}
	p, err := predict(m, valid.X)
	return errors.Join(err, finite("prediction", p))
}

func (s learnerSuite) rowEqualsFrame() error {
	m, train, err := s.fitted()
	if err != nil {
		return err
	}
	rows, ok := m.(model.RowPredictor)
	if !ok {
		return nil
	}
	whole, err := predict(m, train.X)
	if err != nil {
		return err
	}
	single, row := make([]float64, len(whole)), make([]float32, train.X.Width())
	for r := range single {
		train.X.Row(row, r)
		single[r] = rows.PredictRow(row)
	}
	return sameBits("frame, then row", whole, single)
}

func (s learnerSuite) importances() error {
	m, train, err := s.fitted()
	if err != nil {
		return err
	}
	im, ok := m.(model.Importancer)
	if !ok {
		return nil
	}
	return shares(im.Importances(), train.X.Width())
}

func (s learnerSuite) wrongWidth() error {
	m, train, err := s.fitted()
	if err != nil {
		return err
	}
	names := append(slices.Clone(train.X.Names), "one too many")
	for _, width := range []int{0, tableWidth - 1, tableWidth + 1} {
		x := model.NewFrame(names[:width], nil, 3)
		if m.Predict(make([]float64, x.Len()), x) == nil {
			return fmt.Errorf("a frame of %d columns was predicted by a model of %d", width, tableWidth)
		}
	}
	return nil
}

func (s learnerSuite) wrongLength() error {
	m, train, err := s.fitted()
	if err != nil {
		return err
	}
	for _, n := range []int{0, tableRows - 1, tableRows + 1} {
		if m.Predict(make([]float64, n), train.X) == nil {
			return fmt.Errorf("a frame of %d rows was predicted into %d values", tableRows, n)
		}
	}
	return nil
}

func (s learnerSuite) inputUnchanged() error {
	got, want := table(1), table(1)
	for _, d := range []*model.Dataset{&got, &want} {
		d.Rows = []int32{200, 3, 5, 7, 90, 91, 92, 93, 94, 95, 11, 13}
		d.Weight = slices.Repeat([]float64{1, 2}, tableRows/2)
	}
	m, err := s.fit(got)
	if err != nil {
		return err
	}
	if _, err := predict(m, got.X); err != nil {
		return err
	}
	if diff := cmp.Diff(want, got); diff != "" {
		return fmt.Errorf("the data changed (-before +after):\n%s", diff)
	}
	return nil
}

func (s learnerSuite) subset() error {
	var stored [2][]byte
	for i := range stored {
		train := table(1)
		for r := range int32(tableRows / 2) {
			train.Rows = append(train.Rows, 2*r)
			if i == 1 {
				train.Y[2*r+1] = 1e12
			}
		}
		m, err := s.fit(train)
		if err != nil {
			return err
		}
		if stored[i], err = m.MarshalBinary(); err != nil {
			return err
		}
	}
	if !bytes.Equal(stored[0], stored[1]) {
		return errors.New("the targets of rows outside the dataset change the model")
	}
	return nil
}

func (s learnerSuite) unitWeights() error {
	m, train, err := s.fitted()
	if err != nil {
		return err
	}
	train.Weight = slices.Repeat([]float64{1}, tableRows)
	weighted, err := s.fit(train)
	if err != nil {
		return err
	}
	a, errA := predict(m, train.X)
	b, errB := predict(weighted, train.X)
	return errors.Join(errA, errB, sameBits("no weights, then ones", a, b))
}

func (s learnerSuite) roundTrip() error {
	m, train, err := s.fitted()
	if err != nil {
		return err
	}
	stored, err := m.MarshalBinary()
	if err != nil {
		return err
	}
	read, err := s.unmarshal(bytes.Clone(stored))
	if err != nil {
		return err
	}
	again, err := read.MarshalBinary()
	if err != nil {
		return err
	}
	if !bytes.Equal(stored, again) {
		return errors.New("a model that was read is stored as other bytes")
	}
	a, errA := predict(m, train.X)
	b, errB := predict(read, train.X)
	return errors.Join(errA, errB, sameBits("before, then after", a, b))
}

func (s learnerSuite) damaged() error {
	m, train, err := s.fitted()
	if err != nil {
		return err
	}
	stored, err := m.MarshalBinary()
	if err != nil {
		return err
	}
	dst := make([]float64, train.X.Len())
	return survivesDamage(stored, func(data []byte) error {
		m, err := s.unmarshal(data)
		if err != nil {
			return wantIntegrity(err)
		}
		_ = m.Predict(dst, train.X) // any answer will do, a panic will not
		return nil
	})
}

func (s learnerSuite) cancelled() error {
	_, err := s.learner().Fit(cancelled(), table(1), model.Dataset{})
	return wantCancelled("Fit", err)
}

func (s learnerSuite) concurrent() error {
	m, train, err := s.fitted()
	if err != nil {
		return err
	}
	want, err := predict(m, train.X)
	if err != nil {
		return err
	}
	return concurrently(func() error {
		got, err := predict(m, train.X)
		return errors.Join(err, sameBits("alone, then among others", want, got))
	})
}

func (s learnerSuite) constant() error {
	train := table(1)
	for r := range train.Y {
		train.Y[r] = 123456.75
	}
	m, err := s.fit(train)
	if err != nil {
		return err
	}
	p, err := predict(m, train.X)
	return errors.Join(err, allNear("prediction", p, 123456.75, 1e-5))
}

func (s learnerSuite) missing() error {
	train, nan := table(1), float32(math.NaN())
	for c, col := range train.X.Cols {
		for r := c; r < len(col); r += 7 {
			col[r] = nan
		}
	}
	for r := range train.X.Cols[3] {
		train.X.Cols[3][r] = nan
	}
	m, err := s.fit(train)
	if err != nil {
		return err
	}
	p, err := predict(m, train.X)
	return errors.Join(err, finite("prediction", p))
}

func (s learnerSuite) empty() error {
	noRows := table(1)
	noRows.Rows = []int32{}
	for _, d := range []model.Dataset{{}, noRows, {X: model.NewFrame([]string{"a"}, nil, 0)}} {
		if _, err := s.fit(d); err == nil {
			return errors.New("a model was fitted to no rows")
		}
	}
	return nil
}
