package nimsim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// Fast are the replies of a simulator that costs next to nothing. Equal texts have equal vectors and others do
// not, but what a text says is not in them; a ranking keeps the order given, and every question has the same answer.
type Fast struct {
	// Dimensions is the length of the vector; 0 means 1024. A request's own `dimensions` is ignored.
	Dimensions int
	// Answer is what the LLM says, streamed word by word; a sentence with a citation when empty.
	Answer string
}

// fast holds the replies, rendered beforehand as far as they do not depend on the request.
type fast struct {
	vectors vectors
	whole   []byte
	chunks  [][]byte // of the stream, up to the one with the finish reason
	usage   []byte   // the chunk that stream_options asks for
}

func newFast(f Fast) http.Handler {
	if f.Dimensions == 0 {
		f.Dimensions = 1024
	}
	if f.Answer == "" {
		f.Answer = "The passages say that it is so. [1]"
	}
	h := &fast{vectors: newVectors(f.Dimensions)}
	h.renderAnswer(f.Answer)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/embeddings", bodied(h.embeddings))
	mux.HandleFunc("POST /v1/ranking", bodied(h.ranking))
	mux.HandleFunc("POST /v1/chat/completions", bodied(h.chat))
	mux.HandleFunc("GET /v1/health/", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, `{"object":"health.response","message":"ready"}`)
	})
	return mux
}

// fastPromptTokens is what every prompt counts as. No server's context has such a number, so that a gateway does not
// take all prompts for cut to it.
const fastPromptTokens = 1234

func (h *fast) renderAnswer(answer string) {
	quoted := func(s string) string { b, _ := json.Marshal(s); return string(b) }
	head := `{"id":"chatcmpl-fast","created":1700000000,"model":` + quoted(config.StandInLLM)
	usage := fmt.Sprintf(`"usage":{"prompt_tokens":%d,"completion_tokens":%d,"total_tokens":%d}}`,
		fastPromptTokens, len(answer)/4+1, fastPromptTokens+len(answer)/4+1)
	h.whole = []byte(head + `,"object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":` + quoted(answer) +
		`},"finish_reason":"stop"}],` + usage)

	chunk := func(delta, finish string) []byte {
		return []byte("data: " + head + `,"object":"chat.completion.chunk","choices":[{"index":0,"delta":` + delta + `,"finish_reason":` + finish + "}]}\n\n")
	}
	h.chunks = [][]byte{chunk(`{"role":"assistant","content":""}`, "null")}
	for word := range strings.SplitAfterSeq(answer, " ") {
		h.chunks = append(h.chunks, chunk(`{"content":`+quoted(word)+`}`, "null"))
	}
	h.chunks = append(h.chunks, chunk(`{}`, `"stop"`))
	h.usage = []byte("data: " + head + `,"object":"chat.completion.chunk","choices":[],` + usage + "\n\n")
}

func bodied(serve func(w http.ResponseWriter, body []byte)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		w.Header().Set("Content-Type", "application/json")
		serve(w, body)
	}
}

func (h *fast) embeddings(w http.ResponseWriter, body []byte) {
	base64 := bytes.Contains(body, []byte(`"base64"`))
	texts := inputs(body)
	b := make([]byte, 0, len(texts)*h.vectors.size(base64)+128)
	b = append(b, `{"object":"list","data":[`...)
	for i, text := range texts {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"object":"embedding","index":`...)
		b = strconv.AppendInt(b, int64(i), 10)
		b = append(b, `,"embedding":`...)
		b = h.vectors.append(b, text, base64)
		b = append(b, '}')
	}
	_, _ = w.Write(append(b, `],"model":"`+config.StandInEmbedding+`","usage":{"prompt_tokens":8,"total_tokens":8}}`...))
}

// inputs finds the texts of `input` without decoding them.
func inputs(body []byte) (texts [][]byte) {
	_, rest, found := bytes.Cut(body, []byte(`"input":`))
	rest = bytes.TrimLeft(rest, " ")
	if !found || len(rest) == 0 {
		return nil
	}
	array := rest[0] == '['
	for i := 0; i < len(rest) && rest[i] != ']'; i++ {
		if rest[i] != '"' {
			continue
		}
		start := i + 1
		for i = start; i < len(rest) && rest[i] != '"'; i++ {
			if rest[i] == '\\' {
				i++
			}
		}
		texts = append(texts, rest[start:min(i, len(rest))])
		if !array {
			break
		}
	}
	return texts
}

func (h *fast) ranking(w http.ResponseWriter, body []byte) {
	// In a string every quote is escaped, so that only keys match. One is the query's.
	n := bytes.Count(body, []byte(`"text":`)) - 1
	b := make([]byte, 0, 64+40*max(n, 0))
	b = append(b, `{"rankings":[`...)
	for i := range max(n, 0) {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"index":`...)
		b = strconv.AppendInt(b, int64(i), 10)
		b = append(b, `,"logit":`...)
		b = strconv.AppendFloat(b, 8-float64(i)/8, 'f', -1, 64)
		b = append(b, '}')
	}
	_, _ = w.Write(append(b, `]}`...))
}

func (h *fast) chat(w http.ResponseWriter, body []byte) {
	if !asked(body, "stream") {
		_, _ = w.Write(h.whole)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	flush := http.NewResponseController(w)
	for _, chunk := range h.chunks {
		if _, err := w.Write(chunk); err != nil || flush.Flush() != nil {
			return
		}
	}
	if asked(body, "include_usage") {
		_, _ = w.Write(h.usage)
	}
	_, _ = w.Write([]byte("data: [DONE]\n\n"))
}

// asked says whether a field is true.
func asked(body []byte, field string) bool {
	return bytes.Contains(body, []byte(`"`+field+`":true`)) || bytes.Contains(body, []byte(`"`+field+`": true`))
}
