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
	"github.com/ragpipeline/ragpipeline/internal/ingest"
)

// A bar is redrawn every redrawEvery, a line is printed every lineEvery. Up to `repeats` lines that
// equal the last one are left out; the next one shows that the run is still alive. A run shorter
// than an interval prints its report alone.
const (
	redrawEvery = 200 * time.Millisecond
	lineEvery   = 5 * time.Second
	repeats     = 5
)

// newProgress shows the progress of an ingestion: on a terminal as a bar that redraws itself, else
// as a line from time to time. The caller passes progress to show, and calls done once at the end,
// which clears the bar.
func newProgress(w io.Writer) (show func(config.Progress), done func()) {
	if isTerminal(w) {
		const line = "\r\x1b[K" // return, and clear the line
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

// isTerminal reports whether a person reads or writes at the other end of the stream.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// showEvery draws the latest progress at each interval, changed or not, so that a large document
// does not look like a standstill.
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
	line := fmt.Sprintf("%s: %d of %d documents", strings.ToLower(string(p.Phase)), p.DocumentsDone, p.DocumentsTotal)
	if p.ChunksPerSecond > 0 {
		left := time.Duration(p.SecondsLeft) * time.Second
		line += fmt.Sprintf(", %d chunks at %.1f a second, about %s left", p.Chunks, p.ChunksPerSecond, left)
	}
	if slow := p.Slowest; slow != nil {
		line += fmt.Sprintf("; %s takes long (%d s)", ingest.Printable(slow.Document), int(time.Since(slow.Since).Seconds()))
	}
	return line
}

func bar(p config.Progress) string {
	const width = 30
	full := 0
	if p.DocumentsTotal > 0 {
		full = min(width, width*p.DocumentsDone/p.DocumentsTotal)
	}
	return fmt.Sprintf("[%s%s] %s", strings.Repeat("#", full), strings.Repeat(".", width-full), progressLine(p))
}
