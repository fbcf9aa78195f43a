package auth

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/salesctl/salesctl/pkg/fault"
)

// Options say what Guard lets through.
type Options struct {
	Keys  *Keyring                                        // nil: no key is asked for
	Scope func(r *http.Request) Scope                     // what a request needs; "" needs no key
	Hosts []string                                        // names in Host headers beside localhost and addresses; "*" is any
	Flag  string                                          // sets Hosts, for messages, such as --allowed-hosts
	Deny  func(http.ResponseWriter, *http.Request, error) // answers a refused request
	Audit *slog.Logger                                    // told of every request that changes something; may be nil
	Log   *slog.Logger                                    // told what is wrong with the keys themselves; may be nil
}

// Guard lets requests through to the handler by the options. Deny is given a
// fault.Auth, with ErrForbidden or without, or a fault.Failure where the keys
// cannot be read: then it is the server that is at fault.
func Guard(next http.Handler, o Options) http.Handler {
	// A page of somebody else's must not make the browser of a user send requests
	// that change something.
	origins := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := o.host(r); err != nil {
			o.Deny(w, r, err)
			return
		}
		if err := origins.Check(r); err != nil {
			o.Deny(w, r, fault.New(fault.Auth, "%w: %w", err, ErrForbidden).WithHint("send it from a page of this server, or from a program"))
			return
		}
		who, err := o.key(r)
		if err != nil {
			if fault.Is(err, fault.Auth) && !errors.Is(err, ErrForbidden) {
				w.Header().Set("WWW-Authenticate", `Basic realm="salesctl", charset="UTF-8"`)
			}
			o.Deny(w, r, err)
			return
		}
		if o.Audit != nil && changes(r.Method) {
			o.Audit.Info("request", "key", who.ID, "name", who.Name, "method", r.Method, "path", r.URL.Path, "from", r.RemoteAddr)
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), caller{}, who)))
	})
}

type caller struct{}

// Caller returns the key that a request came with; its ID is empty where none was
// asked for.
func Caller(ctx context.Context) Key {
	k, _ := ctx.Value(caller{}).(Key)
	return k
}

// changes reports whether requests of the method may change something.
func changes(method string) bool {
	return !slices.Contains([]string{http.MethodGet, http.MethodHead, http.MethodOptions}, method)
}

// ErrForbidden is in the error of a request whose key does not reach so far, or
// that comes under a name which the server is not known by; another key or name
// is needed. Without it the request came without a good key.
var ErrForbidden = fault.New(fault.Auth, "forbidden")

// host refuses a Host header with a name that is not this machine's and not one of
// Hosts.
func (o Options) host(r *http.Request) error {
	name := r.Host
	if h, _, err := net.SplitHostPort(r.Host); err == nil {
		name = h
	}
	name = strings.Trim(name, "[]")
	if strings.EqualFold(name, "localhost") || slices.Contains(o.Hosts, "*") ||
		slices.ContainsFunc(o.Hosts, func(h string) bool { return strings.EqualFold(h, name) || strings.EqualFold(h, r.Host) }) {
		return nil
	}
	if net.ParseIP(name) != nil { // no name was resolved to get here
		return nil
	}
	return fault.New(fault.Auth, "the Host header names %q, which this server is not known by: %w", r.Host, ErrForbidden).
		WithHint("start it with %s %s", o.Flag, name)
}

// key returns the request's key, which must have the scope that it needs.
func (o Options) key(r *http.Request) (Key, error) {
	if o.Keys == nil {
		return Key{}, nil
	}
	need := o.Scope(r)
	if need == "" {
		return Key{}, nil
	}
	secret := presented(r)
	if secret == "" {
		return Key{}, fault.New(fault.Auth, "this server asks for a key").
			WithHint("send it as `Authorization: Bearer KEY`, or as the password of basic authentication; `salesctl keys create` makes one")
	}
	k, err := o.Keys.Find(secret)
	switch {
	case err != nil && !fault.Is(err, fault.Auth): // it names files of this machine, which are nobody's business
		if o.Log != nil {
			o.Log.Error("nobody is let in: the keys cannot be read", "error", err, "hint", fault.HintOf(err))
		}
		return Key{}, fault.New(fault.Failure, "the keys of this server cannot be read").WithHint("its log says why")
	case err != nil:
		return Key{}, err
	}
	if !k.Allows(need) {
		return k, fault.New(fault.Auth, "the key %s (%s) has the scopes %s, this needs %s: %w", k.ID, k.Name, strings.Join(names(k.Scopes), ", "), need, ErrForbidden).
			WithHint("make one that has it: salesctl keys create NAME --scope %s", need)
	}
	return k, nil
}

// presented is the secret that a request brings, "" for none.
func presented(r *http.Request) string {
	if _, password, ok := r.BasicAuth(); ok {
		return password
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(token)
	}
	return r.Header.Get("X-API-Key")
}
