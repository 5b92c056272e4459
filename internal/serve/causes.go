package serve

import (
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/model"
)

// sayEvery is how often a cause that lasts is logged.
const sayEvery = time.Minute

// causes logs why stages fail, in the servers' own words: each cause at once, and then once a minute with how often it
// occurred, so that an outage under load does not fill the log. A nil log discards the lines.
type causes struct {
	mu      sync.Mutex
	log     *slog.Logger
	said    map[cause]*occurrences
	failing map[config.Stage]bool // is true from a line about the stage until one that it works again
}

// cause identifies what is logged once. It has nothing that a server can vary at will.
type cause struct {
	stage  config.Stage
	reason config.Failure
	status int
}

type occurrences struct {
	last  time.Time // is when it was logged
	since int       // counts those that were not
}

// failed logs err, unless it logged the same not long ago.
func (c *causes) failed(stage config.Stage, err error) {
	now := failure(err)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.log == nil {
		return
	}
	key := cause{stage, now.Reason, now.HTTPStatus}
	o := c.said[key]
	if o == nil {
		o = &occurrences{}
		c.said[key] = o
	}
	if o.since++; time.Since(o.last) < sayEvery {
		return
	}
	about := []any{"stage", string(stage), "reason", string(now.Reason), "error", err}
	if e, ok := errors.AsType[*model.Error](err); ok && e.URL != "" {
		about = append(about, "url", e.URL)
	}
	if o.since > 1 {
		about = append(about, "times", o.since)
	}
	c.log.Warn("Stage failed", about...)
	c.failing[stage] = true
	o.last, o.since = time.Now(), 0
}

// worked logs that a stage that was logged to fail works again.
func (c *causes) worked(stage config.Stage) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failing[stage] { // then there is a log
		delete(c.failing, stage)
		c.log.Info("Stage works again", "stage", string(stage))
	}
}

// LogTo has the tracker log, from now on, why stages fail.
func (s *Stages) LogTo(log *slog.Logger) {
	s.causes.mu.Lock()
	defer s.causes.mu.Unlock()
	s.causes.log = log
}
