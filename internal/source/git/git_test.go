package git_test

import (
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/source/git"
	"github.com/ragpipeline/ragpipeline/internal/source/git/gittest"
)

// serve serves a repository over HTTP, and returns its URL.
func serve(t *testing.T, r *gittest.Repository) string {
	t.Helper()
	server := httptest.NewServer(r.Handler("", ""))
	t.Cleanup(server.Close)
	return server.URL + "/repo.git"
}

func fetch(t *testing.T, o git.Options) *git.Snapshot {
	t.Helper()
	s, err := git.Fetch(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// contents returns the files of a snapshot by their paths.
func contents(t *testing.T, s *git.Snapshot) map[string]string {
	t.Helper()
	files := map[string]string{}
	var walk func(at string, dir git.Entry)
	walk = func(at string, dir git.Entry) {
		entries, err := s.ReadDir(dir.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if e.Kind == git.Directory {
				walk(path.Join(at, e.Name), e)
				continue
			}
			r, err := s.Open(e.ID)
			if err != nil {
				t.Fatal(err)
			}
			data, err := io.ReadAll(r)
			if err := errors.Join(err, r.Close()); err != nil {
				t.Fatal(err)
			}
			if size, err := s.Size(e.ID); err != nil || size != int64(len(data)) {
				t.Errorf("%s has %d bytes, but Size says %d (%v)", e.Name, len(data), size, err)
			}
			files[path.Join(at, e.Name)] = string(data)
		}
	}
	walk("", s.Root())
	return files
}

// wantError checks an error's text.
func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("got no error, want one with %q", parts)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("got error %q, want one with %q", err, part)
		}
	}
}

func TestFetchFindsTheReference(t *testing.T) {
	r := gittest.New(t)
	r.Write("a.md", "first")
	first := r.Commit()
	r.Git("tag", "light")
	r.Git("tag", "--annotate", "--message=m", "v1")
	r.Push("refs/tags/light")
	r.Push("refs/tags/v1")
	r.Push("HEAD:refs/heads/main2")
	r.Push("HEAD:refs/pull/1/head")
	r.Write("a.md", "second")
	second := r.Commit()
	r.Push("HEAD:refs/tags/main2") // a branch goes before a tag of the same name

	url := serve(t, r)
	for ref, want := range map[string]string{
		"": second, "main": second, "light": first, "v1": first, "main2": first,
		"refs/heads/main": second, "refs/tags/main2": second, "refs/pull/1/head": first,
		first: first, strings.ToUpper(second): second,
	} {
		t.Run("ref "+ref, func(t *testing.T) {
			s := fetch(t, git.Options{URL: url, Ref: ref})
			text := "first"
			if want == second {
				text = "second"
			}
			if s.Commit != want || contents(t, s)["a.md"] != text {
				t.Errorf("fetched %s with %v, want %s", s.Commit, contents(t, s), want)
			}
			if commit, err := git.Revision(t.Context(), git.Options{URL: url, Ref: ref}); err != nil || commit != want {
				t.Errorf("Revision = %s, %v, want %s", commit, err, want)
			}
		})
	}
	_, err := git.Fetch(t.Context(), git.Options{URL: url, Ref: "v2"})
	wantError(t, err, `no branch or tag "v2"`)
}

func TestACommitThatNoReferenceNames(t *testing.T) {
	r := gittest.New(t)
	r.Write("a.md", "first")
	first := r.Commit()
	r.Write("a.md", "second")
	r.Commit()
	url := serve(t, r)
	_, err := git.Fetch(t.Context(), git.Options{URL: url, Ref: first})
	wantError(t, err, first, "tag it")

	r.Git("-C", r.Bare(), "config", "uploadpack.allowReachableSHA1InWant", "true")
	if s := fetch(t, git.Options{URL: url, Ref: first}); contents(t, s)["a.md"] != "first" {
		t.Error("fetched another commit")
	}
	_, err = git.Fetch(t.Context(), git.Options{URL: url, Ref: strings.Repeat("12", 20)})
	wantError(t, err, "refused to send the commit")
}

// Many versions of similar files make the server send differences between them.
func TestFetchReadsWhatIsSentAsDifferences(t *testing.T) {
	r := gittest.New(t)
	want := map[string]string{"empty.md": "", "dir/sub/one.md": "one"}
	long := strings.Repeat("a line of text that stays as it is\n", 2000)
	for i := range 40 {
		want["dir/"+string(rune('a'+i%26))+strings.Repeat("x", i)+".md"] = long[:i*37] + "changed" + long[i*37:]
	}
	for name, text := range want {
		r.Write(name, text)
	}
	r.Commit()
	r.Git("-C", r.Bare(), "gc", "--quiet", "--aggressive")
	s := fetch(t, git.Options{URL: serve(t, r)})
	if diff := cmp.Diff(want, contents(t, s)); diff != "" {
		t.Errorf("contents (-want +got):\n%s", diff)
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if e, err := s.Lookup(name); err != nil || e.Kind != git.File {
			t.Errorf("Lookup(%s) = %v, %v", name, e, err)
		}
	}
	for _, name := range []string{"none", "dir/none", "empty.md/x", "dir/sub/one.md/x", ""} {
		if _, err := s.Lookup(name); !errors.Is(err, git.ErrNotExist) {
			t.Errorf("Lookup(%s): got %v, want that it does not exist", name, err)
		}
	}
}

func TestHTTPFailures(t *testing.T) {
	r := gittest.New(t)
	r.Write("a.md", "text")
	r.Commit()
	empty := gittest.New(t)
	private := httptest.NewServer(r.Handler("git", "open sesame"))
	t.Cleanup(private.Close)
	secure := httptest.NewTLSServer(r.Handler("", ""))
	t.Cleanup(secure.Close)
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>") }))
	t.Cleanup(page.Close)
	public := serve(t, r)
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	moved := httptest.NewServer(http.RedirectHandler(public, http.StatusFound))
	t.Cleanup(moved.Close)

	tests := map[string]struct {
		options git.Options
		want    []string
	}{
		"not found":             {git.Options{URL: strings.Replace(public, "repo", "other", 1)}, []string{"does not exist", "404"}},
		"empty":                 {git.Options{URL: serve(t, empty)}, []string{"repository is empty"}},
		"credentials missing":   {git.Options{URL: private.URL + "/repo.git"}, []string{"asks for credentials", "secretRef"}},
		"credentials wrong":     {git.Options{URL: private.URL + "/repo.git", Password: "hushhush"}, []string{"refuses the credentials", "401"}},
		"certificate untrusted": {git.Options{URL: secure.URL + "/repo.git"}, []string{"unknown authority", "caBundle"}},
		"not a repository":      {git.Options{URL: page.URL}, []string{"no Git repository"}},
		"host down":             {git.Options{URL: gone.URL}, []string{"connection refused"}},
		"unknown host":          {git.Options{URL: "https://no-such-host.invalid/r"}, []string{"no-such-host.invalid"}},
		"moved":                 {git.Options{URL: moved.URL, Password: "hushhush"}, []string{"moved to " + strings.TrimSuffix(public, "/repo.git")}},
		"another protocol":      {git.Options{URL: "git://host/r"}, []string{`"git"`, "ssh://git@host/path"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := git.Fetch(t.Context(), tt.options)
			wantError(t, err, tt.want...)
			if strings.Contains(err.Error(), "hushhush") {
				t.Errorf("the error shows the password: %v", err)
			}
		})
	}
	t.Run("and with the right ones", func(t *testing.T) {
		fetch(t, git.Options{URL: private.URL + "/repo.git", Password: "open sesame"})
		fetch(t, git.Options{URL: secure.URL + "/repo.git/", Transport: secure.Client().Transport})
	})
}

// A server that moves the repository within itself is followed; the password goes to no other host.
func TestRedirectsWithinTheServerAreFollowed(t *testing.T) {
	r := gittest.New(t)
	r.Write("a.md", "text")
	r.Commit()
	backend := r.Handler("git", "open sesame")
	mux := http.NewServeMux()
	mux.Handle("/repo.git/", backend)
	mux.HandleFunc("/old/", func(w http.ResponseWriter, q *http.Request) {
		http.Redirect(w, q, "/repo.git"+strings.TrimPrefix(q.URL.Path, "/old")+"?"+q.URL.RawQuery, http.StatusMovedPermanently)
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	fetch(t, git.Options{URL: server.URL + "/old", Password: "open sesame"})
}

// A server that accepts and sends nothing is waited for only as long as the caller's context lasts.
func TestFetchEndsWithTheContext(t *testing.T) {
	key := gittest.ServeSSH(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	accepted := make(chan struct{}, 2)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
			accepted <- struct{}{}
		}
	}()
	for _, scheme := range []string{"http", "ssh"} {
		ctx, cancel := context.WithCancel(t.Context())
		go func() { <-accepted; cancel() }()
		_, err := git.Fetch(ctx, git.Options{URL: scheme + "://" + listener.Addr().String() + "/r",
			PrivateKey: key.PrivateKey, KnownHosts: key.KnownHosts})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got %v, want canceled", scheme, err)
		}
	}
	ctx, cancel := context.WithDeadline(t.Context(), time.Now())
	defer cancel()
	if _, err := git.Fetch(ctx, git.Options{URL: "http://127.0.0.1:1"}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want that the deadline is exceeded", err)
	}
}

func TestSSH(t *testing.T) {
	server := gittest.ServeSSH(t)
	r := gittest.New(t)
	r.Write("a.md", "text")
	commit := r.Commit()
	good := git.Options{URL: server.URL(r), PrivateKey: server.PrivateKey, KnownHosts: server.KnownHosts}

	if s := fetch(t, good); s.Commit != commit || contents(t, s)["a.md"] != "text" {
		t.Errorf("fetched %s with %v, want %s", s.Commit, contents(t, s), commit)
	}
	if revision, err := git.Revision(t.Context(), good); err != nil || revision != commit {
		t.Errorf("Revision = %s, %v, want %s", revision, err, commit)
	}
	other := gittest.ServeSSH(t) // another host, with keys of its own
	host := strings.Fields(server.KnownHosts)[0]
	tests := map[string]struct {
		change func(o *git.Options)
		want   []string
	}{
		"without a key":          {func(o *git.Options) { o.PrivateKey = "" }, []string{"ssh-privatekey", "known_hosts", "secretRef"}},
		"without known hosts":    {func(o *git.Options) { o.KnownHosts = "" }, []string{"ssh-privatekey", "known_hosts", "secretRef"}},
		"a key with passphrase":  {func(o *git.Options) { o.PrivateKey = server.Locked(t) }, []string{"has a passphrase"}},
		"not a key":              {func(o *git.Options) { o.PrivateKey = "hushhush" }, []string{"cannot be parsed"}},
		"a key that is refused":  {func(o *git.Options) { o.PrivateKey = other.PrivateKey }, []string{"refuses the ssh-privatekey", "deploy keys"}},
		"a host that is unknown": {func(o *git.Options) { o.KnownHosts = other.KnownHosts }, []string{"no key of the host", "SHA256:", "ssh-keyscan"}},
		"a host with another key": {func(o *git.Options) {
			_, key, _ := strings.Cut(other.KnownHosts, " ")
			o.KnownHosts = host + " " + key
		}, []string{"another than known_hosts has", "SHA256:"}},
		"known hosts that are not": {func(o *git.Options) { o.KnownHosts = "hushhush" }, []string{"known_hosts cannot be parsed"}},
		"no repository":            {func(o *git.Options) { o.URL += "x" }, []string{"does not appear to be a git repository"}},
		"host down":                {func(o *git.Options) { o.URL = "ssh://git@127.0.0.1:1/r" }, []string{"connection refused"}},
		"unknown reference":        {func(o *git.Options) { o.Ref = "none" }, []string{`no branch or tag "none"`}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			o := good
			tt.change(&o)
			_, err := git.Fetch(t.Context(), o)
			wantError(t, err, tt.want...)
			if strings.Contains(err.Error(), "hushhush") {
				t.Errorf("the error shows a key: %v", err)
			}
		})
	}
}
