package model

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// flood is a server whose answers never end. It notes how many bytes of answers were held at most.
type flood struct{ held, most atomic.Int64 }

func (e *flood) RoundTrip(req *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, ContentLength: -1, Request: req, Body: &floodBody{of: e}}, nil
}

type floodBody struct {
	of   *flood
	read int64
}

func (b *floodBody) Read(p []byte) (int, error) {
	b.read += int64(len(p))
	held := b.of.held.Add(int64(len(p)))
	for most := b.of.most.Load(); held > most && !b.of.most.CompareAndSwap(most, held); most = b.of.most.Load() {
	}
	return len(p), nil
}

func (b *floodBody) Close() error {
	b.of.held.Add(-b.read)
	return nil
}

func TestAnswersThatNeverEndAreBoundedTogether(t *testing.T) {
	server := &flood{}
	e := NewEmbedder(config.Model{URL: "http://a.example/v1", Name: "m"}, config.EmbeddingSpace{}, nil, Transport{HTTP: server})
	var calls sync.WaitGroup
	for range concurrency {
		calls.Go(func() {
			if _, err := e.Query(t.Context(), "what?"); FailureOf(err) != config.ModelBroken {
				t.Errorf("got %v", err)
			}
		})
	}
	calls.Wait()
	// A call gives its room back just before it closes the answer.
	if most := server.most.Load(); most > largeReplies*3/2+concurrency*freeReply {
		t.Errorf("%d MiB of answers were held at once", most>>20)
	}
	if server.held.Load() != 0 {
		t.Errorf("%d bytes are still held", server.held.Load())
	}
}

func TestALargeAnswerIsReadWhole(t *testing.T) {
	for _, size := range []int{0, 1, freeReply - 1, freeReply, freeReply + 1, 4 << 20} {
		for _, announced := range []bool{true, false} {
			r := &reply{Response: &http.Response{ContentLength: -1, Request: new(http.Request).WithContext(t.Context()),
				Body: io.NopCloser(strings.NewReader(strings.Repeat("x", size)))}, texts: 32}
			if announced {
				r.ContentLength = int64(size)
			}
			var got bytes.Buffer
			done, err := r.whole(&got)
			done()
			if err != nil || got.Len() != size {
				t.Errorf("read %d of %d bytes, announced %v: %v", got.Len(), size, announced, err)
			}
		}
	}
}
