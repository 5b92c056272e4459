package command

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// How often progress is shown, and how many lines that would say the same again are left out before one shows that the
// run is still there. A run that is over sooner shows none, only its report.
const (
	redrawEvery = 200 * time.Millisecond
	lineEvery   = 5 * time.Second
	repeats     = 5
)

// newProgress shows how far an ingestion is: by a bar that rewrites itself on a terminal, else by a line now and then.
// The caller reports to show and calls done once at the end, which removes the bar.
func newProgress(w io.Writer) (show func(config.Progress), done func()) {
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		const line = "\r\x1b[K" // return, and clear what is there
		show, stop := showEvery(redrawEvery, func(p config.Progress) { fmt.Fprint(w, line+bar(p)) })
		return show, func() { stop(); fmt.Fprint(w, line) }
	}
	last, same := "", 0
	return showEvery(lineEvery, func(p config.Progress) {
		line := progressLine(p)
		if same++; line == last && same <= repeats {
			return
		}
		last, same = line, 0
		fmt.Fprintln(w, line)
	})
}

// showEvery draws the latest progress at each interval, so that work on one large document is seen to go on too.
func showEvery(interval time.Duration, draw func(config.Progress)) (show func(config.Progress), stop func()) {
	var mu sync.Mutex
	var latest config.Progress
	quit, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		ticks := time.NewTicker(interval)
		defer ticks.Stop()
		for {
			select {
			case <-ticks.C:
				mu.Lock()
				p := latest
				mu.Unlock()
				draw(p)
			case <-quit:
				return
			}
		}
	}()
	show = func(p config.Progress) {
		mu.Lock()
		defer mu.Unlock()
		latest = p
	}
	return show, func() { close(quit); <-ended }
}

func progressLine(p config.Progress) string {
	if p.DocumentsTotal == 0 {
		return "listing documents"
	}
	return fmt.Sprintf("%s: %d of %d documents", strings.ToLower(p.Phase), p.DocumentsDone, p.DocumentsTotal)
}

func bar(p config.Progress) string {
	const width = 30
	full := 0
	if p.DocumentsTotal > 0 {
		full = min(width, width*p.DocumentsDone/p.DocumentsTotal)
	}
	return fmt.Sprintf("[%s%s] %s", strings.Repeat("#", full), strings.Repeat(".", width-full), progressLine(p))
}
