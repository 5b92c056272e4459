package source

import (
	"context"
	"errors"
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
