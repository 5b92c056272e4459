package outbound

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"sync"
	"testing"

	"golang.org/x/net/http/httpproxy"
)

// forwarder is a proxy that remembers what it was asked for, and leads everything to one server.
type forwarder struct {
	mu    sync.Mutex
	asked []string
	to    string
}

func (f *forwarder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.asked = append(f.asked, r.Host)
	f.mu.Unlock()
	if r.Method != http.MethodConnect {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	there, err := (&net.Dialer{}).DialContext(r.Context(), "tcp", f.to)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer there.Close()
	w.WriteHeader(http.StatusOK)
	here, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer here.Close()
	go func() { _, _ = io.Copy(there, here) }()
	_, _ = io.Copy(here, there)
}

// noNames is the DNS of a network in which only the proxy looks names up.
func noNames(context.Context, string, string) (net.Conn, error) {
	return nil, errors.New("no DNS here")
}

func TestAProxyIsUsedAndLeadsToNothingThatIsRefused(t *testing.T) {
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	defer secure.Close()
	forward := &forwarder{to: secure.Listener.Addr().String()}
	proxy := httptest.NewServer(forward)
	defer proxy.Close()
	config := httpproxy.Config{HTTPProxy: proxy.URL, HTTPSProxy: proxy.URL, NoProxy: "direct.example.com"}
	options := Options{
		Proxy: config.ProxyFunc(), CABundle: certificate(secure),
		Resolver: &net.Resolver{PreferGo: true, Dial: noNames},
	}
	for _, allowed := range []string{"https://example.com/", "http://93.184.215.14/"} {
		if err := get(t, options, allowed); err != nil {
			t.Errorf("%s: %v", allowed, err)
		}
	}
	for _, refused := range []string{
		"http://169.254.169.254/latest/meta-data", "https://10.0.0.1/", "http://[fd00:ec2::254]/", "http://[::ffff:10.0.0.1]/",
	} {
		if err := get(t, options, refused); !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %v", refused, err)
		}
	}
	options.Allow = func(host string) bool { return host == "10.0.0.1" }
	if err := get(t, options, "http://10.0.0.1/"); err != nil {
		t.Errorf("an allowed host: %v", err)
	}
	if err := get(t, options, "http://direct.example.com/"); err == nil {
		t.Error("a host of NO_PROXY was asked for at the proxy")
	}
	if want := []string{"example.com:443", "93.184.215.14", "10.0.0.1"}; !slices.Equal(forward.asked, want) {
		t.Errorf("the proxy was asked for %v, want %v", forward.asked, want)
	}
}

func TestANameIsCheckedBeforeAProxyLooksItUp(t *testing.T) {
	options := Options{Proxy: func(*url.URL) (*url.URL, error) { return url.Parse("http://127.0.0.1:1") }}
	if err := get(t, options, "http://localhost:8080/"); !errors.Is(err, ErrRefused) {
		t.Errorf("localhost behind a proxy: %v", err)
	}
}
