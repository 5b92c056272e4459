package controllers_test

import (
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/controllers"
	"github.com/ragpipeline/ragpipeline/test/apiserver"
	"github.com/ragpipeline/ragpipeline/test/played"
)

// cluster is a namespace in which workloads get pods, and pods run.
type cluster struct {
	testing.TB
	client.Client
	*played.Cluster
	namespace string
	seen      func(name string) []version // of a pipeline, so far
}

// startCluster plays a cluster, in which Pod Security is "restricted", until the test ends.
func startCluster(t testing.TB) *cluster {
	t.Helper()
	c := &cluster{TB: t, namespace: apiserver.Namespace(t, map[string]string{"pod-security.kubernetes.io/enforce": "restricted"})}
	var err error
	if c.Client, err = client.New(apiserver.Config(t), client.Options{Scheme: controllers.Scheme(), FieldOwner: "cluster"}); err != nil {
		t.Fatal(err)
	}
	c.seen = watchPipelines(t, c.namespace)
	c.Cluster, err = played.Play(t.Context(), apiserver.Config(t), played.Options{
		Namespace:      c.namespace,
		Network:        "127.77",
		CollectGarbage: true,
		Failed:         func(err error) { t.Error("the played cluster: ", err) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Error("the played cluster: ", err)
		}
	})
	return c
}
