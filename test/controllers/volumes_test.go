package controllers_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/controllers"
	"github.com/ragpipeline/ragpipeline/internal/naming"
	"github.com/ragpipeline/ragpipeline/test/apiserver"
)

// storeClaim makes the claim of the store's first replica, with 10Gi of a class that does not allow it to grow.
func (c *cluster) storeClaim(pipeline string) (*storagev1.StorageClass, *corev1.PersistentVolumeClaim) {
	c.Helper()
	class := &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: c.namespace}, Provisioner: "example.com/none"}
	c.check(c.Create(c.Context(), class))
	p := &v1alpha1.RAGPipeline{ObjectMeta: metav1.ObjectMeta{Name: pipeline}}
	claim := &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: c.namespace, Name: "data-" + naming.For(p).Weaviate() + "-0", Labels: naming.ClaimLabels(p, naming.ComponentWeaviate),
		},
		Spec: corev1.PersistentVolumeClaimSpec{
			StorageClassName: &class.Name, AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources: corev1.VolumeResourceRequirements{Requests: tenGi},
		},
	}
	c.check(c.Create(c.Context(), claim))
	c.setCapacity(claim, tenGi)
	return class, claim
}

var (
	tenGi    = corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("10Gi")}
	twentyGi = corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("20Gi")}
)

// setCapacity is what a driver does.
func (c *cluster) setCapacity(claim *corev1.PersistentVolumeClaim, capacity corev1.ResourceList) {
	c.Helper()
	c.check(c.Get(c.Context(), client.ObjectKeyFromObject(claim), claim))
	claim.Status.Phase, claim.Status.Capacity = corev1.ClaimBound, capacity
	c.check(c.Status().Update(c.Context(), claim))
}

func TestAVolumeGrowsAndTheStoreIsMadeAnewAroundItsPods(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	var later atomic.Int64 // what the operator's clock is ahead
	o := startOperatorWith(t, c.namespace, func(r *controllers.Reconciler) {
		r.Clock = func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
	})
	class, claim := c.storeClaim("quickstart")
	p := c.awaitReady(c.applySample("quickstart.yaml", func(p *unstructured.Unstructured) { p.SetName("quickstart") }).Name)
	store := client.ObjectKey{Namespace: c.namespace, Name: naming.For(p).Weaviate()}
	var before appsv1.StatefulSet
	c.check(c.Get(t.Context(), store, &before))
	pods := podUIDs(c.pods(p, naming.ComponentWeaviate))
	seen := len(c.seen(p.Name))

	c.change(p, `{"spec":{"vectorStore":{"weaviate":{"storage":{"size":"20Gi"}}}}}`)
	stalled := c.awaitReason(p.Name, v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonVolumeResizeFailed)
	for _, word := range []string{"data-quickstart-weaviate-0", "10Gi", "20Gi", "storage.size", "must support resize", "allowVolumeExpansion"} {
		if !strings.Contains(stalled.Message, word) {
			t.Errorf("the message lacks %q: %s", word, stalled.Message)
		}
	}
	c.reads(p.Name, status.FailedStatus)
	c.quiet(t, o, p) // a refusal is not repeated at each pass

	class.AllowVolumeExpansion = new(true)
	c.check(c.Update(t.Context(), class))
	later.Add(int64(2 * time.Minute))
	c.awaitReason(p.Name, v1alpha1.ConditionReconciling, metav1.ConditionTrue, v1alpha1.ReasonVolumeResizing)
	var after appsv1.StatefulSet
	apiserver.Eventually(t, patience, func() string {
		err := c.Get(t.Context(), store, &after)
		if err != nil || after.UID == before.UID || after.Status.ReadyReplicas == 0 {
			return fmt.Sprint("the store to be made anew: ", err)
		}
		return ""
	})
	if size := after.Spec.VolumeClaimTemplates[0].Spec.Resources.Requests.Storage(); size.String() != "20Gi" {
		t.Errorf("the template has %s", size)
	}
	c.check(c.Get(t.Context(), client.ObjectKeyFromObject(claim), claim))
	if size := claim.Spec.Resources.Requests.Storage(); size.String() != "20Gi" {
		t.Errorf("the claim asks for %s", size)
	}
	if diff := cmp.Diff(pods, podUIDs(c.pods(p, naming.ComponentWeaviate))); diff != "" {
		t.Errorf("the store's pods are others: %s", diff)
	}
	c.setCapacity(claim, twentyGi)
	c.reads(p.Name, status.CurrentStatus)
	for _, v := range c.seen(p.Name)[seen:] {
		if v.ready != "True Ready" {
			t.Errorf("a question would have failed: %v", v)
		}
	}
	c.quiet(t, o, c.pipeline(p.Name))
}

func podUIDs(pods []corev1.Pod) map[string]string {
	uids := map[string]string{}
	for _, pod := range pods {
		uids[pod.Name] = string(pod.UID)
	}
	return uids
}
