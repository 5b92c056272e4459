package model

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// embedBody is a request as an embedding server reads it.
type embedBody struct {
	Model          string
	Input          []string
	InputType      *string `json:"input_type"`
	Truncate       *string
	EncodingFormat string `json:"encoding_format"`
	Dimensions     *int
}

// embeddingServer answers {length of the text in code points, 1} for each text, and 400 with the
// words of a NIM for one over limit, unless told to truncate.
func embeddingServer(t testing.TB, limit int, tooLong string) *server {
	return serve(t, func(w http.ResponseWriter, body []byte) {
		in := decode[embedBody](t, body)
		var data []string
		for i, text := range in.Input {
			n := utf8.RuneCountInString(text)
			if n > limit {
				if in.Truncate == nil || *in.Truncate != "END" {
					w.WriteHeader(http.StatusBadRequest)
					fmt.Fprintf(w, tooLong, n, limit)
					return
				}
				n = limit
			}
			data = append(data, fmt.Sprintf(`{"object":"embedding","embedding":%q,"index":%d}`, base64Of(float32(n), 1), i))
		}
		fmt.Fprintf(w, `{"object":"list","data":[%s],"usage":{"prompt_tokens":%d,"total_tokens":%d}}`,
			strings.Join(data, ","), len(in.Input), len(in.Input))
	})
}

const nimTooLong = `{"error":"Input length %d exceeds maximum allowed token size %d"}`

func TestPassagesKeepTheirOrderAcrossBatchesAndOnlyLongOnesAreTruncated(t *testing.T) {
	cases := []struct {
		name, tooLong string
		protocol      config.Protocol
		cut           float32 // what is left of 100 code points under a limit of 30
		limit         string
	}{
		{"a NIM truncates", nimTooLong, config.NIM, 30,
			"Input length 100 exceeds maximum allowed token size 30"},
		{"an OpenAI-compatible server gets half of it until it accepts", `{"error":{"message":"the input (%d tokens) exceeds the context size (%d)"}}`, config.OpenAI, 25,
			"the input (100 tokens) exceeds the context size (30)"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			s := embeddingServer(t, 30, tc.tooLong)
			texts := make([]string, 70)
			var want []Embedded
			for i := range texts {
				texts[i] = strings.Repeat("é", 1+i%20)
				want = append(want, Embedded{Vector: []float32{float32(1 + i%20), 1}})
			}
			for _, i := range []int{0, 40, 41, 69} {
				texts[i] = strings.Repeat("漢", 100)
				want[i] = Embedded{Vector: []float32{tc.cut, 1}, Truncated: true, Limit: tc.limit}
			}
			m := s.model()
			m.Protocol = tc.protocol
			got, err := NewEmbedder(m, config.EmbeddingSpace{}, nil, Transport{}).Passages(t.Context(), texts)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			for i, body := range s.bodies {
				in := decode[embedBody](t, []byte(body))
				if len(in.Input) > 32 {
					t.Errorf("request %d carries %d texts", i, len(in.Input))
				}
				if in.Truncate != nil && *in.Truncate == "END" && len(in.Input) != 1 {
					t.Errorf("request %d truncates %d texts at once", i, len(in.Input))
				}
			}
		})
	}
}

func TestNoTextsNeedNoRequest(t *testing.T) {
	s := answer(t, http.StatusTeapot, "")
	if got, err := s.embedder().Passages(t.Context(), nil); err != nil || len(got) != 0 || s.count() != 0 {
		t.Errorf("got %v, %v after %d requests", got, err, s.count())
	}
	if got, err := s.ranker().Rank(t.Context(), "q", nil); err != nil || len(got) != 0 || s.count() != 0 {
		t.Errorf("got %v, %v after %d requests", got, err, s.count())
	}
}

func TestABodyOverTheServersLimitIsSplit(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, body []byte) {
		in := decode[embedBody](t, body)
		if len(in.Input) > 8 {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			return
		}
		io.WriteString(w, vectorsOf(len(in.Input)))
	})
	got, err := s.embedder().Passages(t.Context(), make([]string, 32))
	if err != nil || len(got) != 32 {
		t.Fatalf("got %d, %v", len(got), err)
	}
	for i, e := range got {
		if e.Truncated {
			t.Errorf("passage %d is said to be truncated", i)
		}
	}
}

func vectorsOf(n int) string {
	data := make([]string, n)
	for i := range data {
		data[i] = fmt.Sprintf(`{"index":%d,"embedding":[1,0]}`, i)
	}
	return `{"data":[` + strings.Join(data, ",") + `]}`
}

func TestQueryIsTruncatedAtItsEnd(t *testing.T) {
	s := embeddingServer(t, 10, nimTooLong)
	got, err := s.embedder().Query(t.Context(), strings.Repeat("x", 50))
	if err != nil || got[0] != 10 {
		t.Errorf("a NIM gives %v, %v", got, err)
	}
	if in := decode[embedBody](t, []byte(s.bodies[0])); *in.InputType != "query" || *in.Truncate != "END" || s.count() != 1 {
		t.Errorf("sent %s in %d requests", s.bodies[0], s.count())
	}
	s = embeddingServer(t, 20, `{"message":"maximum context length: %d > %d"}`)
	got, err = NewEmbedder(s.openAI(), config.EmbeddingSpace{QueryPrefix: "query: "}, nil, Transport{}).
		Query(t.Context(), strings.Repeat("x", 50))
	if err != nil || got[0] != 7+12 {
		t.Errorf("an OpenAI-compatible server gives %v, %v; the prefix must stay whole", got, err)
	}
}

func TestATextThatNoLengthMakesAcceptableIsAnError(t *testing.T) {
	s := answer(t, http.StatusBadRequest, `{"error":"too long"}`)
	_, err := s.embedder().Passages(t.Context(), []string{strings.Repeat("x", 1000)})
	if FailureOf(err) != config.InputTooLong || s.count() > 20 {
		t.Errorf("got %v after %d requests", err, s.count())
	}
}

func TestEmbedPassesARequestOn(t *testing.T) {
	s := embeddingServer(t, 100, nimTooLong)
	vectors, usage, err := s.embedder().Embed(t.Context(), EmbedRequest{Texts: make([]string, 50), InputType: "passage"})
	if err != nil || len(vectors) != 50 || usage == nil || usage.TotalTokens != 50 || s.count() != 2 {
		t.Errorf("got %d vectors, %+v, %v in %d requests", len(vectors), usage, err, s.count())
	}
	_, _, err = s.embedder().Embed(t.Context(), EmbedRequest{Texts: []string{strings.Repeat("x", 101)}, InputType: "query", Truncate: "NONE"})
	if FailureOf(err) != config.InputTooLong {
		t.Errorf("a text that is too long gives %v", err)
	}
}

func TestServersThatDoNotSpeakBase64AreReadAsNumbers(t *testing.T) {
	t.Run("one that ignores the field sends numbers", func(t *testing.T) {
		s := answer(t, http.StatusOK, `{"data":[{"index":0,"embedding":[0.5,-1e-3]}]}`)
		got, err := s.embedder().Query(t.Context(), "x")
		if diff := cmp.Diff([]float32{0.5, -0.001}, got); err != nil || diff != "" {
			t.Errorf("%v %s", err, diff)
		}
	})
	t.Run("one that refuses the field is not asked again", func(t *testing.T) {
		s := serve(t, func(w http.ResponseWriter, body []byte) {
			if decode[embedBody](t, body).EncodingFormat != "float" {
				w.WriteHeader(http.StatusUnprocessableEntity)
				io.WriteString(w, `{"detail":[{"loc":["body"],"msg":"extra inputs not permitted"}]}`)
				return
			}
			io.WriteString(w, vectorsOf(1))
		})
		e := s.embedder()
		for range 3 {
			if _, err := e.Query(t.Context(), "x"); err != nil {
				t.Fatal(err)
			}
		}
		if s.count() != 4 {
			t.Errorf("%d requests for 3 questions, want 4", s.count())
		}
	})
	t.Run("one that rejects another thing keeps its own error and the encoding", func(t *testing.T) {
		var reject atomic.Bool
		s := serve(t, func(w http.ResponseWriter, _ []byte) {
			if reject.Load() {
				w.WriteHeader(http.StatusBadRequest)
				io.WriteString(w, `{"error":"no such thing"}`)
				return
			}
			io.WriteString(w, vectorsOf(1))
		})
		e := s.embedder()
		reject.Store(true)
		if _, err := e.Query(t.Context(), "x"); FailureOf(err) != config.ModelRejected || s.count() != 2 {
			t.Errorf("got %v after %d requests", err, s.count())
		}
		reject.Store(false)
		if _, err := e.Query(t.Context(), "x"); err != nil {
			t.Fatal(err)
		}
		reject.Store(true)
		if _, err := e.Query(t.Context(), "x"); FailureOf(err) != config.ModelRejected || s.count() != 4 {
			t.Errorf("got %v after %d requests: base64 is known to work", err, s.count())
		}
	})
}

func TestEmbeddingAnswersAreChecked(t *testing.T) {
	nan, inf := base64Of(1, float32(math.NaN())), base64Of(float32(math.Inf(-1)), 1)
	cases := []struct{ name, answer, want string }{
		{"no JSON", `<html>`, "not the JSON"},
		{"cut off", `{"data":[{"index":0,"embedding":[1,2]},{"index":1,"embed`, "not the JSON"},
		{"something after it", vectorsOf(2) + "x", "not the JSON"},
		{"an array", `[]`, "not the JSON"},
		{"nothing in it", `{}`, "0 embeddings for 2"},
		{"null", `{"data":null}`, "0 embeddings for 2"},
		{"too few", vectorsOf(1), "1 embeddings for 2"},
		{"too many", vectorsOf(3), "3 embeddings for 2"},
		{"an index twice", `{"data":[{"index":1,"embedding":[1]},{"index":1,"embedding":[1]}]}`, "two embeddings with index 1"},
		{"an index out of range", `{"data":[{"index":0,"embedding":[1]},{"index":2,"embedding":[1]}]}`, "index 2 for 2"},
		{"a negative index", `{"data":[{"index":-1,"embedding":[1]},{"index":0,"embedding":[1]}]}`, "not the JSON"},
		{"different lengths", `{"data":[{"index":0,"embedding":[1]},{"index":1,"embedding":[1,2]}]}`, "different lengths, 1 and 2"},
		{"a vector of zeros", `{"data":[{"index":0,"embedding":[0,-0.0]},{"index":1,"embedding":[1,2]}]}`, "zeros alone"},
		{"an empty vector", `{"data":[{"index":0,"embedding":[]},{"index":1,"embedding":[]}]}`, "empty"},
		{"a null vector", `{"data":[{"index":0,"embedding":null},{"index":1,"embedding":[1]}]}`, "empty"},
		{"null in a vector", `{"data":[{"index":0,"embedding":[null]},{"index":1,"embedding":[1]}]}`, "not the JSON"},
		{"a null index", `{"data":[{"index":null,"embedding":[1]},{"index":1,"embedding":[1]}]}`, "not the JSON"},
		{"a word in a vector", `{"data":[{"index":0,"embedding":["one"]},{"index":1,"embedding":[1]}]}`, "not the JSON"},
		{"NaN as a word", `{"data":[{"index":0,"embedding":["NaN"]},{"index":1,"embedding":[1]}]}`, "not the JSON"},
		{"infinity as a word", `{"data":[{"index":0,"embedding":["-Infinity"]},{"index":1,"embedding":[1]}]}`, "not the JSON"},
		{"Python's NaN", `{"data":[{"index":0,"embedding":[NaN]},{"index":1,"embedding":[1]}]}`, "not the JSON"},
		{"a number beyond float32", `{"data":[{"index":0,"embedding":[1e39]},{"index":1,"embedding":[1]}]}`, "not the JSON"},
		{"NaN in base64", `{"data":[{"index":0,"embedding":"` + nan + `"},{"index":1,"embedding":[1,2]}]}`, "finite"},
		{"infinity in base64", `{"data":[{"index":0,"embedding":"` + inf + `"},{"index":1,"embedding":[1,2]}]}`, "finite"},
		{"half a float in base64", `{"data":[{"index":0,"embedding":"AAAA"},{"index":1,"embedding":[1]}]}`, "finite"},
		{"no base64", `{"data":[{"index":0,"embedding":"%"},{"index":1,"embedding":[1]}]}`, "finite"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			s := answer(t, http.StatusOK, tc.answer)
			_, err := s.embedder().Passages(t.Context(), []string{"a", "b"})
			if FailureOf(err) != config.ModelBroken || !strings.Contains(err.Error(), tc.want) || s.count() != 1 {
				t.Errorf("got %v after %d requests, want config.ModelBroken with %q at once", err, s.count(), tc.want)
			}
		})
	}
}

func TestAnErrorInThePlaceOfVectorsIsUnderstood(t *testing.T) {
	for _, tc := range []struct {
		answer  string
		failure config.Failure
		says    string
	}{
		{`{"error":{"message":"Model not found","code":404}}`, config.ModelNotFound, "Model not found"},
		{`{"vectors":null,"base_resp":{"status_code":1004,"status_msg":"login fail"}}`, config.ModelUnauthorized, "login fail"},
		{`{"message":"the model is being moved"}`, config.ModelBroken, "the model is being moved"},
		{`no healthy upstream`, config.ModelBroken, "no healthy upstream"},
	} {
		_, err := answer(t, http.StatusOK, tc.answer).embedder().Query(t.Context(), "x")
		if FailureOf(err) != tc.failure || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: got %v", tc.answer, err)
		}
	}
}

func TestEmbeddingAnswersAreReadLiberally(t *testing.T) {
	cases := []struct{ name, answer string }{
		{"in another order", `{"data":[{"index":1,"embedding":[3,4]},{"index":0,"embedding":[1,2]}]}`},
		{"with an index that has a point", `{"data":[{"index":1.0,"embedding":[3,4]},{"index":0e0,"embedding":[1,2]}]}`},
		{"in two lists of one name", `{"data":[{"embedding":[1,2]}],"data":[{"embedding":[3,4]}]}`},
		{"without indexes", `{"data":[{"embedding":[1,2]},{"embedding":[3,4]}]}`},
		{"with unknown fields and white space", "{ \"x\" : {\"y\":[1,{\"z\":null}],\"s\":\"\\\"}]\"} , \"data\" : [ {\"object\":\"embedding\",\"embedding\":[ 1 , 2.0e0 ],\"index\":0,\"b\":true},\n{\"index\":1,\"embedding\":[3,4]}], \"usage\":null } \n"},
		{"as base64 with escaped slashes", `{"data":[{"index":0,"embedding":"` + strings.ReplaceAll(base64Of(1, 2), "/", `\/`) + `"},{"index":1,"embedding":"` + base64Of(3, 4) + `"}]}`},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			got, _, err := parseEmbeddings([]byte(tc.answer), 2, 0)
			if diff := cmp.Diff([][]float32{{1, 2}, {3, 4}}, got); err != nil || diff != "" {
				t.Errorf("%v %s", err, diff)
			}
		})
	}
}

func TestVectorsOfAnotherLengthThanAskedForAreRefused(t *testing.T) {
	s := answer(t, http.StatusOK, vectorsOf(1))
	_, err := NewEmbedder(s.model(), config.EmbeddingSpace{Dimensions: 3}, nil, Transport{}).Query(t.Context(), "x")
	if FailureOf(err) != config.ModelBroken || !strings.Contains(err.Error(), "2 dimensions where 3") {
		t.Errorf("got %v", err)
	}
}

func TestVectorsThatChangeTheirLengthBetweenBatchesAreRefused(t *testing.T) {
	var calls atomic.Int32
	s := serve(t, func(w http.ResponseWriter, body []byte) {
		if calls.Add(1) == 2 {
			io.WriteString(w, `{"data":[{"index":0,"embedding":[1,2,3]}]}`)
			return
		}
		io.WriteString(w, vectorsOf(32))
	})
	if _, err := s.embedder().Passages(t.Context(), make([]string, 33)); FailureOf(err) != config.ModelBroken {
		t.Errorf("got %v", err)
	}
}

func TestProbesAreOneMinimalCallWithoutRetries(t *testing.T) {
	s := answer(t, http.StatusServiceUnavailable, "")
	probes := map[string]func(context.Context) error{
		"embedding": s.embedder().Probe, "ranking": s.ranker().Probe, "chat": s.chat().Probe,
	}
	for name, probe := range probes {
		before := s.count()
		if err := probe(t.Context()); FailureOf(err) != config.ModelNotReady || s.count() != before+1 {
			t.Errorf("%s: got %v after %d requests", name, err, s.count()-before)
		}
	}
}

func TestAProbeGoesRoundAnOpenBreaker(t *testing.T) {
	s := answer(t, http.StatusInternalServerError, "")
	e := s.embedder()
	for range tripAfter {
		e.Query(t.Context(), "x")
	}
	if _, err := e.Query(t.Context(), "x"); FailureOf(err) != config.ModelCircuitOpen {
		t.Fatalf("got %v", err)
	}
	if err := e.Probe(t.Context()); FailureOf(err) != config.ModelBroken {
		t.Errorf("got %v", err)
	}
	var own *Error
	if err := e.Probe(t.Context()); !errors.As(err, &own) || own.Status != http.StatusInternalServerError {
		t.Errorf("got %v", err)
	}
}

// Some gateways write each number as a string, or leave the index out.
func TestVectorsOfStringsAreRead(t *testing.T) {
	s := answer(t, http.StatusOK, `{"data":[{"embedding":["0.5","-1e-3"]},{"embedding":[0.25,"2"]}]}`)
	got, err := s.embedder().Passages(t.Context(), []string{"a", "b"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Embedded{{Vector: []float32{0.5, -1e-3}}, {Vector: []float32{0.25, 2}}}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
