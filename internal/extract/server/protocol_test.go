package server

import (
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract"
	"github.com/ragpipeline/ragpipeline/internal/extract/server/servertest"
)

func TestTikaPages(t *testing.T) {
	cases := []struct {
		name, body string
		want       []page
	}{
		{"no pages", "<p>one</p>\n<p>two</p>", []page{{0, "<p>one</p>\n<p>two</p>"}}},
		{"pages, and a bookmark after them", `<div class="page"><p>a</p><div>b</div></div><div class="page">c</div><ul><li>d</li></ul>`,
			[]page{{1, "<p>a</p><div>b</div>"}, {2, "c"}, {0, "<ul><li>d</li></ul>"}}},
		{"a scan", "<div class=\"page\"><p/><div class=\"ocr\">one\ntwo\n\nthree\n</div></div>",
			[]page{{1, "<p>one\ntwo</p>\n<p>three\n</p>\n"}}},
		{"a picture", `<div class="ocr">a sign</div>`, []page{{0, "<p>a sign</p>\n"}}},
		{"a stamp on a scan", `<div class="page"><p>COPY</p><div class="ocr">COPY The rent is 4000</div></div>`,
			[]page{{1, "<p>COPY The rent is 4000</p>\n"}}},
		{"a stamp that OCR did not see", `<div class="page"><p>COPY</p><div class="ocr">The rent is 4000</div></div>`,
			[]page{{1, "<p>COPY</p><p>The rent is 4000</p>\n"}}},
		{"a page of text that was recognised as well", `<div class="page">` + strings.Repeat("words ", 50) + `<div class="ocr">w0rds</div></div>`,
			[]page{{1, strings.Repeat("words ", 50)}}},
		{"a slide with a picture", `<div class="slide-content"><p>Board</p><img src="embedded:image1.png"></div>` +
			`<div class="package-entry"><h1>image1.png</h1><div class="ocr">profit</div></div>`,
			[]page{{1, "<p>Board</p><p>profit</p>\n"}}},
		{"an attachment", `<p>mail</p><div class="package-entry"><h1>a &amp; b.doc</h1><h1>Terms</h1><p>net</p></div>`,
			[]page{{0, "<p>mail</p><h2>a &amp; b.doc</h2>\n<h1>Terms</h1><p>net</p>"}}},
		{"an attachment without text", `<p>mail</p><div class="package-entry"><h1>logo.png</h1></div>`, []page{{0, "<p>mail</p>"}}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := tikaPages("<html><head><title>no</title></head><body>" + c.body + "</body></html>")
			if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(page{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestTikaIsAskedWithTheFileName(t *testing.T) {
	s := &script{replies: []reply{{status: 200, body: fromTika("<p>x</p>")}}}
	e := newExtractor(t, config.Extraction{}, &builtin{err: unsupported}, s)
	if _, err := e.Extract(t.Context(), "letters/Brief an Müller.doc", []byte("data")); err != nil {
		t.Fatal(err)
	}
	asked := s.asked[0]
	if got := asked.Method + " " + asked.URL.String(); got != "PUT http://extraction.example/tika/html" {
		t.Errorf("the request is %s", got)
	}
	if got, want := asked.Header.Get("Content-Disposition"), "attachment; filename*=UTF-8''Brief%20an%20M%C3%BCller.doc"; got != want {
		t.Errorf("Content-Disposition is %s, want %s", got, want)
	}
	if got := asked.Header.Get("Accept"); got != "application/json" {
		t.Errorf("Accept is %s", got)
	}
}

// TestDoclingDocument reads a document that docling-core 2.104 has written.
func TestDoclingDocument(t *testing.T) {
	document, err := os.ReadFile("testdata/doclingdocument.json")
	if err != nil {
		t.Fatal(err)
	}
	r, err := docling{}.read([]byte(`{"status": "success", "document": {"json_content": ` + string(document) + `}}`))
	if err != nil {
		t.Fatal(err)
	}
	want := []page{
		{1, "<h1>Handbook of the works</h1>\n<h2>Purchasing</h2>\n" +
			"<p>Orders above 5000 euros need two signatures &amp; a stamp.</p>\n"},
		{3, "<ul>\n<li>oil</li>\n<li>2. grease</li>\n</ul>\n<p>The impeller is replaced</p>\n" +
			"<table><caption>Table 1: sizes</caption>\n" +
			`<tr><th rowspan="1" colspan="1">Pump</th><th rowspan="1" colspan="1">Bore</th>` + "\n" +
			`<tr><td rowspan="2" colspan="1">P-17</td><td rowspan="1" colspan="1">95</td>` + "\n" +
			`<tr><td rowspan="1" colspan="1">110</td>` + "\n</table>\n<p>Words in a picture</p>\n"},
	}
	if diff := cmp.Diff(want, r.pages, cmp.AllowUnexported(page{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if r.title != "Handbook of the works" {
		t.Errorf("the title is %q", r.title)
	}
}

func TestDocling(t *testing.T) {
	status := func(body string) func(http.ResponseWriter, string) bool {
		return func(w http.ResponseWriter, _ string) bool { _, err := w.Write([]byte(body)); return err == nil }
	}
	cases := []struct {
		name   string
		data   string
		key    string // of the client
		fault  func(w http.ResponseWriter, name string) bool
		reason config.Reason
		want   string
	}{
		{"pages and headings", "# Pumps\nreplace the seal\f\f# Waste\nused oil", "sesame", nil, "", "## Pumps\n\nreplace the seal|## Waste\n\nused oil"},
		{"it cannot convert", "\x00", "sesame", nil, config.Unsupported, "HTTP 404, Task result not found"},
		{"it reports a failure", "x", "sesame", status(`{"status": "failure", "errors": [{"error_message": "no pages"}]}`),
			config.Unsupported, "status failure, no pages"},
		{"it converts without JSON", "x", "sesame", status(`{"status": "success", "document": {"md_content": "x"}}`),
			config.ServerFailed, "it holds no DoclingDocument"},
		{"another server", "x", "sesame", status(`{"status": "ok"}`), config.ServerFailed, `its status is "ok"`},
		{"a wrong key", "x", "other", nil, config.ServerFailed, "refused the API key"},
		{"it takes too long", "x", "sesame", func(w http.ResponseWriter, _ string) bool {
			w.WriteHeader(http.StatusGatewayTimeout)
			return true
		}, config.ServerFailed, "did not answer in time"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			server := httptest.NewServer(&servertest.Docling{Key: "sesame", Fault: c.fault})
			defer server.Close()
			e, err := New(Options{
				Config:  config.Extraction{Server: config.ExtractionServer{URL: server.URL, Protocol: config.Docling}},
				Key:     func() (string, error) { return c.key, nil },
				Builtin: &builtin{err: unsupported, pages: extract.New(extract.Options{})},
			})
			if err != nil {
				t.Fatal(err)
			}
			d, err := e.Extract(t.Context(), "manual.xyz", []byte(c.data))
			reason, _ := config.ReasonOf(err)
			if got := outcome(d, err); reason != c.reason || !strings.Contains(got, c.want) {
				t.Errorf("reason %q, %q; want %q with %q", reason, got, c.reason, c.want)
			}
			if c.reason == "" && d.Readers != config.ReadersOf("docling", "html") {
				t.Errorf("the readers are %s", d.Readers)
			}
			if c.reason == "" && (d.Pages[1].Number != 3 || d.Pages[1].Headings[0].Text != "Waste") {
				t.Errorf("the page and its heading are %+v", d.Pages[1])
			}
		})
	}
}
