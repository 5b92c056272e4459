// Package controllers_test runs the whole operator on a real API server. What an API server alone lacks is played:
// workload controllers, kubelet, garbage collector, and the data plane's reports.
package controllers_test

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/ragpipeline/ragpipeline/controllers"
	"github.com/ragpipeline/ragpipeline/internal/apply"
	"github.com/ragpipeline/ragpipeline/internal/desired"
	"github.com/ragpipeline/ragpipeline/test/apiserver"
)

func TestMain(m *testing.M) { os.Exit(apiserver.Main(m)) }

const (
	// resync and poll are much shorter than in production, so that many passes are made in a test.
	resync = time.Second
	poll   = 250 * time.Millisecond
	// patience is for whatever the operator is to bring about.
	patience = 2 * time.Minute
)

// operator is an operator that serves one namespace.
type operator struct {
	requests apiserver.Requests
	stop     func()
}

// startOperator runs an operator until the test ends, or until it is stopped.
func startOperator(t testing.TB, namespace string) *operator {
	t.Helper()
	return startOperatorOf(t, namespace, "")
}

// startOperatorOf runs an operator that goes by other rules than this build's, unless they are empty.
func startOperatorOf(t testing.TB, namespace, rules string) *operator {
	t.Helper()
	return startOperatorWith(t, namespace, func(r *controllers.Reconciler) { r.Rules = rules })
}

// startOperatorWith runs an operator that is changed before it starts.
func startOperatorWith(t testing.TB, namespace string, change func(*controllers.Reconciler)) *operator {
	t.Helper()
	return startOperatorAs(t, apiserver.Config(t), namespace, change)
}

// startOperatorAs is startOperatorWith, as another user of the API server than its administrator.
func startOperatorAs(t testing.TB, restConfig *rest.Config, namespace string,
	change func(*controllers.Reconciler)) *operator {
	t.Helper()
	o := new(operator)
	o.requests.Watch(restConfig)
	cache := controllers.CacheOptions([]string{namespace})
	cache.SyncPeriod = new(resync)
	manager, err := ctrl.NewManager(restConfig, ctrl.Options{
		Scheme:                 controllers.Scheme(),
		Cache:                  cache,
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
		Poll:       poll,
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
	o.stop = func() { cancel(); <-ended }
	t.Cleanup(o.stop)
	return o
}
