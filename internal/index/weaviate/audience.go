package weaviate

import (
	"context"
	"strings"

	pb "github.com/weaviate/weaviate/grpc/generated/protocol/v1"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
)

// Seen returns up to limit rows that the audience sees, by document.
func (s *Store) Seen(ctx context.Context, who index.Audience, after string, limit int) (rows []index.Row, err error) {
	err = s.forAudience(ctx, "read the ledger", who, func(seen *pb.Filters) error {
		found, err := s.searchRows(ctx, past(order(after), allOf(isRow, seen)), limit)
		rows = make([]index.Row, len(found))
		for i, row := range found {
			rows[i] = row.Row
		}
		return err
	})
	return rows, err
}

// Count counts what the audience sees.
func (s *Store) Count(ctx context.Context, who index.Audience) (counts index.Counts, err error) {
	err = s.forAudience(ctx, "count the index", who, func(seen *pb.Filters) (err error) {
		counts.FailedDocuments, counts.Documents, err = s.tally(ctx, s.names.ledger, propFailed, seen)
		if err == nil && seen != nil {
			var failed, indexed int
			failed, indexed, err = s.tally(ctx, s.names.ledger, propFailed, not(seen))
			counts.Hidden = failed+indexed > 0
		}
		return err
	})
	if err != nil {
		return index.Counts{}, err
	}
	filter, err := s.filterOf(ctx, who.Filter())
	if err == nil {
		counts.Chunks, _, err = s.tally(ctx, s.names.chunks, propPresent, filter)
	}
	return counts, s.fail(ctx, "count the index", err)
}

// forAudience calls do with the filter for the rows that the audience sees. The ledger of an earlier version has no
// such property until an ingestion has opened it, and so no row with access.
func (s *Store) forAudience(
	ctx context.Context, operation string, who index.Audience, do func(seen *pb.Filters) error,
) error {
	err := do(seenBy(who))
	if err != nil && lacksProperty(err, propAccess) {
		if err = nil; !who.Enforced {
			err = do(nil)
		}
	}
	return s.fail(ctx, operation, err)
}

// seenBy is the filter for the rows that the audience sees.
func seenBy(who index.Audience) *pb.Filters {
	free := not(anyOf(propAccess, typeTerm(config.KeyAccess, config.TextType)))
	if len(who.Groups) == 0 {
		if who.Enforced {
			return and(free, not(free))
		}
		return free
	}
	terms := make([]string, len(who.Groups))
	for i, group := range who.Groups {
		terms[i] = textTerm(config.KeyAccess, group)
	}
	if who.Enforced {
		return anyOf(propAccess, terms...)
	}
	return &pb.Filters{Operator: pb.Filters_OPERATOR_OR, Filters: []*pb.Filters{free, anyOf(propAccess, terms...)}}
}

// allOf is what passes both filters; the second may be nil.
func allOf(filter, other *pb.Filters) *pb.Filters {
	if other == nil {
		return filter
	}
	return and(filter, other)
}

// lacksProperty reports whether Weaviate refuses a filter because its collection has no such property.
func lacksProperty(err error, property string) bool {
	m := err.Error()
	return strings.Contains(m, "no such prop") && strings.Contains(m, "'"+property+"'")
}
