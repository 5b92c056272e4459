package command

import (
	"context"
	"fmt"
	"net"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/ragpipeline/ragpipeline/internal/serve"
	"github.com/ragpipeline/ragpipeline/internal/standin"
)

func newModelsCommand() *cobra.Command {
	var address string
	cmd := &cobra.Command{
		Use:   "models",
		Short: "Serve the CPU stand-in models behind the NIM API, for trying out and for tests",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			log := serve.Logger(cmd.ErrOrStderr(), nil)
			listener, err := listen(cmd.Context(), "listen", address)
			if err != nil {
				return err
			}
			log.Info("Serving the stand-in models", "address", listener.Addr().String())
			return serve.Run(cmd.Context(), log, shutdownGrace, serve.Server{Name: "models", Listener: listener, Handler: standin.NewHandler(standin.Options{})})
		},
	}
	cmd.Flags().StringVar(&address, "listen", ":8000", "address to serve on")
	return cmd
}

// standIns are the stand-in models on a loopback port of this process.
type standIns struct {
	url    string
	server *http.Server
}

func startStandIns(ctx context.Context) (*standIns, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for the stand-in models: %w", err)
	}
	s := &standIns{url: "http://" + listener.Addr().String() + "/v1", server: &http.Server{Handler: standin.NewHandler(standin.Options{}), ReadHeaderTimeout: shutdownGrace}}
	go s.server.Serve(listener)
	return s, nil
}

func (s *standIns) stop() { s.server.Close() }
