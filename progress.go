package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// newProgress shows an ingestion's progress: a bar that rewrites itself on a terminal, else a line whenever the
// phase changes and every two seconds. done ends the bar's line.
func newProgress(w io.Writer) (show func(config.Progress), done func()) {
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return progressBar(w)
	}
	return progressLines(w, time.Now), func() {}
}

func progressLines(w io.Writer, now func() time.Time) func(config.Progress) {
	const every = 2 * time.Second
	var phase string
	last := now()
	return func(p config.Progress) {
		if p.Phase == phase && now().Sub(last) < every {
			return
		}
		phase, last = p.Phase, now()
		fmt.Fprintf(w, "%s: %s\n", strings.ToLower(p.Phase), progressText(p))
	}
}

func progressBar(w io.Writer) (show func(config.Progress), done func()) {
	const every, width = 100 * time.Millisecond, 30
	var last time.Time
	var drawn bool
	show = func(p config.Progress) {
		if time.Since(last) < every && p.DocumentsDone < p.DocumentsTotal {
			return
		}
		last, drawn = time.Now(), true
		full := 0
		if p.DocumentsTotal > 0 {
			full = width * p.DocumentsDone / p.DocumentsTotal
		}
		fmt.Fprintf(w, "\r\x1b[K%s [%s%s] %s", strings.ToLower(p.Phase), strings.Repeat("#", full), strings.Repeat(".", width-full), progressText(p))
	}
	done = func() {
		if drawn {
			fmt.Fprint(w, "\r\x1b[K")
		}
	}
	return show, done
}

func progressText(p config.Progress) string {
	if p.DocumentsTotal == 0 {
		return fmt.Sprintf("%d documents", p.DocumentsDone)
	}
	return fmt.Sprintf("%d of %d documents", p.DocumentsDone, p.DocumentsTotal)
}
