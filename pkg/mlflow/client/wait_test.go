package client

import (
	"net/http"
	"testing"
	"time"
)

// The waits are urllib3's, which MLflow's client uses with factor 2 and jitter 1:
// none before the first retry, then 4 s, 8 s, 16 s, ..., never more than 120 s.
func TestWaits(t *testing.T) {
	c, err := New(Options{URI: "http://h", Rand: func() float64 { return 0.5 }})
	if err != nil {
		t.Fatal(err)
	}
	var got []time.Duration
	for attempt := range 8 {
		got = append(got, c.wait(c.backoff, maxWait, attempt, nil))
	}
	for i, seconds := range []float64{0, 4.5, 8.5, 16.5, 32.5, 64.5, 120, 120} {
		if want := time.Duration(seconds * float64(time.Second)); got[i] != want {
			t.Errorf("retry %d waits %v, want %v", i+1, got[i], want)
		}
	}
	for header, want := range map[string]time.Duration{"7": 7 * time.Second, "0": 0, "9999": maxWait, "Mon, 02 Jan 2006 15:04:05 GMT": 0} {
		r := &http.Response{StatusCode: http.StatusServiceUnavailable, Header: http.Header{"Retry-After": {header}}}
		if got := c.wait(c.backoff, maxWait, 3, r); got != want {
			t.Errorf("Retry-After %s: %v, want %v", header, got, want)
		}
	}
}
