package nimsim

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/standin"
)

// Every fault spoils the reply of each of its roles, unless it is harmless: then the reply comes out as without it.
func TestEveryFaultDoesWhatItSays(t *testing.T) {
	for _, fault := range Faults {
		for _, role := range fault.Roles {
			variants := map[string][]func(string) string{"plain": nil}
			switch {
			case role == config.StageEmbedding:
				variants["base64"] = []func(string) string{asBase64}
			case role == config.StageLLM && fault.Streamed:
				variants = map[string][]func(string) string{"streamed": {streamed}}
			case role == config.StageLLM:
				variants["streamed"] = []func(string) string{streamed}
			}
			for variant, change := range variants {
				t.Run(fmt.Sprintf("%s/%s/%s", fault.Name, role, variant), func(t *testing.T) {
					t.Parallel()
					sim := Start(t, Options{})
					want, err := ask(t, sim, role, change...)
					if err != nil {
						t.Fatal("without a fault:", err)
					}
					sim.FaultNext(role, fault, 1)
					patience := 300 * time.Millisecond // some faults never end
					if fault.Harmless {
						patience = 10 * time.Second
					}
					got, err := askWithin(t, patience, sim, role, change...)
					switch {
					case fault.Harmless && err != nil:
						t.Errorf("harmless, but %v", err)
					case fault.Harmless && got != want:
						t.Errorf("harmless, but answers %q instead of %q", got, want)
					case !fault.Harmless && err == nil:
						t.Errorf("harms nothing: %q", got)
					}
					if got, err := ask(t, sim, role, change...); err != nil || got != want {
						t.Errorf("the request after it got %q, %v", got, err)
					}
				})
			}
		}
	}
}

// unending are the faults whose reply is no text to compare: it does not end, or differs each time.
var unending = []string{"slow", "hang", "stalled-body", "reset", "rate-limited-by-date", "huge-body", "huge-event", "stream-stalls", "stream-without-end"}

func TestFaultsOfAnotherRoleAreAMistake(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("an embedding fault was accepted for the LLM")
		}
	}()
	Start(t, Options{}).Fault(config.StageLLM, Named("wrong-dimension"))
}

func TestFaultsLastUntilMended(t *testing.T) {
	sim := Start(t, Options{})
	sim.Fault(config.StageEmbedding, Named("retired"))
	for range 3 {
		if _, err := ask(t, sim, config.StageEmbedding); err == nil || !strings.Contains(err.Error(), "410") {
			t.Errorf("got %v", err)
		}
	}
	if _, err := ask(t, sim, config.StageReranking); err != nil {
		t.Errorf("another role fails too: %v", err)
	}
	sim.Mend(config.StageEmbedding)
	if _, err := ask(t, sim, config.StageEmbedding); err != nil {
		t.Errorf("mended, and still %v", err)
	}
}

func TestNotReadyForAWhile(t *testing.T) {
	sim := Start(t, Options{StartUp: time.Hour})
	check := func(path string, want int) {
		t.Helper()
		if got, _ := get(t, sim.URL+path); got != want {
			t.Errorf("%s answers %d, want %d", path, got, want)
		}
	}
	check("/v1/health/live", 200)
	check("/v1/health/ready", 503)
	if _, err := ask(t, sim, config.StageLLM); err == nil || !strings.Contains(err.Error(), "503") {
		t.Errorf("the model answers: %v", err)
	}
	sim.SetReady(true)
	check("/v1/health/ready", 200)
	if _, err := ask(t, sim, config.StageLLM); err != nil {
		t.Error(err)
	}
	sim.SetReady(false)
	check("/v1/health/ready", 503)
}

func TestKeyIsAskedFor(t *testing.T) {
	for key, ok := range map[string]bool{"sim-key": true, "another": false} {
		_, err := ask(t, Start(t, Options{Key: key}), config.StageReranking)
		if ok != (err == nil) || !ok && !strings.Contains(err.Error(), "401") {
			t.Errorf("with key %q wanted: %v", key, err)
		}
	}
}

func TestLimitsAreThoseOfTheModels(t *testing.T) {
	sim := Start(t, Options{Models: standin.Options{MaxTokens: 1, MaxBatch: 1}})
	if _, err := ask(t, sim, config.StageEmbedding); err == nil || !strings.Contains(err.Error(), "maximum batch size 1") {
		t.Errorf("got %v", err)
	}
	long := func(body string) string { return strings.Replace(body, `["one","two"]`, `["long text"]`, 1) }
	if _, err := ask(t, sim, config.StageEmbedding, long); err == nil || !strings.Contains(err.Error(), "Input length 3 exceeds maximum allowed token size 1") {
		t.Errorf("got %v", err)
	}
}

func TestRequestsAreRecorded(t *testing.T) {
	sim := Start(t, Options{})
	sim.FaultNext(config.StageReranking, Named("internal-error"), 1)
	for _, role := range []config.Stage{config.StageReranking, config.StageLLM, config.StageReranking} {
		_, _ = ask(t, sim, role)
	}
	got := sim.Requests(config.StageReranking)
	if len(got) != 2 || len(sim.Requests()) != 3 {
		t.Fatalf("recorded %d of 2, %d of 3 in all", len(got), len(sim.Requests()))
	}
	want := Request{Role: config.StageReranking, Method: "POST", Path: "/v1/ranking", Header: got[0].Header, Body: []byte(requests[config.StageReranking].body)}
	if diff := cmp.Diff(want, got[0]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if auth := got[0].Header.Get("Authorization"); auth != "Bearer sim-key" {
		t.Errorf("recorded the key %q", auth)
	}
	sim.Forget()
	if n := len(sim.Requests()); n != 0 {
		t.Errorf("%d requests are not forgotten", n)
	}
}

func TestHostedRankingPath(t *testing.T) {
	sim := Start(t, Options{})
	response, err := http.Post(sim.URL+"/v1/retrieval/nvidia/llama-3_2-nv-rerankqa-1b-v2/reranking", "application/json",
		strings.NewReader(requests[config.StageReranking].body))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if _, err := readWhole(config.StageReranking, response.Body); err != nil {
		t.Error(err)
	}
	if path := sim.Requests(config.StageReranking)[0].Path; path != "/v1/retrieval/nvidia/llama-3_2-nv-rerankqa-1b-v2/reranking" {
		t.Errorf("recorded %s", path)
	}
}

func TestARedirectThatIsFollowedIsSeen(t *testing.T) {
	sim := Start(t, Options{})
	sim.FaultNext(config.StageLLM, Named("redirected"), 1)
	response, err := http.Post(sim.URL+"/v1/chat/completions", "application/json", strings.NewReader(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if n := len(sim.Away()); n != 1 {
		t.Errorf("%d requests arrived elsewhere", n)
	}
}

func TestFast(t *testing.T) {
	sim := Start(t, Options{Fast: &Fast{Dimensions: 64, Answer: "It is so. [1]"}})
	first, err := ask(t, sim, config.StageEmbedding)
	if err != nil {
		t.Fatal(err)
	}
	if vectors := strings.Split(first, "\n"); vectors[0] != vectors[1] || len(strings.Fields(vectors[0])) != 64 {
		t.Errorf("equal texts have vectors %s", first)
	}
	if _, err := ask(t, sim, config.StageEmbedding, asBase64); err != nil {
		t.Error(err)
	}
	if got, err := ask(t, sim, config.StageReranking); err != nil || got != "8\n7.875\n7.75" {
		t.Errorf("logits %q, %v", got, err)
	}
	for _, change := range [][]func(string) string{nil, {streamed}} {
		if got, err := ask(t, sim, config.StageLLM, change...); err != nil || got != "It is so. [1]" {
			t.Errorf("answers %q, %v", got, err)
		}
	}
	sim.Fault(config.StageLLM, Named("cut-stream"))
	if _, err := ask(t, sim, config.StageLLM, streamed); err == nil {
		t.Error("faults do nothing")
	}
}

func TestInputs(t *testing.T) {
	for body, want := range map[string]string{
		`{"input":["a","b"]}`:                            `a|b`,
		`{"input": [ "a , ]", "\"]", "\\" ],"x":["y"]}`:  `a , ]|\"]|\\`,
		`{"input":"one","x":"two"}`:                      `one`,
		`{"input":[]}`:                                   ``,
		`{"model":"m","input":["\u005d"],"other":["x"]}`: `\u005d`,
		`{"input":["cut`:                                 `cut`,
	} {
		if got := string(bytes.Join(inputs([]byte(body)), []byte("|"))); got != want {
			t.Errorf("%s holds %s, want %s", body, got, want)
		}
	}
}

func TestFastVectorsAreUnitVectorsOfTheirText(t *testing.T) {
	for _, dimensions := range []int{1, 47, 48, 1024} {
		v := newVectors(dimensions)
		var vector, other []float32
		var raw []byte
		decode := func(text string, asBase64 bool, into any) {
			t.Helper()
			if err := json.Unmarshal(v.append(nil, []byte(text), asBase64), into); err != nil {
				t.Fatal(err)
			}
		}
		decode("a text", false, &vector)
		decode("another", false, &other)
		decode("a text", true, &raw)
		sum := 0.0
		for i, x := range vector {
			sum += float64(x) * float64(x)
			if bits := binary.LittleEndian.Uint32(raw[4*i:]); bits != math.Float32bits(x) {
				t.Fatalf("number %d of %d is another in base64", i, dimensions)
			}
		}
		if len(vector) != dimensions || len(raw) != 4*dimensions || math.Abs(sum-1) > 1e-5 {
			t.Errorf("%d numbers of norm %v, and %d bytes, for %d dimensions", len(vector), sum, len(raw), dimensions)
		}
		if slices.Equal(vector, other) {
			t.Errorf("two texts have one vector of %d dimensions", dimensions)
		}
	}
}

func TestAdmin(t *testing.T) {
	sim := Start(t, Options{})
	admin := func(method, path string) (int, string) {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), method, path, nil)
		if err != nil {
			t.Fatal(err)
		}
		w := &reply{header: http.Header{}, status: http.StatusOK}
		sim.Admin().ServeHTTP(w, request)
		return w.status, w.body.String()
	}
	expect := func(method, path string, status int) string {
		t.Helper()
		got, body := admin(method, path)
		if got != status {
			t.Errorf("%s %s answers %d: %s", method, path, got, body)
		}
		return body
	}

	var list []struct{ Name string }
	if err := json.Unmarshal([]byte(expect("GET", "/-/faults", 200)), &list); err != nil || len(list) != len(Faults) {
		t.Errorf("lists %d of %d faults, %v", len(list), len(Faults), err)
	}
	expect("PUT", "/-/faults/llm/retired?next=1", 204)
	if _, err := ask(t, sim, config.StageLLM); err == nil {
		t.Error("the fault is not on")
	}
	if _, err := ask(t, sim, config.StageLLM); err != nil {
		t.Errorf("the fault is still on: %v", err)
	}
	expect("PUT", "/-/faults/llm/hang", 204)
	expect("DELETE", "/-/faults/llm", 204)
	expect("PUT", "/-/faults/embedding/hang", 204)
	expect("DELETE", "/-/faults", 204)
	for _, role := range anyRole {
		if _, err := ask(t, sim, role); err != nil {
			t.Errorf("faults are still on: %v", err)
		}
	}
	expect("PUT", "/-/faults/llm/nothing", 404)
	expect("PUT", "/-/faults/llm/wrong-dimension", 404)
	expect("PUT", "/-/faults/llm/hang?next=0", 400)
	expect("PUT", "/-/ready/maybe", 400)
	expect("PUT", "/-/ready/false", 204)
	if sim.Ready() {
		t.Error("it is still ready")
	}
	var requests []Request
	if err := json.Unmarshal([]byte(expect("GET", "/-/requests?role=llm", 200)), &requests); err != nil || len(requests) != 3 {
		t.Errorf("shows %d requests, %v", len(requests), err)
	}
	expect("DELETE", "/-/requests", 204)
	if got := strings.TrimSpace(expect("GET", "/-/requests", 200)); got != "[]" {
		t.Errorf("shows %s", got)
	}
}

func BenchmarkFast(b *testing.B) {
	sim := New(Options{Fast: &Fast{}})
	for _, role := range anyRole {
		b.Run(string(role), func(b *testing.B) {
			body := []byte(requests[role].body)
			for b.Loop() {
				request, _ := http.NewRequest(http.MethodPost, requests[role].path, bytes.NewReader(body))
				sim.ServeHTTP(&reply{header: http.Header{}}, request)
			}
		})
	}
}
