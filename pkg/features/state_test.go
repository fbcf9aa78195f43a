package features_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/salesctl/salesctl/pkg/calendar"
	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/features"
	"github.com/salesctl/salesctl/pkg/sales"
)

func TestUnmarshalGivesTheSameRows(t *testing.T) {
	p := some(t, 4)
	p.StaticNames = []string{"region"}
	for i := range p.Series {
		p.Series[i].Static = []string{[]string{"west", "east"}[i%2]}
	}
	own := []calendar.Holiday{{Name: "fair", Flagged: true, Dates: []sales.Period{sales.Date(2012, 1, 15)}}}
	for _, set := range bothSets {
		e := fit(t, p, features.Options{Set: set, Own: own, Target: features.Log})
		data, err := e.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		again, err := features.Unmarshal(data)
		if err != nil {
			t.Fatal(err)
		}
		if bytes2, _ := again.MarshalBinary(); !bytes.Equal(data, bytes2) {
			t.Errorf("%s: written again, the state is %s, was %s", set, bytes2, data)
		}
		if again.Set() != e.Set() || again.Basis() != e.Basis() || again.Target() != features.Log || !cmp.Equal(again.Names(), e.Names()) || !cmp.Equal(again.Kinds(), e.Kinds()) {
			t.Errorf("%s: read again, it is %s by %s with %v", set, again.Set(), again.Basis(), again.Names())
		}
		a, errA := e.Transform(p)
		b, errB := again.Transform(p)
		if errA != nil || errB != nil {
			t.Fatal(errA, errB)
		}
		for c := range a.X.Cols {
			if !sameBits(a.X.Cols[c], b.X.Cols[c]) {
				t.Errorf("%s: column %s differs", set, a.X.Names[c])
			}
		}
		row := rowOf(t, again, p.Series[0], p.Series[0].Period(100), nil)
		if row["region"] != 1 { // east, west
			t.Errorf("%s: region west has code %v", set, row["region"])
		}
	}
}

func TestTransformRefusesOtherColumns(t *testing.T) {
	p := some(t, 2)
	e := fit(t, p, features.Options{})
	other := p
	other.ColumnNames = []string{"holiday_flag", "temperature", "fuel_price", "unemployment", "cpi"}
	if _, err := e.Transform(other); !fault.Is(err, fault.Conflict) {
		t.Errorf("columns in another order: %v", err)
	}
}

func TestUnmarshalRefusesNonsense(t *testing.T) {
	data, err := fit(t, some(t, 2), features.Options{}).MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	good := string(data)
	for _, tc := range []struct{ name, from, to, want string }{
		{"cut off", good, good[:len(good)-3], "unexpected end of JSON input"},
		{"empty", good, "", "unexpected end of JSON input"},
		{"more behind", good, good + "{}", "invalid character '{' after top-level value"},
		{"newer", `"version":3`, `"version":4`, "version 4, this program reads 3"},
		{"unknown field", `"set"`, `"sets"`, `json: unknown field "sets"`},
		{"set", `"set":"row"`, `"set":"column"`, `feature set "column" is unknown`},
		{"basis", `"basis":"seasonal"`, `"basis":""`, `basis "" is unknown`},
		{"target", `"target":"plain"`, `"target":"cube"`, `target "cube" is unknown`},
		{"frequency", `"W-FRI"`, `"W-XXX"`, `"W-XXX" is no frequency: want D, M or W-SUN to W-SAT`},
		{"keys", `"keys":[["1","2"]]`, `"keys":[]`, "1 key columns have 0 lists of categories"},
		{"static", `"static_names":null`, `"static_names":["region"]`, "1 static columns have 0 lists of categories"},
		{"category twice", `["1","2"]`, `["1","1"]`, "a category is there twice"},
		{"a leak", `"lags":[1,`, `"lags":[0,`, "build features: feature lag_0 reads the past 0 periods back: it would see the period that it predicts"},
		{"unknown column", `"day_of_month"`, `"moth"`, `column "moth" is unknown or out of order`},
		{"order", `"day_of_month","year"`, `"year","day_of_month"`, `column "day_of_month" is unknown or out of order`},
	} {
		bad := strings.Replace(good, tc.from, tc.to, 1)
		if bad == good {
			t.Fatalf("%s: %q is not in %s", tc.name, tc.from, good)
		}
		_, err := features.Unmarshal([]byte(bad))
		if !fault.Is(err, fault.Integrity) || err.Error() != "read features: "+tc.want {
			t.Errorf("%s: %v, want %s", tc.name, err, tc.want)
		}
	}
}

func FuzzUnmarshal(f *testing.F) {
	p := some(f, 2)
	for _, set := range bothSets {
		data, err := fit(f, p, features.Options{Set: set, Groups: features.Groups()}).MarshalBinary()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	s := p.Series[0]
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := features.Unmarshal(data)
		if err != nil {
			if !fault.Is(err, fault.Integrity) {
				t.Fatalf("kind %d: %v", fault.KindOf(err), err)
			}
			return
		}
		_ = e.Row(make([]float32, e.Width()), s, nil, s.Period(100), nil)
	})
}

func BenchmarkTransform(b *testing.B) {
	p := sample(b)
	e := fit(b, p, features.Options{})
	for b.Loop() {
		if _, err := e.Transform(p); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRow(b *testing.B) {
	p := some(b, 2)
	e := fit(b, p, features.Options{})
	s, x := p.Series[0], make([]float32, e.Width())
	known := knownOf(s, s.Period(120))
	for b.Loop() {
		_ = e.Row(x, s, nil, s.Period(120), known)
	}
}
