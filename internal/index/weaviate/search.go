package weaviate

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	pb "github.com/weaviate/weaviate/grpc/generated/protocol/v1"

	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/vector"
)

// maxResults is the most that Weaviate returns for one search by default.
const maxResults = 10_000

// Vector returns the limit nearest chunks by cosine similarity; chunksCollection says how exact the
// search is.
func (s *Store) Vector(ctx context.Context, query []float32, limit int, filter *index.Filter) ([]index.Hit, error) {
	hits, err := s.vector(ctx, query, limit, filter)
	return hits, s.fail(ctx, "search", err)
}

func (s *Store) vector(ctx context.Context, query []float32, limit int, filter *index.Filter) ([]index.Hit, error) {
	dimensions, err := s.knownDimensions(ctx)
	if err != nil || dimensions == 0 {
		return nil, err
	}
	if len(query) != dimensions {
		return nil, index.DimensionMismatch(len(query), dimensions)
	}
	filters, err := s.filterOf(ctx, filter)
	if err != nil {
		return nil, err
	}
	unit := &pb.Vectors{VectorBytes: vector.Encode(vector.Unit(query)), Type: pb.Vectors_VECTOR_TYPE_SINGLE_FP32}
	return s.retrieve(ctx, limit, filters, &pb.SearchRequest{
		NearVector: &pb.NearVector{Vectors: []*pb.Vectors{unit}},
		Metadata:   &pb.MetadataRequest{Uuid: true, Distance: true},
	}, func(m *pb.MetadataResult) float64 { return -float64(m.Distance) }) // the distance is the negative product
}

// knownDimensions is the length of the index's vectors. It is read until there is one, and never
// changes after.
func (s *Store) knownDimensions(ctx context.Context) (int, error) {
	if d := s.dimensions.Load(); d != 0 {
		return int(d), ctx.Err()
	}
	r, _, err := s.readRecord(ctx)
	return r.Dimensions, err
}

// Keyword returns the limit best chunks by BM25 over the analysed question.
func (s *Store) Keyword(ctx context.Context, question string, limit int, filter *index.Filter) ([]index.Hit, error) {
	hits, err := s.keyword(ctx, question, limit, filter)
	return hits, s.fail(ctx, "search", err)
}

func (s *Store) keyword(ctx context.Context, question string, limit int, filter *index.Filter) ([]index.Hit, error) {
	var filters *pb.Filters // without one, Weaviate builds no list of allowed chunks
	if filter != nil {
		var err error
		if filters, err = s.filterOf(ctx, filter); err != nil {
			return nil, err
		}
	}
	terms := strings.Join(index.Analyse(question), " ")
	if terms == "" {
		_, _, err := s.readRecord(ctx) // without terms there are no hits, but an index that does not exist is still an error
		return nil, err
	}
	return s.retrieve(ctx, limit, filters, &pb.SearchRequest{
		Bm25Search: &pb.BM25{Query: terms, Properties: []string{propTerms}},
		Metadata:   &pb.MetadataRequest{Uuid: true, Score: true},
	}, func(m *pb.MetadataResult) float64 {
		return (index.BM25K1 + 1) * float64(m.Score) // a factor of BM25 that Weaviate leaves out
	})
}

// retrieve searches the chunks and returns the limit best, ties by id. Weaviate does not break ties
// by id, so some more are requested, and more again while the last of them ties with the last that
// is wanted.
func (s *Store) retrieve(
	ctx context.Context, limit int, filters *pb.Filters, r *pb.SearchRequest, score func(*pb.MetadataResult) float64,
) ([]index.Hit, error) {
	if err := ctx.Err(); err != nil || limit <= 0 {
		return nil, err
	}
	r.Collection, r.Filters = s.names.chunks, filters
	r.Properties = &pb.PropertiesRequest{NonRefProperties: []string{propDigest}}
	for ask := limit + max(16, limit/8); ; ask *= 4 {
		ask = min(ask, maxResults)
		r.Limit = uint32(ask)
		results, err := s.search(ctx, r)
		if err != nil {
			return nil, err
		}
		hits := make([]index.Hit, len(results))
		for i, result := range results {
			digest := parseDigest(fields(result).text(propDigest))
			hits[i] = index.Hit{ID: result.Metadata.GetId(), Score: score(result.Metadata), Digest: digest}
		}
		slices.SortFunc(hits, func(a, b index.Hit) int {
			return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.ID, b.ID))
		})
		if len(hits) < ask || ask == maxResults || hits[limit-1].Score != hits[ask-1].Score {
			return hits[:min(limit, len(hits))], nil
		}
	}
}

// Chunks returns the chunks of ids in their order, leaving out those that no longer exist.
func (s *Store) Chunks(ctx context.Context, ids []string) ([]index.Chunk, error) {
	chunks, err := s.chunks(ctx, ids)
	return chunks, s.fail(ctx, "read chunks", err)
}

func (s *Store) chunks(ctx context.Context, ids []string) ([]index.Chunk, error) {
	if err := ctx.Err(); err != nil || len(ids) == 0 {
		return nil, err
	}
	found := make(map[string]index.Chunk, len(ids))
	for part := range slices.Chunk(ids, 1000) {
		results, err := s.search(ctx, &pb.SearchRequest{
			Collection: s.names.chunks, Limit: uint32(len(part)), Filters: anyOf(propID, part...),
			// All, because Weaviate refuses to name one that a collection of an earlier version lacks.
			Properties: &pb.PropertiesRequest{ReturnAllNonrefProperties: true},
		})
		if err != nil {
			return nil, err
		}
		for _, r := range results {
			c, err := chunkOf(r)
			if err != nil {
				return nil, err
			}
			found[c.ID] = c
		}
	}
	shown, err := s.shown(ctx, found)
	if err != nil {
		return nil, err
	}
	chunks := make([]index.Chunk, 0, len(ids))
	for _, id := range ids {
		if c, ok := found[id]; ok && shown[c.Document] {
			chunks = append(chunks, c)
		}
	}
	return chunks, nil
}

// shown returns the documents of the chunks whose rows call them indexed. A chunk of any other is from a put or a
// removal that has not ended, or is one that a store which failed has lost the deletion of: nobody is to see it.
func (s *Store) shown(ctx context.Context, chunks map[string]index.Chunk) (map[string]bool, error) {
	shown := map[string]bool{}
	for _, c := range chunks {
		shown[c.Document] = false
	}
	for part := range slices.Chunk(slices.Collect(maps.Keys(shown)), 1000) {
		results, err := s.search(ctx, &pb.SearchRequest{
			Collection: s.names.ledger, Limit: uint32(len(part)),
			Filters:    and(anyOf(propID, rowIDs(part)...), equal(propState, string(index.Indexed))),
			Properties: &pb.PropertiesRequest{NonRefProperties: []string{propDocument}},
		})
		if err != nil {
			return nil, err
		}
		for _, r := range results {
			shown[fields(r).text(propDocument)] = true
		}
	}
	return shown, nil
}

// propID is Weaviate's name for an object's id in a filter.
const propID = "_id"
