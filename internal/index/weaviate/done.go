package weaviate

import (
	"context"
	"encoding/json"
	"fmt"

	pb "github.com/weaviate/weaviate/grpc/generated/protocol/v1"

	"github.com/ragpipeline/ragpipeline/internal/index"
)

// doneMark is what a worker leaves when its share of a run is done.
type doneMark struct {
	Worker int    `json:"worker"`
	Report []byte `json:"report"`
}

// Done records that this process's share of a run is done, and what it reports. The mark is on
// every replica before Done returns: of two workers that are done at once, at least one finds the
// mark of the other.
func (s *Store) Done(ctx context.Context, run string, report []byte) error {
	return s.fail(ctx, "record that the share is done", s.done(ctx, run, report))
}

func (s *Store) done(ctx context.Context, run string, report []byte) error {
	mark, err := json.Marshal(doneMark{Worker: s.share.Worker, Report: report})
	if err != nil {
		return err
	}
	properties := map[string]any{propState: stateDone, propOrder: order(run), propRecord: string(mark)}
	o, err := object(s.names.ledger, doneID(run, s.share.Worker), properties, nil)
	if err != nil {
		return err
	}
	return s.writeBatch(ctx, &pb.BatchObjectsRequest{
		Objects: []*pb.BatchObject{o}, ConsistencyLevel: pb.ConsistencyLevel_CONSISTENCY_LEVEL_ALL.Enum(),
	})
}

// Reports returns the reports of the workers that are done with their shares of a run, by worker.
func (s *Store) Reports(ctx context.Context, run string) (map[int][]byte, error) {
	results, err := s.search(ctx, &pb.SearchRequest{
		Collection: s.names.ledger, Limit: maxWorkers,
		Filters:    and(equal(propState, stateDone), equal(propOrder, order(run))),
		Properties: &pb.PropertiesRequest{NonRefProperties: []string{propRecord}},
	})
	if err != nil {
		return nil, s.fail(ctx, "read which shares are done", err)
	}
	reports := map[int][]byte{}
	for _, r := range results {
		var mark doneMark
		if err := json.Unmarshal([]byte(fields(r).text(propRecord)), &mark); err != nil {
			return nil, fmt.Errorf("the mark of a share in %s: %w", s.names.ledger, err)
		}
		reports[mark.Worker] = mark.Report
	}
	return reports, nil
}

// maxWorkers bounds the marks of a run.
const maxWorkers = 1000

// ForgetRuns deletes the marks of all runs but this one.
func (s *Store) ForgetRuns(ctx context.Context, except string) error {
	others := and(equal(propState, stateDone), notEqual(propOrder, order(except)))
	return s.fail(ctx, "forget earlier runs", s.remove(ctx, s.names.ledger, others))
}

var _ index.Shared = (*Store)(nil)
