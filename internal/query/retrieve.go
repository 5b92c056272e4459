package query

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"math"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/model"
)

// minCandidates is how many candidates each retriever fetches at least: normalisation needs more
// than the few that are kept.
const minCandidates = 100

// search is what retrieval and reranking are asked for.
type search struct {
	question string
	k, topN  int
	rerank   bool
	filter   index.Filter
}

// retrieve finds the question's candidates, best first by fused score: k of them when they go on to
// a reranking, else topN.
func (s *Service) retrieve(ctx context.Context, q search, t *Times) ([]Passage, []Warning, error) {
	start := time.Now()
	defer func() { t.Retrieval = time.Since(start) }()

	vector, keyword, warnings, err := s.candidates(ctx, q, t)
	if err != nil {
		return nil, nil, err
	}
	keep := q.topN
	if q.rerank {
		keep = q.k
	}
	passages, err := s.fetch(ctx, collapse(index.Fuse(vector, keyword, s.alpha(vector, keyword)), keep), t)
	if err == nil && !slices.ContainsFunc(warnings, func(w Warning) bool { return w.Code == config.DimensionMismatch }) {
		s.dimensionMismatch.Store(false)
		s.report(config.StageIndex, nil)
	}
	return passages, warnings, err
}

// alpha is the vector retriever's weight: the pipeline's, unless only one retriever has found
// anything.
func (s *Service) alpha(vector, keyword []index.Hit) float64 {
	switch {
	case len(keyword) == 0:
		return 1
	case len(vector) == 0:
		return 0
	}
	return s.config.Retrieval.Alpha
}

// candidates runs the retrievers of the mode.
func (s *Service) candidates(ctx context.Context, q search,
	t *Times) (vector, keyword []index.Hit, warnings []Warning, err error) {
	switch s.config.Retrieval.Mode {
	case config.Vector:
		vector, err = s.vector(ctx, q, t)
	case config.Keyword:
		keyword, t.Keyword, err = s.keyword(ctx, q)
	default:
		return s.hybrid(ctx, q, t)
	}
	return vector, keyword, nil, err
}

// hybrid runs the keyword retriever while the question is being embedded. If embedding fails and
// the policy allows it, the result is the keyword retriever's alone.
func (s *Service) hybrid(ctx context.Context, q search,
	t *Times) (vector, keyword []index.Hit, warnings []Warning, err error) {
	keywordCtx, cancel := context.WithCancel(ctx)
	defer cancel()
	keywordHits := start(func() (r retrieverResult) {
		r.hits, r.took, r.err = s.keyword(keywordCtx, q)
		return r
	})

	vector, err = s.vector(ctx, q, t)
	failure, degraded := s.degrades(err, config.StageEmbedding, s.config.FailurePolicy.Embedding)
	if err != nil && !degraded {
		cancel()
		keywordHits()
		return nil, nil, nil, err
	}
	if degraded {
		warnings = append(warnings, failure.warning("the passages were found by keyword only"))
	}
	r := keywordHits()
	t.Keyword = r.took
	return vector, r.hits, warnings, r.err
}

type retrieverResult struct {
	hits     []index.Hit
	took     time.Duration
	err      error
	panicked any
}

// start runs do in a goroutine of its own and returns a function that waits for its result. A panic
// of do is raised again in the goroutine that waits, where the request's own recovery meets it.
func start(do func() retrieverResult) (wait func() retrieverResult) {
	done := make(chan retrieverResult, 1)
	go func() {
		var r retrieverResult
		defer func() {
			r.panicked = recover()
			done <- r
		}()
		r = do()
	}()
	return func() retrieverResult {
		r := <-done
		if r.panicked != nil {
			panic(r.panicked)
		}
		return r
	}
}

// vector embeds the question and searches by it.
func (s *Service) vector(ctx context.Context, q search, t *Times) (hits []index.Hit, err error) {
	key := sha256.Sum256([]byte(q.question))
	vector, kept := s.vectors.Get(key)
	if !kept {
		if vector, err = s.embed(ctx, q.question, t); err != nil {
			return nil, err
		}
	}
	t.Vector, err = s.searchIndex(ctx, "retrieval vector", q.k, func(ctx context.Context) (err error) {
		hits, err = s.index.Vector(ctx, vector, max(minCandidates, q.k), q.filter)
		return err
	})
	if err == nil { // the vector fits the index
		s.vectors.Add(key, vector, 4*len(vector))
	}
	return hits, err
}

// embed asks the embedding model.
func (s *Service) embed(ctx context.Context, question string, t *Times) (vector []float32, err error) {
	t.Embedding, err = stage(ctx, "embedding", s.deadlines.Embedding, func(ctx context.Context) (err error) {
		vector, err = s.embedder.Query(ctx, question)
		return err
	})
	if err != nil {
		return nil, failed(ctx, err, modelError(config.StageEmbedding, s.config.Models.Embedding.Name, err))
	}
	return vector, nil
}

func (s *Service) keyword(ctx context.Context, q search) (hits []index.Hit, took time.Duration, err error) {
	took, err = s.searchIndex(ctx, "retrieval keyword", q.k, func(ctx context.Context) (err error) {
		hits, err = s.index.Keyword(ctx, q.question, max(minCandidates, q.k), q.filter)
		return err
	})
	return hits, took, err
}

// searchIndex is one call of the index as a stage. Its failure is reported at once, but success
// only by a whole retrieval: a keyword retriever that works does not mend a vector that does not
// fit.
func (s *Service) searchIndex(ctx context.Context, span string, k int,
	do func(ctx context.Context) error) (time.Duration, error) {
	took, err := stage(ctx, span, s.deadlines.Index, func(ctx context.Context) error {
		if span := trace.SpanFromContext(ctx); span.IsRecording() {
			span.SetAttributes(keyOperation.String("retrieval"), keyDataSource.String(s.config.Pipeline.String()),
				keyTopK.Int(k))
		}
		return do(ctx)
	})
	if err == nil {
		return took, nil
	}
	err = failed(ctx, err, indexError(err))
	if ctx.Err() == nil {
		if errors.Is(err, index.ErrDimensions) {
			s.dimensionMismatch.Store(true)
		}
		s.report(config.StageIndex, err)
	}
	return took, err
}

// ProbeIndex searches an index that is idle, and reports the result. It embeds nothing, so it does
// not clear a mismatch between the dimensions of the question's vector and the index.
func (s *Service) ProbeIndex(ctx context.Context) error {
	_, err := s.searchIndex(ctx, "retrieval probe", 1, func(ctx context.Context) error {
		_, err := s.index.Keyword(ctx, "Is the index ready?", 1, nil)
		return err
	})
	if err == nil && !s.dimensionMismatch.Load() {
		s.report(config.StageIndex, nil)
	}
	return err
}

// failed returns the failure of a stage, or err if the caller itself has ended the request.
func failed(ctx context.Context, err error, failure *StageError) error {
	if ctx.Err() != nil {
		return err
	}
	return failure
}

// collapse keeps the best of chunks whose texts are exactly equal, and of those the first n.
func collapse(fused []index.Fused, n int) []index.Fused {
	seen := make(map[uint64]bool, min(n, len(fused)))
	kept := make([]index.Fused, 0, min(n, len(fused)))
	for _, f := range fused {
		if len(kept) == n {
			break
		}
		if !seen[f.Digest] {
			seen[f.Digest] = true
			kept = append(kept, f)
		}
	}
	return kept
}

// fetch reads the texts of the chosen chunks. One that has gone since is left out.
func (s *Service) fetch(ctx context.Context, chosen []index.Fused, t *Times) ([]Passage, error) {
	if len(chosen) == 0 {
		return nil, nil
	}
	ids := make([]string, len(chosen))
	for i, c := range chosen {
		ids[i] = c.ID
	}
	var chunks []index.Chunk
	var err error
	t.Fetch, err = s.searchIndex(ctx, "retrieval fetch", len(ids), func(ctx context.Context) (err error) {
		chunks, err = s.index.Chunks(ctx, ids)
		return err
	})
	if err != nil {
		return nil, err
	}
	passages := make([]Passage, 0, len(chunks))
	for _, c := range chosen { // both are in the same order
		if len(passages) == len(chunks) {
			break
		}
		if chunk := chunks[len(passages)]; chunk.ID == c.ID {
			passages = append(passages, Passage{Chunk: chunk, Score: c.Score, Fused: c.Score,
				Vector: c.Vector, Keyword: c.Keyword})
		}
	}
	return passages, nil
}

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
	logits := model.AreLogits(s.config.Models.Reranking.Protocol, ranking)
	best := make([]Passage, min(n, len(ranking)))
	for i := range best {
		best[i] = passages[ranking[i].Index]
		score := ranking[i].Score
		best[i].Logit, best[i].Score = &score, score
		if logits {
			best[i].Score = probability(score)
		}
	}
	return best, nil
}

// probability maps a reranker's logit into 0..1 as NVIDIA's RAG blueprint does, so that its users'
// thresholds carry over: the logistic of a tenth of it.
func probability(logit float64) float64 { return 1 / (1 + math.Exp(-0.1*logit)) }
