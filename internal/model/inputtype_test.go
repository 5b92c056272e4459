package model

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// A server that asks for input_type gets the values that it knows, though its protocol has none.
func TestInputTypesAreLearned(t *testing.T) {
	for _, tc := range []struct {
		name, refusal   string
		takes           []string // of questions and of passages
		fact            string
		refused, learns int // requests
	}{
		{"a NIM", `{"error":"'input_type' parameter is required"}`, []string{"query", "passage"}, "NIM", 1, 1},
		{"Cohere", `{"message":"invalid request: valid input_type must be provided with the provided model"}`,
			[]string{"search_query", "search_document"}, "Cohere", 2, 1},
		{"Voyage", `{"detail":"input_type is required: query or document"}`, []string{"query", "document"}, "Voyage", 3, 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := serve(t, func(w http.ResponseWriter, body []byte) {
				in := decode[struct {
					Input     []string
					InputType string `json:"input_type"`
				}](t, body)
				if !slices.Contains(tc.takes, in.InputType) {
					w.WriteHeader(http.StatusBadRequest)
					io.WriteString(w, tc.refusal)
					return
				}
				io.WriteString(w, vectorsOf(len(in.Input)))
			})
			var facts []string
			m := s.openAI()
			e := NewEmbedder(m, config.EmbeddingSpace{Model: m.Name}, nil,
				Transport{Learned: func(_ config.Stage, fact string) { facts = append(facts, fact) }})
			for range 2 {
				if err := e.Probe(t.Context()); err != nil {
					t.Fatal(err)
				}
				if _, err := e.Passages(t.Context(), []string{"a", "b"}); err != nil {
					t.Fatal(err)
				}
			}
			if len(facts) != tc.learns || !strings.Contains(facts[len(facts)-1], tc.fact) || s.count() != 4+tc.refused {
				t.Errorf("learned %q in %d requests", facts, s.count())
			}
		})
	}
}

// text-embeddings-inference's own route replies with the list of vectors alone.
func TestABareListOfVectorsIsRead(t *testing.T) {
	vectors, _, err := parseEmbeddings([]byte(" [[1,2],[3,4]]"), 2, 0)
	if err != nil || len(vectors) != 2 || vectors[1][0] != 3 {
		t.Errorf("got %v, %v", vectors, err)
	}
	if _, _, err := parseEmbeddings([]byte("[[1,2],[0,0]]"), 2, 0); err == nil {
		t.Error("zeros are accepted")
	}
}
