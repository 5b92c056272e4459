// Package index is the contract of an index and what its stores share: the keyword analyser and
// fusion.
//
// A store holds the chunks and vectors of one generation, and beside them a ledger that records
// every document. A document's chunks become visible together with its ledger row.
package index

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"strings"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/vector"
)

// Chunk is a passage of a document.
type Chunk struct {
	// ID is a UUIDv5 of (pipeline, document, hash of the embedded text, occurrence): any step may
	// be repeated.
	ID string
	// Document is the identity <source>/<path>; Source is its first segment.
	Document string
	Source   string
	// Title is the document's title or file name. Heading is the heading path at the chunk's first
	// character, joined by " > "; it is empty where there is no heading.
	Title   string
	Heading string
	// Text is what a citation shows and what size limits count.
	Text string
	// Page is the 1-based page or slide; 0 where the format has none.
	Page int
	// Start and End are code points into the normalised text of the page.
	Start, End int
	// Metadata is the document's, with its access. Filters may use it; callers must not change it.
	Metadata config.Metadata
	// Layout tells of places within Text; callers must not change it.
	Layout Layout
	// Joined is set by Join; otherwise it is empty.
	Joined string
}

// maxFolders is how many folders of a document's path its chunks are found by, the innermost.
const maxFolders = 3

// Context is what a chunk's text cannot say for itself: where its document is, the document's title unless that is its
// file name, then the heading path.
func (c *Chunk) Context() string {
	var room [3]string
	return strings.Join(c.context(room[:0]), contextSeparator)
}

const contextSeparator = " > "

// context appends the parts of the context that are not empty.
func (c *Chunk) context(parts []string) []string {
	path := strings.TrimPrefix(c.Document, c.Source+"/")
	file := path[strings.LastIndexByte(path, '/')+1:]
	from := len(path) - len(file)
	for range maxFolders {
		from = strings.LastIndexByte(path[:max(0, from-1)], '/') + 1
	}
	title := c.Title
	if title == file {
		title = ""
	}
	for _, part := range [...]string{path[from:], title, c.Heading} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return parts
}

// Embedded is the text that embedding, keyword index and reranking see: context, newline, text.
func (c *Chunk) Embedded() string {
	if c.Joined != "" {
		return c.Joined
	}
	var room [3]string
	var b strings.Builder
	b.Grow(len(c.Document) + len(c.Title) + len(c.Heading) + 2*len(contextSeparator) + 1 + len(c.Text))
	for i, part := range c.context(room[:0]) {
		if i > 0 {
			b.WriteString(contextSeparator)
		}
		b.WriteString(part)
	}
	b.WriteByte('\n')
	b.WriteString(c.Text)
	return b.String()
}

// Join makes the embedded text once for all that ask for it, of a chunk that stays in memory. Text becomes a part of
// it, so that it takes little more room. What it is made of must not change afterwards.
func (c *Chunk) Join() {
	c.Joined = c.Embedded()
	c.Text = c.Joined[len(c.Joined)-len(c.Text):]
}

// Vectored is a chunk on its way into the index. A nil Vector means that one was staged, or that
// the index already holds one under the same id; in that case only the attributes are written
// (position, page, title, metadata, layout).
type Vectored struct {
	Chunk
	Vector []float32
}

// State is the outcome of indexing a document.
type State string

// The states.
const (
	Indexed State = "Indexed"
	Failed  State = "Failed"
)

// Row is a document's row in the ledger.
type Row struct {
	Document string
	Source   string
	// Hash is the SHA-256 in hexadecimal of the source bytes, its sidecar's and the source's own metadata among them;
	// empty when they could not be read.
	Hash string
	// Version is the source's version of the document that Hash is of; see source.Entry. It is empty when the source has
	// no versions, and for rows that were written before the ledger had them.
	Version string
	// Attributes is a hash of what else decides the chunks: the source's metadata.
	Attributes string
	// Readers are those that read the document; empty when that is unknown.
	Readers config.Readers
	Title   string
	// Metadata is that of the document's chunks; of a failed document it is the access alone. It is nil when there is
	// none, and for rows that were written before the ledger had it.
	Metadata config.Metadata
	Chunks   int
	// Truncated counts the chunks whose embedding covers only their beginning.
	Truncated int
	State     State
	// Reason and Message are set when State is Failed.
	Reason  config.Reason
	Message string
	// Attempts counts the runs in which this version of the document failed, up to config.MaxAttempts.
	Attempts int
	// Warnings list what of an indexed document is not in the index, or may be wrong there.
	Warnings config.Warnings
	Updated  time.Time
}

// Parked reports whether no run reads the document again, as it is.
func (r *Row) Parked() bool { return r.State == Failed && r.Attempts >= config.MaxAttempts }

// Hit is a candidate that one retriever found.
type Hit struct {
	ID string
	// Score is the retriever's own: BM25, or cosine similarity. Higher is better.
	Score float64
	// Digest is equal for two chunks whose Text is equal.
	Digest uint64
}

// Digest returns a Hit's Digest for a text. It is comparable within one process only.
func Digest(text string) uint64 { return maphash.String(digestSeed, text) }

var digestSeed = maphash.MakeSeed()

// The parameters of BM25 in every store; idf is ln(1 + (N - n + 0.5)/(n + 0.5)).
const (
	BM25K1 = 1.2
	BM25B  = 0.75
)

// Store is one generation of a pipeline's index, as every backend implements it.
type Store interface {
	Searcher
	Writer
	Reader
	// Retire deletes the pipeline's other generations of the kind that r describes.
	Retire(ctx context.Context, r Retirement) error
	// Close releases what the store holds open. What was written is durable without it.
	Close() error
}

// Retirement says which of a pipeline's generations to delete. The zero value is all but the store's own.
type Retirement struct {
	// Keep are the fingerprints of those that stay.
	Keep []string
	// Incomplete keeps those, too, that have been complete once.
	Incomplete bool
	// Retain is how long a local index keeps those, too, that were complete, after the first call that finds them
	// replaced, and at most the last three. In a cluster, the operator names those that it retains in Keep.
	Retain time.Duration
}

// Searcher is the question path's side of an index. Its methods may be called concurrently.
type Searcher interface {
	// Vector returns the limit nearest chunks by cosine similarity, best first, ties by id.
	Vector(ctx context.Context, query []float32, limit int, filter *Filter) ([]Hit, error)
	// Keyword returns the limit best chunks by BM25 over the analysed question, best first, ties by
	// id. A chunk that shares no term with the question is not among them.
	Keyword(ctx context.Context, question string, limit int, filter *Filter) ([]Hit, error)
	// Chunks returns the chunks of ids in their order, leaving out those that no longer exist.
	Chunks(ctx context.Context, ids []string) ([]Chunk, error)
	// Types returns the types that the values of each key have in the chunks that pass the filter, in order. A key that
	// none of them has is left out.
	Types(ctx context.Context, keys []string, filter *Filter) (map[string][]config.ScalarType, error)
}

// Writer is ingestion's side of an index.
type Writer interface {
	// Known returns the ids of the document's chunks that have vectors.
	Known(ctx context.Context, document string) (map[string]bool, error)
	// Stage stores vectors of the document's chunks ahead of its Put, which may then leave them
	// out. This way a document of any size is put in bounded memory. Nothing staged is visible. A
	// Put uses or deletes what is staged for its document; what no Put follows is deleted when the
	// index is opened the next time.
	Stage(ctx context.Context, document string, chunks []Vectored) error
	// Borrow returns the vectors that the pipeline's other generations hold under these ids of the document's
	// chunks, as far as the same model made them with the same settings and they have the index's dimensions.
	Borrow(ctx context.Context, document string, ids []string) (Loan, error)
	// Put makes the document's chunks exactly these and writes its row; both become visible
	// together. It fails with ErrDimensions when a vector's length is not the index's.
	Put(ctx context.Context, row Row, chunks []Vectored) error
	// PutRow replaces the row of a document that has one, and leaves its chunks as they are. What the row tells of
	// them must therefore stay.
	PutRow(ctx context.Context, row Row) error
	// Remove deletes the documents' chunks and rows, and returns how many of the documents had a row that was shown.
	// Once it has begun, neither a search nor the ledger shows the documents, even if it fails or the process ends:
	// Unremoved then returns them, and another Remove ends what was begun.
	Remove(ctx context.Context, documents []string) (int, error)
	// Unremoved returns the documents whose removal has begun and not ended.
	Unremoved(ctx context.Context) ([]string, error)
	// Left returns those of the documents of which the store still holds a row or a chunk. It asks what the store has
	// written, not what the process remembers.
	Left(ctx context.Context, documents []string) ([]string, error)
	// Complete records that, at that time, every listed document was indexed or had failed by
	// itself, and what the index then lacked of them.
	Complete(ctx context.Context, at time.Time, losses config.Losses) error
	// Measure replaces what Stats returns as Measured.
	Measure(ctx context.Context, m Measured) error
}

// Loan is what other generations have of a document's chunks.
type Loan struct {
	// Vectors are by chunk id. Their lengths may differ from what the model gives now.
	Vectors map[string][]float32
	// Truncated counts the document's chunks there whose embedding covers only their beginning. The chunks of
	// Vectors may be among them.
	Truncated int
}

// Reader is what the gateway and the ops port show of an index.
type Reader interface {
	Stats(ctx context.Context) (Stats, error)
	// Documents returns up to limit rows whose document sorts after the given one, by document.
	Documents(ctx context.Context, after string, limit int) ([]Row, error)
	// Row returns the row of a document, nil if it has none that is shown.
	Row(ctx context.Context, document string) (*Row, error)
	// Failures returns up to limit failed rows, by document.
	Failures(ctx context.Context, limit int) ([]Row, error)
	// Seen returns what Documents does, of the documents that the audience sees.
	Seen(ctx context.Context, who Audience, after string, limit int) ([]Row, error)
	// Count counts what the audience sees.
	Count(ctx context.Context, who Audience) (Counts, error)
}

// Stats counts what an index holds. Documents counts the indexed ones; failed ones are counted
// separately.
type Stats struct {
	Documents, Chunks, FailedDocuments int
	Dimensions                         int           // is 0 while the index is empty
	Completed                          time.Time     // is zero until the generation was complete once
	Losses                             config.Losses // is as of Completed
	MemoryBytes                        int64         // is what the store holds in memory; 0 where unknown
	Measured                           Measured
}

// Measured is what runs have found out about a generation, for later runs, for the gateway and for plans.
type Measured struct {
	// Anchor is the vector of model.Anchor as of the first run, in the form of vector.Encode. It is empty before
	// that, and in a generation that an earlier version built.
	Anchor []byte `json:"anchor,omitempty"`
	// ChunksPerSecond is the rate of the last run that embedded enough to measure one; 0 means none.
	ChunksPerSecond float64 `json:"chunksPerSecond,omitempty"`
	// Synced is what the last runs found in the sources.
	Synced config.Synced `json:"synced,omitzero"`
	// ChunkCounts are of a sample of the texts, by the last run that read most of them.
	ChunkCounts config.ChunkCounts `json:"chunkCounts,omitempty"`
}

// The errors that callers tell apart.
var (
	// ErrDimensions means that a vector's length differs from the index's: another embedding model
	// built the generation.
	ErrDimensions = errors.New("the vector's dimensions differ from the index's")
	// ErrLocked means that another process holds the index.
	ErrLocked = errors.New("another process has the index open")
	// ErrFull means that there is no room for what was to be written. Existing contents are
	// untouched.
	ErrFull = errors.New("no space left for the index")
	// ErrNotBuilt means that the store holds nothing of this generation: no ingestion has begun, or
	// the contents are lost.
	ErrNotBuilt = errors.New("the index is not built yet: an ingestion run builds it")
	// ErrUnauthorized means that the store refused this process's key.
	ErrUnauthorized = errors.New("the index refused the API key")
	// ErrUnproved means that the store still holds something of a document after its removal.
	ErrUnproved = errors.New("the removal of documents is not proved")
	// ErrUnreachable means that the store does not answer.
	ErrUnreachable = errors.New("the index cannot be reached")
)

// DimensionMismatch is ErrDimensions with both numbers and the remedy.
func DimensionMismatch(got, want int) error {
	return fmt.Errorf("%w: %d, not %d: use the embedding model that built the index, or build a new generation",
		ErrDimensions, got, want)
}

// Check returns the ids of a document's chunks. It fails when no store can hold them: for a chunk
// of another document, a duplicate, and a vector that is empty or holds a value that is not finite.
func Check(document string, chunks []Vectored) (ids map[string]bool, err error) {
	ids = make(map[string]bool, len(chunks))
	for i := range chunks {
		c := &chunks[i]
		switch {
		case c.Document != document:
			return nil, fmt.Errorf("chunk %s belongs to document %q, not %q", c.ID, c.Document, document)
		case ids[c.ID]:
			return nil, fmt.Errorf("chunk %s occurs twice", c.ID)
		case c.Vector != nil && len(c.Vector) == 0:
			return nil, fmt.Errorf("the vector of chunk %s is empty: the embedding model is at fault", c.ID)
		case !vector.Finite(c.Vector):
			return nil, fmt.Errorf("the vector of chunk %s holds NaN or infinity: the embedding model is at fault", c.ID)
		}
		ids[c.ID] = true
	}
	return ids, nil
}
