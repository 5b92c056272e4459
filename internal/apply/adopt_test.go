package apply_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/apply"
	"github.com/ragpipeline/ragpipeline/internal/derive"
	"github.com/ragpipeline/ragpipeline/internal/desired"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// vouchedFor are one of each kind, of which the Deployment vouches for the Secret.
func vouchedFor(w *world, p *v1alpha1.RAGPipeline) []desired.Child {
	children := oneOfEach(p)
	digest := w.applier.Digest(p, apply.Key{Kind: "Secret", Name: p.Name + "-key"})
	for i := range children {
		switch *children[i].Object.GetKind() {
		case "Secret":
			children[i].Voucher = derive.Object{Kind: "Deployment", Name: p.Name}
		case "ConfigMap":
			children[i].Once, children[i].Exact = true, true
		case "Deployment":
			children[i].Object = deployment(p, p.Name).WithAnnotations(map[string]string{naming.AnnotationKey: digest})
		}
	}
	return children
}

// adopted applies until nothing waits any more, and returns what the applier told.
func (w *world) adopted(p *v1alpha1.RAGPipeline) (told map[apply.Key]bool) {
	w.Helper()
	told = map[apply.Key]bool{}
	w.applier = apply.New(w.cached, w.live)
	w.applier.Adopted = func(_ client.Object, a apply.Adoption) { told[a.Key] = a.Replaced }
	for range 5 {
		w.settle()
		_, err := w.applier.Apply(w.Context(), p, vouchedFor(w, p))
		if err == nil {
			return told
		}
		if _, waiting := errors.AsType[*apply.WaitingError](err); !waiting && !apierrors.IsConflict(err) {
			w.Fatal(err)
		}
	}
	w.Fatal("it still waits")
	return nil
}

// orphans lets go of everything, as a deletion with --cascade=orphan does.
func orphans(w *world, object *unstructured.Unstructured) {
	object.SetOwnerReferences(nil)
	w.check(w.live.Update(w.Context(), object))
}

// restores makes everything anew, without owners and status, as Velero does.
func restores(w *world, object *unstructured.Unstructured) {
	object.SetFinalizers(nil)
	w.check(w.live.Update(w.Context(), object))
	w.check(w.live.Delete(w.Context(), object, client.GracePeriodSeconds(0), client.PropagationPolicy(metav1.DeletePropagationBackground)))
	again := object.DeepCopy()
	delete(again.Object, "status")
	again.Object["metadata"] = map[string]any{}
	again.SetNamespace(w.namespace)
	again.SetName(object.GetName())
	again.SetLabels(object.GetLabels())
	again.SetAnnotations(object.GetAnnotations())
	if again.GetKind() == "Job" { // of which the server chooses the selector
		unstructured.RemoveNestedField(again.Object, "spec", "selector")
		unstructured.RemoveNestedField(again.Object, "spec", "template", "metadata", "labels")
	}
	w.check(w.live.Create(w.Context(), again))
}

func TestWhatLostItsOwnerIsAdopted(t *testing.T) {
	for name, loses := range map[string]func(*world, *unstructured.Unstructured){"orphaned": orphans, "restored": restores} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			p := w.pipeline("papers")
			w.apply(p, vouchedFor(w, p)...)
			w.apply(p, vouchedFor(w, p)...) // now the digest is known
			w.check(w.live.Delete(t.Context(), p))
			before := map[apply.Key]types.UID{}
			for _, kind := range apply.Kinds() {
				var objects unstructured.UnstructuredList
				objects.SetGroupVersionKind(kind.GroupVersion().WithKind(kind.Kind + "List"))
				w.check(w.live.List(t.Context(), &objects, client.InNamespace(w.namespace), client.MatchingLabels{naming.LabelManagedBy: naming.Manager}))
				for _, object := range objects.Items {
					copied := object.DeepCopy()
					loses(w, copied)
					w.check(w.live.Get(t.Context(), client.ObjectKeyFromObject(&object), &object))
					before[apply.Key{Kind: kind.Kind, Name: object.GetName()}] = object.GetUID()
				}
			}
			token := get[corev1.Secret](w, "papers-key").Data["token"]

			p = w.pipeline("papers")
			told := w.adopted(p)
			after := w.apply(p, vouchedFor(w, p)...)
			for key, uid := range before {
				replaced, adopted := told[key]
				switch {
				case key.Kind == "PersistentVolumeClaim" && uid == after[key] && !adopted:
				case key.Kind == "Job" && uid != after[key] && replaced:
				case key.Kind != "Job" && uid == after[key] && adopted && !replaced:
				default:
					t.Errorf("%v was %s and is %s; adopted %t, replaced %t", key, uid, after[key], adopted, replaced)
				}
			}
			if got := get[corev1.Secret](w, "papers-key"); string(got.Data["token"]) != string(token) || !metav1.IsControlledBy(got, p) {
				t.Errorf("the Secret's token changed, or its owner is %v", got.OwnerReferences)
			}
			w.settle()
			w.requests.Take()
			w.apply(p, vouchedFor(w, p)...)
			if requests := w.requests.Take(); len(requests) != 0 {
				t.Errorf("a quiet pipeline caused %v", requests)
			}
			w.apply(p, desired.Child{Object: deployment(p, "papers")}) // the operator is the one owner of the annotation
			if left := get[appsv1.Deployment](w, "papers").Annotations; left[naming.AnnotationKey] != "" {
				t.Errorf("annotations that are no longer wanted stay: %v", left)
			}
		})
	}
}

func labelled(p *v1alpha1.RAGPipeline, name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: p.Namespace, Name: name, Labels: naming.Labels(p, "test")}
}

// forged has the pipeline as its owner, as everyone may say.
func forged(p *v1alpha1.RAGPipeline, name string) metav1.ObjectMeta {
	m := labelled(p, name)
	m.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(p, v1alpha1.GroupVersion.WithKind(v1alpha1.Kind))}
	return m
}

func TestAPlantedObjectGivesNoKeyAndProvesNoIndex(t *testing.T) {
	tests := map[string]struct {
		plant func(w *world, p *v1alpha1.RAGPipeline)
		check func(w *world) string // what the planter gained
	}{
		"a Secret with a known key": {
			plant: func(w *world, p *v1alpha1.RAGPipeline) {
				w.check(w.live.Create(w.Context(), &corev1.Secret{ObjectMeta: labelled(p, "papers-key"), StringData: map[string]string{"token": "known"}}))
			},
			check: func(w *world) string {
				if string(get[corev1.Secret](w, "papers-key").Data["token"]) == "known" {
					return "the key is known"
				}
				return ""
			},
		},
		"a Secret, and a claim as of a kept volume": {
			plant: func(w *world, p *v1alpha1.RAGPipeline) {
				w.check(w.live.Create(w.Context(), &corev1.Secret{ObjectMeta: labelled(p, "papers-key"), StringData: map[string]string{"token": "known"}}))
				w.apply(p, claim(p, "data-papers-weaviate-0", true))
			},
			check: func(w *world) string {
				if string(get[corev1.Secret](w, "papers-key").Data["token"]) == "known" {
					return "the key is known"
				}
				return ""
			},
		},
		"a Secret with a known key, of which the pipeline is said to be the owner": {
			plant: func(w *world, p *v1alpha1.RAGPipeline) {
				w.check(w.live.Create(w.Context(), &corev1.Secret{ObjectMeta: forged(p, "papers-key"), StringData: map[string]string{"token": "known"}}))
			},
			check: func(w *world) string {
				if string(get[corev1.Secret](w, "papers-key").Data["token"]) == "known" {
					return "the key is known"
				}
				return ""
			},
		},
		"a Secret with a known key, after the pipeline has run without one": {
			plant: func(w *world, p *v1alpha1.RAGPipeline) {
				w.apply(p, desired.Child{Object: deployment(p, "papers")})
				p.Status.ObservedGeneration = 1
				w.check(w.live.Status().Update(w.Context(), p))
				w.check(w.live.Create(w.Context(), &corev1.Secret{ObjectMeta: forged(p, "papers-key"), StringData: map[string]string{"token": "known"}}))
			},
			check: func(w *world) string {
				if string(get[corev1.Secret](w, "papers-key").Data["token"]) == "known" {
					return "the key is known"
				}
				return ""
			},
		},
		"a config with another server, of which the pipeline is said to be the owner": {
			plant: func(w *world, p *v1alpha1.RAGPipeline) {
				w.check(w.live.Create(w.Context(), &corev1.ConfigMap{ObjectMeta: forged(p, "papers"), Data: map[string]string{"a": "theirs"}}))
			},
			check: func(w *world) string {
				return cmp.Diff(map[string]string{"a": "1"}, get[corev1.ConfigMap](w, "papers").Data)
			},
		},
		"a finished Job": {
			plant: func(w *world, p *v1alpha1.RAGPipeline) {
				planted := &batchv1.Job{ObjectMeta: labelled(p, "papers")}
				planted.Spec.Template.Spec = corev1.PodSpec{RestartPolicy: corev1.RestartPolicyNever, Containers: []corev1.Container{{Name: "x", Image: "example.com/theirs"}}}
				w.check(w.live.Create(w.Context(), planted))
				now := metav1.Now()
				planted.Status = batchv1.JobStatus{StartTime: &now, CompletionTime: &now, Succeeded: 1, Conditions: []batchv1.JobCondition{
					{Type: batchv1.JobSuccessCriteriaMet, Status: corev1.ConditionTrue}, {Type: batchv1.JobComplete, Status: corev1.ConditionTrue},
				}}
				w.check(w.live.Status().Update(w.Context(), planted))
			},
			check: func(w *world) string {
				if job := get[batchv1.Job](w, "papers"); job.Status.CompletionTime != nil || job.Spec.Template.Spec.Containers[0].Image != "example.com/x:1" {
					return "the Job counts as finished"
				}
				return ""
			},
		},
		"a ConfigMap with another config": {
			plant: func(w *world, p *v1alpha1.RAGPipeline) {
				w.check(w.live.Create(w.Context(), &corev1.ConfigMap{ObjectMeta: labelled(p, "papers"), Data: map[string]string{"a": "theirs"}}))
			},
			check: func(w *world) string {
				return cmp.Diff(map[string]string{"a": "1"}, get[corev1.ConfigMap](w, "papers").Data)
			},
		},
		"a Service that selects other pods, through another port": {
			plant: func(w *world, p *v1alpha1.RAGPipeline) {
				w.check(w.live.Create(w.Context(), &corev1.Service{ObjectMeta: labelled(p, "papers"), Spec: corev1.ServiceSpec{
					Selector: map[string]string{"theirs": "yes"}, ExternalIPs: []string{"192.0.2.1"}, Ports: []corev1.ServicePort{{Name: "theirs", Port: 81}},
				}}))
			},
			check: func(w *world) string {
				spec := get[corev1.Service](w, "papers").Spec
				if len(spec.Ports) != 1 || spec.Ports[0].Port != 80 || len(spec.ExternalIPs) != 0 {
					return "ports and addresses stay"
				}
				return cmp.Diff(map[string]string{"app": "x"}, spec.Selector)
			},
		},
		"a Deployment with one more container": {
			plant: func(w *world, p *v1alpha1.RAGPipeline) {
				w.check(w.live.Create(w.Context(), &appsv1.Deployment{ObjectMeta: labelled(p, "papers"), Spec: appsv1.DeploymentSpec{
					Replicas: new(int32(4)), Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "x"}},
					Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "x"}}, Spec: corev1.PodSpec{
						HostNetwork: true, Containers: []corev1.Container{{Name: "theirs", Image: "example.com/theirs"}},
					}},
				}}))
			},
			check: func(w *world) string {
				d := get[appsv1.Deployment](w, "papers").Spec
				if pod := d.Template.Spec; len(pod.Containers) != 1 || pod.Containers[0].Name != "x" || pod.HostNetwork {
					return "their container runs"
				}
				if *d.Replicas != 4 {
					return "the autoscaler's number is lost"
				}
				return ""
			},
		},
		"a ServiceAccount that lends a pull secret": {
			plant: func(w *world, p *v1alpha1.RAGPipeline) {
				w.check(w.live.Create(w.Context(), &corev1.ServiceAccount{ObjectMeta: labelled(p, "papers"), ImagePullSecrets: []corev1.LocalObjectReference{{Name: "theirs"}}}))
			},
			check: func(w *world) string {
				if account := get[corev1.ServiceAccount](w, "papers"); len(account.ImagePullSecrets) != 0 || *account.AutomountServiceAccountToken {
					return "it still lends it"
				}
				return ""
			},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			p := w.pipeline("papers")
			test.plant(w, p)
			w.adopted(p)
			if gained := test.check(w); gained != "" {
				t.Error(gained)
			}
			w.settle()
			w.apply(p, vouchedFor(w, p)...)
			if gained := test.check(w); gained != "" {
				t.Errorf("later: %s", gained)
			}
		})
	}
}
