package pipeline

import (
	"bytes"
	"context"
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/features"
	"github.com/salesctl/salesctl/pkg/local"
	"github.com/salesctl/salesctl/pkg/model"
	"github.com/salesctl/salesctl/pkg/sales"
)

func forecast(t testing.TB, p *Pipeline, data sales.Panel, name string, r sales.Request) []sales.Forecast {
	t.Helper()
	out, err := p.Forecast(t.Context(), data, name, r)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return out
}

func means(f sales.Forecast) (out []float64) {
	for _, p := range f.Points {
		out = append(out, p.Mean)
	}
	return out
}

// TestServedIsWhatWasTrained compares what a file answers with what its
// candidates answered before they were written.
func TestServedIsWhatWasTrained(t *testing.T) {
	data, r := sample(t, 3), small()
	p := open(t, train(t, data, r, Evaluation{}).File)
	if err := p.Warm(); err != nil {
		t.Fatal(err)
	}
	candidates, err := r.Forecasters()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range candidates {
		names = append(names, c.Name())
		fitted, err := c.Fit(t.Context(), data)
		if err != nil {
			t.Fatal(err)
		}
		want, err := fitted.Forecast(t.Context(), sales.Request{Steps: 60})
		if err != nil {
			t.Fatal(err)
		}
		got := forecast(t, p, data, c.Name(), sales.Request{Steps: 60})
		for i := range want {
			if !slices.Equal(means(got[i]), means(want[i])) || got[i].Points[0].Period != sales.Date(2012, 11, 2) {
				t.Errorf("%s, store %s: %v, want %v", c.Name(), got[i].Key, got[i].Points[0], want[i].Points[0])
			}
		}
	}
	want := []string{"arima", "seasonal_naive_growth", "seasonal_naive", "naive", "rf", "gbt", Mean}
	if !slices.Equal(names, want) || !slices.Equal(p.Info().Forecasters, want) {
		t.Errorf("forecasters %v, want %v", names, want)
	}
}

// TestArimaGivesThePublishedForecasts is C30 and C31 of the contract below HTTP.
func TestArimaGivesThePublishedForecasts(t *testing.T) {
	p := open(t, train(t, sample(t, 45), Recipe{}, Evaluation{}).File)
	for store, want := range map[string][]float64{
		"1":  {1565441.04, 1524020.55, 1530962.89, 1530656.90, 1545704.82},
		"45": {750791.40, 745211.57, 739952.66, 750432.96},
	} {
		got := forecast(t, p, sample(t, 45), "arima", sales.Request{Keys: []sales.Key{{store}}, Steps: len(want)})
		for i, m := range means(got[0]) {
			if math.Abs(m/want[i]-1) > 0.001 {
				t.Errorf("store %s, step %d: %.2f, want %.2f", store, i+1, m, want[i])
			}
		}
	}
}

func TestSameBytesForAnyJobs(t *testing.T) {
	data := sample(t, 4)
	var first []byte
	for _, jobs := range []int{1, 2, 8} {
		r := small()
		r.Jobs = jobs
		file := train(t, data, r, Evaluation{Choice: []string{"gbt"}, Through: data.Origin()}).File
		if first == nil {
			first = file
		}
		if !bytes.Equal(file, first) {
			t.Errorf("jobs %d: another file", jobs)
		}
	}
}

func TestAutoTakesTheChoiceOfEachHorizon(t *testing.T) {
	data := sample(t, 2)
	choice := []string{"naive", "gbt", "naive", "arima"}
	p := open(t, train(t, data, small(), Evaluation{Choice: choice, Through: data.Origin()}).File)
	auto := forecast(t, p, data, Auto, sales.Request{Steps: 6})
	for _, f := range auto {
		for h, point := range f.Points {
			name := choice[min(h, len(choice)-1)]
			alone := forecast(t, p, data, name, sales.Request{Keys: []sales.Key{f.Key}, Steps: 6})
			if !reflect.DeepEqual(point, alone[0].Points[h]) || point.Model != name {
				t.Errorf("store %s, horizon %d: %v, want %v", f.Key, h+1, point, alone[0].Points[h])
			}
		}
	}
	if p.Info().EvaluatedThrough != data.Origin() {
		t.Errorf("evaluated through %s", p.Info().EvaluatedThrough)
	}
}

// TestNewActualsNeedNoRefit trains on a cut history and asks with a longer one.
func TestNewActualsNeedNoRefit(t *testing.T) {
	data := sample(t, 2)
	p := open(t, train(t, data.Until(sales.Date(2012, 8, 3)), small(), Evaluation{}).File)
	for _, name := range p.Info().Forecasters {
		got := forecast(t, p, data, name, sales.Request{Steps: 2})
		if got[1].Origin != data.Origin() || got[1].Points[0].Period != sales.Date(2012, 11, 2) {
			t.Errorf("%s: origin %s, first %s", name, got[1].Origin, got[1].Points[0].Period)
		}
	}
	if p.Info().TrainedThrough != sales.Date(2012, 8, 3) {
		t.Errorf("trained through %s", p.Info().TrainedThrough)
	}
}

func row(period sales.Period) sales.Row {
	return sales.Row{Key: sales.Key{"1"}, Period: period, Columns: []float64{0, 75.5, 3.45, 238.2, 5.8}}
}

func predict(t testing.TB, p *Pipeline, data sales.Panel, rows ...sales.Row) []sales.Prediction {
	t.Helper()
	out, err := p.Predict(t.Context(), data, rows)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestPredictIsTheMeanOfItsParts(t *testing.T) {
	data := sample(t, 2)
	p := open(t, train(t, data, small(), Evaluation{}).File)
	got := predict(t, p, data, row(sales.Date(2012, 11, 2)))[0]
	if len(got.Parts) != 2 || got.Parts[0].Model != "rf" || got.Parts[1].Model != "gbt" ||
		got.Value != (got.Parts[0].Value+got.Parts[1].Value)/2 || len(got.Warnings) != 0 {
		t.Errorf("%+v", got)
	}
	if got.Value < 1e6 || got.Value > 3e6 {
		t.Errorf("store 1 is predicted to sell %v", got.Value)
	}
}

// TestPredictReadsNothingAtOrAfterThePeriod poisons the target of the asked week
// and all that follows.
func TestPredictReadsNothingAtOrAfterThePeriod(t *testing.T) {
	data := sample(t, 2)
	p := open(t, train(t, data, small(), Evaluation{}).File)
	week := sales.Date(2012, 6, 1)
	want := predict(t, p, data, row(week))[0]
	poisoned := sample(t, 2)
	for _, s := range poisoned.Series {
		for i := s.Index(week); i < s.Len(); i++ {
			s.Target[i] = 1e9
			for c := range s.Columns {
				s.Columns[c][i] = -1e9
			}
		}
	}
	if got := predict(t, p, poisoned, row(week))[0]; got.Value != want.Value {
		t.Errorf("the future moved the prediction from %v to %v", want.Value, got.Value)
	}
	poisoned.Series[0].Target[poisoned.Series[0].Index(week)-1] *= 1.5
	if got := predict(t, p, poisoned, row(week))[0]; got.Value == want.Value {
		t.Error("the week before does not matter: the test cannot fail")
	}
}

// Both sets are made of the recipe's features, and a file keeps them.
func TestRecipesSayWhatModelsSee(t *testing.T) {
	r := logarithms()
	r.Features.Groups, r.Features.Lags = []features.Group{features.Lags}, []int{1, 52}
	p := open(t, train(t, sample(t, 2), r, Evaluation{}).File)
	for _, set := range []features.Set{features.Row, features.Ahead} {
		trees, err := readTrees(p.file, set, p.info.Regressors)
		if err != nil {
			t.Fatal(err)
		}
		if got := trees.encoder.Names(); !slices.Equal(got, []string{"lag_1", "lag_52"}) || trees.encoder.Target() != features.Log {
			t.Errorf("%s: %v of %s", set, got, trees.encoder.Target())
		}
	}
}

// TestPredictFillsTheWeeksBetween asks for a period beyond the data, alone and
// together with a later one of the same series.
func TestPredictFillsTheWeeksBetween(t *testing.T) {
	data := sample(t, 2)
	p := open(t, train(t, data, small(), Evaluation{Choice: []string{"naive"}}).File)
	third, last := sales.Date(2012, 11, 16), data.Frequency.Add(data.Origin(), sales.MaxSteps)
	alone := predict(t, p, data, row(third))[0]
	both := predict(t, p, data, row(third), row(last))
	if both[0].Value != alone.Value {
		t.Errorf("%v together with a later row, %v alone", both[0].Value, alone.Value)
	}
	if want := "the 2 weeks between the newest actual and 2012-11-16 are forecasts by naive"; !slices.Equal(alone.Warnings, []string{want}) {
		t.Errorf("warnings %q, want %q", alone.Warnings, want)
	}
	before := slices.Clone(data.Series[0].Target)
	predict(t, p, data, row(third))
	if !slices.Equal(before, data.Series[0].Target) {
		t.Error("the forecasts were written into the history")
	}
}

func TestErrorsTellTheNextStep(t *testing.T) {
	data := sample(t, 2)
	full := open(t, train(t, data, small(), Evaluation{}).File)
	bare := open(t, train(t, data, Recipe{}, Evaluation{}).File)
	other := data
	other.ColumnNames = []string{"x"}
	ask := func(p *Pipeline, d sales.Panel, name string, r sales.Request) error {
		_, err := p.Forecast(context.Background(), d, name, r)
		return err
	}
	say := func(p *Pipeline, r sales.Row) error {
		_, err := p.Predict(context.Background(), data, []sales.Row{r})
		return err
	}
	one := sales.Request{Steps: 1}
	stranger := row(data.Origin())
	stranger.Key = sales.Key{"99"}
	for name, c := range map[string]struct {
		err  error
		kind fault.Kind
		text string // of the message and the hint together
	}{
		"unknown key":       {ask(full, data, "naive", sales.Request{Steps: 1, Keys: []sales.Key{{"99"}}}), fault.NotFound, "store 99 not found"},
		"key of two parts":  {ask(full, data, "naive", sales.Request{Steps: 1, Keys: []sales.Key{{"1", "7"}}}), fault.NotFound, "series 1/7 not found"},
		"no steps":          {ask(full, data, Auto, sales.Request{}), fault.Usage, "want 1 to 520"},
		"too many steps":    {ask(full, data, "naive", sales.Request{Steps: 521}), fault.Usage, "521"},
		"unknown model":     {ask(full, data, "prophet", one), fault.Usage, "unknown model"},
		"lacking model":     {ask(bare, data, "gbt", one), fault.NotFound, "salesctl train --model gbt"},
		"lacking mean":      {ask(bare, data, Mean, one), fault.NotFound, "salesctl train --model gbt,rf"},
		"other columns":     {ask(full, other, Auto, one), fault.Conflict, "columns [x]"},
		"row without mean":  {say(bare, row(data.Origin())), fault.NotFound, "salesctl train --model gbt,rf"},
		"row of a stranger": {say(full, stranger), fault.NotFound, "store 99 not found"},
		"row before all":    {say(full, row(data.Start())), fault.Invalid, "2010-02-05"},
		"row far ahead":     {say(full, row(data.Frequency.Add(data.Origin(), 521))), fault.Invalid, "520 at most"},
	} {
		if !fault.Is(c.err, c.kind) || !strings.Contains(c.err.Error()+" "+fault.HintOf(c.err), c.text) {
			t.Errorf("%s: %v (hint %q, kind %v), want %q", name, c.err, fault.HintOf(c.err), fault.KindOf(c.err), c.text)
		}
	}
}

// TestAShortSeriesIsAnsweredByTheFallback gives one store six weeks.
func TestAShortSeriesIsAnsweredByTheFallback(t *testing.T) {
	data := sample(t, 2)
	s := data.Series[1]
	data.Series[1] = s.Slice(s.Len()-6, s.Len())
	p := open(t, train(t, data, Recipe{}, Evaluation{}).File)
	got := forecast(t, p, data, "arima", sales.Request{Steps: 2})
	if got[1].Points[0].Model != local.Spare || got[1].Points[1].Mean != s.Target[s.Len()-1] || len(got[1].Warnings) == 0 {
		t.Errorf("%+v", got[1])
	}
	if got[0].Points[0].Model != "arima" || len(got[0].Warnings) != 0 {
		t.Errorf("%+v", got[0])
	}
}

func TestRecipesAreChecked(t *testing.T) {
	for name, models := range map[string][]model.Spec{
		"unknown": {{Name: "prophet"}}, "twice": {{Name: "rf"}, {Name: "rf"}},
		"parameter": {{Name: "rf", Params: map[string]any{"trees": 5}}},
		"value":     {{Name: "gbt", Params: map[string]any{"n_estimators": "many"}}},
		"of arima":  {{Name: "arima", Params: map[string]any{"p": 5}}},
	} {
		if _, err := Train(t.Context(), sample(t, 1), Recipe{Models: models}, Evaluation{}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := Train(t.Context(), sales.Panel{}, Recipe{}, Evaluation{}); !fault.Is(err, fault.Invalid) {
		t.Errorf("nothing to learn from: %v", err)
	}
}

func TestCandidatesAreChecked(t *testing.T) {
	unknown := Recipe{Models: []model.Spec{{Name: "prophet"}}}
	for name, err := range map[string]error{
		"model of the recipe": second(unknown.Forecasters()),
		"name":                second(small().Forecasters("rf", "prophet")),
		"name it lacks":       second(Recipe{}.OneStep("gbt")),
	} {
		if !fault.Is(err, fault.Usage) {
			t.Errorf("%s: %v", name, err)
		}
	}
	picked, err := small().OneStep("naive", Mean)
	if err != nil || len(picked) != 2 {
		t.Errorf("%v, %v", picked, err)
	}
}

func second[T any](_ T, err error) error { return err }

// TestCandidatesShareOneTraining counts on it being given up once all have come.
func TestCandidatesShareOneTraining(t *testing.T) {
	data := sample(t, 1)
	candidates, err := small().Forecasters("rf", "gbt", Mean)
	if err != nil {
		t.Fatal(err)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := candidates[0].Fit(cancelled, data); !errors.Is(err, context.Canceled) {
		t.Errorf("want cancelled, got %v", err)
	}
	var first *trees
	for i, c := range candidates {
		fitted, err := c.Fit(t.Context(), data)
		if err != nil {
			t.Fatalf("%s, after another was cancelled: %v", c.Name(), err)
		}
		if first == nil {
			first = fitted.(treeFitted).trees
		}
		if fitted.(treeFitted).trees != first {
			t.Errorf("%s trained again", c.Name())
		}
		kept := len(c.(treeCandidate).trainer.runs)
		if want := min(len(candidates)-1-i, 1); kept != want {
			t.Errorf("%d trainings are kept after %s, want %d", kept, c.Name(), want)
		}
	}
}

// TestOtherColumnsAreAnotherTraining changes nothing but a column.
func TestOtherColumnsAreAnotherTraining(t *testing.T) {
	data := sample(t, 1)
	candidates, err := small().OneStep("rf", Mean)
	if err != nil {
		t.Fatal(err)
	}
	other := sample(t, 1)
	other.Series[0].Columns[1][100]++
	a, errA := candidates[0].Fit(t.Context(), data)
	b, errB := candidates[1].Fit(t.Context(), other)
	if err := errors.Join(errA, errB); err != nil {
		t.Fatal(err)
	}
	if a.(treeFitted).trees == b.(treeFitted).trees {
		t.Error("two panels share their trees")
	}
}

// TestWeeksWithoutSales closes the first store for a while: a chain with zeros,
// and one whose first store has just opened, can be trained on.
func TestWeeksWithoutSales(t *testing.T) {
	closed := sample(t, 2)
	clear(closed.Series[0].Target[60:64])
	young := sample(t, 2)
	s := young.Series[0]
	young.Series[0] = s.Slice(s.Len()-2, s.Len())
	young.Series[0].Target = []float64{math.NaN(), 1000}
	for name, data := range map[string]sales.Panel{"closed": closed, "young": young} {
		p := open(t, train(t, data, small(), Evaluation{Choice: []string{Mean}}).File)
		for _, f := range forecast(t, p, data, Auto, sales.Request{Steps: 8}) {
			for _, point := range f.Points {
				if math.IsNaN(point.Mean) || math.IsInf(point.Mean, 0) {
					t.Errorf("%s: %s: %+v", name, f.Key, point)
				}
			}
		}
	}
}

func TestTrainingCanBeCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Train(ctx, sample(t, 1), small(), Evaluation{}); !errors.Is(err, context.Canceled) {
		t.Errorf("want cancelled, got %v", err)
	}
}

func TestConcurrentUse(t *testing.T) {
	data := sample(t, 2)
	p := open(t, train(t, data, small(), Evaluation{Choice: []string{"naive", "gbt"}}).File)
	want := predict(t, open(t, train(t, data, small(), Evaluation{}).File), data, row(data.Origin()))[0].Value
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if got, err := p.Predict(t.Context(), data, []sales.Row{row(data.Origin())}); err != nil || got[0].Value != want {
				t.Errorf("%v, %v, want %v", got, err, want)
			}
			if _, err := p.Forecast(t.Context(), data, Auto, sales.Request{Steps: 3}); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}

// TestASeriesThatEndedIsMarked closes a store ten weeks before the others.
func TestASeriesThatEndedIsMarked(t *testing.T) {
	data := sample(t, 3)
	s := data.Series[1]
	data.Series[1] = s.Slice(0, s.Len()-10)
	p := open(t, train(t, data, small(), Evaluation{Choice: []string{"naive", "gbt"}}).File)
	for _, name := range []string{Auto, "naive"} {
		got := forecast(t, p, data, name, sales.Request{Steps: 2})
		if want := []string{"its sales end on 2012-08-17, 10 weeks before the newest of the data"}; !slices.Equal(got[1].Warnings, want) {
			t.Errorf("%s: warnings %q, want %q", name, got[1].Warnings, want)
		}
		if len(got[0].Warnings)+len(got[2].Warnings) > 0 {
			t.Errorf("%s: open stores are marked: %q, %q", name, got[0].Warnings, got[2].Warnings)
		}
	}
}

func TestAPredictionOfAWeekThatWasLearntSaysSo(t *testing.T) {
	data := sample(t, 1)
	p := open(t, train(t, data.Until(sales.Date(2012, 10, 19)), small(), Evaluation{}).File)
	learnt := predict(t, p, data, row(sales.Date(2012, 10, 19)))[0]
	fresh := predict(t, p, data, row(sales.Date(2012, 10, 26)))[0]
	if len(learnt.Warnings) != 1 || len(fresh.Warnings) != 0 {
		t.Errorf("warnings %q and %q", learnt.Warnings, fresh.Warnings)
	}
	past := forecast(t, p, data.Until(sales.Date(2012, 10, 12)), "arima", sales.Request{Steps: 2})[0]
	next := forecast(t, p, data.Until(sales.Date(2012, 10, 19)), "arima", sales.Request{Steps: 2})[0]
	if len(past.Warnings) != 1 || len(next.Warnings) != 0 {
		t.Errorf("warnings %q and %q", past.Warnings, next.Warnings)
	}
}

// TestANewcomerIsAnsweredByTheSpare asks for a store that opened after the
// training.
func TestANewcomerIsAnsweredByTheSpare(t *testing.T) {
	data := sample(t, 2)
	p := open(t, train(t, sample(t, 1), Recipe{}, Evaluation{}).File)
	got := forecast(t, p, data, "arima", sales.Request{Steps: 1})
	newest := data.Series[1].Target[data.Series[1].Len()-1]
	if got[1].Points[0].Model != local.Spare || got[1].Points[0].Mean != newest || len(got[1].Warnings) != 1 {
		t.Errorf("%+v", got[1])
	}
}
