package gateway

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"maps"
	"mime"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ragpipeline/ragpipeline/internal/access"
	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/query"
)

// The paths of one document are documentsPath, its identity and, for its bytes or its chunks, a suffix.
const (
	documentsPath = "/v1/documents/"
	contentSuffix = "/content"
	chunksSuffix  = "/chunks"
)

// The values of contentHeader.
const (
	contentHeader = "X-Document-Content"
	original      = "original"  // the bytes whose hash the ledger has
	extracted     = "extracted" // the text in the index, because the gateway cannot get those bytes
)

// document answers GET /v1/documents/{id}, and with a suffix its parts. An identity has slashes, escaped
// or not, and may itself end in a suffix.
func (g *Gateway) document(x *exchange, r *http.Request) error {
	id := r.PathValue("id")
	if _, suffix, found := strings.Cut(r.Pattern, "{id}"); found {
		id += strings.Replace(suffix, "{page}", r.PathValue("page"), 1)
	}
	if of, page, found := cutPage(id); found {
		switch row, err := g.visible(r.Context(), of); {
		case err != nil:
			return err
		case row != nil:
			return g.picture(x, r, row, page)
		}
	}
	for suffix, part := range map[string]func(*exchange, *http.Request, *index.Row) error{
		contentSuffix: g.content, chunksSuffix: g.documentChunks,
	} {
		of, ok := strings.CutSuffix(id, suffix)
		if !ok {
			continue
		}
		switch row, err := g.visible(r.Context(), of); {
		case err != nil:
			return err
		case row != nil:
			return part(x, r, row)
		}
	}
	row, err := g.visible(r.Context(), id)
	switch {
	case err != nil:
		return err
	case row == nil:
		return notFound("UnknownDocument", "the index has no such document; GET /v1/documents lists all")
	}
	return x.sendJSON(newDocument(row))
}

// visible returns the row of a document that the caller may see, or else nil: package access decides that.
func (g *Gateway) visible(ctx context.Context, document string) (*index.Row, error) {
	row, err := g.index.Row(ctx, document)
	if err != nil {
		return nil, unavailable(err)
	}
	return row, nil
}

// content sends the document's bytes, or else its text. Neither is trusted: a browser saves it, and
// if it is made to show it, runs and loads nothing.
func (g *Gateway) content(x *exchange, r *http.Request, row *index.Row) error {
	name, kind, form := path.Base(row.Document), contentType(row.Document), original
	var body []byte
	release, err := g.held(x, r, func(ctx context.Context) (bytes int, err error) {
		body, err = g.inForm(ctx, r.URL.Query().Get("form"), row)
		if _, refused := errors.AsType[*Failure](err); err == nil || refused || r.Context().Err() != nil {
			return len(body), err
		}
		g.log.LogAttrs(ctx, slog.LevelDebug, "Document is sent as its text", slog.String("cause", err.Error()))
		name, kind, form = name+".txt", plainText, extracted
		body, err = g.text(r.Context(), row)
		return len(body), err
	})
	if err != nil {
		return err
	}
	defer release()
	access.Show(r.Context(), row.Document)
	h := x.Header()
	h.Set(contentHeader, form)
	h.Set("Content-Disposition", attachment(name))
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	h.Set("Cache-Control", "private, no-cache")
	return x.sendLarge(r, kind, body)
}

// held reads what the request asks for, and has room for its bytes until release.
func (g *Gateway) held(
	x *exchange, r *http.Request, get func(ctx context.Context) (bytes int, err error),
) (release func(), err error) {
	err = g.contents.read(r.Context(), func(ctx context.Context) error {
		bytes, err := get(ctx)
		if err != nil {
			return err
		}
		release, err = g.contents.hold(r.Context(), cmp.Or(x.client(), x.address), int64(bytes))
		return err
	})
	return release, err
}

// inForm returns the original, unless the caller asks for the text.
func (g *Gateway) inForm(ctx context.Context, form string, row *index.Row) ([]byte, error) {
	switch form {
	case "", original:
		return g.original(ctx, row)
	case extracted:
		return nil, errTextWanted
	}
	return nil, invalid("form", "must be %s or %s", original, extracted)
}

// original returns the bytes whose hash the ledger has.
func (g *Gateway) original(ctx context.Context, row *index.Row) ([]byte, error) {
	if g.originals == nil || row.Hash == "" {
		return nil, errOutOfReach
	}
	return g.originals(ctx, row, maxOriginal)
}

var errTextWanted = errors.New("the caller asks for the text")

var errOutOfReach = errors.New("the gateway does not reach the document's source")

// sendLarge answers 200 in pieces, each within writeDeadline.
func (x *exchange) sendLarge(r *http.Request, contentType string, body []byte) error {
	x.Header().Set("Content-Type", contentType)
	x.Header().Set("Content-Length", strconv.Itoa(len(body)))
	x.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return nil
	}
	until := time.Now().Add(contentTime)
	for piece := range slices.Chunk(body, 1<<20) {
		if time.Now().After(until) {
			return context.DeadlineExceeded // the connection ends, since the reply is shorter than announced
		}
		if err := x.flush(piece); err != nil {
			return err
		}
	}
	return nil
}

// text is the document's text as the index has it, a form feed between two pages.
func (g *Gateway) text(ctx context.Context, row *index.Row) ([]byte, error) {
	if row.State != index.Indexed {
		return nil, notFound("NoContent", "the document failed, so the index has no text of it, and its source does not "+
			"give its bytes; GET /v1/documents/{id} has the reason")
	}
	chunks, err := g.chunksOf(ctx, row)
	if err != nil {
		return nil, err
	}
	return []byte(joined(chunks)), nil
}

// chunksOf returns a document's chunks in their order in the text.
func (g *Gateway) chunksOf(ctx context.Context, row *index.Row) ([]index.Chunk, error) {
	known, err := g.index.Known(ctx, row.Document)
	if err != nil {
		return nil, unavailable(err)
	}
	chunks, err := g.index.Chunks(ctx, slices.Sorted(maps.Keys(known)))
	if err != nil {
		return nil, unavailable(err)
	}
	slices.SortFunc(chunks, func(a, b index.Chunk) int {
		return cmp.Or(cmp.Compare(a.Page, b.Page), cmp.Compare(a.Start, b.Start), cmp.Compare(a.End, b.End))
	})
	return chunks, nil
}

// DocumentChunks is the body of GET /v1/documents/{id}/chunks.
type DocumentChunks struct {
	TotalChunks int             `json:"total_chunks"`
	Chunks      []DocumentChunk `json:"chunks"` // holds the first maxChunks, in their order in the text
}

// DocumentChunk is a part of a document as it is retrieved and cited.
type DocumentChunk struct {
	ChunkID    string `json:"chunk_id"`
	Content    string `json:"content"`
	Heading    string `json:"heading,omitempty"`     // is a path, joined by " > "
	PageNumber int    `json:"page_number,omitempty"` // counts from 1; is omitted if the format has no pages
	PageKind   string `json:"page_kind,omitempty"`   // is page or slide
	Start      int    `json:"start"`                 // counts code points of the page's text
	End        int    `json:"end"`
}

// maxChunks bounds a list of chunks: some 2 MB.
const maxChunks = 1000

// documentChunks sends a document's chunks; a document that failed has none.
func (g *Gateway) documentChunks(x *exchange, r *http.Request, row *index.Row) error {
	chunks, err := g.chunksOf(r.Context(), row)
	if err != nil {
		return err
	}
	body := DocumentChunks{TotalChunks: len(chunks), Chunks: []DocumentChunk{}}
	for _, c := range chunks[:min(len(chunks), maxChunks)] {
		body.Chunks = append(body.Chunks, DocumentChunk{
			ChunkID: c.ID, Content: c.Text, Heading: c.Heading, PageNumber: c.Page,
			PageKind: pageKind(&query.Passage{Chunk: c}), Start: c.Start, End: c.End,
		})
	}
	return x.sendJSON(body)
}

// joined puts the chunks of a document together without what consecutive ones have in common. A chunk
// of a table is more than its place in the text, since it begins with the header, and stays whole.
func joined(chunks []index.Chunk) string {
	var b strings.Builder
	page, end := 0, 0
	for i, c := range chunks {
		switch {
		case i == 0:
		case c.Page != page:
			b.WriteString("\n\f")
		case c.Start > end:
			b.WriteString("\n")
		}
		if i == 0 || c.Page != page {
			page, end = c.Page, 0
		}
		text := c.Text
		if common := min(end, c.End) - c.Start; common > 0 && utf8.RuneCountInString(text) == c.End-c.Start {
			text = string([]rune(text)[common:])
		}
		b.WriteString(text)
		end = max(end, c.End)
	}
	return b.String()
}

// attachment is a Content-Disposition that has a browser save the reply under the name.
func attachment(name string) string {
	disposition := mime.FormatMediaType("attachment", map[string]string{"filename": name})
	return cmp.Or(disposition, "attachment")
}

// contentType is the type of a document by its name. No other is told: a browser must not take a
// document for a page of this gateway.
func contentType(name string) string {
	switch strings.ToLower(path.Ext(name)) {
	case ".pdf":
		return "application/pdf"
	case ".txt", ".md", ".csv":
		return plainText
	case ".json":
		return "application/json"
	case ".docx":
		return "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
	case ".pptx":
		return "application/vnd.openxmlformats-officedocument.presentationml.presentation"
	case ".xlsx":
		return "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	}
	return "application/octet-stream"
}
