package modeltest

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/model"
)

// Data that is odd but sound has to be learnt from; data that is not has to be
// refused.

// within reports the first prediction that is far from the targets of the suite's
// table.
func within(v []float64) error {
	for i, x := range v {
		if !(x >= 0 && x <= 5000) {
			return fmt.Errorf("prediction %d is %v, but the targets are about 1000", i, x)
		}
	}
	return nil
}

// oneRow asks for a model of one row, and of the same row many times.
func (s learnerSuite) oneRow() error {
	for _, times := range []int{1, 2, 100} {
		train := table(1)
		train.Rows = slices.Repeat([]int32{7}, times)
		m, err := s.fit(train)
		if err != nil {
			return fmt.Errorf("row %d times: %w", times, err)
		}
		p, err := predict(m, train.X)
		if err := errors.Join(err, allNear("prediction", p, train.Y[7], 1e-5)); err != nil {
			return fmt.Errorf("row %d times: %w", times, err)
		}
	}
	return nil
}

func (s learnerSuite) constantColumns() error {
	train := table(1)
	for _, col := range train.X.Cols {
		for r := range col {
			col[r] = 3
		}
	}
	m, err := s.fit(train)
	if err != nil {
		return err
	}
	p, err := predict(m, train.X)
	return errors.Join(err, within(p), allNear("prediction", p, p[0], 0))
}

// allMissing has no value at all, in the training and then in the question alone.
func (s learnerSuite) allMissing() error {
	blank := table(1)
	for _, col := range blank.X.Cols {
		for r := range col {
			col[r] = float32(math.NaN())
		}
	}
	m, err := s.fit(blank)
	if err != nil {
		return err
	}
	p, err := predict(m, blank.X)
	if err := errors.Join(err, within(p), allNear("prediction", p, p[0], 0)); err != nil {
		return err
	}
	if m, _, err = s.fitted(); err != nil {
		return err
	}
	p, err = predict(m, blank.X)
	return errors.Join(err, within(p), allNear("prediction", p, p[0], 0))
}

// duplicates has each row three times, and then rows that are the same but for
// their targets.
func (s learnerSuite) duplicates() error {
	train := table(1)
	for r := range int32(tableRows) {
		train.Rows = append(train.Rows, r, r, r)
	}
	m, err := s.fit(train)
	if err != nil {
		return err
	}
	p, err := predict(m, train.X)
	if err := errors.Join(err, within(p)); err != nil {
		return err
	}
	torn := table(1)
	row := make([]float32, tableWidth)
	torn.X.Row(row, 0)
	for r := range tableRows {
		torn.X.SetRow(r, row)
		torn.Y[r] = 900 + 200*float64(r%2)
	}
	if m, err = s.fit(torn); err != nil {
		return err
	}
	p, err = predict(m, torn.X)
	if err := errors.Join(err, allNear("prediction", p, p[0], 0)); err != nil {
		return err
	}
	if p[0] < 900 || p[0] > 1100 {
		return fmt.Errorf("the same row with targets of 900 and 1100 is predicted as %v", p[0])
	}
	return nil
}

// fewRows has fewer rows than any histogram has bins.
func (s learnerSuite) fewRows() error {
	for n := range int32(12) {
		train := table(1)
		train.Rows = append(train.Rows, n)
		for r := range n {
			train.Rows = append(train.Rows, r)
		}
		m, err := s.fit(train)
		if err != nil {
			return fmt.Errorf("%d rows: %w", len(train.Rows), err)
		}
		p, err := predict(m, train.X)
		if err := errors.Join(err, within(p)); err != nil {
			return fmt.Errorf("%d rows: %w", len(train.Rows), err)
		}
	}
	return nil
}

func (s learnerSuite) oddNumbers() error {
	for _, odd := range []float64{math.Inf(1), math.Inf(-1), math.NaN()} {
		target, weight := table(1), table(1)
		target.Y[100] = odd
		weight.Weight = slices.Repeat([]float64{1}, tableRows)
		weight.Weight[100] = odd
		_, errTarget := s.fit(target)
		_, errWeight := s.fit(weight)
		if err := errors.Join(
			wantInvalid(fmt.Sprintf("a target of %v", odd), errTarget),
			wantInvalid(fmt.Sprintf("a weight of %v", odd), errWeight),
		); err != nil {
			return err
		}
	}
	negative := table(1)
	negative.Weight = slices.Repeat([]float64{1}, tableRows)
	negative.Weight[0] = -1
	_, err := s.fit(negative)
	return wantInvalid("a negative weight", err)
}

// huge has targets and then features of sizes at which sums overflow. They may be
// refused; what is learnt from them has to be sound.
func (s learnerSuite) huge() error {
	targets, features := table(1), table(1)
	for r := range targets.Y {
		targets.Y[r] *= 1e305
		features.X.Cols[0][r] *= 3e38
		features.X.Cols[1][r] *= -1e-38
	}
	for name, train := range map[string]model.Dataset{"targets": targets, "features": features} {
		m, err := s.fit(train)
		if fault.Is(err, fault.Invalid) {
			continue
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		p, err := predict(m, train.X)
		if err := errors.Join(err, finite("prediction", p)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		stored, err := m.MarshalBinary()
		if err == nil {
			_, err = s.unmarshal(stored)
		}
		if err != nil {
			return fmt.Errorf("%s: the model cannot be stored and read: %w", name, err)
		}
	}
	return nil
}

// zeroWeights expects the model of the other rows alone, and none of no rows.
func (s learnerSuite) zeroWeights() error {
	train, others := table(1), table(1)
	train.Weight = slices.Repeat([]float64{1}, tableRows)
	for r := range tableRows {
		if r%2 == 0 {
			train.Weight[r], train.Y[r] = 0, 1e12
		} else {
			others.Rows = append(others.Rows, int32(r))
		}
	}
	weighted, err := s.fit(train)
	if err != nil {
		return err
	}
	picked, err := s.fit(others)
	if err != nil {
		return err
	}
	a, errA := predict(weighted, train.X)
	b, errB := predict(picked, train.X)
	if err := errors.Join(errA, errB, sameBits("rows without weight, then none of them", a, b)); err != nil {
		return err
	}
	clear(train.Weight)
	_, err = s.fit(train)
	return wantInvalid("rows of weight zero alone", err)
}

// newCategory asks for rows whose category no row of the training had.
func (s learnerSuite) newCategory() error {
	m, train, err := s.fitted()
	if err != nil {
		return err
	}
	for _, code := range []float32{5, 200, 1e9, -1, 0.5} {
		x := model.NewFrame(train.X.Names, train.X.Kinds, tableRows)
		for c, col := range train.X.Cols {
			copy(x.Cols[c], col)
		}
		for r := range x.Cols[5] {
			x.Cols[5][r] = code
		}
		p, err := predict(m, x)
		if err := errors.Join(err, within(p)); err != nil {
			return fmt.Errorf("category %v: %w", code, err)
		}
	}
	return nil
}
