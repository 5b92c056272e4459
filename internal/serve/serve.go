// Package serve is the skeleton of a data-plane process: HTTP servers that start and stop together,
// the ops port, the state of the stages, logging and tracing.
package serve

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

const (
	readHeaderTimeout = 10 * time.Second
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 64 << 10

	// farewellTime is how long a request may still send its client an error after its context was
	// cancelled.
	farewellTime = time.Second
)

var errCutOff = errors.New("the process is shutting down")

// Server is one HTTP server of the process.
type Server struct {
	Name     string // identifies the server in logs and errors
	Listener net.Listener
	Handler  http.Handler
	// TLS makes the server speak TLS; nil for plain HTTP.
	TLS *tls.Config
	// BodyTime is how long a request's body may take to arrive; 0 means 30 s.
	BodyTime time.Duration
}

// Run serves until ctx ends or a server fails, and then stops all servers in the given order: each
// accepts no new connections and completes its requests. All of them together have the grace
// period. Pass the ops server last, so that it reports the shutdown until its end. After the grace
// period, Run cancels the contexts of the requests that remain, such as an answer that streams for
// minutes. Their cause differs from that of a client that disconnected, so that a handler can tell
// its client of the shutdown.
//
// Run returns the error of the first server that failed, and nil if ctx ended. A request's body must
// arrive within its server's BodyTime. There is no timeout for writing, because answers stream: handlers bound their
// own writes.
func Run(ctx context.Context, log *slog.Logger, grace time.Duration, servers ...Server) error {
	requests, cutOff := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cutOff(nil)
	failed := make(chan error, len(servers))
	running := make([]*http.Server, len(servers))
	for i, s := range servers {
		running[i] = &http.Server{
			Handler:           boundBodies(s.Handler, cmp.Or(s.BodyTime, bodyTime), settleTime),
			ReadHeaderTimeout: readHeaderTimeout,
			IdleTimeout:       idleTimeout,
			MaxHeaderBytes:    maxHeaderBytes,
			BaseContext:       func(net.Listener) context.Context { return requests },
			ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		}
		log.Info("Listening", "server", s.Name, "address", s.Listener.Addr().String())
		go func() { failed <- serve(running[i], s) }()
	}
	var first error
	select {
	case <-ctx.Done():
		log.Info("Shutting down", "grace", grace)
	case first = <-failed:
	}
	stop(log, grace, servers, running, func() { cutOff(errCutOff) })
	return first
}

// serve returns nil if s was shut down, and otherwise why it stopped.
func serve(running *http.Server, s Server) error {
	var err error
	if s.TLS != nil {
		running.TLSConfig = s.TLS
		err = running.ServeTLS(s.Listener, "", "")
	} else {
		err = running.Serve(s.Listener)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve %s on %s: %w", s.Name, s.Listener.Addr(), err)
}

// stop shuts the servers down one after the other within grace, and then cuts off the requests that
// remain.
func stop(log *slog.Logger, grace time.Duration, servers []Server, running []*http.Server, cutOff func()) {
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	for i, s := range running {
		if s.Shutdown(ctx) == nil {
			continue
		}
		log.Warn("Cut off requests that outlasted the grace period", "server", servers[i].Name)
		cutOff()
		farewell, cancel := context.WithTimeout(context.Background(), farewellTime)
		_ = s.Shutdown(farewell) // Close cuts off what remains
		cancel()
		s.Close()
	}
}
