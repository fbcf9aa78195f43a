package database

import (
	"strings"

	"github.com/salesctl/salesctl/pkg/fault"
)

const scheme = "sqlite:///"

// parse returns the path that a DSN names.
func parse(dsn string) (string, error) {
	path, ok := strings.CutPrefix(dsn, scheme)
	switch {
	case !ok:
		return "", refuse("only %sPATH works in this version", dsn, scheme)
	case path == "":
		return "", refuse("it names no file", dsn)
	case strings.HasPrefix(path, ":"):
		return "", refuse("a database lives in a file, not in memory", dsn)
	case strings.Contains(path, "?"):
		return "", refuse("it takes no parameters after a question mark", dsn)
	case strings.ContainsRune(path, 0):
		return "", refuse("a path holds no zero byte", dsn)
	}
	return path, nil
}

func refuse(why, dsn string, args ...any) error {
	args = append([]any{redact(dsn)}, args...)
	return fault.New(fault.Config, "database %q: "+why, args...).WithHint("write sqlite:///sales.db, or sqlite:////srv/sales.db for an absolute path")
}

// redact returns the DSN without its password and parameters, for messages.
// Where a password with an @, a / or a ? in it makes the form ambiguous, more is
// hidden rather than less.
func redact(dsn string) string {
	if strings.HasPrefix(dsn, scheme) {
		return dsn
	}
	head, rest, ok := strings.Cut(dsn, "://")
	if ok {
		head += "://"
	} else {
		head, rest = "", dsn
	}
	login, host := "", rest
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		user, _, secret := strings.Cut(rest[:at], ":")
		if secret {
			user += ":***"
		}
		login, host = user+"@", rest[at+1:]
	}
	host, _, _ = strings.Cut(host, "?")
	return head + login + host
}
