package desired

import (
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
	networkingv1ac "k8s.io/client-go/applyconfigurations/networking/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// HTTPRouteKind is the Gateway API's kind of a route. A cluster may lack it.
var HTTPRouteKind = schema.GroupVersionKind{Group: "gateway.networking.k8s.io", Version: "v1", Kind: "HTTPRoute"}

// A streamed answer may be silent for as long as the LLM thinks, and a proxy's usual minute would cut
// it. The gateway has a deadline for each stage, so that a route needs none.
const noTimeout = "0s"

// ingressTimeouts are the annotations by which the controllers of NGINX and HAProxy take the place of
// those timeouts, pass on each event of a stream at once, and leave the size of bodies to the gateway.
// Others ignore them.
var ingressTimeouts = map[string]string{
	"nginx.ingress.kubernetes.io/proxy-read-timeout": "3600",
	"nginx.ingress.kubernetes.io/proxy-send-timeout": "3600",
	"nginx.ingress.kubernetes.io/proxy-buffering":    "off",
	"nginx.ingress.kubernetes.io/proxy-body-size":    "0",
	"haproxy.org/timeout-server":                     "1h",
}

// route returns the object that leads to the gateway from outside the cluster, if the spec asks for
// one that the cluster can have.
func (b builder) route() []Child {
	route := b.p.Spec.Gateway.Route
	switch {
	case route == nil, route.Ingress == nil && b.facts.NoHTTPRoutes:
		return nil
	case route.Ingress != nil:
		return []Child{{Object: b.ingress(*route)}}
	}
	return []Child{{Object: b.httpRoute(*route)}}
}

func (b builder) ingress(route v1alpha1.GatewayRoute) *networkingv1ac.IngressApplyConfiguration {
	backend := networkingv1ac.IngressBackend().WithService(networkingv1ac.IngressServiceBackend().
		WithName(b.names.Gateway()).
		WithPort(networkingv1ac.ServiceBackendPort().WithName("http")))
	spec := networkingv1ac.IngressSpec()
	var hosts []string
	for _, host := range route.Hostnames {
		hosts = append(hosts, string(host))
		spec.WithRules(networkingv1ac.IngressRule().WithHost(string(host)).
			WithHTTP(networkingv1ac.HTTPIngressRuleValue().WithPaths(networkingv1ac.HTTPIngressPath().
				WithPath("/").WithPathType(networkingv1.PathTypePrefix).WithBackend(backend))))
	}
	if route.Ingress.ClassName != "" {
		spec.WithIngressClassName(string(route.Ingress.ClassName))
	}
	if route.Ingress.SecretName != "" {
		spec.WithTLS(networkingv1ac.IngressTLS().WithHosts(hosts...).WithSecretName(string(route.Ingress.SecretName)))
	}
	return networkingv1ac.Ingress(b.names.Gateway(), b.p.Namespace).
		WithLabels(naming.Labels(b.p, naming.ComponentGateway)).
		WithAnnotations(ingressTimeouts).
		WithAnnotations(b.ingressTLS()).
		WithAnnotations(annotations(route.Annotations)).
		WithSpec(spec)
}

// ingressTLS are the annotations by which the same controllers speak TLS to the gateway.
func (b builder) ingressTLS() map[string]string {
	if b.p.Spec.Gateway.TLS == nil {
		return nil
	}
	return map[string]string{
		"nginx.ingress.kubernetes.io/backend-protocol": "HTTPS",
		"haproxy.org/server-ssl":                       "true",
	}
}

func annotations(spec map[string]v1alpha1.AnnotationValue) map[string]string {
	all := make(map[string]string, len(spec))
	for key, value := range spec {
		all[key] = string(value)
	}
	return all
}

// httpRoute is an HTTPRoute as far as the operator sets it. The Gateway API's own module has no apply
// configurations apart from its clients, and its versions follow those of Kubernetes.
type httpRoute struct {
	metav1ac.TypeMetaApplyConfiguration    `json:",inline"`
	*metav1ac.ObjectMetaApplyConfiguration `json:"metadata"`
	Spec                                   httpRouteSpec `json:"spec"`
}

type httpRouteSpec struct {
	ParentRefs []v1alpha1.ParentRef  `json:"parentRefs"`
	Hostnames  []v1alpha1.ObjectName `json:"hostnames"`
	Rules      []httpRouteRule       `json:"rules"`
}

type httpRouteRule struct {
	BackendRefs []backendRef  `json:"backendRefs"`
	Timeouts    routeTimeouts `json:"timeouts"`
}

type backendRef struct {
	Name string `json:"name"`
	Port int32  `json:"port"`
}

type routeTimeouts struct {
	Request        string `json:"request"`
	BackendRequest string `json:"backendRequest"`
}

func (b builder) httpRoute(route v1alpha1.GatewayRoute) *httpRoute {
	r := &httpRoute{ObjectMetaApplyConfiguration: metav1ac.ObjectMeta()}
	apiVersion, kind := HTTPRouteKind.ToAPIVersionAndKind()
	r.TypeMetaApplyConfiguration.WithAPIVersion(apiVersion).WithKind(kind)
	r.WithName(b.names.Gateway()).WithNamespace(b.p.Namespace).
		WithLabels(naming.Labels(b.p, naming.ComponentGateway)).
		WithAnnotations(annotations(route.Annotations))
	r.Spec = httpRouteSpec{
		ParentRefs: route.ParentRefs,
		Hostnames:  route.Hostnames,
		Rules: []httpRouteRule{{
			BackendRefs: []backendRef{{Name: b.names.Gateway(), Port: GatewayPort}},
			Timeouts:    routeTimeouts{Request: noTimeout, BackendRequest: noTimeout},
		}},
	}
	return r
}

// IsApplyConfiguration marks the type as one that is applied.
func (*httpRoute) IsApplyConfiguration() {}

// GetAPIVersion returns the API version.
func (r *httpRoute) GetAPIVersion() *string { return r.APIVersion }

// GetKind returns the kind.
func (r *httpRoute) GetKind() *string { return r.Kind }

// GetName returns the name.
func (r *httpRoute) GetName() *string { return r.Name }

// GetNamespace returns the namespace.
func (r *httpRoute) GetNamespace() *string { return r.Namespace }
