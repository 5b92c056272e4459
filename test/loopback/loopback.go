// Package loopback finds addresses for the servers that tests start, and for those that must be missing.
package loopback

import (
	"net"
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
