package model

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"unicode"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// send makes the request. It follows a redirect to another path of the same server, such as one with
// a slash at its end, once.
func (c *client) send(ctx context.Context, call call, key string) (*http.Response, error) {
	for followed := false; ; followed = true {
		req, err := c.request(ctx, call, key)
		if err != nil {
			return nil, c.fail(config.ModelUnreachable, err)
		}
		// The round tripper itself, not http.Client: a redirect must not carry the key to another host.
		resp, err := c.http.RoundTrip(req)
		if err != nil {
			return nil, err
		}
		to, moved := movedWithin(req.URL, resp)
		if followed || !moved {
			return unzipped(resp)
		}
		resp.Body.Close()
		to.User = req.URL.User
		call.url = to.String()
	}
}

// movedWithin returns where a reply redirects to, if that is on the same server.
func movedWithin(from *url.URL, resp *http.Response) (to *url.URL, ok bool) {
	if resp.StatusCode != http.StatusTemporaryRedirect && resp.StatusCode != http.StatusPermanentRedirect {
		return nil, false
	}
	to, err := from.Parse(resp.Header.Get("Location"))
	return to, err == nil && to.Scheme == from.Scheme && to.Host == from.Host
}

// unzipped is the reply of a server that compresses although no request asks for it.
func unzipped(resp *http.Response) (*http.Response, error) {
	if !strings.EqualFold(resp.Header.Get("Content-Encoding"), "gzip") {
		return resp, nil
	}
	plain, err := gzip.NewReader(resp.Body)
	if err != nil {
		resp.Body.Close()
		return nil, err
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{plain, resp.Body}
	resp.ContentLength = -1 // it is that of the compressed answer
	return resp, nil
}

// currentKey reads the key anew, and cuts the line end that a Secret's file often has.
func (c *client) currentKey() (string, error) {
	if c.key == nil {
		return "", nil
	}
	key, err := c.key()
	if err != nil {
		return "", err
	}
	key = strings.TrimSpace(key)
	if strings.ContainsFunc(key, unicode.IsControl) {
		return "", errors.New("the key holds a control character or line break")
	}
	return key, nil
}

func (c *client) request(ctx context.Context, call call, key string) (*http.Request, error) {
	method := cmp.Or(call.method, http.MethodPost)
	req, err := http.NewRequestWithContext(ctx, method, cmp.Or(call.url, c.url), bytes.NewReader(call.body))
	if err != nil {
		return nil, errors.New("its url cannot be parsed") // err quotes the url, which may hold a password
	}
	accept := "application/json"
	if call.stream {
		accept = "text/event-stream"
	}
	req.Header = http.Header{
		"Accept":       {accept},
		"Content-Type": {"application/json"},
		"User-Agent":   {"ragpipeline"},
	}
	maps.Copy(req.Header, call.header)
	switch {
	case key != "" && call.keyHeader != "":
		req.Header.Set(call.keyHeader, key)
	case key != "":
		req.Header["Authorization"] = []string{"Bearer " + key}
	}
	otel.GetTextMapPropagator().Inject(ctx, propagation.HeaderCarrier(req.Header))
	return req, nil
}
