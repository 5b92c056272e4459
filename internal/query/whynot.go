package query

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
)

// The outcomes of a document that has no chunk to look for.
const (
	OutcomeUnknown Outcome = "Unknown" // the ledger shows the caller no such document
	OutcomeFailed  Outcome = "Failed"  // it could not be read
	OutcomeNoText  Outcome = "NoText"  // it was read, and has no text
)

// The bounds of an Absence.
const (
	deepest     = 10_000 // is up to which rank it looks for chunks, and how many of the document it looks at
	maxPassages = 50     // is how many of the document's chunks it lists
)

// Absence tells why a document is not among the results of a search, or that it is.
type Absence struct {
	Document string `json:"document_id"`
	// Outcome is that of the chunk that came furthest, or else of the document.
	Outcome Outcome `json:"outcome"`
	Message string  `json:"message"` // says the same with its numbers, and what would change it
	// State is the document's in the ledger, and Reason why it failed; omitted if the ledger has no such document.
	State    index.State     `json:"state,omitempty"`
	Reason   config.Reason   `json:"reason,omitempty"`
	Warnings config.Warnings `json:"warnings,omitempty"` // list what of it is not in the index
	Chunks   int             `json:"chunks"`             // counts all
	// Passages are its chunks, at most 50, those that came furthest first.
	Passages []Candidate `json:"passages,omitempty"`
}

// absence tells where the ways of a document's chunks ended.
func (x *explainer) absence(ctx context.Context, of *Explain) (*Absence, error) {
	a := &Absence{Document: of.Document}
	if of.Row == nil {
		a.Outcome, a.Message = OutcomeUnknown, "the index has no such document; GET /v1/documents lists all, by identities "+
			"of the form <source>/<path>"
		return a, nil
	}
	a.State, a.Reason, a.Warnings, a.Chunks = of.Row.State, of.Row.Reason, of.Row.Warnings, len(of.Chunks)
	switch {
	case a.State == index.Failed:
		a.Outcome, a.Message = OutcomeFailed, fmt.Sprintf("the document failed: %s: %s", a.Reason, of.Row.Message)
		return a, nil
	case len(of.Chunks) == 0:
		a.Outcome, a.Message = OutcomeNoText, "the document was read, but no text was found in it"
		return a, nil
	}
	if err := x.deepen(ctx, of); err != nil {
		return nil, err
	}
	ids := slices.Clone(of.Chunks)
	slices.SortFunc(ids, func(one, other string) int { return further(x.ways[one], x.ways[other]) })
	var err error
	if a.Passages, err = x.candidates(ctx, ids[:min(len(ids), maxPassages)]); err != nil || len(a.Passages) == 0 {
		return a, err
	}
	best := &a.Passages[0]
	a.Outcome, a.Message = best.Outcome, x.sentence(best)
	return a, nil
}

// deepen finds out how the document's chunks rank beyond the candidates.
func (x *explainer) deepen(ctx context.Context, of *Explain) error {
	for _, id := range of.Chunks {
		if x.ways[id] == nil {
			x.ways[id] = &Candidate{Chunk: id, Outcome: OutcomeNoMatch}
		}
	}
	filter, document := x.record.search.filter, index.AnyOf(config.KeyDocument, of.Document)
	vector, keyword, err := x.again(ctx, deepest, document)
	if err != nil {
		return err
	}
	x.settle(OutcomeBelowCandidates, vector, keyword)
	if filter != nil {
		admittedVector, admittedKeyword, err := x.again(ctx, deepest, index.All(filter, document))
		if err != nil {
			return err
		}
		admitted := ranks(slices.Concat(admittedVector, admittedKeyword))
		for _, hit := range slices.Concat(vector, keyword) {
			if c := x.ways[hit.ID]; c != nil && admitted[hit.ID] == 0 && c.Outcome == OutcomeBelowCandidates {
				c.Outcome = OutcomeFiltered
			}
		}
	}
	allVector, allKeyword, err := x.again(ctx, deepest, filter)
	if err != nil {
		return err
	}
	x.rank(vector, ranks(allVector), func(c *Candidate) **Standing { return &c.Vector })
	x.rank(keyword, ranks(allKeyword), func(c *Candidate) **Standing { return &c.Keyword })
	return nil
}

// settle gives the outcome to the chunks that a retriever finds at all and that have none.
func (x *explainer) settle(outcome Outcome, retrievers ...[]index.Hit) {
	for _, hits := range retrievers {
		for _, hit := range hits {
			if c := x.ways[hit.ID]; c != nil && c.Outcome == OutcomeNoMatch {
				c.Outcome = outcome
			}
		}
	}
}

// rank gives the chunks of the hits their scores, and their places among all chunks, where they have none yet.
func (x *explainer) rank(hits []index.Hit, all map[string]int, standing func(*Candidate) **Standing) {
	for _, hit := range hits {
		if c := x.ways[hit.ID]; c != nil {
			if s := standing(c); *s == nil {
				*s = &Standing{Rank: all[hit.ID], Score: hit.Score}
			}
		}
	}
}

// ranks are the places of hits, from 1, by chunk.
func ranks(hits []index.Hit) map[string]int {
	at := make(map[string]int, len(hits))
	for i, hit := range hits {
		at[hit.ID] = i + 1
	}
	return at
}

// outcomes are those of chunks, the furthest first.
var outcomes = []Outcome{OutcomeFound, OutcomeBelowThreshold, OutcomeBelowTopN, OutcomeEqualText, OutcomeBelowK,
	OutcomeBelowCandidates, OutcomeFiltered, OutcomeNoMatch}

// further orders the ways of two chunks: first the one that came further, and of equals the better one.
func further(one, other *Candidate) int {
	return cmp.Or(
		cmp.Compare(slices.Index(outcomes, one.Outcome), slices.Index(outcomes, other.Outcome)),
		compareRanks(one.Reranking, other.Reranking),
		compareRanks(one.Fused, other.Fused),
		cmp.Compare(bestRank(one), bestRank(other)),
		strings.Compare(one.Chunk, other.Chunk))
}

func compareRanks(one, other *Standing) int { return cmp.Compare(rankOf(one), rankOf(other)) }

// bestRank is the better of a chunk's places in the retrievers.
func bestRank(c *Candidate) int { return min(rankOf(c.Vector), rankOf(c.Keyword)) }

// rankOf is a place, or one behind all that were looked at.
func rankOf(s *Standing) int {
	if s == nil || s.Rank == 0 {
		return deepest + 1
	}
	return s.Rank
}

// sentence tells where the way of a document's best chunk ended, and what would change that.
func (x *explainer) sentence(c *Candidate) string {
	q := &x.record.search
	last, order := c.Fused, "after the fusion"
	if c.Reranking != nil {
		last, order = c.Reranking, "after the reranking"
	}
	switch c.Outcome {
	case OutcomeFound:
		return fmt.Sprintf("the document is found: its best passage is result %d", c.Result)
	case OutcomeBelowThreshold:
		return fmt.Sprintf("its best passage has the score %.3f, which is below confidence_threshold %g", last.Score,
			x.threshold)
	case OutcomeBelowTopN:
		return fmt.Sprintf("its best passage is number %d %s, and the search returns %d: raise reranker_top_k, or "+
			"retrieval.topN in the spec", last.Rank, order, q.topN)
	case OutcomeEqualText:
		return fmt.Sprintf("its best passage has exactly the text of chunk %s, which stands for both", c.EqualTo)
	case OutcomeBelowK:
		return fmt.Sprintf("its best passage is number %d after the fusion, and %d go to the reranker: raise vdb_top_k, or "+
			"retrieval.k in the spec", c.Fused.Rank, q.k)
	case OutcomeBelowCandidates:
		return fmt.Sprintf("its best passage is %s, and each retriever gives %d candidates: ask in the document's words, "+
			"or raise vdb_top_k", places(c), max(minCandidates, q.k))
	case OutcomeFiltered:
		return "the filter does not admit the document; GET /v1/documents/{id} shows its metadata"
	}
	return "no passage of it has a word of the query, and no vectors were searched"
}

// places tells a chunk's places in both retrievers.
func places(c *Candidate) string {
	var all []string
	for _, leg := range []struct {
		name     string
		standing *Standing
	}{{"vector", c.Vector}, {"keyword", c.Keyword}} {
		switch {
		case leg.standing == nil:
		case leg.standing.Rank == 0:
			all = append(all, fmt.Sprintf("beyond number %d by %s", deepest, leg.name))
		default:
			all = append(all, fmt.Sprintf("number %d by %s", leg.standing.Rank, leg.name))
		}
	}
	return strings.Join(all, " and ")
}
