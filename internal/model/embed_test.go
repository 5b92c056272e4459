package model

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// limited is an embedding server that refuses requests, and else gives each text its length.
func limited(t *testing.T, refuse func(texts []string) (int, string)) *server {
	return serve(t, func(w http.ResponseWriter, body []byte) {
		in := decode[struct{ Input []string }](t, body)
		if status, refusal := refuse(in.Input); status != 0 {
			w.WriteHeader(status)
			io.WriteString(w, refusal)
			return
		}
		var data []string
		for i, text := range in.Input {
			data = append(data, fmt.Sprintf(`{"index":%d,"embedding":[%d]}`, i, utf8.RuneCountInString(text)))
		}
		fmt.Fprintf(w, `{"data":[%s],"usage":{"prompt_tokens":1,"total_tokens":1}}`, strings.Join(data, ","))
	})
}

func TestACallersTextsAreSplitAsTheServerTakesThem(t *testing.T) {
	for _, tc := range []struct {
		name    string
		status  int
		refusal string
		most    int
		later   int // requests of a second call for 40 texts
	}{
		{"text-embeddings-inference", 413, `{"error":"batch size %d > maximum allowed batch size 10","error_type":"Validation"}`, 10, 4},
		{"another that names its limit", 422, `{"detail":"at most 10 texts, not %d"}`, 10, 4},
		{"Azure", 400, `{"error":{"message":"Too many inputs. The max number of inputs is 10. We hope to increase it soon.","code":"%d"}}`, 10, 4},
		{"DashScope", 400, `{"error":{"message":"batch size is invalid, it should not be larger than 10.: input.contents","code":"InvalidParameter %d"}}`, 10, 4},
		{"Voyage, which counts tokens", 400, `{"detail":"Request to model 'm' failed. The max allowed tokens per submitted batch is 120000. Your batch has %d000 tokens after truncation."}`, 10, 8},
		{"one that does not", 400, `{"error":"too many texts: %d"}`, 10, 5},
		{"one whose body is bounded", 413, `%d`, 10, 8},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := limited(t, func(texts []string) (int, string) {
				if len(texts) > tc.most {
					return tc.status, fmt.Sprintf(tc.refusal, len(texts))
				}
				return 0, ""
			})
			e := NewEmbedder(s.openAI(), config.EmbeddingSpace{}, nil, Transport{})
			var texts []string
			for i := range 40 {
				texts = append(texts, strings.Repeat("x", i+1))
			}
			for range 2 {
				before := s.count()
				vectors, usage, err := e.Embed(t.Context(), EmbedRequest{Texts: texts, InputType: "query", Truncate: "NONE"})
				if err != nil || len(vectors) != 40 || usage == nil {
					t.Fatalf("%d vectors, %v", len(vectors), err)
				}
				for i, v := range vectors {
					if v[0] != float32(i+1) {
						t.Errorf("text %d has the vector of another: %v", i, v)
					}
				}
				if before > 0 && s.count()-before != tc.later {
					t.Errorf("the second call takes %d requests, want %d", s.count()-before, tc.later)
				}
			}
		})
	}
}

func TestACallersLongTextIsCutOnlyAsItAsks(t *testing.T) {
	s := limited(t, func(texts []string) (int, string) {
		for _, text := range texts {
			if utf8.RuneCountInString(text) > 30 {
				return 400, `{"error":"the input length exceeds the context length"}`
			}
		}
		return 0, ""
	})
	e := NewEmbedder(s.openAI(), config.EmbeddingSpace{}, nil, Transport{})
	texts := []string{"short", "b" + strings.Repeat("é", 98) + "e", "also short"}
	for truncate, kept := range map[string]string{"END": "b", "START": "e"} {
		vectors, _, err := e.Embed(t.Context(), EmbedRequest{Texts: texts, Truncate: truncate})
		if err != nil || vectors[0][0] != 5 || vectors[1][0] != 25 || vectors[2][0] != 10 {
			t.Errorf("%s: %v, %v", truncate, vectors, err)
		}
		sent := 0
		for _, body := range s.bodies {
			var in struct{ Input []string }
			if json.Unmarshal([]byte(body), &in) == nil && len(in.Input) == 1 && utf8.RuneCountInString(in.Input[0]) == 25 && strings.Contains(in.Input[0], kept) {
				sent++
			}
		}
		if sent != 1 {
			t.Errorf("%s: the part with %q was embedded %d times", truncate, kept, sent)
		}
	}
	for _, truncate := range []string{"NONE", ""} {
		if _, _, err := e.Embed(t.Context(), EmbedRequest{Texts: texts, Truncate: truncate}); FailureOf(err) != config.InputTooLong {
			t.Errorf("%q: %v", truncate, err)
		}
	}
}

func TestAServerThatRefusesTheEncodingByNameIsAskedWithoutIt(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, body []byte) {
		if _, has := decode[map[string]any](t, body)["encoding_format"]; has {
			w.WriteHeader(http.StatusUnprocessableEntity)
			io.WriteString(w, `{"detail":[{"type":"extra_forbidden","loc":["body","encoding_format"],"msg":"Extra inputs are not permitted"}]}`)
			return
		}
		io.WriteString(w, `{"embeddings":[[1,2]]}`)
	})
	var facts []string
	e := NewEmbedder(s.openAI(), config.EmbeddingSpace{}, nil, Transport{Learned: func(_ config.Stage, fact string) { facts = append(facts, fact) }})
	for range 2 {
		if v, err := e.Query(t.Context(), "x"); err != nil || len(v) != 2 {
			t.Fatalf("%v, %v", v, err)
		}
	}
	if s.count() != 4 || len(facts) != 1 {
		t.Errorf("%d requests, learned %q", s.count(), facts)
	}
}
