package nimsim

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"maps"
	"math"
	"net/http"
	"slices"
	"strings"
)

// bodyFaults are replies with status 200 that are not the protocol's.
var bodyFaults = []Fault{
	page("garbage", "200 with bytes that are not JSON", 200, "application/json", "\xff\xfe{{{not json"),
	page("empty-body", "200 without a body", 200, "application/json", ""),
	page("html", "200 with the login page of some proxy", 200, "text/html", "<!doctype html><title>Sign in</title>"),
	page("json-null", "200 with null", 200, "application/json", "null"),
	page("json-array", "200 with an array", 200, "application/json", "[]"),
	page("json-empty", "200 with an object that holds nothing", 200, "application/json", "{}"),
	page("error-with-200", "200 whose JSON is an error", 200, "application/json", `{"error":"CUDA out of memory"}`),
	{Name: "truncated", Does: "200 whose JSON or stream stops in the middle", Roles: anyRole, serve: truncated},
	{Name: "huge-body", Does: "200 with JSON that never ends", Roles: anyRole, serve: hugeBody},
}

// embeddingFaults give vectors that cannot be used.
var embeddingFaults = []Fault{
	embeddings("wrong-dimension", "the first vector is one number short; where it is the only one, just the index can tell", false, func(data []any) []any {
		first := data[0].(map[string]any)
		first["embedding"] = change(first["embedding"], func(v []float32) []float32 { return v[:len(v)-1] })
		return data
	}),
	embeddings("not-a-number", "the first vector holds NaN", false, func(data []any) []any {
		first := data[0].(map[string]any)
		first["embedding"] = change(first["embedding"], func(v []float32) []float32 { v[0] = float32(math.NaN()); return v })
		return data
	}),
	embeddings("zero-vector", "the first vector is all zeros", false, func(data []any) []any {
		first := data[0].(map[string]any)
		first["embedding"] = change(first["embedding"], func(v []float32) []float32 { clear(v); return v })
		return data
	}),
	embeddings("null-vector", "the first vector is null", false, func(data []any) []any {
		data[0].(map[string]any)["embedding"] = nil
		return data
	}),
	embeddings("empty-vector", "the first vector has no numbers", false, func(data []any) []any {
		first := data[0].(map[string]any)
		first["embedding"] = change(first["embedding"], func([]float32) []float32 { return nil })
		return data
	}),
	embeddings("too-few-vectors", "the last vector is missing", false, func(data []any) []any { return data[:len(data)-1] }),
	embeddings("too-many-vectors", "the last vector comes twice, with an index of its own", false, func(data []any) []any {
		last := maps.Clone(data[len(data)-1].(map[string]any))
		last["index"] = len(data)
		return append(data, last)
	}),
	embeddings("vector-index-out-of-range", "the last vector has an index beyond the texts", false, func(data []any) []any {
		data[len(data)-1].(map[string]any)["index"] = len(data)
		return data
	}),
	embeddings("vector-index-twice", "another vector has the first one's index, or there are two of the one", false, func(data []any) []any {
		if len(data) == 1 {
			return append(data, data[0])
		}
		data[1].(map[string]any)["index"] = 0
		return data
	}),
	embeddings("vectors-reordered", "the vectors come backwards, with their right indices", true, func(data []any) []any {
		slices.Reverse(data)
		return data
	}),
}

// AnotherModel is a swap that no single reply shows: valid vectors of the same length that another model would give.
// The catalogue does not have it, because a client can neither refuse it nor do without it.
var AnotherModel = embeddings("another-model", "the vectors are another model's, of the same length", true,
	func(data []any) []any {
		for _, item := range data {
			e := item.(map[string]any)
			e["embedding"] = change(e["embedding"], func(v []float32) []float32 {
				slices.Reverse(v)
				return v
			})
		}
		return data
	})

// rankingFaults give rankings that cannot be used.
var rankingFaults = []Fault{
	rankings("logit-not-a-number", "the first logit is NaN", false, func(list []any) []any {
		list[0].(map[string]any)["logit"] = nan
		return list
	}),
	rankings("logit-null", "the first logit is null", false, func(list []any) []any {
		list[0].(map[string]any)["logit"] = nil
		return list
	}),
	rankings("too-few-rankings", "the last passage is missing", false, func(list []any) []any { return list[:len(list)-1] }),
	rankings("ranking-index-out-of-range", "the last index is beyond the passages", false, func(list []any) []any {
		list[len(list)-1].(map[string]any)["index"] = len(list)
		return list
	}),
	rankings("ranking-index-negative", "the last index is negative", false, func(list []any) []any {
		list[len(list)-1].(map[string]any)["index"] = -1
		return list
	}),
	rankings("ranking-index-twice", "a passage comes twice", false, func(list []any) []any {
		if len(list) == 1 {
			return append(list, list[0])
		}
		list[1].(map[string]any)["index"] = list[0].(map[string]any)["index"]
		return list
	}),
	rankings("rankings-unsorted", "the worst passage comes first", true, func(list []any) []any {
		slices.Reverse(list)
		return list
	}),
}

func truncated(x *exchange) {
	reply := x.reply()
	reply.writeHead(x.w)
	_, _ = x.w.Write(reply.body.Bytes()[:reply.body.Len()*2/3])
}

// hugeBody writes until the client has had enough, in what might still become a reply.
func hugeBody(x *exchange) {
	x.w.Header().Set("Content-Type", "application/json")
	_, err := x.w.Write([]byte(`{"object":"list","id":"`))
	block := []byte(strings.Repeat("huge ", 13_000))
	for err == nil && x.r.Context().Err() == nil {
		select {
		case <-x.sim.closed:
			return
		default:
			_, err = x.w.Write(block)
		}
	}
}

// reply is an answer that a fault may change before it is sent.
type reply struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *reply) Header() http.Header         { return r.header }
func (r *reply) WriteHeader(status int)      { r.status = status }
func (r *reply) Write(p []byte) (int, error) { return r.body.Write(p) }
func (r *reply) Flush()                      {}

// reply is the answer as it would be without the fault.
func (x *exchange) reply() *reply {
	r := &reply{header: http.Header{}, status: http.StatusOK}
	x.serveTo(r)
	return r
}

func (r *reply) writeHead(w http.ResponseWriter) {
	maps.Copy(w.Header(), r.header)
	w.WriteHeader(r.status)
}

// nan stands for NaN, which encoding/json cannot write, until the reply is rendered.
const nan = "@NaN@"

// rewrite sends the reply with its JSON changed. A reply that is an error stays as it is.
func (x *exchange) rewrite(change func(body map[string]any)) {
	reply := x.reply()
	body := map[string]any{}
	if reply.status == http.StatusOK && json.Unmarshal(reply.body.Bytes(), &body) == nil {
		change(body)
		reply.body.Reset()
		_ = json.NewEncoder(&reply.body).Encode(body) // it came from JSON
	}
	reply.writeHead(x.w)
	_, _ = x.w.Write(bytes.ReplaceAll(reply.body.Bytes(), []byte(`"`+nan+`"`), []byte("NaN")))
}

func embeddings(name, does string, harmless bool, f func(data []any) []any) Fault {
	return Fault{Name: name, Does: does, Roles: embedding, Harmless: harmless, serve: func(x *exchange) {
		x.rewrite(func(body map[string]any) { body["data"] = f(body["data"].([]any)) })
	}}
}

func rankings(name, does string, harmless bool, f func(list []any) []any) Fault {
	return Fault{Name: name, Does: does, Roles: reranking, Harmless: harmless, serve: func(x *exchange) {
		x.rewrite(func(body map[string]any) { body["rankings"] = f(body["rankings"].([]any)) })
	}}
}

// change applies f to a vector in either encoding.
func change(embedding any, f func([]float32) []float32) any {
	if encoded, ok := embedding.(string); ok {
		raw, _ := base64.StdEncoding.DecodeString(encoded) // the stand-in's own
		v := make([]float32, len(raw)/4)
		_ = binary.Read(bytes.NewReader(raw), binary.LittleEndian, v)
		out, _ := binary.Append(nil, binary.LittleEndian, f(v))
		return base64.StdEncoding.EncodeToString(out)
	}
	var v []float32
	for _, number := range embedding.([]any) {
		v = append(v, float32(number.(float64)))
	}
	out := []any{}
	for _, number := range f(v) {
		if number != number {
			out = append(out, nan)
		} else {
			out = append(out, number)
		}
	}
	return out
}
