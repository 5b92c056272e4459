//go:build e2e

package e2e

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"
	registrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// userOfNamespace is the first of the users that OpenShift gives to a namespace.
const userOfNamespace = 1000680000

// OpenShift's restricted-v2 gives each pod that sets no user one of its namespace's, and refuses the others. Both are done
// by real admission, the first by a webhook.
func TestPodsRunAsTheUserThatTheClusterChooses(t *testing.T) {
	t.Parallel()
	long(t)
	n := newNamespace(t)
	n.choosesUsers()
	n.demand("restricted-v2", fmt.Sprintf("object.spec.securityContext.runAsUser == %[1]d && object.spec.securityContext.fsGroup == %[1]d", userOfNamespace),
		"unable to validate against any security context constraint: .spec.securityContext.fsGroup: 65532 is not an allowed group")
	p := n.pipeline(standIns("openshift", n.documentsOf(turbine)))
	p.until(saidWithin, "says how the store's pods are admitted", has(v1alpha1.ConditionVectorStoreReady, metav1.ConditionFalse,
		"PodsRefused", "65532 is not an allowed group", "set spec.pods.user to Cluster"))
	p.edit(func(s *v1alpha1.RAGPipelineSpec) { s.Pods = &v1alpha1.Pods{Pod: v1alpha1.Pod{User: "Cluster"}} })
	p.settled(readyWithin)
	p.answers(howFast, "1234")
	for _, component := range []string{naming.ComponentGateway, naming.ComponentWeaviate, naming.ComponentStandIn} {
		if user := p.pod(component).Spec.SecurityContext.RunAsUser; user == nil || *user != userOfNamespace {
			t.Errorf("%s does not run as the user that the cluster chose", component)
		}
	}
}

// choosesUsers makes a webhook that gives each pod of the namespace that sets no user one, and a group for its volumes.
func (n *namespace) choosesUsers() {
	n.t.Helper()
	a, machine := newAuthority(n.t), n.machine()
	certificate, key := a.issue(machine)
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		n.t.Fatal(err)
	}
	listener, err := new(net.ListenConfig).Listen(n.t.Context(), "tcp", net.JoinHostPort(machine, "0"))
	if err != nil {
		n.t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(chooseUser))
	server.Listener.Close()
	server.Listener, server.TLS = listener, &tls.Config{Certificates: []tls.Certificate{pair}}
	server.StartTLS()
	n.t.Cleanup(server.Close)
	url, fail, none := server.URL, registrationv1.Fail, registrationv1.SideEffectClassNone
	hook := &registrationv1.MutatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: n.name}, Webhooks: []registrationv1.MutatingWebhook{{
		Name: "users.example.com", AdmissionReviewVersions: []string{"v1"}, SideEffects: &none, FailurePolicy: &fail,
		ClientConfig: registrationv1.WebhookClientConfig{URL: &url, CABundle: a.pem},
		Rules: []registrationv1.RuleWithOperations{{
			Operations: []registrationv1.OperationType{registrationv1.Create},
			Rule:       registrationv1.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"pods"}},
		}},
		NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"kubernetes.io/metadata.name": n.name}},
	}}}
	if err := api.Create(n.t.Context(), hook); err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() {
		if err := api.Delete(context.Background(), hook); err != nil {
			n.t.Error(err)
		}
	})
}

func chooseUser(w http.ResponseWriter, r *http.Request) {
	var review admissionv1.AdmissionReview
	if err := json.NewDecoder(r.Body).Decode(&review); err != nil || review.Request == nil {
		http.Error(w, fmt.Sprint(err), http.StatusBadRequest)
		return
	}
	var pod corev1.Pod
	if err := json.Unmarshal(review.Request.Object.Raw, &pod); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	response := &admissionv1.AdmissionResponse{UID: review.Request.UID, Allowed: true}
	if c := pod.Spec.SecurityContext; c == nil || c.RunAsUser == nil && c.FSGroup == nil {
		how := admissionv1.PatchTypeJSONPatch
		response.PatchType = &how
		response.Patch = fmt.Appendf(nil, `[{"op": "add", "path": "/spec/securityContext/runAsUser", "value": %[1]d},
			{"op": "add", "path": "/spec/securityContext/fsGroup", "value": %[1]d}]`, userOfNamespace)
	}
	review.Request, review.Response = nil, response
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(review)
}
