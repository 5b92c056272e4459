package git

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/skeema/knownhosts"
	"golang.org/x/crypto/ssh"
)

// sshConnection runs git-upload-pack on a server over SSH. It is closed when its context ends.
type sshConnection struct {
	client  *ssh.Client
	session *ssh.Session
	stdin   io.WriteCloser
	stdout  io.Reader
	stderr  errorText
	unwatch func() bool
}

func dialSSH(ctx context.Context, u *url.URL, o Options) (*sshConnection, error) {
	address := net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), "22"))
	settings, err := clientConfig(address, cmp.Or(u.User.Username(), "git"), o)
	if err != nil {
		return nil, err
	}
	conn, err := (&net.Dialer{Timeout: connectTimeout}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	c := &sshConnection{unwatch: context.AfterFunc(ctx, func() { conn.Close() })}
	if err := c.start(conn, address, settings, u.Path); err != nil {
		c.unwatch()
		conn.Close()
		return nil, err
	}
	return c, nil
}

// clientConfig reads the keys of both sides.
func clientConfig(address, user string, o Options) (*ssh.ClientConfig, error) {
	if o.PrivateKey == "" || o.KnownHosts == "" {
		return nil, errors.New("a repository over ssh needs a Secret with the entries ssh-privatekey and known_hosts: " +
			"name it in secretRef")
	}
	signer, err := ssh.ParsePrivateKey([]byte(o.PrivateKey))
	if _, locked := errors.AsType[*ssh.PassphraseMissingError](err); locked {
		return nil, errors.New("the ssh-privatekey has a passphrase: use a key without one, which may only read this " +
			"repository")
	}
	if err != nil {
		return nil, errors.New("the ssh-privatekey cannot be parsed: it must be a private key in PEM or OpenSSH's format")
	}
	hosts, err := readKnownHosts(o.KnownHosts)
	if err != nil {
		return nil, err
	}
	check := hosts.HostKeyCallback()
	return &ssh.ClientConfig{
		User: user,
		Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)},
		HostKeyCallback: func(host string, remote net.Addr, key ssh.PublicKey) error {
			return explainHostKey(check(host, remote, key), key)
		},
		HostKeyAlgorithms: hosts.HostKeyAlgorithms(address),
	}, nil
}

// readKnownHosts parses the text of a known_hosts file; the library reads files alone.
func readKnownHosts(text string) (*knownhosts.HostKeyDB, error) {
	f, err := os.CreateTemp("", "ragpipeline-known-hosts-")
	if err != nil {
		return nil, err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(text)
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	hosts, err := knownhosts.NewDB(f.Name())
	if err != nil {
		return nil, errors.New("the known_hosts cannot be parsed: write it with ssh-keyscan")
	}
	return hosts, nil
}

// explainHostKey says what to do about the server's key that is not the known one.
func explainHostKey(err error, key ssh.PublicKey) error {
	fingerprint := ssh.FingerprintSHA256(key)
	switch {
	case knownhosts.IsHostKeyChanged(err):
		return fmt.Errorf("the host's key %s is another than known_hosts has: if the host has a new key, "+
			"compare the fingerprint with what its owner publishes, and replace the line; if not, somebody is in between",
			fingerprint)
	case knownhosts.IsHostUnknown(err):
		return fmt.Errorf("known_hosts has no key of the host: compare the fingerprint %s with what its owner publishes, "+
			"and add the line that ssh-keyscan writes", fingerprint)
	}
	return err
}

// start logs in, and starts git-upload-pack.
func (c *sshConnection) start(conn net.Conn, address string, settings *ssh.ClientConfig, path string) error {
	if err := conn.SetDeadline(time.Now().Add(connectTimeout)); err != nil {
		return err
	}
	opened, channels, requests, err := ssh.NewClientConn(conn, address, settings)
	if err != nil {
		return explainLogin(err)
	}
	c.client = ssh.NewClient(opened, channels, requests)
	if c.session, err = c.client.NewSession(); err != nil {
		return err
	}
	c.session.Stderr = &c.stderr
	if c.stdin, err = c.session.StdinPipe(); err != nil {
		return err
	}
	if c.stdout, err = c.session.StdoutPipe(); err != nil {
		return err
	}
	if err := c.session.Start("git-upload-pack " + quoted(path)); err != nil {
		return err
	}
	return conn.SetDeadline(time.Time{}) // from now on the context ends it
}

// explainLogin says what to do when the server refuses the key. The library has no error of its own for that.
func explainLogin(err error) error {
	if strings.Contains(err.Error(), "unable to authenticate") {
		return fmt.Errorf("the server refuses the ssh-privatekey: add its public half to the repository's deploy keys: %w",
			err)
	}
	return err
}

// quoted quotes a path for the server's shell.
func quoted(path string) string { return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'" }

func (c *sshConnection) refs(context.Context) (io.ReadCloser, error) {
	return io.NopCloser(c.stdout), nil
}

func (c *sshConnection) fetch(_ context.Context, request []byte) (io.ReadCloser, error) {
	_, err := c.stdin.Write(request)
	if err := errors.Join(err, c.stdin.Close()); err != nil {
		return nil, c.explain(err)
	}
	return io.NopCloser(c.stdout), nil
}

// explain adds what the server wrote to its standard error, which is where it says that there is no repository.
func (c *sshConnection) explain(err error) error {
	ended := make(chan struct{})
	go func() { _ = c.session.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(time.Second):
	}
	if text := c.stderr.first(); text != "" {
		return fmt.Errorf("the server answers %q: check the path in the URL, and that the key may read the repository", text)
	}
	return err
}

func (c *sshConnection) close() {
	c.unwatch()
	c.client.Close()
}

// maxErrorText bounds what is kept of a server's standard error.
const maxErrorText = 1 << 10

// errorText keeps the beginning of what a server writes to its standard error.
type errorText struct {
	mu   sync.Mutex
	text []byte
}

func (e *errorText) Write(data []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.text = append(e.text, data[:min(len(data), maxErrorText-len(e.text))]...)
	return len(data), nil
}

// first returns the first line that is not empty.
func (e *errorText) first() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	for line := range strings.Lines(string(e.text)) {
		if line = strings.TrimSpace(line); line != "" {
			return line
		}
	}
	return ""
}
