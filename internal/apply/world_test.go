package apply_test

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/apply"
	"github.com/ragpipeline/ragpipeline/internal/desired"
	"github.com/ragpipeline/ragpipeline/internal/naming"
	"github.com/ragpipeline/ragpipeline/test/apiserver"
)

func TestMain(m *testing.M) { os.Exit(apiserver.Main(m)) }

// patience is for a cache to see what the server has.
const patience = time.Minute

// world is a namespace, and an Applier whose client reads from a cache as the operator's does.
type world struct {
	testing.TB
	namespace string
	applier   *apply.Applier
	requests  apiserver.Requests // of the applier
	cached    client.Client      // what the applier has
	live      client.Client      // for the test itself: another user
}

func newWorld(t testing.TB) *world {
	w := &world{TB: t}
	config := apiserver.Config(t)
	w.namespace = apiserver.Namespace(t, nil)
	w.live = must(client.New(config, client.Options{Scheme: scheme(), FieldOwner: "someone-else"}))(t)
	w.requests.Watch(config)
	w.cached = must(client.New(config, client.Options{Scheme: scheme(), Cache: &client.CacheOptions{Reader: startCache(t, config, w.namespace)}}))(t)
	w.applier = apply.New(w.cached, must(client.New(config, client.Options{Scheme: scheme()}))(t))
	return w
}

func scheme() *runtime.Scheme {
	s := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(s); err != nil {
		panic(err)
	}
	if err := v1alpha1.AddToScheme(s); err != nil {
		panic(err)
	}
	return s
}

// startCache runs a cache that holds workloads by our label only.
func startCache(t testing.TB, config *rest.Config, namespace string) cache.Cache {
	ours := cache.ByObject{Label: labels.SelectorFromSet(labels.Set{naming.LabelManagedBy: naming.Manager})}
	c := must(cache.New(config, cache.Options{
		Scheme:            scheme(),
		DefaultNamespaces: map[string]cache.Config{namespace: {}},
		ByObject:          map[client.Object]cache.ByObject{&appsv1.Deployment{}: ours, &appsv1.StatefulSet{}: ours, &batchv1.Job{}: ours, &corev1.Service{}: ours},
	}))(t)
	if err := apply.Index(t.Context(), c, scheme()); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- c.Start(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	if !c.WaitForCacheSync(ctx) {
		t.Fatal("the cache did not start")
	}
	return c
}

// pipeline makes an owner.
func (w *world) pipeline(name string) *v1alpha1.RAGPipeline {
	w.Helper()
	p := &v1alpha1.RAGPipeline{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: name},
		Spec: v1alpha1.RAGPipelineSpec{
			Documents:   []v1alpha1.Source{{Name: "papers", ConfigMap: &v1alpha1.ConfigMapSource{Name: "pages"}}},
			Models:      v1alpha1.Models{Embedding: v1alpha1.EmbeddingModel{Model: v1alpha1.Model{StandIn: &v1alpha1.StandIn{}}}},
			VectorStore: v1alpha1.VectorStore{Weaviate: &v1alpha1.Weaviate{}},
		},
	}
	w.check(w.live.Create(w.Context(), p))
	return p
}

func (w *world) check(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func must[T any](value T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func (w *world) apply(owner client.Object, children ...desired.Child) map[apply.Key]types.UID {
	w.Helper()
	uids, err := w.applier.Apply(w.Context(), owner, children)
	w.check(err)
	return uids
}

// get reads an object from the server.
func get[T any, P interface {
	*T
	client.Object
}](w *world, name string) P {
	w.Helper()
	object := P(new(T))
	w.check(w.live.Get(w.Context(), client.ObjectKey{Namespace: w.namespace, Name: name}, object))
	return object
}

// settle waits until the cache has every object of every kind as the server has it.
func (w *world) settle() {
	w.Helper()
	for _, kind := range apply.Kinds() {
		apiserver.Eventually(w, patience, func() string {
			live, cached := w.versions(w.live, kind, false), w.versions(w.cached, kind, true)
			for name, version := range cached {
				if live[name] != version {
					return fmt.Sprintf("the cache to see %s %s", kind.Kind, name)
				}
			}
			for name := range live {
				if _, ok := cached[name]; !ok {
					return fmt.Sprintf("the cache to see the new %s %s", kind.Kind, name)
				}
			}
			return ""
		})
	}
}

// versions are the resourceVersions of the objects with our label.
func (w *world) versions(c client.Client, kind apply.Kind, cached bool) map[string]string {
	w.Helper()
	versions := map[string]string{}
	options := []client.ListOption{client.InNamespace(w.namespace), client.MatchingLabels{naming.LabelManagedBy: naming.Manager}}
	for name, object := range list(w, c, kind, cached, options...) {
		versions[name] = object.GetResourceVersion()
	}
	return versions
}

// list reads as the applier does when cached: whole workloads, so that there is one cache of each kind.
func list(w *world, c client.Client, kind apply.Kind, cached bool, options ...client.ListOption) map[string]metav1.Object {
	w.Helper()
	objects := map[string]metav1.Object{}
	if cached && kind.Whole {
		switch kind.Kind {
		case "Deployment":
			var l appsv1.DeploymentList
			w.check(c.List(w.Context(), &l, options...))
			for i := range l.Items {
				objects[l.Items[i].Name] = &l.Items[i]
			}
		case "StatefulSet":
			var l appsv1.StatefulSetList
			w.check(c.List(w.Context(), &l, options...))
			for i := range l.Items {
				objects[l.Items[i].Name] = &l.Items[i]
			}
		case "Job":
			var l batchv1.JobList
			w.check(c.List(w.Context(), &l, options...))
			for i := range l.Items {
				objects[l.Items[i].Name] = &l.Items[i]
			}
		}
		return objects
	}
	var l metav1.PartialObjectMetadataList
	l.SetGroupVersionKind(kind.GroupVersion().WithKind(kind.Kind + "List"))
	w.check(c.List(w.Context(), &l, options...))
	for i := range l.Items {
		objects[l.Items[i].Name] = &l.Items[i]
	}
	return objects
}
