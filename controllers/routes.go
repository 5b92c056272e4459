package controllers

import (
	"context"
	"sync"
	"time"

	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/desired"
	"github.com/ragpipeline/ragpipeline/internal/naming"
	"github.com/ragpipeline/ragpipeline/internal/plan"
	"github.com/ragpipeline/ragpipeline/internal/status"
)

// routes watches HTTPRoutes from when the cluster has their kind, which may be installed at any time.
type routes struct {
	// watch starts the watch; nil without a manager.
	watch func(context.Context) error

	mu       sync.Mutex
	watching bool
	asked    time.Time
	read     sync.Map // types.NamespacedName of a pipeline to knownRoute
}

// routesPause is how long the answer that a cluster has no HTTPRoutes holds.
const routesPause = 10 * time.Second

// hasHTTPRoutes reports whether the operator can use HTTPRoutes. A role that does not let it counts as a
// cluster without them: a watch would never begin.
func (r *Reconciler) hasHTTPRoutes(ctx context.Context, namespace string) (bool, error) {
	r.routes.mu.Lock()
	defer r.routes.mu.Unlock()
	if r.routes.watching || r.routes.watch == nil || r.now().Sub(r.routes.asked) < routesPause {
		return r.routes.watching, nil
	}
	list := new(metav1.PartialObjectMetadataList)
	list.SetGroupVersionKind(desired.HTTPRouteKind.GroupVersion().WithKind(desired.HTTPRouteKind.Kind + "List"))
	err := r.Uncached.List(ctx, list, client.InNamespace(namespace), client.Limit(1))
	switch {
	case meta.IsNoMatchError(err), apierrors.IsNotFound(err), apierrors.IsForbidden(err):
		r.routes.asked = r.now()
		return false, nil
	case err != nil:
		return false, err
	}
	if err := r.routes.watch(ctx); err != nil {
		return false, err
	}
	r.Applier.UseHTTPRoutes()
	r.routes.watching = true
	return true, nil
}

// knownRoute is what was read of a route at one of its versions.
type knownRoute struct {
	version string
	route   status.Route
}

// readRoute reads how far the route to the gateway is.
func (r *Reconciler) readRoute(ctx context.Context, s *plan.State) error {
	has, err := r.hasHTTPRoutes(ctx, s.Pipeline.Namespace)
	if err != nil {
		return err
	}
	s.Route.Unsupported = !has
	route := s.Pipeline.Spec.Gateway.Route
	key := client.ObjectKey{Namespace: s.Pipeline.Namespace, Name: naming.For(s.Pipeline).Gateway()}
	switch {
	case route == nil:
		return nil
	case route.Ingress != nil:
		return r.readIngress(ctx, key, s)
	case !has:
		return nil
	}
	found := new(metav1.PartialObjectMetadata)
	found.SetGroupVersionKind(desired.HTTPRouteKind)
	if err := r.Client.Get(ctx, key, found); err != nil || !metav1.IsControlledBy(found, s.Pipeline) {
		return client.IgnoreNotFound(err)
	}
	pipeline := client.ObjectKeyFromObject(s.Pipeline)
	if known, ok := r.routes.read.Load(pipeline); ok && known.(knownRoute).version == found.ResourceVersion {
		s.Route = known.(knownRoute).route
		return nil
	}
	object := new(unstructured.Unstructured)
	object.SetGroupVersionKind(desired.HTTPRouteKind)
	if err := r.Uncached.Get(ctx, key, object); err != nil {
		return client.IgnoreNotFound(err)
	}
	if s.Route, err = routeStatus(object); err != nil {
		return err
	}
	r.routes.read.Store(pipeline, knownRoute{object.GetResourceVersion(), s.Route})
	return nil
}

func (r *Reconciler) readIngress(ctx context.Context, key types.NamespacedName, s *plan.State) error {
	found := new(networkingv1.Ingress)
	if err := r.Client.Get(ctx, key, found); err != nil || !metav1.IsControlledBy(found, s.Pipeline) {
		return client.IgnoreNotFound(err)
	}
	s.Route.Exists = true
	return nil
}

// routeStatus is what the controllers of Gateways say of a route, as it is now.
func routeStatus(object *unstructured.Unstructured) (status.Route, error) {
	var route struct {
		Status struct {
			Parents []struct {
				ParentRef  v1alpha1.ParentRef `json:"parentRef"`
				Conditions []metav1.Condition `json:"conditions"`
			} `json:"parents"`
		} `json:"status"`
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &route); err != nil {
		return status.Route{}, err
	}
	result := status.Route{Exists: true}
	for _, parent := range route.Status.Parents {
		p := status.RouteParent{ParentRef: parent.ParentRef}
		for _, c := range parent.Conditions {
			if c.ObservedGeneration >= object.GetGeneration() {
				p.Conditions = append(p.Conditions, c)
			}
		}
		result.Parents = append(result.Parents, p)
	}
	return result, nil
}

// forget drops what was read of a pipeline's route.
func (r *routes) forget(pipeline types.NamespacedName) { r.read.Delete(pipeline) }
