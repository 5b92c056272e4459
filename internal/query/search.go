package query

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/access"
	"github.com/ragpipeline/ragpipeline/internal/config"
)

// Search finds the passages that answer a question best, without asking the LLM.
func (s *Service) Search(ctx context.Context, r SearchRequest) (*SearchResult, error) {
	started := time.Now()
	result := &SearchResult{}
	var seen *record
	if r.Explain != nil {
		seen = &record{}
	}
	err := s.searchInto(ctx, r, result, seen)
	result.Times.Total = time.Since(started)
	s.metrics.count(result.Passages, result.Warnings, &result.Times, err)
	if err == nil && seen != nil {
		result.Explanation, err = s.explain(ctx, r, result.Passages, seen)
	}
	if err != nil {
		return nil, err
	}
	show(ctx, result.Passages)
	if e := result.Explanation; e != nil {
		for _, c := range e.Candidates {
			access.Show(ctx, c.Document)
		}
		if e.Document != nil && len(e.Document.Passages) > 0 {
			access.Show(ctx, e.Document.Document)
		}
	}
	return result, nil
}

func (s *Service) searchInto(ctx context.Context, r SearchRequest, result *SearchResult, seen *record) error {
	q, err := s.searchOf(r)
	if err != nil {
		return err
	}
	if seen != nil {
		seen.search = q
		q.record = seen
	}
	result.Passages, result.Warnings, err = s.find(ctx, q, &result.Times)
	headFor(result.Passages, q.question)
	if err != nil {
		return err
	}
	result.Passages = atLeast(result.Passages, r.Threshold)
	if len(result.Passages) == 0 && r.Filter != nil {
		result.Warnings = append(result.Warnings, Warning{config.StageIndex, config.NoPassages,
			noPassages(r.Filter)})
	}
	return nil
}

// Probe runs one retrieval, uncounted, and returns an error if a question could not be answered.
// Finding nothing is not an error.
func (s *Service) Probe(ctx context.Context) error {
	q := search{question: "Is the index ready?", k: s.config.Retrieval.K, topN: s.config.Retrieval.TopN}
	_, _, err := s.retrieve(ctx, q, &Times{})
	return err
}

// find retrieves, reranks where there is a reranker, and cuts to topN. It is what search and answer
// share.
func (s *Service) find(ctx context.Context, q search, t *Times) ([]Passage, []Warning, error) {
	q.rerank = q.rerank && s.ranker != nil
	q.begin(config.StageIndex, 0)
	passages, warnings, err := s.retrieve(ctx, q, t)
	if err != nil {
		return nil, nil, err
	}
	suspect, err := s.suspects(ctx, q.filter)
	if err != nil {
		return nil, nil, err
	}
	warnings = append(warnings, suspect...)
	if q.rerank && len(passages) > 0 {
		q.begin(config.StageReranking, len(passages))
		best, err := s.rerank(ctx, q, passages, t)
		if err == nil {
			return best, warnings, nil
		}
		failure, degraded := s.degrades(err, config.StageReranking, s.config.FailurePolicy.Reranking)
		if !degraded {
			return nil, nil, err
		}
		warnings = append(warnings, failure.warning("the passages are in the order of retrieval"))
	}
	return passages[:min(len(passages), q.topN)], warnings, nil
}

// degrades reports whether err is a failure of the stage for which the policy is a degraded reply.
func (s *Service) degrades(err error, stage config.Stage, policy config.Policy) (*StageError, bool) {
	failure, ok := errors.AsType[*StageError](err)
	if !ok || failure.Stage != stage || policy != config.Degrade {
		return nil, false
	}
	return failure, true
}

// searchOf checks the request and fills in the pipeline's numbers.
func (s *Service) searchOf(r SearchRequest) (search, error) {
	if err := checkQuestion("query", r.Query); err != nil {
		return search{}, err
	}
	if r.K < 0 || r.K > MaxK {
		return search{}, &Invalid{Field: "vdb_top_k",
			Message: fmt.Sprintf("must be 1 to %d, or 0 for the pipeline's own", MaxK)}
	}
	if r.TopN < 0 || r.TopN > MaxTopN {
		return search{}, &Invalid{Field: "reranker_top_k",
			Message: fmt.Sprintf("must be 1 to %d, or 0 for the pipeline's own", MaxTopN)}
	}
	if r.K > 0 && r.TopN > r.K {
		return search{}, &Invalid{Field: "reranker_top_k", Message: "must not be more than vdb_top_k"}
	}
	if !(r.Threshold >= 0 && r.Threshold <= 1) {
		return search{}, &Invalid{Field: "confidence_threshold", Message: "must be 0 to 1"}
	}
	k, topN := cmp.Or(r.K, s.config.Retrieval.K), cmp.Or(r.TopN, s.config.Retrieval.TopN)
	switch { // one of them was asked for and the other is the pipeline's: the caller's holds
	case topN > k && r.TopN > 0:
		k = topN
	case topN > k:
		topN = k
	}
	return search{question: r.Query, k: k, topN: topN, rerank: !r.NoRerank, filter: r.Filter}, nil
}

func checkQuestion(field, question string) error {
	if isBlank(question) {
		return &Invalid{Field: field, Message: "the question is empty"}
	}
	if len(question) > MaxQuestion {
		return &Invalid{Field: field, TooLong: true,
			Message: fmt.Sprintf("the question has %d bytes; at most %d are taken", len(question), MaxQuestion)}
	}
	return nil
}

func atLeast(passages []Passage, threshold float64) []Passage {
	kept := passages[:0]
	for _, p := range passages {
		if p.Score >= threshold {
			kept = append(kept, p)
		}
	}
	return kept
}
