package features_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/features"
)

type params = map[string]any

func TestParse(t *testing.T) {
	for _, tc := range []struct {
		params params
		want   features.Options
	}{
		{nil, features.Options{}},
		{params{}, features.Options{}},
		{params{"basis": "auto"}, features.Options{Basis: features.Auto}},
		{params{"target": "log", "basis": "level"}, features.Options{Target: features.Log, Basis: features.Level}},
		{params{"lags": []any{1, 52}, "windows": []any{}}, features.Options{Lags: []int{1, 52}, Windows: []int{}}},
		{params{"groups": []any{"lags", "rolling"}}, features.Options{Groups: []features.Group{features.Lags, features.Rolling}}},
	} {
		got, err := features.Parse(tc.params)
		if diff := cmp.Diff(tc.want, got); diff != "" || err != nil {
			t.Errorf("%v: %v\n%s", tc.params, err, diff)
		}
		again, err := features.Parse(got.Params())
		if diff := cmp.Diff(got, again); diff != "" || err != nil {
			t.Errorf("%v, as parameters %v: %v\n%s", tc.params, got.Params(), err, diff)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, tc := range []struct {
		params     params
		want, hint string
	}{
		{params{"lag": []any{1}}, `features has no parameter "lag"`, "did you mean lags?"},
		{params{"Lags": []any{1}}, `features has no parameter "Lags"`, "did you mean lags?"},
		{params{"lags": 1}, "features: lags cannot be a number", "give a list"},
		{params{"lags": []any{"x"}}, "features: lags cannot be a string", "give a whole number"},
		{params{"lags": []any{0}}, "build features: feature lag_0 reads the past 0 periods back: it would see the period that it predicts", "give lags and windows of at least 1"},
		{params{"windows": []any{-1}}, "build features: feature mean_-1 reads the past -1 periods back: it would see the period that it predicts", "give lags and windows of at least 1"},
		{params{"windows": []any{4, 4}}, "build features: two are named mean_4", "name each lag and window once, and map a column of the data under a name that no feature has"},
		{params{"lags": []any{20_000}}, "a lag or window is longer than 10000 periods", ""},
		{params{"basis": "sesonal"}, `basis "sesonal" is unknown`, "use raw, level or seasonal"},
		{params{"target": "cube"}, `target "cube" is unknown`, "use plain or log"},
		{params{"groups": []any{"rollin"}}, `there is no group of features "rollin"`, "did you mean rolling?"},
		{params{"groups": []any{"weather"}}, `there is no group of features "weather"`,
			"the groups are identity, dates, season, distances, holidays, shifts, columns, changes, lags, rolling, growth, together"},
	} {
		_, err := features.Parse(tc.params)
		if !fault.Is(err, fault.Config) || err.Error() != tc.want || fault.HintOf(err) != tc.hint {
			t.Errorf("%v: %v, hint %q, want %s, hint %q", tc.params, err, fault.HintOf(err), tc.want, tc.hint)
		}
	}
}

// Each group is there when it is asked for, and no other.
func TestGroups(t *testing.T) {
	p := sample(t)
	p.StaticNames = []string{"region"}
	for i := range p.Series {
		p.Series[i].Static = []string{[]string{"west", "east"}[i%2]}
	}
	for g, want := range map[features.Group][]string{
		features.Identity:  {"store", "region"},
		features.Dates:     {"day_of_month", "year"},
		features.Season:    {"month", "iso_week"},
		features.Distances: {"periods_from_super_bowl", "periods_from_easter", "periods_from_easter_last_year", "periods_from_mothers_day", "periods_from_memorial_day", "periods_from_independence_day", "periods_from_back_to_school", "periods_from_labor_day", "periods_from_thanksgiving", "periods_from_christmas"},
		features.Holidays:  {"holiday_flag"},
		features.Shifts:    {"holiday_shift", "holiday_shift_before"},
		features.Columns:   {"temperature", "fuel_price", "cpi", "unemployment"},
		features.Changes:   {"temperature_change", "fuel_price_change", "cpi_change", "unemployment_change"},
		features.Lags:      {"lag_1", "lag_2", "lag_4", "lag_8", "lag_51", "lag_52", "lag_53"},
		features.Rolling:   {"mean_4", "mean_8", "mean_13", "deviation_13"},
		features.Growth:    {"growth", "growth_lag_1", "growth_lag_2", "growth_lag_3", "growth_lag_4"},
		features.Together:  {"chain_growth", "growth_over_chain", "chain_growth_lag_1", "chain_growth_lag_2", "chain_growth_lag_3", "chain_growth_lag_4", "over_chain_lag_1", "over_chain_lag_2"},
	} {
		e := fit(t, p, features.Options{Groups: []features.Group{g}})
		if diff := cmp.Diff(want, e.Names()); diff != "" {
			t.Errorf("%s:\n%s", g, diff)
		}
	}
	if _, _, err := features.Fit(p, features.Options{Groups: []features.Group{"weather"}}); !fault.Is(err, fault.Config) {
		t.Errorf("an unknown group: %v", err)
	}
}

// What no groups are asked for depends on the basis, and is always some of those
// that there are, in their order.
func TestDefaultGroups(t *testing.T) {
	p := sample(t)
	for _, set := range bothSets {
		for _, basis := range []features.Basis{features.Raw, features.Level, features.Seasonal} {
			groups := features.DefaultGroups(basis)
			var made []features.Group
			for _, f := range fit(t, p, features.Options{Set: set, Basis: basis}).Features() {
				made = append(made, f.Group)
			}
			inOrder := slices.DeleteFunc(features.Groups(), func(g features.Group) bool { return !slices.Contains(groups, g) })
			if set == features.Ahead { // has none of them
				groups = slices.DeleteFunc(groups, func(g features.Group) bool { return g == features.Changes || g == features.Together })
				inOrder = slices.DeleteFunc(inOrder, func(g features.Group) bool { return g == features.Changes || g == features.Together })
			}
			if diff := cmp.Diff(inOrder, groups); diff != "" {
				t.Errorf("%s by %s: not in order\n%s", set, basis, diff)
			}
			if diff := cmp.Diff(groups, slices.Compact(made)); diff != "" {
				t.Errorf("%s by %s:\n%s", set, basis, diff)
			}
		}
	}
}
