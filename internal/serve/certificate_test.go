package serve

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// writeCertificate writes a certificate of its own authority for localhost, with a common name.
func writeCertificate(t *testing.T, directory, name string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{"localhost"},
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write(t, directory, certificateFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	write(t, directory, keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded}))
}

func write(t *testing.T, directory, name string, content []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(directory, name), content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// secure serves /stream, whose second line waits for release, with the certificate in a directory.
func secure(t *testing.T, directory string, release <-chan struct{}) string {
	t.Helper()
	certificate, err := NewCertificate(directory, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "one\n")
		if r.URL.Path == "/stream" {
			_ = http.NewResponseController(w).Flush()
			<-release
			io.WriteString(w, "two\n")
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- Run(ctx, slog.New(slog.DiscardHandler), time.Second, Server{
			Name: "api", Listener: listener, Handler: handler, TLS: certificate.Config(),
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return "https://" + strings.Replace(listener.Addr().String(), "127.0.0.1", "localhost", 1)
}

// trusting is a client that trusts the certificate in the directory, with connections of its own.
func trusting(t *testing.T, directory string) *http.Client {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(directory, certificateFile))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func TestACertificateIsReplacedWhileStreamsGoOn(t *testing.T) {
	directory, release := t.TempDir(), make(chan struct{})
	writeCertificate(t, directory, "first")
	url := secure(t, directory, release)
	response, err := trusting(t, directory).Get(url + "/stream")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	if !lines.Scan() || response.ProtoMajor != 2 {
		t.Fatalf("the stream did not begin over HTTP/2: %s %v", response.Proto, lines.Err())
	}
	writeCertificate(t, directory, "second")
	client := trusting(t, directory)
	for deadline := time.Now().Add(time.Minute); ; {
		reply, err := client.Get(url)
		if err == nil {
			reply.Body.Close()
			if name := reply.TLS.PeerCertificates[0].Subject.CommonName; name != "second" {
				t.Errorf("a new connection got the certificate %s", name)
			}
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("new connections do not get the new certificate: %v", err)
		}
	}
	close(release)
	if !lines.Scan() || lines.Text() != "two" || lines.Scan() || lines.Err() != nil {
		t.Errorf("the stream did not go on: %q %v", lines.Text(), lines.Err())
	}
}

func TestACertificateThatIsNoPairLeavesTheOldOne(t *testing.T) {
	directory := t.TempDir()
	writeCertificate(t, directory, "first")
	certificate, err := NewCertificate(directory, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	old := certificate.get()
	for name, content := range map[string]string{"no PEM": "x", "empty": ""} {
		write(t, directory, keyFile, []byte(content))
		certificate.looked = time.Time{}
		if certificate.get() != old {
			t.Errorf("%s: another certificate", name)
		}
	}
	if _, err := NewCertificate(directory, slog.New(slog.DiscardHandler)); err == nil ||
		!strings.Contains(fmt.Sprint(err), "tls.key") {
		t.Errorf("at the start: %v", err)
	}
	if _, err := NewCertificate(filepath.Join(directory, "none"), slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a directory that does not exist")
	}
}
