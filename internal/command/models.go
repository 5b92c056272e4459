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
		Short: "Serve the CPU stand-in models behind the NIM API, for trials and tests",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			log := serve.Logger(cmd.ErrOrStderr(), nil)
			listener, err := listen(cmd.Context(), "listen", address)
			if err != nil {
				return err
			}
			log.Info("Serving the stand-in models", "address", listener.Addr().String())
			models := serve.Server{Name: "models", Listener: listener, Handler: standin.NewHandler(standin.Options{})}
			return serve.Run(cmd.Context(), log, shutdownGrace, models)
		},
	}
	cmd.Flags().StringVar(&address, "listen", ":8000", "address to serve on")
	return cmd
}

// startStandIns serves the stand-in models on a loopback port of this process. It returns their
// base URL.
func startStandIns(ctx context.Context) (url string, stop func(), err error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, fmt.Errorf("listen for the stand-in models: %w", err)
	}
	server := &http.Server{Handler: standin.NewHandler(standin.Options{}), ReadHeaderTimeout: shutdownGrace}
	go server.Serve(listener)
	return "http://" + listener.Addr().String() + "/v1", func() { _ = server.Close() }, nil
}
