// Package mlflowtest is the contract of an MLflow server as one suite of tests,
// which every implementation of mlflow.Tracking and mlflow.Registry passes: the
// store in a database, the client of our server, and the client of MLflow's own
// server, from which the contract is taken.
//
// The way of a check:
//
//  1. Run opens the server once. It may hold other people's data.
//  2. Each check makes what it needs under names that nobody else has, so that
//     checks and whole suites can share a server.
//  3. It asserts what is true of MLflow's own server: values, codes and texts of
//     errors. Ids, times and the order where MLflow promises none are left open.
package mlflowtest

import (
	"crypto/rand"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/salesctl/salesctl/pkg/mlflow"
)

// Server is all of an MLflow server.
type Server interface {
	mlflow.Tracking
	mlflow.Registry
}

// Run checks the server that open returns, each part of the contract in a
// subtest.
func Run(t *testing.T, open func(t *testing.T) Server) {
	s := open(t)
	for _, part := range []struct {
		name   string
		checks []check
	}{
		{"experiments", experimentChecks},
		{"runs", runChecks},
		{"log", logChecks},
		{"links", linkChecks},
		{"search", searchChecks},
		{"pages", pageChecks},
		{"logged models", loggedModelChecks},
		{"registered models", registeredChecks},
		{"versions", versionChecks},
		{"copies", copyChecks},
		{"aliases", aliasChecks},
		{"stages", stageChecks},
	} {
		t.Run(part.name, func(t *testing.T) {
			for _, c := range part.checks {
				t.Run(c.name, func(t *testing.T) { c.run(&probe{T: t, Server: s, mark: strings.ToLower(rand.Text()[:12])}) })
			}
		})
	}
}

// check is one part of the contract.
type check struct {
	name string
	run  func(p *probe)
}

// probe is a check at work: its test and the server that is checked.
type probe struct {
	*testing.T
	Server
	mark string // what makes the names of this check its own
}

// named makes a name that nobody else has.
func (p *probe) named(word string) string { return word + "-" + p.mark }

// must ends the check at an error that should not be.
func (p *probe) must(err error) {
	p.Helper()
	if err != nil {
		p.Fatalf("%s: %v", mlflow.CodeOf(err), err)
	}
}

// equal compares an answer with what it has to be.
func (p *probe) equal(what string, got, want any) {
	p.Helper()
	if !reflect.DeepEqual(got, want) {
		p.Errorf("%s is\n%+v, want\n%+v", what, got, want)
	}
}

// refused wants an error of MLflow's with a code and a text. A text that ends
// with an ellipsis may go on differently.
func (p *probe) refused(err error, code mlflow.Code, text string) {
	p.Helper()
	e, ok := errors.AsType[*mlflow.Error](err)
	if !ok {
		p.Errorf("%v is no error of MLflow's, want %s: %s", err, code, text)
		return
	}
	begin, open := strings.CutSuffix(text, "…")
	if e.Code != code || e.Message != text && (!open || !strings.HasPrefix(e.Message, begin)) {
		p.Errorf("refused with %s: %s\nwant %s: %s", e.Code, e.Message, code, text)
	}
}

// values makes a map of tags, whose order is open.
func values(tags []mlflow.Tag) map[string]string {
	m := make(map[string]string, len(tags))
	for _, t := range tags {
		m[t.Key] = t.Value
	}
	return m
}

// settings makes a map of params, whose order is open.
func settings(params []mlflow.Param) map[string]string {
	m := make(map[string]string, len(params))
	for _, p := range params {
		m[p.Key] = p.Value
	}
	return m
}

// collect walks through all pages of a search and returns one word for each item.
func collect[T any](p *probe, word func(T) string, page func(token string) (mlflow.Page[T], error)) (words []string) {
	p.Helper()
	token := ""
	for range 100 {
		got, err := page(token)
		p.must(err)
		for _, item := range got.Items {
			words = append(words, word(item))
		}
		if token = got.Next; token == "" {
			return words
		}
	}
	p.Fatal("the pages do not end")
	return nil
}

// experiment makes an experiment.
func (p *probe) experiment() string {
	p.Helper()
	id, err := p.CreateExperiment(p.Context(), mlflow.NewExperiment{Name: p.named("experiment")})
	p.must(err)
	return id
}

// run starts a run in a new experiment.
func (p *probe) run() mlflow.RunInfo {
	p.Helper()
	return p.runIn(p.experiment(), "run")
}

// runIn starts a run in an experiment.
func (p *probe) runIn(experiment, name string, tags ...mlflow.Tag) mlflow.RunInfo {
	p.Helper()
	r, err := p.CreateRun(p.Context(), mlflow.NewRun{ExperimentID: experiment, UserID: "ada", Name: name, StartTime: 1700000000000, Tags: tags})
	p.must(err)
	return r.Info
}

// read reads a run.
func (p *probe) read(id string) mlflow.Run {
	p.Helper()
	r, err := p.GetRun(p.Context(), id)
	p.must(err)
	return r
}

// registered takes a new name in the registry.
func (p *probe) registered(word string) string {
	p.Helper()
	name := p.named(word)
	_, err := p.CreateRegisteredModel(p.Context(), mlflow.NewRegisteredModel{Name: name})
	p.must(err)
	return name
}

// version registers a version from a bucket.
func (p *probe) version(name string) mlflow.ModelVersion {
	p.Helper()
	v, err := p.CreateModelVersion(p.Context(), mlflow.NewVersion{Name: name, Source: "s3://bucket/" + p.mark + "/model"})
	p.must(err)
	return v
}
