package serve

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/salesctl/salesctl/pkg/fault"
	"go.uber.org/goleak"
)

func TestListenPicksAPort(t *testing.T) {
	for _, host := range []string{"", "127.0.0.1", "localhost", "::ffff:127.0.0.1"} {
		l, err := Listen(t.Context(), ListenOptions{Host: host})
		if err != nil {
			t.Fatalf("%q: %v", host, err)
		}
		at := l.Addr().(*net.TCPAddr)
		if !at.IP.IsLoopback() || at.Port == 0 {
			t.Errorf("%q: %v", host, at)
		}
		l.Close()
	}
}

// TestListenRefuses: off loopback only by an explicit word, and nonsense never.
func TestListenRefuses(t *testing.T) {
	for _, c := range []struct {
		o    ListenOptions
		want string
	}{
		{ListenOptions{Host: "0.0.0.0"}, "--host 0.0.0.0 is open to other machines"},
		{ListenOptions{Host: "::"}, "open to other machines"},
		{ListenOptions{Host: "192.0.2.1"}, "open to other machines"},
		{ListenOptions{Auth: "keys"}, `--auth "keys" is unknown`},
		{ListenOptions{Port: -1}, "--port -1"},
		{ListenOptions{Port: 65536}, "--port 65536"},
		{ListenOptions{Host: "no such host.invalid"}, "is no address of this machine"},
	} {
		l, err := Listen(t.Context(), c.o)
		if err == nil {
			l.Close()
			t.Errorf("%+v was taken", c.o)
			continue
		}
		if !fault.Is(err, fault.Usage) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, kind %v", c.o, err, fault.KindOf(err))
		}
	}
}

func TestListenOpenly(t *testing.T) {
	log := &safeBuffer{}
	l, err := Listen(t.Context(), ListenOptions{Host: "0.0.0.0", Auth: AuthNone, Logger: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if !strings.Contains(log.String(), "level=WARN") {
		t.Error("nobody was warned")
	}
	if _, err := Listen(t.Context(), ListenOptions{Host: "192.0.2.1", Auth: AuthNone}); !fault.Is(err, fault.Failure) || !strings.Contains(err.Error(), "--host") {
		t.Errorf("an address of another machine: %v", err)
	}
}

// TestBusyPort names the flag, the port and, where the system tells, the holder.
func TestBusyPort(t *testing.T) {
	l, err := Listen(t.Context(), ListenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	_, err = Listen(t.Context(), ListenOptions{Port: port})
	if !fault.Is(err, fault.Failure) || !strings.Contains(err.Error(), fmt.Sprintf("--port %d on --host 127.0.0.1 is already in use", port)) {
		t.Errorf("%v", err)
	}
	if !strings.Contains(fault.HintOf(err), "--port 0") {
		t.Errorf("hint %q", fault.HintOf(err))
	}
	if _, noProc := os.Stat("/proc/net/tcp"); noProc == nil && !strings.Contains(err.Error(), fmt.Sprintf("(pid %d)", os.Getpid())) {
		t.Errorf("%v: does not name this process, %d", err, os.Getpid())
	}
}

func TestHolder(t *testing.T) {
	const head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
	line := func(at, state, inode string) string {
		return "   0: " + at + " 00000000:0000 " + state + " 00000000:00000000 00:00000000 00000000     0        0 " + inode + " 1 0 100 0 0 10 0\n"
	}
	link := func(to string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(to), Mode: os.ModeSymlink} }
	proc := fstest.MapFS{
		"net/tcp":     {Data: []byte(head + line("0100007F:1F40", "0A", "111") + line("0100007F:1F41", "01", "222") + "cut off\n")},
		"net/tcp6":    {Data: []byte(head + line("00000000000000000000000000000000:1F42", "0A", "333") + line("0:1F43", "0A", "999"))},
		"12/comm":     {Data: []byte("other\n")},
		"12/fd/0":     link("/dev/null"),
		"12/fd/1":     link("socket:[222]"),
		"77/comm":     {Data: []byte("salesctl\n")},
		"77/fd/3":     link("socket:[111]"),
		"88/fd/4":     link("socket:[333]"), // ended before its name was read
		"self/fd/9":   link("socket:[999]"),
		"77/fd/plain": {Data: []byte("no link")},
	}
	for port, want := range map[int]string{8000: "salesctl (pid 77)", 8001: "", 8002: "pid 88", 8003: "", 1: ""} {
		if got := holder(proc, port); got != want {
			t.Errorf("port %d: %q, want %q", port, got, want)
		}
	}
	if got := holder(fstest.MapFS{}, 8000); got != "" {
		t.Errorf("no proc: %q", got)
	}
}

// serving runs Serve and returns its address and how to end it.
func serving(t *testing.T, h http.Handler, o ServeOptions) (url string, stop context.CancelFunc, ended <-chan error) {
	t.Helper()
	l, err := Listen(t.Context(), ListenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, l, h, o) }()
	return "http://" + l.Addr().String(), stop, done
}

// TestServeDrains: a request in hand is finished, new ones are turned away, and
// nothing stays behind.
func TestServeDrains(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	inside, release := make(chan struct{}), make(chan struct{})
	url, stop, ended := serving(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/closed" { // asked for until the listener is
			return
		}
		close(inside)
		<-release
		if r.Context().Err() != nil {
			t.Error("the request sees that the server ends")
		}
		io.WriteString(w, "done")
	}), ServeOptions{})
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer := make(chan string, 1)
	go func() {
		resp, err := client.Get(url)
		if err != nil {
			answer <- err.Error()
			return
		}
		defer resp.Body.Close()
		text, _ := io.ReadAll(resp.Body)
		answer <- string(text)
	}()
	<-inside
	stop()
	for {
		resp, err := client.Get(url + "/closed")
		if err != nil {
			break
		}
		resp.Body.Close()
	}
	close(release)
	if got := <-answer; got != "done" {
		t.Errorf("the request in hand: %q", got)
	}
	if err := <-ended; err != nil {
		t.Errorf("Serve: %v", err)
	}
}

// TestServeCutsOff: a request that does not end does not hold the end up.
func TestServeCutsOff(t *testing.T) {
	inside, release := make(chan struct{}), make(chan struct{})
	defer close(release)
	log := &safeBuffer{}
	url, stop, ended := serving(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(inside)
		<-release
	}), ServeOptions{Drain: time.Millisecond, Logger: slog.New(slog.NewTextHandler(log, nil))})
	go func() {
		if resp, err := http.Get(url); err == nil {
			resp.Body.Close()
			t.Error("it was answered")
		}
	}()
	<-inside
	stop()
	if err := <-ended; err != nil {
		t.Errorf("Serve: %v", err)
	}
	if !strings.Contains(log.String(), "cut off") {
		t.Errorf("log %q", log)
	}
}

func TestServeFails(t *testing.T) {
	l, err := Listen(t.Context(), ListenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if err := Serve(t.Context(), l, http.NotFoundHandler(), ServeOptions{}); !fault.Is(err, fault.Failure) || !strings.Contains(err.Error(), l.Addr().String()) {
		t.Errorf("%v", err)
	}
}

// TestServeOverTheWire runs the real handler on a real listener.
func TestServeOverTheWire(t *testing.T) {
	a := &api{model: newModel(), store: &fakeStore{panel: samplePanel()}, log: &safeBuffer{}}
	url, stop, ended := serving(t, a.handler(t), ServeOptions{})
	resp, err := http.Post(url+"/forecast_sales?store_id=1&steps=1", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	if got := string(text); got != `{"predictions":[{"Date":"02-11-2012","Sales":"1565441.04"}]}` {
		t.Error(got)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
