package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/salesctl/salesctl/pkg/mlflow"
)

// maxWait is the longest wait between two attempts, also where the server asks
// for more.
const maxWait = 120 * time.Second

// transient are the statuses that MLflow's client takes for passing troubles.
var transient = []int{
	http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError,
	http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout,
}

// retrying returns a sender that repeats. Once is for requests that must not be
// carried out twice.
func (c *Client) retrying(h *http.Client, once bool) *retryablehttp.Client {
	check := repeatable
	if once {
		check = untouched
	}
	return &retryablehttp.Client{
		HTTPClient: h, RetryMax: c.retries, CheckRetry: check, Backoff: c.wait,
		RetryWaitMin: c.backoff, RetryWaitMax: maxWait,
		ErrorHandler: retryablehttp.PassthroughErrorHandler,
	}
}

// repeatable allows another attempt after a passing trouble.
func repeatable(ctx context.Context, r *http.Response, err error) (bool, error) {
	if err != nil {
		if errors.Is(err, http.ErrSchemeMismatch) || errors.Is(err, errRedirect) {
			return false, err
		}
		return retryablehttp.ErrorPropagatedRetryPolicy(ctx, nil, err)
	}
	return slices.Contains(transient, r.StatusCode) && !settled(r), nil
}

// settled reports whether an answer with a status of passing troubles is one that
// stays: MLflow's server has these for some refusals, too, and its client repeats
// them for minutes.
func settled(r *http.Response) bool {
	switch r.StatusCode {
	case http.StatusServiceUnavailable:
		return isWorkspaces(r.Request.URL) // there are none
	case http.StatusInternalServerError:
		raw, _ := io.ReadAll(io.LimitReader(r.Body, maxErrorBody)) // half a text has no code
		r.Body = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(bytes.NewReader(raw), r.Body), r.Body} // whoever tells the error reads it again
		var e struct {
			Code mlflow.Code `json:"error_code"`
		}
		_ = json.Unmarshal(raw, &e) // what is no JSON says nothing
		return e.Code == mlflow.InvalidState || e.Code == mlflow.FeatureDisabled
	}
	return false
}

// untouched allows another attempt only where the server cannot have begun: it
// was not reached, or it said that there are too many requests.
func untouched(ctx context.Context, r *http.Response, err error) (bool, error) {
	if err == nil {
		return r.StatusCode == http.StatusTooManyRequests, nil
	}
	dial, ok := errors.AsType[*net.OpError](err)
	if ok && dial.Op == "dial" {
		return repeatable(ctx, nil, err)
	}
	return false, err
}

// wait is how long the next attempt waits: as long as the server asks for, else
// as urllib3 does for MLflow's client. That tries again at once and then after
// 2, 4, 8, ... units, with up to a second of jitter against herds.
func (c *Client) wait(unit, longest time.Duration, attempt int, r *http.Response) time.Duration {
	d := time.Duration(0)
	if attempt > 0 {
		exp := math.Ldexp(float64(unit), attempt) + c.rand()*float64(min(unit, time.Second))
		d = time.Duration(min(exp, float64(longest)))
	}
	status := 0
	if r != nil {
		status = r.StatusCode
		if r.Header.Get("Retry-After") != "" {
			d = min(retryablehttp.DefaultBackoff(unit, longest, attempt, r), longest)
		}
	}
	c.log.Warn("the MLflow server is away or busy; trying again", "server", c.base.String(),
		"status", status, "attempt", attempt+2, "wait", d)
	return d
}

// errRedirect ends a request that a redirect would change.
var errRedirect = errors.New("redirected")

// sameMethod follows redirects that keep the method. By 301 and 302 a POST comes
// back as a GET, which the server would misread.
func sameMethod(r *http.Request, via []*http.Request) error {
	switch {
	case r.Method != via[0].Method:
		at := *r.URL
		at.RawQuery, at.User = "", nil
		return &redirect{at.String()}
	case len(via) >= 10:
		return errors.New("stopped after 10 redirects")
	}
	return nil
}

// redirect says where a request was sent on to.
type redirect struct{ to string }

func (r *redirect) Error() string        { return "the server redirects to " + r.to }
func (r *redirect) Is(target error) bool { return target == errRedirect }
