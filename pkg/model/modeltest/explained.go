package modeltest

import (
	"fmt"
	"math"
	"slices"

	"github.com/salesctl/salesctl/pkg/model"
)

// explanations are the checks of what a model tells about itself.
func (s learnerSuite) explanations() []check {
	return []check{
		{"cover importances sum to one", s.coverImportances},
		{"contributions add up to predictions", s.contributions},
		{"stages end in the predictions", s.stages},
	}
}

func (s learnerSuite) coverImportances() error {
	m, train, err := s.fitted()
	if err != nil {
		return err
	}
	by, ok := m.(model.CoverImportancer)
	if !ok {
		return nil
	}
	return shares(by.CoverImportances(), train.X.Width())
}

// shares refuses what is not one number a column that sum to 1.
func shares(worth []float64, width int) error {
	sum := 0.0
	for _, w := range worth {
		sum += w
	}
	if len(worth) != width || !(math.Abs(sum-1) <= 1e-6) {
		return fmt.Errorf("importances %v: want %d that sum to 1", worth, width)
	}
	return nil
}

// contributions allows for predictions that are sums of float32.
func (s learnerSuite) contributions() error {
	m, train, err := s.fitted()
	if err != nil {
		return err
	}
	by, ok := m.(model.Contributor)
	if !ok {
		return nil
	}
	said, err := predict(m, train.X)
	if err != nil {
		return err
	}
	width := train.X.Width() + 1
	worth := slices.Repeat([]float64{math.NaN()}, width*train.X.Len())
	if err := by.Contributions(worth, train.X); err != nil {
		return err
	}
	for r, want := range said {
		sum := 0.0
		for _, v := range worth[r*width : (r+1)*width] {
			sum += v
		}
		if !(math.Abs(sum/want-1) <= 1e-6) {
			return fmt.Errorf("contributions of row %d sum to %v, the prediction is %v", r, sum, want)
		}
	}
	if by.Contributions(worth[1:], train.X) == nil {
		return fmt.Errorf("there was no room for a contribution, and no error")
	}
	return nil
}

func (s learnerSuite) stages() error {
	m, train, err := s.fitted()
	if err != nil {
		return err
	}
	by, ok := m.(model.Stager)
	if !ok {
		return nil
	}
	said, err := predict(m, train.X)
	if err != nil {
		return err
	}
	var last []float64
	for last = range by.Stages(train.X) {
	}
	for range by.Stages(train.X) {
		break // a caller may stop early
	}
	return sameBits("prediction, then last stage", said, last)
}
