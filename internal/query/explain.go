package query

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"unicode"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
)

// Explain asks a search how it found what it found, and why a document is not among that.
type Explain struct {
	// Document is the identity of the document that is asked about; empty for none.
	Document string
	// Row is its row in the ledger; nil if the ledger shows the caller none.
	Row *index.Row
	// Chunks are the ids of its chunks.
	Chunks []string
}

// maxExplained is how many candidates an Explanation lists at least, if the search had as many.
const maxExplained = 100

// Explanation tells how a search went: what each retriever and stage made of each candidate. It is also the JSON that
// the gateway sends.
type Explanation struct {
	Mode config.Mode `json:"mode"`
	// Alpha is the weight of the vector retriever in the fusion: 0 or 1 if only one retriever found anything.
	Alpha     float64 `json:"alpha"`
	K         int     `json:"k"`         // is how many candidates could go on to the reranker
	TopN      int     `json:"top_n"`     // is how many passages the search could return
	Threshold float64 `json:"threshold"` // is the lowest score that it could return
	Reranked  bool    `json:"reranked"`  // reports whether the reranker decided on the order
	// Words are those of the query that the keyword retriever looks for. It ignores articles and the like.
	Words   []string `json:"words"`
	Vector  *Leg     `json:"vector,omitempty"`  // is omitted if the mode has no vector retriever
	Keyword *Leg     `json:"keyword,omitempty"` // is omitted if the mode has no keyword retriever
	// EqualTexts counts the candidates whose text is exactly that of a better one, which stands for them.
	EqualTexts int `json:"equal_texts"`
	// Candidates are in the order of the fusion: all that could go on to the reranker, and of the others so many that
	// there are a hundred. TotalCandidates counts all.
	Candidates      []Candidate `json:"candidates"`
	TotalCandidates int         `json:"total_candidates"`
	// Document tells of the document that the caller asks about.
	Document *Absence `json:"document,omitempty"`
}

// Leg is what one retriever did.
type Leg struct {
	Limit      int `json:"limit"`      // is how many candidates it could give
	Candidates int `json:"candidates"` // is how many it gave
	// Removed counts the chunks that the caller's filter kept from being among its candidates.
	Removed int `json:"removed_by_filter"`
}

// Candidate is a chunk on its way through a search.
type Candidate struct {
	Document   string `json:"document_id"`
	Chunk      string `json:"chunk_id"`
	Title      string `json:"title"`
	Heading    string `json:"heading,omitempty"`
	PageNumber int    `json:"page_number,omitempty"` // counts from 1; is omitted if the format has no pages
	Excerpt    string `json:"excerpt"`               // is the beginning of its text
	// Outcome is where its way ended.
	Outcome Outcome `json:"outcome"`
	// Result is its place among the results, from 1; it is omitted if it is not one of them.
	Result int `json:"result,omitempty"`
	// EqualTo is the chunk that stands for it, if their texts are equal.
	EqualTo   string    `json:"equal_to,omitempty"`
	Vector    *Standing `json:"vector,omitempty"`    // is by cosine similarity
	Keyword   *Standing `json:"keyword,omitempty"`   // is by BM25
	Fused     *Standing `json:"fused,omitempty"`     // is from 0 to 1, among different texts
	Reranking *Standing `json:"reranking,omitempty"` // is from 0 to 1
	// Words are those of Explanation.Words that occur in it.
	Words []string `json:"matched_words"`
}

// Standing is a chunk's place in the order of a stage.
type Standing struct {
	Rank  int      `json:"rank,omitempty"` // counts from 1; is omitted if the rank is beyond what was looked at
	Score float64  `json:"score"`
	Logit *float64 `json:"logit,omitempty"` // is the reranker's own score
}

// Outcome is where the way of a chunk, or of all chunks of a document, ended.
type Outcome string

// The outcomes of a chunk, from the end of its way to the beginning.
const (
	OutcomeFound           Outcome = "Found"           // it is a result
	OutcomeBelowThreshold  Outcome = "BelowThreshold"  // its score is less than the caller's threshold
	OutcomeBelowTopN       Outcome = "BelowTopN"       // more than topN were better
	OutcomeEqualText       Outcome = "EqualText"       // another chunk with the same text stands for it
	OutcomeBelowK          Outcome = "BelowK"          // the fusion put more than k before it, so it was not reranked
	OutcomeBelowCandidates Outcome = "BelowCandidates" // no retriever had it among its candidates
	OutcomeFiltered        Outcome = "Filtered"        // the caller's filter does not admit it
	OutcomeNoMatch         Outcome = "NoMatch"         // no retriever finds it at all
)

// record is what an explained search leaves behind.
type record struct {
	search          search
	vector, keyword []index.Hit
	fused           []index.Fused
	alpha           float64
	// reranked has all candidates in the reranker's order; it is nil without a reranking.
	reranked []Passage
}

// explain tells how the search went that left the record.
func (s *Service) explain(ctx context.Context, r SearchRequest, found []Passage, t *record) (*Explanation, error) {
	e := &Explanation{
		Mode: s.config.Retrieval.Mode, Alpha: t.alpha, K: t.search.k, TopN: t.search.topN, Threshold: r.Threshold,
		Reranked: t.reranked != nil, Words: []string{}, TotalCandidates: len(t.fused), Candidates: []Candidate{},
	}
	x := &explainer{service: s, record: t, threshold: r.Threshold, words: wordsOf(r.Query)}
	for _, w := range x.words {
		e.Words = append(e.Words, w.shown)
	}
	if err := x.legs(ctx, e); err != nil {
		return nil, err
	}
	e.EqualTexts = x.follow(found)
	ids := make([]string, 0, min(len(t.fused), max(t.search.k, maxExplained)))
	for _, f := range t.fused[:cap(ids)] {
		ids = append(ids, f.ID)
	}
	var err error
	if e.Candidates, err = x.candidates(ctx, ids); err != nil || r.Explain.Document == "" {
		return e, err
	}
	e.Document, err = x.absence(ctx, r.Explain)
	return e, err
}

// explainer explains one search.
type explainer struct {
	service   *Service
	record    *record
	threshold float64
	words     []word
	ways      map[string]*Candidate // are by chunk
}

// legs tells what each retriever did, and searches once more without the filter to learn what that removed.
func (x *explainer) legs(ctx context.Context, e *Explanation) error {
	t := x.record
	limit := max(minCandidates, t.search.k)
	if e.Mode != config.Keyword {
		e.Vector = &Leg{Limit: limit, Candidates: len(t.vector)}
	}
	if e.Mode != config.Vector {
		e.Keyword = &Leg{Limit: limit, Candidates: len(t.keyword)}
	}
	if t.search.filter == nil {
		return nil
	}
	vector, keyword, err := x.again(ctx, t.search.k, nil)
	if e.Vector != nil {
		e.Vector.Removed = without(vector, t.vector)
	}
	if e.Keyword != nil {
		e.Keyword.Removed = without(keyword, t.keyword)
	}
	return err
}

// without counts the hits that are not among the others.
func without(hits, others []index.Hit) int {
	at, n := ranks(others), 0
	for _, h := range hits {
		if at[h.ID] == 0 {
			n++
		}
	}
	return n
}

// again runs the search's retrievers for other chunks than it looked at, and with another limit.
func (x *explainer) again(ctx context.Context, limit int, f *index.Filter) (vector, keyword []index.Hit, err error) {
	q := x.record.search
	q.k, q.filter, q.record = limit, f, nil
	vector, keyword, _, err = x.service.candidates(ctx, q, &Times{})
	return vector, keyword, err
}

// follow finds out where the way of each candidate ended, and counts those that an equal text stands for.
func (x *explainer) follow(found []Passage) (equal int) {
	t := x.record
	x.ways = make(map[string]*Candidate, len(t.fused))
	first, distinct := make(map[uint64]*Candidate, len(t.fused)), 0
	for _, f := range t.fused {
		c := &Candidate{Chunk: f.ID, Outcome: OutcomeBelowK}
		if better := first[f.Digest]; better != nil {
			c.Outcome, c.EqualTo, c.Fused = OutcomeEqualText, better.Chunk, &Standing{Rank: better.Fused.Rank, Score: f.Score}
			equal++
		} else {
			distinct++
			c.Fused = &Standing{Rank: distinct, Score: f.Score}
			first[f.Digest] = c
			if t.reranked == nil {
				c.Outcome = x.cut(distinct, f.Score)
			}
		}
		x.ways[f.ID] = c
	}
	for i := range t.reranked {
		p := &t.reranked[i]
		if c := x.ways[p.ID]; c != nil {
			c.Reranking = &Standing{Rank: i + 1, Score: p.Score, Logit: p.Logit}
			c.Outcome = x.cut(i+1, p.Score)
		}
	}
	for i := range found {
		if c := x.ways[found[i].ID]; c != nil {
			c.Outcome, c.Result = OutcomeFound, i+1
		}
	}
	x.stand(t.vector, func(c *Candidate, s *Standing) { c.Vector = s })
	x.stand(t.keyword, func(c *Candidate, s *Standing) { c.Keyword = s })
	return equal
}

// cut is the outcome of a candidate that the last stage put in that place, and that is not a result.
func (x *explainer) cut(place int, score float64) Outcome {
	if place <= x.record.search.topN && score < x.threshold {
		return OutcomeBelowThreshold
	}
	return OutcomeBelowTopN
}

// stand notes the places of a retriever's hits.
func (x *explainer) stand(hits []index.Hit, note func(*Candidate, *Standing)) {
	for i, h := range hits {
		if c := x.ways[h.ID]; c != nil {
			note(c, &Standing{Rank: i + 1, Score: h.Score})
		}
	}
}

// candidates are the ways of the chunks, in the order of ids, with what the chunks are. A chunk that has gone since
// is left out.
func (x *explainer) candidates(ctx context.Context, ids []string) ([]Candidate, error) {
	all := make([]Candidate, 0, len(ids))
	if len(ids) == 0 {
		return all, nil
	}
	_, err := x.service.searchIndex(ctx, "retrieval explain", len(ids), func(ctx context.Context) error {
		chunks, err := x.service.index.Chunks(ctx, ids)
		for i := range chunks {
			all = append(all, x.describe(&chunks[i]))
		}
		return err
	})
	return all, err
}

// describe is the way of a chunk with what the chunk is.
func (x *explainer) describe(chunk *index.Chunk) Candidate {
	c := *x.ways[chunk.ID]
	c.Document, c.Title, c.Heading = chunk.Document, chunk.Title, chunk.Heading
	c.PageNumber, c.Excerpt, c.Words = chunk.Page, excerpt(chunk.Text), []string{}
	terms := termsOf(chunk.Embedded())
	for _, w := range x.words {
		if terms[w.term] {
			c.Words = append(c.Words, w.shown)
		}
	}
	return c
}

// excerptLength is how many code points of a chunk's text an explanation has.
const excerptLength = 160

// excerpt is the beginning of a text in one line.
func excerpt(text string) string {
	runes := []rune(strings.Join(strings.Fields(text), " "))
	if len(runes) <= excerptLength {
		return string(runes)
	}
	return string(runes[:excerptLength-1]) + "…"
}

// word is a word of a query as it was written, and the term that the keyword retriever makes of it.
type word struct{ shown, term string }

// wordsOf are the words of a query, each once. One of several terms, such as an identifier, is shown as its terms.
func wordsOf(query string) []word {
	words := []word{}
	for written := range strings.FieldsSeq(query) {
		terms := index.Analyse(written)
		for _, term := range terms {
			if slices.ContainsFunc(words, func(w word) bool { return w.term == term }) {
				continue
			}
			shown := term
			if len(terms) == 1 {
				shown = cmp.Or(strings.TrimFunc(written, func(r rune) bool {
					return !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsDigit(r)
				}), term)
			}
			words = append(words, word{shown, term})
		}
	}
	return words
}
