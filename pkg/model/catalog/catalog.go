// Package catalog joins names to algorithms: a Spec, as it stands in a config, a
// grid or a logged parameter, becomes a configured algorithm, and stored bytes
// become the model they were. An algorithm is its own package and one line in
// the tables here.
package catalog

import (
	"strings"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/model"
	"github.com/salesctl/salesctl/pkg/model/arima"
	"github.com/salesctl/salesctl/pkg/model/boost"
	"github.com/salesctl/salesctl/pkg/model/ets"
	"github.com/salesctl/salesctl/pkg/model/forest"
	"github.com/salesctl/salesctl/pkg/model/golearn"
	"github.com/salesctl/salesctl/pkg/model/mstl"
	"github.com/salesctl/salesctl/pkg/model/naive"
	"github.com/salesctl/salesctl/pkg/model/theta"
)

// Build is what an algorithm is given beside its parameters.
type Build struct {
	Seed uint64 // where the parameters give none
	Jobs int    // goroutines, 0 for all processors; never changes a result
}

// learner is an algorithm that learns from rows.
type learner struct {
	name      string
	build     func(model.Spec, Build) (model.Learner, error)
	unmarshal func([]byte) (model.Regressor, error)
}

// local is an algorithm that learns from one series.
type local struct {
	name      string
	build     func(model.Spec) (model.Local, error)
	unmarshal func([]byte) (model.LocalFit, error)
}

func learners() []learner {
	forests := func(b []byte) (model.Regressor, error) { return forest.Unmarshal(b) }
	return []learner{
		{"rf", rows(func(b Build) forest.Options { return forest.Options{Seed: b.Seed, Jobs: b.Jobs} },
			func(o forest.Options) model.Learner { return forest.New(o) }), forests},
		{"extra_trees", rows(func(b Build) forest.Options { return forest.Options{Seed: b.Seed, Jobs: b.Jobs, Extra: true} },
			func(o forest.Options) model.Learner { return forest.New(o) }), forests},
		{"gbt", rows(func(b Build) boost.Options { return boost.Options{Seed: b.Seed, Jobs: b.Jobs} },
			func(o boost.Options) model.Learner { return boost.New(o) }),
			func(b []byte) (model.Regressor, error) { return boost.Unmarshal(b) }},
		{"golearn_cart", rows(func(Build) golearn.Options { return golearn.Options{} },
			func(o golearn.Options) model.Learner { return golearn.New(o) }),
			func(b []byte) (model.Regressor, error) { return golearn.Unmarshal(b) }},
	}
}

func locals() []local {
	thetas := func(v theta.Variant) local {
		return local{v.String(), configured(theta.Options{}, func(o theta.Options) model.Local {
			return theta.Model{Variant: v, Options: o}
		}), theta.Unmarshal}
	}
	return []local{
		{"arima", plain(arima.Model{Order: arima.Order{P: 5, D: 1}}), arima.Unmarshal},
		{"seasonal_naive_growth", plain(naive.SeasonalGrowth{}), naive.Unmarshal},
		{"seasonal_naive_drift", plain(naive.SeasonalDrift{}), naive.Unmarshal},
		{"seasonal_naive", plain(naive.Seasonal{}), naive.Unmarshal},
		{"naive", plain(naive.Last{}), naive.Unmarshal},
		{"ets", configured(ets.Options{}, func(o ets.Options) model.Local { return ets.Model{Options: o} }), ets.Unmarshal},
		{"mstl", configured(mstl.Options{}, func(o mstl.Options) model.Local { return mstl.Model{Options: o} }), mstl.Unmarshal},
		thetas(theta.Standard),
		thetas(theta.Optimized),
		thetas(theta.Dynamic),
		thetas(theta.DynamicOptimized),
		thetas(theta.Auto),
	}
}

// rows builds an algorithm that learns from rows: start makes its options, which
// the parameters then change, and finish the learner. How many goroutines there
// are is the machine's, and no parameter.
func rows[O interface{ Validate() error }](start func(Build) O, finish func(O) model.Learner) func(model.Spec, Build) (model.Learner, error) {
	return func(s model.Spec, b Build) (model.Learner, error) {
		o := start(b)
		if err := s.Decode(&o); err != nil {
			return nil, err
		}
		return finish(o), o.Validate()
	}
}

// configured builds an algorithm that learns from one series and takes
// parameters: they change a copy of the options, which finish turns into it.
func configured[O interface{ Validate() error }](o O, finish func(O) model.Local) func(model.Spec) (model.Local, error) {
	return func(s model.Spec) (model.Local, error) {
		o := o
		if err := s.Decode(&o); err != nil {
			return nil, err
		}
		return finish(o), o.Validate()
	}
}

// plain builds an algorithm that takes no parameters.
func plain(m model.Local) func(model.Spec) (model.Local, error) {
	return func(s model.Spec) (model.Local, error) { return m, s.Decode(&struct{}{}) }
}

// Learners lists the names of the algorithms that learn from rows.
func Learners() []string {
	var names []string
	for _, l := range learners() {
		names = append(names, l.name)
	}
	return names
}

// Locals lists the names of the algorithms that learn from one series.
func Locals() []string {
	var names []string
	for _, l := range locals() {
		names = append(names, l.name)
	}
	return names
}

// Learner returns the configured algorithm. An unknown name is a fault.Usage,
// an unknown parameter or value a fault.Config.
func Learner(s model.Spec, b Build) (model.Learner, error) {
	for _, l := range learners() {
		if l.name == s.Name {
			return l.build(s, b)
		}
	}
	return nil, unknown(s.Name, Learners())
}

// Local returns the configured algorithm; its errors are those of Learner.
func Local(s model.Spec) (model.Local, error) {
	for _, l := range locals() {
		if l.name == s.Name {
			return l.build(s)
		}
	}
	return nil, unknown(s.Name, Locals())
}

// DecodeRegressor reads what a fitted Learner of that name wrote.
func DecodeRegressor(name string, b []byte) (model.Regressor, error) {
	for _, l := range learners() {
		if l.name == name {
			return l.unmarshal(b)
		}
	}
	return nil, stored(name)
}

// DecodeLocal reads what a fitted Local of that name wrote.
func DecodeLocal(name string, b []byte) (model.LocalFit, error) {
	for _, l := range locals() {
		if l.name == name {
			return l.unmarshal(b)
		}
	}
	return nil, stored(name)
}

func unknown(name string, known []string) error {
	err := fault.New(fault.Usage, "unknown model %q, want one of %s", name, strings.Join(known, ", "))
	if near := fault.Nearest(name, known); near != "" {
		return err.WithHint("did you mean %s?", near)
	}
	return err
}

func stored(name string) error {
	return fault.New(fault.Integrity, "the stored model is of the kind %q, which this program does not know", name).
		WithHint("use the salesctl that wrote it, or run `salesctl train` again")
}
