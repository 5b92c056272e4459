package model_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/model"
	"github.com/ragpipeline/ragpipeline/test/nimsim"
)

// failures maps each fault that is not harmless to its failure, unless that is config.ModelBroken.
var failures = map[string]config.Failure{
	"bad-request": config.ModelRejected, "unprocessable": config.ModelRejected, "input-too-long": config.InputTooLong,
	"unauthorized": config.ModelUnauthorized, "forbidden": config.ModelUnauthorized, "key-echoed": config.ModelUnauthorized,
	"unpaid": config.ModelUnpaid, "no-route": config.ModelNotFound, "no-model": config.ModelNotFound, "redirected": config.ModelNotFound,
	"retired": config.ModelRetired, "rate-limited": config.ModelOverloaded, "rate-limited-by-date": config.ModelOverloaded,
	"queue-full": config.ModelOverloaded, "loading": config.ModelNotReady, "gateway-timeout": config.ModelTimedOut,
	"reset": config.ModelUnreachable, "short-body": config.ModelUnreachable,
	"hang": config.ModelTimedOut, "stalled-body": config.ModelTimedOut, "stream-stalls": config.ModelTimedOut, "stream-without-end": config.ModelTimedOut,
}

// hurried are the faults that meet a caller in a hurry: those that only a deadline ends, and those
// that ask to be waited out.
var hurried = []string{"hang", "stalled-body", "stream-stalls", "stream-without-end", "rate-limited", "rate-limited-by-date", "queue-full"}

const (
	key     = "nvapi-4pQ9x"
	passage = "Sixteen nodes with eight A100 GPUs each trained the model."
)

// questions ask a simulator in each of the ways there are, and return what it answers.
var questions = []struct {
	name     string
	role     config.Stage
	streamed bool
	ask      func(ctx context.Context, url string, t model.Transport) (any, error)
}{
	{"embedding", config.StageEmbedding, false, func(ctx context.Context, url string, t model.Transport) (any, error) {
		m := config.Model{URL: url, Name: config.StandInEmbedding}
		vectors, _, err := model.NewEmbedder(m, config.EmbeddingSpace{}, secret, t).
			Embed(ctx, model.EmbedRequest{Texts: []string{passage, "Another one."}, InputType: "passage", Truncate: "NONE"})
		return vectors, err
	}},
	{"reranking", config.StageReranking, false, func(ctx context.Context, url string, t model.Transport) (any, error) {
		m := config.Model{URL: url, Name: config.StandInReranking}
		return model.NewRanker(m, secret, t).Rank(ctx, "Where is the A100 GPU used?", []string{"Nothing of it.", passage, "Or here?"})
	}},
	{"llm", config.StageLLM, false, func(ctx context.Context, url string, t model.Transport) (any, error) {
		return chat(url, t).Complete(ctx, prompt)
	}},
	{"llm-stream", config.StageLLM, true, func(ctx context.Context, url string, t model.Transport) (any, error) {
		return chat(url, t).Stream(ctx, prompt, func(string) error { return nil })
	}},
}

var prompt = model.ChatRequest{Messages: []model.Message{{Role: "user", Content: "[1] A paper\n" + passage + "\n\nWhere is the A100 GPU used?"}}}

func chat(url string, t model.Transport) *model.Chat {
	return model.NewChat(config.LLM{Model: config.Model{URL: url, Name: config.StandInLLM}}, secret, t)
}

func secret() (string, error) { return key, nil }

func TestEveryFaultOfEveryRoleComesToItsFailure(t *testing.T) {
	for _, q := range questions {
		clean := nimsim.Start(t, nimsim.Options{Key: key})
		want, err := q.ask(t.Context(), clean.URL+"/v1", model.Transport{})
		if err != nil {
			t.Fatal(err)
		}
		for _, fault := range nimsim.For(q.role) {
			if fault.Streamed && !q.streamed {
				continue
			}
			t.Run(q.name+"/"+fault.Name, func(t *testing.T) {
				t.Parallel()
				sim := nimsim.Start(t, nimsim.Options{Key: key})
				sim.Fault(q.role, fault)
				ctx := t.Context()
				if slices.Contains(hurried, fault.Name) {
					short, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
					defer cancel()
					ctx = short
				}
				got, err := q.ask(ctx, sim.URL+"/v1", model.Transport{})
				if len(sim.Away()) > 0 {
					t.Errorf("another host was asked: %v", sim.Away())
				}
				if fault.Harmless {
					if diff := cmp.Diff(want, got); err != nil || diff != "" {
						t.Errorf("%v (-without fault +with):\n%s", err, diff)
					}
					return
				}
				wantFailure, known := failures[fault.Name]
				if !known || q.streamed && fault.Name == "short-body" { // the stream has begun
					wantFailure = config.ModelBroken
				}
				if model.FailureOf(err) != wantFailure {
					t.Fatalf("got %v, want %s", err, wantFailure)
				}
				said := fmt.Sprint(err)
				for _, hidden := range []string{key, "A100", "Sixteen", nimsim.Reasoning} {
					if strings.Contains(said, hidden) {
						t.Errorf("the error holds %q: %s", hidden, said)
					}
				}
			})
		}
	}
}

func TestAFaultThatPassesIsNotNoticed(t *testing.T) {
	for _, q := range questions {
		for _, name := range []string{"bad-gateway", "loading", "gateway-timeout", "reset"} {
			t.Run(q.name+"/"+name, func(t *testing.T) {
				sim := nimsim.Start(t, nimsim.Options{Key: key})
				sim.FaultNext(q.role, nimsim.Named(name), 1)
				if _, err := q.ask(t.Context(), sim.URL+"/v1", model.Transport{}); err != nil {
					t.Error(err)
				}
			})
		}
	}
}
