// Package git reads the files of one commit of a remote repository, over HTTP or SSH.
//
// It fetches that commit alone, keeps the pack as it came in a temporary file without a name, and
// reads files from there. Nothing is checked out: no name, link or mode of the repository ever
// reaches the file system.
package git

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/sideband"
)

// Options say what to fetch, and as whom.
type Options struct {
	// URL is https, http or ssh, without a password.
	URL string
	// Ref is a branch, a tag, a full name such as refs/pull/1/head, or the 40 digits of a commit. Empty means the
	// repository's default branch. A branch goes before a tag of the same name.
	Ref string
	// Username and Password are sent to an http server, if Password is not empty.
	Username, Password string
	// PrivateKey is what an ssh server knows the reader by, in PEM; KnownHosts has the server's own keys.
	PrivateKey, KnownHosts string
	// Transport sends the requests to an http server; nil means http.DefaultTransport.
	Transport http.RoundTripper
	// Limits bound what a repository may cost; the zero value means DefaultLimits.
	Limits Limits
}

// The longest times that a server may take: to accept a connection, to send the next byte, and for everything.
const (
	connectTimeout = 30 * time.Second
	stallTimeout   = time.Minute
	fetchTimeout   = 30 * time.Minute
)

// maxRefs bounds the list of references, in bytes; a million of them fit.
const maxRefs = 64 << 20

// connection is a session with a server's git-upload-pack.
type connection interface {
	// refs returns the server's list of references, which the caller closes.
	refs(ctx context.Context) (io.ReadCloser, error)
	// fetch sends a request and returns the reply to it, which the caller closes.
	fetch(ctx context.Context, request []byte) (io.ReadCloser, error)
	// explain returns a better error than that of a reply which ended early, if the server gave one.
	explain(err error) error
	close()
}

// Snapshot is the tree of one commit.
type Snapshot struct {
	// Commit is in hexadecimal.
	Commit string
	pack   *pack
	root   plumbing.Hash
}

// Revision returns the commit that the reference names now, without fetching it.
func Revision(ctx context.Context, o Options) (commit string, err error) {
	err = with(ctx, o, func(_ context.Context, v *visit) error {
		commit = v.target.commit.String()
		return nil
	})
	return commit, err
}

// Fetch fetches the commit that the reference names now.
func Fetch(ctx context.Context, o Options) (s *Snapshot, err error) {
	if o.Limits == (Limits{}) {
		o.Limits = DefaultLimits
	}
	err = with(ctx, o, func(ctx context.Context, v *visit) error {
		s, err = v.fetch(ctx, o.Limits)
		return err
	})
	return s, err
}

var (
	errTooSlow = fmt.Errorf("the server took more than %v; name a smaller repository, or one that is nearer", fetchTimeout)
	errStalled = fmt.Errorf("the server sent nothing for %v", stallTimeout)
)

// visit is a connection whose references have been read.
type visit struct {
	connection
	stalled      *time.Timer
	capabilities *capability.List
	target       target
}

// with connects, finds what the reference names, and ends the connection after use. If the server is too slow, that is
// the error.
func with(ctx context.Context, o Options, use func(context.Context, *visit) error) error {
	ctx, stop := context.WithTimeoutCause(ctx, fetchTimeout, errTooSlow)
	defer stop()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stalled := time.AfterFunc(stallTimeout, func() { cancel(errStalled) })
	defer stalled.Stop()
	err := func() error {
		c, err := connect(ctx, o)
		if err != nil {
			return err
		}
		defer c.close()
		v := &visit{connection: c, stalled: stalled}
		if err := v.readRefs(ctx, o.Ref); err != nil {
			return err
		}
		return use(ctx, v)
	}()
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

func (v *visit) readRefs(ctx context.Context, ref string) error {
	listing, err := v.refs(ctx)
	if err != nil {
		return err
	}
	defer listing.Close()
	refs := packp.NewAdvRefs()
	err = refs.Decode(io.LimitReader(watched{listing, v.stalled}, maxRefs))
	switch {
	case errors.Is(err, packp.ErrEmptyAdvRefs), err == nil && refs.IsEmpty():
		return errors.New("the repository is empty: push a commit")
	case err != nil:
		return v.explain(fmt.Errorf("the server's list of references cannot be read: %w", err))
	}
	v.capabilities = refs.Capabilities
	v.target, err = resolve(refs, ref)
	return err
}

func (v *visit) fetch(ctx context.Context, limits Limits) (*Snapshot, error) {
	request, body, err := v.target.request(v.capabilities, limits)
	if err != nil {
		return nil, err
	}
	reply, err := v.connection.fetch(ctx, body)
	if err != nil {
		return nil, err
	}
	defer reply.Close()
	packed, err := decode(request, readCloser{watched{reply, v.stalled}, reply})
	if err != nil {
		return nil, v.explain(err)
	}
	pack, err := newPack(packed, limits)
	if err != nil {
		return nil, err
	}
	root, err := pack.tree(v.target.commit)
	if err != nil {
		return nil, errors.Join(err, pack.Close())
	}
	return &Snapshot{Commit: v.target.commit.String(), pack: pack, root: root}, nil
}

func connect(ctx context.Context, o Options) (connection, error) {
	u, err := url.Parse(o.URL)
	if err != nil {
		return nil, errors.New("the URL cannot be parsed; write it such as https://host/repository.git")
	}
	switch u.Scheme {
	case "http", "https":
		return newHTTP(u, o), nil
	case "ssh":
		return dialSSH(ctx, u, o)
	}
	return nil, fmt.Errorf("the URL's scheme %q is not https, http or ssh; write git@host:path as ssh://git@host/path",
		u.Scheme)
}

// target is what is fetched.
type target struct {
	want   plumbing.Hash // is asked for: the commit, or the tag that leads to it
	commit plumbing.Hash
}

// resolve finds the commit that a reference names.
func resolve(refs *packp.AdvRefs, ref string) (target, error) {
	if ref == "" {
		if refs.Head == nil {
			return target{}, errors.New("the repository has no default branch: name a branch, tag or commit in ref")
		}
		return target{*refs.Head, *refs.Head}, nil
	}
	for _, prefix := range []string{"refs/heads/", "refs/tags/", ""} {
		if hash, ok := refs.References[prefix+ref]; ok {
			if commit, isTag := refs.Peeled[prefix+ref]; isTag {
				return target{hash, commit}, nil
			}
			return target{hash, hash}, nil
		}
	}
	if !plumbing.IsHash(ref) {
		return target{}, fmt.Errorf("the repository has no branch or tag %q; check ref", ref)
	}
	commit := plumbing.NewHash(ref)
	if gives(refs, commit) {
		return target{commit, commit}, nil
	}
	return target{}, fmt.Errorf("the server gives only branches and tags, and commit %s is at the end of none; "+
		"tag it, or allow uploadpack.allowReachableSHA1InWant at the server", ref)
}

// gives reports whether the server may be asked for a commit by its hash.
func gives(refs *packp.AdvRefs, commit plumbing.Hash) bool {
	for _, hash := range refs.References {
		if hash == commit {
			return true
		}
	}
	return refs.Capabilities.Supports(capability.AllowReachableSHA1InWant)
}

// request asks for the target without its history. The server leaves out files that are too large, if it can.
func (t target) request(server *capability.List, limits Limits) (*packp.UploadPackRequest, []byte, error) {
	r := packp.NewUploadPackRequest()
	for _, c := range []capability.Capability{capability.Sideband64k, capability.OFSDelta, capability.NoProgress} {
		if server.Supports(c) {
			if err := r.Capabilities.Set(c); err != nil {
				return nil, nil, err
			}
		}
	}
	if !server.Supports(capability.Shallow) {
		return nil, nil, errors.New("the server cannot send a commit without its history (capability shallow); use another")
	}
	if err := r.Capabilities.Set(capability.Shallow); err != nil {
		return nil, nil, err
	}
	if server.Supports(capability.Filter) {
		if err := r.Capabilities.Set(capability.Filter); err != nil {
			return nil, nil, err
		}
		r.Filter = packp.FilterBlobLimit(uint64(limits.Object)+1, packp.BlobLimitPrefixNone)
	}
	r.Depth = packp.DepthCommits(1)
	r.Wants = append(r.Wants, t.want)
	var body bytes.Buffer
	if err := r.UploadRequest.Encode(&body); err != nil {
		return nil, nil, err
	}
	err := pktline.NewEncoder(&body).Encodef("done\n")
	return r, body.Bytes(), err
}

// decode returns the pack of a reply.
func decode(request *packp.UploadPackRequest, reply io.ReadCloser) (io.Reader, error) {
	response := packp.NewUploadPackResponse(request)
	if err := response.Decode(reply); err != nil {
		return nil, fmt.Errorf("the server refused to send the commit: %w", err)
	}
	if request.Capabilities.Supports(capability.Sideband64k) {
		return sideband.NewDemuxer(sideband.Sideband64k, response), nil
	}
	return response, nil
}

// watched puts off the timer with each byte that comes.
type watched struct {
	io.Reader
	timer *time.Timer
}

func (w watched) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	if n > 0 {
		w.timer.Reset(stallTimeout)
	}
	return n, err
}

type readCloser struct {
	io.Reader
	io.Closer
}

// untrusted explains the error of a certificate that is not trusted.
func untrusted(err error) error {
	if _, unknown := errors.AsType[x509.UnknownAuthorityError](err); unknown {
		return fmt.Errorf("%w; if the server has a CA of its own, name its certificate in caBundle", err)
	}
	return err
}
