package standin

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/ragpipeline/ragpipeline/internal/lexical"
	"github.com/ragpipeline/ragpipeline/internal/vector"
)

// The bounds of `dimensions`: below, everything resembles everything; above, nothing is gained.
const minDimensions, maxDimensions = 32, 4096

type embeddingRequest struct {
	Model          string          `json:"model"`
	Input          json.RawMessage `json:"input"`
	InputType      string          `json:"input_type"`
	Truncate       string          `json:"truncate"`
	EncodingFormat json.RawMessage `json:"encoding_format"`
	Dimensions     *int            `json:"dimensions"`
}

// embeddings answers POST /v1/embeddings.
func (h *handler) embeddings(body []byte) (reply, error) {
	var q embeddingRequest
	if err := decode(body, &q); err != nil {
		return nil, err
	}
	if err := h.checkEmbedding(&q); err != nil {
		return nil, err
	}
	base64Wanted, err := base64Wanted(q.EncodingFormat)
	if err != nil {
		return nil, err
	}
	dimensions, err := h.dimensions(q.Dimensions)
	if err != nil {
		return nil, err
	}
	texts, err := h.inputs(q.Input)
	if err != nil {
		return nil, err
	}
	used := 0
	for i, text := range texts {
		if texts[i], err = fit(text, h.MaxTokens, q.Truncate); err != nil {
			return nil, err
		}
		used += tokens(texts[i])
	}
	return func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(embeddingReply(h.Names.Embedding, texts, dimensions, base64Wanted, used))
	}, nil
}

// checkEmbedding checks model and input type. An OpenAI client, which cannot send input_type, appends it to
// the model's name.
func (h *handler) checkEmbedding(q *embeddingRequest) error {
	for _, suffix := range []string{"query", "passage"} {
		if name, found := strings.CutSuffix(q.Model, "-"+suffix); found && name == h.Names.Embedding {
			q.Model, q.InputType = name, suffix
		}
	}
	if err := serves(q.Model, h.Names.Embedding); err != nil {
		return err
	}
	switch q.InputType {
	case "query", "passage":
		return nil
	case "":
		return refuse(http.StatusBadRequest, "'input_type' parameter is required: query or passage")
	}
	return refuse(http.StatusBadRequest, "'input_type' must be query or passage")
}

func base64Wanted(format json.RawMessage) (bool, error) {
	switch string(format) {
	case "", `"float"`:
		return false, nil
	case `"base64"`:
		return true, nil
	}
	return false, refuse(http.StatusBadRequest, "'encoding_format' must be float or base64")
}

func (h *handler) dimensions(asked *int) (int, error) {
	if asked == nil {
		return h.Dimensions, nil
	}
	if *asked < minDimensions || *asked > maxDimensions {
		return 0, refuse(http.StatusBadRequest, "'dimensions' must be between %d and %d", minDimensions, maxDimensions)
	}
	return *asked, nil
}

// inputs are the texts of `input`: a string or an array of strings, none empty.
func (h *handler) inputs(raw json.RawMessage) ([]string, error) {
	var texts []string
	if json.Unmarshal(raw, &texts) != nil {
		texts = make([]string, 1)
		if json.Unmarshal(raw, &texts[0]) != nil {
			return nil, refuse(http.StatusUnprocessableEntity, "'input' must be a string or an array of strings")
		}
	}
	if len(texts) == 0 {
		return nil, refuse(http.StatusBadRequest, "'input' must not be empty")
	}
	if len(texts) > h.MaxBatch {
		return nil, refuse(http.StatusBadRequest, "'input' holds %d texts, more than the maximum batch size %d",
			len(texts), h.MaxBatch)
	}
	for i, text := range texts {
		if text == "" {
			return nil, refuse(http.StatusBadRequest, "'input' must not be empty: text %d is", i)
		}
	}
	return texts, nil
}

// fit is the text as the model sees it, by `truncate`: NONE refuses what is too long.
func fit(text string, limit int, truncate string) (string, error) {
	long := tokens(text) > limit
	switch truncate {
	case "", "NONE":
		if long {
			return "", refuse(http.StatusBadRequest, "Input length %d exceeds maximum allowed token size %d",
				tokens(text), limit)
		}
	case "END":
		if long {
			return head(text, limit*bytesPerToken), nil
		}
	case "START":
		if long {
			return tail(text, limit*bytesPerToken), nil
		}
	default:
		return "", refuse(http.StatusBadRequest, "'truncate' must be NONE, START or END")
	}
	return text, nil
}

// head is the beginning of text, of at most n bytes, cut between runes.
func head(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for back := range min(n, utf8.UTFMax) { // further back, it is no UTF-8 and may be cut anywhere
		if utf8.RuneStart(text[n-back]) {
			return text[:n-back]
		}
	}
	return text[:n]
}

// tail is the end of text, of at most n bytes, cut between runes.
func tail(text string, n int) string {
	i := max(0, len(text)-n)
	for i < len(text) && !utf8.RuneStart(text[i]) {
		i++
	}
	return text[i:]
}

// embeddingReply renders the reply by hand: encoding/json takes longer over the numbers than the model does.
func embeddingReply(name string, texts []string, dimensions int, asBase64 bool, used int) []byte {
	b := make([]byte, 0, len(texts)*(dimensions*9+64)+128)
	b = append(b, `{"object":"list","data":[`...)
	for i, text := range texts {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"object":"embedding","index":`...)
		b = strconv.AppendInt(b, int64(i), 10)
		b = append(b, `,"embedding":`...)
		b = appendVector(b, lexical.Embed(text, dimensions), asBase64)
		b = append(b, '}')
	}
	b = append(b, `],"model":`...)
	b = append(b, marshal(name)...)
	b = append(b, `,"usage":`...)
	b = append(b, marshal(usage{Prompt: used, Total: used})...)
	return append(b, '}')
}

// appendVector renders a vector as numbers, or in base64 as little-endian float32.
func appendVector(b []byte, v []float32, asBase64 bool) []byte {
	if asBase64 {
		b = append(b, '"')
		b = base64.StdEncoding.AppendEncode(b, vector.Encode(v))
		return append(b, '"')
	}
	b = append(b, '[')
	for i, x := range v {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendNumber(b, x)
	}
	return append(b, ']')
}

// appendNumber renders a number of a vector exactly, four times as fast as strconv does: it is a whole number
// of lexical.Decimals between -1 and 1.
func appendNumber(b []byte, x float32) []byte {
	n := int(math.Round(float64(x) * lexical.Decimals))
	if n == 0 {
		return append(b, '0')
	}
	if n < 0 {
		b, n = append(b, '-'), -n
	}
	b = append(b, byte('0'+n/lexical.Decimals), '.')
	for place := lexical.Decimals / 10; place > 0; place /= 10 {
		b = append(b, byte('0'+n/place%10))
	}
	return b
}

func marshal(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("standin: " + err.Error()) // only strings and integers come here
	}
	return b
}
