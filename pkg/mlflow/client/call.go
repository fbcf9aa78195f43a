package client

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/salesctl/salesctl/pkg/mlflow"
)

// api is where the routes of the REST API begin.
const api = "/api/2.0/mlflow/"

// object is a JSON object that pkg/mlflow has no word for.
type object = map[string]any

// none is an answer that says nothing.
type none struct{}

// request is one call of a route.
type request struct {
	method, path string
	query        url.Values
	body         any  // sent as JSON; nil sends none
	once         bool // it adds something, and must not be carried out twice
}

// get asks a route with a query.
func get[T any](ctx context.Context, c *Client, route string, query url.Values) (T, error) {
	return call[T](ctx, c, request{method: http.MethodGet, path: api + route, query: query})
}

// post writes to a route; carried out twice, it does what it does once.
func post[T any](ctx context.Context, c *Client, route string, body any) (T, error) {
	return call[T](ctx, c, request{method: http.MethodPost, path: api + route, body: body})
}

// add posts what must not be carried out twice.
func add[T any](ctx context.Context, c *Client, route string, body any) (T, error) {
	return call[T](ctx, c, request{method: http.MethodPost, path: api + route, body: body, once: true})
}

// patch changes, and remove deletes, what the body names.
func patch[T any](ctx context.Context, c *Client, route string, body any) (T, error) {
	return call[T](ctx, c, request{method: http.MethodPatch, path: api + route, body: body})
}

func remove(ctx context.Context, c *Client, route string, body any) error {
	_, err := call[none](ctx, c, request{method: http.MethodDelete, path: api + route, body: body})
	return err
}

// call sends the request and reads the JSON of the answer.
func call[T any](ctx context.Context, c *Client, r request) (answer T, err error) {
	var body any // nil, not a nil slice: the sender tells them apart
	if r.body != nil {
		raw, err := json.Marshal(r.body)
		if err != nil {
			return answer, fmt.Errorf("ask the MLflow server: %w", err)
		}
		body = raw
	}
	h, err := c.request(ctx, r.method, r.path, r.query, body)
	if err != nil {
		return answer, err
	}
	if body != nil {
		h.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.send(c.api, h, r.once)
	if err != nil {
		return answer, err
	}
	defer func() { _ = resp.Body.Close() }() // it was only read
	var raw bytes.Buffer
	if _, err := raw.ReadFrom(resp.Body); err != nil {
		return answer, c.broken(h, err)
	}
	if len(bytes.TrimSpace(raw.Bytes())) == 0 { // some servers answer what says nothing so
		return answer, nil
	}
	if err := json.Unmarshal(raw.Bytes(), &answer); err != nil {
		return answer, c.foreign(h, resp, err)
	}
	return answer, nil
}

// request makes a request that can be sent more than once; body is what
// retryablehttp takes for one.
func (c *Client) request(ctx context.Context, method, path string, query url.Values, body any) (*retryablehttp.Request, error) {
	at := c.base.String() + path
	if len(query) > 0 {
		at += "?" + query.Encode()
	}
	h, err := retryablehttp.NewRequestWithContext(ctx, method, at, body)
	if err != nil {
		return nil, fmt.Errorf("ask the MLflow server: %w", err)
	}
	h.Header.Set("User-Agent", "salesctl")
	if c.auth != "" {
		h.Header.Set("Authorization", c.auth)
	}
	if in := cmp.Or(mlflow.WorkspaceOf(ctx), c.space); in != "" && !strings.HasPrefix(path, workspaces) {
		h.Header.Set(mlflow.WorkspaceHeader, in)
	}
	return h, nil
}

// send returns the answer where it is a good one; the caller closes its body.
func (c *Client) send(sender *http.Client, h *retryablehttp.Request, once bool) (*http.Response, error) {
	resp, err := c.retrying(sender, once).Do(h)
	if err != nil {
		return nil, c.broken(h, err)
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		defer func() { _ = resp.Body.Close() }() // it was only read
		return nil, c.refused(h, resp)
	}
	return resp, nil
}
