package status

import (
	"cmp"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// Route is what leads to the gateway from outside the cluster.
type Route struct {
	// Unsupported reports whether the operator cannot use HTTPRoutes in this cluster.
	Unsupported bool
	// Exists reports whether the object was made.
	Exists bool
	// Parents are the Gateways whose controllers have looked at the present HTTPRoute.
	Parents []RouteParent
}

// RouteParent is what the controller of a Gateway says of the HTTPRoute.
type RouteParent struct {
	v1alpha1.ParentRef
	Conditions []metav1.Condition
}

const routeField = "spec.gateway.route"

func (v *view) routeInput(r rule) input {
	in := v.input(r, subject{title: "the route to the gateway", podLabel: naming.ComponentGateway, pipeline: v.p.Name,
		field: routeField})
	in.route = v.Route
	return in
}

// routeChecks decide on RouteReady.
var routeChecks = chain{
	referenceMissing,
	routeUnsupported,
	routeMissing,
	routeRefused,
	routeWaits,
	routeReady,
}

func routeUnsupported(in input) (finding, bool) {
	const message = "the cluster has no HTTPRoutes of gateway.networking.k8s.io/v1, or the operator's role does not " +
		"cover them; install the Gateway API 1.2 or later, or set " + routeField + ".ingress in the place of .parentRefs"
	return bad(fault, v1alpha1.ReasonGatewayAPINotFound, message),
		in.route.Unsupported && in.pipeline.Spec.Gateway.Route.Ingress == nil
}

func routeMissing(in input) (finding, bool) {
	return bad(progress, v1alpha1.ReasonStarting, in.subject.title+" is being created"), !in.route.Exists
}

// routeRefused applies if the controller of a Gateway refuses the HTTPRoute, or cannot use what it refers to.
func routeRefused(in input) (finding, bool) {
	for _, ref := range in.pipeline.Spec.Gateway.Route.ParentRefs {
		for _, name := range []string{"Accepted", "ResolvedRefs"} {
			c := meta.FindStatusCondition(in.conditionsOf(ref), name)
			if c != nil && c.Status == metav1.ConditionFalse {
				message := fmt.Sprintf("Gateway %s does not take the route: %s (%s); check %s.parentRefs and .hostnames, and the "+
					"Gateway's listeners and allowedRoutes", ref.Name, cmp.Or(clean(c.Message), "no message"), c.Reason, routeField)
				return bad(fault, v1alpha1.ReasonRouteNotAccepted, message), true
			}
		}
	}
	return finding{}, false
}

// routeWaits applies if the controller of a Gateway has not looked at the HTTPRoute.
func routeWaits(in input) (finding, bool) {
	for _, ref := range in.pipeline.Spec.Gateway.Route.ParentRefs {
		if !meta.IsStatusConditionTrue(in.conditionsOf(ref), "Accepted") {
			message := fmt.Sprintf("no controller of Gateway %s has accepted the route yet; check that the Gateway exists "+
				"(%s.parentRefs), and that its controller runs", ref.Name, routeField)
			return bad(fault, v1alpha1.ReasonRouteNotAccepted, message), true
		}
	}
	return finding{}, false
}

func routeReady(in input) (finding, bool) {
	route := in.pipeline.Spec.Gateway.Route
	if route.Ingress != nil {
		return ok(v1alpha1.ReasonReady, fmt.Sprintf("the Ingress for %s exists; whether a controller serves it, Kubernetes "+
			"does not tell", route.Hostnames[0])), true
	}
	return ok(v1alpha1.ReasonReady, fmt.Sprintf("the route for %s is accepted", route.Hostnames[0])), true
}

// conditionsOf are those of the HTTPRoute at a Gateway.
func (in input) conditionsOf(ref v1alpha1.ParentRef) []metav1.Condition {
	namespace := func(r v1alpha1.ParentRef) string { return cmp.Or(string(r.Namespace), in.pipeline.Namespace) }
	for _, parent := range in.route.Parents {
		if parent.Name == ref.Name && parent.SectionName == ref.SectionName && namespace(parent.ParentRef) == namespace(ref) {
			return parent.Conditions
		}
	}
	return nil
}
