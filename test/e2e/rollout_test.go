//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// An answer of the LLM takes longer than a pod waits before it stops taking requests.
const (
	longAnswer = 7 * time.Second
	streamers  = 8
)

// Pods come and go under streams that are longer than the way of a pod's end: none of them may be cut.
func TestARolloutAndAScaleDownCutNoStream(t *testing.T) {
	t.Parallel()
	n := newNamespace(t)
	busy := n.host("busy", "-busy=llm", "-parallel=64", "-takes="+longAnswer.String())
	object := standIns("rollout", n.documentsOf(turbine))
	two := int32(2)
	object.Spec.Gateway.Replicas = &two
	object.Spec.Models.LLM.Model = busy.endpoint(config.StandInLLM)
	p := n.pipeline(object)
	p.settled(readyWithin)
	load := p.stream(howFast)
	prober := p.probe(howFast)
	for name, change := range map[string]func(*v1alpha1.RAGPipelineSpec){
		"a rollout":    func(s *v1alpha1.RAGPipelineSpec) { s.Gateway.Prompt.System = "Answer as a pirate." },
		"a scale-down": func(s *v1alpha1.RAGPipelineSpec) { one := int32(1); s.Gateway.Replicas = &one },
	} {
		t.Log(name)
		before := p.startTimes(naming.ComponentGateway)
		p.edit(change)
		eventually(t, readyWithin, "other gateways", func(ctx context.Context) error {
			if now := p.startTimes(naming.ComponentGateway); now == before {
				return fmt.Errorf("still %s", now)
			}
			return nil
		})
		p.settled(readyWithin)
		load.more(2 * streamers)
	}
	load.end()
	prober.end()
	prober.unfailing(t)
	t.Logf("%d streams were whole", load.whole)
}

// streaming is callers that ask for one stream after the other.
type streaming struct {
	p    *pipeline
	stop chan struct{}
	work sync.WaitGroup

	mu    sync.Mutex
	whole int
}

func (p *pipeline) stream(question string) *streaming {
	p.t.Helper()
	token, err := p.token(p.t.Context())
	if err != nil {
		p.t.Fatal(err)
	}
	s := &streaming{p: p, stop: make(chan struct{})}
	for range streamers {
		s.work.Go(func() {
			for {
				select {
				case <-s.stop:
					return
				default:
				}
				if err := p.streamOnce(token, question); err != nil {
					p.t.Errorf("%s: a stream: %v", time.Now().Format(time.TimeOnly), err)
					return
				}
				s.mu.Lock()
				s.whole++
				s.mu.Unlock()
			}
		})
	}
	return s
}

// streamOnce asks for a stream and reads it to its end.
func (p *pipeline) streamOnce(token, question string) error {
	ctx, cancel := context.WithTimeout(p.t.Context(), 2*answerWithin)
	defer cancel()
	address, err := p.address(ctx, p.names().Gateway())
	if err != nil {
		return err
	}
	body, err := json.Marshal(map[string]any{"stream": true, "messages": []map[string]string{{"role": "user", "content": question}}})
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+"/v1/chat/completions", strings.NewReader(string(body)))
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	reply, err := web.Do(r)
	if err != nil {
		return err
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	if err == nil && (reply.StatusCode != http.StatusOK || !strings.HasSuffix(strings.TrimSpace(string(text)), "data: [DONE]")) {
		err = fmt.Errorf("status %d, and it ends in %q", reply.StatusCode, text[max(0, len(text)-300):])
	}
	return err
}

// more waits until so many more streams were whole.
func (s *streaming) more(streams int) {
	s.p.t.Helper()
	s.mu.Lock()
	from := s.whole
	s.mu.Unlock()
	eventually(s.p.t, 2*time.Minute, "more streams", func(context.Context) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.whole < from+streams {
			return fmt.Errorf("%d of %d", s.whole-from, streams)
		}
		return nil
	})
}

// end lets the streams in flight end.
func (s *streaming) end() {
	close(s.stop)
	s.work.Wait()
}
