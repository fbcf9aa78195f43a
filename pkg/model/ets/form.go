package ets

import (
	"strings"

	"github.com/salesctl/salesctl/pkg/fault"
)

// Component says how a part of the model joins the others.
type Component uint8

// The ways of a component.
const (
	None Component = iota
	Additive
	Multiplicative
)

// letters are the components' names in a form; Z stands for any.
const letters = "NAM"

// Form is one member of the family: its error, trend and season.
type Form struct {
	Error, Trend, Season Component
	Damped               bool // the trend fades
}

// String writes the form as Hyndman et al. do, such as MAdM.
func (f Form) String() string {
	damped := ""
	if f.Damped {
		damped = "d"
	}
	return letters[f.Error:f.Error+1] + letters[f.Trend:f.Trend+1] + damped + letters[f.Season:f.Season+1]
}

// smoothing counts the smoothing parameters, phi among them.
func (f Form) smoothing() int {
	n := 1
	for _, has := range []bool{f.Trend != None, f.Season != None, f.Damped} {
		if has {
			n++
		}
	}
	return n
}

// parameters counts what is estimated for a season of m periods: smoothing
// parameters, starting states (the seasonal ones sum to a constant) and the
// variance.
func (f Form) parameters(m int) int {
	n := f.smoothing() + 2
	if f.Trend != None {
		n++
	}
	if f.Season != None {
		n += m - 1
	}
	return n
}

// positive tells whether the form is for positive series only.
func (f Form) positive() bool {
	return f.Error == Multiplicative || f.Trend == Multiplicative || f.Season == Multiplicative
}

// stable tells whether the form's variance is bounded for a bounded horizon: an
// additive error beside a multiplicative part, and MMA, can divide by a state
// near zero. The choice leaves them out, as R's ets does.
func (f Form) stable() bool {
	if f.Error == Additive {
		return f.Trend != Multiplicative && f.Season != Multiplicative
	}
	return f.Trend != Multiplicative || f.Season != Additive
}

// choice is a set of forms: the components that may be there.
type choice struct {
	errors, trends, seasons []Component
	damped                  []bool
	unstable                bool // stay in, because they were asked for by name
}

// parse reads a model of three letters, such as ZZZ or MAM, as R and statsforecast
// write it. Z is any component; multiplicative trends are among them if grown is
// set.
func parse(model string, damped *bool, grown bool) (choice, error) {
	model = strings.ToUpper(model)
	if len(model) != 3 || strings.Trim(model, letters+"Z") != "" || model[0] == 'N' {
		return choice{}, fault.New(fault.Config, "ets: model is %q", model).
			WithHint("give error, trend and season by a letter each, such as ZZZ or MAM: A additive, M multiplicative, N none (not for the error), Z any")
	}
	c := choice{
		errors:   components(model[0], Additive, Multiplicative),
		trends:   components(model[1], None, Additive),
		seasons:  components(model[2], None, Additive, Multiplicative),
		damped:   []bool{false, true},
		unstable: !strings.Contains(model, "Z"),
	}
	if grown && model[1] == 'Z' {
		c.trends = append(c.trends, Multiplicative)
	}
	if damped != nil {
		c.damped = []bool{*damped}
		if *damped && model[1] == 'N' {
			return choice{}, fault.New(fault.Config, "ets: model %s has no trend to be damped", model)
		}
	}
	return c, nil
}

// components returns those that the letter stands for.
func components(letter byte, anyOf ...Component) []Component {
	if letter == 'Z' {
		return anyOf
	}
	return []Component{Component(strings.IndexByte(letters, letter))}
}

// forms lists the forms that suit a series, in a fixed order.
func (c choice) forms(seasonal, positive bool) []Form {
	var out []Form
	for _, e := range c.errors {
		for _, t := range c.trends {
			for _, s := range c.seasons {
				for _, damped := range c.damped {
					f := Form{e, t, s, damped}
					if c.suits(f, seasonal, positive) {
						out = append(out, f)
					}
				}
			}
		}
	}
	return out
}

// suits tells whether the form is one, and made for such a series.
func (c choice) suits(f Form, seasonal, positive bool) bool {
	return (f.Trend != None || !f.Damped) &&
		(f.Season == None || seasonal) &&
		(!f.positive() || positive) &&
		(f.stable() || c.unstable)
}
