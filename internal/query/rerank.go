package query

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strings"

	"go.opentelemetry.io/otel/attribute"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/model"
)

// rerank orders the passages by the reranking model. When that fails they are left as they are.
func (s *Service) rerank(ctx context.Context, question string, passages []Passage, t *Times) error {
	texts := make([]string, len(passages))
	for i := range passages {
		texts[i] = passages[i].Embedded()
	}
	name := s.config.Models.Reranking.Name
	var ranking []model.Ranked
	var err error
	t.Reranking, err = stage(ctx, "rerank "+name, s.deadlines.Reranking,
		[]attribute.KeyValue{keyOperation.String("rerank"), keyModel.String(name), keyTopK.Int(len(texts))},
		func(ctx context.Context) (err error) {
			ranking, err = s.ranker.Rank(ctx, question, texts)
			return err
		})
	if err != nil {
		return failed(ctx, err, modelError(config.StageReranking, model.Reranking, name, err))
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
