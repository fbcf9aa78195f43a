package serve

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/sales"
)

func TestNewNeedsItsParts(t *testing.T) {
	store := &fakeStore{}
	for _, o := range []Options{{}, {Model: newModel(), History: store}, {Model: newModel(), Recorder: store}, {History: store, Recorder: store}} {
		if _, err := New(o); err == nil {
			t.Errorf("New(%+v) is content", o)
		}
	}
	if _, err := New(Options{Model: newModel(), History: store, Recorder: store}); err != nil {
		t.Error(err)
	}
}

// TestShapes picks the contract by the request and says what answered.
func TestShapes(t *testing.T) {
	a := newAPI(t)
	for _, c := range []struct {
		what, url, body string
		want, model     string
	}{
		{"a query wins over a body", "/forecast_sales?store_id=45&steps=1", `{"store_id":1,"steps":2}`, `{"predictions":[{"Date":"02-11-2012","Sales":"750791.40"}]}`, "arima"},
		{"and over a broken one", "/forecast_sales?store_id=45&steps=1", `{`, `{"predictions":[{"Date":"02-11-2012","Sales":"750791.40"}]}`, "arima"},
		{"steps of the query win too", "/forecast_sales?steps=1", `{"store_id":45,"steps":2}`, `[{"Date":"2012-11-02","Sales":750791.4}]`, "arima"},
		{"another model by query", "/forecast_sales?store_id=45&steps=4&model=auto", "", `{"predictions":[{"Date":"02-11-2012","Sales":"750791.40"},{"Date":"09-11-2012","Sales":"745211.57"},{"Date":"16-11-2012","Sales":"739952.62"},{"Date":"23-11-2012","Sales":"750432.96"}]}`, "arima, seasonal_naive"},
		{"another model by body", "/forecast_sales", `{"store_id":45,"steps":1,"model":"auto"}`, `[{"Date":"2012-11-02","Sales":750791.4}]`, "arima"},
		{"a model by query, the store by body", "/forecast_sales?model=auto", `{"store_id":2,"steps":3,"model":"arima"}`, `[{"Date":"2012-11-02","Sales":1000.0},{"Date":"2012-11-09","Sales":2000.0},{"Date":"2012-11-16","Sales":3000.0}]`, "arima, seasonal_naive"},
		{"whole dollars stay floats", "/forecast_sales", `{"store_id":2,"steps":1}`, `[{"Date":"2012-11-02","Sales":1000.0}]`, "arima"},
		{"a prediction", "/predict_sales", readme, `{"prediction":15653.76}`, "rf_gbt_mean"},
	} {
		t.Run(c.what, func(t *testing.T) {
			got := a.do(t, "POST", c.url, c.body)
			if got.status != 200 || got.body != c.want {
				t.Errorf("%d %s\nwant %s", got.status, got.body, c.want)
			}
			if got.header.Get("X-Model") != c.model || got.header.Get("X-Model-Version") != "v7" {
				t.Errorf("answered by %q %q, want %q", got.header.Get("X-Model"), got.header.Get("X-Model-Version"), c.model)
			}
		})
	}
}

// TestPlacesOfForecastErrors: a field is blamed where it stood.
func TestPlacesOfForecastErrors(t *testing.T) {
	a := newAPI(t)
	for _, c := range []struct{ url, body, want string }{
		{"/forecast_sales", "", refused("missing", `["query","store_id"]`, "Field required", "null")},
		{"/forecast_sales?steps=2", "", refused("missing", `["query","store_id"]`, "Field required", "null")},
		{"/forecast_sales", `{"steps":2}`, refused("missing", `["body","store_id"]`, "Field required", `{"steps":2}`)},
		{"/forecast_sales?steps=0", `{"store_id":1}`, refused("greater_than_equal", `["query","steps"]`, "Input should be greater than or equal to 1", `"0"`, `{"ge":1}`)},
		{"/forecast_sales?store_id=%3Cb%3E", "", refused("int_parsing", `["query","store_id"]`, notInteger, `"<b>"`)},
		{"/forecast_sales", `{"store_id":1,"model":7}`, refused("string_type", `["body","model"]`, "Input should be a valid string", "7")},
	} {
		if got := a.do(t, "POST", c.url, c.body); got.status != 422 || got.body != c.want {
			t.Errorf("%s %s: %d %s\nwant %s", c.url, c.body, got.status, got.body, c.want)
		}
	}
}

// TestFaults is the table from kinds of faults to statuses.
func TestFaults(t *testing.T) {
	for _, c := range []struct {
		err              error
		predict, outlook int
		detail           string // of the outlook
	}{
		{fault.New(fault.NotFound, "no ets").WithHint("salesctl train --model ets"), 409, 409, `{"detail":"no ets: salesctl train --model ets"}`},
		{fault.New(fault.Conflict, "no ets"), 409, 409, `{"detail":"no ets"}`},
		{fault.New(fault.Usage, "what is x"), 500, 422, refused("value_error", `["query","model"]`, "Value error, what is x", `"arima"`, `{"error":{}}`)},
		{fault.New(fault.Invalid, "too far"), 422, 409, `{"detail":"too far"}`},
		{fault.New(fault.Unavailable, "database is locked"), 503, 503, `{"detail":"database is locked"}`},
		{fault.New(fault.Integrity, "secret path"), 500, 500, `{"detail":"Internal Server Error"}`},
		{errors.New("secret path"), 500, 500, `{"detail":"Internal Server Error"}`},
		{fmt.Errorf("wrapped: %w", fault.New(fault.Unavailable, "gone")), 503, 503, `{"detail":"wrapped: gone"}`},
		{nil, 500, 500, `{"detail":"Internal Server Error"}`}, // and no number
	} {
		a := newAPI(t)
		a.model.predict = func(sales.Row) (float64, error) { return math.NaN(), c.err }
		a.model.forecast = func(string, sales.Key, int) (float64, error) { return math.Inf(1), c.err }
		got := a.do(t, "POST", "/predict_sales", readme)
		if got.status != c.predict || got.status == 422 && got.body != refused("value_error", `["body","Date"]`, "Value error, too far", `"03-11-2012"`, `{"error":{}}`) {
			t.Errorf("%v: predict says %d %s", c.err, got.status, got.body)
		}
		if got := a.do(t, "POST", "/forecast_sales?store_id=1", ""); got.status != c.outlook || got.body != c.detail {
			t.Errorf("%v: forecast says %d %s", c.err, got.status, got.body)
		}
		if logged := strings.Contains(a.log.String(), "request failed"); logged != (max(c.predict, c.outlook) >= 500) {
			t.Errorf("%v: logged %v", c.err, logged)
		}
		if n := len(a.store.all()); n != 0 {
			t.Errorf("%v: %d answers were recorded", c.err, n)
		}
	}
}

func TestHistoryFails(t *testing.T) {
	a := newAPI(t)
	a.store.panelErr = fault.New(fault.Unavailable, "database is locked").WithHint("wait")
	for url, body := range map[string]string{"/predict_sales": readme, "/forecast_sales?store_id=1": ""} {
		if got := a.do(t, "POST", url, body); got.status != 503 || got.body != `{"detail":"database is locked: wait"}` {
			t.Errorf("%s: %d %s", url, got.status, got.body)
		}
	}
}

// TestUnknownModel: a name that means nothing is blamed where it stood.
func TestUnknownModel(t *testing.T) {
	a := newAPI(t)
	a.model.forecast = func(model string, _ sales.Key, _ int) (float64, error) {
		return 0, fault.New(fault.Usage, "unknown model %q", model).WithHint("one of arima, auto")
	}
	msg := `Value error, unknown model \"x\": one of arima, auto`
	for _, c := range []struct{ url, body, loc string }{
		{"/forecast_sales?store_id=1&model=x", "", `["query","model"]`},
		{"/forecast_sales?model=x", `{"store_id":1}`, `["query","model"]`},
		{"/forecast_sales", `{"store_id":1,"model":"x"}`, `["body","model"]`},
	} {
		if got := a.do(t, "POST", c.url, c.body); got.status != 422 || got.body != refused("value_error", c.loc, msg, `"x"`, `{"error":{}}`) {
			t.Errorf("%s %s: %d %s", c.url, c.body, got.status, got.body)
		}
	}
}

// shortModel forgets the last point, or the whole answer.
type shortModel struct{ *fakeModel }

func (m shortModel) Predict(context.Context, sales.Panel, []sales.Row) ([]sales.Prediction, error) {
	return nil, nil
}

func (m shortModel) Forecast(ctx context.Context, history sales.Panel, model string, r sales.Request) ([]sales.Forecast, error) {
	r.Steps--
	return m.fakeModel.Forecast(ctx, history, model, r)
}

// TestIncompleteAnswers are the model's fault and not half served.
func TestIncompleteAnswers(t *testing.T) {
	store := &fakeStore{panel: samplePanel()}
	h, err := New(Options{Model: shortModel{newModel()}, History: store, Recorder: store})
	if err != nil {
		t.Fatal(err)
	}
	a := &api{Server: httptest.NewServer(h)}
	defer a.Close()
	for url, body := range map[string]string{"/predict_sales": readme, "/forecast_sales?store_id=1": ""} {
		if got := a.do(t, "POST", url, body); got.status != 500 || len(store.all()) != 0 {
			t.Errorf("%s: %d %s", url, got.status, got.body)
		}
	}
}

// TestTooLargeForASimpleClient: one that writes all before it reads anything
// gets its 413 too.
func TestTooLargeForASimpleClient(t *testing.T) {
	a := newAPI(t)
	conn, err := net.Dial("tcp", a.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	const size = maxBody + maxDrain
	head := fmt.Sprintf("POST /predict_sales HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", size)
	if _, err := io.WriteString(conn, head+strings.Repeat(" ", size)); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || resp.StatusCode != 413 {
		t.Errorf("%v %v", resp, err)
	}
}

// TestUnmapped: data of another shape is for the command line.
func TestUnmapped(t *testing.T) {
	other := samplePanel()
	other.Series = []sales.Series{{Key: sales.Key{"north"}, Frequency: other.Frequency}}
	for _, c := range []struct {
		what   string
		change func(*api)
	}{
		{"two key columns", func(a *api) { a.model.schema.KeyNames = []string{"store", "dept"} }},
		{"no key column", func(a *api) { a.model.schema.KeyNames = nil }},
		{"no cpi", func(a *api) { a.model.schema.ColumnNames = a.model.schema.ColumnNames[:3] }},
		{"names, not numbers", func(a *api) { a.store.panel = other }},
	} {
		t.Run(c.what, func(t *testing.T) {
			a := newAPI(t)
			c.change(a)
			a.start(t)
			for url, body := range map[string]string{"/predict_sales": readme, "/forecast_sales?store_id=1": "", "/forecast_sales": `{"store_id":1}`} {
				got := a.do(t, "POST", url, body)
				var answer struct{ Detail string }
				if err := json.Unmarshal([]byte(got.body), &answer); err != nil || got.status != 409 || !strings.Contains(answer.Detail, "use the command line") {
					t.Errorf("%s: %d %s", url, got.status, got.body)
				}
			}
		})
	}
}

// TestMoreColumns: what the request does not name is unknown, wherever it stands.
func TestMoreColumns(t *testing.T) {
	a := newAPI(t)
	a.model.schema.ColumnNames = []string{"promo", "cpi", "holiday_flag", "unemployment", "fuel_price", "temperature"}
	var asked sales.Row
	a.model.predict = func(r sales.Row) (float64, error) { asked = r; return 1, nil }
	a.start(t)
	if got := a.do(t, "POST", "/predict_sales", readme); got.status != 200 {
		t.Fatal(got)
	}
	want := sales.Row{Key: sales.Key{"1"}, Period: sales.Date(2012, 11, 9), Columns: []float64{math.NaN(), 238.2, 0, 5.8, 3.45, 75.5}}
	if diff := cmp.Diff(want, asked, cmpopts.EquateNaNs()); diff != "" {
		t.Error(diff)
	}
}

// TestKeysWithZeros: 7 is the store that the data calls 007.
func TestKeysWithZeros(t *testing.T) {
	a := newAPI(t)
	panel := samplePanel()
	one, _ := panel.Find(sales.Key{"1"})
	one.Key = sales.Key{"007"}
	panel.Series = []sales.Series{one}
	a.store.panel = panel
	if got := a.do(t, "POST", "/forecast_sales?store_id=7", ""); got.status != 200 {
		t.Errorf("%d %s", got.status, got.body)
	}
	if got := a.do(t, "POST", "/forecast_sales?store_id=99999999999999999999", ""); got.body != `{"detail":"store 99999999999999999999 not found"}` || got.status != 404 {
		t.Errorf("%d %s", got.status, got.body)
	}
}

// TestRecords: every number is kept, unrounded, with what it was made of.
func TestRecords(t *testing.T) {
	a := newAPI(t)
	a.do(t, "POST", "/predict_sales", readme, "X-Request-Id", "p-1")
	a.do(t, "POST", "/forecast_sales?store_id=45&steps=3&model=auto", "", "X-Request-Id", "f-1")
	a.do(t, "POST", "/forecast_sales?store_id=99", "")
	key := sales.Key{"45"}
	want := []sales.Served{
		{At: testTime, RequestID: "p-1", Model: "rf_gbt_mean", Version: "v7", Key: sales.Key{"1"}, Period: sales.Date(2012, 11, 9), Value: 15653.7554, Columns: []float64{0, 75.5, 3.45, 238.2, 5.8}},
		{At: testTime, RequestID: "f-1", Model: "arima", Version: "v7", Key: key, Period: sales.Date(2012, 11, 2), Horizon: 1, Value: 750791.4013},
		{At: testTime, RequestID: "f-1", Model: "arima", Version: "v7", Key: key, Period: sales.Date(2012, 11, 9), Horizon: 2, Value: 745211.5691},
		{At: testTime, RequestID: "f-1", Model: "seasonal_naive", Version: "v7", Key: key, Period: sales.Date(2012, 11, 16), Horizon: 3, Value: 739952.6248},
	}
	if diff := cmp.Diff(want, a.store.all(), cmpopts.EquateApprox(0, 1e-9)); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(a.log.String(), "a guess") {
		t.Error("the model's warning is not in the log")
	}
}

// TestClientThatHangsUp is no fault of ours, and no error in the log.
func TestClientThatHangsUp(t *testing.T) {
	a := newAPI(t)
	a.store.panelErr = fmt.Errorf("read the sales: %w", context.Canceled)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for _, gone := range []bool{false, true} {
		if gone {
			cancel()
		}
		r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/forecast_sales?store_id=1", nil)
		before := strings.Count(a.log.String(), "level=ERROR")
		a.handler(t).ServeHTTP(httptest.NewRecorder(), r)
		if logged := strings.Count(a.log.String(), "level=ERROR") > before; logged == gone {
			t.Errorf("gone %v, an error in the log %v", gone, logged)
		}
	}
}

func TestRecorderFails(t *testing.T) {
	a := newAPI(t)
	a.store.recordErr = errors.New("disk full")
	if got := a.do(t, "POST", "/predict_sales", readme); got.status != 200 || got.body != `{"prediction":15653.76}` {
		t.Errorf("%d %s", got.status, got.body)
	}
	if !strings.Contains(a.log.String(), "disk full") {
		t.Error("nothing in the log")
	}
}

// TestRecordOutlivesTheClient: a client that hangs up does not undo its record.
func TestRecordOutlivesTheClient(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	called := false
	s := &server{Options: Options{Now: time.Now, Recorder: recorderFunc(func(ctx context.Context) error {
		called = true
		if _, limited := ctx.Deadline(); !limited {
			t.Error("the recorder may take for ever")
		}
		return ctx.Err()
	}), Logger: slog.New(slog.NewTextHandler(failOnWrite{t}, nil))}}
	s.record(ctx, []sales.Served{{}})
	if !called {
		t.Error("nothing was recorded")
	}
}

type recorderFunc func(context.Context) error

func (f recorderFunc) Record(ctx context.Context, _ []sales.Served) error { return f(ctx) }

// failOnWrite is a log that must stay empty.
type failOnWrite struct{ testing.TB }

func (w failOnWrite) Write(p []byte) (int, error) {
	w.Errorf("logged %s", p)
	return len(p), nil
}

func TestRequestIDs(t *testing.T) {
	a := newAPI(t)
	for given, want := range map[string]string{
		"":                           "made-here",
		"a-Z_0.9:x":                  "a-Z_0.9:x",
		strings.Repeat("x", 128):     strings.Repeat("x", 128),
		strings.Repeat("x", 129):     "made-here",
		"with space":                 "made-here",
		"\"quoted\"":                 "made-here",
		"\u00e9":                     "made-here",
		"<script>alert(1)</script>":  "made-here",
		"a;b":                        "made-here",
		"0f8fad5b-d9cb-469f-a165-70": "0f8fad5b-d9cb-469f-a165-70",
	} {
		for _, url := range []string{"/healthz", "/nowhere"} {
			var headers []string
			if given != "" {
				headers = []string{"X-Request-Id", given}
			}
			if got := a.do(t, "GET", url, "", headers...).header.Get("X-Request-Id"); got != want {
				t.Errorf("%q: %q, want %q", given, got, want)
			}
		}
	}
}

func TestPanicsAreContained(t *testing.T) {
	a := newAPI(t)
	a.model.predict = func(sales.Row) (float64, error) { panic("off the rails") }
	got := a.do(t, "POST", "/predict_sales", readme, "X-Request-Id", "p-9")
	if got.status != 500 || got.body != `{"detail":"Internal Server Error"}` || got.header.Get("X-Request-Id") != "p-9" {
		t.Errorf("%v", got)
	}
	for _, want := range []string{"off the rails", "request_id=p-9", "status=500", "serve_test.go"} {
		if !strings.Contains(a.log.String(), want) {
			t.Errorf("the log lacks %q:\n%s", want, a.log)
		}
	}
	a.model.predict = func(sales.Row) (float64, error) { panic(http.ErrAbortHandler) }
	resp, err := a.Client().Post(a.URL+"/predict_sales", "application/json", strings.NewReader(readme))
	if err == nil {
		resp.Body.Close()
		t.Error("an aborted request was answered")
	}
}

func TestAccessLog(t *testing.T) {
	a := newAPI(t)
	a.do(t, "POST", "/forecast_sales?store_id=1&steps=0", "", "X-Request-Id", "r-5")
	if want := "level=INFO msg=request method=POST path=/forecast_sales status=422 duration=0s request_id=r-5"; !strings.Contains(a.log.String(), want) {
		t.Errorf("the log lacks %q:\n%s", want, a.log)
	}
}

func TestHealth(t *testing.T) {
	a := newAPI(t)
	a.store.panelErr = errors.New("no database")
	if got := a.do(t, "GET", "/healthz", ""); got.status != 200 || got.body != `{"status":"ok"}` {
		t.Errorf("%d %s", got.status, got.body)
	}
	if got := a.do(t, "HEAD", "/healthz", ""); got.status != 200 || got.body != "" {
		t.Errorf("HEAD: %d %q", got.status, got.body)
	}
	if got := a.do(t, "POST", "/healthz", ""); got.status != 405 || got.header.Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %d, Allow %q", got.status, got.header.Get("Allow"))
	}
}

// TestParallel: answers do not mix.
func TestParallel(t *testing.T) {
	a := newAPI(t)
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			if i%2 == 0 {
				got := a.do(t, "POST", "/predict_sales", with(t, "Temperature", fmt.Sprint(i)))
				if want := fmt.Sprintf(`{"prediction":%s}`, encoded(t, rounded(15653+float64(i)/100+0.0004))); got.body != want {
					t.Errorf("%s, want %s", got.body, want)
				}
				return
			}
			got := a.do(t, "POST", "/forecast_sales", fmt.Sprintf(`{"store_id":2,"steps":%d}`, i))
			if n := strings.Count(got.body, "Date"); n != i {
				t.Errorf("%d points, want %d", n, i)
			}
		})
	}
	wg.Wait()
	if n := len(a.store.all()); n != 50+50*50 {
		t.Errorf("%d records, want 2550", n)
	}
}
