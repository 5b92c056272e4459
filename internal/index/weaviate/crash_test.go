package weaviate

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"
	pb "github.com/weaviate/weaviate/grpc/generated/protocol/v1"
	"google.golang.org/grpc"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/index/weaviate/weaviatetest"
)

// dying is a process that dies after some writes.
type dying struct {
	pb.WeaviateClient
	writes int
}

var errDied = errors.New("the process has died")

func (d *dying) step() error {
	if d.writes--; d.writes < 0 {
		return errDied
	}
	return nil
}

func (d *dying) BatchObjects(
	ctx context.Context, r *pb.BatchObjectsRequest, o ...grpc.CallOption,
) (*pb.BatchObjectsReply, error) {
	if err := d.step(); err != nil {
		return nil, err
	}
	return d.WeaviateClient.BatchObjects(ctx, r, o...)
}

func (d *dying) BatchDelete(
	ctx context.Context, r *pb.BatchDeleteRequest, o ...grpc.CallOption,
) (*pb.BatchDeleteReply, error) {
	if err := d.step(); err != nil {
		return nil, err
	}
	return d.WeaviateClient.BatchDelete(ctx, r, o...)
}

func openFor(t *testing.T, s *weaviatetest.Server, name string) *Store {
	t.Helper()
	store, err := Open(t.Context(), Options{
		Index:    config.WeaviateIndex{URL: s.URL, GRPCURL: s.GRPCURL},
		Pipeline: config.Pipeline{Namespace: "crash", Name: name},
		Key:      func() (string, error) { return weaviatetest.Key, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return store
}

// document makes a document whose chunks hold the words.
func document(name, hash string, words ...string) (index.Row, []index.Vectored) {
	var chunks []index.Vectored
	for i, word := range words {
		id := uuid.NewSHA1(uuid.NameSpaceURL, []byte(name+word)).String()
		chunks = append(chunks, index.Vectored{
			Chunk: index.Chunk{ID: id, Document: name, Source: "docs", Text: word}, Vector: []float32{1, float32(i)},
		})
	}
	return index.Row{
		Document: name, Source: "docs", Hash: hash, Attributes: "a", Chunks: len(chunks),
		State: index.Indexed, Updated: time.Unix(1, 0).UTC(),
	}, chunks
}

// texts are the texts of all chunks, as a search finds them.
func texts(t *testing.T, s *Store) []string {
	t.Helper()
	hits, err := s.Vector(t.Context(), []float32{1, 1}, 1000, nil)
	if err != nil {
		t.Fatal(err)
	}
	ids := make([]string, len(hits))
	for i, h := range hits {
		ids[i] = h.ID
	}
	chunks, err := s.Chunks(t.Context(), ids)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, c := range chunks {
		out = append(out, c.Text)
	}
	slices.Sort(out)
	return out
}

func hashes(t *testing.T, s *Store) map[string]string {
	t.Helper()
	rows, err := s.Documents(t.Context(), "", 1000)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, r := range rows {
		out[r.Document] = r.Hash
	}
	return out
}

// TestAProcessMayDieBetweenAnyTwoWrites lets a write die at every step, and the next process do
// what ingestion does: open, put again what the ledger does not hold as it is, and remove what is
// no longer listed.
func TestAProcessMayDieBetweenAnyTwoWrites(t *testing.T) {
	weaviatetest.Need(t)
	server, err := Shared()
	must(t, err)
	three := []string{"one", "two", "three"}
	for name, test := range map[string]struct {
		before []string // the words of docs/a, nil when it is new
		write  func(ctx context.Context, s *Store) error
		// listed are the words of docs/a that the source has after the death, nil when it is gone.
		listed []string
	}{
		"a document that is new":                {nil, put("new", "one", "two"), []string{"one", "two"}},
		"a document that is new and then gone":  {nil, put("new", "one", "two"), nil},
		"a document that has changed":           {three, put("new", "two", "four"), []string{"two", "four"}},
		"a document that has changed and back":  {three, put("new", "two", "four"), three},
		"a document that was staged":            {[]string{"one"}, stageAndPut("new", "one", "two"), []string{"one", "two"}},
		"a document that is removed":            {[]string{"one", "two"}, removeIt, nil},
		"a document that is removed and back":   {[]string{"one", "two"}, removeIt, []string{"one", "two"}},
		"a document that becomes unreadable":    {[]string{"one", "two"}, put("new"), []string{}},
		"an unreadable document that is put so": {nil, put("new"), []string{}},
	} {
		t.Run(name, func(t *testing.T) {
			pipeline := fmt.Sprintf("%x", uuid.NewSHA1(uuid.NameSpaceURL, []byte(name)).ID())
			for writes, ended := 0, false; !ended; writes++ {
				s := openFor(t, server, pipeline)
				if _, err := s.Remove(t.Context(), []string{"docs/a", "docs/other"}); err != nil {
					t.Fatal(err)
				}
				other, otherChunks := document("docs/other", "h", "other")
				must(t, s.Put(t.Context(), other, otherChunks))
				if test.before != nil {
					row, chunks := document("docs/a", "old", test.before...)
					must(t, s.Put(t.Context(), row, chunks))
				}
				s.client = &dying{s.client, writes}
				err := test.write(t.Context(), s)
				if ended = err == nil; !ended && !errors.Is(err, errDied) {
					t.Fatal(err)
				}
				recovered(t, openFor(t, server, pipeline), test.before, test.listed, writes)
			}
		})
	}
}

// recovered does what the next ingestion does, and checks that every document is there exactly
// once.
func recovered(t *testing.T, s *Store, before, listed []string, writes int) {
	t.Helper()
	hash := "new"
	if slices.Equal(before, listed) {
		hash = "old"
	}
	if begun, err := s.Unremoved(t.Context()); err != nil {
		t.Fatal(err)
	} else if _, err := s.Remove(t.Context(), begun); err != nil {
		t.Fatal(err)
	}
	rows := hashes(t, s)
	held, exists := rows["docs/a"]
	switch {
	case listed == nil && exists:
		if _, err := s.Remove(t.Context(), []string{"docs/a"}); err != nil {
			t.Fatal(err)
		}
	case listed != nil && held != hash:
		row, chunks := document("docs/a", hash, listed...)
		must(t, s.Put(t.Context(), row, chunks))
	}
	want := map[string]string{"docs/other": "h"}
	if listed != nil {
		want["docs/a"] = hash
	}
	if got := hashes(t, s); !maps.Equal(got, want) {
		t.Errorf("after %d writes: the ledger holds %v, want %v", writes, got, want)
	}
	words := append([]string{"other"}, listed...)
	slices.Sort(words)
	if diff := cmp.Diff(words, texts(t, s)); diff != "" {
		t.Errorf("after %d writes: chunks (-want +got):\n%s", writes, diff)
	}
	left, err := s.count(t.Context(), s.names.ledger, anyOf(propState, stateNew, stateRemoving, stateStaged))
	if err != nil || left != 0 {
		t.Errorf("after %d writes: %d objects of what was begun are left, %v", writes, left, err)
	}
}

// TestABegunRemovalIsNotShown lets a removal die at every step: from its first write nothing shows the document.
func TestABegunRemovalIsNotShown(t *testing.T) {
	weaviatetest.Need(t)
	server, err := Shared()
	must(t, err)
	for writes := 1; ; writes++ {
		s := openFor(t, server, fmt.Sprint("begun", writes))
		row, chunks := document("docs/a", "h", "one", "two")
		must(t, s.Put(t.Context(), row, chunks))
		s.client = &dying{s.client, writes}
		err := removeIt(t.Context(), s)
		if err == nil {
			return
		}
		next := openFor(t, server, fmt.Sprint("begun", writes))
		if rows, found := hashes(t, next), texts(t, next); len(rows)+len(found) > 0 {
			t.Errorf("after %d writes: the ledger shows %v, and a search %v", writes, rows, found)
		}
		begun, err := next.Unremoved(t.Context())
		must(t, err)
		left, err := next.Left(t.Context(), []string{"docs/a"})
		must(t, err)
		if diff := cmp.Diff(left, begun, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("after %d writes: what is left of the document is not what is to be removed (-want +got):\n%s", writes, diff)
		}
	}
}

// TestAChunkWithoutItsRowIsNotShown has a store that lost the deletion of a chunk, and not that of the row.
func TestAChunkWithoutItsRowIsNotShown(t *testing.T) {
	weaviatetest.Need(t)
	server, err := Shared()
	must(t, err)
	s := openFor(t, server, "orphan")
	_, chunks := document("docs/a", "h", "one")
	must(t, s.putChunks(t.Context(), "docs/a", chunks, "v", nil))
	if found := texts(t, s); len(found) > 0 {
		t.Errorf("a search shows %v", found)
	}
	left, err := s.Left(t.Context(), []string{"docs/a"})
	must(t, err)
	if diff := cmp.Diff([]string{"docs/a"}, left); diff != "" {
		t.Errorf("left (-want +got):\n%s", diff)
	}
	must(t, removeIt(t.Context(), s))
	if left, err := s.Left(t.Context(), []string{"docs/a"}); err != nil || len(left) > 0 {
		t.Errorf("left is %v, %v", left, err)
	}
}

func put(hash string, words ...string) func(context.Context, *Store) error {
	return func(ctx context.Context, s *Store) error {
		row, chunks := document("docs/a", hash, words...)
		return s.Put(ctx, row, chunks)
	}
}

func stageAndPut(hash string, words ...string) func(context.Context, *Store) error {
	return func(ctx context.Context, s *Store) error {
		row, chunks := document("docs/a", hash, words...)
		if err := s.Stage(ctx, "docs/a", chunks); err != nil {
			return err
		}
		for i := range chunks {
			chunks[i].Vector = nil
		}
		return s.Put(ctx, row, chunks)
	}
}

func removeIt(ctx context.Context, s *Store) error {
	_, err := s.Remove(ctx, []string{"docs/a"})
	return err
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
