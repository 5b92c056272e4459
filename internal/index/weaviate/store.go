// Package weaviate is the index in a Weaviate, v1.37.14 or later: for any size, and for several
// readers at once.
//
// A generation has two collections, named after the pipeline's prefix and the generation's
// fingerprint. Chunks holds the chunks with their vectors and analysed terms. Ledger holds a row
// for each document, the generation's own record, and staged vectors; no search looks at its
// objects. Each collection has one shard, so that BM25 counts terms and chunks as the local index
// does.
//
// Weaviate has no transactions, so Put first marks the document's row as pending. Then it writes
// the chunks, deletes those that are not among them, and writes the row again as its last step. A
// search in between may see some chunks of both versions. A process that dies in between leaves a
// pending row: the next opening for writing deletes what was written of a new document, and makes
// an old one look changed, so that ingestion puts it again. Remove marks the row first and deletes
// it last. A chunk is shown only while its document's row is that of an indexed one. Every object's
// id follows from its contents, and every step may be repeated.
//
// Several workers of one run may write at once, each the documents of its share. The first of them
// creates the collections, and each recovers its own share only.
//
// BM25 scores are the local index's, up to float32, until objects are deleted or replaced: Weaviate
// counts their terms until it compacts.
//
// The schema goes through weaviate-go-client, search and writes through the generated gRPC stubs on
// a connection of our own. The API key is read for every request, so a rotated key needs no
// restart.
package weaviate

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"
	pb "github.com/weaviate/weaviate/grpc/generated/protocol/v1"
	"google.golang.org/grpc"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
)

// Store is one generation of a pipeline's index. All of its methods may be called concurrently,
// those that write for different documents only.
type Store struct {
	where    config.WeaviateIndex   // is for errors
	key      func() (string, error) // is hidden in errors; nil sends none
	names    names
	pipeline config.Pipeline
	share    index.Share

	connection *grpc.ClientConn
	client     pb.WeaviateClient
	admin      *admin // is nil when read-only
	lenders    []lender

	// dimensions is the length of the index's vectors, as last read; 0 until the first vector.
	dimensions atomic.Int64

	writing sync.Mutex // guards what follows
	record  record
	staged  map[string]map[string]bool // holds chunk ids by document

	keys struct {
		sync.Mutex
		has map[string]bool // holds keys of metadata whose property the collection has
	}
}

var _ index.Store = (*Store)(nil)

// Options say which index to open.
type Options struct {
	Index      config.WeaviateIndex
	Pipeline   config.Pipeline
	Generation config.Generation
	// Key returns the API key; it is called for every request. If nil, no key is sent.
	Key func() (string, error)
	// Share is the documents that this process writes; the zero value is all.
	Share index.Share
	// ReadOnly opens the index for questions: nothing is sent to Weaviate before the first, and
	// nothing is created.
	ReadOnly bool
}

// Open opens the index. Read-only, it succeeds whatever the state of Weaviate; calls fail with
// index.ErrUnreachable while Weaviate is down and with index.ErrNotBuilt until an ingestion has
// created the collections. Otherwise it waits up to a minute for Weaviate, creates missing
// collections, and recovers from a process that died while writing.
func Open(ctx context.Context, o Options) (*Store, error) {
	connection, err := dial(o.Index.GRPCURL, o.Key, !o.ReadOnly)
	if err != nil {
		return nil, err
	}
	s := &Store{
		where:      o.Index,
		key:        o.Key,
		names:      newNames(o.Index.Prefix, o.Pipeline, o.Generation),
		pipeline:   o.Pipeline,
		share:      o.Share,
		connection: connection,
		client:     pb.NewWeaviateClient(connection),
		staged:     map[string]map[string]bool{},
	}
	s.keys.has = map[string]bool{}
	if o.ReadOnly {
		return s, nil
	}
	if s.admin, err = newAdmin(o.Index, o.Key); err == nil {
		err = s.prepare(ctx, o)
	}
	if err != nil {
		return nil, errors.Join(s.fail(ctx, "open the index", err), s.Close())
	}
	return s, nil
}

// prepare prepares the generation for writing.
func (s *Store) prepare(ctx context.Context, o Options) error {
	if s.share.Worker > 0 {
		return s.join(ctx, o.Generation)
	}
	if err := s.admin.create(ctx, chunksCollection(s.names.chunks, o.Pipeline, o.Index.Replicas)); err != nil {
		return err
	}
	if err := s.admin.create(ctx, ledgerCollection(s.names.ledger, o.Pipeline, o.Index.Replicas)); err != nil {
		return err
	}
	if err := s.openRecord(ctx, o.Generation); err != nil {
		return err
	}
	if err := s.findLenders(ctx, o.Generation.Embedding); err != nil {
		return err
	}
	return s.recover(ctx)
}

// join waits until the first worker has prepared the generation. A Weaviate that is creating the
// collections answers for a moment as one that is not ready.
func (s *Store) join(ctx context.Context, g config.Generation) error {
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		_, exists, err := s.readRecord(ctx)
		switch err = s.fail(ctx, "wait for the first worker", err); {
		case err == nil && !exists:
			return struct{}{}, index.ErrNotBuilt
		case errors.Is(err, index.ErrNotBuilt), errors.Is(err, index.ErrUnreachable):
			return struct{}{}, err
		case err != nil:
			return struct{}{}, backoff.Permanent(err)
		}
		return struct{}{}, nil
	}, backoff.WithMaxElapsedTime(startTimeout), backoff.WithBackOff(&backoff.ConstantBackOff{Interval: joinInterval}))
	if err != nil {
		return err
	}
	if err := s.openRecord(ctx, g); err != nil {
		return err
	}
	if err := s.findLenders(ctx, g.Embedding); err != nil {
		return err
	}
	return s.recover(ctx)
}

// joinInterval is how often a worker looks whether the first one has prepared the generation.
const joinInterval = 500 * time.Millisecond

// Close ends the connection. Nothing is lost without it.
func (s *Store) Close() error {
	if s.admin != nil {
		s.admin.close()
	}
	return s.connection.Close()
}

// Retire deletes the collections of other generations of the pipeline.
func (s *Store) Retire(ctx context.Context, r index.Retirement) error {
	if s.admin == nil {
		return errors.New("retire generations: the index is open for reading only")
	}
	return s.fail(ctx, "retire generations", s.retire(ctx, r))
}

// retire deletes a generation's ledger before its chunks: chunks without a ledger are not taken for an
// index that is up to date.
func (s *Store) retire(ctx context.Context, r index.Retirement) error {
	collections, err := s.admin.others(ctx, s.names, s.pipeline)
	if err != nil {
		return err
	}
	stays := map[string]bool{} // by fingerprint
	for _, fingerprint := range r.Keep {
		stays[fingerprint] = true
	}
	slices.SortFunc(collections, func(a, b string) int { return cmp.Compare(b, a) })
	for _, collection := range collections {
		fingerprint := s.names.fingerprint(collection)
		if r.Incomplete && strings.HasSuffix(collection, ledgerSuffix) {
			of, found, err := s.recordOf(ctx, collection)
			if err != nil {
				return err
			}
			stays[fingerprint] = stays[fingerprint] || found && !of.Completed.IsZero()
		}
		if stays[fingerprint] {
			continue
		}
		if err := s.admin.drop(ctx, collection); err != nil {
			return err
		}
		s.lenders = slices.DeleteFunc(s.lenders, func(l lender) bool { return l.ledger == collection })
	}
	return nil
}
