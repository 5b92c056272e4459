// Package loopback finds addresses for the servers that tests start, and for those that must be missing, and serves
// connections by hand.
package loopback

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"testing"
)

// Free returns an address of this machine, host:port, at which no process listens.
func Free(t testing.TB) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// Serve answers each connection by serve, which it closes afterwards, and returns the address, host:port. It listens until
// the test ends.
func Serve(t testing.TB, serve func(net.Conn)) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { defer c.Close(); serve(c) }()
		}
	}()
	return l.Addr().String()
}

// Reply answers each connection by serve once an HTTP request has been read, since what is left unread resets it.
func Reply(t testing.TB, serve func(net.Conn)) string {
	t.Helper()
	return Serve(t, func(c net.Conn) {
		r, err := http.ReadRequest(bufio.NewReader(c))
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		serve(c)
	})
}
