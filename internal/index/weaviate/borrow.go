package weaviate

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	pb "github.com/weaviate/weaviate/grpc/generated/protocol/v1"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
)

// lender is another generation of the pipeline, whose vectors are in this one's space.
type lender struct {
	chunks, ledger string // collections
	record         record
}

// findLenders finds the other generations of the same embedding space that have vectors, the one that was completed
// last first. A generation without a record has none.
func (s *Store) findLenders(ctx context.Context, space config.EmbeddingSpace) error {
	collections, err := s.admin.others(ctx, s.names, s.pipeline)
	if err != nil {
		return err
	}
	for _, collection := range collections {
		generation, isLedger := strings.CutSuffix(collection, ledgerSuffix)
		if !isLedger {
			continue
		}
		l := lender{chunks: generation + chunksSuffix, ledger: collection}
		var found bool
		if l.record, found, err = s.recordOf(ctx, l.ledger); err != nil {
			return err
		}
		if found && l.record.Dimensions > 0 && l.record.Generation.Embedding == space {
			s.lenders = append(s.lenders, l)
		}
	}
	slices.SortFunc(s.lenders, func(a, b lender) int {
		return cmp.Or(b.record.Completed.Compare(a.record.Completed), cmp.Compare(a.ledger, b.ledger))
	})
	return nil
}

// Borrow returns what other generations of the same embedding space have of the document's chunks.
func (s *Store) Borrow(ctx context.Context, document string, ids []string) (index.Loan, error) {
	if err := ctx.Err(); err != nil {
		return index.Loan{}, s.fail(ctx, "read vectors", err)
	}
	loan := index.Loan{Vectors: map[string][]float32{}}
	dimensions := int(s.dimensions.Load())
	for _, l := range s.lenders {
		if dimensions != 0 && l.record.Dimensions != dimensions {
			continue
		}
		if err := s.borrow(ctx, l, document, ids, &loan); err != nil {
			return index.Loan{}, s.fail(ctx, fmt.Sprintf("read vectors of document %q", document), err)
		}
	}
	return loan, nil
}

// borrow adds to the loan what a generation has of it.
func (s *Store) borrow(ctx context.Context, from lender, document string, ids []string, loan *index.Loan) error {
	wanted := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return loan.Vectors[id] != nil })
	before := len(loan.Vectors)
	for part := range slices.Chunk(wanted, batch) {
		vectors, err := s.vectors(ctx, from.chunks, part)
		if err != nil {
			return err
		}
		for id, v := range vectors {
			if len(v) > 0 {
				loan.Vectors[id] = v
			}
		}
	}
	if len(loan.Vectors) == before {
		return nil
	}
	rows, err := s.search(ctx, &pb.SearchRequest{
		Collection: from.ledger, Limit: 1, Filters: equal(propID, rowID(document)),
		Properties: &pb.PropertiesRequest{NonRefProperties: []string{propTruncated}}, // an earlier ledger has fewer
	})
	if err != nil || len(rows) == 0 {
		return err
	}
	loan.Truncated += fields(rows[0]).number(propTruncated)
	return nil
}
