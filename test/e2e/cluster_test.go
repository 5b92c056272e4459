//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/config"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
)

// What `make e2e` says about the operator that it installed.
var (
	operatorNamespace = env("E2E_NAMESPACE", "ragpipeline-system")
	operatorRelease   = env("E2E_RELEASE", "ragpipeline")
	operatorImage     = os.Getenv("E2E_IMAGE")          // that runs
	operatorNextImage = os.Getenv("E2E_NEXT_IMAGE")     // the same program under another tag
	previousImage     = os.Getenv("E2E_PREVIOUS_IMAGE") // the program of the commit before, with other readers
	simulatorImage    = os.Getenv("E2E_NIMSIM_IMAGE")
)

// api and pods are clients that may do anything.
var (
	api  client.WithWatch
	pods kubernetes.Interface
)

func env(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

func TestMain(m *testing.M) {
	if err := connect(); err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func connect() error {
	log.SetLogger(logr.Discard())
	if operatorImage == "" || operatorNextImage == "" || previousImage == "" || simulatorImage == "" {
		return fmt.Errorf("E2E_IMAGE, E2E_NEXT_IMAGE, E2E_PREVIOUS_IMAGE and E2E_NIMSIM_IMAGE are not set: run `make e2e`, which loads images and sets them")
	}
	rest, err := config.GetConfig()
	if err != nil {
		return err
	}
	rest.QPS = -1 // the server's own fairness is enough
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			return err
		}
	}
	if api, err = client.NewWithWatch(rest, client.Options{Scheme: scheme}); err != nil {
		return err
	}
	if pods, err = kubernetes.NewForConfig(rest); err != nil {
		return err
	}
	return servicesAreReachable()
}

// servicesAreReachable tries the one Service that every cluster has.
func servicesAreReachable() error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	var service corev1.Service
	if err := api.Get(ctx, client.ObjectKey{Namespace: "default", Name: "kubernetes"}, &service); err != nil {
		return err
	}
	connection, err := new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(service.Spec.ClusterIP, "443"))
	if err != nil {
		return fmt.Errorf("the addresses of Services cannot be reached from here (the package's comment says how to give them a route): %w", err)
	}
	return connection.Close()
}

// eventually waits until check has no objection any more, and fails the test with the last one at
// the deadline.
func eventually(t *testing.T, within time.Duration, what string, check func(ctx context.Context) error) {
	t.Helper()
	if err := await(t.Context(), within, check); err != nil {
		t.Fatalf("%s: not within %s: %v", what, within, err)
	}
}

// await is eventually without a test.
func await(ctx context.Context, within time.Duration, check func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	var last error
	for {
		err := check(ctx)
		if err == nil {
			return nil
		}
		if ctx.Err() == nil || last == nil { // not the one that says that time is up
			last = err
		}
		select {
		case <-ctx.Done():
			return last
		case <-tick.C:
		}
	}
}

// steadily fails the test if check objects once within the time.
func steadily(t *testing.T, during time.Duration, what string, check func(ctx context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), during)
	defer cancel()
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		if err := check(ctx); err != nil && ctx.Err() == nil {
			t.Fatalf("%s: did not stay so for %s: %v", what, during, err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// containsAll objects when a text lacks one of the parts.
func containsAll(text string, parts ...string) error {
	for _, part := range parts {
		if !strings.Contains(text, part) {
			return fmt.Errorf("%q does not say %q", text, part)
		}
	}
	return nil
}

// long leaves a story to `make e2e-long`: one that takes long and seldom breaks. What guards daily
// work is no such story.
func long(t *testing.T) {
	t.Helper()
	if os.Getenv("E2E_LONG") == "" {
		t.Skip("a long story: make e2e-long runs it")
	}
}

// calm is held for reading by tests that need the operator in time, and for writing by those that
// take it away.
var calm sync.RWMutex
