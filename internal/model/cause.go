package model

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json" // as in errors.go
	"errors"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"syscall"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

var errEmpty = errors.New("it is empty")

// unansweredError is the cause where a server took a request and closed the connection.
type unansweredError struct{ error }

func (e *unansweredError) Unwrap() error { return e.error }

// proxyError is why there is no connection through a proxy.
type proxyError struct{ words string }

func (e *proxyError) Error() string { return e.words }

// connected makes a proxy's refusal an error that names the proxy; the transport's own has the status alone.
func connected(_ context.Context, proxy *url.URL, _ *http.Request, reply *http.Response) error {
	if reply.StatusCode == http.StatusOK {
		return nil
	}
	return &proxyError{fmt.Sprintf("the proxy %s refuses to connect: %d %s",
		proxy.Host, reply.StatusCode, http.StatusText(reply.StatusCode))}
}

// urlOf parses an address. Its error does not quote it, since it may hold a password.
func urlOf(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, errors.New("its url cannot be parsed")
	}
	return u, nil
}

// errWebPage is the cause where a server sends a page: a proxy's, a login, or another program at the url.
var errWebPage = errors.New("it is a web page, not the JSON that the protocol has; check url")

// plain words a failed connection as people know it, and alike each time: the errors below name ports, addresses of
// resolvers, and the time of day.
func plain(err error) error {
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		if dns.IsNotFound {
			return fmt.Errorf("no such host as %s", dns.Name)
		}
		return fmt.Errorf("the name %s could not be looked up", dns.Name)
	}
	if untrusted, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return errors.New(cmp.Or(config.Distrust(untrusted.Err.Error()), config.Untrusted))
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return err
	}
	if errors.Is(err, io.EOF) {
		return &unansweredError{io.EOF}
	}
	op, ok := errors.AsType[*net.OpError](err)
	switch {
	case !ok:
		return &foreignError{err}
	case op.Op == "proxyconnect":
		return &proxyError{fmt.Sprintf("the proxy cannot be reached: %v", innermost(op))}
	case op.Op == "dial":
		return innermost(op)
	case errors.Is(op, syscall.ECONNRESET), errors.Is(op, syscall.EPIPE):
		return &unansweredError{innermost(op)}
	}
	return &foreignError{err}
}

// foreignError is a failure of a connection whose text may quote what the server sent, such as a head that is not HTTP.
type foreignError struct{ error }

func (e *foreignError) Unwrap() error { return e.error }

// unquoted is the text up to what it quotes: a part of a key could not be told from other words.
func (e *foreignError) unquoted() string {
	words := e.Error()
	for _, quote := range []string{`"`, "header line: "} {
		words, _, _ = strings.Cut(words, quote)
	}
	return strings.TrimRight(words, " :=")
}

// innermost is the cause without the addresses and ports that those above it name.
func innermost(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

// brokenOff is the cause where a connection ended within a reply.
func brokenOff(err error) error {
	if errors.Is(err, syscall.ECONNRESET) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// Address is a server's address as logs and users may see it: without user, password and parameters.
func Address(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return ""
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// title finds the title of a web page.
var title = regexp.MustCompile(`(?is)<title[^>]*>(.*?)</title>`)

// pageTitle is what a web page calls itself, such as 502 Bad Gateway or Sign in; empty if body is not one.
func pageTitle(body []byte) string {
	if !isPage(body) {
		return ""
	}
	found := title.FindSubmatch(body[:min(len(body), maxErrorBody)])
	if found == nil {
		return ""
	}
	return strings.TrimSpace(html.UnescapeString(string(found[1])))
}

// isPage reports whether a reply begins as HTML or XML does.
func isPage(body []byte) bool {
	return strings.HasPrefix(strings.TrimLeft(string(body[:min(len(body), 64)]), " \t\r\n\ufeff"), "<")
}

// code is the form of a server's own word for an error, such as model_not_found or BadRequestError, and part is a word
// within it.
var (
	code = regexp.MustCompile(`^[A-Za-z][A-Za-z_.-]{2,47}$`)
	part = regexp.MustCompile(`[A-Z]+[a-z]*|[a-z]+`)
)

// isKnown reports whether a code consists of words that are common in servers' messages: it can neither be an id nor
// quote anybody. A number says no more than the status.
func isKnown(word string) bool {
	if !code.MatchString(word) {
		return false
	}
	for _, p := range part.FindAllString(word, -1) {
		if !vocabulary[strings.ToLower(p)] {
			return false
		}
	}
	return true
}

// errorCode finds the server's code, if it is a known one, in an error's body: {"error": {"code": word, "type": word}}
// or the same without error, TEI's error_type and Google's status.
func errorCode(body string) string {
	var v map[string]any
	if json.Unmarshal([]byte(body), &v) != nil {
		return ""
	}
	if inner, ok := v["error"].(map[string]any); ok {
		v = inner
	}
	for _, key := range []string{"code", "type", "error_type", "status"} {
		if word, ok := v[key].(string); ok && isKnown(word) {
			return word
		}
	}
	return ""
}

// unpaid are the codes of a 429 that no wait ends: the account has no credit.
var unpaid = map[string]bool{
	"insufficient_quota": true, "billing_hard_limit_reached": true, "billing_not_active": true,
	"insufficient_balance": true, "insufficient_credits": true,
}
