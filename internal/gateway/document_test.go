package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/keys"
)

// A document's path may be written with its slashes or without, and may look like that of a content.
func TestDocumentsAreFoundByTheirIdentity(t *testing.T) {
	f := newFixture()
	f.index.rows = []index.Row{
		{Document: "docs/a.md", State: index.Indexed},
		{Document: "docs/a.md/content", State: index.Failed},
		{Document: "docs/content", State: index.Failed},
		{Document: "docs/50% of ü?#.md", State: index.Indexed},
	}
	for path, want := range map[string]string{
		"docs/a.md":                         "docs/a.md",
		"docs%2Fa.md":                       "docs/a.md",
		"docs/content":                      "docs/content",
		"docs/50%25%20of%20%C3%BC%3F%23.md": "docs/50% of ü?#.md",
		"docs/b.md":                         "",
		"docs":                              "",
		"docs/b.md/content":                 "",
	} {
		got := f.call("GET", documentsPath+path, "")
		if want == "" {
			if e := failureIn(t, got.Body); got.Code != http.StatusNotFound || e.Code != "UnknownDocument" {
				t.Errorf("%s: status %d, code %s", path, got.Code, e.Code)
			}
			continue
		}
		var d Document
		if err := json.Unmarshal(got.Body.Bytes(), &d); err != nil || d.DocumentID != want {
			t.Errorf("%s: got %q (%v), want %q", path, d.DocumentID, err, want)
		}
	}
	// What ends in /content is the content of a document if there is one.
	if got := f.call("GET", documentsPath+"docs/a.md/content", ""); got.Header().Get(contentHeader) == "" {
		t.Errorf("content was not preferred: %s", got.Body)
	}
}

func TestContentIsTheOriginalOrElseTheText(t *testing.T) {
	f := newFixture()
	f.index.rows = []index.Row{
		{Document: "docs/report.pdf", Source: "docs", Hash: "hash", State: index.Indexed},
		{Document: "docs/scan.pdf", Source: "docs", State: index.Failed},
	}
	page := func(text string, page, start int) index.Chunk {
		end := start + len(text)
		return index.Chunk{ID: text, Document: "docs/report.pdf", Text: text, Page: page, Start: start, End: end}
	}
	table := page("Year | Sum\n2024 | 7", 2, 40)
	table.Start, table.End = 60, 68
	f.index.chunks = []index.Chunk{
		page("one two three", 1, 0), page("three four", 1, 8), page("third page", 3, 0), page("five", 1, 20), table,
	}
	for _, tc := range []struct {
		name           string
		originals      func(context.Context, *index.Row, int64) ([]byte, error)
		form, as, kind string
		body           string
	}{
		{"original", func(_ context.Context, row *index.Row, _ int64) ([]byte, error) {
			return []byte("%PDF of " + row.Hash), nil
		}, original, "attachment; filename=report.pdf", "application/pdf", "%PDF of hash"},
		{"another version", func(context.Context, *index.Row, int64) ([]byte, error) {
			return nil, errors.New("the source has another version of it by now")
		}, extracted, "attachment; filename=report.pdf.txt", plainText,
			"one two three four\nfive\n\fYear | Sum\n2024 | 7\n\fthird page"},
		{"out of reach", nil, extracted, "attachment; filename=report.pdf.txt", plainText,
			"one two three four\nfive\n\fYear | Sum\n2024 | 7\n\fthird page"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f.options.Originals = tc.originals
			got := f.call("GET", documentsPath+"docs/report.pdf/content", "")
			if diff := cmp.Diff(tc.body, got.Body.String()); got.Code != 200 || diff != "" {
				t.Fatalf("status %d, body (-want +got):\n%s", got.Code, diff)
			}
			for header, want := range map[string]string{
				contentHeader: tc.form, "Content-Disposition": tc.as, "Content-Type": tc.kind,
				"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox; default-src 'none'",
			} {
				if value := got.Header().Get(header); value != want {
					t.Errorf("%s is %q, want %q", header, value, want)
				}
			}
		})
	}
	f.options.Originals = nil
	if got := f.call("GET", documentsPath+"docs/scan.pdf/content", ""); failureIn(t, got.Body).Code != "NoContent" {
		t.Errorf("a failed document has a content: status %d", got.Code)
	}
	f.index.err = errors.New("down")
	if got := f.call("GET", documentsPath+"docs/report.pdf/content", ""); got.Code != http.StatusBadGateway &&
		got.Code != http.StatusServiceUnavailable {
		t.Errorf("status %d of an index that is down", got.Code)
	}
}

func TestTheChunksOfADocumentComeInTheirOrder(t *testing.T) {
	f := newFixture()
	f.index.rows = []index.Row{{Document: "docs/report.pdf", State: index.Indexed}, {Document: "docs/report.pdf/chunks"}}
	f.index.chunks = []index.Chunk{
		{ID: "later", Document: "docs/report.pdf", Text: "two", Page: 2, End: 3},
		{ID: "first", Document: "docs/report.pdf", Text: "one", Page: 1, Heading: "A", End: 3},
	}
	got := f.call("GET", documentsPath+"docs/report.pdf/chunks", "").Body.String()
	want := `{"total_chunks":2,"chunks":[` +
		`{"chunk_id":"first","content":"one","heading":"A","page_number":1,"page_kind":"page","start":0,"end":3},` +
		`{"chunk_id":"later","content":"two","page_number":2,"page_kind":"page","start":0,"end":3}]}` + "\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("chunks (-want +got):\n%s", diff)
	}
	if got := f.call("GET", documentsPath+"docs/none.pdf/chunks", ""); failureIn(t, got.Body).Code != "UnknownDocument" {
		t.Errorf("chunks of an unknown document: status %d", got.Code)
	}
}

// No name of a document may end the header, or make a browser show the reply.
func TestAttachmentsKeepToTheirHeader(t *testing.T) {
	for name, want := range map[string]string{
		"a b.pdf":            `attachment; filename="a b.pdf"`,
		`"; x="y.pdf`:        `attachment; filename="\"; x=\"y.pdf"`,
		"a\r\nSet-Cookie: x": "attachment; filename*=utf-8''a%0D%0ASet-Cookie%3A%20x",
		"ü.html":             "attachment; filename*=utf-8''%C3%BC.html",
	} {
		if got := attachment(name); got != want {
			t.Errorf("%q: %s, want %s", name, got, want)
		}
	}
	for name, want := range map[string]string{
		"a.html": "application/octet-stream", "a.svg": "application/octet-stream", "a.PDF": "application/pdf",
		"a.js": "application/octet-stream", "a.md": plainText,
	} {
		if got := contentType(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

// The link of a citation opens what it cites, whatever the document is called, and never at a host
// that a request names.
func TestLinksOpenTheirDocument(t *testing.T) {
	f := newFixture()
	f.options.Config.PublicURL = "https://ask.example.com/rag"
	for _, id := range []string{
		"docs/a/b.md", "docs/100% x?.md", "docs/a#b;c=d&e.pdf", "docs/ü/%2F.md", "docs/(1) [2].md",
	} {
		f.index.rows = []index.Row{{Document: id, State: index.Failed}}
		link, err := url.Parse(linksOf(&f.options.Config).document(id))
		if err != nil || link.Host != "ask.example.com" {
			t.Fatalf("link %v: %v", link, err)
		}
		path := strings.TrimPrefix(link.EscapedPath(), "/rag")
		var d Document
		if err := json.Unmarshal(f.call("GET", path, "").Body.Bytes(), &d); err != nil || d.DocumentID != id {
			t.Errorf("%s opens %q (%v), want %q", link, d.DocumentID, err, id)
		}
	}
	f.options.Config.PublicURL = ""
	got := f.call("POST", chatRoute, chatBody("What was the revenue?"),
		"Host", "evil.example", "X-Forwarded-Host", "evil.example").Body.String()
	if strings.Contains(got, "evil.example") || !strings.Contains(got, `"url":"/v1/documents/docs/`) {
		t.Errorf("links follow the request: %s", got)
	}
}

func TestDocumentsNeedTheKeyOfTheOtherRoutes(t *testing.T) {
	f := newFixture()
	f.options.Keys = func() (keys.Clients, error) { return keys.Clients{"app": {Token: "secret"}}, nil }
	for _, path := range []string{"docs/a.md", "docs/a.md/content"} {
		if got := f.call("GET", documentsPath+path, ""); got.Code != http.StatusUnauthorized {
			t.Errorf("%s: status %d without a key", path, got.Code)
		}
		if got := f.call("GET", documentsPath+path, "", "Authorization", "Bearer secret"); got.Code != http.StatusOK {
			t.Errorf("%s: status %d with the key", path, got.Code)
		}
	}
}

// While as many contents are read as may be, others get a 429 after a while, and none waits for ever.
func TestContentsAreBounded(t *testing.T) {
	f := newFixture()
	begun, end := make(chan struct{}), make(chan struct{})
	f.index.rows = []index.Row{{Document: "docs/a.md", Hash: "h", State: index.Indexed}}
	f.options.Originals = func(ctx context.Context, _ *index.Row, max int64) ([]byte, error) {
		if max != maxOriginal {
			t.Errorf("up to %d bytes were wanted", max)
		}
		begun <- struct{}{}
		<-end
		return []byte("text"), nil
	}
	g := f.gateway()
	g.contents.wait = 0
	codes := make(chan int, readAtOnce)
	for range readAtOnce {
		go func() { codes <- call(g, "GET", documentsPath+"docs/a.md/content", "").Code }()
		<-begun
	}
	if got := call(g, "GET", documentsPath+"docs/a.md/content", ""); got.Code != http.StatusTooManyRequests {
		t.Errorf("status %d of one too many", got.Code)
	}
	close(end)
	for range readAtOnce {
		if code := <-codes; code != http.StatusOK {
			t.Errorf("status %d of one that was in time", code)
		}
	}
}

// Slow readers of large documents keep neither others from theirs nor a caller from a small one, and free their room.
func TestSlowReadersLeaveRoomForOthers(t *testing.T) {
	c := newContents(0)
	hold := func(caller string, bytes int64) (func(), error) { return c.hold(t.Context(), caller, bytes) }
	first, err := hold("slow", callerBytes-1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := hold("slow", 2); err == nil {
		t.Error("a caller has more than the half")
	}
	small, err := hold("slow", 1)
	if err != nil {
		t.Errorf("a caller gets no small document beside a large one: %v", err)
	}
	second, err := hold("other", callerBytes)
	if err != nil {
		t.Fatalf("another caller has no room: %v", err)
	}
	if _, err := hold("third", 1); err == nil {
		t.Error("there is room without end")
	}
	first()
	if _, err := hold("third", callerBytes-1); err != nil {
		t.Errorf("what was freed has no room: %v", err)
	}
	small()
	second()
	if c.total != callerBytes-1 || len(c.of) != 1 {
		t.Errorf("%d bytes are held of %v", c.total, c.of)
	}
}

// A caller that has its share is refused at once, and does not keep others from reading meanwhile.
func TestACallersOwnShareIsNotAwaited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, begun := newContents(time.Hour), time.Now()
		if _, err := c.hold(t.Context(), "slow", callerBytes); err != nil {
			t.Fatal(err)
		}
		_, err := c.hold(t.Context(), "slow", 1)
		if _, refused := errors.AsType[*Failure](err); !refused || time.Since(begun) > 0 {
			t.Errorf("after %v: %v", time.Since(begun), err)
		}
	})
}

// A client that waits for room gets it when another leaves, and one that leaves waits no longer.
func TestRoomForContentsIsAwaited(t *testing.T) {
	c := newContents(time.Hour)
	release, err := c.hold(t.Context(), "a", sentBytes)
	if err != nil {
		t.Fatal(err)
	}
	gone, leave := context.WithCancel(t.Context())
	left, held := make(chan error, 1), make(chan error, 1)
	go func() { _, err := c.hold(gone, "b", 1); left <- err }()
	go func() { _, err := c.hold(t.Context(), "c", 1); held <- err }()
	leave()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	release()
	if err := <-held; err != nil {
		t.Error(err)
	}
}

// A source that does not answer ends with its time; the text in the index is sent instead.
func TestASourceThatHangsIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newContents(0)
		begun := time.Now()
		err := c.read(t.Context(), func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) != readTime {
			t.Errorf("after %v: %v", time.Since(begun), err)
		}
	})
}
