package controllers_test

import (
	"context"
	"maps"
	"sync"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/controllers"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/desired/naming"
	"github.com/ragpipeline/ragpipeline/test/apiserver"
)

// beat is how often the played controllers look.
const beat = 100 * time.Millisecond

// cluster is a namespace in which workloads get pods, and pods run.
type cluster struct {
	testing.TB
	client.Client
	namespace string
	seen      func(name string) []version // of a pipeline, so far

	mu      sync.Mutex
	trouble map[string]func(*corev1.PodStatus)  // by component, what its pods suffer from
	stages  map[config.Stage]config.StageStatus // by stage, what a gateway says of it if not that it is fine
	held    bool                                // runs go on and on
	indexed map[string]map[string]time.Time     // by pipeline and generation, when the index was complete
	runs    int                                 // that have ended
	servers map[types.UID]*server               // by pod
}

// startCluster plays a cluster, in which Pod Security is "restricted", until the test ends.
func startCluster(t testing.TB) *cluster {
	t.Helper()
	c := &cluster{
		TB:        t,
		namespace: apiserver.Namespace(t, map[string]string{"pod-security.kubernetes.io/enforce": "restricted"}),
		trouble:   map[string]func(*corev1.PodStatus){},
		stages:    map[config.Stage]config.StageStatus{},
		servers:   map[types.UID]*server{},
		indexed:   map[string]map[string]time.Time{},
	}
	var err error
	if c.Client, err = client.New(apiserver.Config(t), client.Options{Scheme: controllers.Scheme(), FieldOwner: "cluster"}); err != nil {
		t.Fatal(err)
	}
	c.seen = watchPipelines(t, c.namespace)
	ctx, stop := context.WithCancel(context.Background())
	var group sync.WaitGroup
	group.Go(func() { c.play(ctx) })
	t.Cleanup(func() {
		stop()
		group.Wait()
		c.closeExcept(nil)
	})
	return c
}

func (c *cluster) play(ctx context.Context) {
	ticker := time.NewTicker(beat)
	defer ticker.Stop()
	for {
		for _, player := range []func(context.Context) error{c.playWorkloads, c.playJobs, c.collectGarbage} {
			err := player(ctx)
			if ctx.Err() != nil {
				return
			}
			// Others write at the same time, and the next beat sees what they have written.
			if err != nil && !apierrors.IsConflict(err) && !apierrors.IsNotFound(err) && !apierrors.IsAlreadyExists(err) {
				c.Error("the played cluster: ", err)
				return
			}
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// with changes what the players do.
func (c *cluster) with(change func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change()
}

func (c *cluster) playWorkloads(ctx context.Context) error {
	var deployments appsv1.DeploymentList
	var sets appsv1.StatefulSetList
	var pods corev1.PodList
	for _, list := range []client.ObjectList{&deployments, &sets, &pods} {
		if err := c.List(ctx, list, client.InNamespace(c.namespace)); err != nil {
			return err
		}
	}
	for _, d := range deployments.Items {
		state, err := c.run(ctx, &d, "Deployment", d.Spec.Template, *d.Spec.Replicas, pods.Items)
		if err != nil {
			return err
		}
		before := d.Status
		d.Status = appsv1.DeploymentStatus{
			ObservedGeneration: d.Generation, Replicas: state.all, UpdatedReplicas: state.updated,
			ReadyReplicas: state.ready, AvailableReplicas: state.ready, UnavailableReplicas: state.all - state.ready,
		}
		if !equality.Semantic.DeepEqual(before, d.Status) {
			if err := c.Status().Update(ctx, &d); err != nil {
				return err
			}
		}
	}
	for _, s := range sets.Items {
		state, err := c.run(ctx, &s, "StatefulSet", withClaims(s.Spec), *s.Spec.Replicas, pods.Items)
		if err != nil {
			return err
		}
		before := s.Status
		s.Status = appsv1.StatefulSetStatus{
			ObservedGeneration: s.Generation, Replicas: state.all, UpdatedReplicas: state.updated, CurrentReplicas: state.updated,
			ReadyReplicas: state.ready, AvailableReplicas: state.ready,
		}
		if !equality.Semantic.DeepEqual(before, s.Status) {
			if err := c.Status().Update(ctx, &s); err != nil {
				return err
			}
		}
	}
	c.closeExcept(pods.Items)
	return nil
}

// withClaims is the template with its volumes. The claims are not made: nothing here binds one.
func withClaims(spec appsv1.StatefulSetSpec) corev1.PodTemplateSpec {
	template := *spec.Template.DeepCopy()
	for _, claim := range spec.VolumeClaimTemplates {
		template.Spec.Volumes = append(template.Spec.Volumes, corev1.Volume{Name: claim.Name, VolumeSource: corev1.VolumeSource{
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim.Name + "-0"},
		}})
	}
	return template
}

// replicas count the pods of a workload.
type replicas struct{ all, updated, ready int32 }

// templateHash tells pods of the present template from older ones.
const templateHash = "pod-template-hash"

// run brings a workload's pods to its template, one new pod before an old one goes, and says how far that is.
func (c *cluster) run(ctx context.Context, owner client.Object, kind string, template corev1.PodTemplateSpec, want int32, pods []corev1.Pod) (replicas, error) {
	var state replicas
	var old []corev1.Pod
	hash := config.Hash(template)[:8]
	for _, pod := range pods {
		if !metav1.IsControlledBy(&pod, owner) || pod.DeletionTimestamp != nil {
			continue
		}
		ready, err := c.keep(ctx, &pod)
		if err != nil {
			return state, err
		}
		state.all++
		if pod.Labels[templateHash] != hash {
			old = append(old, pod)
			continue
		}
		state.updated++
		if ready {
			state.ready++
		}
	}
	if state.updated < want {
		return state, c.createPod(ctx, owner, appsv1.SchemeGroupVersion.WithKind(kind), template, hash)
	}
	if len(old) > 0 && state.ready >= want {
		return state, c.Delete(ctx, &old[0])
	}
	return state, nil
}

func (c *cluster) createPod(ctx context.Context, owner client.Object, gvk schema.GroupVersionKind, template corev1.PodTemplateSpec, hash string) error {
	pod := &corev1.Pod{ObjectMeta: *template.ObjectMeta.DeepCopy(), Spec: *template.Spec.DeepCopy()}
	pod.Namespace, pod.GenerateName = c.namespace, owner.GetName()+"-"
	pod.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(owner, gvk)}
	pod.Labels = maps.Clone(pod.Labels)
	pod.Labels[templateHash] = hash
	if gvk.Kind == "Job" {
		pod.Labels[batchv1.JobNameLabel] = owner.GetName()
	}
	return c.Create(ctx, pod)
}

// keep plays the kubelet for a pod: it runs, unless its component is in trouble, and is ready when it can serve.
func (c *cluster) keep(ctx context.Context, pod *corev1.Pod) (ready bool, err error) {
	component := pod.Labels[naming.LabelComponent]
	c.mu.Lock()
	trouble := c.trouble[component]
	c.mu.Unlock()
	before := pod.Status.DeepCopy()
	if trouble != nil {
		pod.Status.Conditions, pod.Status.ContainerStatuses = nil, nil
		trouble(&pod.Status)
	} else {
		address, err := c.serve(pod)
		if err != nil {
			return false, err
		}
		ready = component != naming.ComponentGateway || c.report(pod).Ready
		pod.Status.Phase, pod.Status.PodIP = corev1.PodRunning, address
		pod.Status.PodIPs = []corev1.PodIP{{IP: address}}
		pod.Status.ContainerStatuses = nil
		pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: map[bool]corev1.ConditionStatus{true: "True", false: "False"}[ready]}}
	}
	if equality.Semantic.DeepEqual(*before, pod.Status) {
		return ready, nil
	}
	return ready, c.Status().Update(ctx, pod)
}

// built says when a pipeline's index of a generation was complete. Its volume outlives everything.
func (c *cluster) built(pipeline, generation string) (time.Time, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at, ok := c.indexed[pipeline][generation]
	return at, ok
}
