package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/salesctl/salesctl/pkg/mlflow"
	"github.com/salesctl/salesctl/pkg/mlflow/sqlstore"
)

// exchange is a request with the answer of MLflow's own server; testdata/record.py
// tells what is in it.
type exchange struct {
	Method      string
	Path        string
	Body        json.RawMessage
	Raw         *string
	ContentType string `json:"content_type"`
	Workspace   string // the header of that name; "" is none
	Save        map[string]string
	Status      int
	Answer      any
	Ours        int
	Why         string
}

// TestReplay asks our server what MLflow's own was asked, one after the other,
// and compares every status and every answer.
func TestReplay(t *testing.T) {
	raw, err := os.ReadFile("testdata/recorded.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []exchange
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatal(err)
	}
	p := player{t: t, server: openServer(t), saved: map[string]string{}}
	for i, e := range all {
		p.play(i, e)
	}
}

// openServer returns a server over a new database.
func openServer(t *testing.T) http.Handler {
	t.Helper()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	tick := func() time.Time { // no two things at once, so that orders by time are orders
		now = now.Add(time.Millisecond)
		return now
	}
	s, err := sqlstore.Open(t.Context(), "sqlite:///"+t.TempDir()+"/mlflow.db", sqlstore.Options{Create: true, Now: tick})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return New(Options{Tracking: s, Registry: s})
}

// player plays exchanges against our server.
type player struct {
	t      *testing.T
	server http.Handler
	saved  map[string]string // what our server made up, by its name in the record
}

func (p *player) play(i int, e exchange) {
	body := p.fill(string(e.Body))
	if e.Raw != nil {
		body = p.fill(*e.Raw)
	}
	r := httptest.NewRequest(e.Method, p.fill(e.Path), strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	if e.ContentType != "" {
		r.Header.Set("Content-Type", e.ContentType)
	}
	if e.Workspace != "" {
		r.Header.Set(mlflow.WorkspaceHeader, e.Workspace)
	}
	w := httptest.NewRecorder()
	p.server.ServeHTTP(w, r)
	got := decode(w.Body.Bytes())
	for name, at := range e.Save {
		p.save(name, at, got)
	}
	what := fmt.Sprintf("%d %s %s %.300s", i, e.Method, e.Path, body)
	want := e.Status
	if e.Ours != 0 {
		want = e.Ours
	}
	if w.Code != want {
		p.t.Errorf("%s\nstatus %d, want %d: %.600s", what, w.Code, want, w.Body)
		return
	}
	if e.Ours == 0 {
		if diff := cmp.Diff(ordered(e.Answer), ordered(p.mask(got))); diff != "" {
			p.t.Errorf("%s\nMLflow - ours +\n%s", what, diff)
		}
	}
}

// decode reads an answer; a text is nil, as in the record.
func decode(b []byte) any {
	var v any
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if !json.Valid(b) || d.Decode(&v) != nil {
		return nil
	}
	return v
}

// save keeps what stands at the path in the answer.
func (p *player) save(name, at string, answer any) {
	for step := range strings.SplitSeq(at, ".") {
		m, _ := answer.(map[string]any)
		answer = m[step]
	}
	s, ok := answer.(string)
	if !ok {
		p.t.Errorf("no %s in the answer", at)
	}
	p.saved[name] = s
}

var placeholder = regexp.MustCompile(`\{\{(?:x\*(\d+)|(\w+))\}\}`)

// fill puts in what the placeholders of the record stand for.
func (p *player) fill(s string) string {
	return placeholder.ReplaceAllStringFunc(s, func(found string) string {
		m := placeholder.FindStringSubmatch(found)
		if m[1] != "" {
			n, _ := strconv.Atoi(m[1])
			return strings.Repeat("x", n)
		}
		return p.saved[m[2]]
	})
}

var (
	manyX  = regexp.MustCompile(`x{100,}`)
	madeUp = regexp.MustCompile(`[0-9a-f]{32}`)
	where  = regexp.MustCompile(` \(at character \d+ of the filter\)$`) // our messages say where
	names  = regexp.MustCompile(`\{'[^{}]*'\}`)                         // a set of Python's, in any order
)

// mask puts placeholders where the record has them.
func (p *player) mask(v any) any {
	switch v := v.(type) {
	case string:
		for name, is := range p.saved {
			if len(is) > 8 {
				v = strings.ReplaceAll(v, is, "{{"+name+"}}")
			}
		}
		v = where.ReplaceAllString(v, "")
		v = names.ReplaceAllStringFunc(v, func(set string) string {
			all := strings.Split(set[1:len(set)-1], ", ")
			slices.Sort(all)
			return "{" + strings.Join(all, ", ") + "}"
		})
		v = madeUp.ReplaceAllString(v, "{{id}}")
		return manyX.ReplaceAllStringFunc(v, func(x string) string { return fmt.Sprintf("{{x*%d}}", len(x)) })
	case json.Number:
		if n, err := v.Int64(); err == nil && n > 1.6e12 && n < 1e13 {
			return "{{time}}"
		}
	case []any:
		for i := range v {
			v[i] = p.mask(v[i])
		}
	case map[string]any:
		for name := range v {
			if v[name] = p.mask(v[name]); name == "next_page_token" {
				v[name] = "{{token}}"
			}
		}
	}
	return v
}

// ordered brings an answer into one form: numbers by their value, whole ones of
// either kind apart, and lists that are sets sorted.
func ordered(v any) any {
	switch v := v.(type) {
	case string:
		if strings.HasPrefix(v, "[{") {
			return decode([]byte(v)) // a tag that holds JSON
		}
	case json.Number:
		f, err := v.Float64()
		if err == nil && strings.ContainsAny(v.String(), ".eE") {
			return f
		}
		return "integer " + v.String()
	case []any:
		set := len(v) > 0
		for i := range v {
			v[i] = ordered(v[i])
			m, ok := v[i].(map[string]any)
			set = set && ok && m["key"] != nil && m["timestamp"] == nil || ok && (m["alias"] != nil || m["digest"] != nil || m["model_id"] != nil && m["step"] != nil && len(m) == 2)
		}
		if set {
			sortAny(v)
		}
	case map[string]any:
		for name := range v {
			v[name] = ordered(v[name])
			if all, ok := v[name].([]any); ok && name == "latest_versions" {
				sortAny(all)
			}
		}
	}
	return v
}

// sortAny brings a set into an order.
func sortAny(set []any) {
	slices.SortFunc(set, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
}

// UnmarshalJSON keeps numbers as they were written.
func (e *exchange) UnmarshalJSON(b []byte) error {
	type plain exchange
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	return d.Decode((*plain)(e))
}
