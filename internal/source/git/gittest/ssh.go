package gittest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ragpipeline/ragpipeline/test/loopback"
)

// SSH is an sshd on a loopback port, for one user and key.
type SSH struct {
	Address    string // host:port
	User       string
	PrivateKey string
	KnownHosts string
	log        string
}

// URL is that of a repository.
func (s *SSH) URL(r *Repository) string { return "ssh://" + s.User + "@" + s.Address + r.Bare() }

// ServeSSH starts an sshd until the end of the test.
func ServeSSH(t testing.TB) *SSH {
	t.Helper()
	sshd := need(t, "sshd", "/usr/sbin/sshd")
	keygen := need(t, "ssh-keygen")
	dir := t.TempDir()
	for _, name := range []string{"host", "client", "locked"} {
		phrase := ""
		if name == "locked" {
			phrase = "open sesame"
		}
		run(t, keygen, "-q", "-t", "ed25519", "-N", phrase, "-f", filepath.Join(dir, name))
	}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	s := &SSH{Address: loopback.Free(t), User: me.Username, PrivateKey: read(t, filepath.Join(dir, "client")),
		log: filepath.Join(dir, "log")}
	host, port, _ := net.SplitHostPort(s.Address)
	s.KnownHosts = fmt.Sprintf("[%s]:%s %s", host, port, read(t, filepath.Join(dir, "host.pub")))
	write(t, filepath.Join(dir, "authorized_keys"), read(t, filepath.Join(dir, "client.pub")))
	config := strings.Join([]string{
		"ListenAddress " + s.Address, "HostKey " + filepath.Join(dir, "host"), "PidFile none",
		"AuthorizedKeysFile " + filepath.Join(dir, "authorized_keys"), "UsePAM no", "PasswordAuthentication no",
		"KbdInteractiveAuthentication no", "StrictModes no", "PermitRootLogin yes", "",
	}, "\n")
	write(t, filepath.Join(dir, "sshd_config"), config)
	if os.Getuid() == 0 { // where a privileged sshd puts its unprivileged half
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(sshd, "-D", "-f", filepath.Join(dir, "sshd_config"), "-E", s.log) //nolint:noctx // ends in Cleanup
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	s.await(t)
	return s
}

// Locked returns a private key with a passphrase.
func (s *SSH) Locked(t testing.TB) string {
	return read(t, filepath.Join(filepath.Dir(s.log), "locked"))
}

// await waits until sshd has told in its log that it listens.
func (s *SSH) await(t testing.TB) {
	t.Helper()
	for t.Context().Err() == nil {
		if conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", s.Address); err == nil {
			conn.Close()
			return
		}
	}
	t.Fatalf("sshd does not listen: %s", read(t, s.log))
}

func run(t testing.TB, name string, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", name, err, out)
	}
}

func read(t testing.TB, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func write(t testing.TB, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
