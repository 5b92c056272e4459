package ingest

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

func TestTheSlowestDocumentIsShownAndLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var shown config.Progress
		var log bytes.Buffer
		m, err := newMetrics(nil, false)
		if err != nil {
			t.Fatal(err)
		}
		tally := newTally(Options{
			Progress: func(p config.Progress) { shown = p },
			Log:      slog.New(slog.NewTextHandler(&log, nil)),
		}, m)
		wait := func(d time.Duration) {
			time.Sleep(d) //nolint:forbidigo // virtual time
			tally.showSlow(time.Now())
		}
		slowest := func() string {
			if shown.Slowest == nil {
				return ""
			}
			return shown.Slowest.Document
		}
		done := tally.extracting("docs/first\x1b[2J.pdf")
		wait(2 * time.Second)
		if got := slowest(); got != "" {
			t.Errorf("%q is shown after two seconds", got)
		}
		doneSecond := tally.extracting("docs/second.pdf")
		wait(2 * time.Second)
		if got := slowest(); got != "docs/first [2J.pdf" || log.Len() > 0 {
			t.Errorf("%q is shown after four seconds, and logged: %s", got, &log)
		}
		for range 30 {
			wait(time.Second)
		}
		if got := strings.Count(log.String(), "A document takes long to read"); got != 2 || !strings.Contains(log.String(), "first") {
			t.Errorf("after 34 seconds it was logged %d times, want twice:\n%s", got, &log)
		}
		done()
		wait(time.Second)
		if got := slowest(); got != "docs/second.pdf" {
			t.Errorf("%q is shown when the first is read", got)
		}
		doneSecond()
		if wait(time.Second); shown.Slowest != nil {
			t.Errorf("%q is shown when all are read", slowest())
		}
	})
}
