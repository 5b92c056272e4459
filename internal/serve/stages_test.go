package serve

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/model"
)

func failed(kind config.Failure, status int) error {
	return &model.Error{Stage: config.StageEmbedding, Failure: kind, Model: "m", Status: status}
}

func TestWhatMakesAStageNotOK(t *testing.T) {
	down := func(kind config.Failure, status int) *config.StageStatus {
		e := model.Error{Stage: config.StageEmbedding, Failure: kind, Model: "m", Status: status}
		return &config.StageStatus{Reason: kind, Message: e.Summary(), HTTPStatus: status}
	}
	ok := &config.StageStatus{OK: true}
	overloaded, broken := failed(config.ModelOverloaded, 429), failed(config.ModelBroken, 500)
	cases := []struct {
		name     string
		outcomes []error
		want     *config.StageStatus // nil: not known
	}{
		{"without an outcome it is unknown", nil, nil},
		{"one success is ok", []error{nil}, ok},
		{"the first outcome decides even if it may pass", []error{overloaded}, down(config.ModelOverloaded, 429)},
		{"one overload of a stage that worked passes", []error{nil, overloaded}, ok},
		{"so do two", []error{nil, overloaded, broken}, ok},
		{"three failures in a row do not, and the last is the reason", []error{nil, overloaded, overloaded, broken}, down(config.ModelBroken, 500)},
		{"a success between begins anew", []error{nil, overloaded, overloaded, nil, overloaded, overloaded}, ok},
		{"a refused key decides at once", []error{nil, failed(config.ModelUnauthorized, 401)}, down(config.ModelUnauthorized, 401)},
		{"so does a retired model", []error{nil, failed(config.ModelRetired, 410)}, down(config.ModelRetired, 410)},
		{"a wrong path", []error{nil, failed(config.ModelNotFound, 404)}, down(config.ModelNotFound, 404)},
		{"and a missing payment", []error{nil, failed(config.ModelUnpaid, 402)}, down(config.ModelUnpaid, 402)},
		{"a question that is too long says nothing", []error{nil, failed(config.InputTooLong, 400), failed(config.InputTooLong, 400), failed(config.InputTooLong, 400)}, ok},
		{"a rejected question does not either", []error{failed(config.ModelRejected, 422)}, nil},
		{"nor does it mend what is down", []error{failed(config.ModelRetired, 410), failed(config.ModelRejected, 422)}, down(config.ModelRetired, 410)},
		{"one success mends all", []error{nil, broken, broken, broken, nil}, ok},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			s := NewStages()
			for _, err := range tc.outcomes {
				s.Observe(config.StageEmbedding, time.Second, err)
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

func (unfit) Reason() config.Failure { return config.DimensionMismatch }

func TestAReportedErrorBringsItsReason(t *testing.T) {
	for reason, err := range map[config.Failure]error{
		config.StageFailed:       errors.New("disk I/O error"),
		config.DimensionMismatch: fmt.Errorf("index: %w", unfit{errors.New("384 and 1024")}),
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
			s.Probe(ctx, time.Minute, config.StageLLM, func(ctx context.Context) error {
				probes = append(probes, time.Since(start))
				if deadline, ok := ctx.Deadline(); !ok || time.Until(deadline) > time.Minute {
					t.Error("a probe may hang")
				}
				err := outcome.Load()
				s.Observe(config.StageLLM, 0, *err)
				return *err
			})
		}()
		until := func(at time.Duration) {
			time.Sleep(at - time.Since(start))
			synctest.Wait()
		}
		until(90 * time.Second) // probed at 0 and 60
		s.Observe(config.StageLLM, 0, nil)
		until(149 * time.Second) // a question at 90 puts it off to 150
		is(failed(config.ModelUnreachable, 0))
		until(175 * time.Second) // fails at 150, 160 and 170
		if s.Snapshot()[config.StageLLM].OK {
			t.Error("three failed probes leave it ok")
		}
		is(failed(config.ModelOverloaded, 429))
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
		go s.Probe(ctx, time.Minute, config.StageEmbedding, func(context.Context) error {
			err := failed(config.ModelRejected, 400)
			s.Observe(config.StageEmbedding, 0, err)
			return fmt.Errorf("probe: %w", err)
		})
		synctest.Wait()
		got := s.Snapshot()[config.StageEmbedding]
		if got.OK || got.Reason != config.ModelRejected || got.HTTPStatus != 400 {
			t.Errorf("got %+v", got)
		}
		stop()
	})
}

func TestAHeldStageIsNotOKWhileItsCallsSucceed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewStages()
		drifted := failed(config.ModelDrifted, 0)
		s.Observe(config.StageEmbedding, 0, nil)
		s.Hold(config.StageEmbedding, drifted)
		held := time.Now()
		time.Sleep(time.Minute)
		s.Hold(config.StageEmbedding, drifted)
		s.Observe(config.StageEmbedding, 0, nil)
		if got := s.Snapshot()[config.StageEmbedding]; got.OK || got.Reason != config.ModelDrifted || !got.Since.Equal(held) {
			t.Errorf("it is %+v", got)
		}
		s.Report(config.StageEmbedding, failed(config.ModelRetired, 410))
		if got := s.Snapshot()[config.StageEmbedding]; got.Reason != config.ModelRetired {
			t.Errorf("when its calls fail, it is %+v", got)
		}
		s.Observe(config.StageEmbedding, 0, nil)
		s.Hold(config.StageEmbedding, nil)
		if got := s.Snapshot()[config.StageEmbedding]; !got.OK || !got.Since.Equal(time.Now()) {
			t.Errorf("in the end it is %+v", got)
		}
	})
}

func TestAWatchedStageIsCalledHoweverBusyItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		s, start := NewStages(), time.Now()
		var calls []time.Duration
		done := make(chan struct{})
		go func() {
			defer close(done)
			s.Watch(ctx, time.Minute, config.StageEmbedding, func(context.Context) error {
				calls = append(calls, time.Since(start))
				s.Observe(config.StageEmbedding, 0, nil)
				return nil
			})
		}()
		for range 130 {
			time.Sleep(time.Second)
			s.Observe(config.StageEmbedding, 0, nil)
		}
		s.Hold(config.StageEmbedding, failed(config.ModelDrifted, 0))
		time.Sleep(65 * time.Second) // while it is held, six times as often
		stop()
		<-done
		want := []time.Duration{0, 60, 120, 180, 190}
		for i := range want {
			want[i] *= time.Second
		}
		if diff := cmp.Diff(want, calls); diff != "" {
			t.Errorf("called at other times (-want +got):\n%s", diff)
		}
	})
}

func TestWhatWasLearnedOfAServerIsReportedWhateverItsState(t *testing.T) {
	s := NewStages()
	s.Learn(config.StageLLM, "takes no stream_options")
	if got := s.Snapshot(); len(got) != 0 {
		t.Errorf("a stage that was never called is reported: %v", got)
	}
	s.Learn(config.StageLLM, "takes no system role")
	s.Learn(config.StageLLM, "takes no stream_options")
	want := []string{"takes no stream_options", "takes no system role"}
	for _, err := range []error{nil, errors.New("down")} {
		s.Report(config.StageLLM, err)
		if got := s.Snapshot()[config.StageLLM].Learned; !slices.Equal(got, want) {
			t.Errorf("after %v: %q", err, got)
		}
	}
}
