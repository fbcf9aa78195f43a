// Package client speaks MLflow's REST API to a server that is elsewhere: any
// MLflow of release 2 or 3, or salesctl's own. A Client is a mlflow.Tracking and a
// mlflow.Registry, and opens the artifacts that the server gives out.
//
// The way of a call:
//
//  1. A method of mlflow.Tracking or mlflow.Registry names its route and makes
//     the JSON, cut into several requests where it is beyond the server's limits.
//  2. The request is sent, and sent again after growing waits while the server is
//     away or busy. What adds something, such as a run, is sent again only where
//     the server cannot have carried it out.
//  3. The answer becomes the words of pkg/mlflow, or an error with a kind and a
//     hint; MLflow's own errors keep their code and text.
//
// Artifacts go through the same steps; their bytes never lie in memory as a whole.
package client

import (
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/mlflow"
)

// What MLflow's own client does by default.
const (
	defaultRetries = 7
	defaultBackoff = 2 * time.Second
	defaultTimeout = 120 * time.Second
)

// Options says which server is asked, and how. Only URI is needed.
type Options struct {
	URI      string // http(s)://host[:port][/prefix]
	Username string // for basic authentication, with Password
	Password string
	Token    string // for bearer authentication; Username and Password go before it

	Workspace string // of calls whose context has none; empty leaves it to the server

	CA       string // a PEM file with the certificates that vouch for the server, beside the system's
	Insecure bool   // the server's certificate is not checked

	HTTP    *http.Client   // sends the requests, with its own idea of CA and Insecure; nil means one made for this
	Timeout time.Duration  // of one attempt, but for the bytes of artifacts; 0 means 2 min
	Retries int            // attempts after the first; 0 means 7, less than 0 none
	Backoff time.Duration  // the unit of the waits between attempts; 0 means 2 s
	Rand    func() float64 // draws the jitter, in [0, 1); nil means math/rand
	Logger  *slog.Logger   // hears of repeated attempts; nil means nobody does
}

// Client asks one server. It is safe for concurrent use.
type Client struct {
	base    *url.URL // without a final slash
	auth    string   // the Authorization header
	space   string   // the workspace of contexts without one
	secrets *strings.Replacer
	api     *http.Client // with a limit on the whole answer
	files   *http.Client // without one
	retries int
	backoff time.Duration
	rand    func() float64
	log     *slog.Logger
}

// A Client is all of a server.
var (
	_ mlflow.Tracking = (*Client)(nil)
	_ mlflow.Registry = (*Client)(nil)
)

// New checks the options. It asks the server nothing.
func New(o Options) (*Client, error) {
	base, err := parse(o.URI)
	if err != nil {
		return nil, err
	}
	c := &Client{
		base: base, space: o.Workspace, retries: max(o.Retries, 0), backoff: o.Backoff, rand: o.Rand, log: o.Logger,
		secrets: strings.NewReplacer(hidden(o.Token, o.Password)...),
	}
	if o.Retries == 0 {
		c.retries = defaultRetries
	}
	if c.backoff == 0 {
		c.backoff = defaultBackoff
	}
	if c.rand == nil {
		c.rand = rand.Float64
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if c.auth, err = authorization(o); err != nil {
		return nil, err
	}
	if err := c.connect(o); err != nil {
		return nil, err
	}
	if c.auth != "" && base.Scheme == "http" && !loopback(base.Hostname()) {
		c.log.Warn("credentials go to the MLflow server unencrypted; use https", "server", base.String())
	}
	return c, nil
}

// URI returns the server's address.
func (c *Client) URI() string { return c.base.String() }

// Close closes connections that nobody uses.
func (c *Client) Close() { c.files.CloseIdleConnections() }

// authorization is the header that MLflow's client sends.
func authorization(o Options) (string, error) {
	r := http.Request{Header: http.Header{}}
	switch {
	case o.Username != "" && o.Password != "":
		r.SetBasicAuth(o.Username, o.Password)
	case o.Token != "":
		r.Header.Set("Authorization", "Bearer "+o.Token)
	case o.Username != "" || o.Password != "":
		return "", fault.New(fault.Config, "the MLflow server's user name and password come only together").
			WithHint("set both MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD")
	}
	return r.Header.Get("Authorization"), nil
}

// connect makes the two senders. They share their connections.
func (c *Client) connect(o Options) error {
	files := http.Client{}
	if o.HTTP != nil {
		files = *o.HTTP
	} else {
		t, err := transport(o)
		if err != nil {
			return err
		}
		files.Transport = t
	}
	if files.CheckRedirect == nil {
		files.CheckRedirect = sameMethod
	}
	api := files
	if api.Timeout == 0 {
		api.Timeout = o.timeout()
	}
	c.api, c.files = &api, &files
	return nil
}

func (o Options) timeout() time.Duration {
	if o.Timeout > 0 {
		return o.Timeout
	}
	return defaultTimeout
}

// transport is the system's, with the options' idea of who vouches for the server.
func transport(o Options) (*http.Transport, error) {
	dialer := &net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}
	t := &http.Transport{
		Proxy: http.ProxyFromEnvironment, DialContext: dialer.DialContext, ForceAttemptHTTP2: true,
		MaxIdleConnsPerHost: 16, IdleConnTimeout: 90 * time.Second, TLSHandshakeTimeout: 30 * time.Second,
		ResponseHeaderTimeout: o.timeout(),
		TLSClientConfig:       &tls.Config{InsecureSkipVerify: o.Insecure},
	}
	if o.CA == "" {
		return t, nil
	}
	pem, err := os.ReadFile(o.CA)
	if err != nil {
		return nil, fault.New(fault.Config, "certificates for the MLflow server: %w", err).
			WithHint("check MLFLOW_TRACKING_SERVER_CERT_PATH")
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool() // a system without any
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fault.New(fault.Config, "certificates for the MLflow server: %s holds none in PEM form", o.CA).
			WithHint("check MLFLOW_TRACKING_SERVER_CERT_PATH")
	}
	t.TLSClientConfig.RootCAs = pool
	return t, nil
}

// loopback reports whether the host is this machine.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
