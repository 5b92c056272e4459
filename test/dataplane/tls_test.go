package dataplane

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ragpipeline/ragpipeline/internal/index/weaviate/weaviatetest"
	"github.com/ragpipeline/ragpipeline/test/nimsim"
)

// certificate writes a certificate for 127.0.0.1 and its key as they are mounted, and a directory of what to trust.
func certificate(t *testing.T) (mounted, trusted string, pool *x509.CertPool) {
	t.Helper()
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	pair := server.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	mounted, trusted = t.TempDir(), t.TempDir()
	public := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]}))
	write(t, filepath.Join(mounted, "tls.crt"), public)
	write(t, filepath.Join(mounted, "tls.key"), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})))
	write(t, filepath.Join(trusted, "internal.crt"), public)
	pool = x509.NewCertPool()
	pool.AddCert(server.Certificate())
	return mounted, trusted, pool
}

// behindTLS puts the sidecar before a server, and returns the URL by which it is reached.
func behindTLS(t *testing.T, plain, protocol, mounted string) string {
	t.Helper()
	u, err := url.Parse(plain)
	if err != nil {
		t.Fatal(err)
	}
	sidecar := start(t, []string{"tls", "--certificate-dir", mounted, "--forward", "0=" + u.Port() + "/" + protocol})
	_, port, _ := strings.Cut(strings.TrimPrefix(sidecar.listens("localhost:"+u.Port()).url, "http://["), "]:")
	return "https://127.0.0.1:" + port
}

// Gateway and ingestion speak TLS with a store, over HTTP and gRPC, and with the models; the operator with the gateway.
func TestPodsSpeakTLSWithEachOther(t *testing.T) {
	t.Parallel()
	mounted, trusted, pool := certificate(t)
	store := weaviatetest.Start(t, weaviatetest.Options{})
	sim := nimsim.Start(t, nimsim.Options{Key: "key-of-the-models"})
	pod := newPod(t, behindTLS(t, sim.URL, "http/1.1", mounted))
	secure := *store
	secure.URL, secure.GRPCURL = behindTLS(t, store.URL, "http/1.1", mounted), behindTLS(t, store.GRPCURL, "h2", mounted)
	pod.inWeaviate(&secure)

	authorities := environment("SSL_CERT_DIR=" + trusted)
	encrypted := func(c *exec.Cmd) { c.Args = append(c.Args, "--ops-tls-dir", mounted) }
	pod.startIngest(authorities, encrypted).wait().ends(0, `"msg":"Finished ingestion","added":1,`)
	gateway, api, ops := pod.startGateway(authorities, encrypted)
	api.until("/readyz", http.StatusOK)
	api.ask("What is wind measured in?").want(t, http.StatusOK, "Wind is measured in knots. [1]")

	address := strings.TrimPrefix(ops.url, "http://")
	web := &http.Client{Timeout: patience, Transport: &http.Transport{
		DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS13},
	}}
	for target, want := range map[string]int{
		"https://" + address + "/readyz": http.StatusOK, secure.URL + "/v1/.well-known/ready": http.StatusOK,
		"http://" + address + "/readyz": http.StatusBadRequest, // Go's server says that the client sent plain HTTP
	} {
		response, err := web.Get(target)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("%s answers with %d", target, response.StatusCode)
		}
	}
	plain := strings.Replace(secure.URL, "https:", "http:", 1)
	if response, err := web.Get(plain + "/v1/.well-known/ready"); err == nil {
		response.Body.Close()
		t.Errorf("without TLS the store answers with %d", response.StatusCode)
	}
	gateway.stop().ends(0)

	// A gateway that does not trust the authority answers nothing, and tells why.
	stranger, api, _ := pod.startGateway(environment("SSL_CERT_DIR="+t.TempDir(), "SSL_CERT_FILE=/dev/null"))
	stranger.says(`certificate is not trusted`)
	api.get("/readyz").want(t, http.StatusServiceUnavailable)
}
