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

// The codes of failures and warnings that are no model's.
const (
	IndexUnavailable  = "IndexUnavailable"  // a search of the index failed
	IndexTimedOut     = "IndexTimedOut"     // it passed its deadline
	IndexNotBuilt     = "NotBuilt"          // config.ReasonNotBuilt: nothing of the generation is in the index
	IndexUnauthorized = "IndexUnauthorized" // it refused the API key
	IndexUnreachable  = "IndexUnreachable"  // it does not answer
	DimensionMismatch = "DimensionMismatch" // the question's vector does not fit the index
	NoPassages        = "NoPassages"        // nothing was found, so the LLM was not asked
	NoModel           = "NoModel"           // the pipeline has no LLM
	PassagesCut       = "PassagesCut"       // not all passages fit the LLM's context window
)

// StageError is a stage that failed, and with it the question.
type StageError struct {
	Stage string // one of config's stages
	Code  string // a model.Kind, or one of the codes above
	Err   error
}

func (e *StageError) Error() string { return fmt.Sprintf("%s: %v", e.Stage, e.Err) }
func (e *StageError) Unwrap() error { return e.Err }

// Reason is the code: what the ops port shows as the stage's reason.
func (e *StageError) Reason() string { return e.Code }

// Public is the failure in words for someone who only asks questions: which stage and model failed, and whether to
// try again or to tell whoever runs the pipeline. What a server said stays out of it: that may name accounts,
// addresses or texts.
func (e *StageError) Public() string {
	if m, ok := errors.AsType[*model.Error](e.Err); ok {
		return fmt.Sprintf("the %s model %q %s", m.Role, m.Model, publicWords[m.Kind])
	}
	switch e.Code {
	case DimensionMismatch:
		return "the embedding model gives vectors that do not fit the index: it is not the model that the index was built with; " + tellOperator
	case IndexTimedOut:
		return "the index did not answer in time; try again"
	case IndexUnavailable:
		return "the index cannot be searched; " + tellOperator
	case IndexNotBuilt:
		return "the index is not built yet; try again later"
	case IndexUnauthorized:
		return "the index does not let this pipeline in; " + tellOperator
	case IndexUnreachable:
		return "the index cannot be reached; try again later"
	}
	return "the " + e.Stage + " stage failed; " + tellOperator
}

const tellOperator = "whoever runs this pipeline must act"

var publicWords = map[model.Kind]string{
	model.Unreachable:  "cannot be reached; try again later",
	model.NotReady:     "is still loading; try again later",
	model.Overloaded:   "is overloaded; try again later",
	model.Unauthorized: "does not let this pipeline in; " + tellOperator,
	model.Unpaid:       "is not paid for; " + tellOperator,
	model.NotFound:     "is not known where this pipeline asks for it; " + tellOperator,
	model.Retired:      "has been retired; " + tellOperator,
	model.TooLong:      "was given more text than it takes; shorten the question or the conversation",
	model.Rejected:     "rejected the request; " + tellOperator,
	model.Broken:       "gave an answer that cannot be used; try again later",
	model.TimedOut:     "did not answer in time; try again later",
	model.CircuitOpen:  "failed repeatedly and is given a pause; try again later",
}

// warning is the failure as a degraded reply tells it; consequence says what the reply lacks.
func (e *StageError) warning(consequence string) Warning {
	return Warning{Stage: e.Stage, Code: e.Code, Message: e.Public() + "; " + consequence}
}

// modelError makes a StageError of a model's failure. A stage's own deadline counts as the model's: whoever asked
// is still there.
func modelError(stage string, role model.Role, name string, err error) *StageError {
	m, ok := errors.AsType[*model.Error](err)
	if !ok {
		kind := model.Broken
		if errors.Is(err, context.DeadlineExceeded) {
			kind = model.TimedOut
		}
		m = &model.Error{Role: role, Kind: kind, Model: name, Err: err}
	}
	return &StageError{Stage: stage, Code: string(m.Kind), Err: m}
}

// indexError makes a StageError of a failed search. A vector that does not fit is the embedding stage's fault.
func indexError(err error) *StageError {
	switch {
	case errors.Is(err, index.ErrDimensions):
		return &StageError{Stage: config.StageEmbedding, Code: DimensionMismatch, Err: err}
	case errors.Is(err, context.DeadlineExceeded):
		return &StageError{Stage: config.StageIndex, Code: IndexTimedOut, Err: err}
	}
	for _, known := range []struct {
		err  error
		code string
	}{{index.ErrNotBuilt, IndexNotBuilt}, {index.ErrUnauthorized, IndexUnauthorized}, {index.ErrUnreachable, IndexUnreachable}} {
		if errors.Is(err, known.err) {
			return &StageError{Stage: config.StageIndex, Code: known.code, Err: err}
		}
	}
	return &StageError{Stage: config.StageIndex, Code: IndexUnavailable, Err: err}
}
