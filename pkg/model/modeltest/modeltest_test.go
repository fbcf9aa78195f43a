package modeltest

import (
	"context"
	"encoding/binary"
	"errors"
	"iter"
	"math"
	"slices"
	"testing"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/model"
)

// flaw is one way in which the models of this test break their promises.
type flaw string

const (
	none            flaw = ""
	changesBytes    flaw = "stores other bytes each time"
	changesInput    flaw = "writes into its input"
	ignoresRows     flaw = "learns from rows that are not its own"
	ignoresLength   flaw = "does not look at the length of dst"
	ignoresWidth    flaw = "does not look at the width"
	ignoresContext  flaw = "does not look at the context"
	ignoresMissing  flaw = "lets a missing value through"
	ignoresEmpty    flaw = "fits no data"
	ignoresSteps    flaw = "does not look at the steps"
	trustsBytes     flaw = "panics on short bytes"
	losesBytes      flaw = "reads back another number"
	rowDiffers      flaw = "predicts a row otherwise"
	offConstant     flaw = "misses a constant"
	badImportances  flaw = "has importances beyond one"
	badCovers       flaw = "has cover importances beyond one"
	badWorths       flaw = "has contributions that are not its prediction"
	earlyEnd        flaw = "ends before its last stage"
	heavyWeights    flaw = "doubles for weights of one"
	refusesValid    flaw = "refuses a validation set"
	remembers       flaw = "keeps state between forecasts"
	pathDepends     flaw = "its first step depends on the number of steps"
	unkindToShort   flaw = "refuses a short series without a kind"
	fewerValues     flaw = "answers for one step too few"
	refusesLonger   flaw = "refuses a longer history"
	emptyBytes      flaw = "stores nothing"
	panicsOnAltered flaw = "panics on altered bytes"
	lonely          flaw = "needs two rows"
	bimodal         flaw = "tells rows without a difference apart"
	crowded         flaw = "needs ten rows"
	trusts          flaw = "learns from what is no number"
	ignoresZeros    flaw = "learns from rows of weight zero"
	closed          flaw = "loses its mind over a new category"
	blind           flaw = "has no answer without any value"
	torn            flaw = "answers beyond two rows that disagree"
	boundless       flaw = "answers beyond all numbers"
	greedy          flaw = "takes much memory for damaged bytes"
	unkind          flaw = "refuses damaged bytes without a kind"
)

// mean is the least model of both sorts: it answers the mean of what it saw.
type mean struct {
	flaw  flaw
	value float64
	calls *int // counts what must not be counted
	kept  []byte
}

func (m mean) bug(f flaw) bool { return m.flaw == f }

func (m mean) Fit(ctx context.Context, train, valid model.Dataset) (model.Regressor, error) {
	if err := ctx.Err(); err != nil && !m.bug(ignoresContext) {
		return nil, err
	}
	if train.Len() == 0 && !m.bug(ignoresEmpty) {
		return nil, fault.New(fault.Invalid, "no rows")
	}
	if valid.Len() > 0 && m.bug(refusesValid) {
		return nil, errors.New("no validation set, please")
	}
	if err := train.Validate(); err != nil && !m.bug(trusts) {
		return nil, err
	}
	y := m.targets(train)
	if len(y) == 0 && !m.bug(ignoresEmpty) {
		return nil, fault.New(fault.Invalid, "no weight")
	}
	if m.bug(lonely) && len(y) < 2 || m.bug(crowded) && len(y) < 10 {
		return nil, fault.New(fault.Invalid, "too few rows")
	}
	if m.bug(changesInput) {
		train.Y[0]++
	}
	fit := m.of(y)
	if math.IsInf(fit.value, 0) && !m.bug(boundless) {
		return nil, fault.New(fault.Invalid, "the targets are too large")
	}
	if m.bug(torn) && slices.Min(y) == 900 {
		fit.value = 1200
	}
	if train.Weight != nil && m.bug(heavyWeights) {
		fit.value *= 2
	}
	return fit, nil
}

// targets returns those of the rows that count.
func (m mean) targets(train model.Dataset) []float64 {
	if m.bug(ignoresRows) {
		return train.Y
	}
	var y []float64
	for i := range train.Len() {
		if r := train.Row(i); train.WeightOf(r) != 0 || m.bug(ignoresZeros) {
			y = append(y, train.Y[r])
		}
	}
	return y
}

func (m mean) of(y []float64) mean {
	sum, n := 0.0, 0.0
	for _, v := range y {
		if !math.IsNaN(v) || m.bug(ignoresMissing) {
			sum += v
			n++
		}
	}
	m.value = sum / max(n, 1)
	if m.bug(offConstant) {
		m.value *= 1.01
	}
	return m
}

func (m mean) Predict(dst []float64, x *model.Frame) error {
	if x.Width() != tableWidth && !m.bug(ignoresWidth) {
		return errors.New("wrong width")
	}
	if x.Len() != len(dst) && !m.bug(ignoresLength) {
		return errors.New("wrong length")
	}
	for i := range dst {
		dst[i] = m.value
		if m.bug(bimodal) && i%2 == 1 {
			dst[i]++
		}
		if m.bug(closed) && i < x.Len() && x.Cols[5][i] > 4 {
			dst[i] = math.Inf(1)
		}
		if m.bug(blind) && i < x.Len() && x.Cols[4][i] != x.Cols[4][i] && x.Cols[5][i] != x.Cols[5][i] {
			dst[i] = math.Inf(-1)
		}
		if m.bug(ignoresMissing) && i < x.Len() && x.Cols[0][i] != x.Cols[0][i] {
			dst[i] = math.NaN()
		}
	}
	return nil
}

func (m mean) PredictRow([]float32) float64 {
	if m.bug(rowDiffers) {
		return math.Nextafter(m.value, 0)
	}
	return m.value
}

func (m mean) CoverImportances() []float64 {
	w := make([]float64, tableWidth)
	if w[0] = 1; m.bug(badCovers) {
		w[1] = 0.1
	}
	return w
}

func (m mean) Contributions(dst []float64, x *model.Frame) error {
	if len(dst) != x.Len()*(tableWidth+1) {
		return errors.New("wrong length")
	}
	clear(dst)
	for r := range x.Len() {
		if dst[r*(tableWidth+1)+tableWidth] = m.value; m.bug(badWorths) {
			dst[r*(tableWidth+1)] = 1
		}
	}
	return nil
}

func (m mean) Stages(x *model.Frame) iter.Seq[[]float64] {
	said := make([]float64, x.Len())
	return func(yield func([]float64) bool) {
		if !yield(said) || m.bug(earlyEnd) {
			return
		}
		_ = m.Predict(said, x)
		yield(said)
	}
}

func (m mean) Importances() []float64 {
	w := make([]float64, tableWidth)
	w[0] = 1
	if m.bug(badImportances) {
		w[1] = 1
	}
	return w
}

func (m mean) MarshalBinary() ([]byte, error) {
	value := m.value
	if m.bug(changesBytes) {
		*m.calls++
		value += float64(*m.calls)
	}
	if m.bug(emptyBytes) {
		return nil, nil
	}
	return binary.LittleEndian.AppendUint64(nil, math.Float64bits(value)), nil
}

func (m mean) read(data []byte) (mean, error) {
	if len(data) != 8 && !m.bug(trustsBytes) && !m.bug(emptyBytes) {
		if m.bug(unkind) {
			return mean{}, errors.New("want 8 bytes")
		}
		return mean{}, fault.New(fault.Integrity, "want 8 bytes").WithHint("train again")
	}
	if m.bug(greedy) {
		m.kept = make([]byte, 1<<26)
	}
	if m.bug(emptyBytes) {
		return m, nil
	}
	m.value = math.Float64frombits(binary.LittleEndian.Uint64(data))
	if m.bug(losesBytes) {
		m.value = float64(float32(m.value))
	}
	if m.bug(panicsOnAltered) && (m.value < 0 || m.value > 1e9) {
		panic("altered")
	}
	return m, nil
}

// local is mean as a model.Local, and its own fit.
type local struct{ mean }

func (l local) FitSeries(ctx context.Context, s model.Series) (model.LocalFit, error) {
	if err := ctx.Err(); err != nil && !l.bug(ignoresContext) {
		return nil, err
	}
	if err := l.refuse(s); err != nil {
		return nil, err
	}
	if l.bug(changesInput) {
		s.Y[0]++
	}
	return local{l.of(s.Y)}, nil
}

func (l local) refuse(s model.Series) error {
	if l.bug(ignoresEmpty) {
		return nil
	}
	if l.bug(unkindToShort) && len(s.Y) < 10 && len(s.Y) > 1 && s.Y[1] == s.Y[1] {
		return errors.New("too short")
	}
	if !slices.ContainsFunc(s.Y, func(v float64) bool { return v == v }) {
		return fault.New(fault.Invalid, "no values")
	}
	return nil
}

func (l local) Forecast(ctx context.Context, h int, s model.Series, _ *model.Frame) (model.Path, error) {
	if err := ctx.Err(); err != nil && !l.bug(ignoresContext) {
		return model.Path{}, err
	}
	if h <= 0 && !l.bug(ignoresSteps) {
		return model.Path{}, fault.New(fault.Usage, "%d steps", h)
	}
	if l.bug(refusesLonger) && len(s.Y) > seriesLen {
		return model.Path{}, errors.New("unknown periods")
	}
	if err := l.refuse(s); err != nil {
		return model.Path{}, err
	}
	value := l.value
	if l.bug(remembers) && len(s.Y) > seriesLen {
		*l.calls++
	}
	value += float64(*l.calls)
	if l.bug(pathDepends) {
		value += float64(h)
	}
	if l.bug(fewerValues) {
		h--
	}
	return model.Path{Mean: slices.Repeat([]float64{value}, max(h, 0))}, nil
}

func learnerChecks(f flaw) []check {
	m := mean{flaw: f, calls: new(int)}
	return learnerSuite{
		func() model.Learner { return m },
		func(b []byte) (model.Regressor, error) { return m.read(b) },
	}.checks()
}

func localChecks(f flaw) []check {
	m := mean{flaw: f, calls: new(int)}
	return localSuite{
		func() model.Local { return local{m} },
		func(b []byte) (model.LocalFit, error) { m, err := m.read(b); return local{m}, err },
	}.checks()
}

func TestSoundModelsPass(t *testing.T) {
	runAll(t, learnerChecks(none))
	runAll(t, localChecks(none))
}

func TestLearnerFindsFlaws(t *testing.T) {
	found(t, learnerChecks, map[flaw]string{
		changesBytes:    "fits the same bytes twice",
		changesInput:    "leaves its input alone",
		ignoresRows:     "looks at its own rows only",
		ignoresLength:   "refuses a dst of another length",
		ignoresWidth:    "refuses a wrong width",
		ignoresContext:  "stops when cancelled",
		ignoresMissing:  "missing values",
		ignoresEmpty:    "refuses empty data",
		trustsBytes:     "survives damaged bytes",
		panicsOnAltered: "survives damaged bytes",
		emptyBytes:      "survives damaged bytes",
		losesBytes:      "round trip",
		rowDiffers:      "predicts a row as it predicts a frame",
		offConstant:     "constant target",
		badImportances:  "importances sum to one",
		badCovers:       "cover importances sum to one",
		badWorths:       "contributions add up to predictions",
		earlyEnd:        "stages end in the predictions",
		heavyWeights:    "takes no weights for weights of one",
		refusesValid:    "accepts a validation set",
		lonely:          "one row",
		bimodal:         "constant columns",
		crowded:         "more bins than values",
		trusts:          "refuses targets and weights that are no numbers",
		ignoresZeros:    "rows of weight zero count for nothing",
		closed:          "a category never seen",
		blind:           "nothing but missing values",
		torn:            "duplicates",
		boundless:       "numbers near overflow",
		greedy:          "survives damaged bytes",
		unkind:          "survives damaged bytes",
	})
}

func TestLocalFindsFlaws(t *testing.T) {
	found(t, localChecks, map[flaw]string{
		changesBytes:    "fits the same bytes twice",
		changesInput:    "leaves its input alone",
		ignoresContext:  "stops when cancelled",
		ignoresMissing:  "missing periods",
		ignoresEmpty:    "refuses a series without values",
		ignoresSteps:    "refuses steps below one",
		trustsBytes:     "survives damaged bytes",
		unkind:          "survives damaged bytes",
		panicsOnAltered: "survives damaged bytes",
		losesBytes:      "round trip",
		offConstant:     "constant series",
		remembers:       "forecasts from a longer history",
		refusesLonger:   "forecasts from a longer history",
		pathDepends:     "a longer path begins with the shorter",
		unkindToShort:   "short series",
		fewerValues:     "answers for each step",
	})
}

// found checks that each flaw is caught by the check that looks for it.
func found(t *testing.T, checks func(flaw) []check, flaws map[flaw]string) {
	t.Helper()
	for f, name := range flaws {
		t.Run(string(f), func(t *testing.T) {
			all := checks(f)
			i := slices.IndexFunc(all, func(c check) bool { return c.name == name })
			if i < 0 {
				t.Fatalf("no check is named %q", name)
			}
			if all[i].run() == nil {
				t.Errorf("check %q passed", name)
			}
		})
	}
}

func TestConcurrentlyJoinsErrors(t *testing.T) {
	if err := concurrently(func() error { return errors.New("one") }); err == nil {
		t.Error("the callers' errors were lost")
	}
}
