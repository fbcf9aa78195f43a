package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/salesctl/salesctl/pkg/mlflow"
)

// api is below what every request goes.
const api = "/api/2.0/mlflow/"

// request is what is sent.
type request struct {
	method, path string
	body         []byte // JSON
}

// caller sends requests on one connection.
type caller struct {
	base string
	http *http.Client
}

func newCaller(uri string) *caller {
	return &caller{uri, &http.Client{Transport: &http.Transport{DisableCompression: true}}}
}

func (c *caller) close() { c.http.CloseIdleConnections() }

// call returns the answer; any status but 200 is an error.
func (c *caller) call(ctx context.Context, q request) (answer []byte, err error) {
	r, err := http.NewRequestWithContext(ctx, q.method, c.base+q.path, bytes.NewReader(q.body))
	if err != nil {
		return nil, err
	}
	if q.body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.http.Do(r)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	if answer, err = io.ReadAll(resp.Body); err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s: %s: %s", q.method, q.path, resp.Status, answer)
	}
	return answer, err
}

// row is a line of the table: a question, the i-th time that it is asked.
type row struct {
	name   string
	wanted float64 // how many times ours the peer's CPU time should be
	ask    func(ctx context.Context, c *caller, i int) (answers [][]byte, err error)
	writes bool     // hence a request costs more, the more of them there were
	count  int      // of the things in the answers: runs or metrics; 0 where it answers with none
	own    []string // fields of the answer that each server chooses itself
}

// rows are the table's.
func rows(c content, runs int) []row {
	search := mlflow.RunQuery{ExperimentIDs: []string{c.many}, MaxResults: 100}
	search.OrderBy = []string{"metrics.metric1 DESC"}
	ordered, third, few := search, search, search
	third.Filter = "tags.kind = 'fit'"
	few.Filter = "metrics.metric0 > 5000 AND params.param1 = '3' AND tags.kind = 'fit'" // 98 of 10,000
	search.OrderBy = nil
	page := search
	page.MaxResults = 1000
	return []row{
		{name: "create run", wanted: 5, writes: true, own: []string{"run_id", "run_uuid", "artifact_uri"}, ask: once("runs/create", func(i int) any {
			return mlflow.NewRun{ExperimentID: c.others, UserID: "bench", Name: fmt.Sprint("run ", i), StartTime: int64(epoch + i)}
		})},
		{name: "log metric", wanted: 5, writes: true, ask: once("runs/log-metric", func(i int) any {
			return mlflow.Metric{RunID: c.busy, Key: "one", Value: mlflow.Number(i), Timestamp: int64(epoch + i), Step: int64(i)}
		})},
		{name: "log batch of 100 metrics", wanted: 5, writes: true, ask: once("runs/log-batch", func(i int) any { return batchOf100(c.busy, i) })},
		{name: "get run, 1,000 params and metrics", wanted: 5, ask: look("runs/get?run_id=" + c.wide)},
		{name: "history of 10,000 points", wanted: 10, count: length, ask: look("metrics/get-history?metric_key=loss&run_id=" + c.long)},
		{name: "search, the first 100", wanted: 10, count: min(100, runs), ask: once("runs/search", always(search))},
		{name: "search, filtered to a third, ordered", wanted: 10, ask: once("runs/search", always(third))},
		{name: "search, filtered to a hundredth, ordered", wanted: 10, ask: once("runs/search", always(few))},
		{name: "search, ordered", wanted: 10, count: min(100, runs), ask: once("runs/search", always(ordered))},
		{name: "search, a page of 1,000", wanted: 10, count: min(1000, runs), ask: once("runs/search", always(page))},
		{name: "search, all by 1,000", wanted: 10, count: runs, ask: pages(page)},
	}
}

// batchOf100 is the body of a batch of 100 metrics.
func batchOf100(run string, i int) any {
	var metrics []mlflow.Metric
	for k := range 100 {
		metrics = append(metrics, mlflow.Metric{Key: fmt.Sprint("metric", k), Value: mlflow.Number(i + k), Timestamp: int64(epoch + i), Step: int64(i)})
	}
	return struct {
		RunID   string          `json:"run_id"`
		Metrics []mlflow.Metric `json:"metrics"`
	}{run, metrics}
}

func always(body any) func(int) any { return func(int) any { return body } }

// look asks with a GET.
func look(path string) func(context.Context, *caller, int) ([][]byte, error) {
	return func(ctx context.Context, c *caller, _ int) ([][]byte, error) {
		answer, err := c.call(ctx, request{method: http.MethodGet, path: api + path})
		return [][]byte{answer}, err
	}
}

// once asks with one POST.
func once(path string, body func(i int) any) func(context.Context, *caller, int) ([][]byte, error) {
	return func(ctx context.Context, c *caller, i int) ([][]byte, error) {
		answer, err := c.post(ctx, path, body(i))
		return [][]byte{answer}, err
	}
}

// post sends the body as JSON.
func (c *caller) post(ctx context.Context, path string, body any) ([]byte, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	return c.call(ctx, request{http.MethodPost, api + path, text})
}

// pages asks for one page of runs after another.
func pages(q mlflow.RunQuery) func(context.Context, *caller, int) ([][]byte, error) {
	return func(ctx context.Context, c *caller, _ int) (answers [][]byte, err error) {
		for q := q; ; {
			answer, err := c.post(ctx, "runs/search", q)
			if err != nil {
				return nil, err
			}
			answers = append(answers, answer)
			var next struct {
				Token string `json:"next_page_token"`
			}
			if err := json.Unmarshal(answer, &next); err != nil {
				return nil, err
			}
			if q.PageToken = next.Token; q.PageToken == "" {
				return answers, nil
			}
		}
	}
}
