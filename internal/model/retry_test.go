package model

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// script is a round tripper that plays replies, the last of them for ever, and notes when it was
// asked.
type script struct {
	mu      sync.Mutex
	replies []reaction
	start   time.Time
	asked   []time.Duration
}

type reaction struct {
	status int
	header http.Header
	body   string
	err    error
	hang   bool // until the request's context ends
}

func (s *script) RoundTrip(req *http.Request) (*http.Response, error) {
	s.mu.Lock()
	if s.start.IsZero() {
		s.start = time.Now()
	}
	s.asked = append(s.asked, time.Since(s.start))
	r := s.replies[min(len(s.asked), len(s.replies))-1]
	s.mu.Unlock()
	if r.hang {
		<-req.Context().Done()
		return nil, context.Cause(req.Context())
	}
	if r.err != nil {
		return nil, r.err
	}
	h := r.header
	if h == nil {
		h = http.Header{}
	}
	return &http.Response{StatusCode: r.status, Header: h, Body: io.NopCloser(strings.NewReader(r.body))}, nil
}

func (s *script) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.asked)
}

func (s *script) embedder() *Embedder {
	return NewEmbedder(config.Model{URL: "http://h/v1", Name: "m"}, config.EmbeddingSpace{}, nil, Transport{HTTP: s})
}

var fine = reaction{status: 200, body: vectorsOf(1)}

func TestWhatIsTriedAgain(t *testing.T) {
	refused := errors.New("connection refused")
	cases := []struct {
		name     string
		first    reaction
		requests int
		failure  config.Failure
	}{
		{"a connection that fails", reaction{err: refused}, 2, ""},
		{"429", reaction{status: 429}, 2, ""},
		{"502", reaction{status: 502}, 2, ""},
		{"503", reaction{status: 503}, 2, ""},
		{"504", reaction{status: 504}, 2, ""},
		{"a reply that breaks off", reaction{status: 200, body: "", err: io.ErrUnexpectedEOF}, 2, ""},
		{"not 500, for the text may be the cause", reaction{status: 500}, 1, config.ModelBroken},
		{"not 400, but once as numbers", reaction{status: 400}, 2, ""},
		{"not 401", reaction{status: 401}, 1, config.ModelUnauthorized},
		{"not 404", reaction{status: 404}, 1, config.ModelNotFound},
		{"not 410", reaction{status: 410}, 1, config.ModelRetired},
		{"not 202, for the request was taken", reaction{status: 202}, 1, config.ModelBroken},
		{"not an answer that makes no sense", reaction{status: 200, body: "{}"}, 1, config.ModelBroken},
		{"not silence", reaction{hang: true}, 1, config.ModelTimedOut},
		{"not a server that wants a long wait", reaction{status: 429, header: http.Header{"Retry-After": {"30"}}}, 1, config.ModelOverloaded},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{replies: []reaction{tc.first, fine}}
				_, err := s.embedder().Query(t.Context(), "x")
				if FailureOf(err) != tc.failure || (err == nil) != (tc.failure == "") || s.count() != tc.requests {
					t.Errorf("got %v after %d requests, want %q after %d", err, s.count(), tc.failure, tc.requests)
				}
			})
		})
	}
}

func TestAQuestionTriesThreeTimesAndIngestionForAboutAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{replies: []reaction{{status: 503}}}
		begun := time.Now()
		if _, err := s.embedder().Query(t.Context(), "x"); FailureOf(err) != config.ModelNotReady || s.count() != 3 || time.Since(begun) > time.Second {
			t.Errorf("a question got %v after %d requests in %s", err, s.count(), time.Since(begun))
		}
		s = &script{replies: []reaction{{status: 503}}}
		begun = time.Now()
		_, err := s.embedder().Passages(t.Context(), []string{"x"})
		if took := time.Since(begun); FailureOf(err) != config.ModelNotReady || took < 20*time.Second || took > 2*time.Minute {
			t.Errorf("ingestion got %v after %d requests in %s", err, s.count(), took)
		}
	})
}

// An error of the server's own may be of the moment, or of the text: ingestion asks again, but not for a minute.
func TestIngestionTriesAnErrorOfTheServerFourTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := reaction{status: 500}
		s := &script{replies: []reaction{broken, broken, broken, fine}}
		if _, err := s.embedder().Passages(t.Context(), []string{"x"}); err != nil {
			t.Errorf("got %v after %d requests", err, s.count())
		}
		s = &script{replies: []reaction{broken}}
		if _, err := s.embedder().Passages(t.Context(), []string{"x"}); FailureOf(err) != config.ModelBroken || s.count() != 4 {
			t.Errorf("got %v after %d requests, want 4", err, s.count())
		}
	})
}

// A batch that hangs is asked for again in halves, a single text as it is, and a server that always hangs is given up.
func TestIngestionAsksForLessWhereThereIsNoReply(t *testing.T) {
	hung := reaction{hang: true}
	vectors := func(n int) reaction { return reaction{status: 200, body: vectorsOf(n)} }
	for _, tc := range []struct {
		name     string
		texts    int
		replies  []reaction
		requests int
		failure  config.Failure
	}{
		{"one batch", 4, []reaction{hung, vectors(2), vectors(2)}, 3, ""},
		{"a batch and its first half, which the second half is not sent as", 4, []reaction{hung, hung, vectors(1)}, 6, ""},
		{"one text", 1, []reaction{hung, hung, vectors(1)}, 3, ""},
		{"a server that is gone", 32, []reaction{hung}, maxTimeouts + 1, config.ModelTimedOut},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{replies: tc.replies}
				got, err := s.embedder().Passages(t.Context(), make([]string, tc.texts))
				if FailureOf(err) != tc.failure || err == nil && len(got) != tc.texts || s.count() != tc.requests {
					t.Errorf("got %d vectors, %v after %d requests, want %d", len(got), err, s.count(), tc.requests)
				}
			})
		})
	}
}

func TestIngestionWaitsOutAnOutageThatOpensTheBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := reaction{err: errors.New("connection refused")}
		s := &script{replies: []reaction{down, down, down, down, down, down, fine}}
		e := s.embedder()
		var both sync.WaitGroup
		for range 2 { // together they reach tripAfter
			both.Go(func() {
				if _, err := e.Passages(t.Context(), []string{"x"}); err != nil {
					t.Error(err)
				}
			})
		}
		both.Wait()
	})
}

func TestRetryAfterIsHonoured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		date := func() string { return time.Now().Add(40 * time.Second).UTC().Format(http.TimeFormat) }
		for _, tc := range []struct {
			header func() string
			least  time.Duration
		}{{func() string { return "3" }, 3 * time.Second}, {date, 39 * time.Second}} {
			s := &script{replies: []reaction{{status: 429, header: http.Header{"Retry-After": {tc.header()}}}, fine}}
			if _, err := s.embedder().Passages(t.Context(), []string{"x"}); err != nil {
				t.Fatal(err)
			}
			if got := s.asked[1]; got < tc.least || got > tc.least+5*time.Second {
				t.Errorf("a Retry-After of about %s was waited for %s", tc.least, got)
			}
		}
		s := &script{replies: []reaction{{status: 503, header: http.Header{"Retry-After": {"90"}}}}}
		_, err := s.embedder().Query(t.Context(), "x")
		if e, ok := errors.AsType[*Error](err); !ok || e.RetryAfter != 90*time.Second {
			t.Errorf("the error lacks it: %#v", err)
		}
	})
}

func TestRetryAfterIsReadLiberallyAndBounded(t *testing.T) {
	for value, want := range map[string]time.Duration{
		"": 0, "x": 0, "-5": 0, "7": 7 * time.Second, "4000000000": time.Hour, "Mon, 01 Jan 2001 00:00:00 GMT": 0,
		"Fri, 01 Jan 2999 00:00:00 GMT": time.Hour, "1.5": 1500 * time.Millisecond, " 2 ": 2 * time.Second, "NaN": 0, "1e300": time.Hour,
	} {
		if got := retryAfter(http.Header{"Retry-After": {value}}); got != want {
			t.Errorf("%q gives %s, want %s", value, got, want)
		}
	}
	if got := retryAfter(http.Header{"Retry-After-Ms": {"250"}}); got != 250*time.Millisecond {
		t.Errorf("250 ms give %s", got)
	}
}

func TestNoWaitOutlastsTheCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		s := &script{replies: []reaction{{status: 429, header: http.Header{"Retry-After": {"3"}}}, fine}}
		begun := time.Now()
		if _, err := s.embedder().Query(ctx, "x"); FailureOf(err) != config.ModelOverloaded || time.Since(begun) != 0 {
			t.Errorf("got %v after %s", err, time.Since(begun))
		}
	})
}

func TestTheCallersDeadlineIsATimeoutAndItsCancellationIsNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{replies: []reaction{{hang: true}}}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := s.embedder().Query(ctx, "x"); FailureOf(err) != config.ModelTimedOut || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the deadline gives %v", err)
		}
		ctx, cancel = context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if _, err := s.embedder().Query(ctx, "x"); FailureOf(err) != "" || !errors.Is(err, context.Canceled) {
			t.Errorf("the cancellation gives %v", err)
		}
	})
}

func TestRetriesCannotMultiplyAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{replies: []reaction{{status: 429}}} // does not open the breaker
		e := s.embedder()
		const questions = 200
		for range questions {
			e.Query(t.Context(), "x")
		}
		retries := s.count() - questions
		if most := budgetBurst + int(time.Since(s.start).Seconds()*budgetPerSecond) + 1; retries > most {
			t.Errorf("%d retries for %d questions, at most %d are granted", retries, questions, most)
		}
		if retries < budgetBurst {
			t.Errorf("%d retries, the burst of %d is not granted", retries, budgetBurst)
		}
		time.Sleep(time.Minute)
		before := s.count()
		e.Query(t.Context(), "x")
		if s.count() != before+3 {
			t.Errorf("after a minute's rest a question tries %d times", s.count()-before)
		}
	})
}

func TestTheBreakerOpensForAnEndpointThatIsDownOnly(t *testing.T) {
	cases := []struct {
		name  string
		reply reaction
		opens bool
	}{
		{"it cannot be reached", reaction{err: errors.New("connection refused")}, true},
		{"it fails", reaction{status: 500}, true},
		{"it is loading", reaction{status: 503}, true},
		{"it is silent", reaction{hang: true}, true},
		{"it limits the rate", reaction{status: 429}, false},
		{"it refuses the key", reaction{status: 401}, false},
		{"it rejects the request", reaction{status: 422}, false},
		{"its answer makes no sense", reaction{status: 200, body: "{}"}, false},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{replies: []reaction{tc.reply}}
				e := s.embedder()
				for s.count() < tripAfter {
					e.Query(t.Context(), "x")
				}
				before := s.count()
				_, err := e.Query(t.Context(), "x")
				if opened := FailureOf(err) == config.ModelCircuitOpen && s.count() == before; opened != tc.opens {
					t.Fatalf("got %v with %d more requests", err, s.count()-before)
				}
				time.Sleep(openFor + time.Second)
				s.mu.Lock()
				s.replies = []reaction{fine}
				s.mu.Unlock()
				if _, err := e.Query(t.Context(), "x"); err != nil {
					t.Errorf("it stays shut when the endpoint is back: %v", err)
				}
			})
		})
	}
	t.Run("callers who leave", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := &script{replies: []reaction{{hang: true}}}
			e := s.embedder()
			for range 3 * tripAfter {
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(time.Millisecond, cancel)
				if _, err := e.Query(ctx, "x"); !errors.Is(err, context.Canceled) {
					t.Fatalf("got %v", err)
				}
			}
		})
	})
}

func TestOnlySoManyCallsAreInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{replies: []reaction{{hang: true}}}
		e := s.embedder()
		ctx, cancel := context.WithCancel(t.Context())
		for range concurrency + 10 {
			go e.Query(ctx, "x")
		}
		synctest.Wait()
		if s.count() != concurrency {
			t.Errorf("%d calls are in flight", s.count())
		}
		late, stop := context.WithTimeout(ctx, time.Second)
		defer stop()
		if _, err := e.Query(late, "x"); FailureOf(err) != config.ModelTimedOut {
			t.Errorf("one that waits in vain gets %v", err)
		}
		cancel()
		synctest.Wait()
		if s.count() != concurrency {
			t.Errorf("those who left were asked for all the same: %d calls", s.count())
		}
	})
}

func TestIngestionSaysThatItWaitsAndAQuestionDoesNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{replies: []reaction{{status: 503, body: `{"detail":"cannot embed: where is the A100 GPU used?"}`}}}
		var log strings.Builder
		e := NewEmbedder(config.Model{URL: "http://h/v1", Name: "m"}, config.EmbeddingSpace{}, nil,
			Transport{HTTP: s, Log: slog.New(slog.NewTextHandler(&log, nil))})
		if _, err := e.Query(t.Context(), "x"); err == nil || log.Len() > 0 {
			t.Errorf("a question logs %q (%v)", log.String(), err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		e.Passages(ctx, []string{"Where is the A100 GPU used?"})
		if got := log.String(); !strings.Contains(got, `level=WARN msg="Waiting for the model" stage=embedding model=m reason=ModelNotReady status=503`) ||
			strings.Contains(got, "A100") {
			t.Errorf("after 2 s the log is %q", got)
		}
		e.Passages(t.Context(), []string{"Where is the A100 GPU used?"})
		if lines := strings.Count(log.String(), "\n"); lines < 2 || lines > 6 {
			t.Errorf("a wait of a minute makes %d lines", lines)
		}
	})
}
