package nimsim

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// Start serves a simulator on a loopback address until the test ends.
func Start(tb testing.TB, o Options) *Sim {
	tb.Helper()
	var s *Sim
	away := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.away = remember(s.away, Request{Method: r.Method, Path: r.RequestURI, Header: r.Header.Clone()})
		writeJSON(w, http.StatusOK, `{}`)
	}))
	o.Elsewhere = away.URL
	s = New(o)
	server := httptest.NewServer(s)
	s.URL = server.URL
	tb.Cleanup(func() {
		s.Close()
		server.CloseClientConnections()
		server.Close()
		away.Close()
	})
	return s
}
