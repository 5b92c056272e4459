package outbound

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
	"time"
)

// lookupTimeout bounds the look-up of a name that a proxy will look up again.
const lookupTimeout = 5 * time.Second

// proxied chooses the proxy of each request, and remembers the proxies: they may be reached wherever they are, since
// the pipeline's owner named them.
type proxied struct {
	choose   func(*url.URL) (*url.URL, error)
	allow    func(host string) bool
	resolver *net.Resolver
	hosts    sync.Map // host:port of the proxies that were chosen
}

// proxy is an http.Transport's Proxy. A proxy looks names up itself, so the check at the time of
// dialling cannot be made for hosts behind it. A host is refused by its address, if it is one, and by
// those that its name has here; a name that has none here is left to the proxy, as in networks where
// only the proxy can look names up.
func (p *proxied) proxy(r *http.Request) (*url.URL, error) {
	via, err := p.choose(r.URL)
	if err != nil || via == nil {
		return nil, err
	}
	if host := r.URL.Hostname(); p.allow == nil || !p.allow(host) {
		if err := p.check(r.Context(), host); err != nil {
			return nil, err
		}
	}
	p.hosts.Store(authority(via), true)
	return via, nil
}

func (p *proxied) check(ctx context.Context, host string) error {
	addresses := []netip.Addr{}
	if address, err := netip.ParseAddr(host); err == nil {
		addresses = append(addresses, address)
	} else {
		ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
		defer cancel()
		addresses, _ = p.resolver.LookupNetIP(ctx, "ip", host) // a name unknown here may be known to the proxy
	}
	for _, address := range addresses {
		if !public(address) {
			return fmt.Errorf("%w: %s", ErrRefused, address.WithZone(""))
		}
	}
	return nil
}

// is reports whether an address to dial is a proxy's.
func (p *proxied) is(address string) bool {
	_, chosen := p.hosts.Load(address)
	return chosen
}

// authority is the address that a transport dials for a proxy.
func authority(via *url.URL) string {
	port := via.Port()
	if port == "" {
		port = map[string]string{"https": "443", "socks5": "1080", "socks5h": "1080"}[via.Scheme]
	}
	if port == "" {
		port = "80"
	}
	return net.JoinHostPort(via.Hostname(), port)
}
