package serve

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"testing"
)

// recorded is a line of testdata/fastapi.jsonl, made by testdata/record.py: what
// FastAPI answered, or understood where the request was good.
type recorded struct {
	Path        string
	Query       string
	ContentType *string `json:"content_type"`
	Body        string  // a character a byte
	Status      int
	Answer      any
}

func (c recorded) request() *http.Request {
	body := make([]byte, 0, len(c.Body))
	for _, char := range c.Body {
		body = append(body, byte(char))
	}
	r := httptest.NewRequest("POST", "http://salesctl"+c.Path, bytes.NewReader(body))
	r.URL.RawQuery = c.Query
	if c.ContentType != nil {
		r.Header.Set("Content-Type", *c.ContentType)
	}
	return r
}

// name shows a case in a test's output.
func (c recorded) name() string {
	text := c.Path + "?" + c.Query + " " + c.Body
	return text[:min(len(text), 200)]
}

func readRecorded(t testing.TB) []recorded {
	t.Helper()
	file, err := os.Open("testdata/fastapi.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	lines.Scan() // the versions
	var cases []recorded
	for lines.Scan() {
		var c recorded
		if err := decode(lines.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		cases = append(cases, c)
	}
	if len(cases) < 900 {
		t.Fatalf("only %d cases were recorded", len(cases))
	}
	return cases
}

// decode reads JSON without turning numbers into floats.
func decode(text []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	return dec.Decode(v)
}

// plainly returns v as JSON decodes it, with numbers by value, so that 1.0 and
// 1e0 are equal but 1 and 1.0 are not: Python tells them apart.
func plainly(t testing.TB, v any) any {
	t.Helper()
	switch v := v.(type) {
	case json.Number:
		if n, err := parseJSON([]byte(v.String())); err != nil {
			t.Fatal(err)
		} else if x, ok := n.(real); ok {
			return x
		}
		return v.String()
	case []any:
		for i := range v {
			v[i] = plainly(t, v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = plainly(t, v[k])
		}
	}
	return v
}

// understood tells what was read from a request, in the form of record.py.
func understood(r *http.Request) (any, error) {
	if r.URL.Path == "/forecast_sales" {
		q, err := readOutlook(r)
		if err != nil {
			return nil, err
		}
		return map[string]any{"store_id": q.store.String(), "steps": q.steps, "model": q.model}, nil
	}
	q, err := readRow(r)
	if err != nil {
		return nil, err
	}
	out := map[string]any{"Store": q.store.String(), "Date": q.day.String(), "Holiday_Flag": int(q.values[0])}
	for i, name := range rowFields[1:] {
		out[name] = real(q.values[i+1])
	}
	return out, nil
}

// TestFastAPI compares what is read, and every refusal to the letter.
func TestFastAPI(t *testing.T) {
	api := newAPI(t).handler(t)
	bad := 0
	for _, c := range readRecorded(t) {
		read, err := understood(c.request())
		status, body := http.StatusOK, read
		if err != nil {
			status, body = statusOf(err)
		}
		if c.Status == http.StatusInternalServerError {
			// FastAPI cannot write NaN, the infinities or half a surrogate
			// pair back into its 422. Refused they are.
			if status != http.StatusUnprocessableEntity && status != http.StatusBadRequest {
				t.Errorf("%s: status %d", c.name(), status)
			}
			continue
		}
		text, err := json.Marshal(body)
		if err != nil {
			t.Fatalf("%s: %v", c.name(), err)
		}
		var got any
		if err := decode(text, &got); err != nil {
			t.Fatal(err)
		}
		if status != c.Status || !reflect.DeepEqual(plainly(t, got), plainly(t, c.Answer)) {
			t.Errorf("%s\n got %d %.500s\nwant %d %.500v", c.name(), status, text, c.Status, c.Answer)
			if bad++; bad == 20 {
				t.FailNow()
			}
		}
		if status != http.StatusOK { // the handler must not say another thing than the reader
			w := httptest.NewRecorder()
			api.ServeHTTP(w, c.request())
			if w.Code != status || w.Body.String() != encoded(t, body) {
				t.Errorf("%s: the handler says %d %.300s", c.name(), w.Code, w.Body)
			}
		}
	}
}

// encoded is the body as the handlers write it.
func encoded(t testing.TB, v any) string {
	t.Helper()
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	return string(bytes.TrimSuffix(buf.Bytes(), []byte("\n")))
}

// TestRoundedAsPython compares with testdata/round.py.
func TestRoundedAsPython(t *testing.T) {
	text, err := os.ReadFile("testdata/round.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases [][3]any
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		x := c[0].(float64)
		got, err := json.Marshal(rounded(x))
		if err != nil || string(got) != c[1] || cents(x) != c[2] {
			t.Errorf("%v: %s and %s, want %s and %s", x, got, cents(x), c[1], c[2])
		}
	}
}
