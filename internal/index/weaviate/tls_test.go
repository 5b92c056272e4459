package weaviate_test

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/index/weaviate"
	"github.com/ragpipeline/ragpipeline/internal/index/weaviate/weaviatetest"
)

// TestTLSIsVerified runs itself in a process of its own, as a process reads the system's roots once.
func TestTLSIsVerified(t *testing.T) {
	if urls := os.Getenv("RAGPIPELINE_TEST_TLS"); urls != "" {
		overTLS(t, urls)
		return
	}
	server := weaviatetest.Start(t, weaviatetest.Options{TLS: true})
	for name, roots := range map[string]string{"trusted": server.Roots, "unknown": os.DevNull} {
		again := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestTLSIsVerified$", "-test.v")
		again.Env = append(os.Environ(), "RAGPIPELINE_TEST_TLS="+name+" "+server.URL+" "+server.GRPCURL, "SSL_CERT_FILE="+roots, "SSL_CERT_DIR="+os.DevNull)
		if out, err := again.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS") {
			t.Errorf("with the certificate %s: %v\n%s", name, err, out)
		}
	}
}

func overTLS(t *testing.T, urls string) {
	part := strings.Fields(urls)
	o := weaviate.Options{Index: config.WeaviateIndex{URL: part[1], GRPCURL: part[2]}, Pipeline: newPipeline(), Key: key}
	if part[0] == "trusted" {
		mustPut(t, open(t, o), "docs/a.md")
		return
	}
	o.ReadOnly = true
	_, err := open(t, o).Stats(t.Context())
	if !errors.Is(err, index.ErrUnreachable) || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a certificate that no one signed gave %v", err)
	}
}
