package main

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
)

// linePeriod is how often progress is told where there is no terminal.
const linePeriod = 5 * time.Second

// progress tells people on stderr how far a long piece of work has come: on a
// terminal a bar with the time that is left, elsewhere a plain line every few
// seconds, with --quiet nothing. Its methods are safe for concurrent use.
type progress struct {
	title string
	now   func() time.Time
	began time.Time
	lines io.Writer                // nil on a terminal and with --quiet
	bar   *progressbar.ProgressBar // nil elsewhere
	stop  chan struct{}
	ended sync.WaitGroup

	mu          sync.Mutex
	done, total int
	note        string
}

// progress starts to tell about a piece of work. The first output comes at
// once. The caller must call close.
func (a *app) progress(title string) *progress {
	p := &progress{title: title, now: a.now, began: a.now(), stop: make(chan struct{})}
	if a.global.quiet {
		return p
	}
	if width, ok := terminal(a.stderr); ok {
		p.bar = newBar(a.stderr, title, width)
		return p
	}
	p.lines = a.stderr
	fmt.Fprintf(p.lines, "%s ...\n", title)
	ticker := time.NewTicker(linePeriod)
	p.ended.Go(func() {
		defer ticker.Stop()
		p.tick(ticker.C)
	})
	return p
}

// newBar makes the bar of a terminal. Width is the terminal's.
func newBar(w io.Writer, title string, width int) *progressbar.ProgressBar {
	return progressbar.NewOptions(-1, // a spinner until the total is known
		progressbar.OptionSetWriter(w),
		progressbar.OptionSetDescription(title),
		progressbar.OptionSetWidth(min(40, width/3)),
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionShowCount(),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionSetRenderBlankState(true),
		progressbar.OptionClearOnFinish(),
	)
}

// steps tells about work of several steps, each with a progress of its own, so
// that the time left is that of the step.
type steps struct {
	app  *app
	step string
	now  *progress // nil before the first step
}

// set tells how far a step is; another step than before ends that one.
func (s *steps) set(step string, done, total int) {
	if s.now == nil || step != s.step {
		s.close()
		s.step, s.now = step, s.app.progress(step)
	}
	s.now.set(done, total, "")
}

// close ends the step in hand.
func (s *steps) close() {
	if s.now != nil {
		s.now.close()
	}
}

// set tells that done of total parts are ready; note says what is in hand and
// may be empty.
func (p *progress) set(done, total int, note string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	changed := total != p.total
	p.done, p.total, p.note = done, total, note
	if p.bar == nil {
		return
	}
	if changed {
		p.bar.ChangeMax(total)
	}
	if note != "" {
		note = " (" + note + ")"
	}
	p.bar.Describe(p.title + note)
	_ = p.bar.Set(done) // progress that cannot be shown is no failure of the work
}

// close ends the telling: the bar vanishes, the lines end with the time it took.
func (p *progress) close() {
	close(p.stop)
	p.ended.Wait()
	if p.bar != nil {
		_ = p.bar.Finish()
	}
	if p.lines != nil {
		fmt.Fprintf(p.lines, "%s: %s\n", p.title, round(p.now().Sub(p.began)))
	}
}

// tick writes a line at every tick, so that a long step without news is seen to
// be alive.
func (p *progress) tick(ticks <-chan time.Time) {
	for {
		select {
		case <-p.stop:
			return
		case <-ticks:
			fmt.Fprintln(p.lines, p.line())
		}
	}
}

// line writes "training: 12 of 40 (30 %), 10s gone, about 23s left (gbt)".
func (p *progress) line() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	gone := p.now().Sub(p.began)
	s := p.title + ":"
	if p.total > 0 {
		s += fmt.Sprintf(" %d of %d (%d %%),", p.done, p.total, 100*p.done/p.total)
	}
	s += fmt.Sprintf(" %s gone", round(gone))
	if p.done > 0 && p.total > p.done {
		left := time.Duration(float64(gone) / float64(p.done) * float64(p.total-p.done))
		s += fmt.Sprintf(", about %s left", round(left))
	}
	if p.note != "" {
		s += " (" + p.note + ")"
	}
	return s
}

// round cuts a duration to what people want to know of it.
func round(d time.Duration) time.Duration {
	if d < 10*time.Second {
		return d.Round(100 * time.Millisecond)
	}
	return d.Round(time.Second)
}
