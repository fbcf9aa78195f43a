// Package serve answers the Python original's URLs over a trained model, byte
// for byte up to JSON equality as FastAPI and pydantic 2 answer them.
//
// The way of a request:
//
//  1. Listen takes the port before anything else is done, Serve runs the
//     handler that New makes and drains it at the end.
//  2. Every request gets an id, a line in the log and a net under its panics.
//  3. The body (at most 1 MiB) is read as Python's json module reads it, the
//     query as its urllib does: big integers stay whole, NaN is let through to
//     be refused by name, errors know their position in characters.
//  4. A form reads the fields in their order with pydantic's conversions and
//     collects what is wrong: type, place, message, input.
//  5. The store is looked up in the History and the day becomes the period
//     that contains it.
//  6. The Model answers in dollars; the Recorder keeps the number as it is, or
//     as soon as a load lets go of the database; the client gets it rounded to
//     cents.
//
// What goes wrong on the way is an error value, and one function turns it into
// a status and a body.
package serve

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"path"
	"time"

	"github.com/salesctl/salesctl/pkg/sales"
)

// Model is what answers, a trained pipeline. It must be safe for concurrent use.
type Model interface {
	// Schema tells what the model's data holds.
	Schema() sales.Schema
	// Predict answers each row from its own columns and what history holds
	// before its period. A period too far from the history is a fault.Invalid.
	Predict(ctx context.Context, history sales.Panel, rows []sales.Row) ([]sales.Prediction, error)
	// Forecast answers by the named model. One that is not there is a
	// fault.NotFound or fault.Conflict whose hint is the command that adds it;
	// a name that means nothing is a fault.Usage.
	Forecast(ctx context.Context, history sales.Panel, model string, r sales.Request) ([]sales.Forecast, error)
}

// History gives the actual sales, which predictions never enter.
type History interface {
	Panel(ctx context.Context) (sales.Panel, error)
}

// Recorder keeps what was served, all of it or none. What fails with a
// fault.Unavailable, or by the end of ctx, is handed to it again.
type Recorder interface {
	Record(ctx context.Context, served []sales.Served) error
}

// Options configure New. Model, History and Recorder must be given.
type Options struct {
	Model    Model
	Version  string // of the model, for X-Model-Version
	History  History
	Recorder Recorder
	// Log takes what was served to MLflow; nil logs nothing. ChooseRunID has each
	// run's id chosen here and named in the answer, which only a tracking store in
	// this process heeds.
	Log         Log
	ChooseRunID bool
	ModelURI    string           // of the model, for the log, such as models:/Sales-Forecasting/1
	Runs        Runs             // for /monitor_mlflow; nil: there is none
	Tracking    http.Handler     // MLflow's REST API below /api and beside it; nil: there is none
	Pages       bool             // whether Tracking has pages at /
	Logger      *slog.Logger     // nil says nothing
	Now         func() time.Time // nil means time.Now
	NewID       func() string    // makes request ids; nil means random ones
}

// server is the handler that New returns.
type server struct {
	Options
	mux      *http.ServeMux
	late     backlog
	unmapped error // why the Python original's URLs cannot answer; nil where they can
}

// Handler answers the HTTP API.
type Handler interface {
	http.Handler
	// Settle waits for what still is to be recorded, until ctx ends.
	Settle(ctx context.Context)
}

// New returns the handler of the HTTP API.
func New(o Options) (Handler, error) {
	if o.Model == nil || o.History == nil || o.Recorder == nil {
		return nil, errors.New("serve: a model, a history and a recorder are needed")
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.NewID == nil {
		o.NewID = rand.Text
	}
	s := &server{Options: o, mux: http.NewServeMux(), unmapped: checkMapped(o.Model.Schema())}
	s.handle(http.MethodPost, "/predict_sales", s.predict)
	s.handle(http.MethodPost, "/forecast_sales", s.forecast)
	if o.Runs != nil {
		s.handle(http.MethodPost, "/monitor_mlflow", s.monitor)
	}
	s.handle(http.MethodGet, "/healthz", s.health)
	s.mux.HandleFunc("/", s.notFound)
	return s, nil
}

// endpoint answers a request with the body of a 200 or with an error. What it
// sets in h is sent in either case.
type endpoint func(h http.Header, r *http.Request) (any, error)

// handle registers the endpoint for its method, and 405 for every other one.
func (s *server) handle(method, path string, e endpoint) {
	s.mux.HandleFunc(method+" "+path, func(w http.ResponseWriter, r *http.Request) {
		body, err := e(w.Header(), r)
		if err != nil {
			s.refuse(w, r, err)
			return
		}
		s.write(w, r, http.StatusOK, body)
	})
	allow := method
	if method == http.MethodGet {
		allow = "GET, HEAD" // the mux answers HEAD by the pattern of GET
	}
	s.mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", allow)
		s.refuse(w, r, &statusError{http.StatusMethodNotAllowed, "Method Not Allowed"})
	})
}

// route passes the request on to its endpoint. A path that is not written in
// its shortest form is unknown; the mux would redirect it with a page of HTML.
func (s *server) route(w http.ResponseWriter, r *http.Request) {
	if s.tracked(r.URL.Path) {
		s.Tracking.ServeHTTP(w, r)
		return
	}
	if r.URL.Path != path.Clean(r.URL.Path) {
		s.notFound(w, r)
		return
	}
	s.mux.ServeHTTP(w, r)
}

// notFound answers for every path that is not built.
func (s *server) notFound(w http.ResponseWriter, r *http.Request) {
	s.refuse(w, r, &statusError{http.StatusNotFound, "Not Found"})
}

// health says that the process answers; it asks neither model nor database.
func (s *server) health(http.Header, *http.Request) (any, error) {
	return map[string]string{"status": "ok"}, nil
}
