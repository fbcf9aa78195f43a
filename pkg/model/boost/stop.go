package boost

import (
	"math"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/model"
	"github.com/salesctl/salesctl/pkg/model/tree"
)

// StopsEarly reports whether early_stopping_rounds is set.
func (l *Learner) StopsEarly() bool { return l.options.EarlyStoppingRounds > 0 }

// Settled returns the Learner of as many rounds as the fitted Model has.
func (l *Learner) Settled(fitted model.Regressor) model.Learner {
	o := l.options
	o.EarlyStoppingRounds = 0
	if m, ok := fitted.(*Model); ok {
		o.NEstimators = m.Rounds()
	}
	return New(o)
}

// stopper watches the loss on the valid set. Without one it never stops.
type stopper struct {
	patience   int // rounds, 0 for no watching
	objective  objective
	valid      model.Dataset
	prediction []float32 // one a row of valid
	rounds     int
	best       int // rounds that had the lowest loss
	lowest     float64
}

func newStopper(o Options, valid model.Dataset, width int, base float32) (*stopper, error) {
	if o.EarlyStoppingRounds == 0 || valid.Len() == 0 {
		return &stopper{}, nil
	}
	if err := valid.Validate(); err != nil {
		return nil, err
	}
	if valid.X.Width() != width {
		return nil, fault.New(fault.Invalid, "valid set has %d features, but the training set has %d", valid.X.Width(), width)
	}
	s := &stopper{
		patience: o.EarlyStoppingRounds, objective: o.objective(), valid: valid, lowest: math.Inf(1),
		prediction: make([]float32, valid.Len()),
	}
	for i := range s.prediction {
		s.prediction[i] = base
	}
	return s, nil
}

// after takes note of the next tree and reports whether it is time to stop.
func (s *stopper) after(t *tree.Tree) bool {
	if s.patience == 0 {
		return false
	}
	s.rounds++
	if e := s.add(t); e < s.lowest {
		s.lowest, s.best = e, s.rounds
	}
	return s.rounds-s.best >= s.patience
}

// add adds the tree to the predictions and returns their loss.
func (s *stopper) add(t *tree.Tree) float64 {
	sum := 0.0
	for i := range s.prediction {
		r := s.valid.Row(i)
		s.prediction[i] += t.PredictAt(s.valid.X.Cols, r)
		loss := s.objective.loss(float64(s.prediction[i]) - s.valid.Y[r])
		sum += float64(s.valid.WeightOf(r) * loss)
	}
	return sum
}

// keep returns how many of n trees are the best to predict with.
func (s *stopper) keep(n int) int {
	if s.best > 0 {
		return s.best
	}
	return n
}
