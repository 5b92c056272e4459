package gateway

import (
	"net/http"
	"path"
	"strconv"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
)

// IndexState is the body of GET /v1/index: what the gateway answers from.
type IndexState struct {
	Pipeline        string          `json:"pipeline"`   // namespace/name
	Generation      string          `json:"generation"` // fingerprint of the pinned generation
	Ready           bool            `json:"ready"`
	Documents       int             `json:"documents"`
	Chunks          int             `json:"chunks"`
	FailedDocuments int             `json:"failed_documents"`
	Dimensions      int             `json:"dimensions,omitempty"`
	LastSync        time.Time       `json:"last_sync,omitzero"` // when every listed document was last done with
	MemoryBytes     int64           `json:"memory_bytes,omitempty"`
	Models          IndexModels     `json:"models"`
	Retrieval       IndexRetrieval  `json:"retrieval"`
	Chunking        config.Chunking `json:"chunking"`
}

// IndexModels is the names of the models.
type IndexModels struct {
	Embedding string `json:"embedding"`
	Reranking string `json:"reranking,omitempty"`
	LLM       string `json:"llm,omitempty"`
}

// IndexRetrieval is how passages are found.
type IndexRetrieval struct {
	Mode  config.Mode `json:"mode"`
	K     int         `json:"k"`
	TopN  int         `json:"top_n"`
	Alpha float64     `json:"alpha"`
}

// indexState answers GET /v1/index.
func (g *Gateway) indexState(w http.ResponseWriter, r *http.Request) error {
	stats, err := g.index.Stats(r.Context())
	if err != nil {
		return unavailable(err)
	}
	c := g.config
	state := IndexState{
		Pipeline:        c.Pipeline.String(),
		Generation:      c.Generation.Fingerprint(),
		Ready:           g.Ready(),
		Documents:       stats.Documents,
		Chunks:          stats.Chunks,
		FailedDocuments: stats.FailedDocuments,
		Dimensions:      stats.Dimensions,
		LastSync:        stats.Completed,
		MemoryBytes:     stats.MemoryBytes,
		Models:          IndexModels{Embedding: c.Models.Embedding.Name},
		Retrieval:       IndexRetrieval{c.Retrieval.Mode, c.Retrieval.K, c.Retrieval.TopN, c.Retrieval.Alpha},
		Chunking:        c.Generation.Chunking,
	}
	if c.Models.Reranking != nil {
		state.Models.Reranking = c.Models.Reranking.Name
	}
	if c.Models.LLM != nil {
		state.Models.LLM = c.Models.LLM.Name
	}
	return sendJSON(w, state)
}

// The sizes of a page of documents.
const (
	defaultPage = 100
	maxPage     = 1000
)

// DocumentPage is the body of GET /v1/documents?after=DOCUMENT&limit=N: documents by identity.
type DocumentPage struct {
	Documents []Document `json:"documents"`
	Next      string     `json:"next,omitempty"` // what to ask for after; left out on the last page
}

// Document is a document's row in the ledger.
type Document struct {
	DocumentID   string        `json:"document_id"` // <source>/<path>
	DocumentName string        `json:"document_name"`
	Source       string        `json:"source"`
	Title        string        `json:"title,omitempty"`
	State        index.State   `json:"state"` // Indexed or Failed
	Chunks       int           `json:"chunks"`
	Truncated    int           `json:"truncated,omitempty"` // chunks whose embedding saw only their beginning
	Reason       config.Reason `json:"reason,omitempty"`    // when Failed
	Message      string        `json:"message,omitempty"`   // when Failed
	// Warnings tell what of an indexed document is not in the index, or may be wrong there.
	Warnings config.Warnings `json:"warnings,omitempty"`
	Updated  time.Time       `json:"updated,omitzero"`
}

// documents answers GET /v1/documents.
func (g *Gateway) documents(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	limit := defaultPage
	if s := q.Get("limit"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > maxPage {
			return invalid("limit", "must be 1 to %d", maxPage)
		}
		limit = n
	}
	rows, err := g.index.Documents(r.Context(), q.Get("after"), limit+1)
	if err != nil {
		return unavailable(err)
	}
	page := DocumentPage{Documents: make([]Document, min(len(rows), limit))}
	for i := range page.Documents {
		row := &rows[i]
		page.Documents[i] = Document{
			DocumentID: row.Document, DocumentName: path.Base(row.Document), Source: row.Source, Title: row.Title,
			State: row.State, Chunks: row.Chunks, Truncated: row.Truncated, Reason: row.Reason, Message: row.Message,
			Warnings: row.Warnings, Updated: row.Updated,
		}
	}
	if len(rows) > limit {
		page.Next = rows[limit-1].Document
	}
	return sendJSON(w, page)
}
