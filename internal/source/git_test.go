package source

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/source/git/gittest"
)

// served is a repository behind an HTTP server that counts the requests for packs.
type served struct {
	*gittest.Repository
	url string

	mu      sync.Mutex
	fetches int
}

func serveRepository(t *testing.T) *served {
	t.Helper()
	s := &served{Repository: gittest.New(t)}
	backend := s.Handler("", "")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/git-upload-pack") {
			s.mu.Lock()
			s.fetches++
			s.mu.Unlock()
		}
		backend.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	s.url = server.URL + "/repo.git"
	return s
}

func openRepository(t *testing.T, c config.Source, r Resolvers) Source {
	t.Helper()
	c.Name = "docs"
	s, err := New(c, r)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// texts reads every listed document; of those that fail it has the reason.
func texts(t *testing.T, s Source) map[string]string {
	t.Helper()
	found, before := map[string]string{}, ""
	for _, e := range list(t, s) {
		if e.Path <= before {
			t.Errorf("listed %s after %s", e.Path, before)
		}
		if before = e.Path; !e.Exact {
			t.Errorf("the version of %s is not exact", e.Path)
		}
		content, err := Read(t.Context(), s, e, 1<<20)
		found[e.Path] = string(content.Data)
		if reason, own := config.ReasonOf(err); own {
			found[e.Path] = string(reason)
		} else if err != nil {
			t.Fatal(err)
		}
	}
	return found
}

func TestARepositoryListsOneCommit(t *testing.T) {
	r := serveRepository(t)
	r.Write("a.md", "a")
	r.Write("a-b/x.md", "x")
	r.Write("a/z.md", "z")
	r.Write(".github/hidden.md", "hidden")
	r.Write("code.go", "package x")
	r.Write("M\xfcller.md", "umlaut")
	r.Commit()
	s := openRepository(t, config.Source{Git: &config.Git{URL: r.url}, Include: []string{"**/*.md"}}, Resolvers{})
	want := map[string]string{"a-b/x.md": "x", "a.md": "a", "a/z.md": "z", "M%FCller.md": "umlaut"}
	if diff := cmp.Diff(want, texts(t, s)); diff != "" {
		t.Errorf("documents (-want +got):\n%s", diff)
	}
	// A run reads documents while others push.
	r.Write("a.md", "changed")
	r.Commit()
	if diff := cmp.Diff(want, texts(t, s)); diff != "" {
		t.Errorf("documents of the same run (-want +got):\n%s", diff)
	}
	if r.fetches != 1 {
		t.Errorf("fetched %d times in a run, want once", r.fetches)
	}
	want["a.md"] = "changed"
	next := openRepository(t, config.Source{Git: &config.Git{URL: r.url}, Include: []string{"**/*.md"}}, Resolvers{})
	if diff := cmp.Diff(want, texts(t, next)); diff != "" {
		t.Errorf("documents of the next run (-want +got):\n%s", diff)
	}
}

// The version is that of the content: a commit that leaves a file as it is, or moves it, leaves its version.
func TestAVersionIsThatOfTheContent(t *testing.T) {
	r := serveRepository(t)
	r.Write("a.md", "same")
	r.Write("b.md", "first")
	r.Commit()
	versions := func() map[string]string {
		found := map[string]string{}
		for _, e := range list(t, openRepository(t, config.Source{Git: &config.Git{URL: r.url}}, Resolvers{})) {
			found[e.Path] = e.Version
		}
		return found
	}
	before := versions()
	r.Write("b.md", "second")
	r.Write("c.md", "same")
	r.Commit()
	after := versions()
	if before["a.md"] != after["a.md"] || after["a.md"] != after["c.md"] || before["b.md"] == after["b.md"] {
		t.Errorf("versions before %v, after %v", before, after)
	}
}

func TestAFolderOfARepository(t *testing.T) {
	r := serveRepository(t)
	r.Write("top.md", "top")
	r.Write("docs/en/a.md", "a")
	r.Write("docs/en/sub/b.md", "b")
	r.Write("docs/de/c.md", "c")
	if err := os.Symlink("../../top.md", filepath.Join(r.Tree, "docs/en/link.md")); err != nil {
		t.Fatal(err)
	}
	r.Commit()
	s := openRepository(t, config.Source{Git: &config.Git{URL: r.url, Path: "docs/en"}}, Resolvers{})
	if diff := cmp.Diff(map[string]string{"a.md": "a", "link.md": "top", "sub/b.md": "b"}, texts(t, s)); diff != "" {
		t.Errorf("documents (-want +got):\n%s", diff)
	}
	for _, folder := range []string{"docs/fr", "top.md", "docs/en/a.md/x"} {
		s := openRepository(t, config.Source{Git: &config.Git{URL: r.url, Path: folder}}, Resolvers{})
		err := s.List(t.Context(), func(Entry) bool { t.Error("yielded"); return true })
		if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("has no folder %q", folder)) {
			t.Errorf("%s: got error %v", folder, err)
		}
	}
}

// Nothing outside of the repository is ever read, and what is not read is not passed over in silence.
func TestLinksSubmodulesAndPointersOfARepository(t *testing.T) {
	r := serveRepository(t)
	r.Write("docs/a.md", "a")
	r.Write("lfs.pdf", "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n")
	for name, target := range map[string]string{
		"file.md": "docs/a.md", "chain.md": "file.md", "dir": "docs", "docs/up": "..",
		"outside.md": "../../etc/hostname", "absolute.md": "/etc/hostname", "dangling.md": "none.md", "loop.md": "loop.md",
	} {
		if err := os.Symlink(target, filepath.Join(r.Tree, name)); err != nil {
			t.Fatal(err)
		}
	}
	r.Git("update-index", "--add", "--cacheinfo", "160000,"+strings.Repeat("12", 20)+",module")
	r.Git("add", "docs", "*.md", "lfs.pdf", "dir")
	r.Git("commit", "--quiet", "--message=m")
	r.Push("HEAD:refs/heads/main")
	s := openRepository(t, config.Source{Git: &config.Git{URL: r.url}}, Resolvers{})
	want := map[string]string{
		"docs/a.md": "a", "file.md": "a", "chain.md": "a",
		"outside.md": "Unreadable", "absolute.md": "Unreadable", "dangling.md": "Unreadable", "loop.md": "Unreadable",
		"lfs.pdf": "Unsupported", "module": "Unsupported",
	}
	if diff := cmp.Diff(want, texts(t, s)); diff != "" {
		t.Errorf("documents (-want +got):\n%s", diff)
	}
	folder := openRepository(t, config.Source{Git: &config.Git{URL: r.url, Path: "docs"}}, Resolvers{})
	if diff := cmp.Diff(map[string]string{"a.md": "a", "up": "Unreadable"}, texts(t, folder)); diff != "" {
		t.Errorf("documents of the folder (-want +got):\n%s", diff)
	}
}

// Ten directories of ten directories of ... are a small repository with ten thousand million files.
func TestATreeBombIsRefused(t *testing.T) {
	r := serveRepository(t)
	id, mode := r.Blob("text"), "100644"
	for range 10 {
		var entries []string
		for i := range 10 {
			entries = append(entries, fmt.Sprintf("%s f%d %s", mode, i, id))
		}
		id, mode = r.RawTree(entries...), "40000"
	}
	r.CommitTree(id)
	s := openRepository(t, config.Source{Git: &config.Git{URL: r.url}}, Resolvers{})
	err := s.List(t.Context(), func(Entry) bool { return true })
	if err == nil || !strings.Contains(err.Error(), "more than 1048576 files") {
		t.Errorf("got error %v, want that there are too many files", err)
	}
}

func TestCredentialsOfARepository(t *testing.T) {
	r := gittest.New(t)
	r.Write("a.md", "a")
	r.Commit()
	server := httptest.NewServer(r.Handler("alice", "hushhush"))
	defer server.Close()
	for name, tt := range map[string]struct {
		secret map[string]string
		want   string
	}{
		"username and password": {map[string]string{"username": "alice", "password": "hushhush"}, ""},
		"a token":               {map[string]string{"username": "alice", "token": "hushhush"}, ""},
		"a wrong one":           {map[string]string{"username": "alice", "password": "wrongwrong"}, "refuses the credentials"},
		"no entry":              {map[string]string{"username": "alice"}, "has no entry password or token"},
		"no Secret":             {nil, "the Secret is not there"},
	} {
		t.Run(name, func(t *testing.T) {
			secrets := func(key config.SecretKey) (string, error) {
				if tt.secret == nil {
					return "", errors.New("the Secret is not there")
				}
				if value, ok := tt.secret[key.Key]; ok && key.Name == "git" {
					return value, nil
				}
				return "", fmt.Errorf("key %s: %w", key.Key, os.ErrNotExist)
			}
			s := openRepository(t, config.Source{Git: &config.Git{URL: server.URL + "/repo.git", Secret: "git"}}, Resolvers{Secret: secrets})
			entries, err := listed(t, s)
			if tt.want == "" {
				if err != nil || len(entries) != 1 {
					t.Errorf("listed %v, %v, want a.md", entries, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "wrongwrong") {
				t.Errorf("got error %v, want %q", err, tt.want)
			}
		})
	}
}

func TestAListingOfARepositoryEndsWithTheContext(t *testing.T) {
	r := serveRepository(t)
	r.Write("a/a.md", "a")
	r.Write("b/b.md", "b")
	r.Write("c/c.md", "c")
	r.Commit()
	s := openRepository(t, config.Source{Git: &config.Git{URL: r.url}}, Resolvers{})
	ctx, cancel := context.WithCancel(t.Context())
	calls := 0
	if err := s.List(ctx, func(Entry) bool { calls++; cancel(); return true }); !errors.Is(err, context.Canceled) || calls != 1 {
		t.Errorf("List = %v after %d calls, want canceled after one", err, calls)
	}
	calls = 0
	if err := s.List(t.Context(), func(Entry) bool { calls++; return false }); err != nil || calls != 1 {
		t.Errorf("List = %v after %d calls, want nil after one", err, calls)
	}
}
