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

// progress shows gradient steps: a bar on a terminal, else a line now and then.
type progress struct {
	bar *progressbar.ProgressBar

	mu           sync.Mutex
	w            io.Writer
	total, done  int64
	first        int64 // steps that were done before, which say nothing of the speed
	start, shown time.Time
	every        time.Duration // between lines
}

func newProgress(w io.Writer, total int64) *progress {
	p := &progress{w: w, total: total, start: time.Now(), shown: time.Now(), every: 5 * time.Second, first: -1}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.bar = progressbar.NewOptions64(total,
			progressbar.OptionSetWriter(w),
			progressbar.OptionSetDescription("training"),
			progressbar.OptionShowCount(),
			progressbar.OptionShowIts(),
			progressbar.OptionSetItsString("steps"),
			progressbar.OptionSetPredictTime(true),
			progressbar.OptionSetElapsedTime(true),
			progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionFullWidth(),
			progressbar.OptionClearOnFinish(),
		)
	}
	return p
}

// add counts steps; the first call those of an earlier run that is resumed.
func (p *progress) add(steps int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done += int64(steps)
	if p.first < 0 {
		p.first = p.done
	}
	if p.bar != nil {
		p.bar.Add(steps) // its error is the terminal's
		return
	}
	if time.Since(p.shown) < p.every || p.done == p.first {
		return
	}
	p.shown = time.Now()
	rate := float64(p.done-p.first) / time.Since(p.start).Seconds()
	fmt.Fprintf(p.w, "%s of %s gradient steps (%d %%), %.0f steps/s, %s left\n",
		count(p.done), count(p.total), 100*p.done/p.total, rate, about(float64(p.total-p.done)/rate))
}

// finish leaves no bar behind.
func (p *progress) finish() {
	if p.bar != nil {
		p.bar.Exit()
		p.bar.Clear()
	}
}
