package serve

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/model"
)

// downAfter is how many failures in a row make a stage that worked not ok, where each by itself may pass: an
// overload, a timeout, a broken connection. A refusal for good, such as a wrong key, needs one.
const downAfter = 3

// Stages tracks how the stages of the process do: what the operator reads at the ops port. Live traffic and
// probes feed it, and the latest outcome decides, with downAfter.
type Stages struct {
	mu     sync.Mutex
	stages map[config.Stage]*stage
}

type stage struct {
	config.StageStatus
	failures int       // in a row
	asked    time.Time // when something was last heard of it
}

// NewStages makes a tracker that knows of no stage yet.
func NewStages() *Stages { return &Stages{stages: map[config.Stage]*stage{}} }

// Observe takes the outcome of one model call; it is a model.Observer. A request that the model refused because of its
// content shows only that the model answers.
func (s *Stages) Observe(stage config.Stage, _ time.Duration, err error) {
	if refusesContent(err) {
		s.touch(stage)
		return
	}
	s.note(stage, err, needed(err))
}

func refusesContent(err error) bool {
	failure := model.FailureOf(err)
	return failure == config.InputTooLong || failure == config.ModelRejected
}

// needed is how many failures like err, in a row, take a stage down.
func needed(err error) int {
	if model.FailureOf(err).Meaning().Conclusive {
		return 1
	}
	return downAfter
}

// Report says how a stage is; err decides at once. The reason is the error's own where it has a method Reason.
func (s *Stages) Report(stage config.Stage, err error) { s.note(stage, err, 1) }

// Snapshot is the state of every stage that has been heard of.
func (s *Stages) Snapshot() map[config.Stage]config.StageStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make(map[config.Stage]config.StageStatus, len(s.stages))
	for name, st := range s.stages {
		if !st.Since.IsZero() {
			out[name] = st.StageStatus
		}
	}
	return out
}

func (s *Stages) touch(name config.Stage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.get(name).asked = time.Now()
}

// get returns the stage, made if needed; mu is held.
func (s *Stages) get(name config.Stage) *stage {
	st := s.stages[name]
	if st == nil {
		st = &stage{}
		s.stages[name] = st
	}
	return st
}

// note takes an outcome into account: one success makes a stage ok, needed failures in a row make it not ok.
func (s *Stages) note(name config.Stage, err error, needed int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.get(name)
	st.asked = time.Now()
	if err == nil {
		st.failures = 0
		st.set(config.StageStatus{OK: true})
		return
	}
	st.failures++
	if st.OK && st.failures < needed {
		return
	}
	st.set(failure(err))
}

// set keeps the message while the reason stays, and Since while OK does.
func (st *stage) set(now config.StageStatus) {
	if st.OK == now.OK && st.Reason == now.Reason && st.HTTPStatus == now.HTTPStatus && !st.Since.IsZero() {
		return
	}
	now.Since = st.Since
	if st.OK != now.OK || st.Since.IsZero() {
		now.Since = time.Now()
	}
	st.StageStatus = now
}

// failure describes err in words that are the same every time.
func failure(err error) config.StageStatus {
	if e, ok := errors.AsType[*model.Error](err); ok {
		return config.StageStatus{Reason: e.Failure, Message: e.Summary(), HTTPStatus: e.Status}
	}
	status := config.StageStatus{Reason: config.StageFailed, Message: err.Error()}
	if e, ok := errors.AsType[reasoned](err); ok {
		status.Reason = e.Reason()
	}
	return status
}

// reasoned is an error that knows its own failure.
type reasoned interface {
	error
	Reason() config.Failure
}

// idle is how long nothing has been heard of a stage.
func (s *Stages) idle(name config.Stage) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Since(s.get(name).asked)
}

// patience is how long to leave a stage idle: less while it is down, so that its recovery shows, but not while
// it is overloaded.
func (s *Stages) patience(name config.Stage, interval time.Duration) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.get(name)
	if (!st.OK || st.failures > 0) && st.Reason != config.ModelOverloaded {
		return interval / 6
	}
	return interval
}

// Probe makes one minimal call at once, and then one whenever the model was idle for interval, or a sixth of
// it while it fails. It returns when ctx ends. The client behind probe must report to s.Observe; here only a
// refusal of the probe itself is added, which in live traffic would be the question's fault.
func (s *Stages) Probe(ctx context.Context, interval time.Duration, stage config.Stage,
	probe func(context.Context) error) {
	for ctx.Err() == nil {
		s.probe(ctx, interval, stage, probe)
		for wait := time.Duration(1); wait > 0 && ctx.Err() == nil; {
			wait = s.patience(stage, interval) - s.idle(stage)
			select {
			case <-ctx.Done():
			case <-time.After(wait):
			}
		}
	}
}

// probe makes one call, which must not outlast interval.
func (s *Stages) probe(ctx context.Context, interval time.Duration, stage config.Stage,
	probe func(context.Context) error) {
	once, cancel := context.WithTimeout(ctx, interval)
	defer cancel()
	err := probe(once)
	if refusesContent(err) {
		s.Report(stage, err)
		return
	}
	s.touch(stage) // whatever the outcome, the next probe is due after interval
}
