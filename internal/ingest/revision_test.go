package ingest

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/source"
	"github.com/ragpipeline/ragpipeline/internal/source/git/gittest"
)

// follower is a world whose source is a repository, and counts how often a run fetches it.
type follower struct {
	*world
	*gittest.Repository
	url     string
	fetches atomic.Int64
}

func newFollower(t *testing.T) *follower {
	f := &follower{world: newWorld(t), Repository: gittest.New(t)}
	handler := f.Handler("", "")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/git-upload-pack") {
			f.fetches.Add(1)
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	f.url = server.URL + "/repo.git"
	return f
}

// attempt ingests once, as a new process would.
func (f *follower) attempt(want int64) (*Report, error) {
	f.t.Helper()
	repository, err := source.New(config.Source{Name: "docs", Git: &config.Git{URL: f.url}}, source.Resolvers{})
	if err != nil {
		f.t.Fatal(err)
	}
	f.options.Sources = []source.Source{repository}
	f.fetches.Store(0)
	report, err := f.run()
	if got := f.fetches.Load(); got != want {
		f.t.Errorf("the repository was fetched %d times, want %d", got, want)
	}
	return report, err
}

// holds ingests once, and compares the index with the tree.
func (f *follower) holds(step string, want int64, texts map[string]string) *Report {
	f.t.Helper()
	report, err := f.attempt(want)
	if err != nil {
		f.t.Fatalf("%s: %v", step, err)
	}
	indexed := map[string]string{}
	for _, c := range f.chunks() {
		indexed[strings.TrimPrefix(c.Document, "docs/")] = c.Text
	}
	if diff := cmp.Diff(texts, indexed); diff != "" {
		f.t.Errorf("%s (-repository +index):\n%s", step, diff)
	}
	return report
}

func TestARepositoryIsFetchedOnceACommit(t *testing.T) {
	f := newFollower(t)
	f.Write("a.txt", "apples are red")
	f.Write("b.txt", "bananas are yellow")
	f.Commit()
	f.holds("the first run", 1, map[string]string{"a.txt": "apples are red", "b.txt": "bananas are yellow"})
	report := f.holds("nothing", 0, map[string]string{"a.txt": "apples are red", "b.txt": "bananas are yellow"})
	if report.Unchanged != 2 || report.Listed != 2 || report.Synced.Sources[0].Scanned != 2 {
		t.Errorf("a run without a change reports %+v", report)
	}
	f.Write("a.txt", "apples are green")
	f.Git("rm", "--quiet", "b.txt")
	f.Commit()
	f.holds("a change", 1, map[string]string{"a.txt": "apples are green"})
	f.holds("nothing again", 0, map[string]string{"a.txt": "apples are green"})
	f.config.Sources = []config.Source{{Name: "docs", Metadata: config.Metadata{"team": config.Text("north")}}}
	f.holds("other metadata", 1, map[string]string{"a.txt": "apples are green"})
	f.holds("nothing once more", 0, map[string]string{"a.txt": "apples are green"})
}

func TestACommitIsFetchedAgainForWhatIsLeftToDo(t *testing.T) {
	f := newFollower(t)
	f.Write("a.txt", "apples are red")
	f.Write("broken.pdf", "%PDF-1.7 no more")
	f.Write("stray.txt.metadata.json", "{}")
	f.Commit()
	held := map[string]string{"a.txt": "apples are red"}
	for range config.MaxAttempts {
		report := f.holds("a document that fails, and a sidecar without its document", 1, held)
		if n := report.Synced.Sources[0].Strays; n != 1 {
			t.Errorf("the report has %d sidecars without a document", n)
		}
	}
	f.Git("rm", "--quiet", "stray.txt.metadata.json")
	f.Commit()
	f.holds("a sidecar less", 1, held)
	if report := f.holds("a document that is parked", 0, held); report.Skipped != 1 {
		t.Errorf("a run with a parked document reports %+v", report)
	}
}

func TestACommitIsFetchedAgainWhileRemovalsAreHeldBack(t *testing.T) {
	f := newFollower(t)
	texts := map[string]string{}
	for i := range 40 {
		name := string(rune('a'+i/26)) + string(rune('a'+i%26)) + ".txt"
		texts[name] = "the number of " + name
		f.Write(name, texts[name])
	}
	f.Commit()
	f.holds("the first run", 1, texts)
	f.Git("rm", "--quiet", "a*")
	f.Commit()
	for range 2 {
		if report := f.holds("a removal that is held back", 1, texts); report.HeldBack != 26 {
			t.Errorf("%d removals were held back", report.HeldBack)
		}
	}
}

// stopping is an index that takes a number of documents.
type stopping struct {
	Index
	left *atomic.Int64
}

func (s stopping) Put(ctx context.Context, row index.Row, chunks []index.Vectored) error {
	if s.left.Add(-1) < 0 {
		return errors.New("the power failed")
	}
	return s.Index.Put(ctx, row, chunks)
}

func TestARunThatWasCutShortLeavesNoRevision(t *testing.T) {
	f := newFollower(t)
	f.Write("a.txt", "apples are red")
	f.Write("b.txt", "bananas are yellow")
	first := f.Commit()
	held := map[string]string{"a.txt": "apples are red", "b.txt": "bananas are yellow"}
	f.holds("the first run", 1, held)
	f.Write("a.txt", "apples are green")
	f.Write("b.txt", "bananas are brown")
	f.Commit()
	left := new(atomic.Int64)
	left.Store(1)
	f.wrap = func(i Index) Index { return stopping{i, left} }
	if _, err := f.attempt(1); err == nil {
		t.Fatal("the run was not cut short")
	}
	f.wrap = nil
	f.Push(first + ":refs/heads/main")
	f.holds("the first commit again", 1, held)
}
