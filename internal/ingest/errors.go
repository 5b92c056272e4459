package ingest

import (
	"errors"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/model"
)

// The outcomes of a run that did all it could, and yet left no complete generation.
var (
	// ErrIncomplete: a source could not be listed whole. Nothing of it was removed.
	ErrIncomplete = errors.New("not every source could be listed")
	// ErrNoDocuments: every source was listed, and there is nothing in them. A generation that was complete
	// before stays so, empty, with a warning.
	ErrNoDocuments = errors.New("there are no documents")
	// ErrTooManyFailed: more documents failed than the config allows. A generation that was complete before stays so,
	// with a warning.
	ErrTooManyFailed = errors.New("too many documents failed")
	// ErrVerification: a new generation does not hold what it should, or does not find it. It does not go live.
	ErrVerification = errors.New("the new index could not be verified")
	// ErrAllDocumentsFailed: there are documents, and not one could be indexed.
	ErrAllDocumentsFailed = errors.New("every document failed")
)

// reasonOf is one word for why a run failed; empty where there is none.
func reasonOf(err error) config.Failure {
	switch {
	case errors.Is(err, ErrDrifted):
		return config.ModelDrifted
	case errors.Is(err, ErrNoDocuments):
		return config.NoDocuments
	case errors.Is(err, ErrAllDocumentsFailed):
		return config.AllDocumentsFailed
	case errors.Is(err, ErrTooManyFailed):
		return config.TooManyFailed
	case errors.Is(err, ErrVerification):
		return config.VerificationFailed
	case errors.Is(err, ErrIncomplete):
		return config.SourcesIncomplete
	case errors.Is(err, index.ErrUnproved):
		return config.RemovalUnproved
	}
	return model.FailureOf(err)
}

// mayPass reports whether a failure may be gone at the next run though the document is the same.
func mayPass(reason config.Reason) bool {
	switch reason {
	case config.Changed, config.Unreadable, config.EmbeddingRefused, config.ServerFailed:
		return true
	}
	return false
}

// unseen reports whether the reason means that the document's present content was not seen. Then the version that
// is in the index stays: it may be the present one, or is better than none until the next run.
func unseen(reason config.Reason) bool {
	return reason == config.Changed || reason == config.Unreadable || reason == config.ServerFailed
}
