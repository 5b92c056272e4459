package desired

import (
	"maps"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/certificates"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/derive/derivetest"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

func templates(t *testing.T, p *v1alpha1.RAGPipeline, f Facts) map[string]*corev1.PodTemplateSpec {
	t.Helper()
	list := map[string]*corev1.PodTemplateSpec{}
	for _, o := range objects(t, all(t, p, running(t, p, f))) {
		if template := o.podTemplate(t); template != nil {
			list[o.kind()+" "+o.name()] = template
		}
	}
	return list
}

// entries are those of the certificates' Secret that a pod gets.
func entries(template *corev1.PodTemplateSpec, secret string) (keys []string, whole bool) {
	add := func(items []corev1.KeyToPath) {
		whole = whole || len(items) == 0
		for _, item := range items {
			keys = append(keys, item.Key)
		}
	}
	for _, volume := range template.Spec.Volumes {
		if volume.Secret != nil && volume.Secret.SecretName == secret {
			add(volume.Secret.Items)
		}
		if volume.Projected == nil {
			continue
		}
		for _, source := range volume.Projected.Sources {
			if source.Secret != nil && source.Secret.Name == secret {
				add(source.Secret.Items)
			}
		}
	}
	return keys, whole
}

// A stolen pod can pretend to be itself, and neither another one nor the authority.
func TestAPodHasNoKeyButItsOwn(t *testing.T) {
	for name, with := range map[string]func(*v1alpha1.RAGPipelineSpec){"stand-ins": derivetest.WithStandIns, "NIMs": derivetest.WithNIMs} {
		p := derivetest.Pipeline(with, large, encrypted)
		secret := naming.For(p).Certificates()
		owners := map[string]string{}
		for workload, template := range templates(t, p, Facts{}) {
			keys, whole := entries(template, secret)
			if whole || len(keys) == 0 {
				t.Errorf("%s: %s mounts the entries %v; all: %t", name, workload, keys, whole)
			}
			for _, key := range keys {
				if !strings.HasSuffix(key, ".key") {
					continue
				}
				if owner, taken := owners[key]; taken {
					t.Errorf("%s: both %s and %s have %s", name, owner, workload, key)
				}
				owners[key] = workload
			}
		}
		b := newBuilder(p, operator, Facts{})
		var want []string
		for _, host := range b.certificateHosts() {
			want = append(want, certificates.KeyEntry(host))
		}
		if got := slices.Sorted(maps.Keys(owners)); !slices.Equal(got, slices.Sorted(slices.Values(want))) {
			t.Errorf("%s: keys of pods %v, of the Secret %v", name, got, want)
		}
	}
}

// A NIM listens on the loopback address where its version can; the sidecar stands before it.
func TestANIMIsReachedThroughTheSidecarAlone(t *testing.T) {
	p := derivetest.Pipeline(derivetest.WithNIMs, encrypted)
	for workload, template := range templates(t, p, Facts{}) {
		if component := template.Labels[naming.LabelComponent]; component != naming.ComponentLLM && component != naming.ComponentReranking {
			continue
		}
		nim, sidecar := template.Spec.Containers[0], template.Spec.InitContainers
		if len(sidecar) != 1 || *sidecar[0].RestartPolicy != corev1.ContainerRestartPolicyAlways || sidecar[0].Image != operator.Image {
			t.Fatalf("%s: init containers %+v", workload, sidecar)
		}
		if !slices.Contains(sidecar[0].Args, "8443=8000/http/1.1") {
			t.Errorf("%s: the sidecar's arguments are %v", workload, sidecar[0].Args)
		}
		for _, e := range nim.Env {
			if strings.Contains(e.Name, "SSL") || e.Name == "NIM_SERVER_BIND_ADDR" && e.Value != "127.0.0.1:8000" {
				t.Errorf("%s: %s=%s", workload, e.Name, e.Value)
			}
		}
		for _, probe := range []*corev1.Probe{nim.StartupProbe, nim.ReadinessProbe, nim.LivenessProbe} {
			if probe.HTTPGet.Scheme != corev1.URISchemeHTTPS || probe.HTTPGet.Port.StrVal != "https" {
				t.Errorf("%s: probe %+v", workload, probe.HTTPGet)
			}
		}
		if len(nim.Ports) != 1 || nim.Ports[0].ContainerPort != 8443 {
			t.Errorf("%s: ports %+v", workload, nim.Ports)
		}
	}
}

// While pods from before a change are there, their clients reach them as before.
func TestBothKindsOfPortsAreThereWhilePodsAreReplaced(t *testing.T) {
	ports := func(p *v1alpha1.RAGPipeline, f Facts) (service, policy []int32) {
		for _, o := range objects(t, all(t, p, running(t, p, f))) {
			if o.name() != naming.For(p).Weaviate() {
				continue
			}
			switch o.kind() {
			case "Service":
				for _, port := range o.at("spec", "ports").([]any) {
					service = append(service, int32(port.(map[string]any)["port"].(float64)))
				}
			case "NetworkPolicy":
				rule := o.at("spec", "ingress").([]any)[0].(map[string]any)
				for _, port := range rule["ports"].([]any) {
					policy = append(policy, int32(port.(map[string]any)["port"].(float64)))
				}
			}
		}
		return service, policy
	}
	without := derivetest.Pipeline(derivetest.WithStandIns)
	with := derivetest.Pipeline(derivetest.WithStandIns, encrypted)
	plain, secure, both := []int32{8080, 50051}, []int32{8443, 8444}, []int32{8080, 8443, 50051, 8444}
	for name, c := range map[string]struct {
		pipeline *v1alpha1.RAGPipeline
		facts    Facts
		want     []int32
		secret   bool
	}{
		"never":              {without, Facts{Plain: true}, plain, false},
		"just turned on":     {with, Facts{Plain: true}, both, true},
		"half of the pods":   {with, Facts{Plain: true, Encrypted: true}, both, true},
		"on":                 {with, Facts{Encrypted: true}, secure, true},
		"from the beginning": {with, Facts{}, secure, true},
		"just turned off":    {without, Facts{Encrypted: true}, both, true},
		"off again":          {without, Facts{Plain: true}, plain, false},
	} {
		t.Run(name, func(t *testing.T) {
			service, policy := ports(c.pipeline, c.facts)
			if !slices.Equal(service, c.want) || !slices.Equal(policy, c.want) {
				t.Errorf("the Service has %v, the policy %v; want %v", service, policy, c.want)
			}
			if has := len(Certificates(c.pipeline, c.facts)) == 1; has != c.secret {
				t.Errorf("there are certificates: %t", has)
			}
		})
	}
}

// An upgrade of the operator replaces no pod of a store or of a NIM; whatever else does brings the new sidecar, too.
func TestTheSidecarKeepsItsImageWhileThePodsStay(t *testing.T) {
	p := derivetest.Pipeline(derivetest.WithNIMs, encrypted)
	find := func(p *v1alpha1.RAGPipeline, o Operator, f Facts) (image, hash string) {
		children, err := Children(p, o, running(t, p, f))
		if err != nil {
			t.Fatal(err)
		}
		for _, child := range objects(t, children) {
			if template := child.podTemplate(t); template != nil && child.name() == naming.For(p).Weaviate() {
				return template.Spec.InitContainers[0].Image, child.at("metadata", "annotations", naming.AnnotationTemplate).(string)
			}
		}
		t.Fatal("there is no store")
		return "", ""
	}
	newer := operator
	newer.Image = "registry.example/ragpipeline:2.0.0"
	image, hash := find(p, operator, Facts{})
	facts := Facts{Terminators: map[string]Terminator{naming.For(p).Weaviate(): {Image: image, Template: hash}}}
	if got, _ := find(p, newer, facts); got != operator.Image {
		t.Errorf("an upgrade gives the sidecar %s", got)
	}
	changed := p.DeepCopy()
	changed.Spec.VectorStore.Weaviate.Resources = someResources
	if got, _ := find(changed, newer, facts); got != newer.Image {
		t.Errorf("pods that are replaced anyway get the sidecar %s", got)
	}
	newer.PullPolicy = "Always"
	if got, _ := find(p, newer, facts); got != newer.Image {
		t.Errorf("a sidecar that is another one besides its image gets %s", got)
	}
}

func TestAnotherAuthorityRollsTheGatewayAlone(t *testing.T) {
	p := derivetest.Pipeline(derivetest.WithNIMs, encrypted)
	before, after := templates(t, p, Facts{Authority: "one"}), templates(t, p, Facts{Authority: "two"})
	for workload := range before {
		changed := config.Hash(before[workload]) != config.Hash(after[workload])
		if gateway := before[workload].Labels[naming.LabelComponent] == naming.ComponentGateway; changed != gateway {
			t.Errorf("%s is replaced: %t", workload, changed)
		}
	}
}
