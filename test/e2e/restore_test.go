//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"maps"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

func TestWhatLostItsOwnerIsAdoptedAndNothingIsEmbedded(t *testing.T) {
	t.Parallel()
	elsewhere, n := newNamespace(t), newNamespace(t)
	embedder := elsewhere.host("embedder")
	draft := func() *v1alpha1.RAGPipeline {
		object := standIns("papers", "docs")
		object.Spec.Models.Embedding.Model = embedder.endpoint(config.StandInEmbedding)
		return object
	}
	n.documentsOf(turbine)
	p := n.pipeline(draft())
	p.settled(readyWithin)
	key, embedded := p.keys(), len(embedder.passages())
	if embedded == 0 {
		t.Fatal("nothing was embedded at first")
	}
	unchanged := func(story string) {
		t.Helper()
		p.settled(readyWithin)
		p.answers(howFast, "1234")
		if now := len(embedder.passages()); now != embedded {
			t.Errorf("%s: %d passages were embedded", story, now-embedded)
		}
		if now := p.keys(); !maps.Equal(now, key) {
			t.Errorf("%s: the keys are not the same", story)
		}
	}

	t.Log("deleted with --cascade=orphan, and applied again")
	pods := p.running()
	p.gone(metav1.DeletePropagationOrphan)
	p = n.pipeline(draft())
	unchanged("after --cascade=orphan")
	if now := p.running(); !maps.Equal(now, pods) {
		t.Errorf("pods were replaced: %v, and before %v", now, pods)
	}

	t.Log("the namespace is dumped, deleted, and made again without owners and status")
	objects, volume := n.backup(), n.volume("data-papers-weaviate-0")
	n.deleted()
	n.restore(objects, volume)
	unchanged("after the restore")

	t.Log("a Secret and a Job are planted before the pipeline comes back")
	p.gone(metav1.DeletePropagationBackground)
	run := p.job(objects)
	n.create(planted(p, p.names().GatewayKey(), "default"), planted(p, p.names().WeaviateKey(), "api-key"), run)
	finish(t, run)
	p = n.pipeline(draft())
	p.settled(goneWithin + readyWithin)
	p.answers(howFast, "1234")
	for name, value := range p.keys() {
		if value == "known" {
			t.Errorf("the planted %s was taken", name)
		}
	}
	if _, err := p.askWith(t.Context(), "known", howFast); err == nil {
		t.Error("the planted key opens the gateway")
	}
	if now := len(embedder.passages()); now != embedded {
		t.Errorf("%d passages were embedded over the kept volume", now-embedded)
	}
}

// keys are the tokens of the operator's making, by Secret and entry.
func (p *pipeline) keys() map[string]string {
	p.t.Helper()
	all := map[string]string{}
	for _, name := range []string{p.names().GatewayKey(), p.names().WeaviateKey()} {
		var object corev1.Secret
		if err := api.Get(p.t.Context(), p.key(name), &object); err != nil {
			p.t.Fatal(err)
		}
		for entry, value := range object.Data {
			all[name+"/"+entry] = string(value)
		}
	}
	return all
}

// running are the pods that serve, by name, with their UIDs.
func (p *pipeline) running() map[string]types.UID {
	p.t.Helper()
	all := map[string]types.UID{}
	for _, component := range []string{naming.ComponentGateway, naming.ComponentWeaviate, naming.ComponentStandIn} {
		list, err := p.podsOf(p.t.Context(), component)
		if err != nil {
			p.t.Fatal(err)
		}
		for _, pod := range list {
			all[pod.Name] = pod.UID
		}
	}
	return all
}

// gone deletes the pipeline, and waits until it is.
func (p *pipeline) gone(policy metav1.DeletionPropagation) {
	p.t.Helper()
	object := p.get()
	if err := api.Delete(p.t.Context(), object, client.PropagationPolicy(policy)); err != nil {
		p.t.Fatal(err)
	}
	eventually(p.t, time.Minute, "the pipeline is gone", func(ctx context.Context) error {
		if _, err := p.read(ctx); !apierrors.IsNotFound(err) {
			return fmt.Errorf("it is there: %v", err)
		}
		if policy == metav1.DeletePropagationOrphan {
			return nil
		}
		list, err := p.pods(ctx, client.MatchingLabels{naming.LabelPipeline: p.name})
		if err == nil && len(list) > 0 {
			err = fmt.Errorf("%d pods are left", len(list))
		}
		return err
	})
}

// backup is what Velero has of the namespace: everything but what controllers make again, and Jobs that have ended.
func (n *namespace) backup() (objects []unstructured.Unstructured) {
	n.t.Helper()
	kinds, err := listable()
	if err != nil {
		n.t.Fatal(err)
	}
	skipped := map[string]bool{"Pod": true, "ReplicaSet": true, "ControllerRevision": true, "Endpoints": true, "EndpointSlice": true, "Lease": true}
	for _, kind := range kinds {
		var list unstructured.UnstructuredList
		list.SetGroupVersionKind(kind.GroupVersion().WithKind(kind.Kind + "List"))
		if err := api.List(n.t.Context(), &list, client.InNamespace(n.name)); err != nil {
			n.t.Fatal(err)
		}
		for _, object := range list.Items {
			if skipped[kind.Kind] || object.GetName() == "kube-root-ca.crt" || object.GetName() == "default" {
				continue
			}
			objects = append(objects, object)
		}
	}
	return objects
}

// volume is the PersistentVolume of a claim.
func (n *namespace) volume(claim string) string {
	n.t.Helper()
	var object corev1.PersistentVolumeClaim
	if err := api.Get(n.t.Context(), n.key(claim), &object); err != nil {
		n.t.Fatal(err)
	}
	return object.Spec.VolumeName
}

// deleted deletes the namespace, and makes it anew.
func (n *namespace) deleted() {
	n.t.Helper()
	object := new(corev1.Namespace)
	if err := api.Get(n.t.Context(), client.ObjectKey{Name: n.name}, object); err != nil {
		n.t.Fatal(err)
	}
	if err := n.empty(n.t.Context()); err != nil {
		n.t.Fatal(err)
	}
	if err := api.Delete(n.t.Context(), object); err != nil {
		n.t.Fatal(err)
	}
	again := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: n.name, Labels: object.Labels}}
	eventually(n.t, goneWithin, "the namespace is gone", func(ctx context.Context) error { return api.Create(ctx, again) })
}

// restore makes the objects without owners, status and UIDs, the pipelines last, and gives the claim its volume back.
func (n *namespace) restore(objects []unstructured.Unstructured, volume string) {
	n.t.Helper()
	free := fmt.Sprintf(`{"spec":{"claimRef":{"uid":null,"resourceVersion":null,"name":"data-papers-weaviate-0","namespace":%q}}}`, n.name)
	pv := &corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: volume}}
	if err := api.Patch(n.t.Context(), pv, client.RawPatch(types.MergePatchType, []byte(free))); err != nil {
		n.t.Fatal(err)
	}
	for _, pipelines := range []bool{false, true} {
		for _, object := range objects {
			if object.GetKind() == "Job" || (object.GetKind() == v1alpha1.Kind) != pipelines {
				continue
			}
			object = *object.DeepCopy()
			labels, annotations := object.GetLabels(), object.GetAnnotations()
			object.Object["metadata"] = map[string]any{"name": object.GetName(), "namespace": n.name}
			delete(object.Object, "status")
			for _, binding := range []string{"pv.kubernetes.io/bind-completed", "pv.kubernetes.io/bound-by-controller"} {
				delete(annotations, binding)
			}
			object.SetLabels(labels)
			object.SetAnnotations(annotations)
			if object.GetKind() == "Service" {
				unstructured.RemoveNestedField(object.Object, "spec", "clusterIPs")
				if address, _, _ := unstructured.NestedString(object.Object, "spec", "clusterIP"); address != corev1.ClusterIPNone {
					unstructured.RemoveNestedField(object.Object, "spec", "clusterIP")
				}
			}
			if err := api.Create(n.t.Context(), &object); err != nil {
				n.t.Fatalf("restore %s %s: %v", object.GetKind(), object.GetName(), err)
			}
		}
	}
}

// planted is a Secret with our labels whose token everybody knows.
func planted(p *pipeline, name, entry string) *corev1.Secret {
	object := secret(name, map[string]string{entry: "known", "peers": "known"})
	object.Labels = p.labels("gateway")
	return object
}

func (p *pipeline) labels(component string) map[string]string {
	return naming.Labels(&v1alpha1.RAGPipeline{ObjectMeta: metav1.ObjectMeta{Name: p.name}}, component)
}

// job is a Job as of a run that was in the backup, with our labels and a pod that does nothing.
func (p *pipeline) job(objects []unstructured.Unstructured) *batchv1.Job {
	p.t.Helper()
	for _, object := range objects {
		if object.GetKind() != "Job" {
			continue
		}
		job := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: object.GetName(), Labels: object.GetLabels(), Annotations: object.GetAnnotations()}}
		for label := range job.Labels {
			if label == batchv1.ControllerUidLabel || label == batchv1.JobNameLabel {
				delete(job.Labels, label)
			}
		}
		job.Spec.Suspend = new(bool)
		*job.Spec.Suspend = true
		job.Spec.Template.Spec = restricted(corev1.Container{Name: "x", Image: simulatorImage})
		job.Spec.Template.Spec.RestartPolicy = corev1.RestartPolicyNever
		return job
	}
	p.t.Fatal("the backup holds no Job")
	return nil
}

// finish gives a Job the status of one that has succeeded.
func finish(t *testing.T, job *batchv1.Job) {
	t.Helper()
	now := metav1.Now()
	eventually(t, time.Minute, "the planted Job is finished", func(ctx context.Context) error {
		if err := api.Get(ctx, client.ObjectKeyFromObject(job), job); err != nil {
			return err
		}
		job.Status.StartTime, job.Status.CompletionTime, job.Status.Succeeded = &now, &now, 1
		job.Status.Conditions = append(job.Status.Conditions,
			batchv1.JobCondition{Type: batchv1.JobSuccessCriteriaMet, Status: corev1.ConditionTrue, LastTransitionTime: now},
			batchv1.JobCondition{Type: batchv1.JobComplete, Status: corev1.ConditionTrue, LastTransitionTime: now})
		return api.Status().Update(ctx, job)
	})
}
