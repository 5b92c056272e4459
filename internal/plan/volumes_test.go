package plan

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// storeOf is a store of three replicas whose spec says 20Gi, with claims of these requests and capacities.
func storeOf(template string, claims ...[2]string) *State {
	s := standing()
	s.Pipeline.UID = "pipeline"
	s.Pipeline.Spec.VectorStore = v1alpha1.VectorStore{Weaviate: &v1alpha1.Weaviate{
		Replicas: 3, Storage: v1alpha1.Storage{Size: "20Gi"},
	}}
	name := naming.For(s.Pipeline).Weaviate()
	set := &appsv1.StatefulSet{}
	set.Name = name
	set.OwnerReferences = []metav1.OwnerReference{{UID: "pipeline", Controller: new(true)}}
	set.Spec.VolumeClaimTemplates = []corev1.PersistentVolumeClaim{claimOf(template, "")}
	s.StatefulSets = map[string]*appsv1.StatefulSet{name: set}
	s.Claims = map[string]Claim{}
	for i, c := range claims {
		s.Claims[fmt.Sprintf("data-%s-%d", name, i)] = ClaimOf(new(claimOf(c[0], c[1])))
	}
	return s
}

func claimOf(request, capacity string) (claim corev1.PersistentVolumeClaim) {
	claim.Spec.Resources.Requests = corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(request)}
	if capacity != "" {
		claim.Status.Phase = corev1.ClaimBound
		claim.Status.Capacity = corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(capacity)}
	}
	return claim
}

func TestAStoreIsMadeAnewOnceItsClaimsHaveGrown(t *testing.T) {
	small, asked, grown, large := [2]string{"10Gi", "10Gi"}, [2]string{"20Gi", "10Gi"}, [2]string{"20Gi", "20Gi"}, [2]string{"10Gi", "100Gi"}
	for name, c := range map[string]struct {
		state    *State
		growing  int
		outgrown bool
		smaller  int // volumes that the status tells of
		template string
	}{
		"all are small":                      {storeOf("10Gi", small, small, small), 3, false, 3, "10Gi"},
		"one has not been asked to grow":     {storeOf("10Gi", asked, small, grown), 1, false, 2, "10Gi"},
		"all have been asked to grow":        {storeOf("10Gi", asked, asked, grown), 0, true, 2, ""},
		"it was made anew":                   {storeOf("20Gi", asked, asked, grown), 0, false, 2, "20Gi"},
		"all have grown":                     {storeOf("20Gi", grown, grown, grown), 0, false, 0, "20Gi"},
		"volumes were provided large enough": {storeOf("10Gi", large, large, large), 0, true, 0, ""},
		"a claim is not bound yet":           {storeOf("10Gi", grown, grown, [2]string{"10Gi", ""}), 0, false, 0, "10Gi"},
		"a claim was lost":                   {storeOf("10Gi", grown, grown), 0, true, 0, ""},
		"its template is larger":             {storeOf("50Gi", grown, grown, grown), 0, false, 0, "50Gi"},
		"claims are larger":                  {storeOf("20Gi", [2]string{"50Gi", "50Gi"}, grown, grown), 0, false, 1, "20Gi"},
	} {
		t.Run(name, func(t *testing.T) {
			s := c.state
			if got := len(s.Growing()); got != c.growing {
				t.Errorf("%d claims are to grow, not %d", got, c.growing)
			}
			if got := s.Outgrown() != nil; got != c.outgrown {
				t.Errorf("its claims have outgrown it: %t", got)
			}
			if got := len(s.volumes()); got != c.smaller {
				t.Errorf("the status tells of %d volumes, not of %d", got, c.smaller)
			}
			size, keeps := s.sizes()[naming.For(s.Pipeline).Weaviate()]
			if want := c.template; keeps != (want != "") || keeps && size.String() != want {
				t.Errorf("the template has %s, not %s", size.String(), want)
			}
		})
	}
}

// A claim that was refused, and that its owner has then enlarged by hand, grows.
func TestARefusalEndsOnceTheClaimAsksForTheSize(t *testing.T) {
	s := storeOf("10Gi", [2]string{"10Gi", "10Gi"}, [2]string{"20Gi", "10Gi"})
	for name, claim := range s.Claims {
		claim.Refused = "exceeded quota"
		s.Claims[name] = claim
	}
	var got []string
	for _, v := range s.volumes() {
		got = append(got, v.Refused)
	}
	if diff := cmp.Diff([]string{"exceeded quota", ""}, got); diff != "" {
		t.Error(diff)
	}
}

// Neither a StatefulSet that is about to be adopted, nor one that is going, is made anew.
func TestOnlyAStoreOfThePipelineIsMadeAnew(t *testing.T) {
	grown := [2]string{"20Gi", "20Gi"}
	for name, change := range map[string]func(*appsv1.StatefulSet){
		"it has no owner":     func(s *appsv1.StatefulSet) { s.OwnerReferences = nil },
		"it is being deleted": func(s *appsv1.StatefulSet) { s.DeletionTimestamp = new(metav1.NewTime(noon)) },
		"it has no claims":    func(s *appsv1.StatefulSet) { s.Spec.VolumeClaimTemplates = nil },
	} {
		s := storeOf("10Gi", grown, grown, grown)
		change(s.store())
		if s.Outgrown() != nil {
			t.Errorf("%s, and it is made anew", name)
		}
	}
}

// While the StatefulSet is gone, its pods serve on, and it is made anew with their image.
func TestPodsWithoutTheirStatefulSetCount(t *testing.T) {
	s := storeOf("10Gi")
	runs := corev1.ContainerState{Running: new(corev1.ContainerStateRunning)}
	for _, name := range []string{"a", "b", "c"} {
		pod := replicaOf(name, "weaviate:1", "1", runs, false)
		pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
		s.Pods = append(s.Pods, pod)
	}
	clear(s.StatefulSets)
	if c := s.weaviate(); c.Ready != 3 || c.Replicas != 3 || !c.Exists {
		t.Errorf("%+v", c)
	}
	if image := s.weaviateImage(); image != "weaviate:1" {
		t.Errorf("the store is made anew with image %s", image)
	}
	if s.oneKey() {
		t.Error("a store of an older operator is made anew without the key that only reads, which docs/security.md promises")
	}
	for i := range s.Pods { // those of an earlier pipeline of the name, which end
		s.Pods[i].OwnerReferences = []metav1.OwnerReference{{UID: "gone", Controller: new(true)}}
	}
	if c := s.weaviate(); c.Exists {
		t.Errorf("pods of another StatefulSet count: %+v", c)
	}
}

func TestWhatAClaimTellsOfItsGrowth(t *testing.T) {
	grows := func(change func(*corev1.PersistentVolumeClaimStatus)) Claim {
		claim := claimOf("20Gi", "10Gi")
		change(&claim.Status)
		return ClaimOf(&claim)
	}
	condition := func(kind corev1.PersistentVolumeClaimConditionType, message string) Claim {
		return grows(func(s *corev1.PersistentVolumeClaimStatus) {
			s.Conditions = []corev1.PersistentVolumeClaimCondition{{Type: kind, Status: corev1.ConditionTrue, Message: message}}
		})
	}
	infeasible := grows(func(s *corev1.PersistentVolumeClaimStatus) {
		s.AllocatedResourceStatuses = map[corev1.ResourceName]corev1.ClaimResourceStatus{
			corev1.ResourceStorage: corev1.PersistentVolumeClaimControllerResizeInfeasible,
		}
	})
	for _, c := range []struct {
		claim      Claim
		remounting bool
		failed     string
	}{
		{condition(corev1.PersistentVolumeClaimResizing, ""), false, ""},
		{condition(corev1.PersistentVolumeClaimFileSystemResizePending, "waiting"), true, ""},
		{condition(corev1.PersistentVolumeClaimControllerResizeError, "no space"), false, "no space"},
		{condition(corev1.PersistentVolumeClaimNodeResizeError, ""), false, "NodeResizeError"},
		{infeasible, false, "it cannot make the volume as large"},
	} {
		if diff := cmp.Diff([]any{c.remounting, c.failed}, []any{c.claim.Remounting, c.claim.Failed}); diff != "" {
			t.Error(diff)
		}
	}
}
