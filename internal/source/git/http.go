package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
)

// The smart HTTP protocol: https://git-scm.com/docs/http-protocol.
const (
	refsPath     = "/info/refs"
	uploadPath   = "/git-upload-pack"
	refsType     = "application/x-git-upload-pack-advertisement"
	requestType  = "application/x-git-upload-pack-request"
	replyType    = "application/x-git-upload-pack-result"
	maxRedirects = 5
)

// httpConnection speaks to a server over HTTP.
type httpConnection struct {
	client             *http.Client
	base               string // of the repository; changes with a redirect
	username, password string
}

func newHTTP(u *url.URL, o Options) *httpConnection {
	c := &httpConnection{base: strings.TrimSuffix(u.String(), "/"), username: o.Username, password: o.Password}
	if c.username == "" {
		c.username = "git" // hosts that take a token as the password accept any name, but an empty one
	}
	c.client = &http.Client{Transport: o.Transport, CheckRedirect: sameHost}
	return c
}

// sameHost follows redirects within the server alone, and from http to https: a password is for no other.
func sameHost(to *http.Request, via []*http.Request) error {
	from := via[0].URL
	upgraded := from.Scheme == "http" && to.URL.Scheme == "https" && from.Hostname() == to.URL.Hostname()
	switch {
	case len(via) > maxRedirects:
		return errors.New("the server redirects too often")
	case from.Scheme == to.URL.Scheme && from.Host == to.URL.Host, upgraded:
		return nil
	}
	return fmt.Errorf("the repository has moved to %s://%s: write that URL in the manifest", to.URL.Scheme, to.URL.Host)
}

func (c *httpConnection) refs(ctx context.Context) (io.ReadCloser, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+refsPath+"?service=git-upload-pack", nil)
	if err != nil {
		return nil, err
	}
	response, err := c.do(request, refsType)
	if err != nil {
		return nil, err
	}
	final := *response.Request.URL
	final.RawQuery = ""
	c.base = strings.TrimSuffix(final.String(), refsPath)
	return response.Body, nil
}

func (c *httpConnection) fetch(ctx context.Context, body []byte) (io.ReadCloser, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+uploadPath, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", requestType)
	response, err := c.do(request, replyType)
	if err != nil {
		return nil, err
	}
	return response.Body, nil
}

// do sends a request, and returns a response of that type alone.
func (c *httpConnection) do(request *http.Request, contentType string) (*http.Response, error) {
	if c.password != "" {
		request.SetBasicAuth(c.username, c.password)
	}
	request.Header.Set("User-Agent", "ragpipeline")
	request.Header.Set("Accept", contentType)
	response, err := c.client.Do(request)
	if err != nil {
		return nil, untrusted(err)
	}
	got, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if err := c.status(response.StatusCode); err != nil {
		response.Body.Close()
		return nil, err
	}
	if got != contentType {
		response.Body.Close()
		return nil, fmt.Errorf("no Git repository is served at the URL: the server answers with %q", got)
	}
	return response, nil
}

// status explains a response that is not a success.
func (c *httpConnection) status(code int) error {
	const hidden = "; some hosts answer so as well if the credentials may not read it"
	switch {
	case code == http.StatusOK:
		return nil
	case code == http.StatusUnauthorized && c.password == "":
		return errors.New("the server asks for credentials (HTTP 401): name a Secret with a token in secretRef; " +
			"some hosts answer so as well if the repository does not exist")
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		return fmt.Errorf("the server refuses the credentials (HTTP %d): check the Secret, and that it may read the "+
			"repository", code)
	case code == http.StatusNotFound:
		return errors.New("the repository does not exist (HTTP 404): check the URL" + hidden)
	}
	return fmt.Errorf("the server answers with HTTP %d", code)
}

func (c *httpConnection) explain(err error) error { return err }

func (c *httpConnection) close() { c.client.CloseIdleConnections() }
