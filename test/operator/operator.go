// Package operator starts an operator in the process of a test, on an API server of test/apiserver.
package operator

import (
	"context"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/ragpipeline/ragpipeline/controllers"
	"github.com/ragpipeline/ragpipeline/internal/apply"
	"github.com/ragpipeline/ragpipeline/internal/desired"
)

// Start runs an operator, as the user of restConfig, until the test ends or stop is called. change sets what the test
// needs otherwise, such as Poll, which has no default here.
func Start(t testing.TB, restConfig *rest.Config, caches cache.Options, change func(*controllers.Reconciler)) (stop func()) {
	t.Helper()
	manager, err := ctrl.NewManager(restConfig, ctrl.Options{
		Scheme:                 controllers.Scheme(),
		Cache:                  caches,
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
	}
	change(reconciler)
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
	stop = func() { cancel(); <-ended }
	t.Cleanup(stop)
	return stop
}
