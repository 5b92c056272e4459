package model

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/vector"
)

const (
	queryTimeout    = 30 * time.Second
	passagesTimeout = 2 * time.Minute // of those that have no pace
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
	pace     *pace // of passages for an index
	// encoding is the index of the encoding that the server takes; base64Works reports whether it has
	// taken the first.
	encoding    atomic.Int32
	base64Works atomic.Bool
	// inputTypes holds the values of input_type that the server asks for although its protocol has none.
	inputTypes atomic.Int32
	// most is how many texts the server takes in one request.
	most atomic.Int32
}

// inputTypes are the values of input_type of a question and of a passage, by server.
var inputTypes = []struct{ fact, query, passage string }{
	{}, // sends none
	{"wants input_type, as a NIM does", inputQuery, inputPassage},
	{"wants input_type, as Cohere does", "search_query", "search_document"},
	{"wants input_type, as Voyage does", inputQuery, "document"},
}

// encodings are the values of encoding_format, the best first; the last leaves the field out.
var encodings = []string{"base64", "float", ""}

// NewEmbedder makes a client of the embedding model m. space names the model, the vectors' length
// and the prefixes. A nil key sends none.
func NewEmbedder(m config.Model, space config.EmbeddingSpace, key Key, t Transport) *Embedder {
	e := &Embedder{
		client:   newClient(config.StageEmbedding, m.Name, join(m.URL, "/embeddings"), key, t),
		protocol: m.Protocol,
		space:    space,
		pace:     newPace(),
	}
	e.most.Store(batchSize)
	return e
}

// EmbedRequest is a request of the gateway's own /v1/embeddings.
type EmbedRequest struct {
	Texts      []string
	InputType  string // query or passage
	Truncate   string // NONE, START or END; empty means NONE
	Dimensions int    // 0: the pipeline's
}

// Probe embeds one short text, once.
func (e *Embedder) Probe(ctx context.Context) error {
	_, _, err := e.post(ctx, embedCall{texts: []string{probeText}, input: inputQuery, truncate: truncateEnd, retry: probe})
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
	inputTypes int // is an index of inputTypes; 0 takes the known one
	retry      retryPolicy
	pace       *pace
}

// post embeds texts in one request. It asks for base64, which costs a fraction of the CPU to read.
// If a server refuses the first such request and accepts one for numbers, or without encoding_format
// if it refuses that by name, all later requests are such. Servers that do not know the field send
// numbers anyway, and post reads those too.
func (e *Embedder) post(ctx context.Context, call embedCall) ([][]float32, *Usage, error) {
	if call.dimensions == 0 {
		call.dimensions = e.space.Dimensions
	}
	known := int(e.encoding.Load())
	vectors, usage, err := e.request(ctx, call, encodings[known])
	if said, _ := mayTeach(err); e.protocol == config.OpenAI && mayRefuseEncoding(err) && said.names("input_type") {
		return e.withInputType(ctx, call, encodings[known], err)
	}
	if err == nil {
		e.base64Works.CompareAndSwap(false, known == 0)
		return vectors, usage, nil
	}
	if _, counts := passageLimit(err, len(call.texts)); counts || !mayRefuseEncoding(err) || e.base64Works.Load() {
		return nil, nil, err
	}
	said, _ := mayTeach(err)
	for i := known + 1; i < len(encodings) && (encodings[i] != "" || said.names("encoding_format")); i++ {
		if vectors, usage, again := e.request(ctx, call, encodings[i]); again == nil {
			e.encoding.Store(int32(i))
			e.client.learned("does not encode vectors in base64")
			return vectors, usage, nil
		}
	}
	return nil, nil, err
}

// withInputType posts a request again with the values of input_type that servers know, and remembers those that let it
// through.
func (e *Embedder) withInputType(
	ctx context.Context, call embedCall, encoding string, err error,
) ([][]float32, *Usage, error) {
	before := e.inputTypes.Load()
	for i := int(before) + 1; i < len(inputTypes); i++ {
		call.inputTypes = i
		vectors, usage, again := e.request(ctx, call, encoding)
		if again == nil {
			e.inputTypes.Store(int32(i))
			e.client.learned(inputTypes[i].fact)
			return vectors, usage, nil
		}
		if said, _ := mayTeach(again); !said.names("input_type") {
			return nil, nil, again
		}
	}
	return nil, nil, err
}

func mayRefuseEncoding(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Failure == config.ModelRejected &&
		(e.Status == http.StatusBadRequest || e.Status == http.StatusUnprocessableEntity)
}

func (e *Embedder) request(
	ctx context.Context, in embedCall, encoding string,
) (vectors [][]float32, usage *Usage, err error) {
	timeout := queryTimeout
	if in.input == inputPassage {
		timeout = passagesTimeout
	}
	body, err := e.client.writeJSON(e.body(in, encoding))
	if err != nil {
		return nil, nil, err
	}
	err = e.client.do(ctx, call{
		operation: "embeddings",
		body:      body,
		texts:     in.texts,
		retry:     in.retry,
		pace:      in.pace,
		timeout:   timeout,
		read: e.client.readsWhole(func(answer []byte) (err error) {
			vectors, usage, err = parseEmbeddings(answer, len(in.texts), in.dimensions)
			return err
		}),
	})
	return vectors, usage, err
}

// embeddingRequest is a request. NIM requires input_type and takes truncate. OpenAI-compatible
// servers know neither; models behind them that tell questions from passages do so by prefixes.
type embeddingRequest struct {
	Model          string   `json:"model"`
	Input          []string `json:"input"`
	InputType      string   `json:"input_type,omitzero"`
	Truncate       string   `json:"truncate,omitzero"`
	EncodingFormat string   `json:"encoding_format,omitzero"`
	Dimensions     int      `json:"dimensions,omitzero"`
}

func (e *Embedder) body(in embedCall, encoding string) embeddingRequest {
	body := embeddingRequest{
		Model:          e.client.model,
		Input:          make([]string, len(in.texts)),
		EncodingFormat: encoding,
		Dimensions:     max(in.dimensions, 0),
	}
	for i, text := range in.texts {
		body.Input[i] = e.prefix(in.input) + text
	}
	switch types := inputTypes[cmp.Or(in.inputTypes, int(e.inputTypes.Load()))]; {
	case e.protocol != config.OpenAI:
		body.InputType, body.Truncate = in.input, in.truncate
	case in.input == inputQuery:
		body.InputType = types.query
	default:
		body.InputType = types.passage
	}
	return body
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

// embeddingReply is the wire format of an answer. Some servers have a list of vectors under another
// name.
type embeddingReply struct {
	Data       list[embeddingItem] `json:"data"`
	Embeddings list[embeddingItem] `json:"embeddings"`
	Usage      *usageJSON          `json:"usage"`
}

type embeddingItem struct {
	Index  number     `json:"index"`
	Vector vectorJSON `json:"embedding"`
}

// UnmarshalJSONFrom also reads a bare vector.
func (i *embeddingItem) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	*i = embeddingItem{}
	if d.PeekKind() == '[' {
		return i.Vector.UnmarshalJSONFrom(d)
	}
	return errors.ErrUnsupported
}

// vectorJSON is an array of numbers or base64 of little-endian float32s. It is nil when it is not a
// vector of finite numbers.
type vectorJSON []float32

func (v *vectorJSON) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	*v = nil
	if d.PeekKind() != '"' {
		return v.readNumbers(d)
	}
	quoted, err := d.ReadValue()
	if err != nil {
		return err
	}
	encoded := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(encoded, '\\') >= 0 { // a slash may be escaped
		encoded, _ = jsontext.AppendUnquote(nil, quoted) // its error is invalid UTF-8, which is not base64 either
	}
	*v = decodeVector(encoded)
	return nil
}

func (v *vectorJSON) readNumbers(d *jsontext.Decoder) error {
	if d.PeekKind() == 'n' {
		return d.SkipValue()
	}
	if bracket, err := d.ReadToken(); err != nil || bracket.Kind() != '[' {
		return errNotJSON
	}
	*v = make([]float32, 0, 1024)
	for d.PeekKind() != ']' {
		value, err := d.ReadValue()
		if err != nil {
			return err
		}
		f, err := strconv.ParseFloat(strings.Trim(string(value), `"`), 32) // some gateways write numbers as strings
		if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			return errNotJSON
		}
		*v = append(*v, float32(f))
	}
	_, err := d.ReadToken()
	return err
}

// decodeVector returns nil for what is not base64 of finite float32s.
func decodeVector(s []byte) []float32 {
	raw := make([]byte, base64.StdEncoding.DecodedLen(len(s)))
	n, err := base64.StdEncoding.Decode(raw, s)
	if err != nil {
		return nil
	}
	v, err := vector.Decode(raw[:n])
	if err != nil || !vector.Finite(v) {
		return nil
	}
	return v
}

// parseEmbeddings reads the answer to a request of n texts. It returns the vectors in the order of
// the texts, or an error with the reason why the answer cannot be trusted. dimensions, when not 0,
// is the length that was asked for.
func parseEmbeddings(answer []byte, n, dimensions int) ([][]float32, *Usage, error) {
	var in embeddingReply
	if err := in.read(answer); err != nil {
		return nil, nil, err
	}
	if len(in.Data) != n {
		return nil, nil, fmt.Errorf("it holds %d embeddings for %d texts", len(in.Data), n)
	}
	vectors := make([][]float32, n)
	for i, item := range in.Data {
		index := i // a server that gives no index keeps the order
		if item.Index.given {
			index = whole(item.Index.value)
		}
		if err := place(vectors, index, item.Vector, dimensions); err != nil {
			return nil, nil, err
		}
	}
	if err := sameLength(vectors); err != nil {
		return nil, nil, err
	}
	return vectors, in.Usage.exported(), nil
}

// read reads an answer, of which text-embeddings-inference's own route has the list alone.
func (r *embeddingReply) read(answer []byte) error {
	if bytes.HasPrefix(bytes.TrimLeft(answer, whiteSpace), []byte("[[")) {
		answer = slices.Concat([]byte(`{"data":`), answer, []byte("}"))
	}
	err := readJSON(answer, r)
	if len(r.Data) == 0 {
		r.Data = r.Embeddings
	}
	return err
}

// place puts v where it belongs, if it may stand there.
func place(vectors [][]float32, index int, v []float32, dimensions int) error {
	switch {
	case index < 0:
		return errNotJSON
	case index >= len(vectors):
		return fmt.Errorf("it holds an embedding with index %d for %d texts", index, len(vectors))
	case vectors[index] != nil:
		return fmt.Errorf("it holds two embeddings with index %d", index)
	case len(v) == 0:
		return errors.New("it holds an embedding that is empty or not a vector of finite numbers")
	case isZero(v):
		return errors.New("it holds an embedding of zeros alone, which is similar to no text")
	case dimensions != 0 && len(v) != dimensions:
		return fmt.Errorf("its vectors have %d dimensions where %d were asked for; check dimensions", len(v), dimensions)
	}
	vectors[index] = v
	return nil
}

func isZero(v []float32) bool { return !slices.ContainsFunc(v, func(x float32) bool { return x != 0 }) }

// sameLength checks that all vectors have as many dimensions as the first.
func sameLength(vectors [][]float32) error {
	for _, v := range vectors {
		if len(v) != len(vectors[0]) {
			return fmt.Errorf("its vectors have different lengths, %d and %d", len(vectors[0]), len(v))
		}
	}
	return nil
}
