package fault

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestRedact(t *testing.T) {
	for in, want := range map[string]string{
		"sqlite:///data@home/sales.db":         "sqlite:///data@home/sales.db",
		"sqlite:////srv/a@b:c.db":              "sqlite:////srv/a@b:c.db",
		"mysql://me:p@ss:w@rd@db/x":            "mysql://***@db/x",
		"mysql+pymysql://me@db/x":              "mysql+pymysql://***@db/x",
		"mysql+pymysql://me:sec@ret/?@h/s?a=b": "mysql+pymysql://***@h/s?a=b",
		`C:\\data@home\\sales.csv`:             `C:\\data@home\\sales.csv`,
		"https://host/x?a=1&api_token=t&b=2":   "https://host/x?a=1&api_token=***&b=2",
		"https://host/x?%70assword=t":          "https://host/x?%70assword=***",
		"me@example.com":                       "me@example.com",
		"what is this?password=x":              "what is this?password=x",
		"":                                     "",
		"mysql://me:100%@db/x?tls=skip-verify": "mysql://***@db/x?tls=skip-verify",
	} {
		if got := Redact(in); got != want {
			t.Errorf("Redact(%q) = %q, want %q", in, got, want)
		}
	}
}

// No password in any URL survives, whatever it is made of, and a second pass
// changes nothing.
func TestRedactAnyPassword(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		secret := "S3CR" + rapid.StringMatching(`[a-z0-9:@%!$&#+-]{0,12}`).Draw(t, "rest") + "T"
		dsn := rapid.SampledFrom([]string{
			"mysql://u:" + secret + "@host/db",
			"mysql://" + secret + "@host/db?x=y",
		}).Draw(t, "dsn")
		got := Redact(dsn)
		if strings.Contains(got, "S3CR") || !strings.Contains(got, "host/db") {
			t.Fatalf("%q became %q", dsn, got)
		}
		if again := Redact(got); again != got {
			t.Fatalf("%q became %q", got, again)
		}
	})
}

func FuzzRedactHidesPasswords(f *testing.F) {
	f.Add("me", "secret", "host/db")
	f.Add("me", "p@ss/w?rd:", "host/db?tls=true")
	f.Fuzz(func(t *testing.T, user, password, rest string) {
		const mark = "PASSWORD"
		if strings.ContainsAny(user, ":@/") || strings.Contains(user+rest, mark) {
			return
		}
		dsn := "mysql://" + user + ":" + password + mark + "@" + rest
		if got := Redact(dsn); strings.Contains(got, mark) || !HoldsPassword(dsn) {
			t.Errorf("%q is told as %q", dsn, got)
		}
	})
}

func TestHoldsPassword(t *testing.T) {
	for in, want := range map[string]bool{
		"mysql://me:x@h/s": true, "mysql://me@h/s": false, "https://h/x?token=t": true,
		"sqlite:///a:b@c.db": false, "me@example.com": false,
	} {
		if HoldsPassword(in) != want {
			t.Errorf("%q: %v", in, !want)
		}
	}
}
