package gateway

import (
	"context"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
)

// The sizes of a page of documents.
const (
	defaultPage = 100
	maxPage     = 1000
)

// maxBatches bounds how many times maxPage rows a request reads to find those that it asks for.
const maxBatches = 10

// DocumentPage is the body of GET /v1/documents?after=DOCUMENT&limit=N&state=STATE&warnings=true:
// documents in the order of their identities.
type DocumentPage struct {
	Documents []Document `json:"documents"`
	Next      string     `json:"next,omitempty"` // is the next page's after; is omitted on the last page
}

// Document is a document's row in the ledger.
type Document struct {
	DocumentID   string      `json:"document_id"` // has the form <source>/<path>
	DocumentName string      `json:"document_name"`
	Source       string      `json:"source"`
	Title        string      `json:"title,omitempty"`
	State        index.State `json:"state"` // is Indexed or Failed
	Chunks       int         `json:"chunks"`
	Truncated    int         `json:"truncated,omitempty"` // counts chunks of which only the beginning was embedded
	// Metadata is that of the document's chunks, which filters compare.
	Metadata config.Metadata `json:"metadata,omitempty"`
	Reason   config.Reason   `json:"reason,omitempty"`   // is set if State is Failed
	Message  string          `json:"message,omitempty"`  // is set if State is Failed
	Attempts int             `json:"attempts,omitempty"` // counts the runs in which it failed, up to three
	Parked   bool            `json:"parked,omitempty"`   // reports whether runs leave it out until it changes
	// Warnings lists content of an indexed document that is not in the index, or may be wrong there.
	Warnings config.Warnings `json:"warnings,omitempty"`
	Updated  time.Time       `json:"updated,omitzero"`
}

// documents answers GET /v1/documents.
func (g *Gateway) documents(x *exchange, r *http.Request) error {
	q, err := parseDocumentQuery(r.URL.Query())
	if err != nil {
		return err
	}
	rows, next, err := g.rows(r.Context(), q)
	if err != nil {
		return unavailable(err)
	}
	page := DocumentPage{Documents: make([]Document, len(rows)), Next: next}
	for i := range rows {
		page.Documents[i] = newDocument(&rows[i])
	}
	return x.sendJSON(page)
}

// documentQuery selects a page of documents.
type documentQuery struct {
	after string
	limit int
	// state selects documents in this state, empty all; warnings those that have warnings.
	state    index.State
	warnings bool
}

func parseDocumentQuery(values url.Values) (documentQuery, error) {
	q := documentQuery{after: values.Get("after"), limit: defaultPage, state: index.State(values.Get("state"))}
	if s := values.Get("limit"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > maxPage {
			return q, invalid("limit", "must be 1 to %d", maxPage)
		}
		q.limit = n
	}
	switch q.state {
	case "", index.Indexed, index.Failed:
	default:
		return q, invalid("state", "must be %s or %s", index.Indexed, index.Failed)
	}
	if s := values.Get("warnings"); s != "" {
		if s != "true" && s != "false" {
			return q, invalid("warnings", "must be true or false")
		}
		q.warnings = s == "true"
	}
	return q, nil
}

func (q *documentQuery) admits(row *index.Row) bool {
	return (q.state == "" || row.State == q.state) && (!q.warnings || len(row.Warnings) > 0)
}

// rows reads a page of the ledger, and where the next one begins; empty for the last. Of a ledger
// with few documents of the kind, a page may hold less than its limit, and none, although another
// follows.
func (g *Gateway) rows(ctx context.Context, q documentQuery) (rows []index.Row, next string, err error) {
	conflicts, err := g.conflicts(ctx)
	if err != nil {
		return nil, "", err
	}
	size := q.limit
	if q.state != "" || q.warnings {
		size = maxPage
	}
	after := q.after
	for range maxBatches {
		batch, err := g.index.Documents(ctx, after, size+1)
		if err != nil {
			return nil, "", err
		}
		for i := range batch {
			if len(rows) == q.limit {
				return rows, after, nil
			}
			after = batch[i].Document
			if warnings, found := conflicts[after]; found {
				batch[i].Warnings = warnings
			}
			if q.admits(&batch[i]) {
				rows = append(rows, batch[i])
			}
		}
		if len(batch) <= size {
			return rows, "", nil
		}
	}
	return rows, after, nil
}

// conflicts are all warnings of the documents whose metadata contradicts that of others. A document's row cannot have
// that warning, because the others are not known when it is written: the last run's report names the first of them.
func (g *Gateway) conflicts(ctx context.Context) (map[string]config.Warnings, error) {
	stats, err := g.index.Stats(ctx)
	if err != nil {
		return nil, err
	}
	conflicts := map[string]config.Warnings{}
	for _, d := range stats.Losses.WarnedDocuments {
		if d.Warnings.Has(config.MetadataConflict) {
			conflicts[d.Document] = d.Warnings
		}
	}
	return conflicts, nil
}

func newDocument(row *index.Row) Document {
	return Document{
		DocumentID:   row.Document,
		DocumentName: path.Base(row.Document),
		Source:       row.Source,
		Title:        row.Title,
		State:        row.State,
		Chunks:       row.Chunks,
		Truncated:    row.Truncated,
		Metadata:     row.Metadata,
		Reason:       row.Reason,
		Message:      row.Message,
		Attempts:     row.Attempts,
		Parked:       row.Parked(),
		Warnings:     row.Warnings,
		Updated:      row.Updated,
	}
}
