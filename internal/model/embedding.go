package model

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

const (
	// batchSize is how many passages one request carries. NIM does not document a limit; its engines batch 16 to
	// 64.
	batchSize = 32

	queryTimeout    = 30 * time.Second
	passagesTimeout = 2 * time.Minute // a batch on a CPU takes that long
)

// The values of input_type and truncate.
const (
	inputQuery   = "query"
	inputPassage = "passage"
	truncateNone = "NONE"
	truncateEnd  = "END"
)

// Embedder turns text into vectors.
type Embedder struct {
	client   *client
	protocol config.Protocol
	space    config.EmbeddingSpace
	// floats is set for a server that refuses encoding_format base64; base64Works once one took it.
	floats, base64Works atomic.Bool
}

// NewEmbedder makes a client of the embedding model m. space names the model, the vectors' length and the
// prefixes. A nil key sends none.
func NewEmbedder(m config.Model, space config.EmbeddingSpace, key Key, t Transport) *Embedder {
	return &Embedder{
		client:   newClient(config.StageEmbedding, m.Name, join(m.URL, "/embeddings"), key, t),
		protocol: m.Protocol,
		space:    space,
	}
}

// EmbedRequest is a request of the gateway's own /v1/embeddings.
type EmbedRequest struct {
	Texts      []string
	InputType  string // query or passage
	Truncate   string // NONE, START or END; empty means NONE
	Dimensions int    // 0: the pipeline's
}

// Passages embeds texts for the index, in their order, 32 a request. A text over the model's limit is cut, and
// says so in its result. It is patient: it waits out a restart or a rate limit of about a minute.
func (e *Embedder) Passages(ctx context.Context, texts []string) ([]Embedded, error) {
	out := make([]Embedded, 0, len(texts))
	for start := 0; start < len(texts); start += batchSize {
		batch, err := e.batch(ctx, texts[start:min(start+batchSize, len(texts))])
		if err != nil {
			return nil, err
		}
		out = append(out, batch...)
		if len(out[start].Vector) != len(out[0].Vector) {
			return nil, e.client.fail(config.ModelBroken, errors.New("its vectors changed their length between two requests"))
		}
	}
	return out, nil
}

// batch embeds at most one request's worth of passages, and bisects to find those that are too long.
func (e *Embedder) batch(ctx context.Context, texts []string) ([]Embedded, error) {
	vectors, _, err := e.post(ctx, embedCall{texts: texts, input: inputPassage, truncate: truncateNone, retry: persistent})
	switch {
	case err == nil:
		out := make([]Embedded, len(vectors))
		for i, v := range vectors {
			out[i].Vector = v
		}
		return out, nil
	case FailureOf(err) != config.InputTooLong:
		return nil, err
	case len(texts) == 1:
		v, short := e.shortened(ctx, embedCall{texts: texts, input: inputPassage, retry: persistent})
		return []Embedded{{Vector: v, Truncated: true, Limit: messageOf(err)}}, short
	}
	half := len(texts) / 2
	left, err := e.batch(ctx, texts[:half])
	if err != nil {
		return nil, err
	}
	right, err := e.batch(ctx, texts[half:])
	return append(left, right...), err
}

// messageOf is what the server said, without our own words.
func messageOf(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Message
	}
	return ""
}

// Query embeds a question; one over the model's limit is cut at its end.
func (e *Embedder) Query(ctx context.Context, text string) ([]float32, error) {
	return e.shortened(ctx, embedCall{texts: []string{text}, input: inputQuery, retry: prompt})
}

// shortened embeds one text with its end cut off as far as needed: by the server where it can, else by halving
// the text until it is accepted.
func (e *Embedder) shortened(ctx context.Context, call embedCall) ([]float32, error) {
	call.truncate = truncateEnd
	for {
		vectors, _, err := e.post(ctx, call)
		if err == nil {
			return vectors[0], nil
		}
		shorter := firstHalf(call.texts[0])
		if FailureOf(err) != config.InputTooLong || shorter == "" {
			return nil, err
		}
		call.texts = []string{shorter}
	}
}

// firstHalf is the first half of s by code points, rounded down.
func firstHalf(s string) string {
	runes := []rune(s)
	return string(runes[:len(runes)/2])
}

// Embed passes a client's request on, 32 texts a request, with the prefixes of the pipeline. Nothing is cut
// but by the request's own Truncate.
func (e *Embedder) Embed(ctx context.Context, r EmbedRequest) ([][]float32, *Usage, error) {
	var out [][]float32
	var used *Usage
	for start := 0; start < len(r.Texts); start += batchSize {
		vectors, usage, err := e.post(ctx, embedCall{
			texts:      r.Texts[start:min(start+batchSize, len(r.Texts))],
			input:      r.InputType,
			truncate:   r.Truncate,
			dimensions: r.Dimensions,
			retry:      prompt,
		})
		if err != nil {
			return nil, nil, err
		}
		out = append(out, vectors...)
		used = used.plus(usage)
	}
	return out, used, nil
}

// Probe embeds one short text, once.
func (e *Embedder) Probe(ctx context.Context) error {
	_, _, err := e.post(ctx, embedCall{texts: []string{probeText}, input: inputQuery, truncate: truncateEnd, retry: once})
	return err
}

// probeText is what probes send: long enough to be told from a server's own words.
const probeText = "ragpipeline asks whether you are there"

// embedCall is one request to the model.
type embedCall struct {
	texts      []string
	input      string
	truncate   string
	dimensions int
	retry      patience
}

// post embeds texts in one request. It asks for base64, which costs a tenth of the CPU to read. A server that
// refuses the first such request is asked for numbers, and from then on if it takes that; servers that do not
// know encoding_format send numbers anyway, and those are read too.
func (e *Embedder) post(ctx context.Context, call embedCall) ([][]float32, *Usage, error) {
	if call.dimensions == 0 {
		call.dimensions = e.space.Dimensions
	}
	asFloats := e.floats.Load()
	vectors, usage, err := e.request(ctx, call, asFloats)
	switch {
	case err == nil && !asFloats:
		e.base64Works.Store(true)
	case !asFloats && !e.base64Works.Load() && mayRefuseBase64(err):
		if vectors, usage, again := e.request(ctx, call, true); again == nil {
			e.floats.Store(true)
			return vectors, usage, nil
		}
	}
	return vectors, usage, err
}

func mayRefuseBase64(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Failure == config.ModelRejected &&
		(e.Status == http.StatusBadRequest || e.Status == http.StatusUnprocessableEntity)
}

func (e *Embedder) request(ctx context.Context, in embedCall,
	floats bool) (vectors [][]float32, usage *Usage, err error) {
	timeout := queryTimeout
	if in.input == inputPassage {
		timeout = passagesTimeout
	}
	err = e.client.do(ctx, call{
		operation: "embeddings",
		body:      e.body(in, floats),
		texts:     in.texts,
		retry:     in.retry,
		timeout:   timeout,
		read: e.client.whole(func(answer []byte) (err error) {
			vectors, usage, err = parseEmbeddings(answer, len(in.texts), in.dimensions)
			return err
		}),
	})
	return vectors, usage, err
}

// body is the request's JSON. NIM wants input_type and takes truncate; OpenAI-compatible servers know neither,
// and models of theirs that tell questions from passages do it by prefixes.
func (e *Embedder) body(in embedCall, floats bool) []byte {
	b := make([]byte, 0, room(in.texts...)+len(in.texts)*len(e.space.PassagePrefix))
	b = append(b, `{"model":`...)
	b = appendString(b, e.client.model)
	b = append(b, `,"input":[`...)
	for i, text := range in.texts {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, e.prefix(in.input)+text)
	}
	b = append(b, ']')
	if e.protocol != config.OpenAI {
		b = append(b, `,"input_type":`...)
		b = appendString(b, in.input)
		if in.truncate != "" {
			b = append(b, `,"truncate":`...)
			b = appendString(b, in.truncate)
		}
	}
	if floats {
		b = append(b, `,"encoding_format":"float"`...)
	} else {
		b = append(b, `,"encoding_format":"base64"`...)
	}
	if in.dimensions > 0 {
		b = append(b, `,"dimensions":`...)
		b = strconv.AppendInt(b, int64(in.dimensions), 10)
	}
	return append(b, '}')
}

func (e *Embedder) prefix(input string) string {
	switch {
	case e.protocol != config.OpenAI:
		return ""
	case input == inputQuery:
		return e.space.QueryPrefix
	}
	return e.space.PassagePrefix
}
