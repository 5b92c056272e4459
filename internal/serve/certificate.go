package serve

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// The entries of a Secret of the type kubernetes.io/tls, which cert-manager fills.
const (
	certificateFile = "tls.crt"
	keyFile         = "tls.key"

	maxCertificateBytes = 1 << 20 // of a Secret

	// certificatePause is the least time between two looks at the files.
	certificatePause = time.Second
)

// Certificate is a server's certificate in files that are replaced while it serves, as the kubelet does
// with a mounted Secret. New connections get the new one; those that are open go on.
type Certificate struct {
	directory string
	log       *slog.Logger

	mu      sync.Mutex
	looked  time.Time
	content []byte // of both files, as last looked at
	present *tls.Certificate
}

// NewCertificate reads the certificate and its key from tls.crt and tls.key in the directory.
func NewCertificate(directory string, log *slog.Logger) (*Certificate, error) {
	c := &Certificate{directory: directory, log: log}
	if err := c.read(); err != nil {
		return nil, err
	}
	return c, nil
}

// Config is the TLS configuration of a server with the certificate.
func (c *Certificate) Config() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.get(), nil },
	}
}

// get returns the newest certificate that could be read.
func (c *Certificate) get() *tls.Certificate {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.looked) >= certificatePause {
		if err := c.read(); err != nil {
			c.log.Warn("Kept the old certificate", "error", err)
		}
	}
	return c.present
}

// read reads the files if they have changed. Files that are not a pair, because they were read while they
// were being replaced, are read again at the next look.
func (c *Certificate) read() error {
	c.looked = time.Now()
	certificate, err := readBounded(filepath.Join(c.directory, certificateFile))
	if err != nil {
		return c.unusable(err)
	}
	key, err := readBounded(filepath.Join(c.directory, keyFile))
	if err != nil {
		return c.unusable(err)
	}
	content := bytes.Join([][]byte{certificate, key}, []byte{0})
	if bytes.Equal(content, c.content) {
		return nil
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return c.unusable(err)
	}
	c.content, c.present = content, &pair
	c.log.Info("Loaded the certificate", "names", pair.Leaf.DNSNames, "expires", pair.Leaf.NotAfter)
	return nil
}

// unusable says what is wrong with the files, without what they hold.
func (c *Certificate) unusable(err error) error {
	return fmt.Errorf("certificate in %s: %w; tls.crt must hold the certificate and those between it and its "+
		"authority, and tls.key its key", c.directory, err)
}

func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxCertificateBytes))
}
