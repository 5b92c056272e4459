package ingest

import (
	"context"
	"crypto/sha256"
	"errors"
	"path"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract"
	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/split"
)

// Limits, in code points, on what a chunk's context may take of the embedding model's input. A title or a
// heading beyond them is body text that was styled as one.
const (
	maxTitle   = 200
	maxHeading = 300
)

// chunks splits the document page by page: a page is a hard boundary. A document of too many chunks fails, and is not
// split further than that takes.
func (r *run) chunks(ctx context.Context, d *document, text *extract.Document) ([]index.Vectored, error) {
	limit := r.Config.Limits.Chunks
	if r.fewest(text) > limit {
		return nil, tooManyChunks(d, limit)
	}
	var chunks []index.Vectored
	id := r.ids.of(d.id)
	headings := &outline{pages: text.Pages}
	for p, page := range text.Pages {
		pieces, err := r.Splitter.SplitWithin(ctx, limit-len(chunks), page.Text, tables(page)...)
		if errors.Is(err, split.ErrTooMany) {
			return nil, tooManyChunks(d, limit)
		}
		if err != nil {
			return nil, err
		}
		for _, piece := range pieces {
			if strings.TrimSpace(piece.Text) == "" {
				continue // at size 1 a chunk may be a space, as LangChain's may
			}
			first := heading(headings.at(p, piece.Start), d.row.Title)
			c := index.Chunk{
				Document: d.id,
				Source:   d.origin.name,
				Title:    d.row.Title,
				Heading:  first,
				Text:     piece.Text,
				Page:     page.Number,
				Start:    piece.Start,
				End:      piece.End,
				Metadata: d.row.Metadata,
				Layout:   layout(headings, p, page, piece, first, d.row.Title),
			}
			c.ID = id(c.Embedded())
			chunks = append(chunks, index.Vectored{Chunk: c})
		}
	}
	return chunks, nil
}

// fewest is a number of chunks that the text cannot have less than, found without splitting it.
func (r *run) fewest(text *extract.Document) int {
	const longestToken = 128 // bytes
	chunking := r.Config.Generation.Chunking
	n := 0
	for _, page := range text.Pages {
		if chunking.Unit == config.Tokens {
			n += len(page.Text) / longestToken / max(chunking.Size, 1)
		} else {
			n += utf8.RuneCountInString(page.Text) / max(chunking.Size, 1)
		}
	}
	return n
}

// tooManyChunks fails the document, and has the ledger record the limit with the failure: under another limit it is
// tried again.
func tooManyChunks(d *document, limit int) error {
	d.row.Attributes = overLimit(d.origin, limit)
	return config.Failf(config.TooLarge,
		"it has more than %d chunks, the limit of a document: split it, or raise spec.ingest.limits.chunks", limit)
}

// overLimit is the Attributes of a row whose document has more chunks than the limit.
func overLimit(o *origin, limit int) string { return config.Hash([]any{o.attributes, limit}) }

// tables are the page's tables as the splitter takes them.
func tables(page extract.Page) []split.Table {
	tables := make([]split.Table, len(page.Tables))
	for i, t := range page.Tables {
		tables[i] = split.Table(t)
	}
	return tables
}

// title is what the document calls itself, else its file name, extension included, as citations show it.
func title(text *extract.Document, name string) string {
	if t := strings.TrimSpace(text.Title); t != "" {
		return clip(t, maxTitle)
	}
	return clip(path.Base(name), maxTitle)
}

// heading joins a heading path. A first heading that repeats the title would say it twice.
func heading(headings []string, title string) string {
	if len(headings) > 0 && headings[0] == title {
		headings = headings[1:]
	}
	return clip(strings.Join(headings, " > "), maxHeading)
}

// clip cuts s to n code points.
func clip(s string, n int) string {
	if len(s) <= n || utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}

// ids makes the ids of a pipeline's chunks.
type ids struct{ pipeline uuid.UUID }

// namespace is this project's own, for UUIDv5 (RFC 9562, section 5.5).
var namespace = uuid.MustParse("7d1c3b52-6f0e-4f0b-9a55-3c0f5d1b8e27")

func newIDs(p config.Pipeline) ids {
	return ids{uuid.NewSHA1(namespace, []byte(p.String()))}
}

// of returns the function that makes a document's chunk ids: UUIDv5 of (pipeline, document, hash of the
// embedded text, how often that text came before in the document). So an id follows its text wherever it moves,
// and any step may be repeated.
func (i ids) of(document string) func(embedded string) string {
	space := uuid.NewSHA1(i.pipeline, []byte(document))
	seen := map[[sha256.Size]byte]int{}
	return func(embedded string) string {
		sum := sha256.Sum256([]byte(embedded))
		occurrence := seen[sum]
		seen[sum]++
		return uuid.NewSHA1(space, strconv.AppendInt(sum[:], int64(occurrence), 10)).String()
	}
}
