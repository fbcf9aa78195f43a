package client

import (
	"net/url"
	"regexp"
	"strings"

	"github.com/salesctl/salesctl/pkg/fault"
)

// works is the hint of every address that no server can have.
const works = "set http://HOST:PORT or https://HOST/PREFIX for a server, leave it out for the embedded one, or set sqlite:///FILE for a database here"

// scheme begins a URI; one letter would be a drive of Windows.
var scheme = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9+.-]+):`)

// parse reads the address of a server. What it says of others names their kind
// only: a password may be in them.
func parse(uri string) (*url.URL, error) {
	refuse := func(what string) *fault.Error {
		return fault.New(fault.Config, "the MLflow tracking URI is %s", what).WithHint(works)
	}
	if what := notServer(uri); what != "" {
		return nil, refuse(what)
	}
	u, err := url.Parse(uri)
	if err != nil || u.Hostname() == "" {
		return nil, refuse("no web address")
	}
	if u.User != nil {
		return nil, refuse("not the place for credentials").
			WithHint("set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN")
	}
	if u.RawQuery != "" || u.Fragment != "" {
		return nil, refuse("an address with a query or a fragment")
	}
	u.Path, u.RawPath = strings.TrimRight(u.Path, "/"), ""
	return u, nil
}

// notServer says what a URI of another scheme than http stands for, "" where it
// has that scheme.
func notServer(uri string) string {
	if uri == "" {
		return "empty"
	}
	kind := "file"
	if s := scheme.FindStringSubmatch(uri); s != nil {
		kind, _, _ = strings.Cut(strings.ToLower(s[1]), "+") // sqlalchemy's dialect+driver
	} else if uri == "databricks" || uri == "databricks-uc" || uri == "uc" {
		kind = uri
	}
	switch kind {
	case "http", "https":
		return ""
	case "file":
		return "a folder: MLflow's file store is not supported"
	case "databricks", "databricks-uc", "uc":
		return "a Databricks workspace, which salesctl cannot use"
	case "sqlite", "mysql", "postgresql", "postgres", "mssql":
		return "a database (" + kind + "), not a server"
	}
	return "of the scheme " + kind + ", which is no server's"
}

// hidden pairs each secret with what stands for it in messages. A very short one
// would deface every text and hide nothing.
func hidden(secrets ...string) (pairs []string) {
	for _, s := range secrets {
		if len(s) > 3 {
			pairs = append(pairs, s, "***")
		}
	}
	return pairs
}
