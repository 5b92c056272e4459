package standin

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// Options say what is served. The zero value serves all three models under their own names.
type Options struct {
	Names Names
	// Dimensions is the length of a vector when the request does not ask for one; 0 means 1024.
	Dimensions int
	// MaxTokens limits a text to embed, and query and passage together in a ranking; 0 means 8192. A token is
	// taken to be four bytes.
	MaxTokens int
	// MaxBatch limits the texts of one embedding request; 0 means 512.
	MaxBatch int
	// ContextWindow limits the prompt of a chat, in tokens; 0 means 131072.
	ContextWindow int
	// MaxBody limits a request's body, in bytes; 0 means 32 MiB.
	MaxBody int64
}

// Names are the names that the models go by. An empty name in a Names that is not wholly empty means that the
// model is not served, and its route does not exist: a NIM serves one model.
type Names struct {
	Embedding, Reranking, LLM string
}

// handler serves the models.
type handler struct{ Options }

// NewHandler serves the stand-in models as NIMs do: POST /v1/embeddings, /v1/ranking and /v1/chat/completions,
// and GET /v1/models, /v1/health/{live,ready}, /v1/metadata and /v1/version.
func NewHandler(o Options) http.Handler {
	if o.Names == (Names{}) {
		o.Names = Names{Embedding: config.StandInEmbedding, Reranking: config.StandInReranking, LLM: config.StandInLLM}
	}
	o.Dimensions = cmp.Or(o.Dimensions, 1024)
	o.MaxTokens = cmp.Or(o.MaxTokens, 8192)
	o.MaxBatch = cmp.Or(o.MaxBatch, 512)
	o.ContextWindow = cmp.Or(o.ContextWindow, 131072)
	o.MaxBody = cmp.Or(o.MaxBody, 32<<20)
	h := &handler{o}

	mux := http.NewServeMux()
	if o.Names.Embedding != "" {
		mux.Handle("POST /v1/embeddings", h.post(plainError, h.embeddings))
	}
	if o.Names.Reranking != "" {
		mux.Handle("POST /v1/ranking", h.post(plainError, h.ranking))
	}
	if o.Names.LLM != "" {
		mux.Handle("POST /v1/chat/completions", h.post(openAIError, h.chat))
	}
	mux.HandleFunc("GET /v1/models", h.models)
	mux.HandleFunc("GET /v1/health/live", health("live"))
	mux.HandleFunc("GET /v1/health/ready", health("ready"))
	mux.HandleFunc("GET /v1/metadata", h.metadata)
	mux.HandleFunc("GET /v1/version", version)
	return mux
}

// reply writes a successful answer; it is asked only after everything that can be refused was checked.
type reply func(http.ResponseWriter)

// post reads a bounded body, and turns a refusal into an error of the route's shape.
func (h *handler) post(shape func(status int, message string) any,
	serve func(body []byte) (reply, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, h.MaxBody))
		var answer reply
		if _, large := errors.AsType[*http.MaxBytesError](err); large {
			err = refuse(http.StatusRequestEntityTooLarge, "the body exceeds %d bytes", h.MaxBody)
		}
		if err == nil {
			answer, err = serve(body)
		}
		if err != nil {
			status := statusOf(err)
			writeJSON(w, status, shape(status, err.Error()))
			return
		}
		answer(w)
	})
}

// refusal is a request that is not answered. Its text reaches the caller and never holds the request's texts.
type refusal struct {
	status  int
	message string
}

func (r *refusal) Error() string { return r.message }

func refuse(status int, format string, args ...any) error {
	return &refusal{status, fmt.Sprintf(format, args...)}
}

func statusOf(err error) int {
	if r, ok := errors.AsType[*refusal](err); ok {
		return r.status
	}
	return http.StatusBadRequest // the body could not be read
}

// plainError is how retriever NIMs shape an error.
func plainError(_ int, message string) any { return map[string]string{"error": message} }

// openAIError is how LLM NIMs (vLLM below) shape an error.
func openAIError(status int, message string) any {
	kind := "BadRequestError"
	if status == http.StatusNotFound {
		kind = "NotFoundError"
	}
	return map[string]any{"error": map[string]any{"message": message, "type": kind, "param": nil, "code": status}}
}

// decode reads a request; fields that it does not know are ignored, as NIMs do.
func decode(body []byte, into any) error {
	err := json.Unmarshal(body, into)
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && wrong.Field != "" {
		return refuse(http.StatusUnprocessableEntity, "'%s' must not be a %s", wrong.Field, wrong.Value)
	}
	if err != nil {
		return refuse(http.StatusBadRequest, "the body is not a JSON object of this route: %v", err)
	}
	return nil
}

// serves refuses a name that is not the route's model.
func serves(name, served string) error {
	switch name {
	case served:
		return nil
	case "":
		return refuse(http.StatusBadRequest, "'model' is required; this route serves %s", served)
	}
	return refuse(http.StatusNotFound, "the model %q does not exist; this route serves %s", name, served)
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		panic("standin: " + err.Error()) // replies are made of strings and finite numbers
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // the caller has left; there is nobody to tell
}

// usage counts tokens as replies report them.
type usage struct {
	Prompt     int `json:"prompt_tokens"`
	Completion int `json:"completion_tokens,omitempty"`
	Total      int `json:"total_tokens"`
}

// bytesPerToken is the usual estimate for English; there is no tokeniser here.
const bytesPerToken = 4

func tokens(text string) int { return (len(text) + bytesPerToken - 1) / bytesPerToken }
