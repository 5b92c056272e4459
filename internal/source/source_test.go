package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

func TestNewRefuses(t *testing.T) {
	maps := func(name string) (map[string][]byte, error) { return nil, fmt.Errorf("no ConfigMap %q", name) }
	tests := map[string]struct {
		source config.Source
		maps   func(string) (map[string][]byte, error)
		want   string
	}{
		"no place":            {config.Source{}, maps, "exactly one of"},
		"two places":          {config.Source{Directory: &config.Directory{}, ConfigMap: &config.ConfigMap{}}, maps, "exactly one of"},
		"a missing ConfigMap": {config.Source{ConfigMap: &config.ConfigMap{Name: "gone"}}, maps, `"gone"`},
		"a ConfigMap where there are none": {config.Source{ConfigMap: &config.ConfigMap{Name: "gone"}}, nil,
			"is not mounted"},
		"a bad glob": {config.Source{Directory: &config.Directory{}, Include: []string{"["}}, maps, `include: "["`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tt.source.Name = "papers"
			_, err := New(tt.source, Resolvers{ConfigMap: tt.maps})
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), `source "papers"`) {
				t.Errorf("got error %v, want one that names the source and says %q", err, tt.want)
			}
		})
	}
}

func TestConfigMap(t *testing.T) {
	maps := func(string) (map[string][]byte, error) {
		return map[string][]byte{"b.md": []byte("bee"), "a.md": []byte("a"), "c.txt": nil}, nil
	}
	s, err := New(config.Source{ConfigMap: &config.ConfigMap{Name: "m"}, Include: []string{"*.md"}}, Resolvers{ConfigMap: maps})
	if err != nil {
		t.Fatal(err)
	}
	entries := list(t, s)
	if diff := cmp.Diff([]string{"a.md", "b.md"}, paths(entries)); diff != "" {
		t.Errorf("listing (-want +got):\n%s", diff)
	}
	data, err := Read(t.Context(), s, entries[1], 3)
	if err != nil || string(data.Data) != "bee" {
		t.Errorf("Read = %q, %v, want bee", data.Data, err)
	}
	_, err = Read(t.Context(), s, Entry{Path: "gone"}, 3)
	wantReason(t, err, config.Unreadable)
}

func TestDirectoryListsInOrderOfPath(t *testing.T) {
	dir := tree(t, "b.txt", "a/z.md", "a.md", "a-b/x.md", "a/b/c.md", "Z", ".git/config", ".env", "é.md", "lost+found/x", "a/lost+found/y")
	s := open(t, dir)
	got := paths(list(t, s))
	want := []string{"Z", "a-b/x.md", "a.md", "a/b/c.md", "a/lost+found/y", "a/z.md", "b.txt", "é.md"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("listing (-want +got):\n%s", diff)
	}
	if !slices.IsSorted(got) {
		t.Error("not in byte order")
	}
}

func TestDirectoryStopsWhenToldTo(t *testing.T) {
	s := open(t, tree(t, "a/1", "a/2", "b/3"))
	calls := 0
	if err := s.List(t.Context(), func(Entry) bool { calls++; return false }); err != nil || calls != 1 {
		t.Errorf("List = %v after %d calls, want nil after one", err, calls)
	}
}

func TestDirectoryStopsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := open(t, tree(t, "a", "b", "c"))
	calls := 0
	err := s.List(ctx, func(Entry) bool { calls++; cancel(); return true })
	if !errors.Is(err, context.Canceled) || calls != 1 {
		t.Errorf("List = %v after %d calls, want canceled after one", err, calls)
	}
}

// The kubelet writes a ConfigMap into a directory of that moment's name and points ..data at it;
// what one sees are links through ..data. An entry with a path of several segments is a link to a
// directory.
func TestDirectoryReadsAMountedConfigMap(t *testing.T) {
	dir := tree(t, "..2024_01_02/guide.md", "..2024_01_02/deep/er/notes.md", "..2024_01_02/.hidden")
	link(t, "..2024_01_02", filepath.Join(dir, "..data"))
	for _, name := range []string{"guide.md", "deep", ".hidden"} {
		link(t, "..data/"+name, filepath.Join(dir, name))
	}
	s := open(t, dir)
	entries := list(t, s)
	if diff := cmp.Diff([]string{"deep/er/notes.md", "guide.md"}, paths(entries)); diff != "" {
		t.Errorf("listing (-want +got):\n%s", diff)
	}
	for _, e := range entries {
		if data, err := Read(t.Context(), s, e, 100); err != nil || string(data.Data) != "x" {
			t.Errorf("Read(%s) = %q, %v", e.Path, data.Data, err)
		}
	}
}

func TestDirectoryLinks(t *testing.T) {
	outside := tree(t, "secret.md")
	dir := tree(t, "docs/a.md")
	link(t, "docs/a.md", filepath.Join(dir, "inside.md"))
	link(t, "docs", filepath.Join(dir, "latest"))
	link(t, "..", filepath.Join(dir, "docs/up"))
	link(t, filepath.Join(outside, "secret.md"), filepath.Join(dir, "absolute.md"))
	link(t, "../"+filepath.Base(outside)+"/secret.md", filepath.Join(dir, "relative.md"))
	link(t, outside, filepath.Join(dir, "elsewhere"))
	link(t, "nowhere", filepath.Join(dir, "dangling.md"))
	link(t, "loop.md", filepath.Join(dir, "loop.md"))

	s, err := New(config.Source{Directory: &config.Directory{Path: dir}, Include: []string{"**/*.md"}}, Resolvers{})
	if err != nil {
		t.Fatal(err)
	}
	readable, failing := []string{}, []string{}
	for _, e := range list(t, s) {
		if _, err := Read(t.Context(), s, e, 100); err != nil {
			wantReason(t, err, config.Unreadable)
			failing = append(failing, e.Path)
		} else {
			readable = append(readable, e.Path)
		}
	}
	if diff := cmp.Diff([]string{"docs/a.md", "inside.md"}, readable); diff != "" {
		t.Errorf("readable (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"absolute.md", "dangling.md", "loop.md", "relative.md"}, failing); diff != "" {
		t.Errorf("failing (-want +got):\n%s", diff)
	}
}

func TestDirectoryItselfMayBeALink(t *testing.T) {
	dir := tree(t, "a.md")
	alias := filepath.Join(t.TempDir(), "docs")
	link(t, dir, alias)
	if got := paths(list(t, open(t, alias))); len(got) != 1 {
		t.Errorf("listed %v, want a.md", got)
	}
}

func TestDirectorySkipsWhatIsNoFile(t *testing.T) {
	dir := tree(t, "a.md")
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe.md"), 0o600); err != nil {
		t.Fatal(err)
	}
	link(t, "pipe.md", filepath.Join(dir, "link.md"))
	s := open(t, dir)
	if diff := cmp.Diff([]string{"a.md"}, paths(list(t, s))); diff != "" {
		t.Errorf("listing (-want +got):\n%s", diff)
	}
	// A pipe that took the place of a listed file must not be waited for.
	_, err := Read(t.Context(), s, Entry{Path: "pipe.md"}, 100)
	wantReason(t, err, config.Unreadable)
}

func TestDirectoryThatIsNotThere(t *testing.T) {
	dir := tree(t, "a.md")
	for name, want := range map[string]string{"gone": "does not exist", "a.md": "not a directory"} {
		s := open(t, filepath.Join(dir, name))
		err := s.List(t.Context(), func(Entry) bool { t.Error("yielded"); return true })
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("List of %s: got error %v, want %q", name, err, want)
		}
	}
}

func TestEmptyDirectoryIsNoError(t *testing.T) {
	if got := list(t, open(t, t.TempDir())); len(got) != 0 {
		t.Errorf("listed %v", got)
	}
}

func TestDirectoryWithUnreadablePartsIsListedInPart(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may read everything")
	}
	dir := tree(t, "a.md", "locked/b.md", "z.md", "unreadable.md")
	for _, name := range []string{"locked", "unreadable.md"} {
		if err := os.Chmod(filepath.Join(dir, name), 0); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		if err := os.Chmod(filepath.Join(dir, "locked"), 0o700); err != nil {
			t.Error(err)
		}
	})

	s := open(t, dir)
	entries, err := listed(t, s)
	if err == nil || !strings.Contains(err.Error(), "locked") {
		t.Errorf("got error %v, want one that names the directory", err)
	}
	if diff := cmp.Diff([]string{"a.md", "unreadable.md", "z.md"}, paths(entries)); diff != "" {
		t.Errorf("listing (-want +got):\n%s", diff)
	}
	_, err = Read(t.Context(), s, entries[1], 100)
	wantReason(t, err, config.Unreadable)

	excluding, err := New(config.Source{Directory: &config.Directory{Path: dir}, Exclude: []string{"locked/**"}}, Resolvers{})
	if err != nil {
		t.Fatal(err)
	}
	list(t, excluding) // no error: it is not opened
}

// What a directory holds is listed once: under its own path, or else under the first link that leads to it.
func TestDirectoriesAreListedOnce(t *testing.T) {
	siblings := []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"}
	var files []string
	for _, name := range siblings {
		files = append(files, name+"/"+name+".md")
	}
	dir := tree(t, append(files, "z/real/deep/x.md", ".hidden/y.md", ".hidden/sub/z.md")...)
	for _, from := range siblings {
		for _, to := range siblings {
			link(t, "../"+to, filepath.Join(dir, from, "to-"+to))
		}
	}
	link(t, "z/real", filepath.Join(dir, "alias"))
	link(t, ".hidden", filepath.Join(dir, "shown"))
	link(t, ".hidden", filepath.Join(dir, "shown2"))
	link(t, ".hidden/sub", filepath.Join(dir, "sub"))
	want := append(slices.Clone(files), "shown/sub/z.md", "shown/y.md", "z/real/deep/x.md")
	for range 2 {
		if diff := cmp.Diff(want, paths(list(t, open(t, dir)))); diff != "" {
			t.Errorf("listing (-want +got):\n%s", diff)
		}
	}
	only, err := New(config.Source{Directory: &config.Directory{Path: dir}, Include: []string{"alias/**"}}, Resolvers{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"alias/deep/x.md"}, paths(list(t, only))); diff != "" {
		t.Errorf("listing of a link alone (-want +got):\n%s", diff)
	}
}

func TestNamesThatAreNotUTF8(t *testing.T) {
	dir := tree(t, "M\xf6ller.md", "M\xfcller.md", "M%F6ller.md", "Mz.md", "100%\xff.md", "100%.md", "dir\xff/\xe9/b.md")
	for _, path := range []string{"M\xf6ller.md", "M\xfcller.md", "dir\xff/\xe9/b.md", "M%F6ller.md", "100%\xff.md"} {
		replace(t, filepath.Join(dir, path), path)
	}
	s := open(t, dir)
	entries := list(t, s)
	texts := map[string]string{
		"%%M%F6ller.md": "M\xf6ller.md", "100%25%FF.md": "100%\xff.md", "100%.md": "x", "M%F6ller.md": "M%F6ller.md",
		"M%FCller.md": "M\xfcller.md", "Mz.md": "x", "dir%FF/%E9/b.md": "dir\xff/\xe9/b.md",
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(texts)), paths(entries)); diff != "" {
		t.Fatalf("listing (-want +got):\n%s", diff)
	}
	for _, e := range entries {
		if data, err := Read(t.Context(), s, e, 100); err != nil || string(data.Data) != texts[e.Path] {
			t.Errorf("Read(%s) = %q, %v, want %q", e.Path, data.Data, err, texts[e.Path])
		}
	}
	_, err := Read(t.Context(), s, Entry{Path: "dir%FF/%EA/gone.md"}, 100)
	wantReason(t, err, config.Unreadable)
}

func TestReadIsBounded(t *testing.T) {
	dir := tree(t)
	path := filepath.Join(dir, "big")
	if err := os.WriteFile(path, []byte("0123456789"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := open(t, dir)
	if c, err := Read(t.Context(), s, Entry{Path: "big", Size: 10}, 10); err != nil || len(c.Data) != 10 {
		t.Errorf("Read at the limit = %d bytes, %v", len(c.Data), err)
	}
	_, err := Read(t.Context(), s, Entry{Path: "big", Size: 3}, 9)
	wantReason(t, err, config.TooLarge) // it grew since it was listed

	_, err = Read(t.Context(), unopenable{t}, Entry{Path: "huge", Size: 500 << 20}, 64<<20)
	wantReason(t, err, config.TooLarge) // and what is listed as too large is not even opened
}

func TestReadSeesChanges(t *testing.T) {
	tests := map[string]struct {
		change func(t *testing.T, path string, attempt int)
		want   config.Reason
		data   string
	}{
		"one that is appended to without pause": {
			change: func(t *testing.T, path string, attempt int) { appendTo(t, path) },
			want:   config.Changed,
		},
		"one that is replaced once": {
			change: func(t *testing.T, path string, attempt int) {
				if attempt == 1 {
					replace(t, path, "second")
				}
			},
			data: "second",
		},
		"one that is truncated once": {
			change: func(t *testing.T, path string, attempt int) {
				if attempt == 1 {
					if err := os.Truncate(path, 1); err != nil {
						t.Fatal(err)
					}
				}
			},
			data: "f",
		},
		"one that is deleted": {
			change: func(t *testing.T, path string, attempt int) { os.Remove(path) },
			want:   config.Unreadable,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "doc")
			replace(t, path, "first")
			s := &changing{Source: open(t, dir), change: func(attempt int) { tt.change(t, path, attempt) }}
			data, err := Read(t.Context(), s, Entry{Path: "doc", Size: 5}, 1000)
			if tt.want != "" {
				wantReason(t, err, tt.want)
				return
			}
			if err != nil || string(data.Data) != tt.data {
				t.Errorf("Read = %q, %v, want %q", data.Data, err, tt.data)
			}
		})
	}
}

func TestReadStopsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := open(t, tree(t, "a"))
	if _, err := Read(ctx, s, Entry{Path: "a", Size: 1}, 10); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want canceled", err)
	}
}

// changing changes the document after its bytes were read and before their end was.
type changing struct {
	Source
	change  func(attempt int)
	attempt int
}

func (c *changing) Open(ctx context.Context, e Entry) (io.ReadCloser, error) {
	r, err := c.Source.Open(ctx, e)
	if err != nil {
		return nil, err
	}
	c.attempt++
	return struct {
		io.Reader
		io.Closer
	}{&once{Reader: r, do: func() { c.change(c.attempt) }}, r}, nil
}

type once struct {
	io.Reader
	do func()
}

func (o *once) Read(p []byte) (int, error) {
	n, err := o.Reader.Read(p[:min(len(p), 5)])
	if o.do != nil {
		o.do()
		o.do = nil
	}
	return n, err
}

type unopenable struct{ t *testing.T }

func (u unopenable) List(context.Context, func(Entry) bool) error { return nil }
func (u unopenable) Open(context.Context, Entry) (io.ReadCloser, error) {
	u.t.Error("opened")
	return io.NopCloser(bytes.NewReader(nil)), nil
}

// tree makes a directory with the given files, each holding "x".
func tree(t *testing.T, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, f := range files {
		path := filepath.Join(dir, f)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
			t.Skipf("this file system takes no such name: %v", err)
		}
	}
	return dir
}

func link(t *testing.T, target, name string) {
	t.Helper()
	if err := os.Symlink(target, name); err != nil {
		t.Fatal(err)
	}
}

// replace puts a new file in the place of path, as an editor does.
func replace(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

func appendTo(t *testing.T, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString("more"); err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, dir string) Source {
	t.Helper()
	s, err := New(config.Source{Name: "s", Directory: &config.Directory{Path: dir}}, Resolvers{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func listed(t *testing.T, s Source) ([]Entry, error) {
	t.Helper()
	var entries []Entry
	err := s.List(t.Context(), func(e Entry) bool { entries = append(entries, e); return true })
	return entries, err
}

func list(t *testing.T, s Source) []Entry {
	t.Helper()
	entries, err := listed(t, s)
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

func paths(entries []Entry) []string {
	var p []string
	for _, e := range entries {
		p = append(p, e.Path)
	}
	return p
}

func wantReason(t *testing.T, err error, want config.Reason) {
	t.Helper()
	if got, ok := config.ReasonOf(err); !ok || got != want {
		t.Errorf("got error %v, want reason %s", err, want)
	}
}

// Of a directory whose program has failed nothing is listed, since a file may be half written, and
// nothing may be concluded.
func TestADirectoryWhoseProgramFailedIsNotListed(t *testing.T) {
	dir := tree(t, "a.md")
	exit := filepath.Join(t.TempDir(), "exit.json")
	s, err := New(config.Source{Name: "x", Directory: &config.Directory{Path: dir, Exit: exit}}, Resolvers{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range [][2]string{
		{"", "no word"},
		{"{", "the word"},
		{`{"code":1}`, "exit code 1"},
		{`{"code":127,"error":"no such file"}`, "cannot be started: no such file"},
		{`{"code":0}`, ""},
	} {
		text, want := c[0], c[1]
		if text != "" {
			replace(t, exit, text)
		}
		entries, err := listed(t, s)
		if want == "" {
			if err != nil || len(entries) != 1 {
				t.Errorf("%s: listed %v, %v, want a.md", text, entries, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), want) || len(entries) != 0 {
			t.Errorf("%s: listed %v, %v, want nothing and %q", text, entries, err, want)
		}
	}
}
