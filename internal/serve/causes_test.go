package serve

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/model"
)

// logged is a tracker and the lines that it logs.
func logged() (*Stages, *bytes.Buffer) {
	out, s := new(bytes.Buffer), NewStages()
	s.LogTo(slog.New(slog.NewTextHandler(out, nil)))
	return s, out
}

func refusedKey(message string) error {
	return &model.Error{
		Stage: config.StageLLM, Failure: config.ModelUnauthorized, Model: "m", URL: "http://models:8000/v1",
		Status: 401, Code: "invalid_api_key", Message: message,
	}
}

func TestACauseIsLoggedAtOnceAndThenOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, out := logged()
		said := func() string {
			defer out.Reset()
			return out.String()
		}
		s.Observe(config.StageLLM, 0, refusedKey("key 1 is wrong"))
		first := said()
		for _, want := range []string{
			"level=WARN", "stage=llm", "reason=ModelUnauthorized", "check secretRef (HTTP 401, invalid_api_key): key 1 is wrong",
			"url=http://models:8000/v1",
		} {
			if !strings.Contains(first, want) {
				t.Errorf("%q is not in %s", want, first)
			}
		}
		for range 100 {
			s.Observe(config.StageLLM, 0, refusedKey("key 2 is wrong"))
		}
		if again := said(); again != "" {
			t.Errorf("it is logged again: %s", again)
		}
		s.Observe(config.StageLLM, 0, failed(config.ModelBroken, 500))
		if other := said(); !strings.Contains(other, "ModelBroken") {
			t.Errorf("another cause gives %q", other)
		}
		time.Sleep(sayEvery)
		s.Observe(config.StageLLM, 0, refusedKey("key 3 is wrong"))
		if later := said(); !strings.Contains(later, "key 3 is wrong") || !strings.Contains(later, "times=101") {
			t.Errorf("after a minute: %q", later)
		}
		s.Observe(config.StageLLM, 0, nil)
		s.Observe(config.StageLLM, 0, nil)
		if works := said(); strings.Count(works, "Stage works again") != 1 {
			t.Errorf("its recovery gives %q", works)
		}
	})
}

func TestAStatusHasTheServersCodeAndItsLatestMessage(t *testing.T) {
	s, _ := logged()
	s.Observe(config.StageLLM, 0, refusedKey("key 1 is wrong"))
	s.Observe(config.StageLLM, 0, refusedKey("key 2 is wrong"))
	got := s.Snapshot()[config.StageLLM]
	if got.Code != "invalid_api_key" || got.ServerMessage != "key 2 is wrong" || strings.Contains(got.Message, "wrong") ||
		!strings.Contains(got.Message, "(HTTP 401, invalid_api_key)") {
		t.Errorf("it is %+v", got)
	}
}

// A model may refuse a single question, but not one after the other.
func TestAModelThatRefusesEveryRequestIsFoundOutAmidTraffic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, out := logged()
		refusal := &model.Error{Stage: config.StageReranking, Failure: config.ModelRejected, Model: "m", Status: 422, Message: "no"}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var refuses bool
		go s.Probe(ctx, time.Minute, config.StageReranking, func(context.Context) error {
			if refuses {
				return refusal
			}
			s.Observe(config.StageReranking, 0, nil)
			return nil
		})
		synctest.Wait()
		s.Observe(config.StageReranking, 0, refusal)
		if out.Len() > 0 {
			t.Errorf("a single refusal is logged: %s", out)
		}
		refuses = true
		for range 90 {
			s.Observe(config.StageReranking, 0, refusal)
			time.Sleep(time.Second)
		}
		if !strings.Contains(out.String(), "rejected the request (HTTP 422): no") {
			t.Errorf("the log is %q", out)
		}
		if got := s.Snapshot()[config.StageReranking]; got.OK || got.Reason != config.ModelRejected {
			t.Errorf("the stage is %+v", got)
		}
	})
}
