package query

import (
	"context"
	"errors"
	"fmt"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/model"
)

// Invalid is a request that cannot be answered whatever the stages do.
type Invalid struct {
	Field   string // of the request, as HTTP callers know it
	Message string // what is wrong with it and what is right
	TooLong bool   // it is the size that is wrong
}

func (e *Invalid) Error() string { return e.Field + ": " + e.Message }

// StageError is a stage that failed, and with it the question.
type StageError struct {
	Stage config.Stage
	Code  config.Failure
	Err   error
}

// Error names the stage, unless the error of a model does.
func (e *StageError) Error() string {
	if m, ok := e.Err.(*model.Error); ok { //nolint:errorlint // one further down may be of another stage
		return m.Error()
	}
	return fmt.Sprintf("%s: %v", e.Stage, e.Err)
}

func (e *StageError) Unwrap() error { return e.Err }

// Reason is the code: the ops port shows it as the stage's reason.
func (e *StageError) Reason() config.Failure { return e.Code }

// Public describes the failure to someone who only asks questions: which stage and model failed,
// and whether to try again or to contact the pipeline's operator. It omits the server's own
// message, which may name accounts, addresses or texts.
func (e *StageError) Public() string { return e.subject() + " " + e.Code.Meaning().ForCaller }

func (e *StageError) subject() string {
	if m, ok := errors.AsType[*model.Error](e.Err); ok {
		return fmt.Sprintf("the %s model %q", m.Stage, m.Model)
	}
	if e.Stage == config.StageIndex || e.Code == config.DimensionMismatch {
		return "the index"
	}
	return fmt.Sprintf("the %s stage", e.Stage)
}

// warning is the failure as a degraded reply tells it; consequence names what the reply lacks.
func (e *StageError) warning(consequence string) Warning {
	return Warning{Stage: e.Stage, Code: e.Code, Message: e.Public() + "; " + consequence}
}

// modelError makes a StageError of a model's failure. A stage's own deadline counts as the model's,
// because the caller is still waiting.
func modelError(stage config.Stage, name string, err error) *StageError {
	m, ok := errors.AsType[*model.Error](err)
	if !ok {
		failure := config.ModelBroken
		if errors.Is(err, context.DeadlineExceeded) {
			failure = config.ModelTimedOut
		}
		m = &model.Error{Stage: stage, Failure: failure, Model: name, Err: err}
	}
	return &StageError{Stage: stage, Code: m.Failure, Err: m}
}

// indexError makes a StageError of a failed search. A vector that does not fit is the embedding
// stage's fault.
func indexError(err error) *StageError {
	stage, code := config.StageIndex, config.IndexUnavailable
	for _, known := range []struct {
		err  error
		code config.Failure
	}{
		{index.ErrDimensions, config.DimensionMismatch},
		{context.DeadlineExceeded, config.IndexTimedOut},
		{index.ErrNotBuilt, config.IndexNotBuilt},
		{index.ErrUnauthorized, config.IndexUnauthorized},
		{index.ErrUnreachable, config.IndexUnreachable},
	} {
		if errors.Is(err, known.err) {
			code = known.code
			break
		}
	}
	if code == config.DimensionMismatch {
		stage = config.StageEmbedding
	}
	return &StageError{Stage: stage, Code: code, Err: err}
}
