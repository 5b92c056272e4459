package model

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// pour writes the text again and again until the client hangs up.
func pour(c net.Conn, text string) {
	block := strings.Repeat(text, 1+64<<10/len(text))
	for {
		if _, err := io.WriteString(c, block); err != nil {
			return
		}
	}
}

// bomb is gzip of 512 MiB of blanks: so many members of 1 MiB each, which are one text.
var bomb = sync.OnceValue(func() []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(bytes.Repeat([]byte(" "), 1<<20))
	_ = z.Close()
	return bytes.Repeat(b.Bytes(), 512)
})

const jsonHead = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"

// hostileServers never end what they send, or send much for little.
var hostileServers = map[string]func(c net.Conn){
	"a header without end":       func(c net.Conn) { io.WriteString(c, "HTTP/1.1 200 OK\r\nX: "); pour(c, "x") },
	"headers without end":        func(c net.Conn) { io.WriteString(c, "HTTP/1.1 200 OK\r\n"); pour(c, "X-A: b\r\n") },
	"a status line without end":  func(c net.Conn) { pour(c, "HTTP/1.1 200 OK ") },
	"interim replies":            func(c net.Conn) { pour(c, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n") },
	"interim replies of no body": func(c net.Conn) { pour(c, "HTTP/1.1 102 Processing\r\n\r\n") },
	"chunks without end": func(c net.Conn) {
		io.WriteString(c, jsonHead+"Transfer-Encoding: chunked\r\n\r\n")
		pour(c, "400\r\n"+strings.Repeat(" ", 1024)+"\r\n")
	},
	"chunks of one byte": func(c net.Conn) {
		io.WriteString(c, jsonHead+"Transfer-Encoding: chunked\r\n\r\n")
		pour(c, "1;x=y\r\n \r\n")
	},
	"an extension of a chunk without end": func(c net.Conn) {
		io.WriteString(c, jsonHead+"Transfer-Encoding: chunked\r\n\r\n1;")
		pour(c, "x")
	},
	"a trailer without end": func(c net.Conn) {
		io.WriteString(c, jsonHead+"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n0\r\n")
		pour(c, "X-A: b\r\n")
	},
	"a body without a length": func(c net.Conn) { io.WriteString(c, jsonHead+"Connection: close\r\n\r\n"); pour(c, "[") },
	"a length that is a lie":  func(c net.Conn) { io.WriteString(c, jsonHead+"Content-Length: 9000000000\r\n\r\n"); pour(c, " ") },
	"a bomb of gzip": func(c net.Conn) {
		b := bomb()
		fmt.Fprintf(c, "%sContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s", jsonHead, len(b), b)
	},
	"a bomb of gzip in a refusal": func(c net.Conn) {
		b := bomb()
		fmt.Fprintf(c, "HTTP/1.1 400 Bad Request\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s", len(b), b)
	},
	"a refusal without end": func(c net.Conn) {
		io.WriteString(c, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
		pour(c, "no ")
	},
	"redirects": func(c net.Conn) {
		io.WriteString(c, "HTTP/1.1 307 Temporary Redirect\r\nLocation: /again\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
	},
	"a line of a stream without end": func(c net.Conn) {
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\ndata: ")
		pour(c, "x")
	},
	"comments of a stream without end": func(c net.Conn) {
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
		pour(c, ": ping\n\n")
	},
	"lines of no event without end": func(c net.Conn) {
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
		pour(c, "<p>\n")
	},
	"a bomb of gzip as a stream": func(c net.Conn) {
		b := bomb()
		fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s", len(b), b)
	},
}

// However much a server sends, a call ends with an error, and takes little. Answers that are read whole are read
// alike in all stages.
func TestAHostileServerIsBounded(t *testing.T) {
	for name, serve := range hostileServers {
		t.Run(name, func(t *testing.T) {
			url := raw(t, serve)
			m := config.Model{URL: url, Name: "m"}
			for role, ask := range map[string]func() error{
				"embedding": func() error {
					_, err := NewEmbedder(m, config.EmbeddingSpace{}, nil, Transport{}).Query(t.Context(), "x")
					return err
				},
				"streaming": func() error {
					_, _, err := stream(t, plainly(NewChat(config.LLM{Model: m}, nil, Transport{})))
					return err
				},
			} {
				before := allocated()
				err := ask()
				if FailureOf(err) == "" || len(err.Error()) > 1000 {
					t.Errorf("%s: got %.1000v", role, err)
				}
				if used := (allocated() - before) >> 20; used > 128 {
					t.Errorf("%s: it took %d MiB: %.200v", role, used, err)
				}
			}
		})
	}
}

// allocated is how many bytes have been allocated so far.
func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

// An honest server that compresses announces the length of what it sends, not of the answer.
func TestALargeAnswerThatIsCompressedIsReadWhole(t *testing.T) {
	answer := `{"choices":[{"message":{"content":"` + strings.Repeat("word ", 200_000) + `"},"finish_reason":"stop"}]}`
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = io.WriteString(z, answer)
	_ = z.Close()
	url := raw(t, func(c net.Conn) {
		fmt.Fprintf(c, "%sContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s", jsonHead, b.Len(), b.Bytes())
	})
	got, err := plainly(NewChat(config.LLM{Model: config.Model{URL: url, Name: "m"}}, nil, Transport{})).Complete(t.Context(), ask("x"))
	if err != nil || len(got.Content) != 1_000_000 {
		t.Errorf("got %v", err)
	}
}
