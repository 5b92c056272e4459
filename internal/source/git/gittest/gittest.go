// Package gittest serves real Git repositories to tests, over HTTP and SSH.
package gittest

import (
	"fmt"
	"net/http"
	"net/http/cgi"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// need returns the path of a program. Without it, the test is skipped, or fails if RAGPIPELINE_COMPAT=require.
func need(t testing.TB, names ...string) string {
	t.Helper()
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("RAGPIPELINE_COMPAT") == "require" {
		t.Fatalf("%s is not installed, and RAGPIPELINE_COMPAT=require", names[0])
	}
	t.Skipf("%s is not installed: install Debian's git and openssh-server", names[0])
	return ""
}

// Repository is a bare repository, and a directory from which it is filled.
type Repository struct {
	t    testing.TB
	Root string // directory of the bare repository; its name is repo.git
	Tree string // is committed by Commit
}

// New makes an empty repository, whose branch is main.
func New(t testing.TB) *Repository {
	t.Helper()
	need(t, "git")
	r := &Repository{t: t, Root: t.TempDir(), Tree: t.TempDir()}
	r.Git("init", "--quiet", "--bare", "--initial-branch=main", r.Bare())
	r.Git("init", "--quiet", "--initial-branch=main", r.Tree)
	return r
}

// Bare is the path of the bare repository.
func (r *Repository) Bare() string { return filepath.Join(r.Root, "repo.git") }

// Git runs git in the tree, and returns what it prints.
func (r *Repository) Git(args ...string) string {
	r.t.Helper()
	return r.GitIn("", args...)
}

// GitIn does so with a standard input.
func (r *Repository) GitIn(stdin string, args ...string) string {
	r.t.Helper()
	cmd := exec.CommandContext(r.t.Context(), "git", args...)
	cmd.Dir, cmd.Stdin = r.Tree, strings.NewReader(stdin)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.org", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.org")
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.t.Fatalf("git %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// Write writes a file of the tree.
func (r *Repository) Write(name, content string) {
	r.t.Helper()
	path := filepath.Join(r.Tree, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// Commit commits the tree and pushes it to the branch main, and returns the commit.
func (r *Repository) Commit() string {
	r.t.Helper()
	r.Git("add", "--all", "--force")
	r.Git("commit", "--quiet", "--allow-empty", "--message=change")
	r.Push("HEAD:refs/heads/main")
	return r.Git("rev-parse", "HEAD")
}

// CommitTree makes a commit of a tree that the repository has, pushes it to the branch main, and returns the commit.
func (r *Repository) CommitTree(tree string) string {
	r.t.Helper()
	commit := r.Git("commit-tree", "-m", "change", tree)
	r.Push(commit + ":refs/heads/main")
	return commit
}

// Push pushes a refspec.
func (r *Repository) Push(refspec string) {
	r.t.Helper()
	r.Git("push", "--quiet", "--force", r.Bare(), refspec)
}

// RawTree stores a tree of entries that git itself would refuse to make, and returns its ID. Each entry is
// "<mode> <name> <hash>".
func (r *Repository) RawTree(entries ...string) string {
	r.t.Helper()
	var raw strings.Builder
	for _, e := range entries {
		var mode, id string
		mode, rest, _ := strings.Cut(e, " ")
		cut := strings.LastIndex(rest, " ")
		id = rest[cut+1:]
		raw.WriteString(mode + " " + rest[:cut] + "\x00")
		for i := 0; i < len(id); i += 2 {
			var b byte
			if _, err := fmt.Sscanf(id[i:i+2], "%02x", &b); err != nil {
				r.t.Fatal(err)
			}
			raw.WriteByte(b)
		}
	}
	return r.GitIn(raw.String(), "hash-object", "-t", "tree", "-w", "--literally", "--stdin")
}

// Blob stores a content, and returns its ID.
func (r *Repository) Blob(content string) string {
	r.t.Helper()
	return r.GitIn(content, "hash-object", "-w", "--stdin")
}

// Handler serves the repository over HTTP at /repo.git. If the password is not empty, it asks for it.
func (r *Repository) Handler(username, password string) http.Handler {
	r.t.Helper()
	backend := &cgi.Handler{
		Path: filepath.Join(r.Git("--exec-path"), "git-http-backend"),
		Env:  []string{"GIT_PROJECT_ROOT=" + r.Root, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_GLOBAL=/dev/null"},
	}
	if os.Getuid() == 0 { // the backend refuses repositories of another user
		backend.Env = append(backend.Env, "HOME="+r.Root)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		user, pass, _ := request.BasicAuth()
		if password != "" && (user != username || pass != password) {
			w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		backend.ServeHTTP(w, request)
	})
}
