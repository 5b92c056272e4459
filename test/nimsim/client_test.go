package nimsim

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// The requests of a plain, strict client.
var requests = map[config.Stage]struct{ path, body string }{
	config.StageEmbedding: {"/v1/embeddings", `{"model":"` + config.StandInEmbedding + `","input":["one","two"],"input_type":"passage","dimensions":32}`},
	config.StageReranking: {"/v1/ranking", `{"model":"` + config.StandInReranking + `","query":{"text":"two"},"passages":[{"text":"one"},{"text":"two"},{"text":"three"}]}`},
	config.StageLLM: {"/v1/chat/completions", `{"model":"` + config.StandInLLM + `","messages":[{"role":"user","content":` +
		`"[1] a.md\nA chunk has a context and a text.\n\nQuestion: What has a chunk?"}]}`},
}

// ask returns what a strict client makes of the reply, or why it makes nothing of it.
func ask(t *testing.T, sim *Sim, role config.Stage, change ...func(string) string) (string, error) {
	t.Helper()
	return askWithin(t, 10*time.Second, sim, role, change...)
}

func askWithin(t *testing.T, limit time.Duration, sim *Sim, role config.Stage, change ...func(string) string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	body := requests[role].body
	for _, f := range change {
		body = f(body)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, sim.URL+requests[role].path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer sim-key")
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	limited := http.MaxBytesReader(nil, response.Body, 1<<20)
	if response.StatusCode != http.StatusOK {
		text, err := io.ReadAll(limited)
		return "", fmt.Errorf("status %d: %s (%v)", response.StatusCode, text, err)
	}
	if strings.Contains(body, `"stream":true`) {
		return readStream(limited)
	}
	return readWhole(role, limited)
}

func streamed(body string) string {
	return strings.Replace(body, "{", `{"stream":true,"stream_options":{"include_usage":true},`, 1)
}

func asBase64(body string) string {
	return strings.Replace(body, "{", `{"encoding_format":"base64",`, 1)
}

func readWhole(role config.Stage, r io.Reader) (string, error) {
	var reply struct {
		Error any
		Data  []struct {
			Index     int
			Embedding json.RawMessage
		}
		Rankings []struct {
			Index int
			Logit *float64
		}
		Choices []*struct{ Message struct{ Content *string } }
	}
	if err := json.NewDecoder(r).Decode(&reply); err != nil {
		return "", err
	}
	switch role {
	case config.StageEmbedding:
		vectors := make([]string, 2)
		lengths := map[int]bool{}
		for _, d := range reply.Data {
			numbers, err := readVector(d.Embedding)
			if err != nil {
				return "", err
			}
			if !slices.ContainsFunc(numbers, func(x float64) bool { return x != 0 }) {
				return "", errors.New("a vector of zeros")
			}
			if d.Index < 0 || d.Index > 1 || vectors[d.Index] != "" {
				return "", fmt.Errorf("index %d", d.Index)
			}
			vectors[d.Index] = fmt.Sprint(numbers)
			lengths[len(numbers)] = true
		}
		if len(reply.Data) != 2 || len(lengths) != 1 {
			return "", fmt.Errorf("%d vectors, of lengths %v", len(reply.Data), lengths)
		}
		return strings.Join(vectors, "\n"), nil
	case config.StageReranking:
		logits := make([]string, 3)
		for _, r := range reply.Rankings {
			if r.Index < 0 || r.Index > 2 || logits[r.Index] != "" || r.Logit == nil {
				return "", fmt.Errorf("index %d, logit %v", r.Index, r.Logit)
			}
			logits[r.Index] = fmt.Sprint(*r.Logit)
		}
		if len(reply.Rankings) != 3 {
			return "", fmt.Errorf("%d rankings", len(reply.Rankings))
		}
		return strings.Join(logits, "\n"), nil
	}
	if len(reply.Choices) != 1 || reply.Choices[0] == nil || reply.Choices[0].Message.Content == nil {
		return "", errors.New("no content")
	}
	return withoutThinking(*reply.Choices[0].Message.Content), nil
}

func readVector(raw json.RawMessage) ([]float64, error) {
	var numbers []float64
	var encoded string
	if json.Unmarshal(raw, &encoded) == nil {
		bits, err := base64.StdEncoding.DecodeString(encoded)
		for at := 0; at+4 <= len(bits); at += 4 {
			if bits[at+3]&0x7f == 0x7f {
				return nil, errors.New("a number is not finite")
			}
			numbers = append(numbers, float64(bits[at]))
		}
		if len(numbers) == 0 {
			return nil, errors.New("no vector")
		}
		return numbers, err
	}
	if err := json.Unmarshal(raw, &numbers); err != nil || len(numbers) == 0 {
		return nil, fmt.Errorf("no vector: %v", err)
	}
	return numbers, nil
}

func withoutThinking(s string) string {
	return regexp.MustCompile(`(?s)^.*</think>\s*`).ReplaceAllString(s, "")
}

func readStream(r io.Reader) (string, error) {
	var content strings.Builder
	finished := false
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<16)
	for lines.Scan() {
		data, found := strings.CutPrefix(lines.Text(), "data:")
		if !found {
			continue
		}
		data = strings.TrimSpace(data)
		if data == "[DONE]" {
			break
		}
		var chunk struct {
			Object  string
			Choices []*struct {
				Delta        struct{ Content string }
				FinishReason string `json:"finish_reason"`
			}
		}
		if err := json.Unmarshal([]byte(data), &chunk); err != nil {
			return "", err
		}
		if chunk.Object != "chat.completion.chunk" {
			return "", errors.New("in-band: " + data)
		}
		for _, c := range chunk.Choices {
			if c == nil {
				return "", errors.New("null choice")
			}
			content.WriteString(c.Delta.Content)
			finished = finished || c.FinishReason != ""
		}
	}
	if err := lines.Err(); err != nil {
		return "", err
	}
	if !finished {
		return "", errors.New("the stream ended without a finish reason")
	}
	return withoutThinking(content.String()), nil
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}
