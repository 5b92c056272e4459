package weaviate

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	pb "github.com/weaviate/weaviate/grpc/generated/protocol/v1"
	"google.golang.org/grpc"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
)

// Store is one generation of a pipeline's index. All of its methods may be called concurrently, those that write
// for different documents only.
type Store struct {
	address  string // of the gRPC API, for errors
	names    names
	pipeline config.Pipeline

	connection *grpc.ClientConn
	client     pb.WeaviateClient
	admin      *admin // nil when read-only

	// dimensions is the length of the index's vectors as it was last seen; 0 until the first.
	dimensions atomic.Int64

	writing sync.Mutex // guards what follows
	record  record
	staged  map[string]map[string]bool // by document and chunk id
}

var _ index.Store = (*Store)(nil)

// Options say which index to open.
type Options struct {
	Index      config.WeaviateIndex
	Pipeline   config.Pipeline
	Generation config.Generation
	// Key gives the API key; it is called for every request. Nil sends none.
	Key func() (string, error)
	// ReadOnly opens for questions: nothing is asked of Weaviate before the first, and nothing is made.
	ReadOnly bool
}

// Open opens the index. Read-only, it succeeds whatever the state of Weaviate; calls fail with index.ErrUnreachable
// while it is away and with index.ErrNotBuilt until an ingestion has made the collections. Otherwise it waits up
// to a minute for Weaviate, makes the collections that are missing, and mends what a process that died has left.
func Open(ctx context.Context, o Options) (*Store, error) {
	connection, err := dial(o.Index.GRPCURL, o.Key, !o.ReadOnly)
	if err != nil {
		return nil, err
	}
	s := &Store{
		address:    o.Index.GRPCURL,
		names:      newNames(o.Index.Prefix, o.Pipeline, o.Generation),
		pipeline:   o.Pipeline,
		connection: connection,
		client:     pb.NewWeaviateClient(connection),
		staged:     map[string]map[string]bool{},
	}
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

// prepare makes the generation ready for writing.
func (s *Store) prepare(ctx context.Context, o Options) error {
	if err := s.admin.make(ctx, chunksCollection(s.names.chunks, o.Pipeline, o.Index.Replicas)); err != nil {
		return err
	}
	if err := s.admin.make(ctx, ledgerCollection(s.names.ledger, o.Pipeline, o.Index.Replicas)); err != nil {
		return err
	}
	if err := s.openRecord(ctx, o.Generation); err != nil {
		return err
	}
	return s.mend(ctx)
}

// Close ends the connection. Nothing is lost without it.
func (s *Store) Close() error {
	if s.admin != nil {
		s.admin.close()
	}
	return s.connection.Close()
}

// Retire deletes the collections of the pipeline's other generations.
func (s *Store) Retire(ctx context.Context) error {
	if s.admin == nil {
		return errors.New("retire generations: the index is open for reading only")
	}
	return s.fail(ctx, "retire generations", s.admin.retire(ctx, s.names, s.pipeline))
}
