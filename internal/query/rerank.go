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

// rerank orders the passages by the reranking model. When that fails they are left as they are.
func (s *Service) rerank(ctx context.Context, question string, passages []Passage, t *Times) error {
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
		return failed(ctx, err, modelError(config.StageReranking, model.Reranking, s.config.Models.Reranking.Name, err))
	}
	for _, r := range ranking {
		passages[r.Index].Logit = &r.Score
		passages[r.Index].Score = probability(r.Score)
	}
	slices.SortStableFunc(passages, func(a, b Passage) int {
		return cmp.Or(cmp.Compare(*b.Logit, *a.Logit), strings.Compare(a.ID, b.ID))
	})
	return nil
}

// probability maps a reranker's logit into 0..1 as NVIDIA's RAG blueprint does, so that its users' thresholds carry
// over: the logistic of a tenth of it.
func probability(logit float64) float64 { return 1 / (1 + math.Exp(-0.1*logit)) }
