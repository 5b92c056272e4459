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
	// earlier has the questions before it in its conversation, oldest first; empty if there are none.
	earlier string
	k, topN int
	rerank  bool
	filter  *index.Filter
	// record collects what an explanation needs; nil if nobody asks for one.
	record *record
	// progress is Request.Progress; nil for a search without an answer.
	progress func(Progress)
}

// begin tells the caller that a stage begins.
func (q *search) begin(stage config.Stage, passages int) {
	if q.progress != nil {
		q.progress(Progress{stage, passages})
	}
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
	alpha := s.alpha(vector, keyword)
	fused := index.Fuse(vector, keyword, alpha)
	if q.record != nil {
		q.record.vector, q.record.keyword, q.record.fused, q.record.alpha = vector, keyword, fused, alpha
	}
	passages, err := s.fetch(ctx, collapse(fused, keep), t)
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
		warnings = s.doubts()
	case config.Keyword:
		keyword, t.Keyword, err = s.keyword(ctx, q)
	default:
		return s.hybrid(ctx, q, t)
	}
	return vector, keyword, warnings, err
}

// drift is the failure of an embedding model that is not the one which built the index.
func (s *Service) drift() *StageError {
	return modelError(config.StageEmbedding, s.config.Models.Embedding.Name, &model.Error{
		Stage: config.StageEmbedding, Failure: config.ModelDrifted, Model: s.config.Models.Embedding.Name,
	})
}

// doubts warns of passages that were found by the vectors of such a model.
func (s *Service) doubts() []Warning {
	if !s.drifted.Load() {
		return nil
	}
	return []Warning{s.drift().warning("passages that were found by their vectors may be the wrong ones")}
}

// hybrid runs the keyword retriever while the question is being embedded. If embedding fails and
// the policy allows it, the result is the keyword retriever's alone.
func (s *Service) hybrid(ctx context.Context, q search,
	t *Times) (vector, keyword []index.Hit, warnings []Warning, err error) {
	keywordCtx, cancel := context.WithCancel(ctx)
	defer cancel()
	keywordHits := start(func() (r keywordResult) {
		r.hits, r.took, r.err = s.keyword(keywordCtx, q)
		return r
	})

	if s.drifted.Load() && s.config.FailurePolicy.Embedding == config.Degrade {
		err = s.drift()
	} else {
		vector, err = s.vector(ctx, q, t)
		warnings = s.doubts()
	}
	failure, degraded := s.degrades(err, config.StageEmbedding, s.config.FailurePolicy.Embedding)
	if err != nil && !degraded {
		cancel()
		keywordHits()
		return nil, nil, nil, err
	}
	if degraded {
		warnings = []Warning{failure.warning("the passages were found by keyword only")}
	}
	r := keywordHits()
	t.Keyword = r.took
	return vector, r.hits, warnings, r.err
}

type keywordResult struct {
	hits []index.Hit
	took time.Duration
	err  error
}

// start runs do in a goroutine of its own and returns a function that waits for its result. A panic
// of do is raised again in the goroutine that waits, where the request's own recovery meets it.
func start[T any](do func() T) (wait func() T) {
	var result T
	var panicked any
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() { panicked = recover() }()
		result = do()
	}()
	return func() T {
		<-done
		if panicked != nil {
			panic(panicked)
		}
		return result
	}
}

// vector embeds the question and searches by it.
func (s *Service) vector(ctx context.Context, q search, t *Times) (hits []index.Hit, err error) {
	known := s.vectors.Load()
	embeddings := s.embedAll(ctx, known, q.embedded())
	vectors := make([][]float32, len(embeddings))
	for i, e := range embeddings {
		t.Embedding = max(t.Embedding, e.took)
		if e.err != nil {
			return nil, e.err
		}
		vectors[i] = e.vector
	}
	t.Vector, err = s.searchIndex(ctx, "retrieval vector", q.k, func(ctx context.Context) (err error) {
		hits, err = s.index.Vector(ctx, sumOfVectors(vectors), max(minCandidates, q.k), q.filter)
		return err
	})
	if err == nil { // the vectors fit the index
		for _, e := range embeddings {
			known.Add(e.key, e.vector, 4*len(e.vector))
		}
	}
	return hits, err
}

// embedding is a text's vector, or why there is none.
type embedding struct {
	key    [sha256.Size]byte
	vector []float32
	took   time.Duration
	err    error
}

// embedAll embeds the texts at the same time.
func (s *Service) embedAll(ctx context.Context, known *vectors, texts []string) []embedding {
	others := make([]func() embedding, 0, len(texts))
	for _, text := range texts[1:] {
		others = append(others, start(func() embedding { return s.embed(ctx, known, text) }))
	}
	all := []embedding{s.embed(ctx, known, texts[0])}
	for _, wait := range others {
		all = append(all, wait())
	}
	return all
}

// embed asks the embedding model, unless the text's vector is known.
func (s *Service) embed(ctx context.Context, known *vectors, text string) (e embedding) {
	e.key = sha256.Sum256([]byte(text))
	var kept bool
	if e.vector, kept = known.Get(e.key); kept {
		return e
	}
	e.took, e.err = stage(ctx, "embedding", s.deadlines.Embedding, func(ctx context.Context) (err error) {
		e.vector, err = hedged(ctx, &s.embeddings, func(ctx context.Context) ([]float32, error) {
			return s.embedder.Query(ctx, text)
		})
		return err
	})
	if e.err != nil {
		e.err = failed(ctx, e.err, modelError(config.StageEmbedding, s.config.Models.Embedding.Name, e.err))
	}
	return e
}

func (s *Service) keyword(ctx context.Context, q search) (hits []index.Hit, took time.Duration, err error) {
	took, err = s.searchIndex(ctx, "retrieval keyword", q.k, func(ctx context.Context) (err error) {
		hits, err = s.keywordHits(ctx, q)
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

// rerank returns the topN best of the passages by the reranking model.
func (s *Service) rerank(ctx context.Context, q search, passages []Passage, t *Times) ([]Passage, error) {
	texts, ids := make([]string, len(passages)), make([]string, len(passages))
	for i := range passages {
		texts[i], ids[i] = passages[i].Embedded(), passages[i].ID
	}
	var ranking []model.Ranked
	var err error
	t.Reranking, err = stage(ctx, "reranking", s.deadlines.Reranking, func(ctx context.Context) (err error) {
		ranking, err = hedged(ctx, &s.rankings, func(ctx context.Context) ([]model.Ranked, error) {
			return s.ranker.Rank(ctx, q.question, texts)
		})
		return err
	})
	if err != nil {
		return nil, failed(ctx, err, modelError(config.StageReranking, s.config.Models.Reranking.Name, err))
	}
	slices.SortFunc(ranking, func(a, b model.Ranked) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), strings.Compare(ids[a.Index], ids[b.Index]))
	})
	n := min(q.topN, len(ranking))
	if !q.followUp() && q.record == nil {
		return s.scored(passages, ranking, n), nil
	}
	all := s.scored(passages, ranking, len(ranking))
	if q.followUp() {
		joinOrders(ids, all)
	}
	if q.record != nil {
		q.record.reranked = slices.Clone(all)
	}
	return all[:n], nil
}

// scored returns the first n passages of the ranking, with its scores.
func (s *Service) scored(passages []Passage, ranking []model.Ranked, n int) []Passage {
	relevances := Relevances(s.config.Models.Reranking.Protocol, ranking)
	best := make([]Passage, n)
	for i := range best {
		best[i] = passages[ranking[i].Index]
		best[i].Logit, best[i].Score = new(ranking[i].Score), relevances[i]
	}
	return best
}

// Relevances maps the scores of a ranking, which come best first, into 0..1.
func Relevances(p config.Protocol, ranking []model.Ranked) []float64 {
	logits := model.AreLogits(p, ranking)
	relevances := make([]float64, len(ranking))
	for i, r := range ranking {
		relevances[i] = r.Score
		if logits {
			relevances[i] = probability(r.Score)
		}
	}
	return relevances
}

// probability maps a reranker's logit into 0..1 as NVIDIA's RAG blueprint does, so that its users'
// thresholds carry over: the logistic of a tenth of it.
func probability(logit float64) float64 { return 1 / (1 + math.Exp(-0.1*logit)) }
