// Package outbound makes the connections of sources on the network. It trusts the certificates that
// a source names besides the system's, and refuses the addresses that only this machine, its network
// or its cloud can reach, unless the manifest allows the host: whoever writes a web page or a DNS
// record must not choose what a pod fetches from the inside.
package outbound

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"syscall"
	"time"

	"golang.org/x/net/http/httpproxy"
)

// Deadlines of a connection, and of the time in which a server sends nothing.
const (
	dialTimeout = 15 * time.Second
	idleTimeout = time.Minute
)

// Options say what a source may connect to.
type Options struct {
	// Allow reports whether the manifest allows the host, a name or an address, whatever its addresses.
	// Nil allows none.
	Allow func(host string) bool
	// CABundle has certificates, as PEM, to trust besides the system's.
	CABundle []byte
	// Resolver looks names up; nil means the system's.
	Resolver *net.Resolver
	// Proxy returns the proxy for a URL, or nil; without it, that of the variables HTTP_PROXY, HTTPS_PROXY and
	// NO_PROXY.
	Proxy func(*url.URL) (*url.URL, error)
}

// ErrRefused means that an address is not a public one, and its host not allowed.
var ErrRefused = errors.New("the address is not public")

// New returns a transport. Its error is that of a CA bundle without certificates.
func New(o Options) (*http.Transport, error) {
	roots, err := roots(o.CABundle)
	if err != nil {
		return nil, err
	}
	if o.Proxy == nil {
		o.Proxy = httpproxy.FromEnvironment().ProxyFunc()
	}
	g := guard{
		allow: o.Allow,
		any:   net.Dialer{Timeout: dialTimeout, Resolver: o.Resolver},
		proxy: &proxied{choose: o.Proxy, allow: o.Allow, resolver: o.Resolver},
	}
	g.public = g.any
	g.public.Control = refuse
	return &http.Transport{
		Proxy:                  g.proxy.proxy,
		DialContext:            g.dial,
		TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    dialTimeout,
		ResponseHeaderTimeout:  idleTimeout,
		IdleConnTimeout:        idleTimeout,
		MaxIdleConnsPerHost:    8,
		MaxResponseHeaderBytes: 64 << 10,
		ForceAttemptHTTP2:      true,
	}, nil
}

func roots(bundle []byte) (*x509.CertPool, error) {
	if bundle == nil {
		return nil, nil // the system's
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(bundle) {
		return nil, errors.New("the CA bundle has no certificate as PEM")
	}
	return pool, nil
}

// guard dials. The address of a name that is not allowed is checked when it is dialled, so that a
// name that changes between a check and its use makes no difference.
type guard struct {
	allow       func(host string) bool
	any, public net.Dialer
	proxy       *proxied
}

func (g *guard) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	dialer := &g.public
	if g.proxy.is(address) || g.allow != nil && g.allow(host) {
		dialer = &g.any
	}
	conn, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &steady{Conn: conn}, nil
}

// refuse is a net.Dialer's Control.
func refuse(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	if !public(at.Addr()) {
		return fmt.Errorf("%w: %s", ErrRefused, at.Addr().WithZone(""))
	}
	return nil
}

// special are the ranges that are not of public hosts, beside those that netip knows: the IANA's
// special-purpose registries, and what tunnels or translates to IPv4.
var special = prefixes(
	"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24",
	"203.0.113.0/24", "240.0.0.0/4",
	"::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16",
	"fec0::/10",
)

// translated is the range of IPv6 addresses that stand for an IPv4 address in networks without IPv4.
var translated = netip.MustParsePrefix("64:ff9b::/96")

func prefixes(list ...string) (found []netip.Prefix) {
	for _, p := range list {
		found = append(found, netip.MustParsePrefix(p))
	}
	return found
}

// public reports whether the address may be that of a host in the public internet.
func public(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	if translated.Contains(a) {
		b := a.As16()
		a = netip.AddrFrom4([4]byte(b[12:]))
	}
	return a.IsGlobalUnicast() && !a.IsPrivate() &&
		!slices.ContainsFunc(special, func(p netip.Prefix) bool { return p.Contains(a) })
}

// steady is a connection that fails when the other side sends nothing for a while, however long the
// whole takes.
type steady struct{ net.Conn }

// Read implements io.Reader.
func (s *steady) Read(p []byte) (int, error) {
	if err := s.SetReadDeadline(time.Now().Add(idleTimeout)); err != nil {
		return 0, err
	}
	return s.Conn.Read(p)
}
