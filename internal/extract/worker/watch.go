package worker

import (
	"errors"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

const (
	// watchEvery is how often a busy process is looked at.
	watchEvery = 50 * time.Millisecond
	// startLimit is how long a process, or PDFium in it, may take to start. Where CPU is short, compiling PDFium takes
	// a minute.
	startLimit = 3 * time.Minute
)

// watch ends a process that takes too long over its document, or too much memory.
type watch struct {
	process *process
	options Options
	size    int // of the document, in bytes

	mu      sync.Mutex
	timer   *time.Timer
	begun   time.Time // put off by the time that PDFium took to start
	pages   int
	paused  time.Time // is when PDFium began to start; zero if it is not starting
	verdict error     // is why the process was killed
	ended   bool
}

func watchOver(p *process, o Options, size int) *watch {
	w := &watch{process: p, options: o, size: size, begun: time.Now()}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.timer = time.AfterFunc(min(watchEvery, o.Time.Base), w.look)
	return w
}

func (w *watch) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended {
		return
	}
	if w.verdict = w.judge(time.Now()); w.verdict != nil {
		w.ended = true
		w.process.kill()
		return
	}
	w.timer.Reset(watchEvery)
}

// judge returns why the process must end now, nil if it may go on.
func (w *watch) judge(now time.Time) error {
	if w.process.resident() > w.options.Memory*detectorsShare() {
		return tooMuchMemory(w.options.Memory)
	}
	if !w.paused.IsZero() {
		if now.Sub(w.paused) > startLimit {
			return errors.New("PDFium did not start within " + startLimit.String() + ": give the process more CPU")
		}
		return nil
	}
	if allowed := w.allowed(); now.Sub(w.begun) > allowed {
		return config.Failf(config.TimedOut, "reading it took longer than the %v that a document of %d bytes and %d pages "+
			"that were reached may take: it is damaged, or made to do this", allowed, w.size, w.pages)
	}
	return nil
}

func (w *watch) allowed() time.Duration {
	t := w.options.Time
	return min(t.Base+time.Duration(w.pages+w.size>>20)*t.Each, t.Longest)
}

// reached records that the reader came to a page.
func (w *watch) reached(page int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pages = page
}

// pause stops the clock while PDFium starts.
func (w *watch) pause(paused bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case paused:
		w.paused = time.Now()
	case !w.paused.IsZero():
		w.begun = w.begun.Add(time.Since(w.paused))
		w.paused = time.Time{}
	}
}

// end ends the watch, and returns why the process was killed, nil if it was not.
func (w *watch) end() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = true
	w.timer.Stop()
	return w.verdict
}

func tooMuchMemory(limit int64) error {
	return config.Failf(config.TooLarge, "reading it takes more than %d MiB of memory: split or simplify it", limit>>20)
}

// detectorsShare is how many times as much memory a process may take as its limit: more than once only where the race
// detector keeps a shadow of all memory. The kernel counts the shadow, so it does not limit such a process.
var detectorsShare = sync.OnceValue(func() int64 {
	info, ok := debug.ReadBuildInfo()
	if ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		return 8
	}
	return 1
})
