package source

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

func urlset(urls ...string) string {
	var b strings.Builder
	b.WriteString(`<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">`)
	for _, u := range urls {
		fmt.Fprintf(&b, "<url><loc>\n %s </loc><lastmod>2022-01-01</lastmod></url>", strings.ReplaceAll(u, "&", "&amp;"))
	}
	return b.String() + "</urlset>"
}

func gzipped(content string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = io.WriteString(z, content) // to memory
	_ = z.Close()
	return b.String()
}

func TestSitemaps(t *testing.T) {
	s := newSite(t)
	host := strings.TrimPrefix(s.URL, "http://")
	s.pages["/sitemap.xml"] = text("text/xml", `<sitemapindex><sitemap><loc>`+s.URL+`/a.xml</loc></sitemap>
		<sitemap><loc>`+s.URL+`/b.xml.gz</loc></sitemap></sitemapindex>`)
	s.pages["/a.xml"] = text("text/xml", urlset(s.URL+"/1?a=b&c=d", s.URL+"/2", "nonsense"))
	s.pages["/b.xml.gz"] = text("application/gzip", gzipped(urlset(s.URL+"/2", s.URL+"/skipped.pdf", "https://elsewhere.example/x")))
	w := newWeb(t, config.HTTP{URLs: []string{s.URL + "/0"}, Sitemaps: []string{s.URL + "/sitemap.xml"}}, Resolvers{})
	w.globs.exclude = []string{"**/*.pdf"}
	got := paths(list(t, w))
	want := []string{"elsewhere.example/x", "http:" + host + "/0", "http:" + host + "/1?a=b&c=d", "http:" + host + "/2", "invalid:nonsense"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for path, want := range map[string]string{"elsewhere.example/x": "http.allowHosts", "invalid:nonsense": "not an http or https URL"} {
		_, err := readPage(t, w, Entry{Path: path})
		wantReason(t, err, config.Unreadable)
		if !strings.Contains(err.Error(), want) || errors.Is(err, ErrUnavailable) {
			t.Errorf("%s gave %v", path, err)
		}
	}
}

func TestASitemapOfManyPages(t *testing.T) {
	s := newSite(t)
	var urls []string
	for i := range 10_000 {
		urls = append(urls, fmt.Sprintf("%s/%d", s.URL, i))
	}
	s.pages["/s.xml"] = text("text/xml", urlset(urls...))
	w := newWeb(t, config.HTTP{Sitemaps: []string{s.URL + "/s.xml"}}, Resolvers{})
	if n := len(list(t, w)); n != 10_000 {
		t.Errorf("%d pages", n)
	}
	if asked := s.requests(); len(asked) != 1 {
		t.Errorf("listing asked for %d pages", len(asked))
	}
}

func TestSitemapsThatFailLeaveTheListingIncomplete(t *testing.T) {
	s := newSite(t)
	s.pages["/good.xml"] = text("text/xml", urlset(s.URL+"/1"))
	s.pages["/html"] = text("text/html", "<html></html>")
	s.pages["/cut.xml"] = text("text/xml", "<urlset><url><loc>"+s.URL+"/2</loc></url><url>")
	s.pages["/loop.xml"] = text("text/xml", "<sitemapindex><sitemap><loc>"+s.URL+"/loop.xml</loc></sitemap></sitemapindex>")
	s.pages["/away.xml"] = text("text/xml", "<sitemapindex><sitemap><loc>http://169.254.169.254/s.xml</loc></sitemap></sitemapindex>")
	s.pages["/bomb.xml"] = text("application/gzip", gzipped("<urlset>"+strings.Repeat(" ", maxSitemap)))
	s.pages["/entity.xml"] = text("text/xml", `<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><urlset><url><loc>http://a/&a;</loc></url></urlset>`)
	for page, want := range map[string]string{
		"/missing.xml": "404", "/html": "its root is <html>", "/cut.xml": "not a whole sitemap", "/loop.xml": "name fewer",
		"/away.xml": "add it to http.allowHosts", "/bomb.xml": "larger than 50 MiB", "/entity.xml": "not a whole sitemap",
	} {
		w := newWeb(t, config.HTTP{Sitemaps: []string{s.URL + page, s.URL + "/good.xml"}}, Resolvers{})
		var listed []string
		err := w.List(t.Context(), func(e Entry) bool { listed = append(listed, e.Path); return true })
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(strings.Join(listed, " "), s.own("/1")) {
			t.Errorf("%s listed %v, %v", page, listed, err)
		}
	}
	w := newWeb(t, config.HTTP{Sitemaps: []string{s.URL + "/missing.xml", s.URL + "/good.xml", s.URL + "/html"}}, Resolvers{})
	err := w.List(t.Context(), func(Entry) bool { return true })
	if err == nil || !strings.Contains(err.Error(), "/missing.xml") || !strings.Contains(err.Error(), "(and 1 more of 3 sitemaps)") {
		t.Errorf("two sitemaps of three gave %v", err)
	}
}

func FuzzSitemap(f *testing.F) {
	f.Add(urlset("https://example.com/a", "x"))
	f.Add("<sitemapindex><sitemap><loc>https://example.com/s</loc></sitemap>")
	f.Fuzz(func(t *testing.T, text string) {
		s := sitemaps{web: &web{hosts: map[string]bool{}}, pages: map[string]page{}}
		further, _ := s.parse(strings.NewReader(text))
		for path, p := range s.pages {
			if path == "" || p.url == nil && p.refused == nil || len(path) > 4*maxAddress {
				t.Errorf("%q leads to %+v", path, p)
			}
		}
		if len(further) > maxSitemaps {
			t.Errorf("%d sitemaps", len(further))
		}
	})
}
