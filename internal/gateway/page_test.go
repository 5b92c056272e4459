package gateway

import (
	"encoding/json"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/model"
	"github.com/ragpipeline/ragpipeline/internal/query"
)

func TestThePageTrustsNobody(t *testing.T) {
	got := newFixture().call("GET", "/", "")
	if got.Code != 200 || got.Header().Get("Content-Type") != "text/html; charset=utf-8" {
		t.Fatalf("status %d, %s", got.Code, got.Header().Get("Content-Type"))
	}
	policy := got.Header().Get("Content-Security-Policy")
	if !strings.HasPrefix(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") ||
		strings.Count(policy, "'sha256-") != 2 {
		t.Errorf("policy %q", policy)
	}
	page := got.Body.String()
	for _, forbidden := range []string{
		"innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval(", "http://", "https://", "src=", "href=",
		" on", "style=",
	} {
		if forbidden == " on" {
			if m := regexp.MustCompile(`<[^>]* on\w+=`).FindString(page); m != "" {
				t.Errorf("an inline handler: %s", m)
			}
			continue
		}
		if strings.Contains(page, forbidden) {
			t.Errorf("the page holds %q", forbidden)
		}
	}
	for _, element := range []string{"<script", "<style"} {
		if n := strings.Count(page, element); n != 1 {
			t.Errorf("%d of %s: the policy knows one", n, element)
		}
	}
}

type description struct {
	Paths map[string]map[string]struct {
		Responses map[string]json.RawMessage
	}
	Components struct {
		Schemas map[string]struct {
			Properties map[string]json.RawMessage
		}
	}
}

func readOpenAPI(t *testing.T) description {
	t.Helper()
	var doc description
	if err := json.Unmarshal(newFixture().call("GET", "/openapi.json", "").Body.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestOpenAPINamesEveryRoute(t *testing.T) {
	var want, got []string
	for _, to := range newFixture().gateway().routes() {
		method, path, _ := strings.Cut(strings.TrimSuffix(strings.ReplaceAll(to.pattern, "...}", "}"), "{$}"), " ")
		want = append(want, strings.ToLower(method)+" "+path)
	}
	for path, methods := range readOpenAPI(t).Paths {
		for method := range methods {
			got = append(got, method+" "+path)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("routes (-served +described):\n%s", diff)
	}
}

// The description has each type of a request or a reply, and each of its fields.
func TestOpenAPINamesEveryField(t *testing.T) {
	schemas := readOpenAPI(t).Components.Schemas
	described := map[string]bool{ // decoded by hand, or not objects
		"Filter": true, "Alternatives": true, "Ordered": true, "Scalar": true, "Metadata": true, "MetadataValue": true,
		"Outcome": true,
	}
	for name, v := range map[string]any{
		"ChatRequest": ChatRequest{}, "ChatMessage": ChatMessage{}, "StreamOptions": StreamOptions{},
		"Completion": Completion{}, "Choice": Choice{},
		"Message": Message{}, "Annotation": Annotation{}, "URLCitation": URLCitation{}, "Usage": model.Usage{}, "Chunk": Chunk{}, "ChunkChoice": ChunkChoice{}, "Delta": Delta{},
		"Citations": Citations{}, "Citation": Citation{}, "Place": Place{}, "Warning": query.Warning{}, "Metrics": Metrics{},
		"SearchRequest": SearchRequest{}, "SearchResponse": SearchResponse{}, "Explanation": query.Explanation{},
		"Leg": query.Leg{}, "Candidate": query.Candidate{}, "Standing": query.Standing{}, "Absence": query.Absence{},
		"ModelList": ModelList{}, "ModelInfo": ModelInfo{},
		"EmbeddingRequest": EmbeddingRequest{}, "EmbeddingList": EmbeddingList{},
		"EmbeddingEntry": EmbeddingEntry{}, "EmbeddingUsage": EmbeddingUsage{},
		"RankingRequest": RankingRequest{}, "RankingText": RankingText{},
		"RankingResponse": RankingResponse{}, "Ranking": Ranking{},
		"ResponsesRequest": ResponsesRequest{}, "ResponsesText": ResponsesText{}, "Response": Response{},
		"Incomplete": Incomplete{}, "OutputItem": OutputItem{}, "OutputText": OutputText{},
		"TextAnnotation": TextAnnotation{}, "ResponseUsage": ResponseUsage{}, "InputDetails": InputDetails{},
		"OutputDetails": OutputDetails{}, "ResponseEvent": ResponseEvent{}, "ResponseFailure": ResponseFailure{},
		"RerankRequest": RerankRequest{}, "RerankResponse": RerankResponse{}, "RerankResult": RerankResult{},
		"RerankMeta": RerankMeta{}, "RerankVersion": RerankVersion{},
		"IndexState": IndexState{}, "IndexModels": IndexModels{}, "IndexRetrieval": IndexRetrieval{},
		"Chunking":     config.Chunking{},
		"DocumentPage": DocumentPage{}, "Document": Document{}, "ErrorBody": ErrorBody{}, "Failure": Failure{},
	} {
		described[name] = true
		var got []string
		for property := range schemas[name].Properties {
			got = append(got, property)
		}
		slices.Sort(got)
		want := fields(reflect.TypeOf(v))
		slices.Sort(want)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("fields of %s (-code +described):\n%s", name, diff)
		}
	}
	for name := range schemas {
		if !described[name] {
			t.Errorf("schema %s is not a type of the gateway", name)
		}
	}
}

func fields(t reflect.Type) []string {
	var names []string
	for f := range t.Fields() {
		if f.Anonymous {
			names = append(names, fields(f.Type)...)
			continue
		}
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" {
			names = append(names, name)
		}
	}
	return slices.Clip(names)
}

func TestOpenAPIRefersOnlyToWhatItHas(t *testing.T) {
	schemas := readOpenAPI(t).Components.Schemas
	for _, m := range regexp.MustCompile(`#/components/schemas/(\w+)`).FindAllSubmatch(openAPIJSON, -1) {
		if _, ok := schemas[string(m[1])]; !ok {
			t.Errorf("there is no schema %s", m[1])
		}
	}
}
