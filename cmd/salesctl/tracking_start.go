package main

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"github.com/salesctl/salesctl/pkg/artifact"
	"github.com/salesctl/salesctl/pkg/config"
	"github.com/salesctl/salesctl/pkg/fault"
)

// abandoned is how old an upload that nobody ended has to be before it is removed.
// None at work stands still for longer than a minute, or has parts that may be sent
// for longer than an hour.
const abandoned = 48 * time.Hour

// checker is an artifact store that can tell whether it can be used at all.
type checker interface {
	Check(ctx context.Context) error
}

// usable sees to it that a server does not begin with artifacts in a place that is
// not there or that lets nobody in. The error names the setting.
func usable(ctx context.Context, s *config.Settings, files artifact.Store) error {
	c, ok := files.(checker)
	if !ok {
		return nil
	}
	err := c.Check(ctx)
	if err == nil {
		return nil
	}
	f := fault.New(fault.KindOf(err), "%s: tracking.artifacts: %w", s.Origin("tracking.artifacts"), err)
	if hint := fault.HintOf(err); hint != "" {
		f = f.WithHint("%s", hint)
	}
	return f
}

// sweep removes what uploads of killed programs left in the store, and says how
// many there were.
func (a *app) sweep(ctx context.Context, files artifact.Store) (int, error) {
	s, ok := files.(artifact.Sweeper)
	if !ok {
		return 0, nil
	}
	return s.Sweep(ctx, a.now().Add(-abandoned))
}

// sweepBeside does so while a server begins its work, which does not depend on it.
// The end waits for it.
func (a *app) sweepBeside(ctx context.Context, files artifact.Store, log *slog.Logger) (wait func()) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		n, err := a.sweep(ctx, files)
		if n > 0 {
			log.InfoContext(ctx, "uploads that nobody ended were removed", "count", n)
		}
		if err != nil && ctx.Err() == nil {
			log.WarnContext(ctx, "uploads that nobody ended may be left among the artifacts", "error", err)
		}
	}()
	return func() {
		cancel()
		<-ended
	}
}

// clientURL is the address by which a client on this machine reaches a server:
// where that listens on all addresses, on that of the machine itself.
func clientURL(at net.Addr) string {
	where, err := netip.ParseAddrPort(at.String())
	if err != nil || !where.Addr().IsUnspecified() {
		return "http://" + at.String()
	}
	// Whether it was asked for 0.0.0.0 or ::, it listens on both kinds of address.
	return "http://" + netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), where.Port()).String()
}
