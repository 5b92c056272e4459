package apply_test

import (
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	appsv1ac "k8s.io/client-go/applyconfigurations/apps/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/desired"
	"github.com/ragpipeline/ragpipeline/internal/naming"
	"github.com/ragpipeline/ragpipeline/test/apiserver"
)

// storeOf is a StatefulSet whose claims have a size.
func storeOf(p *v1alpha1.RAGPipeline, size string) desired.Child {
	labels := map[string]string{"app": "store"}
	claim := &corev1ac.PersistentVolumeClaimApplyConfiguration{}
	claim.WithName("data").WithSpec(corev1ac.PersistentVolumeClaimSpec().WithAccessModes(corev1.ReadWriteOnce).
		WithResources(corev1ac.VolumeResourceRequirements().WithRequests(corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(size)})))
	return desired.Child{Object: appsv1ac.StatefulSet("store", p.Namespace).
		WithLabels(naming.Labels(p, naming.ComponentWeaviate)).
		WithSpec(appsv1ac.StatefulSetSpec().
			WithServiceName("store").
			WithSelector(metav1ac.LabelSelector().WithMatchLabels(labels)).
			WithVolumeClaimTemplates(claim).
			WithTemplate(corev1ac.PodTemplateSpec().WithLabels(labels).WithSpec(corev1ac.PodSpec().
				WithContainers(corev1ac.Container().WithName("store").WithImage("store:1")))))}
}

// refuses has the server refuse new StatefulSets of the namespace, as a webhook of a platform may, until the function
// that it returns is called.
func (w *world) refuses(like *appsv1.StatefulSet) (until func()) {
	w.Helper()
	policy := &admissionv1.ValidatingAdmissionPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: "refuse-" + w.namespace},
		Spec: admissionv1.ValidatingAdmissionPolicySpec{
			MatchConstraints: &admissionv1.MatchResources{ResourceRules: []admissionv1.NamedRuleWithOperations{{
				RuleWithOperations: admissionv1.RuleWithOperations{
					Operations: []admissionv1.OperationType{admissionv1.Create},
					Rule:       admissionv1.Rule{APIGroups: []string{"apps"}, APIVersions: []string{"v1"}, Resources: []string{"statefulsets"}},
				},
			}}},
			Validations: []admissionv1.Validation{{Expression: "false", Message: "stores need a ticket"}},
		},
	}
	binding := &admissionv1.ValidatingAdmissionPolicyBinding{
		ObjectMeta: metav1.ObjectMeta{Name: policy.Name},
		Spec: admissionv1.ValidatingAdmissionPolicyBindingSpec{
			PolicyName: policy.Name, ValidationActions: []admissionv1.ValidationAction{admissionv1.Deny},
			MatchResources: &admissionv1.MatchResources{NamespaceSelector: &metav1.LabelSelector{
				MatchLabels: map[string]string{"kubernetes.io/metadata.name": w.namespace},
			}},
		},
	}
	w.check(w.live.Create(w.Context(), policy))
	w.check(w.live.Create(w.Context(), binding))
	refused := func() bool {
		try := like.DeepCopy()
		try.ObjectMeta = metav1.ObjectMeta{Namespace: w.namespace, Name: "tried"}
		return w.live.Create(w.Context(), try, client.DryRunAll) != nil
	}
	await := func(want bool) {
		apiserver.Eventually(w, patience, func() string {
			if refused() != want {
				return "the policy to be seen"
			}
			return ""
		})
	}
	await(true)
	return func() {
		w.check(w.live.Delete(w.Context(), binding))
		w.check(w.live.Delete(w.Context(), policy))
		await(false)
	}
}

// A StatefulSet that goes before the server refuses its successor leaves pods without an owner.
func TestAStatefulSetStaysWhoseSuccessorIsRefused(t *testing.T) {
	w := newWorld(t)
	p := w.pipeline("papers")
	w.apply(p, storeOf(p, "10Gi"))
	w.settle()
	before := get[appsv1.StatefulSet](w, "store")
	admit := w.refuses(before)
	larger := []desired.Child{storeOf(p, "20Gi")}
	err := w.applier.Remake(t.Context(), p, before, larger)
	if err == nil || !strings.Contains(err.Error(), "stores need a ticket") {
		t.Errorf("the error is %v", err)
	}
	if now := get[appsv1.StatefulSet](w, "store"); now.UID != before.UID || now.DeletionTimestamp != nil {
		t.Fatal("the StatefulSet was deleted")
	}
	admit()
	released := make(chan error, 1)
	go func() { released <- w.release("store", before.UID) }() // what the garbage collector does
	w.check(w.applier.Remake(t.Context(), p, before, larger))
	w.check(<-released)
	now := get[appsv1.StatefulSet](w, "store")
	if size := now.Spec.VolumeClaimTemplates[0].Spec.Resources.Requests.Storage().String(); now.UID == before.UID || size != "20Gi" {
		t.Errorf("the StatefulSet asks for %s", size)
	}
}

// release takes the finalizer of an orphaning deletion off.
func (w *world) release(name string, uid types.UID) error {
	for {
		var set appsv1.StatefulSet
		err := w.live.Get(w.Context(), client.ObjectKey{Namespace: w.namespace, Name: name}, &set)
		if err != nil || set.UID != uid {
			return client.IgnoreNotFound(err)
		}
		if set.DeletionTimestamp != nil {
			patch := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`))
			return client.IgnoreNotFound(w.live.Patch(w.Context(), &set, patch))
		}
	}
}
