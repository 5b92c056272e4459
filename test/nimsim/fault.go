package nimsim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// Fault is one way in which a model's server misbehaves.
type Fault struct {
	// Name is unique, Does says what happens.
	Name, Does string
	// Roles are those whose replies it can spoil.
	Roles []config.Stage
	// Streamed faults spoil streamed answers only; a plain one is given as usual.
	Streamed bool
	// Harmless faults leave a reply that a good client can use: it must come out as without the fault.
	Harmless bool

	serve func(*exchange)
}

// active is a fault that is switched on.
type active struct {
	Fault
	left int // requests it still meets; below 0 without end
}

// Fault switches a fault on for a role, until Mend or another Fault.
func (s *Sim) Fault(role config.Stage, f Fault) { s.FaultNext(role, f, -1) }

// FaultNext switches a fault on for the next n requests of a role. It panics when the fault is none of that
// role's, which is a mistake in the test.
func (s *Sim) FaultNext(role config.Stage, f Fault, n int) {
	if !slices.Contains(f.Roles, role) {
		panic(fmt.Sprintf("nimsim: fault %q is none of the role %s", f.Name, role))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults[role] = &active{Fault: f, left: n}
}

// Mend switches the faults of the given roles off, or of every role when none is given.
func (s *Sim) Mend(roles ...config.Stage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(roles) == 0 {
		clear(s.faults)
	}
	for _, role := range roles {
		delete(s.faults, role)
	}
}

// take is the fault that this request meets; nil when there is none.
func (s *Sim) take(role config.Stage, x *exchange) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.faults[role]
	if a == nil || a.left == 0 || a.Streamed && !x.streamed() {
		return nil
	}
	if a.left > 0 {
		a.left--
	}
	return &a.Fault
}

// streamed says whether the request wants its answer as a stream.
func (x *exchange) streamed() bool {
	if !bytes.Contains(x.body, []byte(`"stream"`)) {
		return false
	}
	var q struct {
		Stream bool `json:"stream"`
	}
	return json.Unmarshal(x.body, &q) == nil && q.Stream
}

// The roles that a fault may have.
var (
	anyRole   = []config.Stage{config.StageEmbedding, config.StageReranking, config.StageLLM}
	embedding = []config.Stage{config.StageEmbedding}
	reranking = []config.Stage{config.StageReranking}
	llm       = []config.Stage{config.StageLLM}
)

// Faults is the catalogue: every fault there is, by what goes wrong. A test that loops over it, for each role
// of each fault, has met them all.
var Faults = slices.Concat(statusFaults, transportFaults, bodyFaults, embeddingFaults, rankingFaults, answerFaults, streamFaults,
	dialectFaults)

// Named is the fault of that name. It panics when there is none, which is a mistake in the test.
func Named(name string) Fault {
	f, found := Lookup(name)
	if !found {
		panic(fmt.Sprintf("nimsim: no fault is named %q", name))
	}
	return f
}

// Lookup finds the fault of that name.
func Lookup(name string) (Fault, bool) {
	if name == AnotherModel.Name {
		return AnotherModel, true
	}
	i := slices.IndexFunc(Faults, func(f Fault) bool { return f.Name == name })
	if i < 0 {
		return Fault{}, false
	}
	return Faults[i], true
}

// For are the faults of the catalogue that a role can have.
func For(role config.Stage) []Fault {
	var out []Fault
	for _, f := range Faults {
		if slices.Contains(f.Roles, role) {
			out = append(out, f)
		}
	}
	return out
}
