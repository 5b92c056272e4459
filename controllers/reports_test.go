package controllers

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// The words are part of the status, so they must not change from one attempt to the next, and must not have a server's own.
func TestAReportThatCannotBeReadHasACauseWithoutAddresses(t *testing.T) {
	answer := func(handle http.HandlerFunc) string {
		server := httptest.NewServer(handle)
		t.Cleanup(server.Close)
		return server.URL
	}
	secret := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(secret.Close)
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	plain := answer(func(http.ResponseWriter, *http.Request) {})
	for name, c := range map[string]struct{ url, want string }{
		"a report":       {answer(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(`{}`)) }), ""},
		"another status": {answer(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }), "the answer is HTTP 418"},
		"other words":    {answer(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("theirs")) }), "the answer is not a report"},
		"nobody":         {gone.URL, "the connection is refused"},
		"no TLS":         {strings.Replace(plain, "http:", "https:", 1), "its port does not speak TLS"},
		"no trust":       {secret.URL, "its certificate is not trusted: certificate signed by unknown authority"},
		"one that hangs up": {answer(func(w http.ResponseWriter, _ *http.Request) {
			connection, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			connection.(*net.TCPConn).Close()
		}), "the connection fails"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := readReport(t.Context(), &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, c.url)
			if got := reportFault(err); got != c.want {
				t.Errorf("%v is said as %q, not %q", err, got, c.want)
			}
		})
	}
}
