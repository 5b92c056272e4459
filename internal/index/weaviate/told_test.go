package weaviate

import (
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/weaviate/weaviate-go-client/v5/weaviate/fault"
	"google.golang.org/grpc/status"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/test/loopback"
)

// toldKey is the key that the wrong servers are sent, and send back.
const toldKey = "a-key-that-nobody-may-read"

// page answers everything with a page that has the key.
func page(code int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(code)
		io.WriteString(w, "<html>Sign in, "+r.Header.Get("Authorization")+"</html>")
	})
}

// web is the host and port of an HTTP server, with TLS or without, that also speaks HTTP/2.
func web(t *testing.T, code int, encrypted bool) string {
	t.Helper()
	s := httptest.NewUnstartedServer(page(code))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	start := s.Start
	if s.EnableHTTP2 = true; encrypted {
		start = s.StartTLS
	}
	start()
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

func silent(c net.Conn) { io.Copy(io.Discard, c) } // until the client gives up

// greets writes words before it is asked, as SSH does, and waits until the client has read them.
func greets(words string) func(net.Conn) {
	return func(c net.Conn) {
		io.WriteString(c, words)
		c.(*net.TCPConn).CloseWrite()
		io.Copy(io.Discard, c)
	}
}

// says writes words once it is asked.
func says(words string) func(net.Conn) {
	return func(c net.Conn) {
		_, _ = c.Read(make([]byte, 1))
		greets(words)(c)
	}
}

// plain is the host and port of a server that also speaks HTTP/2 without TLS, as gRPC does.
func plain(t *testing.T, code int) string {
	t.Helper()
	s := httptest.NewUnstartedServer(page(code))
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetHTTP1(true)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Start()
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// A wrong Weaviate is told by its cause and by the field to correct, of either API.
func TestAWrongWeaviateIsTold(t *testing.T) {
	const (
		ssh     = "SSH-2.0-OpenSSH_9.6\r\n"
		alert   = "\x15\x03\x01\x00\x02\x02\x46" // what TLS answers to a request without it
		refusal = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\nContent-Length: 48\r\n\r\n" +
			"<html>The plain HTTP request was sent to</html>\n"
		noTLS, some, wrong = "it does not speak TLS, so write http://", "it speaks TLS, so write https://",
			"another server than Weaviate answers there"
	)
	closes := func(net.Conn) {}
	for name, c := range map[string]struct{ address, grpc, rest string }{
		"https at a server without TLS": {"https://" + web(t, 200, false), noTLS, noTLS},
		"https at another program":      {"https://" + loopback.Serve(t, greets(ssh)), noTLS, noTLS},
		"http at a server with TLS":     {"http://" + web(t, 200, true), "needs http:// or https://", some},
		"http at nginx with TLS":        {"http://" + loopback.Serve(t, says(refusal)), "write https:// there", some},
		"an alert":                      {"http://" + loopback.Serve(t, says(alert)), "needs http:// or https://", some},
		"an unknown authority":          {"https://" + web(t, 200, true), "spec.network.caBundle", "spec.network.caBundle"},
		"a page":                        {"http://" + web(t, 200, false), "an HTTP/1.1 server answers there", wrong},
		"a page that is missing":        {"http://" + web(t, 404, false), "an HTTP/1.1 server answers there", wrong},
		"a page over HTTP/2":            {"http://" + plain(t, 200), wrong, wrong},
		"a missing page over HTTP/2":    {"http://" + plain(t, 404), wrong, wrong},
		"a gateway without a server":    {"http://" + plain(t, 502), "a proxy before it", ""},
		"another program":               {"http://" + loopback.Serve(t, greets(ssh)), wrong, wrong},
		"silence":                       {"http://" + loopback.Serve(t, silent), "does not answer", "does not answer"},
		"silence to TLS":                {"https://" + loopback.Serve(t, silent), "write http://", "does not answer"},
		"a closed door":                 {"http://" + loopback.Serve(t, closes), "it closed the connection", "it closed the connection"},
		"a closed door with TLS":        {"https://" + loopback.Serve(t, closes), "write http://", "it closed the connection"},
		"nothing":                       {"http://127.0.0.1:1", "nothing listens there", "nothing listens there"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			told(t, "gRPC", askGRPC(t, c.address), c.address, c.grpc, "grpcURL")
			told(t, "REST", askREST(t, c.address, c.rest == "does not answer"), c.address, c.rest, "url")
		})
	}
}

// told checks that err tells want, and names the field and the address; it keeps the cause, but no key.
func told(t *testing.T, api string, err error, address, want, field string) {
	t.Helper()
	said := err.Error()
	_, isStatus := status.FromError(err)
	_, isFault := errors.AsType[*fault.WeaviateClientError](err)
	named := strings.Contains(said, "its "+field)
	elsewhere := want == "" || strings.Contains(want, "caBundle") || strings.Contains(want, "proxy")
	if !strings.Contains(said, want) || !named && !elsewhere || !strings.Contains(said, address) || strings.Contains(said, toldKey) ||
		isStatus != (api == "gRPC") || isFault != (api == "REST") {
		t.Errorf("%s at %s gave %v, want %q and the field %s", api, address, err, want, field)
	}
}

func openTold(t *testing.T, address string) *Store {
	t.Helper()
	s, err := Open(t.Context(), Options{
		Index: config.WeaviateIndex{URL: address, GRPCURL: address}, ReadOnly: true,
		Key: func() (string, error) { return toldKey, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func askGRPC(t *testing.T, address string) error {
	t.Helper()
	_, err := openTold(t, address).Stats(t.Context())
	return err
}

// askREST asks for a collection, of a server that is silent for a second only.
func askREST(t *testing.T, address string, silent bool) error {
	t.Helper()
	s := openTold(t, address)
	a, err := newAdmin(s.where, s.key)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.close)
	if silent {
		a.http.Timeout = time.Second
	}
	return s.fail(t.Context(), "open the index", a.createOnce(t.Context(), chunksCollection("Told", s.pipeline, 1)))
}
