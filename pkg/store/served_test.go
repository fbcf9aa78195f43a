package store

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/sales"
)

func testServedRoundTripsAndStaysApart(t *testing.T, on place) {
	s := on.open(t, "")
	at := clock().Add(123456789)
	served := []sales.Served{
		{At: at, RequestID: "r1", Model: "rf_gbt_mean", Version: "3", Key: sales.Key{"1", "7"}, Period: friday, Value: 1643690.9, Columns: []float64{1, math.NaN(), 0.1}},
		{At: at.Add(time.Second), RequestID: "r2", Model: "arima", Version: "3", Key: sales.Key{"a/b"}, Period: friday + 7, Horizon: 2, Value: math.NaN()},
	}
	if err := s.Record(t.Context(), served); err != nil {
		t.Fatal(err)
	}
	if err := s.Record(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		since time.Time
		want  []sales.Served
	}{
		{time.Time{}, served},
		{at, served},
		{at.Add(1), served[1:]},
		{at.Add(time.Second).In(time.FixedZone("east", 3600)), served[1:]},
		{at.Add(time.Minute), nil},
	} {
		got, err := s.Served(t.Context(), tt.since)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, got, cmpopts.EquateNaNs()); diff != "" {
			t.Errorf("since %s: %s", tt.since, diff)
		}
	}
	if _, err := s.Panel(t.Context()); !fault.Is(err, fault.NotFound) {
		t.Errorf("a prediction counts as sales: %v", err)
	}
}

func testRowsThatNobodyWroteAreNamed(t *testing.T, on place) {
	for _, tt := range []struct{ edit, want string }{
		{`UPDATE observation SET columns = '[1,2]'`, "1 2024-01-05: 2 columns, want 1"},
		{`UPDATE observation SET columns = 'x'`, `"x" is no array of numbers`},
		{`UPDATE observation SET period = period + 1`, "not the end of a week"},
		{`UPDATE series SET "key" = 'x'`, `"x" is no array of strings`},
		{`UPDATE "load" SET "schema" = 'x'`, `schema "x"`},
		{`UPDATE "load" SET "schema" = '{"frequency":"X"}'`, `"X" is no frequency`},
		{`UPDATE "load" SET format = 'x'`, `format "x"`},
		{`UPDATE "load" SET format = '{"columns":[]}'`, "load 1: 0 headers for 1 columns"},
		{`UPDATE "load" SET at = 'x'`, `cannot parse "x"`},
	} {
		s := on.open(t, "")
		load(t, s, row(2, "1", 0, 1, 1))
		write(t, s, tt.edit)
		_, err := s.Panel(t.Context())
		wantKind(t, err, fault.Integrity, s.Path(), tt.want, "backup")
	}
	s := on.open(t, "")
	if err := s.Record(t.Context(), []sales.Served{{Key: sales.Key{"1"}}}); err != nil {
		t.Fatal(err)
	}
	write(t, s, `UPDATE prediction SET "key" = 'x'`)
	_, err := s.Served(t.Context(), time.Time{})
	wantKind(t, err, fault.Integrity, s.Path(), `"x" is no array of strings`)
}
