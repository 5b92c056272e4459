package serve

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"
)

const (
	handshakeTime = 10 * time.Second
	dialTime      = 5 * time.Second
	lingerTime    = 2 * time.Second
)

// After a connection that could not be accepted, the next one waits, longer each time.
const (
	minPause = 5 * time.Millisecond
	maxPause = time.Second
)

// Forward is a port with TLS before a port without, of a server in the same pod.
type Forward struct {
	Listener net.Listener
	// Target is the address of the server.
	Target string
	// TLS has the certificate, and the protocol that the server speaks.
	TLS *tls.Config
}

// RunForwards passes on bytes until ctx ends. Then the connections that are open have the grace period: in a pod, the
// servers have ended by then.
func RunForwards(ctx context.Context, log *slog.Logger, grace time.Duration, forwards ...Forward) {
	connections, cutOff := context.WithCancel(context.WithoutCancel(ctx))
	defer cutOff()
	var open sync.WaitGroup
	for _, f := range forwards {
		log.Info("Listening", "server", f.Target, "address", f.Listener.Addr().String())
		open.Go(func() { f.accept(connections, log, &open) })
	}
	<-ctx.Done()
	for _, f := range forwards {
		f.Listener.Close()
	}
	late := time.AfterFunc(grace, cutOff)
	defer late.Stop()
	open.Wait()
}

// accept takes connections until the listener is closed. Every other error is one of a moment: the process has no file
// left, or the connection is gone already.
func (f Forward) accept(ctx context.Context, log *slog.Logger, open *sync.WaitGroup) {
	pause := minPause
	for {
		connection, err := f.Listener.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			log.Warn("Could not accept a connection", "server", f.Target, "error", err, "pause", pause)
			select {
			case <-ctx.Done():
			case <-time.After(pause):
			}
			pause = min(2*pause, maxPause)
			continue
		}
		pause = minPause
		open.Go(func() {
			if err := f.serve(ctx, connection); err != nil {
				log.Warn("Refused a connection", "server", f.Target, "error", err)
			}
		})
	}
}

// serve passes on one connection, in both directions, until the server has ended it. A connection that breaks is not an
// error: both of its ends notice.
func (f Forward) serve(ctx context.Context, plain net.Conn) error {
	defer plain.Close()
	client := tls.Server(plain, f.TLS)
	handshake, cancel := context.WithTimeout(ctx, handshakeTime)
	defer cancel()
	if err := client.HandshakeContext(handshake); errors.Is(err, io.EOF) {
		return nil // a probe that looks whether the port is open
	} else if err != nil {
		return fmt.Errorf("agree on TLS: %w", err)
	}
	dialer := net.Dialer{Timeout: dialTime}
	connection, err := dialer.DialContext(ctx, "tcp", f.Target)
	if err != nil {
		return fmt.Errorf("connect to the server: %w", err)
	}
	server := connection.(*net.TCPConn)
	defer server.Close()
	stop := context.AfterFunc(ctx, func() { plain.Close(); server.Close() })
	defer stop()
	var sent sync.WaitGroup
	sent.Go(func() {
		_, _ = io.Copy(server, client)
		_ = server.CloseWrite()
	})
	_, _ = io.Copy(client, server)
	_ = client.CloseWrite()
	_ = plain.SetReadDeadline(time.Now().Add(lingerTime)) // for a client that still sends, and has yet to read the answer
	sent.Wait()
	return nil
}
