package outbound

import (
	"context"
	"encoding/pem"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

func TestOnlyPublicAddressesArePublic(t *testing.T) {
	for address, want := range map[string]bool{
		"93.184.215.14": true, "8.8.8.8": true, "172.15.255.255": true, "172.32.0.1": true, "100.128.0.1": true,
		"2606:2800:21f:cb07::1": true, "64:ff9b::8.8.8.8": true,

		"127.0.0.1": false, "127.8.8.8": false, "0.0.0.0": false, "0.1.2.3": false, "10.0.0.1": false,
		"172.16.0.1": false, "172.31.255.255": false, "192.168.1.1": false, "169.254.169.254": false,
		"169.254.170.23": false, "100.64.0.1": false, "100.100.100.200": false, "192.0.0.192": false,
		"198.18.0.1": false, "224.0.0.1": false, "255.255.255.255": false, "240.0.0.1": false,
		"::": false, "::1": false, "::ffff:127.0.0.1": false, "::ffff:169.254.169.254": false, "::127.0.0.1": false,
		"64:ff9b::127.0.0.1": false, "64:ff9b::169.254.169.254": false, "64:ff9b:1::1": false, "2002:7f00:1::": false,
		"fe80::1": false, "fe80::1%eth0": false, "fc00::1": false, "fd00:ec2::254": false, "fec0::1": false,
		"2001::1": false, "2001:db8::1": false, "ff02::1": false,
	} {
		if got := public(netip.MustParseAddr(address)); got != want {
			t.Errorf("public(%s) = %t", address, got)
		}
	}
}

func get(t *testing.T, o Options, url string) error {
	t.Helper()
	transport, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err == nil {
		response.Body.Close()
	}
	return err
}

func TestAHostIsReachedOnlyIfItIsAllowed(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	if err := get(t, Options{}, server.URL); !errors.Is(err, ErrRefused) {
		t.Errorf("loopback gave %v", err)
	}
	if err := get(t, Options{}, "http://localhost:1"); !errors.Is(err, ErrRefused) {
		t.Errorf("a name of loopback gave %v", err)
	}
	allow := func(host string) bool { return host == "127.0.0.1" }
	if err := get(t, Options{Allow: allow}, server.URL); err != nil {
		t.Errorf("an allowed host gave %v", err)
	}
	t.Setenv("HTTP_PROXY", server.URL)
	if err := get(t, Options{Allow: allow}, "http://169.254.169.254"); !errors.Is(err, ErrRefused) {
		t.Errorf("an address behind a proxy gave %v", err)
	}
}

func TestCertificatesOfTheBundleAreTrusted(t *testing.T) {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	server.Config.ErrorLog = nil
	allow := func(string) bool { return true }
	if err := get(t, Options{Allow: allow}, server.URL); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a certificate that no authority signed gave %v", err)
	}
	bundle := certificate(server)
	if err := get(t, Options{Allow: allow, CABundle: bundle}, server.URL); err != nil {
		t.Errorf("a certificate of the bundle gave %v", err)
	}
	if _, err := New(Options{CABundle: []byte("no certificate")}); err == nil {
		t.Error("a bundle without certificates is accepted")
	}
}

// names is a DNS server that gives each question for an address the next of its answers.
func names(t *testing.T, answers ...string) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	var asked atomic.Int64
	go func() {
		buffer := make([]byte, 512)
		for {
			n, from, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buffer[:n]) != nil {
				continue
			}
			m.Response, m.Additionals = true, nil
			if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
				next := min(int(asked.Add(1)), len(answers)) - 1
				m.Answers = []dnsmessage.Resource{{
					Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, TTL: 0},
					Body:   &dnsmessage.AResource{A: netip.MustParseAddr(answers[next]).As4()},
				}}
			}
			reply, err := m.Pack()
			if err == nil {
				_, _ = conn.WriteTo(reply, from)
			}
		}
	}()
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", conn.LocalAddr().String())
	}
	return &net.Resolver{PreferGo: true, Dial: dial}
}

func TestANameThatChangesBetweenCheckAndUseIsRefused(t *testing.T) {
	var reached atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Store(true) }))
	defer server.Close()
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	url := "http://rebinding.test:" + port
	resolver := names(t, "93.184.215.14", "127.0.0.1")
	if found, err := resolver.LookupHost(t.Context(), "rebinding.test"); err != nil || found[0] != "93.184.215.14" {
		t.Fatalf("the check sees %v, %v", found, err)
	}
	if err := get(t, Options{Resolver: resolver}, url); !errors.Is(err, ErrRefused) {
		t.Errorf("the use gave %v", err)
	}
	if reached.Load() {
		t.Error("the server on loopback was reached")
	}
}

func certificate(server *httptest.Server) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
}
