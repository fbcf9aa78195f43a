package arima

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/salesctl/salesctl/pkg/fault"
)

// small is a fit of round numbers.
func small() *Fit {
	return &Fit{
		order: Order{1, 1}, periods: 143,
		estimate: estimate{phi: []float64{0.5}, sigma2: 2, llf: -8, converged: true, iterations: 7},
	}
}

// The stored form is read by later versions: it must not change by accident.
func TestStoredForm(t *testing.T) {
	const want = "4152494d4101" + "010101" + "8f000000" + "07000000" +
		"00000000000020c0" + "0000000000000040" + "000000000000e03f"
	got, err := small().MarshalBinary()
	if err != nil || hex.EncodeToString(got) != want {
		t.Errorf("stored as %x, error %v, want %s", got, err, want)
	}
	read, err := Unmarshal(got)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(small().Summary(), read.(*Fit).Summary()); diff != "" {
		t.Errorf("summary (-before +after):\n%s", diff)
	}
}

func TestUnmarshalRefuses(t *testing.T) {
	good, _ := small().MarshalBinary()
	at := len(good) - 1
	for name, bad := range map[string][]byte{
		"nothing":                  nil,
		"a word":                   []byte("ARIMA, but in words only, please"),
		"another version":          append([]byte("ARIMA\x02"), good[6:]...),
		"a byte more":              append(bytes.Clone(good), 0),
		"d of 2":                   append(append(bytes.Clone(good[:7]), 2), good[8:]...),
		"converged of 2":           append(append(bytes.Clone(good[:8]), 2), good[9:]...),
		"a coefficient of -0.5e38": append(bytes.Clone(good[:at]), 0xc7),
		"sigma2 below 0":           append(append(bytes.Clone(good[:at-8]), 0xc0), good[at-7:]...),
	} {
		if _, err := Unmarshal(bad); !fault.Is(err, fault.Integrity) {
			t.Errorf("%s: error %v, want one of kind fault.Integrity", name, err)
		}
	}
}

func FuzzUnmarshal(f *testing.F) {
	good, _ := small().MarshalBinary()
	f.Add(good)
	f.Add(good[:10])
	f.Fuzz(func(t *testing.T, data []byte) {
		fit, err := Unmarshal(data)
		if err != nil {
			return
		}
		again, err := fit.MarshalBinary()
		if err != nil || !bytes.Equal(again, data) {
			t.Errorf("%x is read, but stored as %x, error %v", data, again, err)
		}
	})
}
