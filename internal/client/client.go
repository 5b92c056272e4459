// Package client speaks to a gateway over HTTP, for the command line: it asks, searches, and lists what is in
// the index. It bounds what it reads, and no error shows the key.
package client

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/gateway"
	"github.com/ragpipeline/ragpipeline/internal/model"
)

// maxReply bounds a reply, and an event of a streamed one.
const maxReply = 32 << 20

// replyWithin bounds a request that no LLM answers. The gateway's own deadlines are shorter.
const replyWithin = 2 * time.Minute

// pageSize is how many documents a request lists.
const pageSize = 500

// Client is a connection to one gateway. Its methods may be called at the same time.
type Client struct {
	base string
	key  string
	http http.Client
}

// New returns a client of the gateway at a URL, such as http://127.0.0.1:8080, which may end in /v1. The key is
// empty for a gateway that asks for none.
func New(base, key string) (*Client, error) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.User != nil {
		return nil, fmt.Errorf("%q is not a valid URL of a gateway: write one such as http://127.0.0.1:8080", base)
	}
	base = strings.TrimSuffix(strings.TrimSuffix(u.Scheme+"://"+u.Host+u.EscapedPath(), "/"), "/v1")
	return &Client{base: base, key: key}, nil
}

// Forwarded returns a client of a gateway at a port that leads to one of its pods. Its certificate, if it has one, is
// for the gateway's names and not for that port: the API server has led to the very pod.
func Forwarded(base, key string) (*Client, error) {
	c, err := New(base, key)
	if err == nil && strings.HasPrefix(c.base, "https:") {
		c.http.Transport = &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // see above
	}
	return c, err
}

// URL is the gateway's, without a final slash.
func (c *Client) URL() string { return c.base }

// Error is a reply that is an error.
type Error struct {
	Status     int
	Code       string // is empty if the reply does not come from a gateway
	Message    string
	RetryAfter time.Duration // is 0 if the gateway named none
}

// Permanent reports whether the same request will be refused again, as with a wrong key.
func (e *Error) Permanent() bool {
	return e.Status < http.StatusInternalServerError && e.RetryAfter == 0
}

// NotFound reports whether there is no such thing as the request names.
func (e *Error) NotFound() bool { return e.Status == http.StatusNotFound }

// Error returns the gateway's message and what to do.
func (e *Error) Error() string {
	switch {
	case e.Status == http.StatusUnauthorized:
		return "the gateway refuses the request: " + e.Message +
			"; give a valid key by --key-file, or in the environment variable RAGPIPELINE_API_KEY"
	case e.Code == "":
		return fmt.Sprintf("the server did not answer as a gateway does (HTTP %d): %s; check the URL", e.Status, e.Message)
	case e.RetryAfter > 0:
		return fmt.Sprintf("%s (%s); try again in %s", e.Message, e.Code, e.RetryAfter)
	}
	return fmt.Sprintf("%s (%s)", e.Message, e.Code)
}

// Question is what a gateway is asked.
type Question struct {
	Messages []model.Message `json:"messages"`
	// Filter limits the passages, as docs/metadata.md describes; nil is none.
	Filter json.RawMessage `json:"filter,omitempty"`
	Stream bool            `json:"stream"`
}

// Ask returns the body of the whole answer.
func (c *Client) Ask(ctx context.Context, q Question) (json.RawMessage, error) {
	q.Stream = false
	return c.Call(ctx, http.MethodPost, "/v1/chat/completions", q)
}

// Search returns passages, and the body of the reply as it was.
func (c *Client) Search(
	ctx context.Context, r gateway.SearchRequest,
) (*gateway.SearchResponse, json.RawMessage, error) {
	reply := new(gateway.SearchResponse)
	body, err := c.into(ctx, http.MethodPost, "/v1/search", r, reply)
	return reply, body, err
}

// Index describes the index that the gateway searches.
func (c *Client) Index(ctx context.Context) (*gateway.IndexState, error) {
	state := new(gateway.IndexState)
	_, err := c.into(ctx, http.MethodGet, "/v1/index", nil, state)
	return state, err
}

// Selection is which documents to list: those of a state, empty for all, and those with warnings alone.
type Selection struct {
	State    string
	Warnings bool
}

// Documents calls each for every selected document in the order of their identities.
func (c *Client) Documents(ctx context.Context, s Selection, each func(gateway.Document) error) error {
	query := url.Values{"limit": {strconv.Itoa(pageSize)}}
	if s.State != "" {
		query.Set("state", s.State)
	}
	if s.Warnings {
		query.Set("warnings", "true")
	}
	for {
		var page gateway.DocumentPage
		if _, err := c.into(ctx, http.MethodGet, "/v1/documents?"+query.Encode(), nil, &page); err != nil {
			return err
		}
		for _, d := range page.Documents {
			if err := each(d); err != nil {
				return err
			}
		}
		if page.Next == "" {
			return nil
		}
		query.Set("after", page.Next)
	}
}

// into reads a reply in JSON, and returns its body.
func (c *Client) into(ctx context.Context, method, path string, body, reply any) (json.RawMessage, error) {
	ctx, cancel := context.WithTimeout(ctx, replyWithin)
	defer cancel()
	content, err := c.Call(ctx, method, path, body)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(content, reply); err != nil {
		return nil, fmt.Errorf("read the reply of %s: %w; check that the URL is a gateway's", c.base, err)
	}
	return content, nil
}

// Call makes a request, with a JSON body unless that is nil, and returns the body of the reply.
func (c *Client) Call(ctx context.Context, method, path string, body any) ([]byte, error) {
	reply, err := c.send(ctx, method, path, body)
	if err != nil {
		return nil, err
	}
	defer reply.Body.Close()
	return bounded(reply.Body)
}

// send returns a reply of status 200, whose body the caller closes.
func (c *Client) send(ctx context.Context, method, path string, body any) (*http.Response, error) {
	var content io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		content = bytes.NewReader(raw)
	}
	request, err := http.NewRequestWithContext(ctx, method, c.base+path, content)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	if c.key != "" {
		request.Header.Set("Authorization", "Bearer "+c.key)
	}
	reply, err := c.http.Do(request)
	if err != nil {
		if e, ok := errors.AsType[*url.Error](err); ok {
			err = e.Err
		}
		return nil, fmt.Errorf("the gateway at %s cannot be reached: %w", c.base, err)
	}
	if reply.StatusCode == http.StatusOK {
		return reply, nil
	}
	defer reply.Body.Close()
	return nil, errorOf(reply)
}

func errorOf(reply *http.Response) error {
	e := &Error{Status: reply.StatusCode}
	if seconds, err := strconv.Atoi(reply.Header.Get("Retry-After")); err == nil {
		e.RetryAfter = time.Duration(seconds) * time.Second
	}
	content, err := bounded(reply.Body)
	if err != nil {
		return err
	}
	var body gateway.ErrorBody
	if json.Unmarshal(content, &body) == nil && body.Error != nil {
		e.Code, e.Message = body.Error.Code, body.Error.Message
		return e
	}
	kind, _, _ := mime.ParseMediaType(reply.Header.Get("Content-Type"))
	e.Message = strings.TrimSpace(http.StatusText(reply.StatusCode) + " " + kind)
	return e
}

func bounded(r io.Reader) ([]byte, error) {
	content, err := io.ReadAll(io.LimitReader(r, maxReply+1))
	if err != nil {
		return nil, fmt.Errorf("read the gateway's reply: %w", err)
	}
	if len(content) > maxReply {
		return nil, fmt.Errorf("the gateway's reply has more than %d MiB", maxReply>>20)
	}
	return content, nil
}
