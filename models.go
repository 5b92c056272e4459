package main

import (
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
