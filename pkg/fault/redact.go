package fault

import (
	"net/url"
	"slices"
	"strings"
)

// Mask stands for a secret in everything that is shown.
const Mask = "***"

// NamesSecret reports whether a setting or parameter of this name holds a secret.
func NamesSecret(name string) bool {
	name = strings.ToLower(name)
	return slices.ContainsFunc([]string{"password", "passwd", "pwd", "token", "secret"}, func(w string) bool {
		return strings.Contains(name, w)
	})
}

// Redact replaces user information and secret parameters of a URL or DSN. Other
// text comes back as it is.
func Redact(s string) string {
	if before, user, behind := splitURL(s); user != "" {
		s = before + Mask + behind
	}
	head, query, ok := strings.Cut(s, "?")
	if !ok || !strings.Contains(head, "://") {
		return s
	}
	params := strings.Split(query, "&")
	for i, p := range params {
		if name, _, _ := strings.Cut(p, "="); NamesSecret(unescape(name)) {
			params[i] = name + "=" + Mask
		}
	}
	return head + "?" + strings.Join(params, "&")
}

// HoldsPassword reports whether a URL or DSN has a password in it.
func HoldsPassword(s string) bool {
	before, user, behind := splitURL(s)
	return strings.Contains(user, ":") || Redact(before+behind) != before+behind
}

// splitURL cuts a URL into what stands before, in and behind its user
// information. It is cruder than net/url on purpose: a password with stray
// characters, which net/url refuses, must be found too.
func splitURL(s string) (before, user, behind string) {
	scheme, rest, ok := strings.Cut(s, "://")
	at := strings.LastIndex(rest, "@")
	if !ok || at < 0 || strings.HasPrefix(rest, "/") {
		return s, "", ""
	}
	return scheme + "://", rest[:at], rest[at:]
}

// unescape undoes percent-encoding, under which a name could hide.
func unescape(s string) string {
	if u, err := url.QueryUnescape(s); err == nil {
		return u
	}
	return s
}
