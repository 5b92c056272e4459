//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/model"
	"github.com/ragpipeline/ragpipeline/test/nimsim"
)

// hosted is a NIM simulator that stands for somebody else's: a hosted catalogue.
type hosted struct {
	*namespace
	name string
}

// host starts a simulator, with flags.
func (n *namespace) host(name string, flags ...string) *hosted {
	n.t.Helper()
	labels := map[string]string{"app": name}
	n.create(&appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: appsv1.DeploymentSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec: restricted(corev1.Container{
					Name:  "nimsim",
					Image: simulatorImage,
					Args:  flags,
					ReadinessProbe: &corev1.Probe{
						ProbeHandler:  corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/v1/health/ready", Port: intstr.FromInt32(8000)}},
						PeriodSeconds: 1,
					},
				}),
			},
		},
	}, &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       corev1.ServiceSpec{Selector: labels, Ports: []corev1.ServicePort{{Port: 8000}}},
	})
	h := &hosted{n, name}
	eventually(n.t, time.Minute, "the simulator "+name+" runs", func(ctx context.Context) error { return h.admin(ctx, http.MethodGet, "faults", nil) })
	return h
}

// restricted is a pod of one container that Pod Security "restricted" admits.
func restricted(container corev1.Container) corev1.PodSpec {
	yes, no, user := true, false, int64(65532)
	container.SecurityContext = &corev1.SecurityContext{
		AllowPrivilegeEscalation: &no,
		Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
	}
	return corev1.PodSpec{
		AutomountServiceAccountToken: &no,
		SecurityContext: &corev1.PodSecurityContext{
			RunAsNonRoot: &yes, RunAsUser: &user, RunAsGroup: &user, FSGroup: &user,
			SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
		},
		Containers: []corev1.Container{container},
	}
}

// admin switches the simulator.
func (h *hosted) admin(ctx context.Context, method, path string, into any) error {
	address, err := h.address(ctx, h.name)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return send(ctx, "", method, "http://"+address+"/-/"+path, nil, into)
}

// must switches the simulator, or ends the test.
func (h *hosted) must(method, path string) {
	h.t.Helper()
	if err := h.admin(h.t.Context(), method, path, nil); err != nil {
		h.t.Fatalf("%s %s: %v", method, path, err)
	}
}

// last is the newest request for a role, and its body.
func (h *hosted) last(ctx context.Context, role config.Stage) (*nimsim.Request, map[string]any, error) {
	var requests []nimsim.Request
	if err := h.admin(ctx, http.MethodGet, "requests?role="+string(role), &requests); err != nil {
		return nil, nil, err
	}
	if len(requests) == 0 {
		return nil, nil, fmt.Errorf("nobody has asked the simulator's %s", role)
	}
	newest, body := &requests[len(requests)-1], map[string]any{}
	return newest, body, json.Unmarshal(newest.Body, &body)
}

// passages are the texts that the simulator was asked to embed for an index, but for the fixed one.
func (h *hosted) passages() (texts []string) {
	h.t.Helper()
	var requests []nimsim.Request
	if err := h.admin(h.t.Context(), http.MethodGet, "requests?role="+string(config.StageEmbedding), &requests); err != nil {
		h.t.Fatal(err)
	}
	for _, r := range requests {
		var body struct {
			Input []string `json:"input"`
			Type  string   `json:"input_type"`
		}
		if err := json.Unmarshal(r.Body, &body); err != nil {
			h.t.Fatal(err)
		}
		if body.Type == "passage" && !slices.Equal(body.Input, []string{model.Anchor}) {
			texts = append(texts, body.Input...)
		}
	}
	return texts
}

// endpoint is the simulator's model for a role, as an endpoint.
func (h *hosted) endpoint(name string) v1alpha1.Model {
	return v1alpha1.Model{Endpoint: &v1alpha1.Endpoint{
		URL:   v1alpha1.URL(fmt.Sprintf("http://%s.%s.svc:8000/v1", h.name, h.namespace.name)),
		Model: v1alpha1.ModelName(name),
	}}
}

// fill makes a claim and writes so many documents into its volume: 3 sentences each.
func (n *namespace) fill(claim string, pdfs, texts int) {
	n.t.Helper()
	n.claim(claim)
	n.refill(claim, pdfs, texts)
}

// claim makes one for documents.
func (n *namespace) claim(claim string) {
	n.t.Helper()
	n.create(&corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: claim},
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}},
		},
	})
}

// refill has a pod make the documents on the claim's volume exactly so many.
func (n *namespace) refill(claim string, pdfs, texts int) {
	n.t.Helper()
	n.seed(claim, pdfs, texts)
}

// seed runs the program of that name over the claim's volume.
func (n *namespace) seed(claim string, numbers ...int) {
	n.t.Helper()
	command, name := []string{"/seed", "/documents"}, "seed-"+claim
	for _, number := range numbers {
		command = append(command, fmt.Sprint(number))
		name += fmt.Sprint("-", number)
	}
	seed := restricted(corev1.Container{
		Name: "seed", Image: simulatorImage, Command: command,
		VolumeMounts: []corev1.VolumeMount{{Name: "documents", MountPath: "/documents"}},
	})
	seed.RestartPolicy = corev1.RestartPolicyNever
	seed.Volumes = []corev1.Volume{{Name: "documents", VolumeSource: corev1.VolumeSource{
		PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim},
	}}}
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: seed}
	n.create(pod)
	eventually(n.t, 2*time.Minute, "the volume is filled", func(ctx context.Context) error {
		if err := api.Get(ctx, n.key(pod.Name), pod); err != nil {
			return err
		}
		if pod.Status.Phase != corev1.PodSucceeded {
			return fmt.Errorf("the pod is %s", pod.Status.Phase)
		}
		return nil
	})
	if err := api.Delete(n.t.Context(), pod); client.IgnoreNotFound(err) != nil {
		n.t.Fatal(err)
	}
}
