package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// The floor is the least that a question can cost: a client that makes the same three calls with
// the same bodies, one after the other, and does nothing with the replies but read them. It runs as
// a process of its own.

// call is a request for a model, as the gateway made it.
type call struct {
	Role config.Stage `json:"role"`
	Path string       `json:"path"`
	Body []byte       `json:"body"`
}

// calls are those of one question.
type calls []call

// recordCalls asks the gateway one question, plain or streamed, with a simulator behind it that
// keeps what it was asked, and returns that.
func (b *bench) recordCalls(ctx context.Context, index string, stream bool) (calls, error) {
	simulator, models, err := b.startSimulator(ctx) // the fast one records nothing
	if err != nil {
		return nil, err
	}
	defer simulator.stop()
	gateway, err := b.startGateway(ctx, index, models)
	if err != nil {
		return nil, err
	}
	defer gateway.stop()
	const n = 4711
	client := newHTTPClient()
	if _, err := post(ctx, client, gateway.url+"/v1/chat/completions", chatBody(n, stream)); err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, models+"/-/requests", nil)
	if err != nil {
		return nil, err
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	var all, asked calls
	if err := json.NewDecoder(response.Body).Decode(&all); err != nil {
		return nil, err
	}
	for _, c := range all { // without the probes
		if strings.Contains(string(c.Body), strconv.Itoa(n)) {
			asked = append(asked, c)
		}
	}
	if len(asked) != 3 || asked[0].Role != config.StageEmbedding || asked[1].Role != config.StageReranking ||
		asked[2].Role != config.StageLLM {
		return nil, fmt.Errorf("a question made %d calls, and not one for each of the three models", len(asked))
	}
	return asked, nil
}

// floorFigures is what the floor's client found in one round.
type floorFigures struct {
	CPU        float64 `json:"cpu"`        // ms a question
	P50        float64 `json:"p50"`        // ms
	FirstToken float64 `json:"firstToken"` // ms, the median; streamed calls only
}

// floor runs the floor's client against the models for a while.
func (b *bench) floor(ctx context.Context, models string, c calls, inFlight int,
	d time.Duration) (f floorFigures, err error) {
	file := b.path("calls.json")
	if err := writeJSON(file, c); err != nil {
		return f, err
	}
	err = itself(ctx, &f, "floor", "-models", models, "-calls", file,
		"-in-flight", strconv.Itoa(inFlight), "-for", d.String())
	return f, err
}

// itself runs this program as another process, so that what it uses is counted apart, and reads the
// figures it prints.
func itself(ctx context.Context, figures any, args ...string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, self, args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("%s: %w", args[0], err)
	}
	return json.Unmarshal(out, figures)
}

// runFloor is the floor's client.
func runFloor(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("floor", flag.ContinueOnError)
	models := flags.String("models", "", "base URL of the models, without /v1")
	file := flags.String("calls", "", "file with the calls of a question")
	inFlight := flags.Int("in-flight", 1, "questions in flight")
	d := flags.Duration("for", time.Second, "how long")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	text, err := os.ReadFile(*file)
	if err != nil {
		return err
	}
	var c calls
	if err := json.Unmarshal(text, &c); err != nil {
		return err
	}
	f, err := c.measure(ctx, *models, *inFlight, *d)
	if err != nil {
		return err
	}
	return json.NewEncoder(stdout).Encode(f)
}

func (c calls) measure(ctx context.Context, models string, inFlight int, d time.Duration) (f floorFigures, err error) {
	client := newHTTPClient()
	var all collector
	make3 := func(ctx context.Context) error {
		started := time.Now()
		for _, call := range c[:2] {
			if err := discard(ctx, client, models+call.Path, call.Body); err != nil {
				return err
			}
		}
		if !strings.Contains(string(c[2].Body), `"stream":true`) {
			return discard(ctx, client, models+c[2].Path, c[2].Body)
		}
		first, err := firstToken(ctx, client, models+c[2].Path, c[2].Body)
		all.latency(milliseconds(first.Sub(started)))
		return err
	}
	if err := make3(ctx); err != nil { // connections are made
		return f, err
	}
	before := ownCPU()
	o, err := closed(ctx, inFlight, d, make3)
	if err != nil {
		return f, err
	}
	f.CPU = milliseconds(ownCPU()-before) / float64(len(o.latencies))
	f.P50 = median(o.latencies)
	if len(all.latencies) > 0 {
		f.FirstToken = median(all.latencies)
	}
	return f, nil
}

// discard sends JSON and reads the whole reply, keeping nothing.
func discard(ctx context.Context, client *http.Client, url string, body []byte) error {
	response, err := open(ctx, client, url, body)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return err
}

// ownCPU is what this process has used so far, in all threads.
func ownCPU() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err) // it takes no argument that could be wrong
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
