package serve

import (
	"encoding/json"
	"strings"
	"testing"
)

// readme is the body that the Python original's README shows.
const readme = `{"Store": 1, "Date": "03-11-2012", "Holiday_Flag": 0, "Temperature": 75.5, "Fuel_Price": 3.45, "CPI": 238.2, "Unemployment": 5.8}`

// with returns readme with one field's value replaced; an empty one removes it.
func with(t *testing.T, field, value string) string {
	t.Helper()
	var row map[string]json.RawMessage
	if err := json.Unmarshal([]byte(readme), &row); err != nil {
		t.Fatal(err)
	}
	if row[field] == nil {
		t.Fatalf("the README's body has no %s", field)
	}
	row[field] = json.RawMessage(value)
	text, err := json.Marshal(row)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// refused is the 422 with one item; parts are its type, loc, msg and input, and
// its ctx where it has one.
func refused(parts ...string) string {
	body := `{"detail":[{"type":"` + parts[0] + `","loc":` + parts[1] + `,"msg":"` + parts[2] + `","input":` + parts[3]
	if len(parts) > 4 {
		body += `,"ctx":` + parts[4]
	}
	return body + `}]}`
}

const (
	notInteger = "Input should be a valid integer, unable to parse string as an integer"
	threeWeeks = `[{"Date":"2012-11-02","Sales":1565441.04},{"Date":"2012-11-09","Sales":1524020.55},{"Date":"2012-11-16","Sales":1530962.89}]`
	noDate     = "Value error, Date should be a day as dd-mm-yyyy or yyyy-mm-dd"
)

func missing(field string) string {
	return `{"type":"missing","loc":["body","` + field + `"],"msg":"Field required","input":{"Date":"03-11-2012","Store":1}}`
}

// TestContract holds the HTTP cases of the contract by their ids.
func TestContract(t *testing.T) {
	a := newAPI(t)
	cases := []struct {
		id, what    string
		method, url string // POST where there is none
		body        string
		status      int
		want        string // the whole answer; "" for cases that look at the status alone
	}{
		// 03-11-2012 is a Saturday, of the week that ends on 2012-11-09, day 15653.
		{id: "C01", what: "the README's body", url: "/predict_sales", body: readme, status: 200, want: `{"prediction":15653.76}`},
		{id: "C02", what: "a far future", url: "/predict_sales", body: with(t, "Date", `"01-01-2022"`), status: 200, want: `{"prediction":18999.76}`},
		{id: "C03", what: "Store abc", url: "/predict_sales", body: with(t, "Store", `"abc"`), status: 422,
			want: refused("int_parsing", `["body","Store"]`, notInteger, `"abc"`)},
		{id: "C04", what: "Store and Date only", url: "/predict_sales", body: `{"Store":1,"Date":"03-11-2012"}`, status: 422,
			want: `{"detail":[` + strings.Join([]string{missing("Holiday_Flag"), missing("Temperature"), missing("Fuel_Price"), missing("CPI"), missing("Unemployment")}, ",") + `]}`},
		{id: "C05", what: "a store as text", url: "/predict_sales", body: with(t, "Store", `"1"`), status: 200, want: `{"prediction":15653.76}`},
		{id: "C05", what: "a number as text", url: "/predict_sales", body: with(t, "CPI", `"238.2"`), status: 200, want: `{"prediction":15653.76}`},
		{id: "C06", what: "Store 1.0", url: "/predict_sales", body: with(t, "Store", "1.0"), status: 200, want: `{"prediction":15653.76}`},
		{id: "C06", what: "Store 1.5", url: "/predict_sales", body: with(t, "Store", "1.5"), status: 422,
			want: refused("int_from_float", `["body","Store"]`, "Input should be a valid integer, got a number with a fractional part", "1.5")},
		{id: "C06", what: "Store null", url: "/predict_sales", body: with(t, "Store", "null"), status: 422,
			want: refused("int_type", `["body","Store"]`, "Input should be a valid integer", "null")},
		{id: "C07", what: "Date a number", url: "/predict_sales", body: with(t, "Date", "20121103"), status: 422,
			want: refused("string_type", `["body","Date"]`, "Input should be a valid string", "20121103")},
		{id: "C08", what: "short day and month", url: "/predict_sales", body: with(t, "Date", `"1-1-2022"`), status: 200, want: `{"prediction":18999.76}`},
		{id: "C08", what: "ISO", url: "/predict_sales", body: with(t, "Date", `"2012-11-03"`), status: 200, want: `{"prediction":15653.76}`},
		{id: "C08", what: "no such day", url: "/predict_sales", body: with(t, "Date", `"31-02-2012"`), status: 422,
			want: refused("value_error", `["body","Date"]`, noDate, `"31-02-2012"`, `{"error":{}}`)},
		{id: "C08", what: "no date", url: "/predict_sales", body: with(t, "Date", `"soon"`), status: 422,
			want: refused("value_error", `["body","Date"]`, noDate, `"soon"`, `{"error":{}}`)},
		{id: "C09", what: "an unknown store", url: "/predict_sales", body: with(t, "Store", "99"), status: 404, want: `{"detail":"store 99 not found"}`},
		{id: "C10", what: "CPI nan", url: "/predict_sales", body: with(t, "CPI", `"nan"`), status: 422,
			want: refused("finite_number", `["body","CPI"]`, "Input should be a finite number", `"nan"`)},
		{id: "C10", what: "CPI inf", url: "/predict_sales", body: with(t, "CPI", `"inf"`), status: 422,
			want: refused("finite_number", `["body","CPI"]`, "Input should be a finite number", `"inf"`)},
		{id: "C11", what: "Holiday_Flag 2", url: "/predict_sales", body: with(t, "Holiday_Flag", "2"), status: 422,
			want: refused("less_than_equal", `["body","Holiday_Flag"]`, "Input should be less than or equal to 1", "2", `{"le":1}`)},
		{id: "C12", what: "an extra field", url: "/predict_sales", body: strings.Replace(readme, "{", `{"Weekly_Sales": "?", `, 1), status: 200, want: `{"prediction":15653.76}`},
		{id: "C13", what: "no body", url: "/predict_sales", status: 422, want: refused("missing", `["body"]`, "Field required", "null")},
		{id: "C13", what: "broken JSON", url: "/predict_sales", body: `{"Store": 1,`, status: 422,
			want: refused("json_invalid", `["body",12]`, "JSON decode error", "{}", `{"error":"Expecting property name enclosed in double quotes"}`)},
		{id: "C13", what: "a list", url: "/predict_sales", body: `[1]`, status: 422,
			want: refused("model_attributes_type", `["body"]`, "Input should be a valid dictionary or object to extract fields from", "[1]")},
		{id: "C14", what: "a byte over 1 MiB", url: "/predict_sales", body: readme + strings.Repeat(" ", maxBody+1-len(readme)), status: 413, want: `{"detail":"the request body is over 1 MiB"}`},
		{id: "C14", what: "exactly 1 MiB", url: "/predict_sales", body: readme + strings.Repeat(" ", maxBody-len(readme)), status: 200},
		{id: "C14", what: "4 MiB", url: "/forecast_sales", body: strings.Repeat(" ", 4*maxBody), status: 413},
		{id: "C15", what: "store and steps", url: "/forecast_sales?store_id=1&steps=5", status: 200,
			want: `{"predictions":[{"Date":"02-11-2012","Sales":"1565441.04"},{"Date":"09-11-2012","Sales":"1524020.55"},{"Date":"16-11-2012","Sales":"1530962.89"},{"Date":"23-11-2012","Sales":"1530656.90"},{"Date":"30-11-2012","Sales":"1545704.82"}]}`},
		{id: "C16", what: "store only", url: "/forecast_sales?store_id=1", status: 200,
			want: `{"predictions":[{"Date":"02-11-2012","Sales":"1565441.04"},{"Date":"09-11-2012","Sales":"1524020.55"},{"Date":"16-11-2012","Sales":"1530962.89"}]}`},
		{id: "C17", what: "store_id=abc", url: "/forecast_sales?store_id=abc", status: 422, want: refused("int_parsing", `["query","store_id"]`, notInteger, `"abc"`)},
		{id: "C17", what: "steps=abc", url: "/forecast_sales?store_id=1&steps=abc", status: 422, want: refused("int_parsing", `["query","steps"]`, notInteger, `"abc"`)},
		{id: "C18", what: "steps=-1", url: "/forecast_sales?store_id=1&steps=-1", status: 422,
			want: refused("greater_than_equal", `["query","steps"]`, "Input should be greater than or equal to 1", `"-1"`, `{"ge":1}`)},
		{id: "C18", what: "steps=0", url: "/forecast_sales?store_id=1&steps=0", status: 422,
			want: refused("greater_than_equal", `["query","steps"]`, "Input should be greater than or equal to 1", `"0"`, `{"ge":1}`)},
		{id: "C19", what: "steps=521", url: "/forecast_sales?store_id=1&steps=521", status: 422,
			want: refused("less_than_equal", `["query","steps"]`, "Input should be less than or equal to 520", `"521"`, `{"le":520}`)},
		{id: "C19", what: "steps=100000", url: "/forecast_sales?store_id=1&steps=100000", status: 422,
			want: refused("less_than_equal", `["query","steps"]`, "Input should be less than or equal to 520", `"100000"`, `{"le":520}`)},
		{id: "C19", what: "steps=520 is allowed", url: "/forecast_sales?store_id=1&steps=520", status: 200},
		{id: "C20", what: "an unknown store", url: "/forecast_sales?store_id=99", status: 404, want: `{"detail":"store 99 not found"}`},
		{id: "C21", what: "a body without steps", url: "/forecast_sales", body: `{"store_id":1}`, status: 200, want: threeWeeks},
		{id: "C21", what: "a body, steps -1", url: "/forecast_sales", body: `{"store_id":1,"steps":-1}`, status: 422,
			want: refused("greater_than_equal", `["body","steps"]`, "Input should be greater than or equal to 1", "-1", `{"ge":1}`)},
		{id: "C21", what: "a body, steps abc", url: "/forecast_sales", body: `{"store_id":1,"steps":"abc"}`, status: 422, want: refused("int_parsing", `["body","steps"]`, notInteger, `"abc"`)},
		{id: "C22", what: "GET", method: "GET", url: "/forecast_sales", status: 405, want: `{"detail":"Method Not Allowed"}`},
		{id: "C22", what: "DELETE", method: "DELETE", url: "/predict_sales", status: 405, want: `{"detail":"Method Not Allowed"}`},
		{id: "C23", what: "an unknown path", method: "GET", url: "/nowhere", status: 404, want: `{"detail":"Not Found"}`},
		{id: "C23", what: "not built yet", url: "/monitor_mlflow", status: 404, want: `{"detail":"Not Found"}`},
		{id: "C23", what: "the root", method: "GET", url: "/", status: 404, want: `{"detail":"Not Found"}`},
		{id: "C23", what: "a path that would be redirected", method: "GET", url: "//healthz", status: 404, want: `{"detail":"Not Found"}`},
		{id: "C30", what: "ARIMA of store 1", url: "/forecast_sales", body: `{"store_id":1,"steps":5}`, status: 200,
			want: `[{"Date":"2012-11-02","Sales":1565441.04},{"Date":"2012-11-09","Sales":1524020.55},{"Date":"2012-11-16","Sales":1530962.89},{"Date":"2012-11-23","Sales":1530656.9},{"Date":"2012-11-30","Sales":1545704.82}]`},
		{id: "C31", what: "ARIMA of store 45", url: "/forecast_sales?store_id=45&steps=4", status: 200,
			want: `{"predictions":[{"Date":"02-11-2012","Sales":"750791.40"},{"Date":"09-11-2012","Sales":"745211.57"},{"Date":"16-11-2012","Sales":"739952.62"},{"Date":"23-11-2012","Sales":"750432.96"}]}`},
	}
	for _, c := range cases {
		t.Run(c.id+" "+c.what, func(t *testing.T) {
			method := c.method
			if method == "" {
				method = "POST"
			}
			got := a.do(t, method, c.url, c.body)
			if got.status != c.status {
				t.Errorf("status %d, want %d", got.status, c.status)
			}
			if c.want != "" && got.body != c.want {
				t.Errorf("answer\n got %s\nwant %s", got.body, c.want)
			}
			if c.status == 405 && got.header.Get("Allow") != "POST" {
				t.Errorf("Allow %q", got.header.Get("Allow"))
			}
			if got.header.Get("Content-Type") != "application/json" || got.header.Get("X-Request-Id") == "" {
				t.Errorf("headers %v", got.header)
			}
		})
	}
}

// TestC27 asks twice: what was answered is kept, and changes no answer.
func TestC27(t *testing.T) {
	a := newAPI(t)
	first := a.do(t, "POST", "/predict_sales", readme, "X-Request-Id", "one")
	second := a.do(t, "POST", "/predict_sales", readme, "X-Request-Id", "two")
	if first.body != second.body || first.status != 200 {
		t.Errorf("%v, then %v", first, second)
	}
	served := a.store.all()
	if len(served) != 2 || served[0].RequestID != "one" || served[1].RequestID != "two" {
		t.Errorf("recorded %v", served)
	}
	if n := a.store.panel.Len(); n != 6435 {
		t.Errorf("the history has %d rows, want the 6,435 it had", n)
	}
}
