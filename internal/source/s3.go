package source

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// bucket is a bucket of an S3 store, or a folder of it.
//
//   - An object's path is its key without the folder. The empty objects with which tools mark folders, whose keys end
//     in a slash, are not documents.
//   - Its version is its ETag with the time of its last change: a change of its metadata alone leaves the ETag.
//   - A store that answers in another order than S3's lists incompletely: the listing could have no end.
type bucket struct {
	client *minio.Core
	pages  *bounded
	config config.S3
	folder string // is the prefix with a slash at its end, or empty
	globs  globs
}

const (
	amazon = "https://s3.amazonaws.com"
	// s3Attempts is how often a request is tried, with pauses that grow from 0.2 s.
	s3Attempts = 4
	// s3Page bounds an answer that is not an object: a thousand keys of a kilobyte each, escaped.
	s3Page = 16 << 20
	// s3Object bounds an object, above what any document may have.
	s3Object = 256 << 20
	// maxObjects bounds a listing, which could have no end, and takes some 100 bytes of disk for each document.
	maxObjects = 5_000_000
	// maxEmptyPages bounds the pages in a row that list no object. A store has some where objects were deleted.
	maxEmptyPages = 1000
)

// s3Root is how many bytes a listing has at most before its root element's name.
const s3Root = 1024

var (
	errNoEnd = errors.New("it answers with page after page that lists no object")
	// errNoListing is that of another document, which the client would take for an empty listing.
	errNoListing = errors.New("it answers with something other than a listing, such as the page of a proxy")
)

func openS3(c config.S3, globs globs, r Resolvers) (Source, error) {
	if c.Endpoint == "" {
		c.Endpoint = amazon
	}
	endpoint, err := url.Parse(c.Endpoint)
	if err != nil || endpoint.Host == "" {
		return nil, fmt.Errorf("s3.endpoint %q is not a URL", c.Endpoint)
	}
	// The manifest names the endpoint, and the bucket may be a part of the host's name.
	host := strings.TrimPrefix(endpoint.Hostname(), "s3.")
	transport, err := r.transport(c.CABundle, func(h string) bool {
		return h == endpoint.Hostname() || strings.HasSuffix(h, "."+host)
	})
	if err != nil {
		return broken{err}, nil //nolint:nilerr // its List returns it
	}
	lookup := minio.BucketLookupAuto
	if c.PathStyle != nil {
		lookup = minio.BucketLookupDNS
		if *c.PathStyle {
			lookup = minio.BucketLookupPath
		}
	}
	pages := &bounded{next: transport}
	client, err := minio.NewCore(endpoint.Host, &minio.Options{
		Creds:        r.s3Credentials(c.Secret),
		Secure:       endpoint.Scheme == "https",
		Transport:    pages,
		Region:       c.Region,
		BucketLookup: lookup,
		MaxRetries:   s3Attempts,
	})
	if err != nil {
		return nil, fmt.Errorf("s3: %w", err)
	}
	b := &bucket{client: client, pages: pages, config: c, globs: globs}
	if c.Prefix != "" {
		b.folder = c.Prefix + "/"
	}
	return b, nil
}

// bounded bounds every answer, which the client may read to its end before it looks at it, and the pages of a listing
// since the last object in one.
type bounded struct {
	next  http.RoundTripper
	empty atomic.Int64
}

// RoundTrip implements http.RoundTripper.
func (b *bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	lists := r.URL.Query().Has("list-type")
	if lists && b.empty.Add(1) > maxEmptyPages {
		return nil, errNoEnd
	}
	response, err := b.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	limit := int64(s3Object)
	if r.URL.RawQuery != "" || response.StatusCode != http.StatusOK {
		limit = s3Page
	}
	response.Body = endsAfter(maxPageTime, http.MaxBytesReader(nil, response.Body, limit))
	if lists && response.StatusCode == http.StatusOK {
		body := bufio.NewReader(response.Body)
		start, err := body.Peek(s3Root)
		if !bytes.Contains(start, []byte("<ListBucketResult")) && (err == nil || errors.Is(err, io.EOF)) && len(start) > 0 {
			response.Body.Close()
			return nil, errNoListing
		}
		response.Body = struct {
			io.Reader
			io.Closer
		}{body, response.Body}
	}
	return response, nil
}

// timed is a body that is closed when its time is up.
type timed struct {
	io.ReadCloser
	limit time.Duration
	up    *atomic.Bool
	end   *time.Timer
}

func endsAfter(d time.Duration, body io.ReadCloser) timed {
	up := new(atomic.Bool)
	return timed{body, d, up, time.AfterFunc(d, func() {
		up.Store(true)
		_ = body.Close()
	})}
}

// Read implements io.Reader.
func (t timed) Read(p []byte) (int, error) {
	n, err := t.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) && t.up.Load() {
		err = fmt.Errorf("the store did not send the whole of it within %s", t.limit)
	}
	return n, err
}

// Close implements io.Closer.
func (t timed) Close() error {
	t.end.Stop()
	return t.ReadCloser.Close()
}

// CloseIdleConnections implements the method that http.Client.CloseIdleConnections looks for.
func (b *bounded) CloseIdleConnections() { (&http.Client{Transport: b.next}).CloseIdleConnections() }

func (b *bucket) List(ctx context.Context, yield func(Entry) bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	b.pages.empty.Store(0)
	last, objects := "", 0
	options := minio.ListObjectsOptions{Prefix: b.folder, Recursive: true}
	for o := range b.client.ListObjectsIter(ctx, b.config.Bucket, options) {
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case o.Err != nil:
			return b.explain("listed", o.Err)
		case last != "" && o.Key <= last:
			return fmt.Errorf("bucket %q lists %q after %q: only stores that list in the order of their keys are read",
				b.config.Bucket, o.Key, last)
		}
		if objects++; objects > maxObjects {
			return fmt.Errorf("bucket %q lists more than %d objects: name folders of it by s3.prefix, each as a source",
				b.config.Bucket, maxObjects)
		}
		last = o.Key
		b.pages.empty.Store(0)
		path, within := strings.CutPrefix(o.Key, b.folder)
		if !within || path == "" || strings.HasSuffix(path, "/") && o.Size == 0 || !b.globs.admits(path) {
			continue
		}
		version := versionOf(o)
		if !yield(Entry{Path: path, Size: o.Size, Version: version, Exact: version != ""}) {
			return nil
		}
	}
	return ctx.Err()
}

// versionOf is empty for a store that gives no ETag.
func versionOf(o minio.ObjectInfo) string {
	if o.ETag == "" {
		return ""
	}
	return o.ETag + " " + o.LastModified.UTC().Format(time.RFC3339Nano)
}

// Open reads one version of the object: the one that was listed, or none.
func (b *bucket) Open(ctx context.Context, entry Entry) (io.ReadCloser, error) {
	options := minio.GetObjectOptions{}
	if etag, _, ok := strings.Cut(entry.Version, " "); ok {
		if err := options.SetMatchETag(etag); err != nil {
			return nil, err
		}
	}
	body, info, _, err := b.client.GetObject(ctx, b.config.Bucket, b.folder+entry.Path, options)
	if err != nil {
		return nil, b.explain("read", err)
	}
	return &object{ReadCloser: body, info: info, left: info.Size}, nil
}

// object is a Describer.
type object struct {
	io.ReadCloser
	info minio.ObjectInfo
	left int64 // bytes that the store promised
}

// Read fails with ErrChanged if the store breaks off.
func (o *object) Read(p []byte) (int, error) {
	n, err := o.ReadCloser.Read(p)
	o.left -= int64(n)
	if errors.Is(err, io.EOF) && o.left > 0 || errors.Is(err, io.ErrUnexpectedEOF) {
		return n, ErrChanged
	}
	return n, err
}

// Describe implements Describer. The version is the listing's, which may tell the time more exactly.
func (o *object) Describe() Description { return Description{Metadata: o.info.UserMetadata} }

// explain adds what to do, and whether the whole bucket is concerned.
func (b *bucket) explain(what string, err error) error {
	response := minio.ToErrorResponse(err)
	remedy, whole := "", true
	switch response.Code {
	case minio.PreconditionFailed:
		return ErrChanged
	case minio.NoSuchKey:
		return fmt.Errorf("it was removed after it was listed: %w", err)
	case minio.NoSuchBucket:
		remedy = "it does not exist: check s3.bucket, s3.endpoint and s3.region"
	case "SignatureDoesNotMatch", "InvalidAccessKeyId", "XAdminUserNotFound", "InvalidToken", "ExpiredToken":
		remedy = "the store refused the credentials: check the Secret of s3.secretRef, or the role of the ServiceAccount"
	case minio.AccessDenied:
		remedy = "the credentials do not allow it: grant s3:ListBucket on the bucket and s3:GetObject on its objects"
		whole = false
	case "PermanentRedirect", "AuthorizationHeaderMalformed":
		remedy = "it is in another region: set s3.region"
	default:
		whole = response.StatusCode == 0 || response.StatusCode >= http.StatusInternalServerError
		remedy = outboundRemedy(err)
	}
	err = fmt.Errorf("bucket %q at %s cannot be %s: %s: %w", b.config.Bucket, b.config.Endpoint, what, remedy, err)
	if whole && what == "read" {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return err
}

// s3Credentials are those of the Secret, read anew for every request, or else of the environment: of a role that the
// ServiceAccount has, or of AWS's variables. Without any, requests are anonymous.
func (r Resolvers) s3Credentials(secret string) *credentials.Credentials {
	switch {
	case secret != "":
		return credentials.New(&secretCredentials{secret: secret, value: r.Secret})
	case os.Getenv("AWS_WEB_IDENTITY_TOKEN_FILE") != "":
		return credentials.New(&credentials.IAM{Client: stsClient, Endpoint: os.Getenv("AWS_ENDPOINT_URL_STS")})
	case os.Getenv("AWS_CONTAINER_CREDENTIALS_FULL_URI") != "":
		return credentials.New(&credentials.IAM{Client: stsClient})
	}
	return credentials.NewEnvAWS()
}

// stsClient asks for the credentials of a role. Its address is the environment's, not the manifest's.
var stsClient = &http.Client{Timeout: 30 * time.Second}

type secretCredentials struct {
	secret string
	value  func(config.SecretKey) (string, error)
}

// Retrieve implements credentials.Provider.
func (s *secretCredentials) Retrieve() (credentials.Value, error) {
	return s.RetrieveWithCredContext(nil)
}

// RetrieveWithCredContext implements credentials.Provider.
func (s *secretCredentials) RetrieveWithCredContext(*credentials.CredContext) (credentials.Value, error) {
	v := credentials.Value{SignerType: credentials.SignatureV4}
	var err error
	if v.AccessKeyID, err = s.value(config.SecretKey{Name: s.secret, Key: config.S3AccessKeyID}); err != nil {
		return v, err
	}
	if v.SecretAccessKey, err = s.value(config.SecretKey{Name: s.secret, Key: config.S3SecretAccessKey}); err != nil {
		return v, err
	}
	v.SessionToken, err = s.value(config.SecretKey{Name: s.secret, Key: config.S3SessionToken})
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err == nil && (v.AccessKeyID == "" || v.SecretAccessKey == "") {
		err = fmt.Errorf("%s or %s of Secret %q is empty", config.S3AccessKeyID, config.S3SecretAccessKey, s.secret)
	}
	return v, err
}

// IsExpired implements credentials.Provider: a rotated Secret counts at once.
func (s *secretCredentials) IsExpired() bool { return true }
