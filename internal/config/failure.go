package config

import (
	"maps"
	"net/http"
	"slices"
)

// Stage is a part of the question path that can fail by itself.
type Stage string

// The stages.
const (
	StageEmbedding Stage = "embedding"
	StageReranking Stage = "reranking"
	StageLLM       Stage = "llm"
	StageIndex     Stage = "index"
)

// StageExtraction is the extraction server. It is not part of the question path: only an ingestion calls it.
const StageExtraction Stage = "extraction"

// Failure is one word for why a stage or a run failed, or why a reply is degraded. The list is closed: its words reach
// users in errors, warnings, conditions and events, and users write alerts on them.
type Failure string

// The failures of a model call.
const (
	ModelUnreachable  Failure = "ModelUnreachable"  // no connection, or it broke
	ModelNotReady     Failure = "ModelNotReady"     // 503 while loading
	ModelOverloaded   Failure = "ModelOverloaded"   // 429, or 503 with a full queue, still after the retries
	ModelUnauthorized Failure = "ModelUnauthorized" // 401, 403; or the key is missing
	ModelUnpaid       Failure = "ModelUnpaid"       // 402
	ModelNotFound     Failure = "ModelNotFound"     // 404: wrong path or name
	ModelRetired      Failure = "ModelRetired"      // 410: the hosted model is at its end of life
	InputTooLong      Failure = "InputTooLong"      // the text exceeds the model's limit
	ModelRejected     Failure = "ModelRejected"     // any other 4xx: the server does not accept this request
	ModelBroken       Failure = "ModelBroken"       // 5xx, or a reply that violates the protocol
	ModelTimedOut     Failure = "ModelTimedOut"     // no reply within the deadline
	ModelDrifted      Failure = "ModelDrifted"      // it gives a fixed text another vector than when the index was built
	ModelCircuitOpen  Failure = "ModelCircuitOpen"  // recent calls failed so often that no further call is made
)

// The failures of the index, and of a vector that does not fit it.
const (
	IndexUnavailable  Failure = "IndexUnavailable"  // a search failed
	IndexTimedOut     Failure = "IndexTimedOut"     // a search passed its deadline
	IndexNotBuilt     Failure = "NotBuilt"          // the store does not hold the pinned generation, not yet or no longer
	IndexUnauthorized Failure = "IndexUnauthorized" // the store refused the API key
	IndexUnreachable  Failure = "IndexUnreachable"  // the store does not answer
	DimensionMismatch Failure = "DimensionMismatch" // the question's vector does not have the index's dimensions
)

// The failures of a run that did all it could and yet left no complete generation.
const (
	NoDocuments        Failure = "NoDocuments"        // the sources listed none
	AllDocumentsFailed Failure = "AllDocumentsFailed" // there are documents, and not one could be indexed
	TooManyFailed      Failure = "TooManyFailed"      // more documents failed than the spec allows
	VerificationFailed Failure = "VerificationFailed" // the new generation does not hold or find what it should
	SourcesIncomplete  Failure = "SourcesIncomplete"  // a source could not be listed completely
	RemovalUnproved    Failure = "RemovalUnproved"    // the store still has something of documents that were removed
)

// The shortfalls of a reply that is sent all the same: codes of its warnings.
const (
	NoPassages     Failure = "NoPassages"     // retrieval found nothing, so the LLM was not called
	NoModel        Failure = "NoModel"        // the pipeline has no LLM
	PassagesCut    Failure = "PassagesCut"    // not all passages fit the LLM's context window
	FalseCitations Failure = "FalseCitations" // citations of no passage, or copied from one, were removed
	OnlyReasoning  Failure = "OnlyReasoning"  // the LLM used all its tokens for reasoning, so the reply is the passages
	AnswerRefused  Failure = "AnswerRefused"  // the LLM refused to answer, or its content filter withheld the answer
	FieldsOmitted  Failure = "FieldsOmitted"  // the LLM's server does not take fields that the request sets
	NotRewritten   Failure = "NotRewritten"   // the LLM did not rewrite the question, so that it was searched for as asked

	ToolsIgnored     Failure = "ToolsIgnored"     // the request offered tools, which no pipeline calls
	ToolTurnsDropped Failure = "ToolTurnsDropped" // the history had calls of tools or their results
	PartsDropped     Failure = "PartsDropped"     // the history had parts that are not text

	FilterKeyUnknown   Failure = "FilterKeyUnknown"   // no document has a key that the filter names
	FilterTypeMismatch Failure = "FilterTypeMismatch" // no document has a value of the type that the filter asks for
)

// StageFailed is the failure of a stage whose error has no word of its own.
const StageFailed Failure = "StageFailed"

// Meaning is what a stage's failure means to each of those who learn of it.
type Meaning struct {
	// HTTPStatus is the status of the gateway's reply. OpenAI's SDKs repeat a request after 408, 409, 429 and every 5xx.
	// A refusal that stands until the pipeline's operator acts is therefore a 424, which they do not repeat. It is never
	// a 401, 403 or 404: the pipeline's key and models are not the caller's.
	HTTPStatus int
	// Conclusive means that one such failure takes its stage down. Others may pass, and must repeat.
	Conclusive bool
	// Permanent means that only the user can end it, such as by a change of the spec.
	Permanent bool
	// ForOperator follows `embedding model "name" ` in logs, status and reports, and says what to do. It is empty for
	// failures of the index, whose errors carry their own words.
	ForOperator string
	// ForCaller follows `the embedding model "name" ` or `the index ` in replies. It names no address and no field.
	ForCaller string
}

// Meaning returns what f means. Of a word that is not a stage's failure it returns that the stage failed.
func (f Failure) Meaning() Meaning {
	if m, known := meanings[f]; known {
		return m
	}
	return Meaning{HTTPStatus: http.StatusBadGateway, ForOperator: "failed", ForCaller: "failed; " + contact}
}

// StageFailures returns every failure of a stage, sorted: those of models and those of the index.
func StageFailures() (ofModels, ofIndex []Failure) {
	for _, f := range slices.Sorted(maps.Keys(meanings)) {
		if meanings[f].ForOperator != "" {
			ofModels = append(ofModels, f)
		} else {
			ofIndex = append(ofIndex, f)
		}
	}
	return ofModels, ofIndex
}

const contact = "contact the pipeline's operator"

var meanings = map[Failure]Meaning{
	ModelUnreachable: {HTTPStatus: http.StatusBadGateway,
		ForOperator: "cannot be reached; check its url and that it runs",
		ForCaller:   "cannot be reached; try again later"},
	ModelNotReady: {HTTPStatus: http.StatusServiceUnavailable,
		ForOperator: "is not ready yet; it is still loading",
		ForCaller:   "is still loading; try again later"},
	ModelOverloaded: {HTTPStatus: http.StatusServiceUnavailable,
		ForOperator: "is overloaded; send fewer questions at once or add replicas",
		ForCaller:   "is overloaded; try again later"},
	ModelUnauthorized: {HTTPStatus: http.StatusFailedDependency, Conclusive: true,
		ForOperator: "refused the API key; check secretRef",
		ForCaller:   "denies this pipeline access; " + contact},
	ModelUnpaid: {HTTPStatus: http.StatusFailedDependency, Conclusive: true,
		ForOperator: "requires payment or an entitlement for this key",
		ForCaller:   "requires payment; " + contact},
	ModelNotFound: {HTTPStatus: http.StatusFailedDependency, Conclusive: true, Permanent: true,
		ForOperator: "was not found at this url; check url and model",
		ForCaller:   "was not found at its configured address; " + contact},
	ModelRetired: {HTTPStatus: http.StatusFailedDependency, Conclusive: true, Permanent: true,
		ForOperator: "has been retired; name a current model",
		ForCaller:   "has been retired; " + contact},
	InputTooLong: {HTTPStatus: http.StatusRequestEntityTooLarge,
		ForOperator: "received more text than it accepts",
		ForCaller:   "received more text than it accepts; shorten the question or the conversation"},
	ModelRejected: {HTTPStatus: http.StatusFailedDependency,
		ForOperator: "rejected the request",
		ForCaller:   "rejected the request; try without its optional fields, or " + contact},
	ModelBroken: {HTTPStatus: http.StatusBadGateway,
		ForOperator: "returned an unusable reply",
		ForCaller:   "returned an unusable reply; try again later"},
	ModelTimedOut: {HTTPStatus: http.StatusGatewayTimeout,
		ForOperator: "did not answer in time",
		ForCaller:   "did not answer in time; try again later"},
	ModelDrifted: {HTTPStatus: http.StatusFailedDependency, Conclusive: true, Permanent: true,
		ForOperator: "no longer gives the vectors that the index was built with",
		ForCaller:   "is not the one that the index was built with; " + contact},
	ModelCircuitOpen: {HTTPStatus: http.StatusServiceUnavailable,
		ForOperator: "failed repeatedly, so calls to it are paused",
		ForCaller:   "failed repeatedly, so calls to it are paused; try again later"},

	IndexUnavailable: {HTTPStatus: http.StatusServiceUnavailable,
		ForCaller: "cannot be searched; " + contact},
	IndexTimedOut: {HTTPStatus: http.StatusGatewayTimeout,
		ForCaller: "did not answer in time; try again"},
	IndexNotBuilt: {HTTPStatus: http.StatusServiceUnavailable,
		ForCaller: "is not built yet; try again later"},
	IndexUnauthorized: {HTTPStatus: http.StatusFailedDependency,
		ForCaller: "denies this pipeline access; " + contact},
	IndexUnreachable: {HTTPStatus: http.StatusServiceUnavailable,
		ForCaller: "cannot be reached; try again later"},
	DimensionMismatch: {HTTPStatus: http.StatusFailedDependency, Permanent: true,
		ForCaller: "received a vector of other dimensions than its own: the embedding model is not the one that it was " +
			"built with; " + contact},
}
