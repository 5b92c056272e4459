package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os/exec"
	"runtime"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/client-go/tools/portforward"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/client"
	"github.com/ragpipeline/ragpipeline/internal/command/cluster"
	"github.com/ragpipeline/ragpipeline/internal/serve"
)

type openFlags struct {
	connection
	port      int
	chosen    bool // reports whether the port is the user's choice
	noBrowser bool
	person    bool // reports whether a person reads what is printed
}

// usualPort is that of `run`, which examples and clients name.
const usualPort = 8080

func newOpenCommand() *cobra.Command {
	var f openFlags
	cmd := &cobra.Command{
		Use:   "open NAME",
		Short: "Make a pipeline's page and API reachable on this machine, and open the page",
		Long: "open forwards a port of this machine to a gateway pod until it is interrupted, and to another pod when\n" +
			"that one is replaced. On a terminal, it opens the page in a browser. Clients reach the API at the same URL.",
		Example: "  ragpipeline open quickstart\n  ragpipeline open quickstart --port 9000 --no-browser",
		RunE: func(cmd *cobra.Command, args []string) error {
			name, _, err := f.named(cmd, args)
			if err != nil {
				return err
			}
			f.chosen, f.person = cmd.Flags().Changed("port"), isTerminal(cmd.OutOrStdout())
			return f.run(cmd.Context(), name)
		},
	}
	f.register(cmd)
	cmd.Flags().IntVar(&f.port, "port", usualPort, "port of this machine; by default another one if this is in use")
	cmd.Flags().BoolVar(&f.noBrowser, "no-browser", false, "open no browser")
	return cmd
}

func (f *openFlags) run(ctx context.Context, name string) error {
	if f.url != "" {
		g, err := client.New(f.url, "")
		if err != nil {
			return unusable{fmt.Errorf("--url: %w", err)}
		}
		return f.show(ctx, g.URL())
	}
	k, p, err := f.pipeline(ctx, name)
	if err != nil {
		return exit{err, exitUnreadable}
	}
	if !f.chosen && !isFree(ctx, f.port) {
		f.port = 0
	}
	log := serve.People(f.stderr, slog.LevelWarn)
	forwarding, err := k.Forward(ctx, p, f.port, log)
	if err != nil {
		return err
	}
	if err := f.show(ctx, forwarding.URL); err != nil {
		forwarding.Close()
		return err
	}
	f.explain(p)
	f.port = forwarding.Port
	return f.keep(ctx, k, p, forwarding, log)
}

// show prints the URL, and opens it where there is a browser.
func (f *openFlags) show(ctx context.Context, url string) error {
	if f.json() {
		return json.NewEncoder(f.stdout).Encode(map[string]string{"url": url})
	}
	if _, err := fmt.Fprintln(f.stdout, url); err != nil {
		return err
	}
	if f.noBrowser || !f.person {
		return nil
	}
	if browser := browserOf(runtime.GOOS, f.getenv); browser != nil {
		browser = append(browser, url)
		//nolint:gosec // the program is one of three, and the URL is the user's
		opening := exec.CommandContext(context.WithoutCancel(ctx), browser[0], browser[1:]...)
		if err := opening.Start(); err != nil {
			fmt.Fprintln(f.stderr, "note: no browser was opened:", err)
			return nil
		}
		go func() { _ = opening.Wait() }() // how the browser ends is its user's affair
	}
	return nil
}

// browserOf is the program that opens a page on a system; nil if there is no screen.
func browserOf(system string, getenv func(string) string) []string {
	switch {
	case system == "darwin":
		return []string{"open"}
	case system == "windows":
		return []string{"rundll32", "url.dll,FileProtocolHandler"}
	case getenv("DISPLAY") != "" || getenv("WAYLAND_DISPLAY") != "":
		return []string{"xdg-open"}
	}
	return nil
}

// explain says how to get the key that the page asks for. It does not print the key.
func (f *openFlags) explain(p *v1alpha1.RAGPipeline) {
	fmt.Fprintln(f.stderr, "The page and the API are there until you stop this with Ctrl-C.")
	if secret := cluster.KeySecret(p); secret != "" {
		fmt.Fprintf(f.stderr, "They ask for a key: kubectl get secret -n %s %s "+
			"-o go-template='{{range .data}}{{base64decode .}}{{\"\\n\"}}{{end}}'\n", p.Namespace, secret)
	}
}

// keep forwards the port until ctx ends: when the pod is gone, to another one.
func (f *openFlags) keep(
	ctx context.Context, k *cluster.Cluster, p *v1alpha1.RAGPipeline, now *cluster.Forwarding, log *slog.Logger,
) error {
	looks := time.NewTicker(looksEvery)
	defer looks.Stop()
	for {
		select {
		case <-ctx.Done():
			now.Close()
			return nil
		case err := <-now.Ended:
			if err != nil && !errors.Is(err, portforward.ErrLostConnectionToPod) {
				return err
			}
		case <-looks.C:
			if k.Leads(ctx, now) {
				continue
			}
		}
		now.Close()
		if now = f.again(ctx, k, p, log); now == nil {
			return nil
		}
	}
}

// looksEvery is the pause between two looks at the pod, and between two attempts to reach another one.
const looksEvery = time.Second

// again forwards the port to another pod, as soon as there is one; it returns nil when ctx ends before.
func (f *openFlags) again(
	ctx context.Context, k *cluster.Cluster, p *v1alpha1.RAGPipeline, log *slog.Logger,
) *cluster.Forwarding {
	for said := ""; ; {
		next, err := k.Forward(ctx, p, f.port, log)
		if err == nil {
			return next
		}
		if text := err.Error(); text != said && ctx.Err() == nil { // one line for each cause, not for each attempt
			said = text
			fmt.Fprintln(f.stderr, "warning: the connection to the gateway is lost, and tried again:", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(looksEvery):
		}
	}
}

// isFree reports whether nobody listens on a port of this machine.
func isFree(ctx context.Context, port int) bool {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	return err == nil && l.Close() == nil
}
