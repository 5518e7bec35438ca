package cli

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// progress shows how much work is done: a bar on a terminal, else a line now and then.
type progress struct {
	bar  *progressbar.ProgressBar
	work work

	mu           sync.Mutex
	w            io.Writer
	total, done  int64
	first        int64 // things that were done before, which say nothing of the speed
	start, shown time.Time
	every        time.Duration // between lines
}

// work names what is done, what is counted, and what the speed is counted in.
type work struct{ doing, things, units string }

var training = work{"training", "gradient steps", "steps"}

func newProgress(w io.Writer, kind work, total int64) *progress {
	p := &progress{w: w, work: kind, total: total, start: time.Now(), shown: time.Now(), every: 5 * time.Second, first: -1}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.bar = progressbar.NewOptions64(total,
			progressbar.OptionSetWriter(w),
			progressbar.OptionSetDescription(kind.doing),
			progressbar.OptionShowCount(),
			progressbar.OptionShowIts(),
			progressbar.OptionSetItsString(kind.units),
			progressbar.OptionSetPredictTime(true),
			progressbar.OptionSetElapsedTime(true),
			progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionFullWidth(),
			progressbar.OptionClearOnFinish(),
		)
	}
	return p
}

// add counts things; the first call those of an earlier run that is resumed.
func (p *progress) add(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done += int64(n)
	if p.first < 0 {
		p.first = p.done
	}
	if p.bar != nil {
		p.bar.Add(n) // its error is the terminal's
		return
	}
	if time.Since(p.shown) < p.every || p.done == p.first {
		return
	}
	p.shown = time.Now()
	rate := float64(p.done-p.first) / time.Since(p.start).Seconds()
	fmt.Fprintf(p.w, "%s of %s %s (%d %%), %.0f %s/s, %s left\n",
		count(p.done), count(p.total), p.work.things, 100*p.done/p.total, rate, p.work.units, about(float64(p.total-p.done)/rate))
}

// finish leaves no bar behind.
func (p *progress) finish() {
	if p.bar != nil {
		p.bar.Exit()
		p.bar.Clear()
	}
}
