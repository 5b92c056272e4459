//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
)

// A Deployment is refused by a real quota, and then the pods of a Deployment, a StatefulSet and a Job by a policy, a limit
// range and another quota in turn.
func TestRefusedPodsAreSaidAndClear(t *testing.T) {
	t.Parallel()
	n := newNamespace(t)
	n.demandLabel("team")
	limits := &corev1.LimitRange{ObjectMeta: metav1.ObjectMeta{Name: "limits"}, Spec: corev1.LimitRangeSpec{Limits: []corev1.LimitRangeItem{{
		Type: corev1.LimitTypeContainer, Max: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("2Gi")},
	}}}}
	none := &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Name: "none"}, Spec: corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{
		"count/deployments.apps": resource.MustParse("0"),
	}}}
	n.create(limits, none)
	p := n.pipeline(standIns("refused", n.documentsOf(turbine)))
	p.until(saidWithin, "says that a quota refuses a Deployment", has(v1alpha1.ConditionReady, metav1.ConditionFalse,
		"ApplyFailed", "apply Deployment refused-", "exceeded quota: none", "raise the ResourceQuota, or free what it counts"))
	if err := api.Delete(t.Context(), none); err != nil {
		t.Fatal(err)
	}
	p.until(saidWithin, "says that a policy refuses the store's pods", has(v1alpha1.ConditionVectorStoreReady, metav1.ConditionFalse,
		"PodsRefused", "the vector store", "every pod needs the label team", "spec.pods"))
	p.until(saidWithin, "says that it refuses the gateway's", has(v1alpha1.ConditionGatewayReady, metav1.ConditionFalse,
		"PodsRefused", "the gateway", "every pod needs the label team"))
	p.edit(func(s *v1alpha1.RAGPipelineSpec) {
		s.Pods = &v1alpha1.Pods{Pod: v1alpha1.Pod{Labels: map[string]v1alpha1.LabelValue{"team": "search"}}}
	})
	p.until(readyWithin, "says that the limit range refuses the run's pods", has(v1alpha1.ConditionIndexReady, metav1.ConditionFalse,
		"PodsRefused", "the ingestion run", "maximum memory usage per Container is 2Gi, but limit is 3Gi", "spec.ingest.resources"))
	p.edit(func(s *v1alpha1.RAGPipelineSpec) {
		s.Ingest.Resources = &v1alpha1.Resources{
			Requests: map[string]resource.Quantity{"memory": resource.MustParse("256Mi")}, Limits: map[string]resource.Quantity{"memory": resource.MustParse("1536Mi")},
		}
	})
	p.settled(readyWithin)
	p.answers(howFast, "1234")

	quota := &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Name: "quota"}, Spec: corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{
		corev1.ResourcePods: resource.MustParse("4"),
	}}}
	n.create(quota)
	more := int32(6)
	p.edit(func(s *v1alpha1.RAGPipelineSpec) { s.Gateway.Replicas = &more })
	p.until(saidWithin, "says which quota, and goes on to answer", has(v1alpha1.ConditionGatewayReady, metav1.ConditionTrue,
		"Ready", "exceeded quota: quota", "raise the ResourceQuota"))
	p.answers(howFast, "1234")
	if err := api.Delete(t.Context(), quota); err != nil {
		t.Fatal(err)
	}
	p.settled(readyWithin)
}

// demandLabel has each pod of the namespace without the label refused.
func (n *namespace) demandLabel(label string) {
	n.t.Helper()
	n.demand(label, "has(object.metadata.labels) && '"+label+"' in object.metadata.labels", "every pod needs the label "+label)
}

// demand makes an admission policy of the cluster that refuses each pod of the namespace of which the expression is false.
func (n *namespace) demand(what, expression, message string) {
	n.t.Helper()
	name := n.name + "-" + what
	policy := &admissionv1.ValidatingAdmissionPolicy{ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: admissionv1.ValidatingAdmissionPolicySpec{
			MatchConstraints: &admissionv1.MatchResources{ResourceRules: []admissionv1.NamedRuleWithOperations{{
				RuleWithOperations: admissionv1.RuleWithOperations{
					Operations: []admissionv1.OperationType{admissionv1.Create},
					Rule:       admissionv1.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"pods"}},
				},
			}}},
			Validations: []admissionv1.Validation{{
				Expression: expression,
				Message:    message,
			}},
		}}
	binding := &admissionv1.ValidatingAdmissionPolicyBinding{ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: admissionv1.ValidatingAdmissionPolicyBindingSpec{
			PolicyName: name, ValidationActions: []admissionv1.ValidationAction{admissionv1.Deny},
			MatchResources: &admissionv1.MatchResources{NamespaceSelector: &metav1.LabelSelector{
				MatchLabels: map[string]string{"kubernetes.io/metadata.name": n.name},
			}},
		}}
	for _, object := range []client.Object{policy, binding} {
		if err := api.Create(n.t.Context(), object); err != nil {
			n.t.Fatal(err)
		}
		n.t.Cleanup(func() {
			if err := api.Delete(context.Background(), object); err != nil {
				n.t.Error(err)
			}
		})
	}
	probe := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: n.name, Name: "probe"}, Spec: corev1.PodSpec{
		SecurityContext: &corev1.PodSecurityContext{RunAsNonRoot: new(true), RunAsUser: new(int64(65532)), FSGroup: new(int64(65532)),
			SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault}},
		Containers: []corev1.Container{{Name: "probe", Image: "probe", SecurityContext: &corev1.SecurityContext{
			AllowPrivilegeEscalation: new(false), Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
		}}},
	}}
	if err := await(n.t.Context(), saidWithin, func(ctx context.Context) error {
		if err := api.Create(ctx, probe.DeepCopy(), client.DryRunAll); err == nil || !strings.Contains(err.Error(), message) {
			return fmt.Errorf("the policy is not in force yet: %w", err)
		}
		return nil
	}); err != nil {
		n.t.Fatal(err)
	}
}
