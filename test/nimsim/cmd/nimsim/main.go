// Command nimsim is the NIM simulator as a process: it reads a NIM's environment, listens where a NIM would,
// and switches its faults under /-/ (see nimsim.Sim.Admin). The environment variable NIMSIM_FLAGS adds flags.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/ragpipeline/ragpipeline/test/nimsim"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// A pod whose command is not the test's to choose takes flags from its environment.
	args := append(os.Args[1:], strings.Fields(os.Getenv("NIMSIM_FLAGS"))...)
	switch err := run(ctx, args, os.Getenv); {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "nimsim:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends.
func run(ctx context.Context, args []string, getenv func(string) string) error {
	s, err := parse(args, getenv)
	if err != nil {
		return err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", s.address)
	if err != nil {
		return err
	}
	fmt.Fprintln(os.Stderr, "listening on", listener.Addr())

	sim := nimsim.New(s.options)
	mux := http.NewServeMux()
	mux.Handle("/", sim)
	mux.Handle("/-/", sim.Admin())
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()

	downloaded := time.After(s.download)
	for {
		select {
		case <-downloaded:
			if err := s.keepModel(); err != nil {
				return errors.Join(err, server.Close())
			}
		case err := <-failed:
			return err
		case <-ctx.Done():
			sim.Close()
			return shutdown(server)
		}
	}
}

// keepModel marks the model as downloaded, for the next start with the same cache.
func (s *settings) keepModel() error {
	if s.marker == "" {
		return nil
	}
	if err := os.WriteFile(s.marker, nil, 0o600); err != nil {
		return fmt.Errorf("keep the model in NIM_CACHE_PATH: %w", err)
	}
	return nil
}

func shutdown(server *http.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return server.Close()
	}
	return nil
}
