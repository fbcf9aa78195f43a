package server

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"runtime"
	"slices"
	"strings"
	"unicode"

	"github.com/salesctl/salesctl/pkg/artifact"
	"github.com/salesctl/salesctl/pkg/mlflow"
)

// proxy is the part of a path that stands before what the artifact proxy is asked
// for.
const proxy = "/mlflow-artifacts/"

// keepDots hides dot segments and double slashes of the proxy's paths from
// http.ServeMux, which would answer with a redirect: whether a path leads out of
// the store is for safePath to say.
func keepDots(r *http.Request) *http.Request {
	before, after, ok := strings.Cut(r.URL.EscapedPath(), proxy)
	verb, rest, more := strings.Cut(after, "/")
	if !ok || !more || path.Clean("/"+rest) == "/"+rest {
		return r
	}
	u := *r.URL
	u.RawPath = before + proxy + verb + "/" + strings.NewReplacer("/", "%2F", ".", "%2E").Replace(rest)
	kept := *r
	kept.URL = &u
	return &kept
}

// safePath undoes the percent-encoding of an artifact path, however often it was
// applied, and refuses a path that could lead out of the place it is asked of.
// "", "." and a slash at the end stay: they name folders.
func safePath(p string) (string, error) {
	p, ok := decodePath(p)
	segments := strings.Split(p, "/")
	if !ok || strings.HasPrefix(p, "/") || strings.Contains(p, "#") || slices.Contains(segments, "..") || elsewhere(p) {
		return "", mlflow.Errorf(mlflow.InvalidParameterValue, "Invalid path")
	}
	return escapeControls(p), nil
}

// elsewhere reports whether the path names a place outside of every store to
// somebody who reads it otherwise: a file: URI, an absolute path of Windows, and on
// Windows anything with its separators. Elsewhere in a name they are characters as
// any other, to MLflow, too.
func elsewhere(p string) bool {
	if runtime.GOOS == "windows" && strings.ContainsAny(p, `\:`) {
		return true
	}
	slash := func(i int) bool { return i < len(p) && (p[i] == '/' || p[i] == '\\') }
	const file = "file:"
	return len(p) >= len(file) && strings.EqualFold(p[:len(file)], file) || // its path may be absolute
		slash(0) && slash(1) || // \\server\share
		len(p) > 1 && p[1] == ':' && slash(2) // C:\x
}

// safeFile is safePath for a path that must name a file.
func safeFile(p string) (string, error) {
	p, err := safePath(p)
	if err == nil && strings.Trim(p, "./") == "" {
		err = mlflow.Errorf(mlflow.InvalidParameterValue, "Invalid path")
	}
	return p, err
}

// decodePath decodes until nothing changes, which an honest path does at once.
// Between two turns the path is read and written as a URL, as MLflow does: marks
// of an empty query or fragment go.
func decodePath(p string) (string, bool) {
	for range 10 {
		next := asURL(strings.ToValidUTF8(unquote(p), string(unicode.ReplacementChar)))
		if next == p {
			return p, true
		}
		p = next
	}
	return "", false
}

// unquote decodes %XX wherever there is one, and leaves every other % alone.
func unquote(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if c, err := url.PathUnescape(s[i : i+3]); err == nil {
				b.WriteString(c)
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// asURL drops what a URL's parser drops: control characters and spaces before it,
// tabs and line breaks within, and the mark of an empty fragment, query or params.
func asURL(s string) string {
	s = strings.TrimLeftFunc(s, func(r rune) bool { return r <= ' ' })
	s = strings.NewReplacer("\t", "", "\r", "", "\n", "").Replace(s)
	for _, mark := range []string{"#", "?", ";"} {
		if strings.Index(s, mark) == len(s)-1 {
			s = strings.TrimSuffix(s, mark)
		}
	}
	return s
}

// escapeControls writes control characters as %xx, so that no name holds one.
func escapeControls(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r < ' ' || r == 0x7f {
			fmt.Fprintf(&b, "%%%02x", r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// place is where files lie: a store, and a folder in it.
type place struct {
	store artifact.Store
	root  string // without slashes at its ends; "" is the whole store
}

// place finds the files at an artifact URI. What is proxied, by whatever host,
// lies in this server's own store.
func (h *handler) place(ctx context.Context, uri string) (place, error) {
	scheme, through := proxied(uri)
	switch {
	case through && h.Artifacts == nil:
		return place{}, proxyIsOff()
	case through:
		root, err := proxiedRoot(scheme, uri[len(scheme)+1:])
		if err == nil {
			root, err = h.scoped(ctx, root)
		}
		return place{h.Artifacts, root}, err
	case h.Open == nil:
		return place{}, mlflow.Errorf(mlflow.InvalidParameterValue, "This server opens no artifacts at %s.", uri)
	}
	store, err := h.Open(uri)
	return place{store: store}, err
}

// proxiedRoot returns the folder that the rest of a proxied artifact URI names.
func proxiedRoot(scheme, rest string) (string, error) {
	if after, ok := strings.CutPrefix(rest, "//"); ok { // a host
		_, rest, _ = strings.Cut(after, "/")
	}
	if scheme != "mlflow-artifacts" {
		_, after, ok := strings.Cut("/"+rest, "/api/2.0/mlflow-artifacts/artifacts/")
		if !ok {
			return "", mlflow.Errorf(mlflow.InvalidParameterValue, "No artifacts are proxied at %s:%s.", scheme, rest)
		}
		rest = after
	}
	if rest = strings.Trim(rest, "/"); rest == "" {
		return "", nil
	}
	return artifact.Clean(rest)
}

// proxyIsOff is the answer where no store stands behind mlflow-artifacts:/.
func proxyIsOff() error {
	return mlflow.Errorf(mlflow.TemporarilyUnavailable,
		"Artifact serving is disabled. Start the server with --artifacts-destination to enable it.")
}

// name joins the place's folder and the path below it, for messages.
func (p place) name(below string) string {
	if p.root == "" {
		return below
	}
	return p.root + "/" + below
}

// folder is the folder below the place, as the store names it.
func (p place) folder(below string) string {
	if f := path.Join(p.root, below); f != "." {
		return f
	}
	return ""
}
