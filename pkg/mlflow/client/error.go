package client

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/mlflow"
)

// Limits of what is read and repeated of an answer that is an error.
const (
	maxErrorBody = 64 << 10
	maxErrorText = 300
)

// broken is an attempt without an answer.
func (c *Client) broken(h *retryablehttp.Request, err error) error {
	if cause := h.Context().Err(); cause != nil {
		return cause
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err // its URL stands in our own message
	}
	f := fault.New(fault.Unavailable, "MLflow server %s: %w", c.base, err)
	_, unproven := errors.AsType[*tls.CertificateVerificationError](err)
	to, redirected := errors.AsType[*redirect](err)
	switch {
	case redirected:
		f.Kind = fault.Config
		return f.WithHint("set MLFLOW_TRACKING_URI to the address that the server redirects to: %s", strings.TrimSuffix(to.to, h.URL.Path))
	case errors.Is(err, http.ErrSchemeMismatch):
		f.Kind = fault.Config
		return f.WithHint("the server speaks http, not https")
	case unproven:
		return f.WithHint("set MLFLOW_TRACKING_SERVER_CERT_PATH to the certificate of whoever vouches for the server")
	}
	return f.WithHint("start it or check the address: `curl %s/health` answers OK where one runs", c.base)
}

// refused is an answer with the status of an error.
func (c *Client) refused(h *retryablehttp.Request, resp *http.Response) error {
	raw, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody)) // half a text is better than none
	var e struct {
		Code    mlflow.Code `json:"error_code"`
		Message string      `json:"message"`
		Detail  any         `json:"detail"` // of FastAPI, which carries MLflow's artifact routes
	}
	_ = json.Unmarshal(raw, &e)    // what is no JSON says nothing
	detail, _ := e.Detail.(string) // or a list of what is wrong, which is for programs
	e.Message = c.secrets.Replace(e.Message)
	text := c.secrets.Replace(plain(resp, raw))
	if detail != "" {
		text = c.secrets.Replace(detail)
	}
	switch status := resp.StatusCode; {
	case status == http.StatusUnauthorized, status == http.StatusForbidden: // whatever the code: proxies have pages of their own
		return c.denied(status, e.Message)
	case e.Code != "":
		return mlflow.Errorf(e.Code, "%s", e.Message)
	case status == http.StatusNotFound, status == http.StatusMethodNotAllowed:
		return c.unknown(h, status)
	case status == http.StatusServiceUnavailable && isWorkspaces(h.URL):
		return mlflow.Errorf(mlflow.FeatureDisabled, "MLflow server %s: %s", c.base, said(h, resp, text)).
			WithHint("start the server with --enable-workspaces")
	case slices.Contains(transient, status), status >= 500:
		return mlflow.Errorf(mlflow.TemporarilyUnavailable, "MLflow server %s: %s", c.base, said(h, resp, text)).
			WithHint("try again later, or look into the server's log")
	default:
		return mlflow.Errorf(mlflow.BadRequest, "MLflow server %s: %s", c.base, said(h, resp, text))
	}
}

// denied is an answer to missing or wrong credentials.
func (c *Client) denied(status int, message string) error {
	code, what := mlflow.PermissionDenied, "refuses these credentials what they ask for"
	if status == http.StatusUnauthorized {
		code, what = mlflow.Unauthenticated, "refuses the credentials"
		if c.auth == "" {
			what = "asks for credentials"
		}
	}
	if message != "" {
		what += ": " + message
	}
	f := mlflow.Errorf(code, "MLflow server %s %s", c.base, what)
	return f.WithHint("set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN")
}

// unknown is a route that the server does not have.
func (c *Client) unknown(h *retryablehttp.Request, status int) error {
	route := strings.TrimPrefix(h.URL.Path, c.base.Path)
	what, hint := "does not know", "check the address and its prefix: `curl %s/health` answers OK where an MLflow server runs"
	switch {
	case strings.HasPrefix(route, api+"logged-models"), route == api+"runs/outputs":
		what, hint = "has no logged models, it is older than MLflow 3, or does not know", "upgrade the server at %s to MLflow 3"
	case isWorkspaces(h.URL):
		what, hint = "is of a release without workspaces, or does not know", "upgrade the server at %s"
	}
	return mlflow.Errorf(mlflow.EndpointNotFound, "MLflow server %s %s %s %s (%d)", c.base, what, h.Method, route, status).
		WithHint(hint, c.base)
}

// foreign is an answer that is no JSON.
func (c *Client) foreign(h *retryablehttp.Request, resp *http.Response, err error) error {
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	return fault.New(fault.Failure, "MLflow server %s: %s, in %q, which is no answer of MLflow's API: %w", c.base, said(h, resp, ""), kind, err).
		WithHint("check the address: a proxy or its login page may stand before the server")
}

// said tells what was asked and how it was answered.
func said(h *retryablehttp.Request, resp *http.Response, text string) string {
	s := h.Method + " " + h.URL.Path + " was answered with " + resp.Status
	if text != "" {
		s += ": " + text
	}
	return s
}

// plain returns the answer's text where it is meant for people, in one line.
func plain(resp *http.Response, raw []byte) string {
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if kind == "text/html" || kind == "application/json" {
		return ""
	}
	text := strings.Join(strings.Fields(strings.ToValidUTF8(string(raw), "?")), " ")
	if len(text) > maxErrorText {
		text = strings.ToValidUTF8(text[:maxErrorText], "") + "..."
	}
	return text
}
