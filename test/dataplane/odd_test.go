package dataplane

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/ragpipeline/ragpipeline/test/nimsim"
)

// oddly is a search with other headers, and with a body as it is sent.
func oddly(headers, body string) string {
	return "POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" + headers + "\r\n" + body
}

// Requests that mean two things, that lie about their length, or that ask for another protocol are answered truly, each
// once, and nobody else is kept waiting.
func TestOddRequestsAreAnsweredTruly(t *testing.T) {
	t.Parallel()
	args := []string{"-f", manifest(t, pipeline(volume, standIns)), "--documents", directory(t, map[string]string{"wind.md": wind})}
	p, api := serving(t, args)
	b := &besieged{T: t, process: p, api: api}
	const chunked = "Transfer-Encoding: chunked\r\n"
	length := func(body string) string {
		return oddly(fmt.Sprintf("Content-Length: %d\r\n", len(body)), body)
	}
	get := func(path, headers string) string { return "GET " + path + " HTTP/1.1\r\n" + headers + "\r\n" }
	question := fmt.Sprintf("%x\r\n%s\r\n", len(searchBody), searchBody)
	for name, tc := range map[string]struct {
		text   string
		status int
	}{
		"trailers":                       {oddly(chunked, question+"0\r\nContent-Length: 9\r\nAuthorization: x\r\n\r\n"), 200},
		"1 MB of trailers":               {oddly(chunked, question+"0\r\nX: "+strings.Repeat("x", 1<<20)+"\r\n\r\n"), 400},
		"1 MB beside the size":           {oddly(chunked, "5;"+strings.Repeat("x", 1<<20)+"\r\n{\r\n0\r\n\r\n"), 400},
		"20,000 chunks of a byte":        {oddly(chunked, strings.Repeat("1;"+strings.Repeat("x", 100)+"\r\n{\r\n", 20_000)), 400},
		"two encodings":                  {oddly(chunked+"Transfer-Encoding: identity\r\n", "0\r\n\r\n"), 501},
		"an encoding with a blank":       {oddly("Transfer-Encoding : chunked\r\n", "0\r\n\r\n"), 400},
		"two lengths in one":             {oddly("Content-Length: 4, 4\r\n", "{}  "), 400},
		"a length beyond all numbers":    {oddly("Content-Length: 99999999999999999999\r\n", "{"), 400},
		"chunks of HTTP/1.0":             {strings.Replace(oddly(chunked, question+"0\r\n\r\n"), "HTTP/1.1", "HTTP/1.0", 1), 400},
		"two hosts":                      {get("/v1/models", "Host: localhost\r\nHost: a\r\n"), 400},
		"no host":                        {get("/v1/models", ""), 400},
		"another host in the target":     {get("http://a.example/v1/models", "Host: localhost\r\n"), 403},
		"a host with a user":             {get("/v1/models", "Host: localhost@a.example\r\n"), 400},
		"a host that begins as ours":     {get("/v1/models", "Host: localhost.a.example\r\n"), 403},
		"a host of a service of names":   {get("/v1/models", "Host: 127.0.0.1.nip.io\r\n"), 403},
		"a host as one number":           {get("/v1/models", "Host: 2130706433\r\n"), 403},
		"a host that means all":          {get("/v1/models", "Host: 0.0.0.0\r\n"), 403},
		"a tunnel":                       {"CONNECT a.example:443 HTTP/1.1\r\nHost: localhost\r\n\r\n", 403},
		"HTTP/2 without TLS":             {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 403},
		"an upgrade to HTTP/2":           {get("/v1/models", "Host: localhost\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"), 200},
		"a WebSocket":                    {get("/mcp", "Host: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"), 405},
		"a preflight of another site":    {"OPTIONS /v1/search HTTP/1.1\r\nHost: localhost\r\nOrigin: http://a.example\r\nAccess-Control-Request-Method: POST\r\n\r\n", 405},
		"a page without an origin":       {oddly("Origin: null\r\nContent-Length: 2\r\n", "{}"), 403},
		"a page of another site":         {oddly("Sec-Fetch-Site: cross-site\r\nContent-Length: 2\r\n", "{}"), 403},
		"an expectation":                 {oddly("Expect: 200-ok\r\nContent-Length: 2\r\n", "{}"), 417},
		"a path out of the documents":    {get("/v1/documents/..%2f..%2fetc%2fpasswd/content", "Host: localhost\r\n"), 404},
		"a compressed body":              {oddly("Content-Encoding: gzip\r\nContent-Length: 2\r\n", "\x1f\x8b"), 415},
		"a body that a mark begins":      {length("\ufeff" + searchBody), 200},
		"a body of another encoding":     {length("\xff\xfe{\x00}\x00"), 400},
		"a text that is not UTF-8":       {length("{\"query\": \"wind \xff\xc0\xaf\"}"), 200},
		"half of a pair of surrogates":   {length(`{"query": "wind \ud800"}`), 200},
		"a number beyond all numbers":    {length(`{"query": "wind", "reranker_top_k": 1e999999}`), 400},
		"a number of 500 kB":             {length(`{"query": "wind", "reranker_top_k": ` + strings.Repeat("9", 500_000) + `}`), 400},
		"lists in lists":                 {length(strings.Repeat("[", 500_000)), 413},
		"objects in objects":             {length(`{"query": ` + strings.Repeat(`{"a":`, 100_000)), 400},
		"a filter of 5,000 levels":       {length(`{"query": "x", "filter": ` + strings.Repeat(`{"and": [`, 5000) + strings.Repeat("]}", 5000) + "}"), 400},
		"context that goes on and on":    {oddly("traceparent: 00-"+strings.Repeat("f", 32)+"-"+strings.Repeat("f", 16)+"-ff\r\ntracestate: a="+strings.Repeat("b", 20_000)+fmt.Sprintf("\r\nContent-Length: %d\r\n", len(searchBody)), searchBody), 200},
		"ranges by the thousand":         {get("/v1/documents/docs/wind.md/content", "Host: localhost\r\nRange: bytes="+strings.Repeat("0-0,", 5000)+"1-2\r\n"), 200},
		"an escape sequence in a header": {get("/v1/models", "Host: localhost\r\nX-Request-Id: a\x1b[31m\r\n"), 400},
	} {
		if got, _ := status(b.connect(api, tc.text)); got != tc.status {
			t.Errorf("%s: status %d, want %d", name, got, tc.status)
		}
	}
	pipelined := b.connect(api, strings.Repeat(length(searchBody), 50)+get("/healthz", "Host: localhost\r\nConnection: close\r\n"))
	all, err := io.ReadAll(pipelined)
	if got := bytes.Count(all, []byte("HTTP/1.1 200 OK")); err != nil || got != 51 {
		t.Errorf("%d of 51 requests in one go are answered: %v", got, err)
	}
	b.serves("afterwards")
	if strings.Contains(p.stderr.String(), "\x1b") {
		t.Errorf("the log has what a caller sent:\n%q", p.stderr.String())
	}
}

// Floods of HTTP/2 end their own connection, or are borne; others are served meanwhile, and memory is bounded.
func TestFloodsOfHTTP2AreBounded(t *testing.T) {
	t.Parallel()
	sim := nimsim.Start(t, nimsim.Options{Key: "key-of-the-models"})
	pod := newPod(t, sim.URL)
	pod.startIngest().wait().ends(0)
	mounted, _, pool := certificate(t)
	p, api, _ := pod.startGateway(func(c *exec.Cmd) { c.Args = append(c.Args, "--tls-dir", mounted) })
	address := strings.TrimPrefix(api.url, "http://")
	web := &http.Client{Timeout: patience, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}}
	serves := func(when string) {
		t.Helper()
		reply, err := web.Get("https://" + address + "/healthz")
		if err != nil {
			t.Fatalf("%s: %v", when, err)
		}
		reply.Body.Close()
		if reply.StatusCode != http.StatusOK || reply.ProtoMajor != 2 {
			t.Errorf("%s: %s %s", when, reply.Proto, reply.Status)
		}
	}
	serves("before")
	head := func() []byte {
		var b bytes.Buffer
		e := hpack.NewEncoder(&b)
		for _, f := range [][2]string{{":method", "POST"}, {":scheme", "https"}, {":authority", address}, {":path", "/v1/search"}, {"authorization", "Bearer " + api.key}} {
			_ = e.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]}) // a buffer takes all
		}
		return b.Bytes()
	}()
	const many = 20_000
	for name, frame := range map[string]func(f *http2.Framer, i uint32) error{
		"streams that are reset": func(f *http2.Framer, i uint32) error {
			if err := f.WriteHeaders(http2.HeadersFrameParam{StreamID: 2*i + 1, BlockFragment: head, EndHeaders: true}); err != nil {
				return err
			}
			return f.WriteRSTStream(2*i+1, http2.ErrCodeCancel)
		},
		"streams that stay open": func(f *http2.Framer, i uint32) error {
			return f.WriteHeaders(http2.HeadersFrameParam{StreamID: 2*i + 1, BlockFragment: head, EndHeaders: true})
		},
		"a head that goes on and on": func(f *http2.Framer, i uint32) error {
			if i == 0 {
				return f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: head})
			}
			return f.WriteContinuation(1, false, bytes.Repeat([]byte("\x00\x01a\x03bcd"), 100))
		},
		"settings":     func(f *http2.Framer, _ uint32) error { return f.WriteSettings() },
		"pings":        func(f *http2.Framer, _ uint32) error { return f.WritePing(false, [8]byte{}) },
		"empty pieces": func(f *http2.Framer, i uint32) error { return emptyPiece(f, i, head) },
		"priorities": func(f *http2.Framer, i uint32) error {
			return f.WritePriority(2*i+1, http2.PriorityParam{StreamDep: 2*i + 3})
		},
	} {
		c, err := tls.Dial("tcp", address, &tls.Config{RootCAs: pool, NextProtos: []string{"h2"}})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		flood(c, frame, many)
		serves("beside " + name)
		c.Close()
	}
	b := &besieged{T: t, process: p}
	if mib := b.memory(); mib > 512 && !raceDetector() {
		t.Errorf("the gateway holds %d MiB", mib)
	}
	p.stop().ends(0)
}

// emptyPiece opens a stream, and then sends pieces of its body that hold nothing.
func emptyPiece(f *http2.Framer, i uint32, head []byte) error {
	if i == 0 {
		return f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: head, EndHeaders: true})
	}
	return f.WriteData(1, false, nil)
}

// flood sends frames, and reads nothing, until the server ends the connection or takes no more.
func flood(c net.Conn, frame func(f *http2.Framer, i uint32) error, many uint32) {
	if _, err := io.WriteString(c, http2.ClientPreface); err != nil {
		return
	}
	f := http2.NewFramer(c, c)
	if f.WriteSettings() != nil {
		return
	}
	for i := range many {
		_ = c.SetWriteDeadline(time.Now().Add(2 * time.Second)) // a server that reads no more has defended itself
		if frame(f, i) != nil {
			return
		}
	}
}
