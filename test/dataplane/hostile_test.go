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

// memory is what the gateway holds, in MiB; 0 where there is no /proc.
func (b *besieged) memory() (mib int64) {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", b.process.cmd.Process.Pid))
	if _, after, found := strings.Cut(string(text), "VmRSS:"); found {
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
	if mib := b.memory(); mib > 512 && !raceDetector() { // whose own memory comes on top
		t.Errorf("the gateway holds %d MiB", mib)
	}
	b.sim.Mend(config.StageLLM)
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
