package serve

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/model"
)

func failed(kind model.Kind, status int) error {
	return &model.Error{Role: model.Embedding, Kind: kind, Model: "m", Status: status}
}

func TestWhatMakesAStageNotOK(t *testing.T) {
	down := func(kind model.Kind, status int) *config.StageStatus {
		e := model.Error{Role: model.Embedding, Kind: kind, Model: "m", Status: status}
		return &config.StageStatus{Reason: string(kind), Message: e.Summary(), HTTPStatus: status}
	}
	ok := &config.StageStatus{OK: true}
	overloaded, broken := failed(model.Overloaded, 429), failed(model.Broken, 500)
	cases := []struct {
		name     string
		outcomes []error
		want     *config.StageStatus // nil: not known
	}{
		{"nothing heard is not known", nil, nil},
		{"one success is ok", []error{nil}, ok},
		{"the first outcome decides even if it may pass", []error{overloaded}, down(model.Overloaded, 429)},
		{"one overload of a stage that worked passes", []error{nil, overloaded}, ok},
		{"so do two", []error{nil, overloaded, broken}, ok},
		{"three failures in a row do not, and the last is the reason", []error{nil, overloaded, overloaded, broken}, down(model.Broken, 500)},
		{"a success between begins anew", []error{nil, overloaded, overloaded, nil, overloaded, overloaded}, ok},
		{"a refused key decides at once", []error{nil, failed(model.Unauthorized, 401)}, down(model.Unauthorized, 401)},
		{"so does a retired model", []error{nil, failed(model.Retired, 410)}, down(model.Retired, 410)},
		{"a wrong path", []error{nil, failed(model.NotFound, 404)}, down(model.NotFound, 404)},
		{"and a missing payment", []error{nil, failed(model.Unpaid, 402)}, down(model.Unpaid, 402)},
		{"a question that is too long says nothing", []error{nil, failed(model.TooLong, 400), failed(model.TooLong, 400), failed(model.TooLong, 400)}, ok},
		{"a rejected question does not either", []error{failed(model.Rejected, 422)}, nil},
		{"nor does it mend what is down", []error{failed(model.Retired, 410), failed(model.Rejected, 422)}, down(model.Retired, 410)},
		{"one success mends all", []error{nil, broken, broken, broken, nil}, ok},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			s := NewStages()
			for _, err := range tc.outcomes {
				s.Observe(model.Embedding, time.Second, err)
			}
			got, known := s.Snapshot()[config.StageEmbedding]
			if known != (tc.want != nil) {
				t.Fatalf("known is %v: %+v", known, got)
			}
			if !known {
				return
			}
			if got.Since.IsZero() {
				t.Error("it has no since")
			}
			got.Since = time.Time{}
			if diff := cmp.Diff(*tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

type unfit struct{ error }

func (unfit) Reason() string { return "DimensionMismatch" }

func TestAReportedErrorBringsItsReason(t *testing.T) {
	for reason, err := range map[string]error{
		"StageFailed":       errors.New("disk I/O error"),
		"DimensionMismatch": fmt.Errorf("index: %w", unfit{errors.New("384 and 1024")}),
	} {
		s := NewStages()
		s.Report(config.StageIndex, err)
		got := s.Snapshot()[config.StageIndex]
		if got.OK || got.Reason != reason || got.Message != err.Error() {
			t.Errorf("%v gives %+v", err, got)
		}
	}
}

func TestSinceAndMessageStayWhileTheStateDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewStages()
		status := func() config.StageStatus { return s.Snapshot()[config.StageIndex] }
		s.Report(config.StageIndex, errors.New("the disk is full"))
		first := status()
		if first.OK || first.Message != "the disk is full" || first.Reason == "" {
			t.Errorf("a reported error gives %+v", first)
		}
		time.Sleep(time.Minute)
		s.Report(config.StageIndex, errors.New("the disk is full, again"))
		if diff := cmp.Diff(first, status()); diff != "" {
			t.Errorf("the same state changed (-first +later):\n%s", diff)
		}
		time.Sleep(time.Minute)
		s.Report(config.StageIndex, nil)
		if got := status(); !got.OK || got.Message != "" || !got.Since.Equal(first.Since.Add(2*time.Minute)) {
			t.Errorf("a recovery gives %+v", got)
		}
	})
}

func TestAModelIsProbedAtOnceAndThenWhenIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		s := NewStages()
		start := time.Now()
		var probes []time.Duration
		var outcome atomic.Pointer[error]
		is := func(err error) { outcome.Store(&err) }
		is(nil)
		done := make(chan struct{})
		go func() {
			defer close(done)
			s.Probe(ctx, time.Minute, model.LLM, func(ctx context.Context) error {
				probes = append(probes, time.Since(start))
				if deadline, ok := ctx.Deadline(); !ok || time.Until(deadline) > time.Minute {
					t.Error("a probe may hang")
				}
				err := outcome.Load()
				s.Observe(model.LLM, 0, *err)
				return *err
			})
		}()
		until := func(at time.Duration) {
			time.Sleep(at - time.Since(start))
			synctest.Wait()
		}
		until(90 * time.Second) // probed at 0 and 60
		s.Observe(model.LLM, 0, nil)
		until(149 * time.Second) // a question at 90 puts it off to 150
		is(failed(model.Unreachable, 0))
		until(175 * time.Second) // fails at 150, 160 and 170
		if s.Snapshot()[config.StageLLM].OK {
			t.Error("three failed probes leave it ok")
		}
		is(failed(model.Overloaded, 429))
		until(185 * time.Second) // overloaded at 180
		is(nil)
		until(245 * time.Second) // and so left alone until 240
		stop()
		<-done
		want := []time.Duration{0, 60, 150, 160, 170, 180, 240}
		for i := range want {
			want[i] *= time.Second
		}
		if diff := cmp.Diff(want, probes); diff != "" {
			t.Errorf("probed at other times (-want +got):\n%s", diff)
		}
	})
}

func TestAProbeThatIsRejectedMakesTheStageNotOK(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		s := NewStages()
		go s.Probe(ctx, time.Minute, model.Embedding, func(context.Context) error {
			err := failed(model.Rejected, 400)
			s.Observe(model.Embedding, 0, err)
			return fmt.Errorf("probe: %w", err)
		})
		synctest.Wait()
		got := s.Snapshot()[config.StageEmbedding]
		if got.OK || got.Reason != string(model.Rejected) || got.HTTPStatus != 400 {
			t.Errorf("got %+v", got)
		}
		stop()
	})
}
