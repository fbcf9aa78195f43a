package config

import (
	"net/url"
	"reflect"
	"slices"
	"strings"

	"github.com/salesctl/salesctl/pkg/fault"
)

// mask stands for a secret in everything that is shown.
const mask = "***"

// namesSecret reports whether a key or parameter of this name holds a secret.
func namesSecret(name string) bool {
	name = strings.ToLower(name)
	return slices.ContainsFunc([]string{"password", "passwd", "pwd", "token", "secret"}, func(w string) bool {
		return strings.Contains(name, w)
	})
}

// splitURL cuts a URL into what stands before, in and behind its user
// information. It is cruder than net/url on purpose: a password with stray
// characters, which net/url refuses, must be found too.
func splitURL(s string) (before, user, behind string) {
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok || strings.HasPrefix(rest, "/") {
		return s, "", ""
	}
	at := strings.LastIndex(rest, "@")
	if at < 0 {
		return s, "", ""
	}
	return scheme + "://", rest[:at], rest[at:]
}

// Redact replaces user information and secret parameters of a URL or DSN.
// Other text comes back as it is.
func Redact(s string) string {
	if before, user, behind := splitURL(s); user != "" {
		s = before + mask + behind
	}
	head, query, ok := strings.Cut(s, "?")
	if !ok || !strings.Contains(head, "://") {
		return s
	}
	params := strings.Split(query, "&")
	for i, p := range params {
		if name, _, _ := strings.Cut(p, "="); namesSecret(unescape(name)) {
			params[i] = name + "=" + mask
		}
	}
	return head + "?" + strings.Join(params, "&")
}

// holdsPassword reports whether a URL or DSN has a password in it.
func holdsPassword(s string) bool {
	before, user, behind := splitURL(s)
	return strings.Contains(user, ":") || Redact(before+behind) != before+behind
}

// unescape undoes percent-encoding, under which a name could hide.
func unescape(s string) string {
	if u, err := url.QueryUnescape(s); err == nil {
		return u
	}
	return s
}

// refusePassword refuses a password in a file, which is committed and copied,
// and in a flag, which every user of the machine can see.
func (s *Settings) refusePassword(f field) error {
	o := s.Origin(f.key)
	if f.typ.Kind() != reflect.String || o.Layer == FromEnviron {
		return nil
	}
	text, _ := s.value(f).(string)
	if !holdsPassword(text) && (text == "" || !namesSecret(f.key)) {
		return nil
	}
	err := fault.New(fault.Config, "holds a password, which must come from the environment").
		WithHint("set %s instead", EnvName(f.key))
	return s.Refuse(f.key, err)
}
