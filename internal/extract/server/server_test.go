package server

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract"
	"github.com/ragpipeline/ragpipeline/internal/model"
)

// script plays a server's replies, the last of them for ever, and keeps the requests.
type script struct {
	mu      sync.Mutex
	replies []reply
	asked   []*http.Request
}

type reply struct {
	status int
	body   string
	err    error
	hang   bool // until the request's context ends
}

func (s *script) RoundTrip(req *http.Request) (*http.Response, error) {
	s.mu.Lock()
	s.asked = append(s.asked, req)
	r := s.replies[min(len(s.asked), len(s.replies))-1]
	s.mu.Unlock()
	switch {
	case r.hang:
		<-req.Context().Done()
		return nil, context.Cause(req.Context())
	case r.err != nil:
		return nil, r.err
	}
	return &http.Response{StatusCode: r.status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(r.body))}, nil
}

// fromTika is Tika's reply with this body.
func fromTika(body string) string {
	b, err := json.Marshal(map[string]any{"X-TIKA:Parsed-By": []string{"p", "q"}, "dc:title": "The works handbook",
		"X-TIKA:content": "<html><head><title></title></head><body>" + body + "</body></html>"})
	if err != nil {
		panic(err)
	}
	return string(b)
}

// builtin plays the built-in readers, but for the pages that a server has read.
type builtin struct {
	document *extract.Document
	err      error
	pages    *extract.Extractor
	asked    int
}

func (b *builtin) Extract(ctx context.Context, name string, data []byte) (*extract.Document, error) {
	if name == "page.html" {
		return b.pages.Extract(ctx, name, data)
	}
	b.asked++
	return b.document, b.err
}

func newExtractor(t *testing.T, c config.Extraction, b *builtin, s *script) *Extractor {
	t.Helper()
	if c.Server.Protocol == "" {
		c.Server.Protocol = config.Tika
	}
	c.Server.URL = "http://extraction.example/"
	b.pages = extract.New(extract.Options{})
	e, err := New(Options{Config: c, Builtin: b, Transport: model.Transport{HTTP: s}, Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

var unsupported = config.Failf(config.Unsupported, "rich text is not read")

// outcome is a document's text, page by page, or its failure.
func outcome(d *extract.Document, err error) string {
	if err != nil {
		return err.Error()
	}
	var pages []string
	for _, p := range d.Pages {
		pages = append(pages, p.Text)
	}
	return strings.Join(pages, "|")
}

// gate plays a server that holds documents until it lets them go, the last one first.
type gate struct {
	mu      sync.Mutex
	waiting []chan struct{}
	most    int
}

func (g *gate) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	open := make(chan struct{})
	g.mu.Lock()
	g.waiting = append(g.waiting, open)
	g.most = max(g.most, len(g.waiting))
	g.mu.Unlock()
	select {
	case <-open:
	case <-req.Context().Done():
		return nil, context.Cause(req.Context())
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{},
		Body: io.NopCloser(strings.NewReader(fromTika("<p>" + string(body) + "</p>")))}, nil
}

// open lets the document go that came last.
func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	last := len(g.waiting) - 1
	close(g.waiting[last])
	g.waiting = g.waiting[:last]
}

func TestSeveralDocumentsAreAtTheServerAtOnceAndComeInTheirOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gate{}
		b := &builtin{pages: extract.New(extract.Options{})}
		e, err := New(Options{Config: config.Extraction{Server: config.ExtractionServer{Protocol: config.Tika,
			URL: "http://extraction.example/"}, Use: config.Always}, Builtin: b, Transport: model.Transport{HTTP: g}})
		if err != nil {
			t.Fatal(err)
		}
		inputs := func(names ...string) (all []extract.Input) {
			for _, name := range names {
				all = append(all, extract.Input{Name: name + ".rtf", Data: []byte(name)})
			}
			return all
		}
		var got [2][]string
		var reading sync.WaitGroup
		for i, batch := range [][]extract.Input{inputs("a", "b", "c", "d", "e"), inputs("f", "g")} {
			reading.Go(func() {
				for d, err := range e.ExtractAll(t.Context(), batch) {
					got[i] = append(got[i], outcome(d, err))
				}
			})
		}
		for range 7 {
			synctest.Wait()
			g.open()
		}
		reading.Wait()
		if diff := cmp.Diff([2][]string{{"a", "b", "c", "d", "e"}, {"f", "g"}}, got); diff != "" {
			t.Errorf("documents (-want +got):\n%s", diff)
		}
		if g.most != InFlight {
			t.Errorf("%d documents were at the server at once, want %d", g.most, InFlight)
		}
		for d, err := range e.ExtractAll(t.Context(), nil) {
			t.Errorf("no documents give %v, %v", d, err)
		}
	})
}

func TestAReaderThatStopsTakingDocumentsLeavesNoneAtTheServer(t *testing.T) {
	s := &script{replies: []reply{{hang: true}}}
	b := &builtin{document: &extract.Document{Pages: []extract.Page{{Text: "plain words"}}}}
	e := newExtractor(t, config.Extraction{Use: config.Always, Include: []string{"*.rtf"}}, b, s)
	batch := []extract.Input{{Name: "a.txt", Data: []byte("a")}, {Name: "b.rtf", Data: []byte("b")}}
	for d, err := range e.ExtractAll(t.Context(), batch) { // returns although the server never answers
		if outcome(d, err) != "plain words" {
			t.Errorf("the first document gives %s", outcome(d, err))
		}
		break
	}
}

func TestFailuresOfTheServer(t *testing.T) {
	good := reply{status: 200, body: fromTika("<p>ninety bolts</p>")}
	refusedConnection := reply{err: errors.New("connection refused")}
	cases := []struct {
		name    string
		replies []reply
		reason  config.Reason // empty: it is read
		tells   string
		asked   int
	}{
		{"a good reply", []reply{good}, "", "ninety bolts", 1},
		{"down for a while", []reply{refusedConnection, {status: 503}, {status: 502}, good}, "", "ninety bolts", 4},
		{"down", []reply{refusedConnection}, config.ServerFailed, `extraction server "Tika" cannot be reached`, 6},
		{"starting", []reply{{status: 503}}, config.ServerFailed, "is not ready yet", 6},
		{"broken", []reply{{status: 500}}, config.ServerFailed, "failed; see its log", 1},
		{"slow", []reply{{hang: true}}, config.ServerFailed, "did not answer in time", 1},
		{"slow behind a proxy", []reply{{status: 504}}, config.ServerFailed, "did not answer in time", 1},
		{"a wrong url", []reply{{status: 404}}, config.ServerFailed, "was not found at this url", 1},
		{"a refused key", []reply{{status: 401}}, config.ServerFailed, "demands an API key; set secretRef", 1},
		{"another server", []reply{{status: 200, body: "<html><body>Welcome to nginx!</body></html>"}}, config.ServerFailed,
			"extraction server (Tika) returned an unusable reply", 1},
		{"other JSON", []reply{{status: 200, body: `{"status": "ok"}`}}, config.ServerFailed, "X-TIKA:content", 1},
		{"nothing", []reply{{status: 200}}, config.ServerFailed, "unusable reply", 1},
		{"it refuses the document", []reply{{status: 422}}, config.Unsupported,
			"rich text is not read; the extraction server (Tika) cannot read it: HTTP 422", 1},
		{"it finds no text", []reply{{status: 200, body: fromTika("<p/>")}}, config.Unsupported, "it found no text in it", 1},
		{"it finds text on too few pages", []reply{{status: 200,
			body: fromTika(`<div class="page">a</div><div class="page"></div><div class="page"></div>`)}},
			config.Unsupported, "it found no text on 2 of 3 pages", 1},
		{"the document is too large for it", []reply{{status: 413}}, config.Unsupported, "too large for it", 1},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{replies: c.replies}
				e := newExtractor(t, config.Extraction{}, &builtin{err: unsupported}, s)
				d, err := e.Extract(t.Context(), "a/letter.rtf", []byte("{\\rtf"))
				reason, _ := config.ReasonOf(err)
				if got := outcome(d, err); reason != c.reason || !strings.Contains(got, c.tells) {
					t.Errorf("reason %q, %s; want %q with %q", reason, got, c.reason, c.tells)
				}
				if len(s.asked) != c.asked {
					t.Errorf("it was asked %d times, want %d", len(s.asked), c.asked)
				}
			})
		})
	}
}

func TestDocumentsDoNotWaitForAServerThatIsDownOneByOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{replies: []reply{{err: errors.New("connection refused")}}}
		e := newExtractor(t, config.Extraction{}, &builtin{err: unsupported}, s)
		start := time.Now()
		for range 5 {
			if _, err := e.Extract(t.Context(), "a.rtf", []byte("x")); err == nil {
				t.Fatal("a server that is down has read a document")
			}
		}
		if waited := time.Since(start); len(s.asked) != 6+4 || waited > 2*time.Minute {
			t.Errorf("five documents waited %v for %d requests, want 10 within two minutes", waited, len(s.asked))
		}
		s.replies = []reply{{status: 200, body: fromTika("<p>back</p>")}}
		<-time.After(10 * time.Second) // beyond the breaker, in virtual time
		if got := outcome(e.Extract(t.Context(), "a.rtf", []byte("x"))); got != "back" {
			t.Errorf("after the outage: %s", got)
		}
	})
}

func TestWhichDocumentsTheServerReads(t *testing.T) {
	text := &extract.Document{Pages: []extract.Page{{Text: "own"}}}
	malformed := config.Failf(config.Malformed, "it is damaged")
	always := config.Extraction{Use: config.Always}
	some := config.Extraction{Include: []string{"scans/**", "*.doc"}}
	cases := []struct {
		name    string
		config  config.Extraction
		path    string
		builtin builtin
		want    string
	}{
		{"one that the built-in readers read", config.Extraction{}, "a.txt", builtin{document: text}, "own"},
		{"one that they do not support", config.Extraction{}, "a.doc", builtin{err: unsupported}, "server"},
		{"a scan", config.Extraction{}, "a.pdf", builtin{err: config.Failf(config.NoTextLayer, "no text")}, "server"},
		{"a protected one", config.Extraction{}, "a.pdf", builtin{err: config.Failf(config.Encrypted, "a password")}, "server"},
		{"a damaged one", config.Extraction{}, "a.pdf", builtin{err: malformed}, malformed.Error()},
		{"included", some, "scans/2024/a.pdf", builtin{err: unsupported}, "server"},
		{"included by another glob", some, "a.doc", builtin{err: unsupported}, "server"},
		{"not included", some, "other/a.doc", builtin{err: unsupported}, unsupported.Error()},
		{"any", always, "a.txt", builtin{document: text}, "server"},
		{"always, but not included", config.Extraction{Use: config.Always, Include: some.Include}, "a.txt",
			builtin{document: text}, "own"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := &script{replies: []reply{{status: 200, body: fromTika("<p>server</p>")}}}
			e := newExtractor(t, c.config, &c.builtin, s)
			if got := outcome(e.Extract(t.Context(), c.path, []byte("data"))); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestPagesWithoutText(t *testing.T) {
	partly := func() *extract.Document {
		d := &extract.Document{Pages: []extract.Page{{Number: 1, Text: "cover"}, {Number: 2}, {Number: 3, Text: "COPY"},
			{Number: 4, Text: "terms"}, {Number: 5}}}
		d.Warnings.Add(config.PagesWithoutText, 3, "page 2", "page 3", "page 5")
		d.Warnings.Add(config.PartsIgnored, 1, "a.zip")
		return d
	}
	pages := func(texts ...string) reply {
		var b strings.Builder
		for _, text := range texts {
			b.WriteString(`<div class="page"><p>` + text + `</p></div>`)
		}
		return reply{status: 200, body: fromTika(b.String())}
	}
	cases := []struct {
		name     string
		reply    reply
		pages    string
		warnings config.Warnings
	}{
		{"all are read", pages("x", "the rent", "COPY of the lease", "x", "the end"),
			"cover|the rent|COPY of the lease|terms|the end",
			config.Warnings{{Reason: config.PartsIgnored, Count: 1, Places: []string{"a.zip"}}}},
		{"some are read", pages("x", "the rent", "COPY", "x", ""), "cover|the rent|COPY|terms|",
			config.Warnings{{Reason: config.PagesWithoutText, Count: 2, Places: []string{"page 3", "page 5"}},
				{Reason: config.PartsIgnored, Count: 1, Places: []string{"a.zip"}}}},
		{"the server refuses the document", reply{status: 422}, "cover||COPY|terms|", partly().Warnings},
		{"the server is broken", reply{status: 500}, "cover||COPY|terms|",
			config.Warnings{{Reason: config.PartsIgnored, Count: 1, Places: []string{"a.zip"}},
				{Reason: config.PagesWaiting, Count: 3, Places: []string{"page 2", "page 3", "page 5"}}}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := &script{replies: []reply{c.reply}}
			e := newExtractor(t, config.Extraction{}, &builtin{document: partly()}, s)
			d, err := e.Extract(t.Context(), "lease.pdf", []byte("%PDF"))
			if err != nil {
				t.Fatal(err)
			}
			if got := outcome(d, nil); got != c.pages {
				t.Errorf("the pages are %q, want %q", got, c.pages)
			}
			if diff := cmp.Diff(c.warnings, d.Warnings); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
			if got := s.asked[0].Header[ocrStrategy]; len(got) == 0 { //nolint:staticcheck // as it is sent
				t.Error("Tika was not asked for the text under a stamp")
			}
		})
	}
}

func TestWarningsNameTenOfManyPages(t *testing.T) {
	d := &extract.Document{}
	var body strings.Builder
	for n := 1; n <= 20; n++ {
		d.Pages = append(d.Pages, extract.Page{Number: n})
		d.Warnings.Add(config.PagesWithoutText, 1, place(n))
		body.WriteString(`<div class="page"><p>recognised</p></div>`)
	}
	s := &script{replies: []reply{{status: 200, body: fromTika(body.String())}}}
	e := newExtractor(t, config.Extraction{}, &builtin{document: d}, s)
	read, err := e.Extract(t.Context(), "book.pdf", []byte("%PDF"))
	if err != nil || len(read.Warnings) > 0 || strings.Contains(outcome(read, nil), "||") {
		t.Errorf("got %q, %v, %v", outcome(read, nil), read.Warnings, err)
	}
}
