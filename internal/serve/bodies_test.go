package serve

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"
)

// bodies serves /read, which reads its body and tells of a late one, and /ignore, which does not read.
func bodies(t *testing.T, within, settle time.Duration) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("/read", func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			http.Error(w, "late", http.StatusRequestTimeout)
			return
		}
		fmt.Fprintf(w, "%d bytes", len(b))
	})
	mux.HandleFunc("/ignore", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "no key", http.StatusUnauthorized)
	})
	mux.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.ReadAll(r.Body)
		<-time.After(5 * within)
		fmt.Fprintf(w, "still there: %v", r.Context().Err() == nil)
	})
	s := httptest.NewServer(boundBodies(mux, within, settle))
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// send writes the requests on one connection and returns all that is answered until the server closes it.
func send(t *testing.T, address string, requests ...string) (answers []string, closed bool) {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	reader := bufio.NewReader(c)
	for _, request := range requests {
		if _, err := io.WriteString(c, request); err != nil {
			return answers, true
		}
		resp, err := http.ReadResponse(reader, nil)
		if err != nil {
			return append(answers, err.Error()), true
		}
		body, _ := io.ReadAll(resp.Body)
		answers = append(answers, fmt.Sprint(resp.StatusCode, " ", strings.TrimSpace(string(body))))
		if resp.Close {
			_, err := reader.ReadByte()
			return answers, errors.Is(err, io.EOF)
		}
	}
	return answers, false
}

func TestNoBodyKeepsAConnectionWaiting(t *testing.T) {
	post := func(path, headers, body string) string {
		return "POST " + path + " HTTP/1.1\r\nHost: a\r\n" + headers + "\r\n" + body
	}
	const within, settle = time.Second, time.Second / 2
	for name, tc := range map[string]struct {
		request, answer string
		closed          bool
	}{
		"whole":                           {post("/read", "Content-Length: 4\r\n", "abcd"), "200 4 bytes", false},
		"half, read":                      {post("/read", "Content-Length: 4\r\n", "ab"), "408 late", true},
		"in chunks":                       {post("/read", "Transfer-Encoding: chunked\r\n", "2\r\nab\r\n0\r\n\r\n"), "200 2 bytes", true},
		"in chunks, with a length":        {post("/read", "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", "2\r\nab\r\n0\r\n\r\n"), "200 2 bytes", true},
		"half a chunk, read":              {post("/read", "Transfer-Encoding: chunked\r\n", "5\r\nab"), "408 late", true},
		"whole, ignored":                  {post("/ignore", "Content-Length: 4\r\n", "abcd"), "401 no key", false},
		"half, ignored":                   {post("/ignore", "Content-Length: 4\r\n", "ab"), "401 no key", true},
		"no chunk, ignored":               {post("/ignore", "Transfer-Encoding: chunked\r\n", ""), "401 no key", true},
		"awaits a 100, ignored":           {post("/ignore", "Content-Length: 4\r\nExpect: 100-continue\r\n", ""), "401 no key", true},
		"answered long after its arrival": {post("/slow", "Content-Length: 4\r\n", "abcd"), "200 still there: true", false},
		"none":                            {post("/read", "Content-Length: 0\r\n", ""), "200 0 bytes", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := bodies(t, within, settle)
			answers, closed := send(t, address, tc.request, post("/read", "Content-Length: 1\r\n", "a"))
			if closed != tc.closed || answers[0] != tc.answer {
				t.Errorf("answered %q, closed %v", answers, closed)
			}
			if !tc.closed && (len(answers) != 2 || answers[1] != "200 1 bytes") {
				t.Errorf("the next request on the connection got %q", answers[1:])
			}
		})
	}
}

// A body that a client only announces, and that no handler asks for, is not awaited either.
func TestAnAnnouncedBodyIsNotAwaited(t *testing.T) {
	for _, headers := range []string{"Content-Length: 4\r\n", "Transfer-Encoding: chunked\r\n"} {
		address := bodies(t, time.Hour, 50*time.Millisecond)
		request := "POST /ignore HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n" + headers + "\r\n"
		if answers, closed := send(t, address, request, ""); !closed || answers[0] != "401 no key" {
			t.Errorf("%q: answered %q, closed %v", headers, answers, closed)
		}
	}
}
