// Package refusals_test shows what the status says when a cluster refuses something. An API server, with the controllers
// that make pods, refuses it: quotas, limit ranges, policies, webhooks, Pod Security and what does not exist.
package refusals_test

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/ragpipeline/ragpipeline/controllers"
	"github.com/ragpipeline/ragpipeline/internal/apply"
	"github.com/ragpipeline/ragpipeline/internal/desired"
	"github.com/ragpipeline/ragpipeline/test/apiserver"
)

func TestMain(m *testing.M) { os.Exit(apiserver.MainWithControllers(m)) }

// startOperator runs an operator of all namespaces until the test ends.
func startOperator(t *testing.T) {
	t.Helper()
	manager, err := ctrl.NewManager(apiserver.Config(t), ctrl.Options{
		Scheme:                 controllers.Scheme(),
		Cache:                  controllers.CacheOptions(nil),
		Client:                 client.Options{FieldOwner: apply.FieldOwner},
		Controller:             config.Controller{SkipNameValidation: new(true)},
		Metrics:                metricsserver.Options{BindAddress: "0"},
		HealthProbeBindAddress: "0",
	})
	if err != nil {
		t.Fatal(err)
	}
	reconciler := &controllers.Reconciler{
		Client:   manager.GetClient(),
		Uncached: manager.GetAPIReader(),
		Applier:  apply.New(manager.GetClient(), manager.GetAPIReader()),
		Operator: desired.Operator{
			Image: "example.com/ragpipeline:test", WeaviateImage: "example.com/weaviate:test",
			Namespace: "ragpipeline-system", Labels: map[string]string{"app": "operator"},
		},
		Events:     manager.GetEventRecorder("ragpipeline"),
		Registerer: prometheus.NewRegistry(),
		Poll:       time.Second,
	}
	ctx, cancel := context.WithCancel(context.Background())
	if err := reconciler.SetupWithManager(ctx, manager, 8); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := manager.Start(ctx); err != nil {
			t.Error(err)
		}
	}()
	t.Cleanup(func() { cancel(); <-ended })
}
