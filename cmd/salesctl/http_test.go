package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// trainedSample makes, once a test run, the directory that `salesctl etl` and
// `salesctl train` leave behind, and returns its files and what train said. With
// -short, which is for the slow race detector, the trees are few.
var trainedSample = sync.OnceValues(func() (sample, error) {
	dir, err := os.MkdirTemp("", "salesctl-test-")
	if err != nil {
		return sample{}, err
	}
	defer os.RemoveAll(dir)
	var environ []string
	if testing.Short() {
		environ = []string{"SALESCTL_TRAIN_RF={n_estimators: 5}", "SALESCTL_TRAIN_GBT={n_estimators: 5}", "SALESCTL_TRAIN_FOLDS=1"}
	}
	var out sample
	for _, args := range [][]string{{"etl"}, {"train"}} {
		var said bytes.Buffer
		a := &app{stdout: &said, stderr: &said, now: time.Now, dir: dir, environ: environ}
		if code := run(context.Background(), a, commands(), args); code != exitOK {
			return sample{}, fmt.Errorf("salesctl %s: exit code %d: %s", args[0], code, &said)
		}
		out.said = said.String()
	}
	files := fstest.MapFS{}
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		files[filepath.ToSlash(name)] = &fstest.MapFile{Data: data, Mode: 0o644}
		return err
	})
	out.files = files
	return out, err
})

// sample is a directory in memory.
type sample struct {
	files fs.FS
	said  string // by train
}

// trainedDir returns a directory of its own with the sample, loaded and trained.
func trainedDir(t *testing.T) string {
	t.Helper()
	made, err := trainedSample()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, made.files); err != nil {
		t.Fatal(err)
	}
	return dir
}

// salesctl runs a command in the directory and returns what it wrote.
func salesctl(t *testing.T, dir string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, messages bytes.Buffer
	a := &app{stdin: strings.NewReader(""), stdout: &out, stderr: &messages, now: time.Now, dir: dir}
	code = run(t.Context(), a, commands(), args)
	return code, out.String(), messages.String()
}

// mustRun is salesctl for commands that have to end well.
func mustRun(t *testing.T, dir string, args ...string) (stdout string) {
	t.Helper()
	code, stdout, stderr := salesctl(t, dir, args...)
	if code != exitOK {
		t.Fatalf("salesctl %s: exit code %d: %s", strings.Join(args, " "), code, stderr)
	}
	return stdout
}

// api is a server under test.
type api string // its base URL

// serving runs `salesctl serve` in the directory until the test ends, on a real
// port of the loopback interface.
func serving(t *testing.T, dir string) api {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	stderr := &announcement{address: make(chan string, 1)}
	ended := make(chan int, 1)
	go func() {
		a := &app{stdout: io.Discard, stderr: stderr, now: time.Now, dir: dir}
		ended <- run(ctx, a, commands(), []string{"serve", "--port", "0"})
	}()
	t.Cleanup(func() {
		cancel()
		if code := <-ended; code != exitOK {
			t.Errorf("serve: exit code %d: %s", code, stderr.String())
		}
	})
	select {
	case address := <-stderr.address:
		return api(address)
	case code := <-ended:
		ended <- code
		t.Fatalf("serve ended with code %d: %s", code, stderr.String())
		return ""
	}
}

// announcement keeps what a server writes and picks out the address.
type announcement struct {
	address chan string
	mu      sync.Mutex
	text    bytes.Buffer
}

var listeningOn = regexp.MustCompile(`listening on (http://\S+)`)

func (w *announcement) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if found := listeningOn.FindSubmatch(p); found != nil {
		w.address <- string(found[1])
	}
	return w.text.Write(p)
}

func (w *announcement) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

// send asks by the method; a body goes as JSON. It may run beside others.
func (s api) send(method, path, body string) (answer, error) {
	r, err := http.NewRequest(method, string(s)+path, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, string(text)}, err
}

// post is send of a POST that has to get through.
func (s api) post(t *testing.T, path, body string) answer {
	t.Helper()
	got, err := s.send(http.MethodPost, path, body)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// predict asks for a row and returns the number.
func (s api) predict(t *testing.T, body string) float64 {
	t.Helper()
	got := s.post(t, "/predict_sales", body)
	var row map[string]float64
	if err := json.Unmarshal([]byte(got.body), &row); err != nil || got.status != http.StatusOK || len(row) != 1 {
		t.Fatalf("%s: %d %s", body, got.status, got.body)
	}
	return row["prediction"]
}

// week is a line of a forecast.
type week struct{ Date, Sales string }

// forecast asks by query and returns the weeks.
func (s api) forecast(t *testing.T, query string) []week {
	t.Helper()
	got := s.post(t, "/forecast_sales?"+query, "")
	var weeks struct{ Predictions []week }
	if err := json.Unmarshal([]byte(got.body), &weeks); err != nil || got.status != http.StatusOK {
		t.Fatalf("%s: %d %s", query, got.status, got.body)
	}
	return weeks.Predictions
}

// readmeRow is the body that the Python original's README shows.
const readmeRow = `{"Store":1,"Date":"03-11-2012","Holiday_Flag":0,"Temperature":75.5,"Fuel_Price":3.45,"CPI":238.2,"Unemployment":5.8}`

// with replaces a field of readmeRow, `"Store":1` by `"Store":99`.
func with(t *testing.T, old, new string) string {
	t.Helper()
	if !strings.Contains(readmeRow, old) {
		t.Fatalf("the row has no %s", old)
	}
	return strings.Replace(readmeRow, old, new, 1)
}

// refusal is the body of a 422 with one item: its type, loc and input, the
// message and, where there is one, ctx.
func refusal(typ, loc, input, msg string, ctx ...string) string {
	item := fmt.Sprintf(`{"type":%q,"loc":%s,"input":%s,"msg":%q`, typ, loc, input, msg)
	if len(ctx) > 0 {
		item += `,"ctx":` + ctx[0]
	}
	return `{"detail":[` + item + `}]}`
}

// The patterns of good answers.
const (
	aPrediction = `^\{"prediction":[0-9]+\.[0-9]{1,2}\}$`
	threeWeeks  = `^\{"predictions":\[(\{"Date":"[0-9]{2}-11-2012","Sales":"[0-9]+\.[0-9]{2}"\},?){3}\]\}$`
	fiveWeeks   = `^\{"predictions":\[\{"Date":"02-11-2012",.*"Date":"09-11-2012",.*"Date":"16-11-2012",.*"Date":"23-11-2012",.*"Date":"30-11-2012","Sales":"[0-9]+\.[0-9]{2}"\}\]\}$`
	bareWeeks   = `^\[\{"Date":"2012-11-02","Sales":[0-9]+\.[0-9]{1,2}\},\{"Date":"2012-11-09",[^}]*\},\{"Date":"2012-11-16",[^}]*\}\]$`
)

// The messages of refusals.
const (
	notInteger = "Input should be a valid integer, unable to parse string as an integer"
	notFinite  = "Input should be a finite number"
	noDay      = "Value error, Date should be a day as dd-mm-yyyy or yyyy-mm-dd"
	tooFew     = "Input should be greater than or equal to 1"
	tooMany    = "Input should be less than or equal to 520"
)

// TestContract asks a trained pipeline and its database over real HTTP what the
// contract lists, by its ids. The letter of the refusals is FastAPI's, and
// pkg/serve holds many more against it.
func TestContract(t *testing.T) {
	s := serving(t, trainedDir(t))
	missing := func(field string) string {
		return `{"type":"missing","loc":["body","` + field + `"],"msg":"Field required","input":{"Date":"03-11-2012","Store":1}}`
	}
	for _, c := range []struct {
		id, what    string
		method, url string // POST where there is none
		body        string
		status      int
		want        string // the JSON of a refusal, or the pattern of a 200
	}{
		{id: "C01", what: "the README's body", url: "/predict_sales", body: readmeRow, status: 200, want: aPrediction},
		{id: "C02", what: "a far future", url: "/predict_sales", body: with(t, "03-11-2012", "01-01-2022"), status: 200, want: aPrediction},
		{id: "C03", what: "Store abc", url: "/predict_sales", body: with(t, `"Store":1`, `"Store":"abc"`), status: 422,
			want: refusal("int_parsing", `["body","Store"]`, `"abc"`, notInteger)},
		{id: "C04", what: "Store and Date only", url: "/predict_sales", body: `{"Store":1,"Date":"03-11-2012"}`, status: 422,
			want: `{"detail":[` + strings.Join([]string{missing("Holiday_Flag"), missing("Temperature"), missing("Fuel_Price"), missing("CPI"), missing("Unemployment")}, ",") + `]}`},
		{id: "C05", what: "a store as text", url: "/predict_sales", body: with(t, `"Store":1`, `"Store":"1"`), status: 200, want: aPrediction},
		{id: "C05", what: "a number as text", url: "/predict_sales", body: with(t, "238.2", `"238.2"`), status: 200, want: aPrediction},
		{id: "C06", what: "Store 1.0", url: "/predict_sales", body: with(t, `"Store":1`, `"Store":1.0`), status: 200, want: aPrediction},
		{id: "C06", what: "Store 1.5", url: "/predict_sales", body: with(t, `"Store":1`, `"Store":1.5`), status: 422,
			want: refusal("int_from_float", `["body","Store"]`, "1.5", "Input should be a valid integer, got a number with a fractional part")},
		{id: "C06", what: "Store null", url: "/predict_sales", body: with(t, `"Store":1`, `"Store":null`), status: 422,
			want: refusal("int_type", `["body","Store"]`, "null", "Input should be a valid integer")},
		{id: "C07", what: "Date a number", url: "/predict_sales", body: with(t, `"03-11-2012"`, "20121103"), status: 422,
			want: refusal("string_type", `["body","Date"]`, "20121103", "Input should be a valid string")},
		{id: "C08", what: "short day and month", url: "/predict_sales", body: with(t, "03-11-2012", "1-1-2022"), status: 200, want: aPrediction},
		{id: "C08", what: "ISO", url: "/predict_sales", body: with(t, "03-11-2012", "2012-11-03"), status: 200, want: aPrediction},
		{id: "C08", what: "no such day", url: "/predict_sales", body: with(t, "03-11-2012", "31-02-2012"), status: 422,
			want: refusal("value_error", `["body","Date"]`, `"31-02-2012"`, noDay, `{"error":{}}`)},
		{id: "C08", what: "no date", url: "/predict_sales", body: with(t, "03-11-2012", "soon"), status: 422,
			want: refusal("value_error", `["body","Date"]`, `"soon"`, noDay, `{"error":{}}`)},
		{id: "C09", what: "an unknown store", url: "/predict_sales", body: with(t, `"Store":1`, `"Store":99`), status: 404, want: `{"detail":"store 99 not found"}`},
		{id: "C10", what: "CPI nan", url: "/predict_sales", body: with(t, "238.2", `"nan"`), status: 422, want: refusal("finite_number", `["body","CPI"]`, `"nan"`, notFinite)},
		{id: "C10", what: "CPI inf", url: "/predict_sales", body: with(t, "238.2", `"inf"`), status: 422, want: refusal("finite_number", `["body","CPI"]`, `"inf"`, notFinite)},
		{id: "C11", what: "Holiday_Flag 2", url: "/predict_sales", body: with(t, `"Holiday_Flag":0`, `"Holiday_Flag":2`), status: 422,
			want: refusal("less_than_equal", `["body","Holiday_Flag"]`, "2", "Input should be less than or equal to 1", `{"le":1}`)},
		{id: "C12", what: "an extra field", url: "/predict_sales", body: with(t, "{", `{"Weekly_Sales":"?",`), status: 200, want: aPrediction},
		{id: "C13", what: "no body", url: "/predict_sales", status: 422, want: refusal("missing", `["body"]`, "null", "Field required")},
		{id: "C13", what: "broken JSON", url: "/predict_sales", body: `{"Store": 1,`, status: 422,
			want: refusal("json_invalid", `["body",12]`, "{}", "JSON decode error", `{"error":"Expecting property name enclosed in double quotes"}`)},
		{id: "C13", what: "a list", url: "/predict_sales", body: `[1]`, status: 422,
			want: refusal("model_attributes_type", `["body"]`, "[1]", "Input should be a valid dictionary or object to extract fields from")},
		{id: "C14", what: "a byte over 1 MiB", url: "/predict_sales", body: readmeRow + strings.Repeat(" ", 1<<20+1-len(readmeRow)), status: 413, want: `{"detail":"the request body is over 1 MiB"}`},
		{id: "C14", what: "exactly 1 MiB", url: "/predict_sales", body: readmeRow + strings.Repeat(" ", 1<<20-len(readmeRow)), status: 200, want: aPrediction},
		{id: "C15", what: "store and steps", url: "/forecast_sales?store_id=1&steps=5", status: 200, want: fiveWeeks},
		{id: "C16", what: "store only", url: "/forecast_sales?store_id=1", status: 200, want: threeWeeks},
		{id: "C17", what: "store_id=abc", url: "/forecast_sales?store_id=abc", status: 422, want: refusal("int_parsing", `["query","store_id"]`, `"abc"`, notInteger)},
		{id: "C17", what: "steps=abc", url: "/forecast_sales?store_id=1&steps=abc", status: 422, want: refusal("int_parsing", `["query","steps"]`, `"abc"`, notInteger)},
		{id: "C18", what: "steps=-1", url: "/forecast_sales?store_id=1&steps=-1", status: 422, want: refusal("greater_than_equal", `["query","steps"]`, `"-1"`, tooFew, `{"ge":1}`)},
		{id: "C18", what: "steps=0", url: "/forecast_sales?store_id=1&steps=0", status: 422, want: refusal("greater_than_equal", `["query","steps"]`, `"0"`, tooFew, `{"ge":1}`)},
		{id: "C19", what: "steps=521", url: "/forecast_sales?store_id=1&steps=521", status: 422, want: refusal("less_than_equal", `["query","steps"]`, `"521"`, tooMany, `{"le":520}`)},
		{id: "C19", what: "steps=100000", url: "/forecast_sales?store_id=1&steps=100000", status: 422, want: refusal("less_than_equal", `["query","steps"]`, `"100000"`, tooMany, `{"le":520}`)},
		{id: "C19", what: "steps=520 is allowed", url: "/forecast_sales?store_id=1&steps=520", status: 200, want: `"14-10-2022"`},
		{id: "C20", what: "an unknown store", url: "/forecast_sales?store_id=99", status: 404, want: `{"detail":"store 99 not found"}`},
		{id: "C21", what: "a body without steps", url: "/forecast_sales", body: `{"store_id":1}`, status: 200, want: bareWeeks},
		{id: "C21", what: "a body, steps -1", url: "/forecast_sales", body: `{"store_id":1,"steps":-1}`, status: 422, want: refusal("greater_than_equal", `["body","steps"]`, "-1", tooFew, `{"ge":1}`)},
		{id: "C21", what: "a body, steps abc", url: "/forecast_sales", body: `{"store_id":1,"steps":"abc"}`, status: 422, want: refusal("int_parsing", `["body","steps"]`, `"abc"`, notInteger)},
		{id: "C22", what: "GET", method: "GET", url: "/forecast_sales", status: 405, want: `{"detail":"Method Not Allowed"}`},
		{id: "C23", what: "an unknown path", method: "GET", url: "/nowhere", status: 404, want: `{"detail":"Not Found"}`},
	} {
		t.Run(c.id+" "+c.what, func(t *testing.T) {
			method := c.method
			if method == "" {
				method = http.MethodPost
			}
			got, err := s.send(method, c.url, c.body)
			if err != nil {
				t.Fatal(err)
			}
			if got.status != c.status || got.header.Get("Content-Type") != "application/json" || got.header.Get("X-Request-Id") == "" {
				t.Errorf("%d %v, want %d", got.status, got.header, c.status)
			}
			if allow := got.header.Get("Allow"); c.status == http.StatusMethodNotAllowed && allow != http.MethodPost {
				t.Errorf("Allow %q", allow)
			}
			if c.status == http.StatusOK {
				if !regexp.MustCompile(c.want).MatchString(got.body) {
					t.Errorf("%s does not match %s", got.body, c.want)
				}
			} else if diff := cmp.Diff(decoded(t, c.want), decoded(t, got.body)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// decoded reads JSON, so that answers are compared by what they say.
func decoded(t *testing.T, text string) (v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return v
}

// TestPublishedForecasts holds C30 and C31, the forecasts of statsmodels 0.15.0,
// against both ways to ask.
func TestPublishedForecasts(t *testing.T) {
	dir := trainedDir(t)
	s := serving(t, dir)
	for _, c := range []struct {
		id, store string
		want      []float64
	}{
		{"C30", "1", []float64{1565441.04, 1524020.55, 1530962.89, 1530656.90, 1545704.82}},
		{"C31", "45", []float64{750791.40, 745211.57, 739952.66, 750432.96}},
	} {
		steps := strconv.Itoa(len(c.want))
		byCommand := forecastCSV(t, mustRun(t, dir, "forecast", "--store", c.store, "--steps", steps, "--model", "arima", "-o", "csv"))
		byHTTP := s.forecast(t, "store_id="+c.store+"&steps="+steps)
		for i, want := range c.want {
			got, err := strconv.ParseFloat(byHTTP[i].Sales, 64)
			if err != nil || math.Abs(got/want-1) > 0.001 {
				t.Errorf("%s, week %d by HTTP: %v, %v, want %v within 0.1 %%", c.id, i+1, got, err, want)
			}
			if command := byCommand[i].forecast; math.Abs(command-got) > 0.005 {
				t.Errorf("%s, week %d: %v by HTTP, %v by the command line", c.id, i+1, got, command)
			}
		}
	}
}
