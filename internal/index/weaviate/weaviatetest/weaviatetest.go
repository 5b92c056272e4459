// Package weaviatetest runs a real Weaviate for tests, with an API key and no anonymous access.
package weaviatetest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// Variable names the environment variable that holds the path of the Weaviate binary.
const Variable = "RAGPIPELINE_WEAVIATE"

// Need skips the test unless a binary is given.
func Need(t testing.TB) {
	t.Helper()
	if os.Getenv(Variable) == "" {
		t.Skipf("%s is not set: it is the path of a Weaviate v1.39.1 binary, which `make test` builds and sets", Variable)
	}
}

// Key is the API key of every server, and ReadingKey one that may change nothing, as a gateway has.
const (
	Key        = "key-of-the-index"
	ReadingKey = "key-that-may-only-read"
)

// Options say how a server is started; the zero value is ready to use.
type Options struct {
	// Directory holds the data; by default it is a temporary one, which Stop deletes.
	Directory string
	// TLS serves both APIs with a self-signed certificate; see Server.Roots.
	TLS bool
	// Env is added to the environment: VARIABLE=value.
	Env []string
}

// Server is a Weaviate process.
type Server struct {
	// URL and GRPCURL are the base URLs of its APIs.
	URL, GRPCURL string
	// Roots is, with Options.TLS, the file of the certificate to trust: set SSL_CERT_FILE to it.
	Roots string

	directory string
	temporary bool
	arguments []string
	env       []string
	client    *http.Client

	command *exec.Cmd
	ended   chan struct{} // is closed when command has ended
}

// Start starts a server and stops it when the test ends.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	Need(t)
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return s
}

// New starts a server and waits until it is ready; the caller stops it.
func New(o Options) (*Server, error) {
	s := &Server{directory: o.Directory}
	if s.directory == "" {
		directory, err := os.MkdirTemp("", "weaviate-")
		if err != nil {
			return nil, err
		}
		s.directory, s.temporary = directory, true
	}
	if err := s.configure(o); err != nil {
		return nil, err
	}
	if err := s.Restart(); err != nil {
		s.Stop()
		return nil, err
	}
	return s, nil
}

// configure chooses the ports, which stay the same over restarts, and builds the environment.
func (s *Server) configure(o Options) error {
	ports, err := freePorts(6)
	if err != nil {
		return err
	}
	rest, grpc := ports[0], ports[1]
	scheme := "http"
	s.client = &http.Client{Timeout: 5 * time.Second}
	s.env = append(os.Environ(),
		"PERSISTENCE_DATA_PATH="+filepath.Join(s.directory, "data"), "CLUSTER_HOSTNAME=node1",
		"CLUSTER_BIND_ADDR=127.0.0.1", "CLUSTER_ADVERTISE_ADDR=127.0.0.1",
		"CLUSTER_GOSSIP_BIND_PORT="+ports[2], "CLUSTER_DATA_BIND_PORT="+ports[3],
		"RAFT_PORT="+ports[4], "RAFT_INTERNAL_RPC_PORT="+ports[5], "RAFT_TIMEOUTS_MULTIPLIER=1",
		"GRPC_PORT="+grpc, "GO_PROFILING_DISABLE=true", "DISABLE_TELEMETRY=true", "LOG_LEVEL=warning",
		"AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED=false", "AUTHENTICATION_APIKEY_ENABLED=true",
		"AUTHENTICATION_APIKEY_ALLOWED_KEYS="+Key+","+ReadingKey, "AUTHENTICATION_APIKEY_USERS=ragpipeline,reader",
		"AUTHORIZATION_ADMINLIST_ENABLED=true", "AUTHORIZATION_ADMINLIST_USERS=ragpipeline",
		"AUTHORIZATION_ADMINLIST_READONLY_USERS=reader",
		"DEFAULT_VECTORIZER_MODULE=none", "ENABLE_MODULES=", "API_BASED_MODULES_DISABLED=true",
		"DISK_USE_WARNING_PERCENTAGE=100", "DISK_USE_READONLY_PERCENTAGE=100", // however full this machine's disk is
	)
	s.env = append(s.env, o.Env...)
	if o.TLS {
		certificate, key, err := writeCertificate(s.directory)
		if err != nil {
			return err
		}
		scheme, s.Roots = "https", certificate
		s.env = append(s.env, "GRPC_CERT_FILE="+certificate, "GRPC_KEY_FILE="+key)
		s.arguments = []string{
			"--tls-host", "127.0.0.1", "--tls-port", rest, "--tls-certificate", certificate, "--tls-key", key,
		}
		if err := s.trust(certificate); err != nil {
			return err
		}
	} else {
		s.arguments = []string{"--host", "127.0.0.1", "--port", rest}
	}
	s.arguments = append(s.arguments, "--scheme", scheme)
	s.URL, s.GRPCURL = scheme+"://127.0.0.1:"+rest, scheme+"://127.0.0.1:"+grpc
	return nil
}

// trust makes the client that polls readiness trust the certificate.
func (s *Server) trust(file string) error {
	certificate, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(certificate)
	s.client.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	return nil
}

// freePorts returns ports on which no process listens now.
func freePorts(n int) ([]string, error) {
	var ports []string
	for range n {
		l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close() // at the end, so that none is chosen twice
		ports = append(ports, strconv.Itoa(l.Addr().(*net.TCPAddr).Port))
	}
	return ports, nil
}

// startTimeout is how long a server may take to be ready on a busy machine.
const startTimeout = time.Minute

// PID is the id of the process that runs now.
func (s *Server) PID() int { return s.command.Process.Pid }

// Restart kills the process, starts it again and waits until it is ready. Data and addresses stay.
func (s *Server) Restart() error {
	s.Kill()
	log, err := os.OpenFile(filepath.Join(s.directory, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	//nolint:noctx,gosec // Kill ends it; it runs the binary that the tester names
	command := exec.Command(os.Getenv(Variable), s.arguments...)
	command.Env, command.Stdout, command.Stderr = s.env, log, log
	dieWithParent(command)
	if err := command.Start(); err != nil {
		return err
	}
	s.command, s.ended = command, make(chan struct{})
	go func(ended chan struct{}) {
		_ = command.Wait() // how it ended does not matter
		close(ended)
	}(s.ended)
	return s.wait()
}

// wait waits for readiness.
func (s *Server) wait() error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		if s.ready(ctx) {
			return nil
		}
		select {
		case <-s.ended:
			return s.failure("ended before it was ready")
		case <-ctx.Done():
			return s.failure("was not ready in time")
		case <-tick.C:
		}
	}
}

func (s *Server) ready(ctx context.Context) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/v1/.well-known/ready", nil)
	if err != nil {
		return false
	}
	response, err := s.client.Do(request)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// failure quotes the end of the log.
func (s *Server) failure(what string) error {
	log, err := os.ReadFile(filepath.Join(s.directory, "log"))
	if len(log) > 4000 {
		log = log[len(log)-4000:]
	}
	return errors.Join(fmt.Errorf("weaviate %s; its log ends:\n%s", what, log), err)
}

// Kill ends the process at once, as a crash does.
func (s *Server) Kill() {
	if s.command == nil {
		return
	}
	_ = s.command.Process.Kill() // it may have ended already
	<-s.ended
	s.command = nil
}

// Stop ends the process, and deletes the data unless Options named its directory.
func (s *Server) Stop() {
	s.Kill()
	if s.temporary {
		_ = os.RemoveAll(s.directory)
	}
}

// writeCertificate writes a self-signed certificate for 127.0.0.1 and its key.
func writeCertificate(directory string) (certificate, key string, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", "", err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "weaviate for a test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		return "", "", err
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return "", "", err
	}
	certificate, key = filepath.Join(directory, "tls.crt"), filepath.Join(directory, "tls.key")
	if err := writePEM(certificate, "CERTIFICATE", der); err != nil {
		return "", "", err
	}
	return certificate, key, writePEM(key, "PRIVATE KEY", pkcs8)
}

func writePEM(path, kind string, der []byte) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}
