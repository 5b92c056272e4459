package serve

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/model"
)

// downAfter is how many consecutive failures make a stage not OK if each may be temporary: an
// overload, a timeout, a broken connection. One failure suffices if it is permanent, such as a
// wrong key.
const downAfter = 3

// Stages tracks the state of each stage, which the operator reads at the ops port. Live traffic and
// probes report outcomes to it; the latest outcome decides, within downAfter.
type Stages struct {
	mu     sync.Mutex
	stages map[config.Stage]*stage
	causes causes
}

type stage struct {
	config.StageStatus
	failures int       // counts consecutive failures
	refusals int       // counts consecutive requests that were refused because of their content
	asked    time.Time // is when the stage was last called
	// held is what Hold keeps the stage at while its calls succeed; nil means nothing.
	held    *config.StageStatus
	learned []string
}

// NewStages makes a tracker without any stage.
func NewStages() *Stages {
	return &Stages{
		stages: map[config.Stage]*stage{},
		causes: causes{said: map[cause]*occurrences{}, failing: map[config.Stage]bool{}},
	}
}

// Observe records the outcome of one model call; it is a model.Observer. If the model refused a
// request because of its content, that shows only that the model answers.
func (s *Stages) Observe(stage config.Stage, _ time.Duration, err error) {
	if refusesContent(err) {
		s.refused(stage, err)
		return
	}
	s.note(stage, err, needed(err))
}

func refusesContent(err error) bool {
	failure := model.FailureOf(err)
	return failure == config.InputTooLong || failure == config.ModelRejected
}

// refused records a request that the model refused because of its content. A model that refuses one after the other may
// refuse all: that is logged, and the stage counts as idle, so that a probe finds it out.
func (s *Stages) refused(name config.Stage, err error) {
	s.mu.Lock()
	st := s.get(name)
	if model.FailureOf(err) == config.ModelRejected {
		st.refusals++
	}
	all := st.refusals >= downAfter
	if !all {
		st.asked = time.Now()
	}
	s.mu.Unlock()
	if all {
		s.causes.failed(name, err)
	}
}

// needed returns how many consecutive failures like err make a stage not OK.
func needed(err error) int {
	if model.FailureOf(err).Meaning().Conclusive {
		return 1
	}
	return downAfter
}

// Report sets the state of a stage at once. The reason of err is what its method Reason returns, if
// it has that method.
func (s *Stages) Report(stage config.Stage, err error) { s.note(stage, err, 1) }

// Suspect reports err of a stage of which no outcome is known yet: its first call takes long.
func (s *Stages) Suspect(name config.Stage, err error) {
	s.mu.Lock()
	known := !s.get(name).Since.IsZero()
	s.mu.Unlock()
	if !known {
		s.Report(name, err)
	}
}

// Hold keeps the stage not OK for the reason of err, although its calls succeed, until err is nil: what it answers is
// wrong in a way that no single call shows.
func (s *Stages) Hold(name config.Stage, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch st := s.get(name); {
	case err != nil && st.held == nil:
		st.held = new(failure(err))
		st.held.Since = time.Now()
	case err == nil && st.held != nil:
		st.held, st.Since = nil, time.Now()
	}
}

// Snapshot returns the state of every stage of which an outcome is known.
func (s *Stages) Snapshot() map[config.Stage]config.StageStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make(map[config.Stage]config.StageStatus, len(s.stages))
	for name, st := range s.stages {
		switch {
		case st.Since.IsZero():
		case st.OK && st.held != nil:
			out[name] = st.with(*st.held)
		default:
			out[name] = st.with(st.StageStatus)
		}
	}
	return out
}

func (st *stage) with(status config.StageStatus) config.StageStatus {
	status.Learned = slices.Clone(st.learned)
	return status
}

// Learn adds a fact about the server of a stage.
func (s *Stages) Learn(name config.Stage, fact string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st := s.get(name); !slices.Contains(st.learned, fact) {
		st.learned = append(st.learned, fact)
	}
}

func (s *Stages) touch(name config.Stage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.get(name).asked = time.Now()
}

// get returns the stage, and makes it if needed; the caller holds mu.
func (s *Stages) get(name config.Stage) *stage {
	st := s.stages[name]
	if st == nil {
		st = &stage{}
		s.stages[name] = st
	}
	return st
}

// note records an outcome, and logs it where that is due.
func (s *Stages) note(name config.Stage, err error, needed int) {
	s.record(name, err, needed)
	if err != nil {
		s.causes.failed(name, err)
	} else {
		s.causes.worked(name)
	}
}

// record records an outcome: one success makes a stage OK, needed consecutive failures make it not OK.
func (s *Stages) record(name config.Stage, err error, needed int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.get(name)
	st.asked = time.Now()
	if err == nil {
		st.failures, st.refusals = 0, 0
		st.set(config.StageStatus{OK: true})
		return
	}
	st.failures++
	if st.OK && st.failures < needed {
		return
	}
	st.set(failure(err))
}

// set keeps the message while the reason stays the same, and Since while OK stays the same. The server's own message
// is always the latest.
func (st *stage) set(now config.StageStatus) {
	same := st.OK == now.OK && st.Reason == now.Reason && st.HTTPStatus == now.HTTPStatus && st.Code == now.Code
	if same && !st.Since.IsZero() {
		st.ServerMessage = now.ServerMessage
		return
	}
	now.Since = st.Since
	if st.OK != now.OK || st.Since.IsZero() {
		now.Since = time.Now()
	}
	st.StageStatus = now
}

// failure describes err in words that do not vary between calls.
func failure(err error) config.StageStatus {
	if e, ok := errors.AsType[*model.Error](err); ok {
		return config.StageStatus{
			Reason: e.Failure, Message: e.Summary(), HTTPStatus: e.Status, Code: e.Code, ServerMessage: e.Message,
		}
	}
	status := config.StageStatus{Reason: config.StageFailed, Message: err.Error()}
	if e, ok := errors.AsType[reasoned](err); ok {
		status.Reason = e.Reason()
	}
	return status
}

// reasoned is an error that names its own failure.
type reasoned interface {
	error
	Reason() config.Failure
}

// idle returns how long ago the stage was last called.
func (s *Stages) idle(name config.Stage) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Since(s.get(name).asked)
}

// probeInterval returns how long a stage may be idle before it is probed: less while it is down, so
// that its recovery shows soon, but not while it is overloaded.
func (s *Stages) probeInterval(name config.Stage, interval time.Duration) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.get(name)
	if (!st.OK || st.failures > 0 || st.refusals >= downAfter || st.held != nil) && st.Reason != config.ModelOverloaded {
		return interval / 6
	}
	return interval
}

// Probe makes one minimal call at once, and then one whenever the model was idle for interval, or
// for a sixth of it while the model fails. It returns when ctx ends. The client behind probe must
// report to s.Observe. Probe itself reports only that the model refused the probe, which Observe
// would attribute to the content of a question.
func (s *Stages) Probe(ctx context.Context, interval time.Duration, stage config.Stage,
	probe func(context.Context) error) {
	s.repeat(ctx, interval, stage, probe, func() time.Duration { return s.idle(stage) })
}

// Watch is Probe for a call that looks for what live traffic does not show: it is made however busy the model is.
func (s *Stages) Watch(ctx context.Context, interval time.Duration, stage config.Stage,
	probe func(context.Context) error) {
	last := time.Now()
	s.repeat(ctx, interval, stage, func(ctx context.Context) error {
		last = time.Now()
		return probe(ctx)
	}, func() time.Duration { return time.Since(last) })
}

// repeat makes one call at once, and then one whenever the time that since returns exceeds the interval.
func (s *Stages) repeat(ctx context.Context, interval time.Duration, stage config.Stage,
	probe func(context.Context) error, since func() time.Duration) {
	for ctx.Err() == nil {
		s.probe(ctx, interval, stage, probe)
		for wait := time.Duration(1); wait > 0 && ctx.Err() == nil; {
			wait = s.probeInterval(stage, interval) - since()
			select {
			case <-ctx.Done():
			case <-time.After(wait):
			}
		}
	}
}

// probe makes one call, of at most interval.
func (s *Stages) probe(ctx context.Context, interval time.Duration, stage config.Stage,
	probe func(context.Context) error) {
	once, cancel := context.WithTimeout(ctx, interval)
	defer cancel()
	err := probe(once)
	if refusesContent(err) {
		s.Report(stage, err)
		return
	}
	s.touch(stage) // the next probe is due after interval, whatever the outcome
}
