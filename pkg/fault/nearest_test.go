package fault_test

import (
	"testing"

	"github.com/salesctl/salesctl/pkg/fault"
)

func TestNearest(t *testing.T) {
	known := []string{"etl", "train", "backtest", "forecast", "serve", "config", "seasonal_naive"}
	for _, c := range []struct{ word, want string }{
		{"trian", "train"},      // two letters swapped
		{"Forcast", "forecast"}, // one missing, another case
		{"sevre", "serve"},      //
		{"back", "backtest"},    // a beginning
		{"elt", "etl"},          //
		{"seasonl_naiv", "seasonal_naive"},
		{"kubernetes", ""},
		{"x", ""},
		{"", ""},
		{"train", "train"},
	} {
		if got := fault.Nearest(c.word, known); got != c.want {
			t.Errorf("Nearest(%q) = %q, want %q", c.word, got, c.want)
		}
	}
	if got := fault.Nearest("fold", nil); got != "" {
		t.Errorf("with nothing known: %q", got)
	}
}
