package source

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// web is a set of pages: the URLs that the manifest names, and those of sitemaps.
//
//   - A page's path is its URL, see address. The listing knows neither its size nor its version: Open asks the server
//     for what differs from the version that the index has, an ETag or a time.
//   - A page that the server has no more (404 or 410) is gone.
//   - Hosts that the manifest does not name get no credentials, and no page of theirs is read but by a redirect.
type web struct {
	client  *http.Client
	config  config.HTTP
	globs   globs
	origins map[string]bool // scheme and host of what the manifest names
	hosts   map[string]bool // host names of the same, and those that it allows
	pause   time.Duration   // before the first repetition of a request
	inVain  atomic.Int64    // counts the requests in a row that failed at each of their attempts

	mu    sync.Mutex
	pages map[string]page // by path, as last listed
}

// page is a page that was listed, or why it is not read.
type page struct {
	url     *url.URL
	refused error
}

const (
	maxRedirects = 5
	webAttempts  = 3
	// maxInVain is how many requests in a row may fail at each of their attempts; those that follow have one attempt, so
	// that a run over a site that is down ends soon.
	maxInVain = 10
	// maxPause bounds what a server that is busy may ask for.
	maxPause = 30 * time.Second
	// maxPageTime bounds a page that never ends.
	maxPageTime = 10 * time.Minute
)

func openWeb(c config.HTTP, globs globs, r Resolvers) (Source, error) {
	w := &web{config: c, globs: globs, origins: map[string]bool{}, hosts: map[string]bool{}, pause: time.Second}
	for _, named := range slices.Concat(c.URLs, c.Sitemaps) {
		u, err := parseAddress(named)
		if err != nil {
			return nil, fmt.Errorf("http: %w", err)
		}
		w.origins[origin(u)], w.hosts[u.Hostname()] = true, true
	}
	allowed := map[string]bool{}
	for _, host := range c.AllowHosts {
		allowed[strings.ToLower(host)] = true
	}
	maps.Copy(w.hosts, allowed)
	transport, err := r.transport(c.CABundle, func(host string) bool { return allowed[strings.ToLower(host)] })
	if err != nil {
		return broken{err}, nil //nolint:nilerr // its List returns it
	}
	w.client = &http.Client{
		Transport:     &authorised{next: transport, secret: c.Secret, value: r.Secret, origins: w.origins},
		CheckRedirect: followed,
	}
	return w, nil
}

// origin is what a secret is for.
func origin(u *url.URL) string { return u.Scheme + "://" + u.Host }

// errRedirected is a redirect that is not followed.
var errRedirected = errors.New("it redirects")

// followed refuses redirects without end, and those from https to http. Where a request came from may be confidential.
func followed(r *http.Request, via []*http.Request) error {
	r.Header.Del("Referer")
	switch {
	case r.URL.Scheme != "http" && r.URL.Scheme != "https":
		return fmt.Errorf("%w to what is not an http or https URL", errRedirected)
	case len(via) > maxRedirects:
		return fmt.Errorf("%w more than %d times", errRedirected, maxRedirects)
	case r.URL.Scheme != via[0].URL.Scheme && r.URL.Scheme != "https":
		return fmt.Errorf("%w from https to http", errRedirected)
	}
	return nil
}

// authorised adds the credentials to requests to the origins that the manifest names, and to no others: a redirect's
// request passes here like the first.
type authorised struct {
	next    *http.Transport
	secret  string
	value   func(config.SecretKey) (string, error)
	origins map[string]bool
}

// RoundTrip implements http.RoundTripper.
func (a *authorised) RoundTrip(r *http.Request) (*http.Response, error) {
	if a.secret == "" || !a.origins[origin(r.URL)] {
		return a.next.RoundTrip(r)
	}
	r = r.Clone(r.Context())
	if err := a.authorise(r); err != nil {
		return nil, err
	}
	return a.next.RoundTrip(r)
}

func (a *authorised) authorise(r *http.Request) error {
	token, err := a.value(config.SecretKey{Name: a.secret, Key: config.HTTPToken})
	if err == nil {
		r.Header.Set("Authorization", "Bearer "+token)
		return nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	user, userErr := a.value(config.SecretKey{Name: a.secret, Key: config.HTTPUsername})
	password, passwordErr := a.value(config.SecretKey{Name: a.secret, Key: config.HTTPPassword})
	if err := cmp.Or(userErr, passwordErr); err != nil {
		return fmt.Errorf("without an entry %s: %w", config.HTTPToken, err)
	}
	r.SetBasicAuth(user, password)
	return nil
}

// CloseIdleConnections implements the method that http.Client.CloseIdleConnections looks for.
func (a *authorised) CloseIdleConnections() { a.next.CloseIdleConnections() }

func (w *web) List(ctx context.Context, yield func(Entry) bool) error {
	pages, err := w.list(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	w.mu.Lock()
	w.pages = pages
	w.mu.Unlock()
	for _, path := range slices.Sorted(maps.Keys(pages)) {
		if !yield(Entry{Path: path, Size: UnknownSize}) {
			return nil
		}
	}
	return err
}

// list returns the pages that it could list with the error.
func (w *web) list(ctx context.Context) (map[string]page, error) {
	pages := map[string]page{}
	for _, named := range w.config.URLs {
		w.add(pages, named)
	}
	var errs []error
	for _, named := range w.config.Sitemaps {
		s := sitemaps{web: w, pages: pages}
		if err := s.read(ctx, named, 0); err != nil {
			errs = append(errs, err)
		}
	}
	switch len(errs) {
	case 0:
		return pages, nil
	case 1:
		return pages, errs[0]
	}
	return pages, fmt.Errorf("%w (and %d more of %d sitemaps)", errs[0], len(errs)-1, len(w.config.Sitemaps))
}

func (w *web) add(pages map[string]page, named string) {
	u, err := parseAddress(named)
	if err != nil {
		pages[clip("invalid:"+readable(named))] = page{refused: err}
		return
	}
	path := address(u)
	if !w.globs.admits(path) {
		return
	}
	p := page{url: u}
	if !w.hosts[u.Hostname()] {
		p.refused = fmt.Errorf("a sitemap leads to the host %q: add it to http.allowHosts, or exclude it", u.Hostname())
	}
	pages[path] = p
}

func (w *web) Open(ctx context.Context, entry Entry) (io.ReadCloser, error) {
	w.mu.Lock()
	p, listed := w.pages[entry.Path]
	w.mu.Unlock()
	switch {
	case !listed:
		return nil, ErrGone
	case p.refused != nil:
		return nil, config.Failf(config.Unreadable, "%w", p.refused)
	}
	if strings.Contains(entry.Known, joined) { // it had a sidecar, whose loss the server cannot tell
		entry.Known = ""
	}
	ctx, cancel := context.WithTimeout(ctx, maxPageTime)
	response, err := w.get(ctx, p.url, entry.Known) //nolint:bodyclose // the caller closes what is returned
	if err != nil {
		cancel()
		return nil, err
	}
	return &body{ReadCloser: response.Body, cancel: cancel, header: response.Header, url: p.url}, nil
}

// get asks for what differs from the known version, and again if the server is busy.
func (w *web) get(ctx context.Context, u *url.URL, known string) (*http.Response, error) {
	pause := w.pause
	for attempt := 1; ; attempt++ {
		response, err := w.try(ctx, u, known)
		switch {
		case errors.Is(err, errRedirected):
			return nil, err
		case err != nil:
			return nil, fmt.Errorf("%w: %s: %w", ErrUnavailable, outboundRemedy(err), err)
		}
		busy := response.StatusCode == http.StatusTooManyRequests || response.StatusCode >= http.StatusInternalServerError
		if !busy {
			w.inVain.Store(0)
			return response, w.check(response, known)
		}
		if givenUp := w.inVain.Load() >= maxInVain; givenUp || attempt == webAttempts {
			w.inVain.Add(1)
			if givenUp { // so that a busy server is not asked for page after page without a pause
				_ = rest(ctx, w.pause)
			}
			return response, w.check(response, known)
		}
		response.Body.Close()
		if seconds, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil {
			pause = max(pause, min(time.Duration(seconds)*time.Second, maxPause))
		}
		if err := rest(ctx, pause); err != nil {
			return nil, err
		}
		pause *= 2
	}
}

// rest waits for the pause, or until the context ends, which is the error.
func rest(ctx context.Context, pause time.Duration) error {
	select {
	case <-time.After(pause):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (w *web) try(ctx context.Context, u *url.URL, known string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("User-Agent", "ragpipeline")
	switch {
	case known == "":
	case isETag(known):
		r.Header.Set("If-None-Match", known)
	default:
		r.Header.Set("If-Modified-Since", known)
	}
	response, err := w.client.Do(r)
	if failed, ok := errors.AsType[*url.Error](err); ok {
		err = failed.Err // its text has the whole url, with its parameters, and perhaps one that the server made up
	}
	return response, err
}

// answered is the status of a reply, in the words of HTTP. The server's own may be anything.
func answered(r *http.Response) string {
	return strings.TrimSpace(fmt.Sprintf("%d %s", r.StatusCode, http.StatusText(r.StatusCode)))
}

// check closes the body with an error.
func (w *web) check(response *http.Response, known string) (err error) {
	switch code := response.StatusCode; {
	case code == http.StatusOK:
		return nil
	case code == http.StatusNotModified && known != "":
		err = ErrUnchanged
	case code == http.StatusNotFound, code == http.StatusGone:
		err = fmt.Errorf("%w: the server answers %s", ErrGone, answered(response))
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		err = fmt.Errorf("%w: the server answers %s: check the Secret of http.secretRef", ErrUnavailable, answered(response))
	default:
		err = fmt.Errorf("%w: the server answers %s", ErrUnavailable, answered(response))
	}
	response.Body.Close()
	return err
}

func isETag(version string) bool {
	return strings.HasPrefix(version, `"`) || strings.HasPrefix(version, `W/"`)
}

// body is a Describer.
type body struct {
	io.ReadCloser
	cancel func()
	header http.Header
	url    *url.URL
}

// Close ends the request, however much of the page is left.
func (b *body) Close() error {
	b.cancel()
	return b.ReadCloser.Close()
}

// Describe implements Describer.
func (b *body) Describe() Description {
	contentType := b.header.Get("Content-Type")
	return Description{
		Version: webVersion(b.header), Extension: extension(contentType, b.url), Charset: declaredCharset(contentType),
	}
}

// webVersion is the ETag, or else the time of the last change. RFC 9110, 8.8.2.2: a time says nothing of a change
// within its second, in which the server may have answered.
func webVersion(h http.Header) string {
	if etag := h.Get("ETag"); isETag(etag) {
		return etag
	}
	modified, err := http.ParseTime(h.Get("Last-Modified"))
	if err != nil {
		return ""
	}
	if now, err := http.ParseTime(h.Get("Date")); err != nil || now.Sub(modified) < 2*time.Second {
		return ""
	}
	return h.Get("Last-Modified")
}

// extensions are those of the types that a page's first bytes do not show.
var extensions = map[string]string{
	"text/html": ".html", "application/xhtml+xml": ".html", "text/markdown": ".md", "text/csv": ".csv",
	"application/json": ".json", "application/pdf": ".pdf", "message/rfc822": ".eml",
}

// extension is empty if the page's path ends in the right one.
func extension(contentType string, u *url.URL) string {
	own := path.Ext(u.Path)
	media, _, _ := mime.ParseMediaType(contentType)
	found := cmp.Or(extensions[media], own)
	if found == own && u.RawQuery == "" {
		return ""
	}
	return found
}
