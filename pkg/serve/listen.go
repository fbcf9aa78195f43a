package serve

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"syscall"
	"time"

	"github.com/salesctl/salesctl/pkg/fault"
)

// Time limits of a connection. An answer takes milliseconds; these keep a slow
// or silent client from holding a connection for ever.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 30 * time.Second
	writeTimeout      = 60 * time.Second
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 64 << 10
	defaultDrain      = 10 * time.Second
)

// Whom a server answers that other machines can reach.
const (
	AuthNone = "none" // anybody
	AuthKey  = "key"  // those who bring a key
)

// ListenOptions configure Listen.
type ListenOptions struct {
	Host   string       // a name or an address; "" means 127.0.0.1
	Port   int          // 0 picks a free one, which the listener's Addr tells
	Auth   string       // "" allows loopback only, AuthNone and AuthKey any address
	Logger *slog.Logger // nil says nothing
}

// Listen takes the port. It comes before any other work, so that a busy port
// fails at once and not after a model has been loaded.
func Listen(ctx context.Context, o ListenOptions) (net.Listener, error) {
	if o.Auth != "" && o.Auth != AuthNone && o.Auth != AuthKey {
		return nil, fault.New(fault.Usage, "--auth %q is unknown", o.Auth).WithHint("the values are %s and %s", AuthKey, AuthNone)
	}
	if o.Port < 0 || o.Port > 65535 {
		return nil, fault.New(fault.Usage, "--port %d is not from 0 to 65535", o.Port)
	}
	ip, err := resolve(ctx, o.Host)
	if err != nil {
		return nil, err
	}
	if !ip.IsLoopback() {
		if o.Auth == "" {
			return nil, fault.New(fault.Usage, "--host %s is open to other machines, and there is no authentication", o.Host).
				WithHint("say --auth %s and make keys with `salesctl keys create`, or --auth %s if everyone may ask; or listen on 127.0.0.1", AuthKey, AuthNone)
		}
		if o.Auth == AuthNone && o.Logger != nil {
			o.Logger.WarnContext(ctx, "anyone who reaches this address may ask, for --auth is none", "host", o.Host)
		}
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", netip.AddrPortFrom(ip, uint16(o.Port)).String())
	if err != nil {
		return nil, listenFault(err, ip, o.Port)
	}
	return l, nil
}

// resolve returns the address to listen on; a name's IPv4 address comes first.
func resolve(ctx context.Context, host string) (netip.Addr, error) {
	if host == "" {
		host = "127.0.0.1"
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.Unmap(), nil
	}
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil || len(found) == 0 {
		return netip.Addr{}, fault.New(fault.Usage, "--host %q is no address of this machine: %w", host, err)
	}
	for _, ip := range found {
		if ip.Unmap().Is4() {
			return ip.Unmap(), nil
		}
	}
	return found[0], nil
}

// windowsInUse is WSAEADDRINUSE, which package syscall does not match to its
// own EADDRINUSE; no other system has an error of this number.
const windowsInUse = syscall.Errno(10048)

// listenFault says why the port cannot be had, who has it, and which flags to turn.
func listenFault(err error, ip netip.Addr, port int) error {
	if !errors.Is(err, syscall.EADDRINUSE) && !errors.Is(err, windowsInUse) {
		return fault.New(fault.Failure, "cannot listen on --host %s --port %d: %w", ip, port, err)
	}
	by := ""
	if who := holder(os.DirFS("/proc"), port); who != "" {
		by = " by " + who
	}
	return fault.New(fault.Failure, "--port %d on --host %s is already in use%s: %w", port, ip, by, err).
		WithHint("stop that program or give another --port; --port 0 picks a free one")
}

// ServeOptions configure Serve.
type ServeOptions struct {
	Drain  time.Duration             // how long requests in hand may take at the end; 0 means 10 s
	Settle func(ctx context.Context) // waits for what the requests leave behind, such as Handler.Settle; may be nil
	Logger *slog.Logger              // nil says nothing
}

// Serve answers on l until ctx ends, and then closes l, finishes the requests in
// hand with their records, and returns nil. Requests do not see the end of ctx.
func Serve(ctx context.Context, l net.Listener, h http.Handler, o ServeOptions) error {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Drain == 0 {
		o.Drain = defaultDrain
	}
	srv := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		BaseContext:       func(net.Listener) context.Context { return context.WithoutCancel(ctx) },
		ErrorLog:          slog.NewLogLogger(o.Logger.Handler(), slog.LevelWarn),
	}
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(l) }()
	select {
	case err := <-ended:
		return fault.New(fault.Failure, "serve on %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), o.Drain)
	defer cancel()
	if err := srv.Shutdown(limit); err != nil {
		o.Logger.Warn("requests were cut off at the end", "after", o.Drain, "error", err)
		_ = srv.Close() // the end is here, whatever it says
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		o.Logger.Warn("the listener ended before its time", "error", err)
	}
	if o.Settle != nil {
		o.Settle(limit)
	}
	return nil
}
