package ingest

import (
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/source"
	"github.com/ragpipeline/ragpipeline/internal/source/s3test"
)

// TestTheIndexFollowsABucket changes a bucket in every way and compares it with the index, document by document.
func TestTheIndexFollowsABucket(t *testing.T) {
	server := s3test.Start(t)
	var downloads, listings atomic.Int64
	var broken atomic.Bool
	proxy := server.Proxy()
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if broken.Load() && r.URL.Query().Has("list-type") {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		if r.URL.Query().Has("list-type") {
			listings.Add(1)
		} else {
			downloads.Add(1)
		}
		proxy.ServeHTTP(w, r)
	}))
	defer front.Close()
	secret := s3test.SecretAccessKey
	bucket, err := source.New(config.Source{Name: "docs", S3: &config.S3{
		Bucket: server.Bucket, Endpoint: front.URL, Region: s3test.Region, Secret: "bucket",
	}}, source.Resolvers{Secret: func(key config.SecretKey) (string, error) {
		return map[string]string{config.S3AccessKeyID: s3test.AccessKeyID, config.S3SecretAccessKey: secret}[key.Key], nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	w.options.Sources = []source.Source{bucket}

	held := map[string]string{} // key -> text
	put := func(key, text string) { held[key] = text; server.Put(key, text, nil) }
	remove := func(key string) { delete(held, key); server.Remove(key) }
	check := func(step string, wantDownloads int64) {
		t.Helper()
		downloads.Store(0)
		listings.Store(0)
		w.mustRun()
		if got := listings.Load(); got != 1 {
			t.Errorf("%s: the bucket was listed %d times", step, got)
		}
		if got := downloads.Load(); got != wantDownloads {
			t.Errorf("%s: %d objects were downloaded, want %d", step, got, wantDownloads)
		}
		indexed := map[string]string{}
		for _, c := range w.chunks() {
			indexed[strings.TrimPrefix(c.Document, "docs/")] = c.Text
		}
		if diff := cmp.Diff(held, indexed); diff != "" {
			t.Errorf("%s: (-bucket +index):\n%s", step, diff)
		}
	}

	put("a.txt", "apples are red")
	put("b/b.txt", "bananas are yellow")
	put("b/c.txt", "cherries are dark")
	check("add", 3)
	check("nothing", 0)
	put("a.txt", "apples are green")
	check("change", 1)
	remove("b/c.txt")
	put("b/renamed.txt", "cherries are dark")
	check("rename", 1)
	remove("b/b.txt")
	check("delete", 0)

	before := maps.Clone(held)
	fail := func(step, want string) {
		t.Helper()
		if _, err := w.run(); !errors.Is(err, ErrIncomplete) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: the run gave %v", step, err)
		}
		if n := w.stats().Documents; n != len(before) {
			t.Errorf("%s: the index has %d documents, want %d", step, n, len(before))
		}
	}
	remove("a.txt")
	broken.Store(true)
	fail("a store that is down", `source "docs": bucket "papers"`)
	broken.Store(false)
	secret = "rotated"
	fail("a wrong secret", "check the Secret of s3.secretRef")
	secret = s3test.SecretAccessKey
	check("healed", 0)
}
