package cli

import (
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestProgressWithoutATerminalIsALineNowAndThen(t *testing.T) {
	var b strings.Builder
	p := newProgress(&b, training, 2000)
	p.add(1000) // of an earlier run
	p.add(1)
	if b.Len() > 0 {
		t.Errorf("a line right after the start: %s", b.String())
	}
	p.start = time.Now().Add(-10 * time.Second)
	p.shown = p.start
	p.add(499)
	p.add(1)
	p.finish()
	// 500 steps in 10 seconds: those that an earlier run did say nothing of the speed.
	want := regexp.MustCompile(`^1,500 of 2,000 gradient steps \(75 %\), 50 steps/s, 10 s left\n$`)
	if !want.MatchString(b.String()) {
		t.Errorf("%q", b.String())
	}
}
