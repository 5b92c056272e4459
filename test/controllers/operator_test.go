// Package controllers_test runs the whole operator on a real API server. What an API server alone lacks is played:
// workload controllers, kubelet, garbage collector, and the data plane's reports.
package controllers_test

import (
	"os"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"github.com/ragpipeline/ragpipeline/controllers"
	"github.com/ragpipeline/ragpipeline/test/apiserver"
	testoperator "github.com/ragpipeline/ragpipeline/test/operator"
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
	o.stop = testoperator.Start(t, restConfig, cache, func(r *controllers.Reconciler) {
		r.Poll = poll
		change(r)
	})
	return o
}
