package features

import (
	"cmp"

	"github.com/salesctl/salesctl/pkg/calendar"
	"github.com/salesctl/salesctl/pkg/model"
	"github.com/salesctl/salesctl/pkg/sales"
)

// Options say which features to make. The zero value makes the row set as
// `salesctl train` does.
type Options struct {
	Set     Set                `json:"-"`       // "" is Row
	Basis   Basis              `json:"basis"`   // "" is Auto
	Target  Target             `json:"target"`  // "" is Plain
	Groups  []Group            `json:"groups"`  // none is what DefaultGroups says
	Lags    []int              `json:"lags"`    // past targets, in periods; nil is the frequency's own
	Windows []int              `json:"windows"` // lengths of rolling means, in periods; nil is the frequency's own
	Own     []calendar.Holiday `json:"-"`       // the user's holidays
	Rows    Filter             `json:"-"`       // what Fit learns from; nil is every row
}

// Parse reads options as they stand in a configuration, by their JSON names, and
// refuses, as a fault.Config, what Fit would refuse of any data.
func Parse(params map[string]any) (Options, error) {
	var o Options
	if err := (model.Spec{Name: "features", Params: params}).Decode(&o); err != nil {
		return o, err
	}
	full := o.withDefaults(sales.Weekly)
	st := state{Set: full.Set, Basis: full.Basis, Target: full.Target, Frequency: weekly, Lags: full.Lags, Windows: full.Windows}
	if st.Basis == Auto {
		st.Basis = Level
	}
	if _, err := build(st); err != nil {
		return o, err
	}
	return o, checkGroups(full.Groups)
}

// Params returns the options that differ from the defaults as Parse reads them.
func (o Options) Params() map[string]any {
	params := map[string]any{}
	if o.Basis != "" {
		params["basis"] = string(o.Basis)
	}
	if o.Target != "" {
		params["target"] = string(o.Target)
	}
	if len(o.Groups) > 0 {
		params["groups"] = o.Groups
	}
	if o.Lags != nil {
		params["lags"] = o.Lags
	}
	if o.Windows != nil {
		params["windows"] = o.Windows
	}
	return params
}

// weekly is a frequency for options that are checked before there is data.
const weekly = "W-FRI"

// withDefaults fills in what empty options stand for.
func (o Options) withDefaults(u sales.Unit) Options {
	r := rhythmOf(u)
	o.Set, o.Basis, o.Target = cmp.Or(o.Set, Row), cmp.Or(o.Basis, Auto), cmp.Or(o.Target, Plain)
	if o.Lags == nil {
		o.Lags = r.lags
	}
	if o.Windows == nil {
		o.Windows = r.windows
	}
	return o
}
