package naive

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/model"
	"github.com/salesctl/salesctl/pkg/model/modeltest"
	"github.com/salesctl/salesctl/testdata"
)

func TestSuite(t *testing.T) {
	for name, local := range map[string]model.Local{
		"naive": Last{}, "seasonal_naive": Seasonal{}, "seasonal_naive_growth": SeasonalGrowth{}, "seasonal_naive_drift": SeasonalDrift{},
	} {
		t.Run(name, func(t *testing.T) {
			modeltest.Local(t, func() model.Local { return local }, Unmarshal)
		})
	}
}

var gap = math.NaN()

// path fits l to y and forecasts h periods after it.
func path(t testing.TB, l model.Local, season, h int, y ...float64) model.Path {
	t.Helper()
	s := model.Series{Y: y, Season: season}
	f, err := l.FitSeries(context.Background(), s)
	if err != nil {
		t.Fatal(err)
	}
	p, err := f.Forecast(context.Background(), h, s, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestForecast(t *testing.T) {
	growth := SeasonalGrowth{Window: 2}
	for _, c := range []struct {
		name   string
		local  model.Local
		season int
		y      []float64
		want   []float64
		warns  string // what the only warning says; "" for no warning
	}{
		{"last", Last{}, 3, []float64{1, 2, 3, 7}, []float64{7, 7}, ""},
		{"last before a gap", Last{}, 3, []float64{1, 2, 7, gap}, []float64{7}, ""},
		{"season", Seasonal{}, 3, []float64{9, 9, 1, 2, 3}, []float64{1, 2, 3}, ""},
		{"beyond a season", Seasonal{}, 3, []float64{9, 9, 1, 2, 3}, []float64{1, 2, 3, 1, 2, 3, 1}, ""},
		{"no season", Seasonal{}, 0, []float64{4, 5, 6}, []float64{6, 6}, ""},
		{"season with a gap", Seasonal{}, 3, []float64{7, 8, 9, 1, gap, 3}, []float64{1, 8, 3, 1, 8}, ""},
		{"gap at the end", Seasonal{}, 3, []float64{7, 8, 9, 1, 2, gap}, []float64{1, 2, 9}, ""},
		{"short", Seasonal{}, 5, []float64{1, 2, 3}, []float64{3, 3, 1, 2, 3, 3}, "3 of 6 steps have no value a season of 5 periods ago in a history of 3"},
		{"growth", growth, 3, []float64{10, 20, 30, 11, 22, 33}, []float64{11 * 1.1, 22 * 1.1, 33 * 1.1, 11 * 1.1}, ""},
		{"growth over the window only", growth, 3, []float64{500, 20, 30, 1, 22, 33}, []float64{1.1, 22 * 1.1}, ""},
		{"growth beside a gap", growth, 3, []float64{10, 20, gap, 11, 22, 33}, []float64{11 * 1.1, 22 * 1.1, 33 * 1.1}, ""},
		{"growth without pairs", growth, 3, []float64{10, 20, 30, 11, gap, gap}, []float64{11, 20, 30}, "0 of the newest 2 periods"},
		{"growth without a season before", growth, 3, []float64{10, 20, 30}, []float64{10, 20, 30}, "0 of the newest 2 periods"},
		{"growth from nothing", growth, 3, []float64{1, 0, 0, 1, 2, 3}, []float64{1, 2, 3}, "sum to 5.00, after 0.00"},
		{"growth to less than nothing", growth, 3, []float64{1, 2, 3, 1, -2, -3}, []float64{1, -2, -3}, "sum to -5.00, after 5.00"},
		{"growth of a new shop", growth, 3, []float64{1, 1, 1, 5, 5, 5}, []float64{10, 10, 10}, "outside 0.5 to 2, and is taken as 2"},
		{"growth of a closing shop", growth, 3, []float64{5, 5, 5, 1, 1, 1}, []float64{0.5, 0.5, 0.5}, "outside 0.5 to 2, and is taken as 0.5"},
		{"drift", SeasonalDrift{}, 3, []float64{1, 2, 3, 2, 4, 6}, []float64{4, 6, 8, 6, 8, 10}, ""},
		{"drift without a season", SeasonalDrift{}, 0, []float64{1, 9, 7}, []float64{10, 13}, ""},
		{"drift across a gap", SeasonalDrift{}, 2, []float64{1, 2, 3, gap}, []float64{5, 6, 7}, ""},
		{"drift without pairs", SeasonalDrift{}, 3, []float64{1, 2, 3}, []float64{1, 2, 3}, "no period can be compared with the one 3 periods before"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := path(t, c.local, c.season, len(c.want), c.y...)
			for i, w := range c.want {
				if math.Abs(p.Mean[i]-w) > 1e-12*math.Abs(w) {
					t.Fatalf("forecast %v, want %v", p.Mean, c.want)
				}
			}
			switch said := strings.Join(p.Warnings, "; "); {
			case c.warns == "" && said != "":
				t.Errorf("unwanted warning %q", said)
			case !strings.Contains(said, c.warns):
				t.Errorf("warnings %q, want %q", said, c.warns)
			}
		})
	}
}

// With a growing exponential the growth's forecast is right in the first year.
func TestGrowthFollowsAnExponential(t *testing.T) {
	y := make([]float64, 4*52)
	for i := range y {
		y[i] = math.Exp(0.001*float64(i)) * (2 + math.Sin(2*math.Pi*float64(i)/52))
	}
	p := path(t, SeasonalGrowth{}, 52, 52, y[:3*52]...)
	for i, v := range p.Mean {
		if math.Abs(v/y[3*52+i]-1) > 1e-9 {
			t.Fatalf("step %d: %v, want %v", i+1, v, y[3*52+i])
		}
	}
}

// Each step of the seasonal forecast is a value of the history, a whole number
// of seasons before.
func TestSeasonalCopiesHistory(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		season := rapid.IntRange(1, 9).Draw(r, "season")
		y := rapid.SliceOfN(rapid.Float64Range(1, 100), season, 40).Draw(r, "y")
		h := rapid.IntRange(1, 30).Draw(r, "h")
		for i, v := range path(t, Seasonal{}, season, h, y...).Mean {
			from := len(y) + i
			for from >= len(y) {
				from -= season
			}
			if v != y[from] {
				t.Fatalf("step %d is %v, want %v, the value of period %d", i+1, v, y[from], from)
			}
		}
	})
}

// wape backtests l on the sample from each origin of its third year, h weeks
// ahead, and returns the absolute errors as a percentage of sales.
func wape(t *testing.T, l model.Local, h int) float64 {
	t.Helper()
	rows, err := csv.NewReader(bytes.NewReader(testdata.Walmart)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	sales := map[string][]float64{}
	for _, r := range rows[1:] {
		v, err := strconv.ParseFloat(r[2], 64)
		if err != nil {
			t.Fatal(err)
		}
		sales[r[0]] = append(sales[r[0]], v)
	}
	off, sum := 0.0, 0.0
	for _, y := range sales {
		for n := 2 * 52; n+h <= len(y); n++ {
			for i, v := range path(t, l, 52, h, y[:n]...).Mean {
				off += math.Abs(v - y[n+i])
				sum += y[n+i]
			}
		}
	}
	return 100 * off / sum
}

// The figures to beat; a change of method shows here.
func TestAccuracyOnTheSample(t *testing.T) {
	for _, c := range []struct {
		local model.Local
		want  string
	}{{Last{}, "7.006"}, {Seasonal{}, "5.721"}, {SeasonalGrowth{}, "4.221"}, {SeasonalDrift{}, "5.187"}} {
		if got := fmt.Sprintf("%.3f", wape(t, c.local, 8)); got != c.want {
			t.Errorf("%T: WAPE of %s %% over 8 weeks, want %s %%", c.local, got, c.want)
		}
	}
}

func TestRefusals(t *testing.T) {
	ctx := context.Background()
	fit := func(l model.Local, s model.Series) error {
		_, err := l.FitSeries(ctx, s)
		return err
	}
	ok := model.Series{Y: []float64{1}}
	_, steps := (&Fit{season: 1}).Forecast(ctx, 0, ok, nil)
	for _, c := range []struct {
		name string
		err  error
		kind fault.Kind
		says string
	}{
		{"no values", fit(Last{}, model.Series{Y: []float64{gap, gap}}), fault.Invalid, "none of the 2 periods"},
		{"infinite", fit(Last{}, model.Series{Y: []float64{1, math.Inf(-1)}}), fault.Invalid, "period 2 of 2"},
		{"season", fit(Seasonal{}, model.Series{Y: ok.Y, Season: 1 << 21}), fault.Config, "season of 2097152 periods"},
		{"window", fit(SeasonalGrowth{Window: -1}, ok), fault.Config, "window is -1"},
		{"long window", fit(SeasonalGrowth{Window: 1 << 21}, ok), fault.Config, "window is 2097152"},
		{"steps", steps, fault.Usage, "0 steps"},
	} {
		if !fault.Is(c.err, c.kind) || !strings.Contains(fmt.Sprint(c.err), c.says) {
			t.Errorf("%s: error %v of kind %d, want kind %d and %q", c.name, c.err, fault.KindOf(c.err), c.kind, c.says)
		}
	}
}

// The stored form is read by later versions: it must not change by accident.
func TestStoredForm(t *testing.T) {
	got, err := (&Fit{season: 52, window: 13}).MarshalBinary()
	if want := "4e4149564501" + "34000000" + "0d000000"; err != nil || hex.EncodeToString(got) != want {
		t.Errorf("stored as %x, error %v, want %s", got, err, want)
	}
	drift, err := (&Fit{season: 52, drift: true}).MarshalBinary()
	if want := "4e4149564502" + "34000000" + "00000000"; err != nil || hex.EncodeToString(drift) != want {
		t.Errorf("drift is stored as %x, error %v, want %s", drift, err, want)
	}
	windowed := slices.Replace(bytes.Clone(drift), 10, 11, 1)
	season0 := slices.Replace(bytes.Clone(got), 6, 7, 0)
	for _, bad := range [][]byte{nil, got[:13], append(bytes.Clone(got), 0), []byte("NAIVE\x02aaaabbbb"), season0, windowed} {
		if _, err := Unmarshal(bad); !fault.Is(err, fault.Integrity) {
			t.Errorf("%x: error %v, want one of kind fault.Integrity", bad, err)
		}
	}
}

func FuzzUnmarshal(f *testing.F) {
	good, _ := (&Fit{season: 52, window: 13}).MarshalBinary()
	f.Add(good)
	drift, _ := (&Fit{season: 52, drift: true}).MarshalBinary()
	f.Add(drift)
	f.Fuzz(func(t *testing.T, data []byte) {
		fit, err := Unmarshal(data)
		if err != nil {
			return
		}
		again, err := fit.MarshalBinary()
		if err != nil || !bytes.Equal(again, data) {
			t.Errorf("%x is read, but stored as %x, error %v", data, again, err)
		}
		if p, err := fit.Forecast(t.Context(), 3, model.Series{Y: []float64{1, 2}}, nil); err != nil || len(p.Mean) != 3 {
			t.Errorf("%x: forecast %v, error %v", data, p, err)
		}
	})
}
