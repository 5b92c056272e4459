//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/desired"
	"github.com/ragpipeline/ragpipeline/internal/naming"
	"github.com/ragpipeline/ragpipeline/test/apiserver"
)

// A gateway that speaks TLS takes a renewed certificate without a restart, and a route leads to it once a Gateway's
// controller accepts it.
func TestAGatewayWithTLSTakesARenewedCertificate(t *testing.T) {
	t.Parallel()
	n := newNamespace(t)
	a := newAuthority(t)
	name := "quickstart-gateway." + n.name + ".svc"
	certificate, key := a.issue("first."+name, name)
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "gateway-tls"}, Type: corev1.SecretTypeTLS,
		Data: map[string][]byte{"tls.crt": certificate, "tls.key": key},
	}
	n.create(secret)
	n.installHTTPRoutes()
	p := n.sample("quickstart.yaml", func(p *v1alpha1.RAGPipeline) {
		p.Spec.Gateway.TLS = &v1alpha1.GatewayTLS{SecretName: "gateway-tls"}
		p.Spec.Network = &v1alpha1.Network{Egress: "Restricted"}
		p.Spec.Gateway.Route = &v1alpha1.GatewayRoute{
			Hostnames: []v1alpha1.ObjectName{"ask.example.com"}, ParentRefs: []v1alpha1.ParentRef{{Name: "edge"}},
		}
	})
	p.until(readyWithin, "Ready", has(v1alpha1.ConditionReady, metav1.ConditionTrue))
	if endpoint := p.get().Status.Endpoint; endpoint != "https://"+name+":8080" {
		t.Errorf("status.endpoint is %s", endpoint)
	}
	p.until(readyWithin, "the route waits", has(v1alpha1.ConditionRouteReady, metav1.ConditionFalse, "no controller of Gateway edge"))
	p.routeIsAccepted()
	p.until(readyWithin, "the route is accepted", has(v1alpha1.ConditionRouteReady, metav1.ConditionTrue))

	before := p.podUID()
	old := a.client(name)
	p.hasCertificate(old, "first."+name)
	secret.Data["tls.crt"], secret.Data["tls.key"] = a.issue("second."+name, name)
	if err := api.Update(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	p.touch(naming.ComponentGateway)
	eventually(t, 3*time.Minute, "new connections get the new certificate", func(ctx context.Context) error {
		return p.certificateIs(ctx, a.client(name), "second."+name)
	})
	p.hasCertificate(old, "first."+name) // its connection is still open
	if p.podUID() != before {
		t.Error("the gateway's pod was replaced")
	}
}

func (p *pipeline) podUID() string { return string(p.pod(naming.ComponentGateway).UID) }

// touch makes the kubelet look at the volumes of a component's pods, which it does about once a minute otherwise.
func (p *pipeline) touch(component string) {
	p.t.Helper()
	pods, err := p.podsOf(p.t.Context(), component)
	if err != nil {
		p.t.Fatal(err)
	}
	patch := client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"annotations":{"example.com/touched":"yes"}}}`))
	for i := range pods {
		if err := api.Patch(p.t.Context(), &pods[i], patch); err != nil {
			p.t.Fatal(err)
		}
	}
}

func (p *pipeline) hasCertificate(web *http.Client, name string) {
	p.t.Helper()
	if err := p.certificateIs(p.t.Context(), web, name); err != nil {
		p.t.Error(err)
	}
}

// certificateIs asks the gateway for its models, and compares the name in the certificate of the connection.
func (p *pipeline) certificateIs(ctx context.Context, web *http.Client, name string) error {
	address, err := p.address(ctx, p.names().Gateway())
	if err != nil {
		return err
	}
	token, err := p.token(ctx)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+address+"/v1/models", nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	reply, err := web.Do(request)
	if err != nil {
		return err
	}
	reply.Body.Close()
	if got := reply.TLS.PeerCertificates[0].Subject.CommonName; reply.StatusCode != http.StatusOK || got != name {
		return fmt.Errorf("status %d, with the certificate of %s, not %s", reply.StatusCode, got, name)
	}
	return nil
}

// installHTTPRoutes gives the cluster the Gateway API's kind of a route, without a controller.
func (n *namespace) installHTTPRoutes() {
	n.t.Helper()
	raw, err := runtime.DefaultUnstructuredConverter.ToUnstructured(apiserver.HTTPRoutes(n.t))
	if err != nil {
		n.t.Fatal(err)
	}
	delete(raw, "status")
	definition := &unstructured.Unstructured{Object: raw}
	if err := api.Create(n.t.Context(), definition); err != nil && !apierrors.IsAlreadyExists(err) {
		n.t.Fatal(err)
	}
}

// routeIsAccepted writes what a Gateway's controller would.
func (p *pipeline) routeIsAccepted() {
	p.t.Helper()
	route := new(unstructured.Unstructured)
	route.SetGroupVersionKind(desired.HTTPRouteKind)
	if err := api.Get(p.t.Context(), p.key(p.names().Gateway()), route); err != nil {
		p.t.Fatal(err)
	}
	route.Object["status"] = map[string]any{"parents": []any{map[string]any{
		"controllerName": "example.com/gateways", "parentRef": map[string]any{"name": "edge"},
		"conditions": []any{map[string]any{"type": "Accepted", "status": "True", "reason": "Accepted", "message": "",
			"observedGeneration": route.GetGeneration(), "lastTransitionTime": "2026-11-28T00:00:00Z"}},
	}}}
	if err := api.Status().Update(p.t.Context(), route); err != nil {
		p.t.Fatal(err)
	}
}
