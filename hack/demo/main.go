// Command demo is what `make demo` does with a pipeline in the cluster of KUBECONFIG, in the
// namespace default:
//
//	demo wait NAME            print its progress until it is Ready, for 10 minutes at most
//	demo ask NAME QUESTION    ask it through the gateway's Service, and print the answer with its citations
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/config"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
)

const (
	namespace = "default"
	patience  = 10 * time.Minute
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	log.SetLogger(logr.Discard())
	api, err := connect()
	switch {
	case err != nil:
		return err
	case len(args) == 2 && args[0] == "wait":
		return wait(ctx, api, args[1])
	case len(args) == 3 && args[0] == "ask":
		return ask(ctx, api, args[1], args[2])
	default:
		return errors.New("want: wait NAME, or: ask NAME QUESTION")
	}
}

func connect() (client.WithWatch, error) {
	rest, err := config.GetConfig()
	if err != nil {
		return nil, err
	}
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, err
		}
	}
	return client.NewWithWatch(rest, client.Options{Scheme: scheme})
}
