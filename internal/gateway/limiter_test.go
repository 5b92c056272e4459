package gateway

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// running counts the requests that have a place.
func running(g *Gateway) (n int) {
	for _, a := range []*admission{g.answers, g.searches, g.texts} {
		a.limiter.mu.Lock()
		n += a.limiter.running
		a.limiter.mu.Unlock()
	}
	return n
}

// metricsOf returns the values of the metrics on requests, by name and kind.
func metricsOf(t *testing.T, registry *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for _, family := range families {
		name := strings.TrimPrefix(family.GetName(), "ragpipeline_requests_")
		for _, m := range family.GetMetric() {
			values[name+" "+m.GetLabel()[0].GetValue()] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	return values
}

func TestMoreQuestionsThanPlacesWaitOrAreRefused(t *testing.T) {
	f := newFixture()
	registry := prometheus.NewRegistry()
	f.options.Registerer = registry
	f.options.Config.Limits = config.GatewayLimits{Concurrent: 1, Queued: 1}
	working, finish := make(chan struct{}), make(chan struct{})
	f.chat.words = []string{"word"}
	f.chat.between = func(context.Context) error {
		working <- struct{}{}
		<-finish
		return nil
	}
	g := f.gateway()
	answers := make(chan int, 2)
	ask := func() { answers <- call(g, "POST", chatRoute, chatBody("what?")).Code }
	go ask()
	<-working
	go ask()
	await(t, "the second question to wait", func() bool { return metricsOf(t, registry)["waiting answers"] == 1 })
	got := call(g, "POST", chatRoute, chatBody("what?"))
	told, after := failureIn(t, got.Body), got.Header().Get("Retry-After")
	if got.Code != 429 || told.Code != "TooManyRequests" || after != "1" {
		t.Errorf("status %d, Retry-After %q, %+v", got.Code, after, told)
	}
	if got := call(g, "POST", searchRoute, `{"query": "x"}`); got.Code != 200 {
		t.Errorf("search: status %d: it has places of its own", got.Code)
	}
	if got := call(g, "POST", chatRoute, `{`); got.Code != 400 {
		t.Errorf("a wrong body: status %d: it needs no place", got.Code)
	}
	close(finish)
	<-working
	for range 2 {
		if code := <-answers; code != 200 {
			t.Errorf("a question that had its turn got %d", code)
		}
	}
	if n := running(g); n != 0 {
		t.Errorf("%d places were not freed", n)
	}
	want := map[string]float64{
		"limit answers": 1, "limit searches": 1, "limit texts": 1,
		"refused_total answers": 1, "refused_total searches": 0, "refused_total texts": 0,
		"waiting answers": 0, "waiting searches": 0, "waiting texts": 0,
	}
	if diff := cmp.Diff(want, metricsOf(t, registry)); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
}

func TestTheConfigLimitsEachKindOfRequest(t *testing.T) {
	for name, tc := range map[string]struct {
		limits          config.GatewayLimits
		running, queued int
	}{
		"unset":           {config.GatewayLimits{}, 64, 32},
		"more at once":    {config.GatewayLimits{Concurrent: 200}, 200, 100},
		"more than queue": {config.GatewayLimits{Concurrent: 1024}, 1024, 128},
		"few may wait":    {config.GatewayLimits{Queued: 3}, 64, 3},
		"both":            {config.GatewayLimits{Concurrent: 2, Queued: 9}, 2, 1},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture()
			f.options.Config.Limits = tc.limits
			g := f.gateway()
			for _, kind := range []*admission{g.answers, g.searches, g.texts} {
				running, queued := 0, 0
				for w := kind.limiter.enter("a", 1); w != nil; w = kind.limiter.enter("a", 1) {
					select {
					case <-w.admitted:
						running++
					default:
						queued++
					}
				}
				if running != tc.running || queued != tc.queued {
					t.Errorf("%d run and %d wait, want %d and %d", running, queued, tc.running, tc.queued)
				}
			}
		})
	}
}

func TestARequestThatWaitsTooLongIsRefused(t *testing.T) {
	l := newLimiter(1, 1, time.Millisecond)
	first, err := l.acquire(t.Context(), "a", 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.acquire(t.Context(), "a", 1); !errors.Is(err, errFull) {
		t.Errorf("got %v, want a refusal", err)
	}
	gone, leave := context.WithCancel(t.Context())
	leave()
	if _, err := l.acquire(gone, "a", 1); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the caller's own end", err)
	}
	first.leave(0)
	if _, err := l.acquire(t.Context(), "a", 1); err != nil {
		t.Errorf("a place that was freed: %v", err)
	}
}

func TestCallersTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(8, 100, time.Hour)
		var held []*place
		for range 8 {
			p, err := l.acquire(t.Context(), "greedy", 1)
			if err != nil {
				t.Fatal(err)
			}
			held = append(held, p)
		}
		var mu sync.Mutex
		var order []string
		refused := map[string]int{}
		ask := func(caller string) {
			go func() {
				p, err := l.acquire(t.Context(), caller, 1)
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					refused[caller]++
					return
				}
				order = append(order, caller)
				held = append(held, p)
			}()
			synctest.Wait()
		}
		for range 6 {
			ask("greedy") // four fill the room, half of the places
		}
		ask("modest") // takes the room of one of them
		ask("other")
		ask("other")
		for range 4 {
			first := held[0]
			held = held[1:] // before the next one takes the place, and adds to the list
			first.leave(0)
			synctest.Wait()
		}
		mu.Lock()
		defer mu.Unlock()
		if want := []string{"greedy", "modest", "other", "greedy"}; !slices.Equal(order, want) {
			t.Errorf("admitted %v, want %v", order, want)
		}
		if refused["greedy"] != 4 || refused["modest"] != 0 || refused["other"] != 1 {
			t.Errorf("refused %v", refused)
		}
	})
}

func TestNoPlaceIsLostHoweverRequestsEnd(t *testing.T) {
	l := newLimiter(4, 8, time.Millisecond)
	var wait sync.WaitGroup
	for caller := range 8 {
		wait.Go(func() {
			random := rand.New(rand.NewPCG(uint64(caller), 1))
			for range 300 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(random.IntN(2000))*time.Microsecond)
				if p, err := l.acquire(ctx, fmt.Sprint(caller%3), 1); err == nil {
					<-time.After(time.Duration(random.IntN(300)) * time.Microsecond)
					p.leave(time.Duration(random.IntN(3)))
				}
				cancel()
			}
		})
	}
	wait.Wait()
	if l.running != 0 || l.waiting != 0 || len(l.queues) != 0 || len(l.turns) != 0 {
		t.Errorf("%d run, %d wait, queues %v, turns %v", l.running, l.waiting, l.queues, l.turns)
	}
}

// server simulates servers that work on some requests at once, each for about a time, while others wait.
type server struct {
	capacity int
	takes    time.Duration
	random   *rand.Rand
}

// saturate lets callers keep as many requests in flight as the limit admits, for so long, and returns how
// many were answered a second, as a share of the capacity, and their median latency.
func (s *server) saturate(l *latencyLimit, now *time.Time, long time.Duration) (goodput float64, median time.Duration) {
	type request struct{ begun, ends time.Time }
	var inFlight []request
	var latencies []time.Duration
	busy := make([]time.Time, s.capacity) // is when each worker is free
	begun := *now
	for now.Sub(begun) < long {
		for len(inFlight) < l.concurrent() {
			i := 0
			for w := range busy {
				if busy[w].Before(busy[i]) {
					i = w
				}
			}
			start := *now
			if busy[i].After(start) {
				start = busy[i]
			}
			busy[i] = start.Add(time.Duration(float64(s.takes) * (.7 + .6*s.random.Float64())))
			inFlight = append(inFlight, request{*now, busy[i]})
		}
		slices.SortFunc(inFlight, func(a, b request) int { return a.ends.Compare(b.ends) })
		next := inFlight[0]
		*now = next.ends
		l.observe(*now, next.ends.Sub(next.begun), len(inFlight))
		inFlight = inFlight[1:]
		latencies = append(latencies, next.ends.Sub(next.begun))
	}
	slices.Sort(latencies)
	at := float64(s.capacity) * long.Seconds() / s.takes.Seconds()
	return float64(len(latencies)) / at, latencies[len(latencies)/2]
}

func TestTheLimitFollowsTheServers(t *testing.T) {
	for _, capacity := range []int{2, 8, 24, 200} {
		t.Run(fmt.Sprint(capacity), func(t *testing.T) {
			s := &server{capacity, 200 * time.Millisecond, rand.New(rand.NewPCG(3, 4))}
			l, now := newLatencyLimit(64), time.Unix(0, 0)
			s.saturate(l, &now, 2*time.Minute) // from a cold start under overload
			check := func(when string) {
				t.Helper()
				goodput, median := s.saturate(l, &now, time.Minute)
				if most := float64(l.most) / float64(s.capacity); goodput < .9*min(1, most) {
					t.Errorf("%s: %.0f %% of the capacity is used, the limit is %.0f", when, 100*goodput, l.limit)
				}
				if median > 2*s.takes && s.capacity > leastConcurrent {
					t.Errorf("%s: the median is %v, the limit %.0f", when, median, l.limit)
				}
			}
			check("steady")
			s.takes *= 3
			s.saturate(l, &now, 3*time.Minute)
			check("servers three times as slow")
			s.takes /= 3
			s.capacity = max(2, s.capacity/2)
			s.saturate(l, &now, time.Minute)
			check("half of the servers")
			s.capacity *= 2
			s.saturate(l, &now, time.Minute)
			check("all of them again")
		})
	}
}

func TestTheLimitStaysWhereCallersWantLess(t *testing.T) {
	l, now := newLatencyLimit(64), time.Unix(0, 0)
	for i := range 1000 {
		now = now.Add(100 * time.Millisecond)
		l.observe(now, time.Duration(1+i%7)*time.Second, 3)
	}
	if l.concurrent() != 64 {
		t.Errorf("the limit fell to %d", l.concurrent())
	}
}

// A request that makes the work of several takes as many places, and is neither starved by lighter ones nor
// refused for its weight.
func TestAHeavyRequestCountsForSeveral(t *testing.T) {
	l := newLimiter(4, 8, time.Minute)
	heavy, err := l.acquire(t.Context(), "a", 3)
	if err != nil {
		t.Fatal(err)
	}
	light, err := l.acquire(t.Context(), "b", 1)
	if err != nil {
		t.Fatal(err)
	}
	next, behind := l.enter("a", 2), l.enter("b", 1)
	light.leave(0)
	for w, name := range map[*waiter]string{next: "the next heavy one", behind: "a light one behind it"} {
		select {
		case <-w.admitted:
			t.Errorf("%s runs beside one of weight 3", name)
		default:
		}
	}
	if !l.giveUp("a", next) {
		t.Fatal("it cannot give up")
	}
	<-behind.admitted // since the heavy one before it has gone
	heavy.leave(time.Second)
	l.place(1).leave(0)
	if alone, err := l.acquire(t.Context(), "a", 100); err != nil || l.running != 100 {
		t.Errorf("one heavier than all places: %v, %v", alone, err)
	}
}

func TestAnExplanationIsWeighedByItsSearches(t *testing.T) {
	for body, want := range map[string]int{
		`{"query": "x"}`:                                                          1,
		`{"query": "x", "filter": {"year": 1}}`:                                   1,
		`{"query": "x", "explain": true}`:                                         1,
		`{"query": "x", "explain": true, "filter": {"year": 1}}`:                  2,
		`{"query": "x", "explain": true, "document": "d"}`:                        2,
		`{"query": "x", "explain": true, "document": "d", "filter": {"year": 1}}`: 4,
	} {
		var r SearchRequest
		if err := parse([]byte(body), &r); err != nil || r.weight() != want {
			t.Errorf("%s has weight %d, %v", body, r.weight(), err)
		}
	}
}
