package controllers

import (
	"context"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/apply"
	"github.com/ragpipeline/ragpipeline/internal/derive"
	"github.com/ragpipeline/ragpipeline/internal/desired"
	"github.com/ragpipeline/ragpipeline/internal/naming"
	"github.com/ragpipeline/ragpipeline/internal/plan"
)

// Scheme knows the types that the operator reads.
func Scheme() *runtime.Scheme {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			panic("controllers: " + err.Error()) // only types that are compiled in come here
		}
	}
	return scheme
}

// CacheOptions are what the operator remembers of the cluster: workloads and pods only of its own
// making, and nothing of who manages which field. No namespaces means all.
func CacheOptions(namespaces []string) cache.Options {
	ours := cache.ByObject{Label: labels.SelectorFromSet(labels.Set{naming.LabelManagedBy: naming.Manager})}
	o := cache.Options{
		DefaultTransform: cache.TransformStripManagedFields(),
		ByObject: map[client.Object]cache.ByObject{
			&appsv1.Deployment{}:            ours,
			&appsv1.StatefulSet{}:           ours,
			&batchv1.Job{}:                  ours,
			&corev1.Pod{}:                   ours,
			&corev1.Service{}:               ours,
			&corev1.ServiceAccount{}:        ours,
			&networkingv1.NetworkPolicy{}:   ours,
			&networkingv1.Ingress{}:         ours,
			&policyv1.PodDisruptionBudget{}: ours,
		},
	}
	if len(namespaces) > 0 {
		o.DefaultNamespaces = map[string]cache.Config{}
		for _, namespace := range namespaces {
			o.DefaultNamespaces[namespace] = cache.Config{}
		}
	}
	return o
}

// passTimeout bounds one pass, so that a call that hangs does not hold a worker.
const passTimeout = time.Minute

// SetupWithManager watches pipelines, what was made for them, and what they refer to.
func (r *Reconciler) SetupWithManager(ctx context.Context, manager ctrl.Manager, concurrency int) error {
	indexer := manager.GetFieldIndexer()
	if err := indexer.IndexField(ctx, &v1alpha1.RAGPipeline{}, referenceIndex, indexReferences); err != nil {
		return err
	}
	if err := apply.Index(ctx, indexer, manager.GetScheme(), &corev1.Pod{}); err != nil {
		return err
	}
	b := ctrl.NewControllerManagedBy(manager).
		Named("ragpipeline").
		For(&v1alpha1.RAGPipeline{}, builder.WithPredicates(specOrAsked())).
		Watches(&corev1.Pod{}, handler.EnqueueRequestsFromMapFunc(pipelineOfPod)).
		WithOptions(controller.Options{MaxConcurrentReconciles: concurrency, ReconciliationTimeout: passTimeout})
	for _, kind := range apply.Kinds() {
		object, err := kind.Object(manager.GetScheme())
		if err != nil {
			return err
		}
		b.Owns(object)
	}
	for kind, object := range map[string]client.Object{
		derive.KindSecret:    &corev1.Secret{},
		derive.KindConfigMap: &corev1.ConfigMap{},
		derive.KindClaim:     &corev1.PersistentVolumeClaim{},
	} {
		b.WatchesMetadata(object, handler.EnqueueRequestsFromMapFunc(r.pipelinesReferencing(kind)))
	}
	c, err := b.Build(r)
	if err != nil {
		return err
	}
	r.routes.watch = func(ctx context.Context) error { return watchRoutes(ctx, manager, c) }
	return nil
}

// watchRoutes watches HTTPRoutes in a cluster that has them.
func watchRoutes(ctx context.Context, manager ctrl.Manager, c controller.Controller) error {
	scheme := manager.GetScheme()
	if err := apply.IndexKind(ctx, manager.GetFieldIndexer(), scheme, apply.HTTPRoutes); err != nil {
		return err
	}
	object, err := apply.HTTPRoutes.Object(scheme)
	if err != nil {
		return err
	}
	owner := handler.EnqueueRequestForOwner(scheme, manager.GetRESTMapper(), &v1alpha1.RAGPipeline{},
		handler.OnlyControllerOwner())
	return c.Watch(source.Kind(manager.GetCache(), object, owner))
}

// specOrAsked lets a pipeline through whose spec changed, deletion included, or that asks for a run or a rebuild.
func specOrAsked() predicate.Predicate {
	return predicate.Or[client.Object](predicate.GenerationChangedPredicate{}, predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			old, now := e.ObjectOld.GetAnnotations(), e.ObjectNew.GetAnnotations()
			return old[naming.AnnotationSync] != now[naming.AnnotationSync] ||
				old[naming.AnnotationRebuild] != now[naming.AnnotationRebuild]
		},
	})
}

// pipelineOfPod finds the pipeline by the pod's labels: its owner is a workload.
func pipelineOfPod(_ context.Context, pod client.Object) []reconcile.Request {
	name := pod.GetLabels()[naming.LabelPipeline]
	if name == "" {
		return nil
	}
	return []reconcile.Request{{NamespacedName: client.ObjectKey{Namespace: pod.GetNamespace(), Name: name}}}
}

// referenceIndex finds pipelines by the plan.ObjectKey of what they refer to.
const referenceIndex = "references"

func indexReferences(object client.Object) (keys []string) {
	for _, ref := range desired.References(object.(*v1alpha1.RAGPipeline)) {
		keys = append(keys, plan.ObjectKey(ref.Kind, ref.Name))
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// pipelinesReferencing finds the pipelines that refer to an object of the kind.
func (r *Reconciler) pipelinesReferencing(kind string) handler.MapFunc {
	return func(ctx context.Context, object client.Object) (requests []reconcile.Request) {
		var list v1alpha1.RAGPipelineList
		references := client.MatchingFields{referenceIndex: plan.ObjectKey(kind, object.GetName())}
		if err := r.Client.List(ctx, &list, client.InNamespace(object.GetNamespace()), references); err != nil {
			return nil // the cache is not there yet; the first pass of each pipeline looks by itself
		}
		for _, p := range list.Items {
			requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&p)})
		}
		return requests
	}
}
