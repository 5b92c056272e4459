package dataplane

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/source/git/gittest"
	"github.com/ragpipeline/ragpipeline/internal/source/s3test"
	"github.com/ragpipeline/ragpipeline/internal/standin"
	"github.com/ragpipeline/ragpipeline/test/nimsim"
)

// forward is a proxy that leads to one address whoever asks for the hosts, and refuses others. It counts the tunnels.
func forward(t *testing.T, address string, hosts ...string) (url string, tunnels *atomic.Int64) {
	t.Helper()
	tunnels = &atomic.Int64{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if host, _, _ := net.SplitHostPort(r.Host); r.Method != http.MethodConnect || !slices.Contains(hosts, host) {
			http.Error(w, "not for you", http.StatusForbidden)
			return
		}
		tunnels.Add(1)
		upstream, err := new(net.Dialer).DialContext(r.Context(), "tcp", address)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		w.WriteHeader(http.StatusOK)
		downstream, rest, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer downstream.Close()
		defer upstream.Close()
		go func() { _, _ = io.Copy(upstream, rest) }()
		_, _ = io.Copy(downstream, upstream)
	}))
	t.Cleanup(server.Close)
	return server.URL, tunnels
}

// world has the hosts that samples name. A process finds them there by variables of its environment: a proxy leads to
// them, and their certificate is trusted.
func world(t *testing.T, hosts map[string]http.Handler) (variables []string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	for host := range hosts {
		template.DNSNames = append(template.DNSNames, host)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hosts[r.Host].ServeHTTP(w, r)
	}))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	server.StartTLS()
	t.Cleanup(server.Close)
	trust := filepath.Join(t.TempDir(), "ca.pem")
	write(t, trust, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	proxy, _ := forward(t, server.Listener.Addr().String(), template.DNSNames...)
	return []string{"HTTPS_PROXY=" + proxy, "SSL_CERT_FILE=" + trust}
}

const pump = "# Pump\n\nThe pump is inspected every 30 days.\n"

// text is a host that sends a document at each path, and a sitemap of them.
func text(host string, paths ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/en/sitemap.xml" {
			fmt.Fprint(w, "<urlset>")
			for _, path := range paths {
				fmt.Fprintf(w, "<url><loc>https://%s%s</loc></url>", host, path)
			}
			fmt.Fprint(w, "</urlset>")
			return
		}
		if !slices.Contains(paths, r.URL.Path) {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/markdown")
		fmt.Fprint(w, pump)
	})
}

// hostedModels are NVIDIA's, under the names in hosted.yaml, for the key in the docs. A process finds them by the variables.
func hostedModels(t *testing.T) (variables []string) {
	t.Helper()
	models := nimsim.New(nimsim.Options{Key: "nvapi-...", Models: standin.Options{Names: standin.Names{
		Embedding: "nvidia/nemotron-3-embed-1b", Reranking: "nvidia/llama-nemotron-rerank-vl-1b-v2", LLM: "nvidia/nemotron-3-nano-30b-a3b",
	}}})
	t.Cleanup(models.Close)
	return world(t, map[string]http.Handler{"integrate.api.nvidia.com": models, "ai.api.nvidia.com": models})
}

// sample is how a file of config/samples is run on one machine.
type sample struct {
	noDocuments bool                        // if its documents are elsewhere
	setUp       func(t *testing.T) []string // makes what it needs, and returns variables
	secret      string                      // is applied with it
	edit        func(t *testing.T) []string // is old and new text in turn
	env         string
	question    string
	answer      string
	refused     string // says why it needs a cluster
}

// samplesByName are those that a directory of documents is not enough for.
var samplesByName = map[string]sample{
	"quickstart":      {noDocuments: true, question: "How does a pipeline switch to a new index?", answer: "without downtime. [1]"},
	"oidc":            {noDocuments: true, question: "How many days of leave do employees have a year?", answer: "28 days of leave"},
	"nim":             {refused: "a nim model needs a cluster"},
	"extraction-tika": {refused: "a tika needs a cluster"},
	"hosted":          {env: "NVIDIA_API_KEY=nvapi-...", setUp: hostedModels},
	"openai-compatible": {edit: func(t *testing.T) []string {
		sim := nimsim.Start(t, nimsim.Options{Models: standin.Options{Names: standin.Names{Embedding: "nomic-embed-text", LLM: "qwen3:4b"}}})
		return []string{"http://127.0.0.1:11434", ollama(t, sim)}
	}},
	"http": {noDocuments: true, setUp: func(t *testing.T) []string {
		hosts := map[string]http.Handler{}
		for host, path := range map[string]string{
			"kubernetes.io": "/docs/concepts/pump", "arxiv.org": "/pdf/1706.03762",
			"raw.githubusercontent.com": "/kubernetes/community/main/contributors/devel/sig-architecture/api-conventions.md",
		} {
			hosts[host] = text(host, path)
		}
		return world(t, hosts)
	}},
	"git": {noDocuments: true, setUp: func(t *testing.T) []string {
		repository := gittest.New(t)
		repository.Write("docs/pump.md", pump)
		repository.Commit()
		return world(t, map[string]http.Handler{"git.example.com": renamed("/team/handbook.git", "/repo.git",
			repository.Handler("reader", "hushhush"))})
	}, secret: "metadata: {name: handbook-git}\nstringData: {username: reader, password: hushhush}"},
	"s3": {noDocuments: true, setUp: func(t *testing.T) []string {
		store := s3test.Start(t)
		store.Put("reports/2022/pump.md", pump, nil)
		return world(t, map[string]http.Handler{"minio.example.com": store.Proxy()})
	}, secret: "metadata: {name: papers-bucket}\nstringData: {" + config.S3AccessKeyID + ": " + s3test.AccessKeyID + ", " +
		config.S3SecretAccessKey + ": " + s3test.SecretAccessKey + "}",
		edit: func(*testing.T) []string { return []string{"region: us-east-1", "region: " + s3test.Region} }},
}

// renamed leads requests below one path to another one.
func renamed(from, to string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if rest, ok := strings.CutPrefix(r.URL.Path, from); ok {
			r.URL.Path = to + rest
		}
		next.ServeHTTP(w, r)
	})
}

// Each sample answers a question on one machine as its file stands, but for a port and a region, with the hosts that it
// names played, or tells what it needs a cluster for: test/e2e has pods of those.
func TestEverySampleAnswersOrSaysWhatItNeeds(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../config/samples/*.yaml")
	if err != nil || len(files) < len(samplesByName) {
		t.Fatalf("%d samples: %v", len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := samplesByName[name]
			if s.question == "" {
				s.question, s.answer = "The pump is inspected every how many days?", "The pump is inspected every 30 days. [1]"
			}
			p := s.ask(t, file)
			if s.refused != "" {
				p.ends(2, s.refused)
				return
			}
			p.ends(0)
			contains(t, p.stdout.String(), s.answer)
		})
	}
}

func (s *sample) ask(t *testing.T, file string) *process {
	t.Helper()
	manifest, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if s.edit != nil {
		manifest = []byte(strings.NewReplacer(s.edit(t)...).Replace(string(manifest)))
	}
	home := t.TempDir()
	write(t, filepath.Join(home, "sample.yaml"), string(manifest))
	args, options := []string{"run", "-f", "sample.yaml", "--ask", s.question}, []with{in(home), environment(s.env)}
	if s.secret != "" {
		write(t, filepath.Join(home, "secret.yaml"), "apiVersion: v1\nkind: Secret\n"+s.secret)
		args = append(args, "-f", "secret.yaml")
	}
	if !s.noDocuments {
		write(t, filepath.Join(home, "documents/pump.md"), pump)
		args = append(args, "--documents", "documents")
	}
	if s.setUp != nil {
		options = append(options, environment(s.setUp(t)...))
	}
	return start(t, args, options...).wait()
}
