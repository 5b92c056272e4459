package model

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// The three calls of one question, against a server that answers at once. "memory" has no network,
// so that it shows what this package costs; "loopback" adds net/http's client, and a server that
// costs next to nothing; "floor" is the same bytes through net/http with the answer thrown away.
func BenchmarkQuestion(b *testing.B) {
	passages := manyPassages()
	v := make([]float32, 1024)
	var entries []string
	for i := range v {
		v[i] = float32(i%97)/970 - 0.05
	}
	for i := range passages {
		entries = append(entries, fmt.Sprintf(`{"index":%d,"logit":%f}`, i, 1.234567-float64(i)))
	}
	floats := strings.ReplaceAll(strings.Trim(fmt.Sprint(v), "[]"), " ", ",")
	messages := ChatRequest{Messages: []Message{{"system", "Answer from the passages."}, {"user", strings.Join(passages[:5], "\n")}}, MaxTokens: 512}
	pieces := make([]string, 100)
	for i := range pieces {
		pieces[i] = fmt.Sprintf(" word%d", i)
	}
	const usage = `"model":"m","usage":{"prompt_tokens":9,"total_tokens":9}}`
	cases := []struct {
		name, kind, answer string
		run                func(ctx context.Context, m config.Model, t Transport) func() error
	}{
		{"embed", "application/json", `{"object":"list","data":[{"object":"embedding","index":0,"embedding":"` + base64Of(v...) + `"}],` + usage, benchQuery},
		{"embed-as-numbers", "application/json", `{"object":"list","data":[{"object":"embedding","index":0,"embedding":[` + floats + `]}],` + usage, benchQuery},
		{"rank-45", "application/json", `{"rankings":[` + strings.Join(entries, ",") + `],` + usage,
			func(ctx context.Context, m config.Model, t Transport) func() error {
				r := NewRanker(m, nil, t)
				return func() error { _, err := r.Rank(ctx, "Where is the A100 GPU used?", passages); return err }
			}},
		{"chat", "application/json", `{"id":"x","choices":[{"index":0,"message":{"role":"assistant","content":"` + strings.Join(pieces, "") + `"},"finish_reason":"stop"}],` + usage,
			func(ctx context.Context, m config.Model, t Transport) func() error {
				c := NewChat(config.LLM{Model: m}, nil, t)
				return func() error { _, err := c.Complete(ctx, messages); return err }
			}},
		{"chat-stream-100-chunks", "text/event-stream", events(pieces...),
			func(ctx context.Context, m config.Model, t Transport) func() error {
				c := NewChat(config.LLM{Model: m}, nil, t)
				return func() error {
					_, err := c.Stream(ctx, messages, func(string) error { return nil })
					return err
				}
			}},
	}
	for _, bc := range cases {
		memory := &canned{kind: bc.kind, answer: bc.answer}
		b.Run(bc.name+"/memory", func(b *testing.B) {
			measure(b, bc.run(b.Context(), config.Model{URL: "http://h/v1", Name: "m"}, Transport{HTTP: memory}))
		})
		url := instant(b, bc.kind, bc.answer)
		b.Run(bc.name+"/loopback", func(b *testing.B) {
			measure(b, bc.run(b.Context(), config.Model{URL: url + "/v1", Name: "m"}, Transport{}))
		})
		b.Run(bc.name+"/floor", func(b *testing.B) {
			measure(b, func() error {
				req, _ := http.NewRequestWithContext(b.Context(), http.MethodPost, url, bytes.NewReader(memory.request))
				resp, err := defaultTransport().RoundTrip(req)
				if err != nil {
					return err
				}
				io.Copy(io.Discard, resp.Body)
				return resp.Body.Close()
			})
		})
	}
}

// BenchmarkRanking writes the body of a reranking request with 45 passages of about 1 kB: as the
// client does, with the library's quoting of strings in its place, and with the library alone.
func BenchmarkRanking(b *testing.B) {
	passages := manyPassages()
	type text struct {
		Text string `json:"text"`
	}
	type request struct {
		Model    string `json:"model"`
		Query    text   `json:"query"`
		Passages []text `json:"passages"`
		Truncate string `json:"truncate"`
	}
	r := NewRanker(config.Model{URL: "http://h/v1", Name: "m"}, nil, Transport{})
	want := string(r.body(r.forms[0], "Where is the A100 GPU used?", passages))
	writers := []struct {
		name  string
		write func() ([]byte, error)
	}{
		{"appendString", func() ([]byte, error) { return r.body(r.forms[0], "Where is the A100 GPU used?", passages), nil }},
		{"AppendQuote", func() ([]byte, error) {
			out := append(make([]byte, 0, len(want)), `{"model":"m","query":{"text":"Where is the A100 GPU used?"},"passages":[`...)
			for i, p := range passages {
				if i > 0 {
					out = append(out, ',')
				}
				out, _ = jsontext.AppendQuote(append(out, `{"text":`...), p)
				out = append(out, '}')
			}
			return append(out, `],"truncate":"END"}`...), nil
		}},
		{"Marshal", func() ([]byte, error) {
			in := request{Model: "m", Query: text{"Where is the A100 GPU used?"}, Passages: make([]text, len(passages)), Truncate: "END"}
			for i, p := range passages {
				in.Passages[i].Text = p
			}
			return r.client.writeJSON(in)
		}},
	}
	for _, w := range writers {
		b.Run(w.name, func(b *testing.B) {
			if got, err := w.write(); err != nil || string(got) != want {
				b.Fatalf("it writes %q, %v", got, err)
			}
			measure(b, func() error { _, err := w.write(); return err })
		})
	}
}

func manyPassages() []string {
	passages := make([]string, 45)
	for i := range passages {
		passages[i] = strings.Repeat("The model was trained on sixteen nodes with eight \"A100\" GPUs each, 5.1k hours.\n", 12)
	}
	return passages
}

func benchQuery(ctx context.Context, m config.Model, t Transport) func() error {
	e := NewEmbedder(m, config.EmbeddingSpace{}, nil, t)
	return func() error { _, err := e.Query(ctx, "Where is the A100 GPU used?"); return err }
}

// measure reports CPU time beside the wall clock's, garbage collection included.
func measure(b *testing.B, call func() error) {
	b.ReportAllocs()
	before := cpu(b)
	for b.Loop() {
		if err := call(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64((cpu(b)-before).Nanoseconds())/float64(b.N), "cpu-ns/op")
}

func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// canned is a round tripper with one answer, which keeps the last request.
type canned struct {
	kind, answer string
	request      []byte
}

func (c *canned) RoundTrip(req *http.Request) (*http.Response, error) {
	c.request = c.request[:0]
	buf := bytes.NewBuffer(c.request)
	buf.ReadFrom(req.Body)
	c.request = buf.Bytes()
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {c.kind}},
		ContentLength: int64(len(c.answer)), Body: io.NopCloser(strings.NewReader(c.answer))}, nil
}

// instant serves one answer on kept connections, with as little work as can be.
func instant(b *testing.B, kind, body string) (url string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.Close() })
	reply := fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", kind, len(body), body)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				in := bufio.NewReaderSize(c, 64<<10)
				for {
					length := 0
					for {
						line, err := in.ReadSlice('\n')
						if err != nil {
							return
						}
						if len(line) <= 2 {
							break
						}
						if n, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
							fmt.Sscanf(string(n), "%d", &length)
						}
					}
					if _, err := in.Discard(length); err != nil {
						return
					}
					if _, err := c.Write(reply); err != nil {
						return
					}
				}
			}()
		}
	}()
	return "http://" + l.Addr().String()
}
