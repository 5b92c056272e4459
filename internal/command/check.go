package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/model"
)

// answerWithin is how long a model may take for its first answer before its user is told.
const answerWithin = 4 * time.Second

// asking is how one model of the question path is asked for something minimal.
type asking struct {
	stage config.Stage
	model config.Model
	// policy is what questions get while the model is down.
	policy config.Policy
	ask    func(context.Context) error
}

// askings are those of every model, save a reranker or LLM whose config turns probes off. The ingestion asks the
// embedding model in any case.
func (d *dataPlane) askings(q *questionPath) []asking {
	models, policy := q.config.Models, q.config.FailurePolicy
	all := []asking{{config.StageEmbedding, models.Embedding, policy.Embedding,
		func(ctx context.Context) error { return d.recognise(ctx, q) }}}
	if m := models.Reranking; m != nil && !m.NoProbe {
		all = append(all, asking{config.StageReranking, *m, policy.Reranking, q.ranker.Probe})
	}
	if m := models.LLM; m != nil && !m.NoProbe {
		all = append(all, asking{config.StageLLM, m.Model, policy.LLM, q.chat.Probe})
	}
	return all
}

// slow is the failure of a model that has not answered within answerWithin, and may yet.
func (a asking) slow() *model.Error {
	return &model.Error{Stage: a.stage, Failure: config.ModelTimedOut, Model: a.model.Name}
}

// impatiently asks, and reports a model of which nothing is known yet as failing while it takes long. A hanging server
// would otherwise look like one that was not asked.
func (d *dataPlane) impatiently(a asking) func(context.Context) error {
	return func(ctx context.Context) error {
		late := time.AfterFunc(answerWithin, func() { d.stages.Suspect(a.stage, a.slow()) })
		defer late.Stop()
		return a.ask(ctx)
	}
}

// outcome is what became of an asking.
type outcome struct {
	asking
	err error
}

// checkModels asks every model once, all at the same time, before anything is embedded. It tells which do not work, and
// returns the error of one without which the index cannot be built or, if the run is for one question, that would not
// be answered. A gateway serves all the same: it searches without an LLM, and finds out when the model is back. A model
// that is loading, overloaded or slow is told and waited for later: the ingestion is patient.
func (d *dataPlane) checkModels(ctx context.Context, q *questionPath, forOne bool, told io.Writer) error {
	askings := d.askings(q)
	outcomes, pending := make(chan outcome, len(askings)), map[config.Stage]asking{}
	for _, a := range askings {
		pending[a.stage] = a
		go func() { outcomes <- outcome{a, a.insist(ctx)} }()
	}
	late := time.After(answerWithin)
	var fatal []error
	for len(pending) > 0 {
		select {
		case o := <-outcomes:
			delete(pending, o.stage)
			switch {
			case o.err == nil:
			case o.ends(forOne):
				fatal = append(fatal, fmt.Errorf("%w%s", o.err, address(o.err)))
			default:
				fmt.Fprintf(told, "warning: %v%s; %s\n", o.err, address(o.err), o.consequence())
			}
		case <-late:
			for _, a := range askings {
				if _, waits := pending[a.stage]; waits {
					fmt.Fprintf(told, "warning: %s model %q at %s has not answered for %d s; it may be loading, so this run goes on\n",
						a.stage, a.model.Name, model.Address(a.model.URL), int(answerWithin.Seconds()))
				}
			}
			clear(pending)
		case <-ctx.Done():
			return fmt.Errorf("interrupted while the models were asked; nothing was embedded: %w", context.Cause(ctx))
		}
	}
	if len(fatal) == 0 {
		return nil
	}
	return fmt.Errorf("nothing was embedded: %w", errors.Join(fatal...))
}

// insist asks up to three times where another try may help at once.
func (a asking) insist(ctx context.Context) error {
	for try := 1; ; try++ {
		err := a.ask(ctx)
		e, ok := errors.AsType[*model.Error](err)
		again := ok && try < 3 && (e.Failure == config.ModelUnreachable || e.Status >= http.StatusInternalServerError)
		if !again {
			return err
		}
		select {
		case <-time.After(time.Duration(try) * 200 * time.Millisecond):
		case <-ctx.Done():
			return err
		}
	}
}

// ends reports whether a run that has yet to build its index ends with the failure; forOne, whether it is for one
// question.
func (o outcome) ends(forOne bool) bool {
	e, ok := errors.AsType[*model.Error](o.err)
	if lasts := ok && e.Lasts(); !lasts {
		switch model.FailureOf(o.err) {
		case config.ModelTimedOut, config.ModelNotReady, config.ModelOverloaded, config.ModelCircuitOpen:
			return false
		}
	}
	return o.stage == config.StageEmbedding || forOne && o.policy != config.Degrade
}

// consequence is what the user gets without the model.
func (o outcome) consequence() string {
	switch {
	case o.stage == config.StageEmbedding:
		return "this run waits for it"
	case o.policy != config.Degrade:
		return "questions are not answered until it works"
	case o.stage == config.StageReranking:
		return "passages are not reranked until it works"
	}
	return "replies are the passages alone until it works"
}

// addressed is err with where the model was asked, for the user of a command that fails by it.
func addressed(err error) error {
	if at := address(err); at != "" {
		return fmt.Errorf("%w%s", err, at)
	}
	return err
}

// address tells where a model was asked; empty if err has no address.
func address(err error) string {
	if e, ok := errors.AsType[*model.Error](err); ok && e.URL != "" {
		return " (asked at " + e.URL + ")"
	}
	return ""
}
