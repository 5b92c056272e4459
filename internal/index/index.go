// Package index is the contract of an index and what both of its homes share: the keyword analyser and fusion.
//
// A home holds the chunks and vectors of one generation, and beside them a ledger that records every document.
// Chunks become visible together with their ledger row.
package index

import (
	"context"
	"errors"
	"hash/maphash"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// Chunk is a passage of a document.
type Chunk struct {
	// ID is a UUIDv5 of (pipeline, document, hash of the embedded text, occurrence): any step may be repeated.
	ID string
	// Document is the identity <source>/<path>; Source its first segment.
	Document string
	Source   string
	// Title is the document's title or file name, Heading the heading path at the chunk's first character,
	// joined by " > "; empty where there is none.
	Title   string
	Heading string
	// Text is what a citation shows; size limits count it.
	Text string
	// Page is the 1-based page or slide, 0 where the format has none.
	Page int
	// Start and End are code points into the normalised text of the page.
	Start, End int
	// Metadata is the source's; usable in filters.
	Metadata map[string]string
}

// Context is what a chunk's text cannot say for itself: the title, then the heading path.
func (c *Chunk) Context() string {
	if c.Heading == "" {
		return c.Title
	}
	return c.Title + " > " + c.Heading
}

// Embedded is the text that embedding, keyword index and reranking see.
func (c *Chunk) Embedded() string { return c.Context() + "\n" + c.Text }

// Vectored is a chunk on its way into the index. A nil Vector means that the index holds one under the same
// id, of which only the attributes (position, page, title, metadata) are written, or that one was staged.
type Vectored struct {
	Chunk
	Vector []float32
}

// State is what became of a document.
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
	// Hash is the SHA-256 of the source bytes in hexadecimal; empty when they could not be read.
	Hash string
	// Attributes is a hash of what else decides the chunks: the source's metadata.
	Attributes string
	Title      string
	Chunks     int
	// Truncated counts chunks whose embedding saw only their beginning.
	Truncated int
	State     State
	Reason    config.Reason // when Failed
	Message   string        // when Failed
	Updated   time.Time
}

// Hit is a candidate of one leg.
type Hit struct {
	ID string
	// Score is the leg's own: BM25, or cosine similarity. Higher is better.
	Score float64
	// Digest is equal for two chunks whose Text is equal.
	Digest uint64
}

// Digest is a Hit's for a text. It holds within the process only.
func Digest(text string) uint64 { return maphash.String(digestSeed, text) }

var digestSeed = maphash.MakeSeed()

// Filter limits both legs before ranking: keys are ANDed, the values of a key are alternatives. The keys
// FilterSource and FilterDocument mean the chunk's own fields, any other its metadata.
type Filter map[string][]string

// The reserved filter keys.
const (
	FilterSource   = "source"
	FilterDocument = "document"
)

// The parameters of BM25 in both homes; idf is ln(1 + (N - n + 0.5)/(n + 0.5)).
const (
	BM25K1 = 1.2
	BM25B  = 0.75
)

// Store is one generation of a pipeline's index, as every backend implements it.
type Store interface {
	Searcher
	Writer
	Reader
	// Retire deletes the pipeline's other generations.
	Retire(ctx context.Context) error
	Close() error
}

// Searcher is the question path's side of an index. Its methods may be called concurrently.
type Searcher interface {
	// Vector returns the limit nearest chunks by cosine similarity, best first, ties by id.
	Vector(ctx context.Context, query []float32, limit int, filter Filter) ([]Hit, error)
	// Keyword returns the limit best chunks by BM25 over the analysed question, best first, ties by id.
	// A chunk that shares no term is no hit.
	Keyword(ctx context.Context, question string, limit int, filter Filter) ([]Hit, error)
	// Chunks returns the chunks of ids in their order, leaving out those that have gone.
	Chunks(ctx context.Context, ids []string) ([]Chunk, error)
}

// Writer is ingestion's side of an index.
type Writer interface {
	// Known returns the ids of the document's chunks that have vectors.
	Known(ctx context.Context, document string) (map[string]bool, error)
	// Stage keeps vectors of the document's chunks ahead of its Put, which may leave them out then: so a document
	// of any size is put in bounded memory. Nothing of them is visible before. A Put uses or drops what is
	// staged of its document; what no Put follows is dropped when the index is opened the next time.
	Stage(ctx context.Context, document string, chunks []Vectored) error
	// Put makes the document's chunks exactly these and writes its row, visible together. It fails with
	// ErrDimensions when a vector's length is not the index's.
	Put(ctx context.Context, row Row, chunks []Vectored) error
	// Remove deletes the documents' chunks and rows, and reports how many rows went.
	Remove(ctx context.Context, documents []string) (int, error)
	// Complete records that every listed document is indexed or has failed by itself, at that time.
	Complete(ctx context.Context, at time.Time) error
}

// Reader is what the gateway and the ops port show of an index.
type Reader interface {
	Stats(ctx context.Context) (Stats, error)
	// Documents returns up to limit rows whose document sorts after the given one.
	Documents(ctx context.Context, after string, limit int) ([]Row, error)
	// Failures returns up to limit failed rows, by document.
	Failures(ctx context.Context, limit int) ([]Row, error)
}

// Stats counts what an index holds. Documents are the indexed ones: those that failed are counted apart.
type Stats struct {
	Documents, Chunks, FailedDocuments int
	Dimensions                         int       // 0 while empty
	Completed                          time.Time // zero until the generation was complete once
	MemoryBytes                        int64     // what ranking holds in memory; 0 where unknown
}

// The errors that a caller tells apart.
var (
	// ErrDimensions: a vector's length differs from the index's. The embedding model is not the one that
	// built the generation.
	ErrDimensions = errors.New("vector has another number of dimensions than the index")
	// ErrLocked: another process holds the index.
	ErrLocked = errors.New("another process has the index open")
	// ErrFull: there is no room for what was to be written. What was there before is untouched.
	ErrFull = errors.New("no space left for the index")
	// ErrNotBuilt: the home holds nothing of this generation: no ingestion has begun, or what was there is lost.
	ErrNotBuilt = errors.New("the index is not built yet: an ingestion run builds it")
	// ErrUnauthorized: the home does not let this process in.
	ErrUnauthorized = errors.New("the index refused the API key")
	// ErrUnreachable: the home does not answer.
	ErrUnreachable = errors.New("the index cannot be reached")
)
