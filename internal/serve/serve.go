// Package serve is the skeleton of a data-plane process: HTTP servers that start and stop together, the ops
// port, the state of the stages, logging and tracing.
package serve

import (
	"context"
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

	// farewellTime is what a request has, after its context was cancelled, to say so to its client.
	farewellTime = time.Second
)

var errCutOff = errors.New("the process is shutting down")

// Server is one HTTP server of the process.
type Server struct {
	Name     string // for logs and errors
	Listener net.Listener
	Handler  http.Handler
}

// Run serves until ctx ends or a server fails, and then stops all of them in the order given: each takes no
// new connection and finishes its requests, within grace for all together. Name the ops server last, so that it
// tells of the shutdown until its end. What is still running then, an answer that streams for minutes, has its
// request's context cancelled, with a cause of its own: a caller who left is told from one who is still there.
//
// The error is the first server's that failed; a shutdown that was asked for is none. There is no timeout for
// writing, because answers stream: handlers bound their own writes.
func Run(ctx context.Context, log *slog.Logger, grace time.Duration, servers ...Server) error {
	requests, cutOff := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cutOff(nil)
	failed := make(chan error, len(servers))
	running := make([]*http.Server, len(servers))
	for i, s := range servers {
		running[i] = &http.Server{
			Handler:           s.Handler,
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

// serve returns nil once s was asked to stop, and otherwise why it stopped by itself.
func serve(running *http.Server, s Server) error {
	err := running.Serve(s.Listener)
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve %s on %s: %w", s.Name, s.Listener.Addr(), err)
}

// stop shuts the servers down one after the other within grace, and then cuts off what is left.
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
		_ = s.Shutdown(farewell) // what is left now is cut off below
		cancel()
		s.Close()
	}
}
