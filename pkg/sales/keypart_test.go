package sales_test

import (
	"strings"
	"testing"

	"github.com/salesctl/salesctl/pkg/sales"
	"pgregory.net/rapid"
)

func TestKeyPart(t *testing.T) {
	for in, want := range map[string]string{
		"1": "1", " 1 ": "1", "01": "1", "1.0": "1", "1.": "1", "-3.00": "-3", "0": "0", "007": "7",
		"1.5": "1.5", "1e3": "1e3", "north": "north", "north.0": "north.0", ".0": ".0", "12a": "12a", "São Paulo": "São Paulo",
		"99999999999999999999": "99999999999999999999",
	} {
		got, err := sales.KeyPart(in)
		if err != nil || got != want {
			t.Errorf("KeyPart(%q) = %q, %v, want %q", in, got, err, want)
		}
	}
	for in, want := range map[string]string{
		"": "blank", " \t": "blank", "1/2": "separates", "a\nb": "control", "a\xff": "UTF-8", strings.Repeat("x", 256): "255 bytes",
	} {
		if got, err := sales.KeyPart(in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("KeyPart(%q) = %q, %v, want an error with %q", in, got, err, want)
		}
	}
}

// A spelling is final: a part that was read once reads the same again, and
// survives the way through a written key.
func TestKeyPartIsFinal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		part, err := sales.KeyPart(rapid.StringMatching(`[-0-9a-c./ ]{0,6}`).Draw(t, "part"))
		if err != nil {
			return
		}
		if again, err := sales.KeyPart(part); err != nil || again != part {
			t.Fatalf("%q reads again as %q, %v", part, again, err)
		}
		if key := (sales.Key{part, part}); !sales.ParseKey(key.String()).Equal(key) {
			t.Fatalf("%q does not survive its written form", part)
		}
	})
}
