package config

import (
	"slices"
	"time"
)

// OpsPort is the port on which gateway and ingestion serve their status, metrics, health and profiles.
const OpsPort = 9090

// OpsPath is where gateway and ingestion report to the operator, on their ops port.
const OpsPath = "/ops/v1/status"

// OpsStatus is what a data-plane process says of itself. The operator reads it every few seconds; it holds
// neither a prompt nor a passage nor a secret.
type OpsStatus struct {
	Pipeline   string `json:"pipeline"`
	Generation string `json:"generation"` // fingerprint of the pinned generation
	// Ready is the process's own readiness: for the gateway, one retrieval has succeeded.
	Ready bool `json:"ready"`
	// Stages has an entry for each stage that the process uses.
	Stages   map[Stage]StageStatus `json:"stages"`
	Index    IndexStatus           `json:"index"`
	Progress *Progress             `json:"progress,omitempty"` // ingestion only
}

// StageStatus is the state of one stage, fed by live traffic and probes.
type StageStatus struct {
	OK         bool    `json:"ok"`
	Reason     Failure `json:"reason,omitempty"`
	Message    string  `json:"message,omitempty"`
	HTTPStatus int     `json:"httpStatus,omitempty"`
	// Code is the server's own word for its error. ServerMessage is the server's latest message: bounded, and without
	// keys, prompts and passages; it may name a request, so that no condition has it.
	Code          string    `json:"code,omitempty"`
	ServerMessage string    `json:"serverMessage,omitempty"`
	Since         time.Time `json:"since"` // when OK last changed
	// Learned tells how the model's server departs from its protocol, as far as it has shown.
	Learned []string `json:"learned,omitempty"`
}

// IndexStatus counts what the generation holds.
type IndexStatus struct {
	Documents       int              `json:"documents"`
	Chunks          int              `json:"chunks"`
	FailedDocuments int              `json:"failedDocuments"`
	Failures        []FailedDocument `json:"failures,omitempty"` // at most MaxExamples, by document
	EmbeddingModel  string           `json:"embeddingModel,omitempty"`
	Dimensions      int              `json:"dimensions,omitempty"`
	LastSync        time.Time        `json:"lastSync,omitzero"`
	// ChunksPerSecond is the rate of the last run that embedded enough to measure one; 0 means none.
	ChunksPerSecond float64     `json:"chunksPerSecond,omitempty"`
	ChunkCounts     ChunkCounts `json:"chunkCounts,omitempty"` // are of a sample of the texts
	Losses                      // as of LastSync
	Synced          Synced      `json:"synced,omitzero"`
}

// FailedDocument is one document that is not in the index.
type FailedDocument struct {
	Document string `json:"document"`
	Reason   Reason `json:"reason"`
	Message  string `json:"message"`
	// Parked reports whether no run reads it again; see MaxAttempts.
	Parked bool `json:"parked,omitempty"`
}

// Progress is how far an ingestion run is.
type Progress struct {
	Phase          Phase `json:"phase"`
	DocumentsDone  int   `json:"documentsDone"`
	DocumentsTotal int   `json:"documentsTotal"`
	// AllDocuments counts those of all workers, if several share the run; 0 until they are listed.
	AllDocuments int `json:"allDocuments,omitempty"`
	// Chunks counts those of the documents that this run has written. ChunksPerSecond is their rate while the run is
	// indexing, and SecondsLeft how long indexing is to take from now; 0 means that it is not known.
	Chunks          int     `json:"chunks,omitempty"`
	ChunksPerSecond float64 `json:"chunksPerSecond,omitempty"`
	SecondsLeft     float64 `json:"secondsLeft,omitempty"`
	// Pace is how the embedding model is being asked.
	Pace *Pace `json:"pace,omitempty"`
	// Slowest is the document that has been read for the longest time, if that is more than a few seconds.
	Slowest *SlowDocument `json:"slowest,omitempty"`
}

// Add adds the progress of another worker of the same run. The run is in the earliest phase that one of its workers
// is in.
func (p *Progress) Add(other Progress) {
	if at := slices.Index(phases, other.Phase); at >= 0 && at < slices.Index(phases, p.Phase) {
		p.Phase = other.Phase
	}
	p.DocumentsDone += other.DocumentsDone
	p.DocumentsTotal += other.DocumentsTotal
	p.AllDocuments = max(p.AllDocuments, other.AllDocuments)
	p.Chunks += other.Chunks
	p.ChunksPerSecond += other.ChunksPerSecond
	p.SecondsLeft = max(p.SecondsLeft, other.SecondsLeft)
	if o := other.Pace; o != nil && p.Pace != nil {
		p.Pace = &Pace{
			Requests: p.Pace.Requests + o.Requests, Texts: min(p.Pace.Texts, o.Texts), Waiting: p.Pace.Waiting || o.Waiting,
		}
	} else if o != nil {
		p.Pace = o
	}
	if s := other.Slowest; s != nil && (p.Slowest == nil || s.Since.Before(p.Slowest.Since)) {
		p.Slowest = s
	}
}

// Pace is how an ingestion asks the embedding model, as the model's server bears it.
type Pace struct {
	Requests int  `json:"requests"`          // at once
	Texts    int  `json:"texts"`             // in one request
	Waiting  bool `json:"waiting,omitempty"` // reports whether the server has asked to wait
}

// SlowDocument is a document that takes long to read.
type SlowDocument struct {
	Document string    `json:"document"` // printable, and cut if it is long
	Since    time.Time `json:"since"`
}

// Phase is a step of an ingestion run.
type Phase string

// The phases, in their order.
const (
	PhaseListing  Phase = "Listing"
	PhaseIndexing Phase = "Indexing"
	PhaseRemoving Phase = "Removing"
	PhaseDone     Phase = "Done"
)

// phases are all phases, in their order.
var phases = []Phase{PhaseListing, PhaseIndexing, PhaseRemoving, PhaseDone}
