package mlflowtest

import (
	"math"
	"strings"

	"github.com/salesctl/salesctl/pkg/mlflow"
)

var logChecks = []check{
	{"metrics", logMetrics},
	{"the newest value", newestMetric},
	{"numbers without a word in JSON", oddNumbers},
	{"params stay", logParams},
	{"tags change", setTags},
	{"the name's tag", nameTag},
	{"long values", longValues},
	{"bad keys", badKeys},
	{"batch", logBatch},
	{"batch as a whole", batchAsAWhole},
	{"history", history},
	{"intervals", intervals},
}

// metric is a metric of a step, logged when the step says.
func metric(key string, value float64, step int64) mlflow.Metric {
	return mlflow.Metric{Key: key, Value: mlflow.Number(value), Timestamp: 1700000000000 + step, Step: step}
}

func (p *probe) logMetrics(run string, metrics ...mlflow.Metric) {
	p.Helper()
	for _, m := range metrics {
		p.must(p.LogMetric(p.Context(), run, m))
	}
}

// newest returns the newest value of each metric of a run.
func (p *probe) newest(run string) map[string]float64 {
	p.Helper()
	out := map[string]float64{}
	for _, m := range p.read(run).Data.Metrics {
		out[m.Key] = float64(m.Value)
	}
	return out
}

func logMetrics(p *probe) {
	run := p.run().ID
	p.logMetrics(run, metric("rmse", 0.1, 0), metric("a/b.c-d e:f", -3, 2))
	r := p.read(run)
	p.equal("metrics", p.newest(run), map[string]float64{"rmse": 0.1, "a/b.c-d e:f": -3})
	for _, m := range r.Data.Metrics {
		p.equal("the time of "+m.Key, m.Timestamp, 1700000000000+m.Step)
	}
}

func newestMetric(p *probe) {
	run := p.run().ID
	p.logMetrics(run, metric("m", 5, 5), metric("m", 2, 2)) // a higher step goes before a later call
	p.equal("metrics", p.newest(run), map[string]float64{"m": 5})
	later := metric("m", 4, 5)
	later.Timestamp++
	p.logMetrics(run, later)
	p.equal("metrics", p.newest(run), map[string]float64{"m": 4})
}

func oddNumbers(p *probe) {
	run := p.run().ID
	p.logMetrics(run, metric("nan", math.NaN(), 0), metric("up", math.Inf(1), 0), metric("down", math.Inf(-1), 0), metric("tiny", math.SmallestNonzeroFloat64, 0))
	got := p.newest(run)
	if !math.IsNaN(got["nan"]) {
		p.Errorf("NaN is %g", got["nan"])
	}
	delete(got, "nan")
	p.equal("metrics", got, map[string]float64{"up": math.MaxFloat64, "down": -math.MaxFloat64, "tiny": math.SmallestNonzeroFloat64})
}

func logParams(p *probe) {
	run := p.run().ID
	for range 2 { // the same value twice is nothing new
		p.must(p.LogParam(p.Context(), run, mlflow.Param{Key: "depth", Value: "3"}))
	}
	err := p.LogParam(p.Context(), run, mlflow.Param{Key: "depth", Value: "4"})
	p.refused(err, mlflow.InvalidParameterValue, "Changing param values is not allowed. Param with key='depth' was already logged with value='3' for run ID='"+run+"'. Attempted logging new value '4'.")
	p.must(p.LogParam(p.Context(), run, mlflow.Param{Key: "empty", Value: ""}))
	p.equal("params", settings(p.read(run).Data.Params), map[string]string{"depth": "3", "empty": ""})
}

func setTags(p *probe) {
	run := p.run().ID
	for _, value := range []string{"one", "two"} {
		p.must(p.SetTag(p.Context(), run, mlflow.Tag{Key: "k", Value: value}))
	}
	p.must(p.SetTag(p.Context(), run, mlflow.Tag{Key: "gone", Value: "x"}))
	p.must(p.DeleteTag(p.Context(), run, "gone"))
	p.equal("tags", values(p.read(run).Data.Tags), map[string]string{"k": "two", "mlflow.runName": "run"})
	p.refused(p.DeleteTag(p.Context(), run, "gone"), mlflow.ResourceDoesNotExist, "No tag with name: gone in run with id "+run)
}

func nameTag(p *probe) {
	run := p.run().ID
	p.must(p.SetTag(p.Context(), run, mlflow.Tag{Key: "mlflow.runName", Value: "other"}))
	p.equal("name", p.read(run).Info.Name, "other")
}

func longValues(p *probe) {
	run := p.run().ID
	p.must(p.LogParam(p.Context(), run, mlflow.Param{Key: "p", Value: strings.Repeat("é", mlflow.MaxParamValue+1)}))
	p.must(p.SetTag(p.Context(), run, mlflow.Tag{Key: "t", Value: strings.Repeat("é", mlflow.MaxTagValue+1)}))
	d := p.read(run).Data
	p.equal("the param is cut", d.Param("p") == strings.Repeat("é", mlflow.MaxParamValue), true)
	p.equal("the tag is cut", d.Tag("t") == strings.Repeat("é", mlflow.MaxTagValue), true)
	long := strings.Repeat("k", mlflow.MaxKey+1)
	p.refused(p.LogParam(p.Context(), run, mlflow.Param{Key: long, Value: "v"}), mlflow.InvalidParameterValue, "'Param key' exceeds the maximum length of 250 characters")
	p.refused(p.LogMetric(p.Context(), run, metric(long, 1, 0)), mlflow.InvalidParameterValue, "'Metric name' exceeds the maximum length of 250 characters")
	p.refused(p.SetTag(p.Context(), run, mlflow.Tag{Key: long, Value: "v"}), mlflow.InvalidParameterValue, "'key' exceeds the maximum length of 250 characters")
}

const (
	badCharacters = "Names may only contain alphanumerics, underscores (_), dashes (-), periods (.), spaces ( ), colon(:) and slashes (/)."
	badPath       = "Names may be treated as files in certain cases, and must not resolve to other names when treated as such. This name would resolve to "
)

func badKeys(p *probe) {
	run := p.run().ID
	p.refused(p.LogMetric(p.Context(), run, metric("a?b", 1, 0)), mlflow.InvalidParameterValue, `Invalid value "a?b" for parameter 'name' supplied: `+badCharacters)
	p.refused(p.LogParam(p.Context(), run, mlflow.Param{Key: "a//b", Value: "v"}), mlflow.InvalidParameterValue, `Invalid value "a//b" for parameter 'key' supplied: `+badPath+"'a/b'")
	p.refused(p.SetTag(p.Context(), run, mlflow.Tag{Key: "../t", Value: "v"}), mlflow.InvalidParameterValue, `Invalid value "../t" for parameter 'key' supplied: `+badPath+"'../t'")
	err := p.LogBatch(p.Context(), run, mlflow.Batch{Metrics: []mlflow.Metric{metric("fine", 1, 0), metric("é€😀", 1, 0)}})
	p.refused(err, mlflow.InvalidParameterValue, `Invalid value "\u00e9\u20ac\ud83d\ude00" for parameter 'metrics[1].name' supplied: `+badCharacters)
	p.equal("metrics", p.newest(run), map[string]float64{})
}

func logBatch(p *probe) {
	run := p.run().ID
	b := mlflow.Batch{
		Metrics: []mlflow.Metric{metric("m", 1, 1), metric("m", 3, 3), metric("m", 2, 2), metric("n", 7, 0)},
		Params:  []mlflow.Param{{Key: "p", Value: "1"}, {Key: "q", Value: "2"}},
		Tags:    []mlflow.Tag{{Key: "t", Value: "1"}},
	}
	for range 2 { // a batch that is sent again changes nothing
		p.must(p.LogBatch(p.Context(), run, b))
	}
	r := p.read(run)
	p.equal("metrics", p.newest(run), map[string]float64{"m": 3, "n": 7})
	p.equal("params", settings(r.Data.Params), map[string]string{"p": "1", "q": "2"})
	p.equal("tag", r.Data.Tag("t"), "1")
	h, err := p.MetricHistory(p.Context(), mlflow.HistoryQuery{RunID: run, Key: "m"})
	p.must(err)
	p.equal("values of m", len(h.Items), 3)
}

func batchAsAWhole(p *probe) {
	run := p.run().ID
	p.must(p.LogParam(p.Context(), run, mlflow.Param{Key: "p", Value: "1"}))
	err := p.LogBatch(p.Context(), run, mlflow.Batch{
		Metrics: []mlflow.Metric{metric("m", 1, 0)},
		Params:  []mlflow.Param{{Key: "p", Value: "2"}, {Key: "q", Value: "3"}},
		Tags:    []mlflow.Tag{{Key: "t", Value: "1"}},
	})
	p.refused(err, mlflow.InvalidParameterValue, "Changing param values is not allowed. Params were already logged='[{'key': 'p', 'old_value': '1', 'new_value': '2'}]' for run ID='"+run+"'.")
	d := p.read(run).Data
	p.equal("metrics", p.newest(run), map[string]float64{})
	p.equal("params", settings(d.Params), map[string]string{"p": "1"})
	p.equal("tag", d.Tag("t"), "")
	err = p.LogBatch(p.Context(), run, mlflow.Batch{Params: []mlflow.Param{{Key: "a", Value: "1"}, {Key: "a", Value: "1"}}})
	p.refused(err, mlflow.InvalidParameterValue, "Duplicate parameter keys have been submitted: ['a']. Please ensure the request contains only one param value per param key.")
}

func history(p *probe) {
	run := p.run().ID
	p.logMetrics(run, metric("m", 9, 3), metric("m", 7, 1), metric("m", 8, 2), metric("other", 1, 1))
	var all []float64
	collect(p, func(m mlflow.Metric) string {
		all = append(all, float64(m.Value))
		return m.Key
	}, func(token string) (mlflow.Page[mlflow.Metric], error) {
		return p.MetricHistory(p.Context(), mlflow.HistoryQuery{RunID: run, Key: "m", MaxResults: 2, PageToken: token})
	})
	p.equal("values in pages", all, []float64{7, 8, 9})
	none, err := p.MetricHistory(p.Context(), mlflow.HistoryQuery{RunID: run, Key: "missing"})
	p.must(err)
	p.equal("values of a metric that was never logged", len(none.Items), 0)
}

func intervals(p *probe) {
	experiment := p.experiment()
	a, b := p.runIn(experiment, "a").ID, p.runIn(experiment, "b").ID
	for _, run := range []string{a, b} {
		var metrics []mlflow.Metric
		for step := range int64(20) {
			metrics = append(metrics, metric("m", float64(step), step))
		}
		p.must(p.LogBatch(p.Context(), run, mlflow.Batch{Metrics: metrics}))
	}
	from, to := int64(5), int64(9)
	got, err := p.MetricIntervals(p.Context(), mlflow.IntervalQuery{RunIDs: []string{a, b}, Key: "m", StartStep: &from, EndStep: &to})
	p.must(err)
	steps := map[string][]int64{}
	for _, m := range got {
		steps[m.RunID] = append(steps[m.RunID], m.Step)
	}
	p.equal("steps", steps, map[string][]int64{a: {5, 6, 7, 8, 9}, b: {5, 6, 7, 8, 9}})
	got, err = p.MetricIntervals(p.Context(), mlflow.IntervalQuery{RunIDs: []string{a}, Key: "m", MaxResults: 4})
	p.must(err)
	if len(got) >= 20 || len(got) < 2 || got[0].Step != 0 || got[len(got)-1].Step != 19 {
		p.Errorf("%d of 20 values, from step %d", len(got), got[0].Step)
	}
}
