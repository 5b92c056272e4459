// Package refusals_test shows what the status says when a cluster refuses something. An API server, with the controllers
// that make pods, refuses it: quotas, limit ranges, policies, webhooks, Pod Security and what does not exist.
package refusals_test

import (
	"os"
	"testing"
	"time"

	"github.com/ragpipeline/ragpipeline/controllers"
	"github.com/ragpipeline/ragpipeline/test/apiserver"
	"github.com/ragpipeline/ragpipeline/test/operator"
)

func TestMain(m *testing.M) { os.Exit(apiserver.MainWithControllers(m)) }

// startOperator runs an operator of all namespaces until the test ends.
func startOperator(t *testing.T) {
	t.Helper()
	operator.Start(t, apiserver.Config(t), controllers.CacheOptions(nil), func(r *controllers.Reconciler) { r.Poll = time.Second })
}
