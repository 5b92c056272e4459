package model

import (
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// circumstances are what a client knows beside a failure.
type circumstances struct {
	url   *url.URL
	keyed bool  // reports whether a key was sent
	cause error // is what broke the connection, if that was it
	said  string
}

// tell puts into e what its operator should check, where the circumstances show more than the failure alone. The order
// matters: what a connection shows goes before what a status does.
func (e *Error) tell(about circumstances) {
	for _, t := range tellings {
		if told := t(e, about); told != "" {
			e.Told = told
			return
		}
	}
}

var tellings = []func(*Error, circumstances) string{
	tellOfTLS, tellOfConnection, tellOfProxy, tellOfKey, tellOfRoute, tellOfServer,
}

// tellOfTLS is about servers that expect TLS where the url has none, or the reverse, and about certificates.
func tellOfTLS(e *Error, about circumstances) string {
	const (
		none = "cannot be reached; it does not speak TLS, so write http:// in its url"
		some = "cannot be reached; it speaks TLS, so write https:// in its url"
	)
	_, record := errors.AsType[tls.RecordHeaderError](about.cause)
	words := ""
	if about.cause != nil {
		words = about.cause.Error()
	}
	switch {
	case record, strings.Contains(words, "server gave HTTP response to HTTPS client"):
		return none
	case strings.Contains(words, `malformed HTTP response "\x15\x03`): // a TLS alert
		return some
	case e.Status == http.StatusBadRequest && about.url.Scheme == "http" && containsAny(about.said, plainOnTLS):
		return some
	case strings.Contains(words, "malformed HTTP"):
		return "cannot be reached; another program than an HTTP server answers at this port, so correct its url"
	case strings.Contains(words, config.Untrusted+": certificate signed by unknown authority"):
		return "cannot be reached; trust the authority of its certificate by spec.network.caBundle, or by SSL_CERT_FILE " +
			"on one machine"
	case strings.Contains(words, config.Untrusted):
		return "cannot be reached; give it a certificate that is valid for the host in its url"
	}
	return ""
}

// plainOnTLS are the words by which servers refuse a request without TLS: Go's; nginx's, Apache's.
var plainOnTLS = []string{"http request to an https server", "plain http"}

// tellOfConnection is about connections that ended before the reply did.
func tellOfConnection(e *Error, about circumstances) string {
	_, unanswered := errors.AsType[*unansweredError](about.cause)
	switch {
	case e.Status != 0 || about.cause == nil:
		return ""
	case unanswered && about.url.Scheme == "http":
		return "closed the connection without a reply; see its log, and check whether its url needs https"
	case unanswered:
		return "closed the connection without a reply; see its log"
	case errors.Is(about.cause, io.ErrUnexpectedEOF):
		return "broke off its reply; see its log"
	}
	return ""
}

// tellOfProxy is about a proxy before the server.
func tellOfProxy(e *Error, about circumstances) string {
	const unreached = "is not reached by the proxy before it; check that it runs"
	_, refused := errors.AsType[*proxyError](about.cause)
	switch {
	case refused, e.Status == http.StatusProxyAuthRequired:
		return "cannot be reached through the proxy; check the proxy's url, its user and password, and what it permits"
	case e.Status == http.StatusBadGateway, e.Status == http.StatusServiceUnavailable && containsAny(about.said, upstream):
		return unreached
	case e.Status == http.StatusForbidden && isPage([]byte(about.said)):
		return "is behind something that refuses the request; check secretRef, and the proxy or firewall before it"
	}
	return ""
}

// upstream are words of proxies about the server behind them: Envoy's; HAProxy's.
var upstream = []string{"upstream connect error", "no healthy upstream", "no server is available"}

// tellOfKey is about access.
func tellOfKey(e *Error, about circumstances) string {
	switch {
	case e.Failure == config.ModelUnauthorized && e.Status != 0 && !about.keyed:
		return "demands an API key; set secretRef"
	case e.Failure == config.ModelUnauthorized && e.Status == http.StatusForbidden:
		return "refused the API key; check secretRef, and what this key may use"
	}
	return ""
}

// tellOfRoute is about a path that the server does not have.
func tellOfRoute(e *Error, about circumstances) string {
	route := path.Base(about.url.Path)
	if route == "completions" {
		route = "chat/completions"
	}
	switch {
	case e.Status >= 300 && e.Status < 400:
		return "redirects elsewhere; write into its url where that leads, unless it is a login"
	case e.Failure != config.ModelNotFound || containsAny(about.said, []string{"model"}):
		return ""
	case strings.Count(about.url.Path, "/"+route) > 1:
		return "was not found at this url; its url must end before /" + route
	case e.Stage != config.StageExtraction && !strings.Contains(about.url.Path, "/v1/"):
		return "was not found at this url; check its url, which usually ends in /v1"
	}
	return "was not found at this url; check url and protocol, and that the server does this task"
}

// tellOfServer is about a server that failed by itself.
func tellOfServer(e *Error, _ circumstances) string {
	switch {
	case e.Failure == config.ModelBroken && e.Status >= http.StatusInternalServerError:
		return "failed; see its log"
	case e.Status == http.StatusMethodNotAllowed:
		return "does not take requests at this url; check url and protocol"
	}
	return ""
}
