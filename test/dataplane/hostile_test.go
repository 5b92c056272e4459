package dataplane

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/test/nimsim"
)

const (
	searchBody = `{"query": "Where is the wind?"}`
	askBody    = `{"messages": [{"role": "user", "content": "Where is the wind?"}], "stream": true}`
)

// besieged is a gateway under test by hostile callers.
type besieged struct {
	*testing.T
	sim      *nimsim.Sim
	process  *process
	api, ops client
	asked    int
}

func besiege(t *testing.T, capacity *nimsim.Capacity) *besieged {
	t.Helper()
	sim := nimsim.Start(t, nimsim.Options{Key: "key-of-the-models", Capacity: capacity})
	pod := newPod(t, sim.URL)
	pod.startIngest().wait().ends(0)
	b := &besieged{T: t, sim: sim}
	b.process, b.api, b.ops = pod.startGateway()
	b.api.until("/readyz", http.StatusOK)
	return b
}

// serves fails the test unless an ordinary search is answered.
func (b *besieged) serves(when string) {
	b.Helper()
	if got := b.api.do("POST", "/v1/search", searchBody); got.status != 200 {
		b.Errorf("%s: a search got %d: %s", when, got.status, got.body)
	}
}

// connect opens a connection to a server, and writes the text.
func (b *besieged) connect(to client, text string) net.Conn {
	b.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(to.url, "http://"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		b.Fatal(err)
	}
	_, _ = io.WriteString(c, text) // the server may have hung up
	return c
}

// post is the head of a request, with the key if there is one, and the announced length of its body.
func post(to client, path string, length int) string {
	head := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: %d\r\n", path, length)
	if to.key != "" {
		head += "Authorization: Bearer " + to.key + "\r\n"
	}
	return head + "\r\n"
}

// smuggled is a search in chunks whose length, if a proxy goes by that, makes a second request of its end.
func smuggled(to client) string {
	hidden := "GET /v1/documents HTTP/1.1\r\nHost: a\r\n\r\n"
	head, _, _ := strings.Cut(post(to, "/v1/search", len(searchBody)+len(hidden)), "\r\n\r\n")
	return fmt.Sprintf("%s\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n%s", head, len(searchBody), searchBody, hidden)
}

// status reads a reply's status and reports whether the server then closes the connection.
func status(c net.Conn) (status int, closed bool) {
	r := bufio.NewReader(c)
	response, err := http.ReadResponse(r, nil)
	if err != nil {
		return 0, true
	}
	_, _ = io.Copy(io.Discard, response.Body)
	if !response.Close {
		return response.StatusCode, false
	}
	_, err = r.ReadByte()
	return response.StatusCode, errors.Is(err, io.EOF)
}

// send is the status of the reply to a body, or 0 if the gateway refused it before all of it was sent: then the reply may
// be lost with the connection.
func (b *besieged) send(path, body string) int {
	c := b.connect(b.api, post(b.api, path, len(body)))
	_, _ = io.WriteString(c, body)
	got, _ := status(c)
	return got
}

// memory is what the gateway holds, in MiB; 0 where there is no /proc.
func (b *besieged) memory() (mib int64) { return b.size("VmRSS:") }

// size reads a size of the gateway's process, in MiB; 0 where there is no /proc.
func (b *besieged) size(of string) (mib int64) {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", b.process.cmd.Process.Pid))
	if _, after, found := strings.Cut(string(text), of); found {
		_, _ = fmt.Sscan(after, &mib)
	}
	return mib >> 10
}

func TestHostileCallersAreBoundedAndOthersServed(t *testing.T) {
	t.Parallel()
	b := besiege(t, nil)
	stranger := b.api
	stranger.key = ""

	for name, tc := range map[string]struct {
		to     client
		text   string
		status int
	}{
		"a header of 1 MB":               {b.api, "GET /v1/models HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("x", 1<<20) + "\r\n\r\n", 431},
		"half a body without a key":      {stranger, post(stranger, "/v1/search", 100) + "{", 401},
		"half a body on no route":        {b.api, post(b.api, "/v1/nothing", 100) + "{", 404},
		"half a body where none belongs": {b.api, strings.Replace(post(b.api, "/v1/models", 100), "POST", "GET", 1) + "{", 200},
		"half a body on the ops port":    {b.ops, post(b.ops, "/healthz", 100) + "{", 405},
		"a body that announces too much": {b.api, post(b.api, "/v1/search", 1<<30) + "{", 413},
		"chunks that hide a request":     {b.api, smuggled(b.api), 200},
	} {
		if got, closed := status(b.connect(tc.to, tc.text)); got != tc.status || !closed {
			t.Errorf("%s: status %d, closed %v", name, got, closed)
		}
	}

	for range 1000 {
		b.connect(b.api, post(b.api, "/v1/search", 100)+"{")
		b.connect(b.api, "POST /v1/search HTTP/1.1\r\nHost: a\r\n") // half of a head
	}
	b.serves("beside 2,000 requests in part")

	b.sim.Fault(config.StageLLM, nimsim.Named("hang"))
	const idle = 10_000
	for range idle {
		b.connect(b.api, post(b.api, "/v1/chat/completions", len(askBody))+askBody) // and never reads
	}
	b.serves("beside 10,000 streams that nobody reads")
	mib := b.memory()
	if t.Logf("the gateway holds %d MiB", mib); mib > 512 && !raceDetector() { // whose own memory comes on top
		t.Errorf("more than 512 MiB are held")
	}
	b.sim.Mend(config.StageLLM)
}

// These are the routes that read a body, and those that do not, of the API and of the ops port.
var (
	postRoutes = []string{"/v1/chat/completions", "/v1/responses", "/v1/search", "/v1/embeddings", "/v1/ranking", "/v1/rerank",
		"/v2/rerank", "/mcp"}
	getRoutes = []string{"/", "/v1/models", "/v1/models/x", "/v1/index", "/v1/documents", "/v1/documents/docs/x.md",
		"/v1/documents/docs/x.md/content", "/v1/documents/docs/x.md/chunks", "/v1/documents/docs/x.md/pages/1", "/assets/x",
		"/openapi.json", "/healthz", "/readyz", "/sign-in", "/sign-in/token"}
	opsRoutes = []string{"/healthz", "/readyz", "/metrics", "/ops/v1/status", "/debug/pprof/", "/nothing"}
)

// Half a body, one that means two things, or one that is only announced keeps no connection open, on no route, with a
// key or without. The routes that read a body wait for it, for as long as a test of the gateway sets.
func TestNoRouteWaitsForABody(t *testing.T) {
	t.Parallel()
	b := besiege(t, nil)
	stranger := b.api
	stranger.key = ""
	b.everyRoute(stranger)
	b.serves("beside half a body on each route")
}

// inChunks is the head of a request with a body in chunks, and further headers.
func inChunks(to client, path, headers string) string {
	head, _, _ := strings.Cut(post(to, path, 0), "Content-Length")
	if to.key != "" {
		headers += "Authorization: Bearer " + to.key + "\r\n"
	}
	return head + headers + "Transfer-Encoding: chunked\r\n\r\n"
}

// everyRoute sends what never ends, and what means two things, to every route. Each is answered at once, and its
// connection closed.
func (b *besieged) everyRoute(stranger client) {
	b.Helper()
	open := map[string]net.Conn{}
	for _, at := range []struct {
		to    client
		paths []string
	}{{stranger, postRoutes}, {stranger, getRoutes}, {b.api, getRoutes}, {b.ops, opsRoutes}} {
		for _, path := range at.paths {
			twice := strings.Replace(post(at.to, path, 4), "\r\n\r\n", "\r\nTransfer-Encoding: chunked\r\n\r\n", 1)
			for name, text := range map[string]string{
				"half a body":                  post(at.to, path, 100) + "{",
				"half a body in chunks":        inChunks(at.to, path, "") + "5\r\n{",
				"a body that is announced":     inChunks(at.to, path, "Expect: 100-continue\r\n"),
				"a length beside chunks":       twice + "0\r\n\r\nGET /v1/documents HTTP/1.1\r\nHost: a\r\n\r\n",
				"two lengths":                  strings.Replace(post(at.to, path, 4), "\r\n\r\n", "\r\nContent-Length: 5\r\n\r\n", 1) + "{}  ",
				"chunks of another encoding":   strings.Replace(inChunks(at.to, path, ""), "chunked", "gzip, chunked", 1) + "0\r\n\r\n",
				"a length that is not one":     strings.Replace(post(at.to, path, 4), "h: 4", "h: +4", 1) + "{}  ",
				"a chunk with a negative size": inChunks(at.to, path, "") + "-1\r\n",
			} {
				open[fmt.Sprintf("%s, %s%s, key %v", name, at.to.url, path, at.to.key != "")] = b.connect(at.to, text)
			}
		}
	}
	for name, c := range open {
		if got, closed := status(c); got < 200 || got >= 500 && got != http.StatusNotImplemented || !closed {
			b.Errorf("%s: status %d, closed %v", name, got, closed)
		}
	}
}

// Beyond what its LLM can answer, a gateway refuses at once, completes what it has admitted, and is as
// before when the load ends.
func TestOverloadIsRefusedAndPasses(t *testing.T) {
	t.Parallel()
	b := besiege(t, &nimsim.Capacity{Of: config.StageLLM, Parallel: 4, Base: 25 * time.Millisecond})
	ask := strings.Replace(askBody, "true", "false", 1)
	var answered, refused atomic.Int64
	var callers sync.WaitGroup
	for range 200 {
		callers.Go(func() {
			for range 3 {
				got := b.api.do("POST", "/v1/chat/completions", ask)
				switch {
				case got.status == 200 && strings.Contains(got.body, `"finish_reason":"stop"`):
					answered.Add(1)
				case got.status == 429 && got.header.Get("Retry-After") != "":
					refused.Add(1)
				default:
					t.Errorf("status %d: %s", got.status, got.body)
				}
			}
		})
	}
	b.serves("during overload")
	callers.Wait()
	if answered.Load() == 0 || refused.Load() == 0 {
		t.Errorf("%d were answered, %d refused", answered.Load(), refused.Load())
	}
	if got := b.api.do("POST", "/v1/chat/completions", ask); got.status != 200 {
		t.Errorf("the first question afterwards got %d: %s", got.status, got.body)
	}
}

// The memory of a gateway is bounded by bytes, however many large bodies and endless replies it gets.
func TestLargeBodiesAndEndlessRepliesAreBounded(t *testing.T) {
	t.Parallel()
	b := besiege(t, nil)
	const atOnce = 64
	texts := `"` + strings.Repeat("wind ", 3_300) + `",`
	large := `{"input_type": "passage", "input": [` + strings.Repeat(texts, 8_000_000/len(texts)) + `"wind"]}`
	short := `{"input_type": "passage", "input": ["w"` + strings.Repeat(`,"w"`, 2047) + `]}`
	repeated := `{"query": "q", "documents": [{"text": "` + strings.Repeat("x", 100_000) + `"}], "rank_fields": ["text"` +
		strings.Repeat(`,"text"`, 100_000) + `]}`
	returned := `{"query": "q", "return_documents": true, "documents": [` + strings.Repeat(texts, 7_000_000/len(texts)) + `"wind"]}`
	smallValues := `{"input": [[]` + strings.Repeat(",[]", 300_000) + `], "messages": [{}` + strings.Repeat(",{}", 20_000) +
		`], "query": "q", "passages": [], "documents": []}`
	for name, attack := range map[string]struct {
		fault string
		by    func() (status int)
		fails bool
	}{
		"64 bodies of 8 MB": {by: func() int { return b.send("/v1/embeddings", large) }},
		"64 bodies of small values, of every route": {by: func() int {
			for _, path := range postRoutes {
				if got := b.send(path, smallValues); got >= 500 || got == http.StatusUnsupportedMediaType { // before it was parsed
					t.Errorf("small values, %s: status %d", path, got)
				}
			}
			return 429
		}},
		"64 requests for 2,048 vectors":                     {by: func() int { return b.api.do("POST", "/v1/embeddings", short).status }},
		"64 documents whose text is ranked again and again": {by: func() int { return b.send("/v1/rerank", repeated) }},
		"64 documents that are sent back":                   {by: func() int { return b.send("/v1/rerank", returned) }},
		"64 questions against an embedding server that never stops sending": {"huge-body", func() int {
			return b.api.do("POST", "/v1/chat/completions", strings.Replace(askBody, "true", "false", 1)).status
		}, true},
	} {
		if attack.fault != "" {
			b.sim.Fault(config.StageEmbedding, nimsim.Named(attack.fault))
		}
		var callers sync.WaitGroup
		for range atOnce {
			callers.Go(func() {
				got := attack.by()
				if failed := got == 429 || got >= 500; got != 0 && got != 200 && got != 400 && !failed || attack.fails && !failed {
					t.Errorf("%s: status %d", name, got)
				}
			})
		}
		callers.Wait()
		b.sim.Mend(config.StageEmbedding)
		b.recovers(config.StageEmbedding, name)
	}
	mib := b.size("VmHWM:")
	if t.Logf("the gateway held %d MiB", mib); mib > 768 && !raceDetector() { // whose own memory comes on top
		t.Errorf("more than 768 MiB were held")
	}
}

// Clients that read a stream byte by byte get all of it, and keep no other waiting.
func TestStreamsAreReadByteByByte(t *testing.T) {
	t.Parallel()
	b := besiege(t, nil)
	var readers sync.WaitGroup
	for range 20 {
		c := b.connect(b.api, strings.Replace(post(b.api, "/v1/chat/completions", len(askBody)), "\r\n\r\n", "\r\nConnection: close\r\n\r\n", 1))
		if err := c.(*net.TCPConn).SetReadBuffer(8 << 10); err != nil { // so that the gateway has to wait
			t.Fatal(err)
		}
		_, _ = io.WriteString(c, askBody)
		readers.Go(func() {
			var all strings.Builder
			for one := make([]byte, 1); ; {
				if _, err := c.Read(one); err != nil {
					break
				}
				all.Write(one)
			}
			if got := all.String(); !strings.Contains(got, "200 OK") || !strings.Contains(got, "data: [DONE]") {
				t.Errorf("a stream ends in %.300q", got[max(0, len(got)-300):])
			}
		})
	}
	b.serves("beside 20 streams that are read byte by byte")
	readers.Wait()
}
