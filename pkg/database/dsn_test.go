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
		if got, err := parse(dsn); err != nil || got.path != want || got.dialect != SQLite {
			t.Errorf("%s is %+v, %v, want %q", dsn, got, err, want)
		}
	}
	for dsn, want := range map[string]server{
		"mysql://me@db.example/s":                           {user: "me", host: "db.example", port: "3306", name: "s"},
		"mysql+pymysql://me:secret@[::1]:3307/s":            {user: "me", password: "secret", host: "::1", port: "3307", name: "s"},
		"mysql+mysqldb://m%40e:p%2Fw%3F%25@h/s":             {user: "m@e", password: "p/w?%", host: "h", port: "3306", name: "s"},
		"mariadb+mysqlconnector://me@/s":                    {user: "me", host: "localhost", port: "3306", name: "s"},
		"mysql://me@h/s?tls=required&charset=utf8mb4":       {user: "me", host: "h", port: "3306", name: "s", tls: required},
		"mysql://me@h/s?ssl-mode=VERIFY_CA&ca=/c":           {user: "me", host: "h", port: "3306", name: "s", tls: verifyCA, ca: "/c"},
		"mysql://me@h/s?tls=verify-identity":                {user: "me", host: "h", port: "3306", name: "s", tls: verifyIdentity},
		"mysql://me@h/s?tls=off":                            {user: "me", host: "h", port: "3306", name: "s", tls: off},
		"mysql://me@h/s?ssl_ca=/c":                          {user: "me", host: "h", port: "3306", name: "s", tls: verifyIdentity, ca: "/c"},
		"mysql://me@h/s?ssl_ca=/c&ssl_check_hostname=false": {user: "me", host: "h", port: "3306", name: "s", tls: verifyCA, ca: "/c"},
		"mysql://me@h/s?tls=required&ssl-ca=/c":             {user: "me", host: "h", port: "3306", name: "s", tls: verifyCA, ca: "/c"},
		"mysql://me@/s?unix_socket=/run/s":                  {user: "me", host: "localhost", port: "3306", name: "s", socket: "/run/s"},
	} {
		if got, err := parse(dsn); err != nil || got.server != want || got.dialect != MySQL {
			t.Errorf("%s is %+v, %v, want %+v", dsn, got, err, want)
		}
	}
	for dsn, want := range map[string]string{
		"":                                   "its form is not known",
		"sales.db":                           "its form is not known",
		"sqlite://sales.db":                  "its form is not known",
		"mysql:me:secret@h/s":                "its form is not known",
		"postgresql://me:secret@host:5432/s": "its form is not known",
		"mysql+odbc://me:secret@h/s":         "its form is not known",
		"mysql://me:sec%ret@h/s":             "special characters",
		"mysql://me:secret@h:port/s":         "special characters",
		"mysql://me:secret@h/":               "it names no database",
		"mysql://me:secret@h/s/t":            "it names no database",
		"mysql://:secret@h/s":                "it names no user",
		"mysql://h/s":                        "it names no user",
		"mysql://me@h/s?tls=secret":          "its tls is off, required, verify-ca or verify-identity",
		"mysql://me@h/s?tls=off&ca=/secret":  "turns TLS off and names a CA",
		"mysql://me@h/s?password=secret":     "the parameter password is not known",
		"mysql://me@h/s?charset=latin1":      "must be utf8mb4",
		"mysql://me@h/s?tls=%secret":         "its parameters cannot be read",
		"sqlite:///":                         "it names no file",
		"sqlite:///:memory:":                 "not in memory",
		"sqlite:///a.db?mode=ro":             "no parameters",
		"sqlite:///a\x00.db":                 "no zero byte",
	} {
		_, err := parse(dsn)
		wantKind(t, err, fault.Config, want, "sqlite:///sales.db", "mysql://user@host")
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("the password is told: %v", err)
		}
	}
}

// The address in messages holds no secret, and parsing never lets one out.
func FuzzParseTellsNoPassword(f *testing.F) {
	f.Add("mysql://me:PASSWORD@h/s?tls=off")
	f.Add("mysql://me:PASSWORD%@h/s")
	f.Add("mysql+pymysql://me:x@PASSWORD@h/s?tls=PASSWORD")
	f.Fuzz(func(t *testing.T, dsn string) {
		got, err := parse(dsn)
		if err == nil && got.dialect == MySQL && len(got.password) > 3 && !strings.Contains(got.user+got.host+got.name+got.socket, got.password) &&
			strings.Contains(got.address(), got.password) {
			t.Errorf("%q is told as %q", dsn, got.address())
		}
		const mark = "PASSWORD"
		before, _, ok := strings.Cut(dsn, "@h/")
		if err != nil && ok && strings.HasPrefix(dsn, "mysql://me:") && strings.Contains(before, mark) && strings.Count(dsn, mark) == 1 && strings.Contains(err.Error(), mark) {
			t.Errorf("%q fails with %v", dsn, err)
		}
	})
}

func TestIsDSN(t *testing.T) {
	for text, want := range map[string]bool{
		"sqlite:///a.db": true, "sqlite:a.db": true, "mysql://me@h/s": true, "mysql+pymysql://me@h/s": true, "mariadb://me@h/s": true,
		"mariadb+pymysql://me@h/s": true, "http://h": false, "sqlite": false, "s3://mysql/x": false, "./mysql": false, "": false,
	} {
		if IsDSN(text) != want {
			t.Errorf("%q: %v", text, !want)
		}
	}
}

func TestShown(t *testing.T) {
	for dsn, want := range map[string]string{
		"sqlite:////srv/a@b:c.db":       "sqlite:////srv/a@b:c.db",
		"mysql://me:secret@host:3306/s": "mysql://***@host:3306/s",
		"mysql://me:sec?ret@host/s?a=b": "mysql://***@host/s",
		"mysql://host/s?what=secret":    "mysql://host/s",
		"me:secret@tcp(host)/s?a=b":     "***@tcp(host)/s",
		"nonsense":                      "nonsense",
	} {
		if got := shown(dsn); got != want {
			t.Errorf("%q is told as %q, want %q", dsn, got, want)
		}
	}
}

// Who says nothing of TLS speaks plain on this machine only.
func TestProtectionByDefault(t *testing.T) {
	for host, plain := range map[string]bool{"localhost": true, "127.0.0.1": true, "127.8.8.8": true, "[::1]": true,
		"192.168.0.1": false, "db.example": false, "localhost.example": false, "[2001:db8::1]": false} {
		to, err := parse("mysql://me@" + host + "/s")
		if err != nil {
			t.Fatal(err)
		}
		if c, err := to.tlsConfig(""); err != nil || (c == nil) != plain {
			t.Errorf("%s: %v, %v", host, c, err)
		}
	}
}
