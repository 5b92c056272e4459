package serve

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// forwarded puts TLS before a server, with the certificate in a directory, and returns its address.
func forwarded(t *testing.T, directory, target string) (address string, stop func() error) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return listener.Addr().String(), forwardedBy(t, listener, directory, target)
}

func forwardedBy(t *testing.T, listener net.Listener, directory, target string) (stop func() error) {
	t.Helper()
	certificate, err := NewCertificate(directory, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	config := certificate.Config()
	config.NextProtos = []string{"http/1.1"}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		RunForwards(ctx, slog.New(slog.DiscardHandler), time.Minute, Forward{Listener: listener, Target: target, TLS: config})
	}()
	t.Cleanup(cancel)
	return func() error {
		cancel()
		select {
		case <-ended:
			return nil
		case <-time.After(30 * time.Second):
			return errors.New("it did not end")
		}
	}
}

// exhausted is a listener of a process that has no file left for the first connections.
type exhausted struct {
	net.Listener
	failures atomic.Int32
}

func (l *exhausted) Accept() (net.Conn, error) {
	if l.failures.Add(-1) >= 0 {
		return nil, &net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", syscall.EMFILE)}
	}
	return l.Listener.Accept()
}

func TestAForwardGoesOnAfterConnectionsThatItCouldNotAccept(t *testing.T) {
	directory := t.TempDir()
	writeCertificate(t, directory, "first")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "answer") }))
	t.Cleanup(server.Close)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	full := &exhausted{Listener: listener}
	full.failures.Store(4)
	stop := forwardedBy(t, full, directory, server.Listener.Addr().String())
	c := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}}
	response, err := c.Get("https://" + listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if left := full.failures.Load(); left >= 0 {
		t.Errorf("it did not meet %d of the failures", left)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

func TestAForwardEndsTLSBeforeAServer(t *testing.T) {
	directory := t.TempDir()
	writeCertificate(t, directory, "first")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Write(body)
	}))
	t.Cleanup(server.Close)
	address, stop := forwarded(t, directory, server.Listener.Addr().String())
	long := strings.Repeat("passage ", 1<<20)
	c := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true, ForceAttemptHTTP2: true,
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
	}}
	for range 3 {
		response, err := c.Post("https://"+address, "text/plain", strings.NewReader(long))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || string(body) != long || response.Proto != "HTTP/1.1" {
			t.Errorf("%s with %d bytes: %v", response.Proto, len(body), err)
		}
	}
	if response, err := http.Get("http://" + address); err == nil {
		response.Body.Close()
		t.Error("a client without TLS was answered")
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// The answer may come long after the client has sent its last word.
func TestAForwardPassesOnThatOneSideHasEnded(t *testing.T) {
	directory := t.TempDir()
	writeCertificate(t, directory, "first")
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	go func() {
		connection, err := server.Accept()
		if err != nil {
			return
		}
		defer connection.Close()
		question, _ := io.ReadAll(connection)
		io.WriteString(connection, "answer to "+string(question))
	}()
	address, stop := forwarded(t, directory, server.Addr().String())
	client, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	io.WriteString(client, "question")
	if err := client.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if answer, err := io.ReadAll(client); err != nil || string(answer) != "answer to question" {
		t.Errorf("%q: %v", answer, err)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

func TestAForwardTakesANewCertificateWithoutARestart(t *testing.T) {
	directory := t.TempDir()
	writeCertificate(t, directory, "first")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "one\n")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}))
	t.Cleanup(server.Close)
	address, _ := forwarded(t, directory, server.Listener.Addr().String())
	dial := func() *tls.Conn {
		client, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { client.Close() })
		return client
	}
	name := func(c *tls.Conn) string { return c.ConnectionState().PeerCertificates[0].Subject.CommonName }
	open := dial()
	if name(open) != "first" {
		t.Fatal(name(open))
	}
	writeCertificate(t, directory, "second")
	deadline := time.Now().Add(time.Minute)
	for name(dial()) != "second" {
		if time.Now().After(deadline) {
			t.Fatal("the new certificate is not used")
		}
		<-time.After(certificatePause / 10)
	}
	io.WriteString(open, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	if line, err := bufio.NewReader(open).ReadString('\n'); err != nil || !strings.HasPrefix(line, "HTTP/1.1 200") {
		t.Errorf("the open connection got %q: %v", line, err)
	}
}
