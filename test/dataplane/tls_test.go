package dataplane

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
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

// A gateway whose certificate cannot be used ends, and leaves the cause to the operator, without the key.
func TestAGatewayTellsWhatIsWrongWithItsCertificate(t *testing.T) {
	t.Parallel()
	pod := newPod(t, "http://127.0.0.1:1")
	config := pod.write(pod.gateway)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	foreign := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded})
	for name, c := range map[string]struct {
		spoil func(directory string) error
		want  string
	}{
		"no key":         {func(d string) error { return os.Remove(filepath.Join(d, "tls.key")) }, "tls.key: no such file"},
		"no certificate": {func(d string) error { return os.Remove(filepath.Join(d, "tls.crt")) }, "tls.crt: no such file"},
		"the key of another": {func(d string) error {
			return os.WriteFile(filepath.Join(d, "tls.key"), foreign, 0o600)
		}, "private key "},
		"a certificate that is not PEM": {func(d string) error {
			return os.WriteFile(filepath.Join(d, "tls.crt"), []byte("MIIB"), 0o600)
		}, "failed to find any PEM data in certificate input"},
		"a key that is not PEM": {func(d string) error {
			return os.WriteFile(filepath.Join(d, "tls.key"), []byte("private-words"), 0o600)
		}, "failed to find any PEM data in key input"},
	} {
		t.Run(name, func(t *testing.T) { // one after another: only one may have the index open
			mounted, _, _ := certificate(t)
			log := filepath.Join(t.TempDir(), "termination-log")
			if err := c.spoil(mounted); err != nil {
				t.Fatal(err)
			}
			start(t, []string{"gateway", "--config", config, "--secrets", pod.secrets, "--listen", "127.0.0.1:0",
				"--ops-listen", "127.0.0.1:0", "--tls-dir", mounted, "--termination-log", log}).wait().ends(2, c.want)
			message, err := os.ReadFile(log)
			if err != nil {
				t.Fatal(err)
			}
			contains(t, string(message), c.want)
			if strings.Contains(string(message), "private-words") {
				t.Errorf("the termination message holds the key: %s", message)
			}
		})
	}
}
