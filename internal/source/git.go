package source

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/source/git"
)

// repository is a folder of one commit of a Git repository. The first listing fetches the commit, and
// everything after it reads that one. A document's version is the ID of its content. The commit is the
// revision, so that a run fetches nothing while it stays the same.
//
//   - A link to a file of the repository is a document with that file's content. A link to a listed
//     directory is skipped: its documents are listed under their own paths. A link that leads out of
//     the repository, or nowhere, is a document that fails as Unreadable, as in a directory.
//   - A submodule, and a file that Git LFS keeps elsewhere, are documents that fail as Unsupported.
//   - A name that is not UTF-8 is written as in a directory.
type repository struct {
	folder  string // within the repository; empty for its root
	globs   globs
	options func() (git.Options, error)

	mu       sync.Mutex
	snapshot *git.Snapshot
}

// The versions of documents that cannot be read begin with what they are.
const (
	versionSubmodule = "submodule "
	versionLink      = "link "
)

func openGit(c config.Git, globs globs, r Resolvers) (Source, error) {
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" {
		return nil, errors.New("git.url cannot be parsed; write it such as https://host/repository.git")
	}
	options := func() (git.Options, error) { return gitOptions(c, u, r) }
	return &repository{folder: c.Path, globs: globs, options: options}, nil
}

// gitOptions reads the credentials and certificates anew.
func gitOptions(c config.Git, u *url.URL, r Resolvers) (git.Options, error) {
	o := git.Options{URL: c.URL, Ref: c.Ref}
	if u.Scheme != "ssh" {
		transport, err := r.transport(c.CABundle, func(host string) bool { return host == u.Hostname() })
		if err != nil {
			return o, err
		}
		o.Transport = transport
	}
	if c.Secret == "" {
		return o, nil
	}
	entries := map[string]string{}
	for _, key := range config.GitEntries {
		value, err := r.Secret(config.SecretKey{Name: c.Secret, Key: key})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return o, err
		}
		entries[key] = value
	}
	o.Username, o.Password = entries[config.GitUsername], cmp.Or(entries[config.GitPassword], entries[config.GitToken])
	o.PrivateKey, o.KnownHosts = entries[config.GitPrivateKey], entries[config.GitKnownHosts]
	if u.Scheme != "ssh" && o.Password == "" {
		return o, fmt.Errorf("secret %q has no entry %s or %s", c.Secret, config.GitPassword, config.GitToken)
	}
	return o, nil
}

// fetched returns the commit, which it fetches the first time.
func (r *repository) fetched(ctx context.Context) (*git.Snapshot, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.snapshot != nil {
		return r.snapshot, nil
	}
	options, err := r.options()
	if err != nil {
		return nil, err
	}
	s, err := git.Fetch(ctx, options)
	if err != nil {
		return nil, fmt.Errorf("repository %s: %w", options.URL, err)
	}
	r.snapshot = s
	return s, nil
}

// Revision implements Revised. The commit is asked for, and not fetched.
func (r *repository) Revision(ctx context.Context) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.snapshot != nil {
		return r.revision(r.snapshot.Commit), nil
	}
	options, err := r.options()
	if err != nil {
		return "", err
	}
	commit, err := git.Revision(ctx, options)
	if err != nil {
		return "", fmt.Errorf("repository %s: %w", options.URL, err)
	}
	return r.revision(commit), nil
}

// revision names what is listed of a commit.
func (r *repository) revision(commit string) string {
	return config.Hash([]any{commit, r.folder, r.globs.include, r.globs.exclude})
}

func (r *repository) List(ctx context.Context, yield func(Entry) bool) error {
	s, err := r.fetched(ctx)
	if err != nil {
		return err
	}
	top := s.Root()
	if r.folder != "" {
		if top, err = s.Lookup(r.folder); err == nil && top.Kind != git.Directory {
			err = git.ErrNotExist
		}
		if errors.Is(err, git.ErrNotExist) {
			return fmt.Errorf("commit %s has no folder %q; check path", s.Commit, r.folder)
		}
		if err != nil {
			return err
		}
	}
	w := treeWalk{repository: r, snapshot: s, yield: yield}
	if err := w.directory(ctx, top, name{}, 0); !errors.Is(err, errStop) {
		return err
	}
	return nil
}

// Open opens the content that the version names.
func (r *repository) Open(ctx context.Context, entry Entry) (io.ReadCloser, error) {
	if commit, ok := strings.CutPrefix(entry.Version, versionSubmodule); ok {
		return nil, config.Failf(config.Unsupported, "it is a submodule at commit %s, and submodules are not read: "+
			"declare its repository as a source of its own, or exclude the path", commit)
	}
	if strings.HasPrefix(entry.Version, versionLink) {
		return nil, config.Failf(config.Unreadable, "it is a link that leads to no file of the repository")
	}
	s, err := r.fetched(ctx)
	if err != nil {
		return nil, err
	}
	content, err := s.Open(entry.Version)
	if err != nil {
		return nil, err
	}
	return withoutPointer(content)
}

// lfsPointer begins a file that stands for one that Git LFS keeps elsewhere:
// https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md.
var lfsPointer = []byte("version https://git-lfs.github.com/spec/v1\n")

func withoutPointer(content io.ReadCloser) (io.ReadCloser, error) {
	r := bufio.NewReader(content)
	if start, _ := r.Peek(len(lfsPointer)); bytes.Equal(start, lfsPointer) {
		content.Close()
		return nil, config.Failf(config.Unsupported, "Git LFS keeps its content elsewhere, where it is not read: "+
			"commit the file itself, fetch it with a container source, or exclude it")
	}
	return struct {
		io.Reader
		io.Closer
	}{r, content}, nil
}

// treeWalk is one listing of a commit.
type treeWalk struct {
	*repository
	snapshot *git.Snapshot
	yield    func(Entry) bool
	visited  int // entries of directories
}

// directory lists a directory; at has its paths, which are empty for the top.
func (w *treeWalk) directory(ctx context.Context, dir git.Entry, at name, depth int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if depth == maxDepth {
		return fmt.Errorf("directories of the repository are nested more than %d deep", maxDepth)
	}
	entries, err := w.snapshot.ReadDir(dir.ID)
	if err != nil {
		return err
	}
	if w.visited += len(entries); w.visited > w.snapshot.MaxFiles() {
		return fmt.Errorf("the repository has more than %d files; keep the documents in a smaller one", w.snapshot.MaxFiles())
	}
	for _, n := range sortedNames(entries, at) {
		e := entries[n.index]
		switch {
		case n.directory && w.globs.descends(n.path):
			err = w.directory(ctx, e, n.name, depth+1)
		case !n.directory && w.globs.admits(n.path):
			err = w.document(e, n.name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// namedEntry is an entry of a tree by its place there, with its paths.
type namedEntry struct {
	name
	index int
}

// sortedNames returns the paths of entries in a directory, in the order of a listing.
func sortedNames(entries []git.Entry, at name) []namedEntry {
	raw := make([]string, len(entries))
	for i, e := range entries {
		raw[i] = e.Name
	}
	named := make([]namedEntry, len(entries))
	for i, written := range writtenNames(raw) {
		named[i] = namedEntry{index: i, name: name{
			path: path.Join(at.path, written), raw: path.Join(at.raw, raw[i]), directory: entries[i].Kind == git.Directory,
		}}
	}
	slices.SortFunc(named, func(a, b namedEntry) int { return cmp.Compare(a.key(), b.key()) })
	return named
}

// document lists what is not a directory.
func (w *treeWalk) document(e git.Entry, n name) error {
	if e.Kind == git.Link {
		to, inFolder, err := w.follow(e, n)
		switch {
		case err != nil:
			return err
		case to.Kind == git.Directory && inFolder:
			return nil
		case to.Kind == git.File && to.ID != "":
			e = to
		}
	}
	entry := Entry{Path: n.path, Version: e.ID, Exact: true}
	switch e.Kind {
	case git.Submodule:
		entry.Version = versionSubmodule + e.ID
	case git.Link:
		entry.Version = versionLink + e.ID
	default:
		var err error
		if entry.Size, err = w.snapshot.Size(e.ID); err != nil {
			return err
		}
	}
	if !w.yield(entry) {
		return errStop
	}
	return nil
}

// maxLinks bounds a chain of links, and maxLink the bytes of one, as Linux does.
const (
	maxLinks = 40
	maxLink  = 4096
)

// follow returns what a link leads to, and whether that is in the folder that is listed. The entry has
// no ID where it leads to nothing in the repository.
func (w *treeWalk) follow(link git.Entry, n name) (to git.Entry, inFolder bool, err error) {
	at := path.Join(w.folder, n.raw)
	for range maxLinks {
		target, err := w.linkText(link.ID)
		if err != nil || path.IsAbs(target) {
			return git.Entry{}, false, err
		}
		if at = path.Join(path.Dir(at), target); at == ".." || strings.HasPrefix(at, "../") {
			return git.Entry{}, false, nil
		}
		if at == "." {
			return w.snapshot.Root(), w.folder == "", nil
		}
		to, err := w.snapshot.Lookup(at)
		switch {
		case errors.Is(err, git.ErrNotExist):
			return git.Entry{}, false, nil
		case err != nil:
			return git.Entry{}, false, err
		case to.Kind != git.Link:
			return to, w.folder == "" || within(at, w.folder), nil
		}
		link = to
	}
	return git.Entry{}, false, nil
}

// linkText returns the path in a link, relative to its directory.
func (w *treeWalk) linkText(id string) (string, error) {
	r, err := w.snapshot.Open(id)
	if err != nil {
		return "", err
	}
	defer r.Close()
	text, err := io.ReadAll(io.LimitReader(r, maxLink))
	return string(text), err
}
