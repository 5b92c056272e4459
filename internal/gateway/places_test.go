package gateway

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// brokenBody gives a part of a body, and then an error.
type brokenBody struct {
	part io.Reader
	err  error
	then func()
}

func (b *brokenBody) Read(p []byte) (int, error) {
	if n, err := b.part.Read(p); err == nil {
		return n, nil
	}
	b.then()
	return 0, b.err
}

func (b *brokenBody) Close() error { return nil }

func TestALateBodyIs408(t *testing.T) {
	for name, tc := range map[string]struct {
		err    error
		status int // is 0 if nothing is answered
		logged string
	}{
		"late":            {os.ErrDeadlineExceeded, 408, "status=408"},
		"the client left": {io.ErrUnexpectedEOF, 0, "status=499"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture()
			f.options.Log = textLog(&f.log)
			ctx, cancel := context.WithCancel(t.Context())
			r := httptest.NewRequestWithContext(ctx, http.MethodPost, chatRoute,
				&brokenBody{strings.NewReader(`{"messages": `), tc.err, cancel}) // as net/http's server does
			w := httptest.NewRecorder()
			g := f.gateway()
			g.ServeHTTP(w, r)
			if tc.status == 0 && w.Body.Len() != 0 {
				t.Errorf("answered %s", w.Body)
			}
			if tc.status != 0 {
				if told := failureIn(t, w.Body); w.Code != tc.status || told.Code != "BodyTimedOut" {
					t.Errorf("status %d, %+v", w.Code, told)
				}
			}
			if !strings.Contains(f.log.String(), tc.logged) {
				t.Errorf("the log lacks %s:\n%s", tc.logged, f.log.String())
			}
		})
	}
}

// Bodies that are still arriving hold memory, but no place: others are served meanwhile, and what is
// beyond the bound is refused.
func TestBodiesInFlightAreBounded(t *testing.T) {
	f, registry := newFixture(), prometheus.NewRegistry()
	f.options.Registerer = registry
	g := f.gateway()
	const most = bodiesBytes / maxTextsBody
	blank := strings.Repeat(" ", maxTextsBody-1)
	answers := make(chan int, most)
	var ends []*io.PipeWriter
	for range most {
		body, end := io.Pipe()
		ends = append(ends, end)
		go func() {
			w := httptest.NewRecorder()
			g.ServeHTTP(w, httptest.NewRequest(http.MethodPost, embedRoute, body))
			answers <- w.Code
		}()
		if _, err := io.WriteString(end, blank); err != nil {
			t.Fatal(err)
		}
	}
	got := call(g, "POST", embedRoute, `{"input": "`+strings.Repeat("x", maxTrusted)+`"}`)
	if told := failureIn(t, got.Body); got.Code != 429 || told.Code != "TooManyRequests" {
		t.Errorf("a body beyond the bound: status %d, %+v", got.Code, told)
	}
	if refused := metricsOf(t, registry)["refused_total texts"]; refused != 1 {
		t.Errorf("%v texts are counted as refused, want 1", refused)
	}
	if n := running(g); n != 0 {
		t.Errorf("bodies that have not arrived hold %d places", n)
	}
	for route, body := range map[string]string{chatRoute: chatBody("what?"), searchRoute: `{"query": "x"}`} {
		if got := call(g, "POST", route, body); got.Code != 200 {
			t.Errorf("%s: status %d meanwhile", route, got.Code)
		}
	}
	for _, end := range ends {
		end.Close()
		if code := <-answers; code != 400 {
			t.Errorf("a blank body got %d", code)
		}
	}
	if got := call(g, "POST", embedRoute, `{"input": "x"}`); got.Code != 200 {
		t.Errorf("status %d afterwards: memory was not freed", got.Code)
	}
}

func TestABodyTakesTheMemoryOfWhatArrived(t *testing.T) {
	for _, tc := range []struct {
		name                         string
		full, announced, limit, want int64
	}{
		{"small and announced", 0, 300, maxTextsBody, 301},
		{"large and announced", 0, 4 << 20, maxTextsBody, maxTrusted},
		{"large, in part", maxTrusted, 4 << 20, maxTextsBody, 2 * maxTrusted},
		{"large, nearly whole", 3 << 20, 4 << 20, maxTextsBody, 4<<20 + 1},
		{"not announced", 0, -1, maxTextsBody, maxTrusted},
		{"not announced, up to the bound", 5 << 20, -1, maxTextsBody, maxTextsBody + 1},
		{"nothing", 0, 0, maxTextsBody, 1},
	} {
		if got := nextSize(tc.full, tc.announced, tc.limit); got != tc.want {
			t.Errorf("%s: %d bytes, want %d", tc.name, got, tc.want)
		}
	}
}
