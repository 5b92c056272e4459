package desired

import (
	"fmt"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/derive/derivetest"
)

func TestReferences(t *testing.T) {
	key := func(name string) *v1alpha1.SecretKey {
		return &v1alpha1.SecretKey{Name: v1alpha1.ObjectName(name), Key: "k"}
	}
	p := derivetest.Pipeline(func(s *v1alpha1.RAGPipelineSpec) {
		s.Documents = []v1alpha1.Source{
			{Name: "pages", ConfigMap: &v1alpha1.ConfigMapSource{Name: "pages"}},
			{Name: "papers", PersistentVolumeClaim: &v1alpha1.VolumeSource{ClaimName: "papers"}},
			{Name: "pages-again", ConfigMap: &v1alpha1.ConfigMapSource{Name: "pages"}},
			{Name: "drive", Container: &v1alpha1.ContainerSource{
				SecretRef: &v1alpha1.SourceSecret{Name: "rclone"}, PullSecrets: []v1alpha1.ObjectName{"pull"},
				Env: []v1alpha1.EnvVar{{Name: "A"}, {Name: "B", ValueFrom: &v1alpha1.EnvVarSource{SecretKeyRef: *key("token")}}},
			}},
		}
		s.Models.Embedding.Model = v1alpha1.Model{NIM: &v1alpha1.NIM{
			AuthSecretRef: key("ngc"),
			PullSecrets:   []v1alpha1.ObjectName{"pull", "pull-too"},
			Env:           []v1alpha1.EnvVar{{Name: "A"}, {Name: "B", ValueFrom: &v1alpha1.EnvVarSource{SecretKeyRef: *key("env")}}},
			Cache:         &v1alpha1.Cache{StorageClassName: "shared", ClaimName: "models"}, // never both, in a real one
		}}
		s.Models.Reranking = new(derivetest.Endpoint(v1alpha1.Endpoint{SecretRef: key("hosted")}))
		s.Models.LLM = &v1alpha1.LLM{Model: derivetest.Endpoint(v1alpha1.Endpoint{})}
		s.VectorStore.Weaviate.Storage.StorageClassName = "fast"
		s.VectorStore.External = &v1alpha1.ExternalWeaviate{SecretRef: key("store")} // never beside the other, in a real one
		s.Gateway.Auth = &v1alpha1.GatewayAuth{SecretName: "clients"}
	})
	want := []string{
		"ingest: ConfigMap/pages spec.documents[0].configMap.name",
		"ingest: PersistentVolumeClaim/papers spec.documents[1].persistentVolumeClaim.claimName",
		"ingest: ConfigMap/pages spec.documents[2].configMap.name",
		"ingest: Secret/rclone spec.documents[3].container.secretRef.name",
		"ingest: Secret/token[k] spec.documents[3].container.env[1].valueFrom.secretKeyRef",
		"ingest: Secret/pull spec.documents[3].container.pullSecrets[0]",
		"embedding: Secret/ngc[k] spec.models.embedding.nim.authSecretRef",
		"embedding: Secret/pull spec.models.embedding.nim.pullSecrets[0]",
		"embedding: Secret/pull-too spec.models.embedding.nim.pullSecrets[1]",
		"embedding: Secret/env[k] spec.models.embedding.nim.env[1].valueFrom.secretKeyRef",
		"embedding: StorageClass/shared spec.models.embedding.nim.cache.storageClassName",
		"embedding: PersistentVolumeClaim/models spec.models.embedding.nim.cache.claimName",
		"reranking: Secret/hosted[k] spec.models.reranking.endpoint.secretRef",
		"weaviate: StorageClass/fast spec.vectorStore.weaviate.storage.storageClassName",
		"weaviate: Secret/store[k] spec.vectorStore.external.secretRef",
		"gateway: Secret/clients spec.gateway.auth.secretName",
	}
	var got []string
	for _, ref := range References(p) {
		entry := ""
		if ref.Key != "" {
			entry = "[" + ref.Key + "]"
		}
		got = append(got, fmt.Sprintf("%s: %s/%s%s %s", ref.Component, ref.Kind, ref.Name, entry, ref.Field))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// made are the objects of a pipeline by kind and name.
type made map[string]object

func (m made) has(t *testing.T, what, kind, name string) {
	t.Helper()
	if m[kind+"/"+name] == nil {
		t.Errorf("%s refers to %s %s, which is not made", what, kind, name)
	}
}

// ourHost finds the hosts in a config that are Services, which have no dot, and their ports.
var ourHost = regexp.MustCompile(`http://([a-z0-9-]+):(\d+)`)

func TestWhatAnObjectRefersToIsMade(t *testing.T) {
	for name, c := range cases(t) {
		t.Run(name, func(t *testing.T) {
			list := objects(t, all(t, c.pipeline, running(t, c.pipeline, c.facts)))
			index := made{}
			for _, o := range list {
				index[o.kind()+"/"+o.name()] = o
			}
			for _, o := range list {
				if template := o.podTemplate(t); template != nil {
					index.references(t, o, template)
				}
				if o.kind() == "StatefulSet" {
					index.has(t, o.name(), "Service", fmt.Sprint(o.at("spec", "serviceName")))
				}
				if text, ok := o.at("data", configEntry).(string); ok {
					for _, host := range ourHost.FindAllStringSubmatch(text, -1) {
						index.reaches(t, o.name(), host[1], host[2])
					}
				}
			}
		})
	}
}

func (m made) references(t *testing.T, o object, template *corev1.PodTemplateSpec) {
	t.Helper()
	m.has(t, o.name(), "ServiceAccount", template.Spec.ServiceAccountName)
	mounted := map[string]bool{}
	for _, c := range append(template.Spec.InitContainers, template.Spec.Containers...) {
		for _, mount := range c.VolumeMounts {
			mounted[mount.Name] = true
		}
	}
	for _, v := range template.Spec.Volumes {
		if !mounted[v.Name] {
			t.Errorf("%s does not mount volume %s", o.name(), v.Name)
		}
		if v.Name == "config" {
			m.has(t, o.name(), "ConfigMap", v.ConfigMap.Name)
		}
		if v.Name == "cache" && v.PersistentVolumeClaim != nil && !v.PersistentVolumeClaim.ReadOnly { // those of others
			m.has(t, o.name(), "PersistentVolumeClaim", v.PersistentVolumeClaim.ClaimName)
		}
	}
}

// reaches follows a URL through its Service to a port of the pods behind it.
func (m made) reaches(t *testing.T, what, host, port string) {
	t.Helper()
	m.has(t, what, "Service", host)
	service := m["Service/"+host]
	selector, _ := service.at("spec", "selector").(map[string]any)
	ports, _ := service.at("spec", "ports").([]any)
	target := ""
	for _, p := range ports {
		if p := p.(map[string]any); fmt.Sprint(p["port"]) == port {
			target = fmt.Sprint(p["targetPort"])
		}
	}
	for _, o := range m {
		template := o.podTemplate(t)
		if template == nil || !matches(selector, template.Labels) {
			continue
		}
		if slices.ContainsFunc(template.Spec.Containers[0].Ports, func(p corev1.ContainerPort) bool {
			return p.Name == target && fmt.Sprint(p.ContainerPort) == port
		}) {
			return
		}
	}
	t.Errorf("%s asks %s:%s, where no pod listens", what, host, port)
}
