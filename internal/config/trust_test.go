package config

import (
	"crypto/x509"
	"fmt"
	"testing"
)

func TestDistrustIsToldAlikeByEveryClient(t *testing.T) {
	expired := x509.CertificateInvalidError{Reason: x509.Expired, Detail: "current time 2026-11-28T15:00:00Z is after 2026-11-27T15:00:00Z"}
	for words, want := range map[string]string{
		fmt.Sprintf("Get \"https://store:8443\": tls: failed to verify certificate: %v", x509.UnknownAuthorityError{}): "its certificate is not trusted: certificate signed by unknown authority",
		fmt.Sprintf(`rpc error: code = Unavailable desc = connection error: desc = "transport: authentication handshake failed: `+
			`tls: failed to verify certificate: %v"`, x509.UnknownAuthorityError{}): "its certificate is not trusted: certificate signed by unknown authority",
		`x509: certificate signed by unknown authority (possibly because of "x509: ECDSA verification failure" while trying ` +
			`to verify candidate authority certificate "RAGPipeline authority")`: "its certificate is not trusted: certificate signed by unknown authority",
		expired.Error(): "its certificate is not trusted: it has expired, or is not valid yet",
		"tls: failed to verify certificate: x509: certificate is valid for a.rag.svc, not b.rag.svc": "its certificate is not trusted: certificate is valid for a.rag.svc, not b.rag.svc",
		"dial tcp 10.0.0.1:8443: connect: connection refused":                                        "",
	} {
		if got := Distrust(words); got != want {
			t.Errorf("%s:\ngot  %q\nwant %q", words, got, want)
		}
	}
}
