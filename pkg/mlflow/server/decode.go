package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/salesctl/salesctl/pkg/mlflow"
)

// seeDocs ends the message about a parameter that is missing or wrong.
const seeDocs = " See the API docs for more information about request parameters."

// reader takes the parameters out of a request, or out of one message of a
// repeated parameter. The first that is missing or wrong stays in err, and all
// later ones read as empty, so that a handler asks once.
//
// The rules are those of protocol buffers in JSON: names in snake_case or in
// camelCase, integers as numbers or as strings, enumerations by name or number,
// null for absent, unknown names ignored.
type reader struct {
	v     value
	in    string // the parameter that this message is in; "" in a request
	index int    // its place there; -1 where it is the only one
	err   error
}

// read returns a reader over the parameters of the request: those of the query
// where a GET has one, else those of the body.
func (h *handler) read(w http.ResponseWriter, r *http.Request) *reader {
	return h.readUpTo(w, r, h.MaxBody)
}

// readUpTo is read for a body of so many bytes at most.
func (h *handler) readUpTo(w http.ResponseWriter, r *http.Request, limit int64) *reader {
	if r.Method == http.MethodGet && r.URL.RawQuery != "" {
		return &reader{v: queryValue(r)}
	}
	if err := checkContentType(r); err != nil {
		return &reader{err: err}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if err != nil {
		if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
			return &reader{err: &tooLargeError{limit}}
		}
		return &reader{err: &brokenError{err}}
	}
	v, err := parseBody(body)
	return &reader{v: v, err: err}
}

// consult takes a question out of a request and puts it to a store, unless a part of it
// is missing or wrong.
func consult[Q, A any](ctx context.Context, r *reader, read func(*reader) Q, store func(context.Context, Q) (A, error)) (a A, err error) {
	question := read(r)
	if r.err != nil {
		return a, r.err
	}
	return store(ctx, question)
}

// checkContentType refuses what MLflow's server refuses. Browsers send no
// application/json across origins unasked, so that it also is a guard.
func checkContentType(r *http.Request) error {
	if r.Method != http.MethodPost && r.Method != http.MethodPut {
		return nil
	}
	t := r.Header.Get("Content-Type")
	if t == "" {
		return mlflow.Errorf(mlflow.InvalidParameterValue, "Bad Request. Content-Type header is missing.")
	}
	if before, _, _ := strings.Cut(t, ";"); before != "application/json" {
		return mlflow.Errorf(mlflow.InvalidParameterValue, "Bad Request. Content-Type must be one of ['application/json'].")
	}
	return nil
}

// queryValue makes a message of a query. Nothing there says whether a parameter
// is repeated, so that each is a string and a list of strings at once.
func queryValue(r *http.Request) value {
	v := value{kind: jsonObject}
	for name, all := range r.URL.Query() {
		m := member{name, value{kind: jsonText, text: all[0]}}
		for _, s := range all {
			m.value.items = append(m.value.items, value{kind: jsonText, text: s})
		}
		v.members = append(v.members, m)
	}
	return v
}

// has reports whether the parameter is there.
func (r *reader) has(name string) bool { return r.v.get(name).kind != jsonAbsent }

// path names the parameter for a message.
func (r *reader) path(name string) string {
	switch {
	case r.in == "":
		return name
	case r.index < 0:
		return r.in + "." + name
	}
	return fmt.Sprintf("%s[%d].%s", r.in, r.index, name)
}

// fail keeps the error if it is the first.
func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// missing says that a required parameter is not there.
func (r *reader) missing(name string) {
	r.fail(mlflow.Errorf(mlflow.InvalidParameterValue, "Missing value for required parameter '%s'."+seeDocs, r.path(name)))
}

// maxShown is how much of a wrong value a message shows, in bytes.
const maxShown = 2000

// bad says that a parameter has a wrong value.
func (r *reader) bad(name string, v value) {
	shown := v.appendPython(nil)
	if len(shown) > maxShown {
		shown = append(shown[:maxShown], "..."...)
	}
	r.fail(mlflow.Errorf(mlflow.InvalidParameterValue, "Invalid value %s for parameter '%s' supplied:  Hint: Value was of type '%s'."+seeDocs,
		shown, r.path(name), v.kind.python()))
}

// need says that the parameters must be there; an empty string is not.
func (r *reader) need(names ...string) *reader {
	for _, name := range names {
		if v := r.v.get(name); v.kind == jsonAbsent || v.kind == jsonText && v.text == "" {
			r.missing(name)
		}
	}
	return r
}

// runID reads the run that a request is about, by the name of old clients, too.
func (r *reader) runID() string {
	if !r.has("run_id") && r.has("run_uuid") {
		return r.need("run_uuid").str("run_uuid")
	}
	return r.need("run_id").str("run_id")
}

// str reads a string.
func (r *reader) str(name string) string {
	v := r.v.get(name)
	if v.kind != jsonText && v.kind != jsonAbsent {
		r.bad(name, v)
	}
	if r.err != nil {
		return ""
	}
	return v.text
}

// strs reads a list of strings.
func (r *reader) strs(name string) []string {
	v := r.v.get(name)
	if v.kind == jsonAbsent || r.err != nil {
		return nil
	}
	out := make([]string, 0, len(v.items))
	for _, item := range v.items {
		if item.kind != jsonText {
			r.bad(name, v)
			return nil
		}
		out = append(out, item.text)
	}
	if v.kind != jsonList && v.items == nil {
		r.bad(name, v)
	}
	return out
}

// int64 reads an integer, 0 where there is none.
func (r *reader) int64(name string) int64 {
	v := r.v.get(name)
	n, ok := v.int64()
	if !ok && v.kind != jsonAbsent {
		r.bad(name, v)
	}
	return n
}

// int reads an integer of 32 bits and reports whether it is there.
func (r *reader) int(name string) (n int, given bool) {
	v := r.v.get(name)
	wide, ok := v.int64()
	if v.kind == jsonAbsent {
		return 0, false
	}
	if !ok || wide != int64(int32(wide)) {
		r.bad(name, v)
		return 0, true
	}
	return int(wide), true
}

// pageSize reads how many results a page has at most, 0 where that is the
// server's to say.
func (r *reader) pageSize() int {
	n, given := r.int("max_results")
	if given && n < 1 {
		r.fail(mlflow.Errorf(mlflow.InvalidParameterValue,
			"Invalid value %d for parameter 'max_results' supplied. It must be a positive integer", n))
	}
	return n
}

// pageSizeUpTo reads how many results a page has, where the route bounds it.
func (r *reader) pageSizeUpTo(limit int) int {
	n := r.pageSize()
	if n > limit {
		r.bad("max_results", r.v.get("max_results"))
	}
	return n
}

// optional reads an integer, nil where there is none.
func (r *reader) optional(name string) *int64 {
	if !r.has(name) {
		return nil
	}
	n := r.int64(name)
	return &n
}

// bool reads a truth value, false where there is none.
func (r *reader) bool(name string) bool {
	v := r.v.get(name)
	if v.kind != jsonBoolean && v.kind != jsonAbsent {
		r.bad(name, v)
	}
	return v.text == "true"
}

// number reads a metric's value, 0 where there is none.
func (r *reader) number(name string) mlflow.Number {
	v := r.v.get(name)
	f, ok := v.float64()
	if !ok && v.kind != jsonAbsent {
		r.bad(name, v)
	}
	return mlflow.Number(f)
}

// enum reads one of the names, which protocol buffers number from first on; ""
// where there is none.
func enum[T ~string](r *reader, name string, first int, names ...T) T {
	v := r.v.get(name)
	if v.kind == jsonAbsent {
		return ""
	}
	if v.kind == jsonText && slices.Contains(names, T(v.text)) {
		return T(v.text)
	}
	if n, ok := v.int64(); ok && n >= int64(first) && n < int64(first+len(names)) {
		return names[int(n)-first]
	}
	r.bad(name, v)
	return ""
}

// each reads a list of messages.
func each[T any](r *reader, name string, one func(*reader) T) []T {
	v := r.v.get(name)
	if v.kind == jsonAbsent || r.err != nil {
		return nil
	}
	if v.kind != jsonList {
		r.bad(name, v)
		return nil
	}
	out := make([]T, 0, len(v.items))
	for i, item := range v.items {
		if item.kind != jsonObject {
			r.bad(name, v)
			return nil
		}
		message := reader{v: item, in: name, index: i}
		out = append(out, one(&message))
		if message.err != nil {
			r.fail(message.err)
			return nil
		}
	}
	return out
}

// within reads the one message that a parameter holds.
func within[T any](r *reader, name string, one func(*reader) T) T {
	v := r.v.get(name)
	if v.kind != jsonObject && v.kind != jsonAbsent {
		r.bad(name, v)
	}
	message := reader{v: v, in: r.path(name), index: -1}
	out := one(&message)
	if message.err != nil {
		r.fail(message.err)
	}
	return out
}

// int64 returns the value as an integer: 7, "7", 7.0 and "7e0" are one.
func (v value) int64() (int64, bool) {
	switch v.kind {
	case jsonInteger:
		n, err := strconv.ParseInt(v.text, 10, 64)
		return n, err == nil
	case jsonFloat:
	case jsonText:
		if n, err := strconv.ParseInt(v.text, 10, 64); err == nil {
			return n, true
		}
	default:
		return 0, false
	}
	f, ok := v.float64()
	// 2^63 is the first float above all int64, which end a little below it.
	if !ok || f != math.Trunc(f) || f < -0x1p63 || f >= 0x1p63 {
		return 0, false
	}
	return int64(f), true
}

// float64 returns the value as a number. true is 1, as it is in Python.
func (v value) float64() (float64, bool) {
	switch v.kind {
	case jsonBoolean:
		return map[string]float64{"true": 1, "false": 0}[v.text], true
	case jsonInteger, jsonFloat:
		f, err := strconv.ParseFloat(v.text, 64)
		return f, err == nil
	case jsonText:
		if v.text == "nan" || strings.ContainsAny(v.text, "xX_") { // Go's spellings, not Python's
			return 0, false
		}
		f, err := strconv.ParseFloat(v.text, 64)
		return f, err == nil
	}
	return 0, false
}

// python names the kind as Python does, in messages.
func (k kind) python() string {
	return [...]string{"NoneType", "NoneType", "bool", "int", "float", "str", "list", "dict"}[k]
}

// appendPython writes the value as Python's json module does with sorted names
// and without spaces, for messages.
func (v value) appendPython(b []byte) []byte {
	switch v.kind {
	case jsonAbsent, jsonNull:
		return append(b, "null"...)
	case jsonText:
		return appendASCII(b, v.text)
	case jsonList:
		b = append(b, '[')
		for i, item := range v.items {
			if i > 0 {
				b = append(b, ',')
			}
			b = item.appendPython(b)
		}
		return append(b, ']')
	case jsonObject:
		members := slices.Clone(v.members)
		slices.SortStableFunc(members, func(a, b member) int { return strings.Compare(a.name, b.name) })
		b = append(b, '{')
		for i, m := range members {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendASCII(b, m.name), ':')
			b = m.value.appendPython(b)
		}
		return append(b, '}')
	}
	return append(b, v.text...)
}
