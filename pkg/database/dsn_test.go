package database

import (
	"strings"
	"testing"

	"github.com/salesctl/salesctl/pkg/fault"
)

func TestParse(t *testing.T) {
	for dsn, want := range map[string]string{
		"sqlite:///sales.db":           "sales.db",
		"sqlite:///data/sales.db":      "data/sales.db",
		"sqlite:////srv/sales.db":      "/srv/sales.db",
		"sqlite:///C:/data/sales.db":   "C:/data/sales.db",
		"sqlite:///a b#%20@c.db":       "a b#%20@c.db",
		"sqlite:////srv/sales@home.db": "/srv/sales@home.db",
	} {
		if got, err := parse(dsn); err != nil || got != want {
			t.Errorf("%s is %q, %v, want %q", dsn, got, err, want)
		}
	}
	for dsn, want := range map[string]string{
		"":                              "only sqlite:///PATH works in this version",
		"sales.db":                      "only sqlite:///PATH works in this version",
		"sqlite://sales.db":             "only sqlite:///PATH works in this version",
		"mysql://me:secret@host:3306/s": "only sqlite:///PATH works in this version",
		"mysql+pymysql://me:secret@h/s": "only sqlite:///PATH works in this version",
		"sqlite:///":                    "it names no file",
		"sqlite:///:memory:":            "not in memory",
		"sqlite:///a.db?mode=ro":        "no parameters",
		"sqlite:///a\x00.db":            "no zero byte",
	} {
		_, err := parse(dsn)
		wantKind(t, err, fault.Config, want, "sqlite:///sales.db")
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("the password is told: %v", err)
		}
	}
}

func TestRedact(t *testing.T) {
	for dsn, want := range map[string]string{
		"sqlite:////srv/a@b:c.db":              "sqlite:////srv/a@b:c.db",
		"mysql://me:secret@host:3306/s":        "mysql://me:***@host:3306/s",
		"mysql://me@host/s?tls=true":           "mysql://me@host/s",
		"mysql://host/s?password=secret":       "mysql://host/s",
		"mysql+pymysql://me:sec@ret/?@h/s?a=b": "mysql+pymysql://me:***@h/s",
		"me:secret@tcp(host)/s":                "me:***@tcp(host)/s",
		"nonsense":                             "nonsense",
		"":                                     "",
	} {
		if got := redact(dsn); got != want {
			t.Errorf("%q is told as %q, want %q", dsn, got, want)
		}
	}
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
		if got := redact(dsn); strings.Contains(got, mark) {
			t.Errorf("%q is told as %q", dsn, got)
		}
	})
}
