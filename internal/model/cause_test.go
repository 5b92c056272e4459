package model

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

func TestAServersOwnCodeIsKept(t *testing.T) {
	for _, tc := range []struct{ name, body, want string }{
		{"OpenAI's", `{"error":{"message":"m","type":"invalid_request_error","code":"model_not_found"}}`, "model_not_found"},
		{"a type where the code is null", `{"error":{"message":"m","type":"invalid_request_error","code":null}}`, "invalid_request_error"},
		{"vLLM's", `{"object":"error","message":"m","type":"BadRequestError","code":400}`, "BadRequestError"},
		{"TEI's", `{"error":"m","error_type":"Validation"}`, "Validation"},
		{"Google's", `{"error":{"code":429,"message":"m","status":"RESOURCE_EXHAUSTED"}}`, "RESOURCE_EXHAUSTED"},
		{"not an id", `{"error":{"message":"m","code":"req_81f3"}}`, ""},
		{"not a sentence", `{"error":{"message":"m","code":"the key is wrong"}}`, ""},
		{"not the key", `{"error":{"message":"m","code":"opensesame"}}`, ""},
		{"not the prompt", `{"error":{"message":"m","code":"ragpipeline_asks_whether_you"}}`, ""},
		{"not a word of a text", `{"error":{"message":"m","code":"quokkaphone"}}`, ""},
		{"a lack of credit", `{"error":{"message":"m","code":"insufficient_quota"}}`, "insufficient_quota"},
		{"a limit", `{"error":{"message":"m","code":"rate_limit_exceeded"}}`, "rate_limit_exceeded"},
		{"a wrong key", `{"error":{"message":"m","code":"invalid_api_key"}}`, "invalid_api_key"},
		{"not JSON", `code`, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := answer(t, http.StatusBadRequest, tc.body)
			key := func() (string, error) { return "opensesame", nil }
			err := NewRanker(s.model(), key, Transport{}).Probe(t.Context())
			e, ok := errors.AsType[*Error](err)
			if !ok || e.Code != tc.want {
				t.Fatalf("got %#v", err)
			}
			if named := strings.Contains(err.Error(), "(HTTP 400, "+tc.want+")"); named != (tc.want != "") {
				t.Errorf("the text is %q", err)
			}
			if named := strings.Contains(e.Summary(), tc.want); !named {
				t.Errorf("the summary is %q", e.Summary())
			}
		})
	}
}

func TestAWebPageInTheReplysPlaceIsCalledThat(t *testing.T) {
	s := answer(t, http.StatusOK, "<!doctype html><html><head><title>Sign in</title></head></html>")
	_, embed := NewEmbedder(s.model(), config.EmbeddingSpace{}, nil, Transport{}).Query(t.Context(), "x")
	for _, err := range []error{embed, NewRanker(s.model(), nil, Transport{}).Probe(t.Context()), s.chat().Probe(t.Context())} {
		if FailureOf(err) != config.ModelBroken || !strings.Contains(err.Error(), "Sign in: it is a web page, not the JSON") {
			t.Errorf("got %v", err)
		}
	}
}

func TestAddressesAreShownWithoutTheirSecrets(t *testing.T) {
	for address, want := range map[string]string{
		"http://user:hunter2@host:8000/v1/rerank?key=hunter2#x": "http://host:8000/v1/rerank",
		"https://host/v1": "https://host/v1",
		"http://[/v1":     "",
		"host:8000":       "",
	} {
		if got := Address(address); got != want {
			t.Errorf("%s becomes %q", address, got)
		}
	}
}

func TestCausesOfConnectionsAreTheSameEachTime(t *testing.T) {
	expired := x509.CertificateInvalidError{Cert: &x509.Certificate{NotAfter: time.Unix(0, 0)}, Reason: x509.Expired, Detail: "current time is 12:00"}
	for _, tc := range []struct {
		name string
		err  error
		want string
	}{
		{"no such host", &net.OpError{Op: "dial", Err: &net.DNSError{Name: "models.example", Server: "10.0.0.10:53", Err: "no such host", IsNotFound: true}},
			"no such host as models.example"},
		{"a resolver that does not answer", &net.DNSError{Name: "models.example", Err: "read udp 10.1.2.3:40001->10.0.0.10:53: i/o timeout", IsTimeout: true},
			"the name models.example could not be looked up"},
		{"a certificate that nobody signed", &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}},
			"its certificate is not trusted: certificate signed by unknown authority"},
		{"an expired one", &tls.CertificateVerificationError{Err: expired},
			"its certificate is not trusted: it has expired, or is not valid yet"},
	} {
		if got := plain(tc.err).Error(); got != tc.want {
			t.Errorf("%s: %q", tc.name, got)
		}
	}
	named := (&Error{Failure: config.ModelRejected, Message: "no (request id: abcdef)"}).Summary()
	if strings.Contains(named, "abcdef") {
		t.Errorf("the summary has the id of a request: %s", named)
	}
}

func TestAServerMayNotQuoteASingleWordOfATextEither(t *testing.T) {
	texts := []string{"The password of the vault is xyzzy-77; the limit of tokens is 8192, the account 12345678."}
	for said, want := range map[string]string{
		"cannot read 'xyzzy-77'":                      "cannot read '[…]'",
		"unknown token XYZZY-77 in input":             "unknown token […] in input",
		"no vault here":                               "no […] here",
		"account 12345678 has no credits":             "account […] has no credits",
		"maximum context length is 8192 tokens":       "maximum context length is 8192 tokens",
		"The model `qwen3` does not exist":            "The model `qwen3` does not exist",
		"Incorrect API key provided: sk-1***9. Check": "Incorrect API key provided: sk-1***9. Check",
	} {
		if got := clean(said, nil, texts); got != want {
			t.Errorf("%q becomes %q", said, got)
		}
	}
}

// A question of the verification waits for a model that takes longer than a user would.
func TestAQuestionOfAnIngestionWaitsForASlowModel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := direct{http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			select {
			case <-time.After(3 * time.Minute):
				io.WriteString(w, vectorsOf(1))
			case <-r.Context().Done():
			}
		})}
		e := NewEmbedder(config.Model{URL: "http://h/v1", Name: "m"}, config.EmbeddingSpace{}, nil, Transport{HTTP: slow})
		if _, err := e.Query(t.Context(), "where?"); FailureOf(err) != config.ModelTimedOut {
			t.Errorf("a user waits for %v", err)
		}
		if _, err := e.PatientQuery(t.Context(), "where?"); err != nil {
			t.Error(err)
		}
	})
}
