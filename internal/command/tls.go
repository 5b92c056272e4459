package command

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ragpipeline/ragpipeline/internal/serve"
)

// tlsFlags are the flags of `tls`.
type tlsFlags struct {
	directory string
	forwards  []string
}

// newTLSCommand returns a command for sidecars alone.
func newTLSCommand() *cobra.Command {
	var f tlsFlags
	cmd := &cobra.Command{
		Use:    "tls --certificate-dir DIRECTORY --forward PORT=PORT/PROTOCOL...",
		Short:  "End TLS before a server of the same pod, and pass on what is in it",
		Hidden: true,
		Args:   noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.run(cmd.Context(), serve.Logger(cmd.ErrOrStderr(), nil))
		},
	}
	cmd.Flags().StringVar(&f.directory, "certificate-dir", "",
		"directory of tls.crt and tls.key, read again when they change")
	cmd.Flags().StringArrayVar(&f.forwards, "forward", nil,
		"port with TLS, the server's port on the loopback address, and its protocol: http/1.1 or h2")
	return cmd
}

func (f *tlsFlags) run(ctx context.Context, log *slog.Logger) error {
	certificate, err := serve.NewCertificate(f.directory, log)
	if err != nil {
		return unusable{err}
	}
	var forwards []serve.Forward
	for _, text := range f.forwards {
		from, to, protocol, err := parseForward(text)
		if err != nil {
			return unusable{err}
		}
		forward := serve.Forward{Target: net.JoinHostPort("localhost", to), TLS: certificate.Config()}
		forward.TLS.NextProtos = []string{protocol}
		if forward.Listener, err = listen(ctx, "forward", ":"+from); err != nil {
			return err
		}
		defer forward.Listener.Close()
		forwards = append(forwards, forward)
	}
	if len(forwards) == 0 {
		return unusable{errors.New("--forward is missing: name the ports")}
	}
	serve.RunForwards(ctx, log, shutdownGrace, forwards...)
	return nil
}

// parseForward reads the ports and the protocol of PORT=PORT/PROTOCOL.
func parseForward(text string) (from, to, protocol string, err error) {
	ports, protocol, _ := strings.Cut(text, "/")
	from, to, _ = strings.Cut(ports, "=")
	for _, port := range []string{from, to} {
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			return "", "", "", fmt.Errorf("--forward %s: %q is not a port; write PORT=PORT/PROTOCOL", text, port)
		}
	}
	if protocol != "http/1.1" && protocol != "h2" {
		return "", "", "", fmt.Errorf("--forward %s: the protocol must be http/1.1 or h2", text)
	}
	return from, to, protocol, nil
}
