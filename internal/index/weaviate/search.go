package weaviate

import (
	"cmp"
	"context"
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
func (s *Store) Vector(ctx context.Context, query []float32, limit int, filter index.Filter) ([]index.Hit, error) {
	hits, err := s.vector(ctx, query, limit, filter)
	return hits, s.fail(ctx, "search", err)
}

func (s *Store) vector(ctx context.Context, query []float32, limit int, filter index.Filter) ([]index.Hit, error) {
	dimensions, err := s.knownDimensions(ctx)
	if err != nil || dimensions == 0 {
		return nil, err
	}
	if len(query) != dimensions {
		return nil, index.DimensionMismatch(len(query), dimensions)
	}
	filters := filterOf(filter)
	if filters == nil {
		return nil, nil
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
func (s *Store) Keyword(ctx context.Context, question string, limit int, filter index.Filter) ([]index.Hit, error) {
	hits, err := s.keyword(ctx, question, limit, filter)
	return hits, s.fail(ctx, "search", err)
}

func (s *Store) keyword(ctx context.Context, question string, limit int, filter index.Filter) ([]index.Hit, error) {
	var filters *pb.Filters // without one, Weaviate builds no list of allowed chunks
	if len(filter) > 0 {
		if filters = filterOf(filter); filters == nil {
			return nil, ctx.Err()
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
			Properties: &pb.PropertiesRequest{NonRefProperties: chunkProperties},
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
	chunks := make([]index.Chunk, 0, len(ids))
	for _, id := range ids {
		if c, ok := found[id]; ok {
			chunks = append(chunks, c)
		}
	}
	return chunks, nil
}

// propID is Weaviate's name for an object's id in a filter.
const propID = "_id"

// filterTerm joins a key and its value in one text. The semicolon at its end protects the value's
// white space, which Weaviate would trim; the key's equals signs are escaped, so that no two pairs
// give the same text.
func filterTerm(key, value string) string { return escapeKey.Replace(key) + "=" + value + ";" }

var escapeKey = strings.NewReplacer("%", "%25", "=", "%3D", " ", "%20")

// filterTerms are the terms that filters can match a chunk by.
func filterTerms(c *index.Chunk) []string {
	terms := []string{filterTerm(index.FilterSource, c.Source), filterTerm(index.FilterDocument, c.Document)}
	for key, value := range c.Metadata {
		if key != index.FilterSource && key != index.FilterDocument {
			terms = append(terms, filterTerm(key, value))
		}
	}
	slices.Sort(terms)
	return terms
}

// filterOf converts a filter on chunks; nil when no chunk can pass. Without keys, every chunk
// passes.
func filterOf(f index.Filter) *pb.Filters {
	if len(f) == 0 {
		return isTrue(propPresent)
	}
	var all []*pb.Filters
	for key, values := range f {
		if len(values) == 0 {
			return nil
		}
		terms := make([]string, len(values))
		for i, value := range values {
			terms[i] = filterTerm(key, value)
		}
		all = append(all, anyOf(propFilters, terms...))
	}
	return and(all...)
}

func on(property string) *pb.FilterTarget {
	return &pb.FilterTarget{Target: &pb.FilterTarget_Property{Property: property}}
}

func compare(property string, operator pb.Filters_Operator, value string) *pb.Filters {
	return &pb.Filters{Operator: operator, Target: on(property), TestValue: &pb.Filters_ValueText{ValueText: value}}
}

func equal(property, value string) *pb.Filters {
	return compare(property, pb.Filters_OPERATOR_EQUAL, value)
}

func notEqual(property, value string) *pb.Filters {
	return compare(property, pb.Filters_OPERATOR_NOT_EQUAL, value)
}

func after(property, value string) *pb.Filters {
	return compare(property, pb.Filters_OPERATOR_GREATER_THAN, value)
}

func isTrue(property string) *pb.Filters {
	return &pb.Filters{
		Operator: pb.Filters_OPERATOR_EQUAL, Target: on(property),
		TestValue: &pb.Filters_ValueBoolean{ValueBoolean: true},
	}
}

func anyOf(property string, values ...string) *pb.Filters {
	return &pb.Filters{
		Operator: pb.Filters_OPERATOR_CONTAINS_ANY, Target: on(property),
		TestValue: &pb.Filters_ValueTextArray{ValueTextArray: &pb.TextArray{Values: values}},
	}
}

func and(filters ...*pb.Filters) *pb.Filters {
	if len(filters) == 1 {
		return filters[0]
	}
	return &pb.Filters{Operator: pb.Filters_OPERATOR_AND, Filters: filters}
}
