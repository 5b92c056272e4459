package nimsim

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// Fast are the fixed replies of a simulator that costs next to nothing. Every text has the same vector, a
// ranking keeps the order given, and every question the same answer.
type Fast struct {
	// Dimensions is the length of the vector; 0 means 1024. A request's own `dimensions` is ignored.
	Dimensions int
	// Answer is what the LLM says, streamed word by word; a sentence with a citation when empty.
	Answer string
}

// fast holds the replies, rendered beforehand as far as they do not depend on the request.
type fast struct {
	numbers, encoded []byte // the vector, as numbers and as base64
	one, oneEncoded  []byte // the whole reply for one text, a question's
	whole            []byte
	chunks           [][]byte // of the stream, up to the one with the finish reason
	usage            []byte   // the chunk that stream_options asks for
}

func newFast(f Fast) http.Handler {
	if f.Dimensions == 0 {
		f.Dimensions = 1024
	}
	if f.Answer == "" {
		f.Answer = "The passages say that it is so. [1]"
	}
	h := &fast{}
	h.renderVector(f.Dimensions)
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

func (h *fast) renderVector(dimensions int) {
	v := make([]float32, dimensions)
	sum := 0.0
	for i := range v {
		v[i] = float32(math.Sin(float64(i) + 1))
		sum += float64(v[i]) * float64(v[i])
	}
	var raw []byte
	for i := range v {
		v[i] /= float32(math.Sqrt(sum))
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v[i]))
	}
	h.numbers, _ = json.Marshal(v)
	h.encoded, _ = json.Marshal(base64.StdEncoding.EncodeToString(raw))
	h.one, h.oneEncoded = vectors(h.numbers, 1), vectors(h.encoded, 1)
}

func (h *fast) renderAnswer(answer string) {
	quoted := func(s string) string { b, _ := json.Marshal(s); return string(b) }
	head := `{"id":"chatcmpl-fast","created":1700000000,"model":` + quoted(config.StandInLLM)
	usage := `"usage":{"prompt_tokens":1000,"completion_tokens":` + strconv.Itoa(len(answer)/4+1) + `,"total_tokens":` + strconv.Itoa(len(answer)/4+1001) + `}}`
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
	vector, one := h.numbers, h.one
	if bytes.Contains(body, []byte(`"base64"`)) {
		vector, one = h.encoded, h.oneEncoded
	}
	n := countInputs(body)
	if n == 1 {
		_, _ = w.Write(one)
		return
	}
	_, _ = w.Write(vectors(vector, n))
}

// vectors renders the reply for n texts.
func vectors(vector []byte, n int) []byte {
	b := make([]byte, 0, n*(len(vector)+64)+128)
	b = append(b, `{"object":"list","data":[`...)
	for i := range n {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"object":"embedding","index":`...)
		b = strconv.AppendInt(b, int64(i), 10)
		b = append(b, `,"embedding":`...)
		b = append(b, vector...)
		b = append(b, '}')
	}
	return append(b, `],"model":"`+config.StandInEmbedding+`","usage":{"prompt_tokens":8,"total_tokens":8}}`...)
}

// countInputs counts the texts of `input` without decoding them.
func countInputs(body []byte) int {
	_, rest, found := bytes.Cut(body, []byte(`"input":`))
	rest = bytes.TrimLeft(rest, " ")
	if !found || len(rest) == 0 || rest[0] != '[' {
		return 1
	}
	n := 0
	for i := 1; i < len(rest) && rest[i] != ']'; i++ {
		if rest[i] != '"' {
			continue
		}
		n++
		for i++; i < len(rest) && rest[i] != '"'; i++ {
			if rest[i] == '\\' {
				i++
			}
		}
	}
	return n
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
