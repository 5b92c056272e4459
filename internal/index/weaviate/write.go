package weaviate

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"

	pb "github.com/weaviate/weaviate/grpc/generated/protocol/v1"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/vector"
)

// batch is how many objects are written or read by id at once: with vectors of 4,096 dimensions,
// about 2 MB.
const batch = 100

// Put makes the document's chunks exactly these and writes its row. A process that dies in between,
// or an error, leaves the row pending; see recover.
func (s *Store) Put(ctx context.Context, row index.Row, chunks []index.Vectored) error {
	err := ctx.Err()
	if err == nil {
		err = s.put(ctx, row, chunks)
	}
	return s.fail(ctx, fmt.Sprintf("index document %q", row.Document), err)
}

func (s *Store) put(ctx context.Context, row index.Row, chunks []index.Vectored) error {
	ids, err := index.Check(row.Document, chunks)
	if err != nil {
		return err
	}
	dimensions, err := s.checkDimensions(chunks)
	if err != nil {
		return err
	}
	old, exists, err := s.readRow(ctx, row.Document)
	if err != nil {
		return err
	}
	staged := s.stagedOf(row.Document)
	if err := s.checkVectors(ctx, row.Document, chunks, exists, staged); err != nil {
		return err
	}
	if err := s.claimDimensions(ctx, dimensions); err != nil {
		return err
	}
	version := versionOf(ids)
	if exists || len(chunks) > 0 {
		if err := s.markPending(ctx, row.Document, old, exists); err != nil {
			return err
		}
	}
	if err := s.addKeys(ctx, chunks); err != nil {
		return err
	}
	for part := range slices.Chunk(chunks, batch) {
		if err := s.putChunks(ctx, row.Document, part, version, staged); err != nil {
			return err
		}
	}
	if exists {
		if err := s.remove(ctx, s.names.chunks, and(ofDocuments(row.Document), notEqual(propVersion, version))); err != nil {
			return err
		}
	}
	if err := s.writeRow(ctx, &storedRow{Row: row, version: version}); err != nil {
		return err
	}
	return s.unstage(ctx, row.Document, staged)
}

// PutRow replaces the row of a document that has one.
func (s *Store) PutRow(ctx context.Context, row index.Row) error {
	old, exists, err := s.readRow(ctx, row.Document)
	switch {
	case err != nil:
	case !exists || old.pending:
		err = fmt.Errorf("the ledger has no whole row of %q to replace", row.Document)
	default:
		old.Row = row
		err = s.writeRow(ctx, &old)
	}
	return s.fail(ctx, "write the ledger", err)
}

// versionOf is the same for the same set of chunks, so that two processes that put it at once do
// not take each other's chunks for stale.
func versionOf(ids map[string]bool) string {
	h := sha256.New()
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		h.Write([]byte(id))
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// checkVectors checks that the index holds, or has staged, a vector for each chunk that lacks one.
func (s *Store) checkVectors(
	ctx context.Context, document string, chunks []index.Vectored, exists bool, staged map[string]bool,
) error {
	var known map[string]bool
	for _, c := range chunks {
		if c.Vector != nil || staged[c.ID] {
			continue
		}
		if known == nil && exists {
			var err error
			if known, err = s.known(ctx, document); err != nil {
				return err
			}
		}
		if !known[c.ID] {
			return fmt.Errorf("chunk %s has no vector, and the index does not hold one for it", c.ID)
		}
	}
	return nil
}

// markPending writes that the document is being put.
func (s *Store) markPending(ctx context.Context, document string, old storedRow, exists bool) error {
	if !exists {
		old.Row = index.Row{Document: document, State: stateNew}
	}
	old.pending = true
	return s.writeRow(ctx, &old)
}

// putChunks writes at most batch chunks. A chunk that lacks a vector gets its staged one or the one
// in the index: an object that is written without a vector would lose its own.
func (s *Store) putChunks(
	ctx context.Context, document string, chunks []index.Vectored, version string, staged map[string]bool,
) error {
	var inIndex, inStage []string
	for _, c := range chunks {
		switch {
		case c.Vector != nil:
		case staged[c.ID]:
			inStage = append(inStage, stagedID(document, c.ID))
		default:
			inIndex = append(inIndex, c.ID)
		}
	}
	vectors, err := s.vectors(ctx, s.names.chunks, inIndex)
	if err != nil {
		return err
	}
	stagedVectors, err := s.vectors(ctx, s.names.ledger, inStage)
	if err != nil {
		return err
	}
	maps.Copy(vectors, stagedVectors)
	objects := make([]*pb.BatchObject, len(chunks))
	for i := range chunks {
		c := chunks[i] // a copy: the caller's chunk stays unchanged
		if c.Vector == nil {
			c.Vector = vectors[c.ID]
			if staged[c.ID] {
				c.Vector = vectors[stagedID(document, c.ID)]
			}
		}
		if len(c.Vector) == 0 {
			return fmt.Errorf("the vector of chunk %s no longer exists: another process is writing this index", c.ID)
		}
		if objects[i], err = s.chunkObject(&c, version); err != nil {
			return err
		}
	}
	return s.write(ctx, objects...)
}

// vectors reads the vectors of at most batch objects.
func (s *Store) vectors(ctx context.Context, collection string, ids []string) (map[string][]float32, error) {
	found := make(map[string][]float32, len(ids))
	if len(ids) == 0 {
		return found, nil
	}
	results, err := s.search(ctx, &pb.SearchRequest{
		Collection: collection, Limit: uint32(len(ids)), Filters: anyOf(propID, ids...),
		Properties: &pb.PropertiesRequest{}, Metadata: &pb.MetadataRequest{Uuid: true, Vector: true},
	})
	if err != nil {
		return nil, err
	}
	for _, r := range results {
		bytes := r.Metadata.GetVectorBytes()
		if len(bytes) == 0 && len(r.Metadata.GetVectors()) > 0 {
			bytes = r.Metadata.Vectors[0].VectorBytes
		}
		if found[r.Metadata.GetId()], err = vector.Decode(bytes); err != nil {
			return nil, fmt.Errorf("vector of object %s: %w", r.Metadata.GetId(), err)
		}
	}
	return found, nil
}

// ofDocuments are the documents' chunks.
func ofDocuments(documents ...string) *pb.Filters {
	terms := make([]string, len(documents))
	for i, d := range documents {
		terms[i] = textTerm(config.KeyDocument, d)
	}
	return anyOf(propFilters, terms...)
}

// Stage writes the vectors of chunks whose document is not yet put, as objects of the ledger: there
// no search finds them, and their texts do not count in BM25.
func (s *Store) Stage(ctx context.Context, document string, chunks []index.Vectored) error {
	err := ctx.Err()
	if err == nil {
		err = s.stage(ctx, document, chunks)
	}
	return s.fail(ctx, fmt.Sprintf("stage document %q", document), err)
}

func (s *Store) stage(ctx context.Context, document string, chunks []index.Vectored) error {
	if _, err := index.Check(document, chunks); err != nil {
		return err
	}
	dimensions, err := s.checkDimensions(chunks)
	if err != nil {
		return err
	}
	if err := s.claimDimensions(ctx, dimensions); err != nil {
		return err
	}
	for part := range slices.Chunk(chunks, batch) {
		objects := make([]*pb.BatchObject, len(part))
		for i, c := range part {
			if len(c.Vector) == 0 {
				return fmt.Errorf("%w: chunk %s has no vector", index.ErrDimensions, c.ID)
			}
			properties := map[string]any{propState: stateStaged, propOrder: order(document)}
			objects[i], err = object(s.names.ledger, stagedID(document, c.ID), properties, c.Vector)
			if err != nil {
				return err
			}
		}
		if err := s.write(ctx, objects...); err != nil {
			return err
		}
		s.addStaged(document, part)
	}
	return nil
}

func (s *Store) addStaged(document string, chunks []index.Vectored) {
	s.writing.Lock()
	defer s.writing.Unlock()
	if s.staged[document] == nil {
		s.staged[document] = map[string]bool{}
	}
	for _, c := range chunks {
		s.staged[document][c.ID] = true
	}
}

// stagedOf returns the ids of the document's chunks that this process has staged.
func (s *Store) stagedOf(document string) map[string]bool {
	s.writing.Lock()
	defer s.writing.Unlock()
	return s.staged[document]
}

// unstage deletes what is staged of the document.
func (s *Store) unstage(ctx context.Context, document string, staged map[string]bool) error {
	if staged == nil {
		return nil
	}
	err := s.remove(ctx, s.names.ledger, and(equal(propState, stateStaged), equal(propOrder, order(document))))
	if err != nil {
		return err
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	delete(s.staged, document)
	return nil
}
