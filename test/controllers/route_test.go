package controllers_test

import (
	"context"
	"fmt"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/desired"
	"github.com/ragpipeline/ragpipeline/test/apiserver"
)

// An operator that runs since before the Gateway API was installed tells that it lacks it, makes the route once it is
// there, tells what the Gateway's controller says of it, and takes the route away again. It runs before the others,
// since the Gateway API is the whole server's.
func TestARouteFollowsTheSpecAndTheGatewayAPI(t *testing.T) {
	c := startCluster(t)
	o := startOperator(t, c.namespace)
	p := c.awaitReady(c.applySample("quickstart.yaml").Name)
	c.change(p, `{"spec":{"gateway":{"route":{"hostnames":["ask.example.com"],"parentRefs":[{"name":"edge","namespace":"infra"}]}}}}`)
	c.awaitReason(p.Name, v1alpha1.ConditionRouteReady, metav1.ConditionFalse, v1alpha1.ReasonGatewayAPINotFound)
	if p = c.pipeline(p.Name); !meta.IsStatusConditionTrue(p.Status.Conditions, v1alpha1.ConditionReady) {
		t.Errorf("without the Gateway API: %s", conditions(p))
	}
	installGatewayAPI(t)
	c.awaitReason(p.Name, v1alpha1.ConditionRouteReady, metav1.ConditionFalse, v1alpha1.ReasonRouteNotAccepted)
	key := client.ObjectKey{Namespace: c.namespace, Name: p.Name + "-gateway"}
	route := httpRoute()
	c.check(c.Get(t.Context(), key, route))
	rules, _, _ := unstructured.NestedSlice(route.Object, "spec", "rules")
	backends, _, _ := unstructured.NestedSlice(rules[0].(map[string]any), "backendRefs")
	if backend := backends[0].(map[string]any); backend["name"] != key.Name || backend["port"] != int64(desired.GatewayPort) {
		t.Errorf("the route leads to %v", backend)
	}
	c.accept(route)
	c.awaitReason(p.Name, v1alpha1.ConditionRouteReady, metav1.ConditionTrue, v1alpha1.ReasonReady)
	c.quiet(t, o, c.awaitReady(p.Name))

	c.change(p, `{"spec":{"gateway":{"route":{"parentRefs":null,"ingress":{"className":"nginx"}}}}}`)
	c.awaitGone(key, httpRoute())
	c.awaitReason(p.Name, v1alpha1.ConditionRouteReady, metav1.ConditionFalse, v1alpha1.ReasonIngressClassNotFound)
	class := &networkingv1.IngressClass{
		ObjectMeta: metav1.ObjectMeta{Name: "nginx"},
		Spec:       networkingv1.IngressClassSpec{Controller: "k8s.io/ingress-nginx"},
	}
	c.check(c.Create(t.Context(), class))
	t.Cleanup(func() { c.check(c.Delete(context.WithoutCancel(t.Context()), class)) })
	c.awaitReason(p.Name, v1alpha1.ConditionRouteReady, metav1.ConditionTrue, v1alpha1.ReasonReady)
	c.check(c.Get(t.Context(), key, new(networkingv1.Ingress)))

	c.change(p, `{"spec":{"gateway":{"route":null}}}`)
	c.awaitGone(key, new(networkingv1.Ingress))
	apiserver.Eventually(t, patience, func() string {
		if meta.FindStatusCondition(c.pipeline(p.Name).Status.Conditions, v1alpha1.ConditionRouteReady) != nil {
			return "the condition of a route that is not in the spec to go"
		}
		return ""
	})
}

func httpRoute() *unstructured.Unstructured {
	route := new(unstructured.Unstructured)
	route.SetGroupVersionKind(desired.HTTPRouteKind)
	return route
}

// installGatewayAPI gives the API server the kind HTTPRoute until the test ends.
func installGatewayAPI(t *testing.T) {
	t.Helper()
	clients, err := apiextensions.NewForConfig(apiserver.Config(t))
	if err != nil {
		t.Fatal(err)
	}
	definitions := clients.ApiextensionsV1().CustomResourceDefinitions()
	definition, err := definitions.Create(t.Context(), apiserver.HTTPRoutes(t), metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := definitions.Delete(context.WithoutCancel(t.Context()), definition.Name, metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
}

// accept is what the controller of a Gateway writes into a route that it takes.
func (c *cluster) accept(route *unstructured.Unstructured) {
	c.Helper()
	condition := func(name string) map[string]any {
		return map[string]any{
			"type": name, "status": "True", "reason": name, "message": "", "observedGeneration": route.GetGeneration(),
			"lastTransitionTime": "2026-11-28T00:00:00Z",
		}
	}
	route.Object["status"] = map[string]any{"parents": []any{map[string]any{
		"controllerName": "example.com/gateways",
		"parentRef":      map[string]any{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "edge", "namespace": "infra"},
		"conditions":     []any{condition("Accepted"), condition("ResolvedRefs")},
	}}}
	c.check(c.Status().Update(c.Context(), route))
}

func (c *cluster) awaitGone(key client.ObjectKey, object client.Object) {
	c.Helper()
	apiserver.Eventually(c, patience, func() string {
		if err := c.Get(c.Context(), key, object); !apierrors.IsNotFound(err) {
			return fmt.Sprintf("%T %s to go: %v", object, key.Name, err)
		}
		return ""
	})
}
