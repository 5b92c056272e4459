package query

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/vector"
)

// A question such as "And in 2023?" is found only with the questions before it, while one that
// stands on its own must not drown in them. So retrieval adds up two scores for each chunk: that for
// the newest question alone, and that for the conversation, with the weight conversationWeight. The
// reranker judges by the newest question alone; what the conversation adds is in the order of
// retrieval, and joinOrders weighs both orders. docs/retrieval.md has the measurements that these
// choices and the weight come from.
const conversationWeight = 0.5

// followUp reports whether questions precede this one in its conversation.
func (q *search) followUp() bool { return q.earlier != "" }

// embedded returns the texts whose vectors make the question's, in the order of vectorWeights.
func (q *search) embedded() []string {
	if !q.followUp() {
		return []string{q.question}
	}
	return []string{q.question, q.earlier + "\n" + q.question}
}

// sumOfVectors adds up the vectors of embedded, all normalised, the first with the weight 1. A cosine
// with the sum ranks like the weighted sum of the cosines.
func sumOfVectors(vectors [][]float32) []float32 {
	if len(vectors) == 1 {
		return vectors[0]
	}
	sum := vector.Unit(vectors[0])
	for _, v := range vectors[1:] {
		for i, x := range vector.Unit(v) {
			sum[i] += conversationWeight * x
		}
	}
	return sum
}

// keywordHits searches for the question and, less weighty, for the questions before it.
func (s *Service) keywordHits(ctx context.Context, q search) ([]index.Hit, error) {
	limit := max(minCandidates, q.k)
	hits, err := s.index.Keyword(ctx, q.question, limit, q.filter)
	if err != nil || !q.followUp() {
		return hits, err
	}
	earlier, err := s.index.Keyword(ctx, q.earlier, limit, q.filter)
	if err != nil {
		return nil, err
	}
	sum := sumOfHits(hits, earlier)
	return sum[:min(limit, len(sum))], nil
}

// sumOfHits adds the weighted scores of earlier to those of hits, best first, ties by id. BM25 is a sum
// over the words of the question, so the sum is the score for all words but for chunks that one of
// the lists is too short for.
func sumOfHits(hits, earlier []index.Hit) []index.Hit {
	sum := slices.Clone(hits)
	at := make(map[string]int, len(sum))
	for i := range sum {
		at[sum[i].ID] = i
	}
	for _, h := range earlier {
		h.Score *= conversationWeight
		if i, found := at[h.ID]; found {
			sum[i].Score += h.Score
		} else {
			sum = append(sum, h)
		}
	}
	slices.SortFunc(sum, func(a, b index.Hit) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), strings.Compare(a.ID, b.ID))
	})
	return sum
}

// joinOrders orders reranked passages by the sum of their reciprocal ranks in both orders. retrieved
// has the ids in the order of retrieval.
func joinOrders(retrieved []string, reranked []Passage) {
	value := make(map[string]float64, len(retrieved))
	for rank, id := range retrieved {
		value[id] += 1 / float64(1+rank)
	}
	for rank := range reranked {
		value[reranked[rank].ID] += 1 / float64(1+rank)
	}
	slices.SortStableFunc(reranked, func(a, b Passage) int { return cmp.Compare(value[b.ID], value[a.ID]) })
}
