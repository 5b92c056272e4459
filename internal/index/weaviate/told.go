package weaviate

import (
	"errors"
	"net/http"
	"strings"

	"github.com/weaviate/weaviate-go-client/v5/weaviate/fault"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// The fields that hold the addresses of Weaviate's two APIs, in the spec and in the configuration.
const (
	fieldREST = "url"
	fieldGRPC = "grpcURL"
)

// tell says what the words of a failed connection mean, and what its operator should check; empty if they tell nothing.
// What Weaviate itself says is not searched: it may quote a document.
func tell(err error) string {
	var words, field string
	tellings := connecting
	if s, ok := status.FromError(err); ok {
		words, field = s.Message(), fieldGRPC
		if s.Code() != codes.Unavailable && s.Code() != codes.DeadlineExceeded {
			tellings = strange
		}
	} else if f, ok := errors.AsType[*fault.WeaviateClientError](err); ok {
		words, field = f.Error(), fieldREST
		if f.IsUnexpectedStatusCode {
			tellings = refusals(f.StatusCode)
		}
	}
	words = strings.ToLower(words)
	for _, t := range tellings {
		for _, w := range t.words {
			if strings.Contains(words, w) {
				return strings.ReplaceAll(t.told, "FIELD", field)
			}
		}
	}
	return ""
}

// refusals are the tellings about a reply of REST. What a proxy says of the server behind it tells nothing of the url.
func refusals(code int) []telling {
	if code >= http.StatusInternalServerError || code == http.StatusUnauthorized || code == http.StatusForbidden {
		return nil
	}
	return strangeREST
}

// telling is what words in a failure mean, in lower case. FIELD stands for the field that has the address.
type telling struct {
	words []string
	told  string
}

const (
	useTLS  = "it speaks TLS, so write https:// in its FIELD"
	another = "another server than Weaviate answers there, so correct host and port in its FIELD"
)

// connecting are the tellings about connections, the surest first: the words are those of Go's packages, of gRPC and,
// for a request without TLS, of Go's server and nginx.
var connecting = []telling{
	{
		[]string{"first record does not look like a tls handshake", "server gave http response to https client"},
		"it does not speak TLS, so write http:// in its FIELD",
	},
	{[]string{`malformed http response "\x15\x03`}, useTLS}, // an alert of TLS
	{
		[]string{"x509: certificate signed by unknown authority"},
		"trust the authority of its certificate by spec.network.caBundle, or by SSL_CERT_FILE on one machine",
	},
	{[]string{"x509: "}, "give it a certificate that is valid for the host in its FIELD"},
	{
		[]string{"handshake failed: context deadline exceeded", "tls handshake timeout"},
		"it did not answer the TLS handshake in time; see its log, and if it does not speak TLS, write http:// in its FIELD",
	},
	{
		[]string{"looked like an http/1.1 header"},
		"an HTTP/1.1 server answers there, which is not Weaviate's gRPC; correct the port in its FIELD, usually 50051, " +
			"or write https:// there if it speaks TLS",
	},
	{[]string{"frame too large"}, another + ", or write https:// there if it speaks TLS"},
	{
		[]string{"malformed http", "invalid character '<'", "alpn", "readlooppeekfail"}, // the last if it speaks first
		another,
	},
	{
		[]string{"unexpected http status code received from server: 50"},
		"a proxy before it does not reach it; check that it runs",
	},
	{[]string{"no such host"}, "DNS does not know its host; correct the host in its FIELD"},
	{[]string{"connection refused"}, "nothing listens there; check that it runs, and the port in its FIELD"},
	{
		[]string{"dial tcp", "dialing"},
		"no connection to it comes about; check that it runs, network policies, and host and port in its FIELD",
	},
	{
		[]string{
			"use of closed network connection", "client.timeout", `": context deadline exceeded`,
			"information: context deadline exceeded",
		},
		"it accepts connections and does not answer; see its log, and check the port in its FIELD",
	},
	{
		[]string{"handshake failed"},
		"the TLS handshake with it failed; see its log, and if it does not speak TLS, write http:// in its FIELD",
	},
	{
		[]string{"eof", "connection reset", "broken pipe"},
		"it closed the connection; see its log, and check whether its FIELD needs http:// or https://",
	},
}

// strange are the tellings about a reply over gRPC that Weaviate does not give.
var strange = []telling{
	{[]string{"unexpected http status code", "unexpected content-type", "unknown service"}, another},
}

// strangeREST are those about a reply of REST.
var strangeREST = []telling{
	{[]string{"http request to an https server", "plain http request"}, useTLS},
	{[]string{"<html", "<!doctype", "page not found"}, another},
}
