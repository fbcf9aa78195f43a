package evaluate

import (
	"fmt"
	"math"
	"slices"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/metrics"
	"github.com/salesctl/salesctl/pkg/sales"
)

// Folds and periods of a backtest whose Options say nothing.
const (
	defaultFolds   = 3
	defaultHorizon = 8
)

// cell is one thing to forecast and what came.
type cell struct {
	key     sales.Key
	cutoff  sales.Period
	date    sales.Period
	horizon int
	actual  float64
	scale   float64 // of metrics.SeasonalScale
	size    float64 // of metrics.Scale
	root    float64 // of metrics.SeasonalRoot
	holiday bool
}

// fold is one cutoff and the cells it scores, by key and horizon.
type fold struct {
	cutoff sales.Period
	fit    sales.Period // the cutoff of the newest fit, this one or an earlier
	cells  []cell
	future *sales.Panel // what is known of the periods after the cutoff; may be nil
}

// plan is everything that is settled before a model is asked.
type plan struct {
	panel    sales.Panel
	window   int                     // periods that a model sees; 0: all
	holiday  func(sales.Period) bool // may be nil
	levels   []float64
	asked    Folds // without what running it finds
	folds    []fold
	observe  bool // without observing there is no answer: the one-step table
	horizon  string
	known    string
	warnings []string
	unknown  skipped // no actual to fit on
	stale    skipped // the newest actual too far back
}

// skipped counts what no model is asked for.
type skipped struct {
	rows  int
	first cell
}

// add counts the cells of one series.
func (s *skipped) add(cells []cell) {
	if s.rows == 0 {
		s.first = cells[0]
	}
	s.rows += len(cells)
}

// planBacktest lays out the folds of a backtest.
func planBacktest(p sales.Panel, o Options) (*plan, error) {
	if o.Folds < 0 || o.Horizon < 0 || o.Gap < 0 || o.Window < 0 {
		return nil, fault.New(fault.Usage, "folds %d, horizon %d, gap %d, window %d: none may be negative",
			o.Folds, o.Horizon, o.Gap, o.Window)
	}
	horizon := o.Horizon
	if horizon == 0 {
		horizon = defaultHorizon
	}
	if horizon+o.Gap > sales.MaxSteps {
		return nil, fault.New(fault.Usage, "horizon %d and gap %d reach %d periods ahead, the most is %d",
			horizon, o.Gap, horizon+o.Gap, sales.MaxSteps)
	}
	cutoffs, err := chooseCutoffs(p, o, horizon)
	if err != nil {
		return nil, err
	}
	noun := p.Frequency.Noun()
	pl := &plan{
		panel:   p,
		window:  o.Window,
		holiday: o.Holiday,
		levels:  o.Levels,
		asked:   Folds{Horizon: horizon, Gap: o.Gap, Window: o.Window, Refit: o.Refit.String()},
		horizon: fmt.Sprintf("%d to %d %ss after the cutoff", o.Gap+1, o.Gap+horizon, noun),
		known:   fmt.Sprintf("everything up to the cutoff, nothing of the %ss after it", noun),
	}
	if o.Window > 0 {
		pl.known = fmt.Sprintf("the %d %ss up to the cutoff, nothing of the ones before and after", o.Window, noun)
	}
	for i, cutoff := range cutoffs {
		f := fold{cutoff: cutoff, fit: cutoff}
		if i > 0 && !o.Refit.due(i) {
			f.fit = pl.folds[i-1].fit
		}
		pl.addWindow(&f, o.Gap+1, o.Gap+horizon)
		pl.folds = append(pl.folds, f)
	}
	pl.warnSkipped()
	return pl, nil
}

// due reports whether the i-th cutoff is one to fit at.
func (r Refit) due(i int) bool { return i == 0 || r >= 0 && i%max(int(r), 1) == 0 }

// chooseCutoffs returns the cutoffs in order, given or spaced by the horizon so
// that no period is scored twice.
func chooseCutoffs(p sales.Panel, o Options, horizon int) ([]sales.Period, error) {
	start, origin := p.Start(), p.Actuals().Origin()
	if len(p.Actuals().Series) == 0 {
		return nil, fault.New(fault.Invalid, "there are no actuals to backtest on")
	}
	noun := p.Frequency.Noun()
	if o.Cutoffs == nil {
		folds := o.Folds
		if folds == 0 {
			folds = defaultFolds
		}
		cutoffs := make([]sales.Period, folds)
		for i := range cutoffs {
			cutoffs[i] = p.Frequency.Add(origin, -o.Gap-horizon*(folds-i))
		}
		if cutoffs[0] < start {
			return nil, fault.New(fault.Invalid, "%d folds of %d %ss need a cutoff at %s, but the data starts at %s",
				folds, horizon, noun, cutoffs[0], start).WithHint("use fewer folds or a shorter horizon")
		}
		return cutoffs, nil
	}
	cutoffs := slices.Clone(o.Cutoffs)
	slices.Sort(cutoffs)
	cutoffs = slices.Compact(cutoffs)
	for _, c := range cutoffs {
		if end := p.Frequency.Of(c); end != c {
			return nil, fault.New(fault.Usage, "cutoff %s is not the end of a %s (%s)", c, noun, p.Frequency).
				WithHint("the %s before it ends at %s", noun, p.Frequency.Add(end, -1))
		}
		if c < start || p.Frequency.Add(c, o.Gap) >= origin {
			return nil, fault.New(fault.Usage, "cutoff %s leaves nothing to learn or to score: the actuals run from %s to %s",
				c, start, origin)
		}
	}
	return cutoffs, nil
}

// addWindow gives the fold the cells from..to periods after its cutoff.
func (pl *plan) addWindow(f *fold, from, to int) {
	freq := pl.panel.Frequency
	first, last := freq.Add(f.cutoff, from), freq.Add(f.cutoff, to)
	if origin := pl.panel.Actuals().Origin(); origin < last {
		pl.warn("cutoff %s: the actuals end at %s, %d of %d %ss can be scored",
			f.cutoff, origin, freq.Steps(f.cutoff, origin)-from+1, to-from+1, freq.Noun())
	}
	// The dates do not depend on the series: one that ended before the cutoff is
	// scored on the same periods as the others.
	dates := make([]sales.Period, to-from+1)
	for i := range dates {
		dates[i] = freq.Add(first, i)
	}
	for _, s := range pl.panel.Series {
		pl.addCells(f, s, dates)
	}
}

// addCells gives the fold a cell for each date at which the series has an
// actual. A series that no model was fitted on, or whose newest actual lies
// further back than a model may be asked for, gets none.
func (pl *plan) addCells(f *fold, s sales.Series, dates []sales.Period) {
	var cells []cell
	for _, d := range dates {
		if a := s.At(d); !math.IsNaN(a) {
			cells = append(cells, cell{
				key: s.Key, cutoff: f.cutoff, date: d, horizon: pl.panel.Frequency.Steps(f.cutoff, d), actual: a,
				holiday: pl.holiday != nil && pl.holiday(d),
			})
		}
	}
	if len(cells) == 0 {
		return
	}
	// The last fit may lie before the cutoff: a series that was new in between
	// is unknown to every model.
	trained, known := pl.seen(s, f.fit), pl.seen(s, f.cutoff)
	switch last := cells[len(cells)-1].date; {
	case trained.Actuals() == 0 || known.Actuals() == 0:
		pl.unknown.add(cells)
		return
	case s.Frequency.Steps(known.Origin(), last) > sales.MaxSteps:
		pl.stale.add(cells)
		return
	}
	season := pl.panel.Frequency.Season()
	scale, size := metrics.SeasonalScale(trained.Target, season), metrics.Scale(trained.Target, season)
	root := metrics.SeasonalRoot(trained.Target, season)
	for i := range cells {
		cells[i].scale, cells[i].size, cells[i].root = scale, size, root
	}
	f.cells = append(f.cells, cells...)
}

// seen is what a model has of a series at a cutoff.
func (pl *plan) seen(s sales.Series, cutoff sales.Period) sales.Series {
	s = s.Until(cutoff)
	if pl.window == 0 {
		return s
	}
	return s.Since(s.Frequency.Add(cutoff, 1-pl.window))
}

// at is the panel that a model has at a cutoff. This is what keeps the future
// from it: the slices end in length and capacity at the cutoff.
func (pl *plan) at(cutoff sales.Period) sales.Panel {
	p := pl.panel
	p.Series = make([]sales.Series, 0, len(pl.panel.Series))
	for _, s := range pl.panel.Series {
		if s = pl.seen(s, cutoff); s.Len() > 0 {
			p.Series = append(p.Series, s)
		}
	}
	return p.Actuals()
}

// warnSkipped says, once all folds are laid out, what no model is asked for.
func (pl *plan) warnSkipped() {
	if s := pl.unknown; s.rows > 0 {
		pl.warn("rows not scored for want of an actual to fit on: %d (first: %s at cutoff %s)",
			s.rows, s.first.key, s.first.cutoff)
	}
	if s := pl.stale; s.rows > 0 {
		pl.warn("rows not scored because the newest actual lies more than %d %ss back: %d (first: %s at cutoff %s)",
			sales.MaxSteps, pl.panel.Frequency.Noun(), s.rows, s.first.key, s.first.cutoff)
	}
}

// warn notes what the reader of the Result has to know.
func (pl *plan) warn(format string, args ...any) {
	pl.warnings = append(pl.warnings, fmt.Sprintf(format, args...))
}

// keys returns the keys of the fold's cells, each once, in order.
func (f fold) keys() []sales.Key {
	var keys []sales.Key
	for _, c := range f.cells {
		if len(keys) == 0 || !keys[len(keys)-1].Equal(c.key) {
			keys = append(keys, c.key)
		}
	}
	return keys
}
