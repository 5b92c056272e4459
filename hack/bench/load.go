package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// client asks a gateway. Its own CPU is not counted, but it has to share the machine with what it
// measures.
type client struct {
	http *http.Client
	url  string // of chat completions
	next atomic.Int64
}

func newClient(base string) *client {
	return &client{http: newHTTPClient(), url: base + "/v1/chat/completions"}
}

// newHTTPClient keeps its connections, as many as any load needs.
func newHTTPClient() *http.Client {
	return &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1024, DisableCompression: true},
		Timeout: 30 * time.Second}
}

// ask asks the next question and waits for the whole answer.
func (c *client) ask(ctx context.Context) error {
	_, err := c.answer(ctx)
	return err
}

func (c *client) answer(ctx context.Context) ([]byte, error) {
	return post(ctx, c.http, c.url, chatBody(int(c.next.Add(1)), false))
}

// check asks once, and fails if the answer is not one that stands on passages: errors are quick,
// too.
func (c *client) check(ctx context.Context) error {
	body, err := c.answer(ctx)
	if err != nil {
		return err
	}
	var reply struct {
		Citations struct {
			Results []json.RawMessage `json:"results"`
		} `json:"citations"`
		Warnings []json.RawMessage `json:"warnings"`
	}
	if err := json.Unmarshal(body, &reply); err != nil {
		return err
	}
	if len(reply.Citations.Results) != 5 || len(reply.Warnings) > 0 {
		return fmt.Errorf("the answer is not a whole one: %s", body)
	}
	return nil
}

func chatBody(n int, stream bool) []byte {
	body, err := json.Marshal(map[string]any{
		"model": pipeline.Name, "stream": stream,
		"messages": []map[string]string{{"role": "user", "content": question(n)}},
	})
	if err != nil {
		panic(err) // it is made of strings
	}
	return body
}

// post sends JSON and reads the whole reply.
func post(ctx context.Context, client *http.Client, url string, body []byte) ([]byte, error) {
	response, err := open(ctx, client, url, body)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	return io.ReadAll(response.Body)
}

// errRefused: the gateway has more questions than it takes.
var errRefused = errors.New("the gateway refused a question: it has too many at once")

// open sends JSON and returns a reply of status 200, to be closed.
func open(ctx context.Context, client *http.Client, url string, body []byte) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode == http.StatusOK {
		return response, nil
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusTooManyRequests {
		return nil, errRefused
	}
	text, _ := io.ReadAll(io.LimitReader(response.Body, 2000))
	return nil, fmt.Errorf("POST %s: %s: %s", url, response.Status, text)
}

// firstToken asks for a stream, waits for the first word of the answer, and then for its end.
func firstToken(ctx context.Context, client *http.Client, url string, body []byte) (first time.Time, err error) {
	response, err := open(ctx, client, url, body)
	if err != nil {
		return first, err
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, megabyte)
	for lines.Scan() {
		if first.IsZero() && bytes.Contains(lines.Bytes(), []byte(`"content":"`)) &&
			!bytes.Contains(lines.Bytes(), []byte(`"content":""`)) {
			first = time.Now()
		}
	}
	if first.IsZero() {
		return first, errors.Join(errors.New("the stream had no word"), lines.Err())
	}
	return first, lines.Err()
}

// outcome is what a load found.
type outcome struct {
	latencies []float64 // ms
	took      time.Duration
}

func (o outcome) rate() float64 { return float64(len(o.latencies)) / o.took.Seconds() }

// closed keeps that many questions in flight for a while: each is asked when one before it was
// answered.
func closed(ctx context.Context, inFlight int, d time.Duration, ask func(context.Context) error) (outcome, error) {
	var all collector
	started := time.Now()
	var group sync.WaitGroup
	for range inFlight {
		group.Go(func() {
			for time.Since(started) < d && all.err.Load() == nil {
				asked := time.Now()
				all.add(asked, ask(ctx))
			}
		})
	}
	group.Wait()
	return all.outcome(started)
}

// opened asks at a rate, at random moments as independent users do, whether or not the questions
// before were answered. A latency counts from the moment that the question was due; that of a
// question that was refused is without end.
func opened(ctx context.Context, rate float64, d time.Duration, ask func(context.Context) error) (outcome, error) {
	var all collector
	random := rand.New(rand.NewPCG(1, 1))
	started := time.Now()
	var group sync.WaitGroup
	for due := started; due.Sub(started) < d && all.err.Load() == nil; {
		due = due.Add(time.Duration(random.ExpFloat64() / rate * float64(time.Second)))
		if err := pause(ctx, time.Until(due)); err != nil {
			return outcome{}, err
		}
		at := due
		group.Go(func() {
			err := ask(ctx)
			if errors.Is(err, errRefused) {
				all.latency(math.Inf(1))
				return
			}
			all.add(at, err)
		})
	}
	group.Wait()
	return all.outcome(started)
}

// collector gathers latencies until the first error.
type collector struct {
	mu        sync.Mutex
	latencies []float64
	err       atomic.Pointer[error]
}

func (c *collector) add(asked time.Time, err error) {
	took := time.Since(asked)
	if err != nil {
		c.err.CompareAndSwap(nil, &err)
		return
	}
	c.latency(milliseconds(took))
}

func (c *collector) latency(ms float64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.latencies = append(c.latencies, ms)
}

func (c *collector) outcome(started time.Time) (outcome, error) {
	if err := c.err.Load(); err != nil {
		return outcome{}, *err
	}
	return outcome{c.latencies, time.Since(started)}, nil
}
