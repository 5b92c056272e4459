package dataplane

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/source/s3test"
	"github.com/ragpipeline/ragpipeline/test/nimsim"
)

// library is a web server with a sitemap and ETags, which counts the pages that it sends.
type library struct {
	*httptest.Server
	mu    sync.Mutex
	pages map[string]string
	sent  int
}

func newLibrary(t *testing.T) *library {
	l := &library{pages: map[string]string{}}
	l.Server = httptest.NewServer(l)
	t.Cleanup(l.Close)
	return l
}

func (l *library) put(path, page string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.pages[path] = page; page == "" {
		delete(l.pages, path)
	}
}

// taken is how many pages were sent since it was last asked.
func (l *library) taken() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n, l.sent = l.sent, 0
	return n
}

// ServeHTTP implements http.Handler.
func (l *library) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.URL.Path == "/sitemap.xml" {
		fmt.Fprint(w, "<urlset>")
		for path := range l.pages {
			fmt.Fprintf(w, "<url><loc>%s%s</loc></url>", l.URL, path)
		}
		fmt.Fprint(w, "</urlset>")
		return
	}
	page, ok := l.pages[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	tag := fmt.Sprintf(`"%x"`, sha256.Sum256([]byte(page)))
	if r.Header.Get("If-None-Match") != tag {
		l.sent++
	}
	w.Header().Set("ETag", tag)
	w.Header().Set("Content-Type", "text/markdown")
	http.ServeContent(w, r, "", time.Time{}, strings.NewReader(page))
}

// A bucket and pages are followed by `run`: it reads and embeds what has changed, and removes nothing of a source that
// it cannot list.
func TestRunFollowsABucketAndPages(t *testing.T) {
	t.Parallel()
	store, pages := s3test.Start(t), newLibrary(t)
	sim, data := nimsim.Start(t, nimsim.Options{}), t.TempDir()
	with := func(key string) string {
		return manifest(t, pipeline(`
  documents:
  - name: papers
    s3: {bucket: `+store.Bucket+`, prefix: reports, endpoint: "`+store.URL+`", region: `+s3test.Region+`, secretRef: {name: bucket}}
  - name: pages
    http: {sitemaps: ["`+pages.URL+`/sitemap.xml"], allowHosts: [127.0.0.1]}`, endpoints(sim.URL))+
			"---\napiVersion: v1\nkind: Secret\nmetadata: {name: bucket}\nstringData: {"+
			config.S3AccessKeyID+": "+s3test.AccessKeyID+", "+config.S3SecretAccessKey+": "+key+"}\n")
	}
	spec := with(s3test.SecretAccessKey)
	ask := func(spec string, code int, wants ...string) {
		t.Helper()
		p := run(t, "run", "-f", spec, "--data", data, "--ask", "How often is the pump inspected?")
		p.ends(code, wants...)
		if strings.Contains(p.stdout.String()+p.stderr.String(), s3test.SecretAccessKey) {
			t.Error("the key is shown")
		}
	}
	store.Put("reports/pump.md", "# Pump\n\nThe pump is inspected every 30 days.\n", nil)
	store.Put("reports/valve.md", "# Valve\n\nThe valve opens at 17 bar.\n", nil)
	store.Put("other/readme.md", "# Other\n\nThis is beside the folder.\n", nil)
	pages.put("/tank", "# Tank\n\nThe tank holds 90 litres.\n")
	pages.put("/fan", "# Fan\n\nThe fan turns left.\n")
	ask(spec, 0, "4 documents in 4 chunks: 4 added; chunks: 4 embedded")
	ask(spec, 0, "4 documents in 4 chunks, all unchanged: nothing to embed")
	if n := pages.taken(); n != 2 {
		t.Errorf("%d pages were sent in two runs, want each once", n)
	}

	sim.Forget()
	store.Put("reports/pump.md", "# Pump\n\nThe pump is inspected every 45 days.\n", nil)
	store.Remove("reports/valve.md")
	pages.put("/fan", "")
	pages.put("/belt", "# Belt\n\nThe belt is two metres long.\n")
	ask(spec, 0, "3 documents in 3 chunks: 1 added, 1 changed, 1 unchanged, 2 removed; chunks: 2 embedded")
	want := []string{strings.Replace(pages.URL, "//", "", 1) + "/belt > Belt\n# Belt\n\nThe belt is two metres long.", "pump.md > Pump\n# Pump\n\nThe pump is inspected every 45 days."}
	if diff := cmp.Diff(want, embedded(t, sim)); diff != "" {
		t.Errorf("embedded (-want +got):\n%s", diff)
	}

	store.Remove("reports/pump.md")
	pages.put("/belt", "# Belt\n\nThe belt is three metres long.\n")
	ask(with("another-key"), 1, `source "papers"`, "the store refused the credentials")
	ask(spec, 0, "2 documents in 2 chunks: 2 unchanged, 1 removed")
}
