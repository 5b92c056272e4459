package model

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/test/nimsim"
)

// direct is a round tripper that calls a handler, without a network: time may be simulated.
type direct struct{ http.Handler }

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return w.Result(), nil
}

func simulated(t *testing.T, c nimsim.Capacity) *nimsim.Sim {
	sim := nimsim.New(nimsim.Options{Fast: &nimsim.Fast{Dimensions: 4}, Capacity: &c})
	t.Cleanup(sim.Close)
	return sim
}

func embedderOf(sim *nimsim.Sim) *Embedder {
	return NewEmbedder(config.Model{URL: "http://h/v1", Name: "m"}, config.EmbeddingSpace{}, nil, Transport{HTTP: direct{sim}})
}

// embedFor has callers embed batch after batch until the time is over, and returns how many texts were embedded. What
// is under way then is waited for.
func embedFor(t *testing.T, e *Embedder, callers, texts int, over time.Duration) int {
	t.Helper()
	begun, done := time.Now(), 0
	var mu sync.Mutex
	var group sync.WaitGroup
	for range callers {
		group.Go(func() {
			for time.Since(begun) < over {
				batch := make([]string, texts)
				for i := range batch {
					batch[i] = "a passage"
				}
				if err := halving(t.Context(), e, batch); err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				done += texts
				mu.Unlock()
			}
		})
	}
	group.Wait()
	return done
}

// halving embeds texts as ingestion does: those of a request that is rejected, in halves.
func halving(ctx context.Context, e *Embedder, texts []string) error {
	_, err := e.Passages(ctx, texts)
	if half := len(texts) / 2; half > 0 && FailureOf(err) == config.ModelRejected {
		return errors.Join(halving(ctx, e, texts[:half]), halving(ctx, e, texts[half:]))
	}
	return err
}

// Whatever a server can do, it is kept busy, none of its requests waits for long, and no run fails.
func TestTheEmbeddingServerIsKeptBusy(t *testing.T) {
	for name, c := range map[string]struct {
		capacity nimsim.Capacity
		busy     float64 // at least
	}{
		"one request at a time, any queue":     {nimsim.Capacity{Base: 20 * time.Millisecond, PerText: 5 * time.Millisecond}, 0.95},
		"sixteen at a time, any queue":         {nimsim.Capacity{Parallel: 16, Base: time.Second}, 0.95},
		"one at a time, a queue of four":       {nimsim.Capacity{Queue: 4, PerText: 5 * time.Millisecond}, 0.90},
		"one at a time, a queue of one":        {nimsim.Capacity{Queue: 1, PerText: 5 * time.Millisecond}, 0.90},
		"eight at a time, a queue of eight":    {nimsim.Capacity{Parallel: 8, Queue: 8, PerText: 10 * time.Millisecond}, 0.90},
		"one at a time that says when to come": {nimsim.Capacity{Queue: 4, PerText: 10 * time.Millisecond, RetryAfter: 1}, 0.80},
		"a server that takes eight texts":      {nimsim.Capacity{Texts: 8, PerText: 5 * time.Millisecond}, 0.90},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sim := simulated(t, c.capacity)
				e := embedderOf(sim)
				embedFor(t, e, mostRequests, batchSize, time.Minute)
				load := sim.Load()
				busy := load.Busy.Seconds() / load.Passed.Seconds()
				t.Logf("busy %.2f, %d requests, %d texts, %d refused, pace %+v", busy, load.Requests, load.Texts, load.Refused, e.Pace())
				if busy < c.busy {
					t.Errorf("the server was busy %.2f of the time, want %.2f", busy, c.busy)
				}
				if share := float64(load.Refused) / float64(load.Requests); share > 0.4 { // a queue of one takes two, and every third request tries a third
					t.Errorf("%d requests were refused, where %d were not", load.Refused, load.Requests)
				}
			})
		})
	}
}

// Parallel slots are all filled, and a server that has one is not asked for much more.
func TestRequestsFollowWhatTheServerBears(t *testing.T) {
	for name, c := range map[string]struct {
		capacity    nimsim.Capacity
		least, most int
	}{
		"one at a time":                  {nimsim.Capacity{PerText: 5 * time.Millisecond}, 1, 8},
		"sixteen at a time":              {nimsim.Capacity{Parallel: 16, Base: time.Second}, 14, 32},
		"two at a time, a queue of one":  {nimsim.Capacity{Parallel: 2, Queue: 1, PerText: 5 * time.Millisecond}, 1, 4},
		"more than a client may ask for": {nimsim.Capacity{Parallel: 500, Base: time.Second}, 32, 32},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := embedderOf(simulated(t, c.capacity))
				embedFor(t, e, mostRequests, batchSize, 40*time.Second)
				if got := e.Pace().Requests; got < c.least || got > c.most {
					t.Errorf("%d requests at once, want %d to %d", got, c.least, c.most)
				}
			})
		})
	}
}

// Two workers that know nothing of each other get about the same, also when one comes late.
func TestWorkersShareAServerFairly(t *testing.T) {
	for name, capacity := range map[string]nimsim.Capacity{
		"any queue":          {Parallel: 4, PerText: 5 * time.Millisecond},
		"a queue of eight":   {Parallel: 4, Queue: 8, PerText: 5 * time.Millisecond},
		"one, a queue of 16": {Queue: 16, PerText: 5 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sim := simulated(t, capacity)
				first, second := embedderOf(sim), embedderOf(sim)
				embedFor(t, first, mostRequests, batchSize, 20*time.Second) // it has grown before the other comes
				var done [2]int
				var both sync.WaitGroup
				for i, e := range []*Embedder{first, second} {
					both.Go(func() { done[i] = embedFor(t, e, mostRequests, batchSize, 4*time.Minute) })
				}
				both.Wait()
				t.Logf("%v texts; pace %+v and %+v", done, first.Pace(), second.Pace())
				if low, high := min(done[0], done[1]), max(done[0], done[1]); low*2 < high {
					t.Errorf("one worker embedded %d texts, the other %d", low, high)
				}
			})
		})
	}
}

// A slow server gets smaller requests and longer deadlines; no run fails, and both return when it is fast again.
func TestASlowServerGetsSmallerRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := simulated(t, nimsim.Capacity{Parallel: 4, PerText: 40 * time.Second}) // a batch of 32 takes 21 minutes
		e := embedderOf(sim)
		embedFor(t, e, 2, batchSize, time.Hour)
		if pace := e.Pace(); pace.Texts >= batchSize || pace.Texts < 1 {
			t.Errorf("pace %+v, want fewer texts", pace)
		}
		fast := simulated(t, nimsim.Capacity{PerText: 20 * time.Millisecond})
		e.client.http = direct{fast}
		embedFor(t, e, 2, batchSize, time.Hour)
		if pace := e.Pace(); pace.Texts != batchSize || e.pace.deadline != shortestDeadline {
			t.Errorf("pace %+v and deadline %s, want full requests again", pace, e.pace.deadline)
		}
	})
}

// A limit on the texts of a request is found once, not with every batch.
func TestALimitOnTextsIsLearned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := simulated(t, nimsim.Capacity{Texts: 8, PerText: time.Millisecond})
		e := embedderOf(sim)
		for range 20 {
			if err := halving(t.Context(), e, make([]string, batchSize)); err != nil {
				t.Fatal(err)
			}
		}
		if pace := e.Pace(); pace.Texts != 8 {
			t.Errorf("%d texts in a request, want 8", pace.Texts)
		}
	})
}

// A server may refuse everything for minutes, and a refusal that names a time is waited for by all.
func TestARateLimitIsWaitedOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refusal := reaction{status: 429, header: http.Header{"Retry-After": {"50"}}}
		s := &script{replies: []reaction{refusal, refusal, refusal, refusal, refusal, refusal, fine}}
		if _, err := s.embedder().Passages(t.Context(), []string{"x"}); err != nil {
			t.Errorf("after %v: %v", s.asked, err)
		}
		s = &script{replies: []reaction{{status: 429}}}
		begun := time.Now()
		_, err := s.embedder().Passages(t.Context(), []string{"x"})
		if took := time.Since(begun); FailureOf(err) != config.ModelOverloaded || took < 9*time.Minute || took > 15*time.Minute {
			t.Errorf("a server that refuses for ever: %v after %s", err, took)
		}

		s = &script{replies: []reaction{refusal, fine}}
		e := s.embedder()
		var both sync.WaitGroup
		for i := range 2 {
			both.Go(func() {
				time.Sleep(time.Duration(i) * time.Second)
				if _, err := e.Passages(t.Context(), []string{"x"}); err != nil {
					t.Error(err)
				}
			})
		}
		both.Wait()
		if second := s.asked[1]; second < 50*time.Second {
			t.Errorf("another request was sent after %s, before the server's Retry-After", second)
		}
	})
}
