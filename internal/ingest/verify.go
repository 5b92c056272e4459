package ingest

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/index"
)

const (
	// sampled is how many chunks must be found before a generation goes live.
	sampled = 10
	// candidates is how many each retriever returns for a question.
	candidates = 100
	// alike is the least difference between the cosines of the candidates that tells them apart.
	alike = 0.02
	// shortestSentence, in bytes, is what a first sentence needs to say something. A shorter one is joined with the next.
	shortestSentence = 40
)

// verify checks a generation before it goes live for the first time. The store must hold what the ledger says. Of ten
// chunks, picked by hash, the first sentence must find more than half, as a question would, and the vector retriever
// must find something. A chunk of an equal text counts as the same, and so does any where the model hardly tells a
// hundred chunks apart: a corpus of forms or of copies passes.
func (r *run) verify(ctx context.Context) error {
	if r.Searcher == nil {
		return nil
	}
	before, err := r.completeBefore(ctx)
	if err != nil || before {
		return err
	}
	documents, err := r.verifyCounts(ctx)
	if err != nil {
		return err
	}
	var missed []string // the places of the chunks that are not found
	empty, flat := len(documents) > 0, len(documents) > 0
	for _, document := range documents {
		c, err := r.chunkOf(ctx, document)
		if err != nil {
			return err
		}
		f, err := r.find(ctx, c)
		if err != nil {
			return fmt.Errorf("verify the index: %w", err)
		}
		if !f.byVector && !f.byKeyword {
			missed = append(missed, placeOf(c))
		}
		empty, flat = empty && f.empty, flat && f.flat
	}
	const remedy = "see that the embedding model and the vector store work, and build the generation again"
	switch {
	case flat:
		return fmt.Errorf("%w: the embedding model gives different texts the same vector; use another one", ErrVerification)
	case empty:
		return fmt.Errorf("%w: a search by vector finds nothing, for each of %d chunks; %s",
			ErrVerification, len(documents), remedy)
	case 2*len(missed) > len(documents):
		return fmt.Errorf("%w: %d of %d chunks are not found by their first sentences; the first is of %s; %s",
			ErrVerification, len(missed), len(documents), missed[0], remedy)
	}
	return nil
}

func placeOf(c *index.Chunk) string {
	if c.Page == 0 {
		return c.Document
	}
	return fmt.Sprintf("%s, page %d", c.Document, c.Page)
}

// verifyCounts compares the store with the ledger, and returns the documents of the chunks to look for, picked by hash.
func (r *run) verifyCounts(ctx context.Context) (documents []string, err error) {
	var said index.Stats // by the ledger
	picked := map[[sha256.Size]byte]string{}
	rows := &ledger{index: r.Index}
	_, err = rows.seek(ctx, pastAll, func(row index.Row) {
		if row.State != index.Indexed {
			said.FailedDocuments++
			return
		}
		said.Documents++
		said.Chunks += row.Chunks
		picked[sha256.Sum256([]byte(row.Document))] = row.Document
		if len(picked) > sampled {
			delete(picked, slices.MaxFunc(slices.Collect(maps.Keys(picked)), compareHashes))
		}
	})
	if err != nil {
		return nil, err
	}
	has, err := r.Index.Stats(ctx)
	switch want := r.Config.Generation.Embedding.Dimensions; {
	case err != nil:
		return nil, fmt.Errorf("the index cannot say what it holds: %w", err)
	case has.Documents != said.Documents || has.FailedDocuments != said.FailedDocuments || has.Chunks != said.Chunks:
		return nil, fmt.Errorf("%w: the store holds %d chunks of %d documents, and %d that failed; its ledger has "+
			"%d of %d, and %d; build the generation again", ErrVerification, has.Chunks, has.Documents, has.FailedDocuments,
			said.Chunks, said.Documents, said.FailedDocuments)
	case want != 0 && has.Dimensions != 0 && has.Dimensions != want:
		return nil, fmt.Errorf("%w: the vectors have %d dimensions, not %d: set spec.models.embedding.dimensions to what "+
			"the model gives", ErrVerification, has.Dimensions, want)
	}
	return slices.Sorted(maps.Values(picked)), nil
}

func compareHashes(a, b [sha256.Size]byte) int { return slices.Compare(a[:], b[:]) }

// chunkOf reads the chunk of the document whose id has the least hash.
func (r *run) chunkOf(ctx context.Context, document string) (*index.Chunk, error) {
	known, err := r.Index.Known(ctx, document)
	if err != nil {
		return nil, fmt.Errorf("the index cannot say what it has of %s: %w", document, err)
	}
	hash := func(id string) [sha256.Size]byte { return sha256.Sum256([]byte(id)) }
	ids := slices.SortedFunc(maps.Keys(known), func(a, b string) int { return compareHashes(hash(a), hash(b)) })
	if len(ids) == 0 {
		return nil, fmt.Errorf("%w: the store holds no chunk of %s; build the generation again", ErrVerification, document)
	}
	chunks, err := r.Searcher.Chunks(ctx, ids[:1])
	if err != nil {
		return nil, fmt.Errorf("the index cannot read a chunk of %s: %w", document, err)
	}
	if len(chunks) == 0 {
		return nil, fmt.Errorf("%w: a chunk of %s cannot be read; build the generation again", ErrVerification, document)
	}
	return &chunks[0], nil
}

// finding is how a chunk is found by its first sentence.
type finding struct {
	byVector, byKeyword bool
	// empty reports whether the vector retriever found nothing at all.
	empty bool
	// flat reports whether the vectors of many different texts are all the same.
	flat bool
}

// find looks for a chunk by its first sentence, as a question does.
func (r *run) find(ctx context.Context, c *index.Chunk) (f finding, err error) {
	sentence := firstSentence(c.Text)
	vector, err := r.Query(ctx, sentence)
	if err != nil {
		return f, err
	}
	byVector, err := r.Searcher.Vector(ctx, vector, candidates, nil)
	if err != nil {
		return f, err
	}
	byKeyword, err := r.Searcher.Keyword(ctx, sentence, candidates, nil)
	if err != nil {
		return f, err
	}
	same := func(hit index.Hit) bool { return is(hit, c) }
	f.byVector, f.byKeyword = slices.ContainsFunc(byVector, same), slices.ContainsFunc(byKeyword, same)
	if f.empty = len(byVector) == 0; f.empty {
		return f, nil
	}
	texts := map[uint64]bool{}
	for _, hit := range byVector {
		texts[hit.Digest] = true
	}
	spread := byVector[0].Score - byVector[len(byVector)-1].Score
	f.byVector = f.byVector || len(byVector) == candidates && spread <= alike
	f.flat = len(texts) >= sampled && spread < 1e-6
	return f, nil
}

// is reports whether the hit is the chunk, or one of an equal text.
func is(hit index.Hit, c *index.Chunk) bool {
	return hit.ID == c.ID || hit.Digest == index.Digest(c.Text)
}

// firstSentence is the text up to the end of its first sentence that is long enough; without one, all of it.
func firstSentence(text string) string {
	for i := range text {
		if i >= shortestSentence && (text[i] == ' ' || text[i] == '\n') && strings.ContainsRune(".!?。！？", rune(text[i-1])) {
			return text[:i]
		}
	}
	return text
}
