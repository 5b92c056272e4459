package query

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/model"
)

// rerank returns the n best of the passages by the reranking model.
func (s *Service) rerank(ctx context.Context, question string, passages []Passage, n int, t *Times) ([]Passage, error) {
	texts := make([]string, len(passages))
	for i := range passages {
		texts[i] = passages[i].Embedded()
	}
	var ranking []model.Ranked
	var err error
	t.Reranking, err = stage(ctx, "reranking", s.deadlines.Reranking, func(ctx context.Context) (err error) {
		ranking, err = s.ranker.Rank(ctx, question, texts)
		return err
	})
	if err != nil {
		return nil, failed(ctx, err, modelError(config.StageReranking, s.config.Models.Reranking.Name, err))
	}
	slices.SortFunc(ranking, func(a, b model.Ranked) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), strings.Compare(passages[a.Index].ID, passages[b.Index].ID))
	})
	public := publicScore(s.config.Models.Reranking.Protocol, ranking)
	best := make([]Passage, min(n, len(ranking)))
	for i := range best {
		best[i] = passages[ranking[i].Index]
		best[i].Logit, best[i].Score = &ranking[i].Score, public(ranking[i].Score)
	}
	return best, nil
}

// publicScore is what maps a ranking's scores, which come best first, into 0..1. A NIM gives logits. Of the servers
// that speak OpenAI's protocol some give logits too (llama.cpp), others a relevance that is in 0..1 already (vLLM).
func publicScore(p config.Protocol, ranking []model.Ranked) func(float64) float64 {
	if p == config.OpenAI && len(ranking) > 0 && ranking[0].Score <= 1 && ranking[len(ranking)-1].Score >= 0 {
		return func(relevance float64) float64 { return relevance }
	}
	return probability
}

// probability maps a reranker's logit into 0..1 as NVIDIA's RAG blueprint does, so that its users' thresholds carry
// over: the logistic of a tenth of it.
func probability(logit float64) float64 { return 1 / (1 + math.Exp(-0.1*logit)) }
