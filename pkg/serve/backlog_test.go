package serve

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/salesctl/salesctl/pkg/fault"
	"github.com/salesctl/salesctl/pkg/sales"
)

// lockedStore cannot record until a load is over.
type lockedStore struct {
	fakeStore
	until time.Time
	takes time.Duration // what a record takes when it is over
}

func (s *lockedStore) Record(ctx context.Context, served []sales.Served) error {
	if time.Now().Before(s.until) {
		<-ctx.Done()
		return fault.New(fault.Unavailable, "locked: %w", ctx.Err())
	}
	time.Sleep(s.takes)
	return s.fakeStore.Record(ctx, served)
}

// locking returns a server whose database is locked for a minute.
func locking(t *testing.T) (*server, *lockedStore, *safeBuffer) {
	t.Helper()
	a := &api{model: newModel(), store: &fakeStore{panel: samplePanel()}, log: &safeBuffer{}}
	s := a.handler(t).(*server)
	to := &lockedStore{until: time.Now().Add(time.Minute)}
	s.Recorder = to
	return s, to, a.log
}

// ask forecasts steps weeks and tells how long the answer took.
func ask(t *testing.T, h http.Handler, steps int) time.Duration {
	t.Helper()
	start := time.Now()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, fmt.Sprintf("/forecast_sales?store_id=1&steps=%d", steps), nil))
	if w.Code != http.StatusOK {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
	return time.Since(start)
}

// While a load has the database to itself every request is answered, only the
// first waits, and once it is over every number is recorded, once and in order.
func TestLockedRecorder(t *testing.T) {
	samplePanel() // not in the bubble, whose goroutines must end
	synctest.Test(t, func(t *testing.T) {
		s, to, log := locking(t)
		to.takes = 5 * time.Second
		var want []int
		for i := range 5 {
			if i == 4 { // which comes while the others are written
				time.Sleep(time.Until(to.until) + recordTimeout + 2*retryPause)
			}
			took := ask(t, s, i+1)
			if i == 0 && took != recordTimeout || i > 0 && took != 0 {
				t.Errorf("answer %d took %v", i, took)
			}
			for h := range i + 1 {
				want = append(want, h+1)
			}
		}
		s.Settle(t.Context())
		var got []int
		for _, p := range to.all() {
			got = append(got, p.Horizon)
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("recorded %v, want %v", got, want)
		}
		ask(t, s, 1)
		if n := len(to.all()); n != len(want)+1 || strings.Contains(log.String(), "not recorded") {
			t.Errorf("%d numbers at the end, log %s", n, log)
		}
	})
}

// What cannot be kept is told, by its number, and never fails a request.
func TestRecordsThatAreLost(t *testing.T) {
	samplePanel()
	for name, lose := range map[string]func(*testing.T, *server, *lockedStore) string{
		"too many wait": func(t *testing.T, s *server, _ *lockedStore) string {
			for range maxWaiting / sales.MaxSteps {
				ask(t, s, sales.MaxSteps)
			}
			return "numbers=520 error=\"too many"
		},
		"the disk is full when the lock is gone": func(_ *testing.T, _ *server, to *lockedStore) string {
			to.recordErr = errors.New("disk full")
			return "numbers=520 error=\"disk full"
		},
		"the end comes first": func(t *testing.T, s *server, _ *lockedStore) string {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			s.Settle(ctx)
			return "numbers=520 error=\"context deadline"
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, to, log := locking(t)
				ask(t, s, sales.MaxSteps)
				want := lose(t, s, to)
				s.Settle(t.Context())
				if !strings.Contains(log.String(), want) {
					t.Errorf("the log does not say %q:\n%s", want, log)
				}
			})
		})
	}
}

// TestServeSettles: the end of the server waits for the records.
func TestServeSettles(t *testing.T) {
	samplePanel()
	synctest.Test(t, func(t *testing.T) {
		s, to, _ := locking(t)
		to.until = time.Now().Add(5 * time.Second)
		ask(t, s, 3)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := Serve(ctx, silent{make(chan struct{})}, s, ServeOptions{Settle: s.Settle}); err != nil {
			t.Error(err)
		}
		if n := len(to.all()); n != 3 {
			t.Errorf("%d numbers are recorded, want 3", n)
		}
	})
}

// silent is a listener that nobody calls.
type silent struct{ closed chan struct{} }

func (l silent) Accept() (net.Conn, error) { <-l.closed; return nil, net.ErrClosed }
func (l silent) Close() error              { close(l.closed); return nil }
func (l silent) Addr() net.Addr            { return &net.TCPAddr{} }
