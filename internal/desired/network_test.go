package desired

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/derive/derivetest"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// models matches the name of an embedding NIM, which ends with a hash of the model's.
var models = regexp.MustCompile(`(papers-embedding)-[0-9a-z-]+`)

func TestPodsReachTheProxyOutsideAndTheirOwnWithoutIt(t *testing.T) {
	p := derivetest.Pipeline(derivetest.WithNIMs, func(s *v1alpha1.RAGPipelineSpec) {
		s.Documents = append(s.Documents, v1alpha1.Source{Name: "share", Container: &v1alpha1.ContainerSource{Image: "rclone", Size: "1Gi"}})
		s.Network = &v1alpha1.Network{
			Proxy: &v1alpha1.Proxy{
				HTTPProxy: "http://proxy:3128", HTTPSProxy: "http://proxy:3129", NoProxy: []v1alpha1.NoProxyHost{".example.com"},
			},
			CABundle: &v1alpha1.CABundle{Name: "authorities", Key: "ca.crt"},
		}
	})
	const always = "localhost,127.0.0.1,::1,.svc,.cluster.local"
	ingest := always + ",papers-embedding-MODEL,papers-extraction,papers-weaviate,.example.com"
	want := map[string]string{
		"gateway":   always + ",papers-embedding-MODEL,papers-llm,papers-reranking,papers-weaviate,.example.com",
		"ingest":    ingest,
		"embedding": always + ",.example.com",
		"reranking": always + ",.example.com",
		"llm":       always + ",.example.com",
		"share":     ingest,
	}
	got := map[string]string{}
	children, err := Children(p, operator, running(t, p, Facts{}))
	if err != nil {
		t.Fatal(err)
	}
	for _, child := range objects(t, children) {
		template := child.podTemplate(t)
		if template == nil {
			continue
		}
		component := template.Labels[naming.LabelComponent]
		for _, container := range append(template.Spec.Containers, template.Spec.InitContainers...) {
			env := map[string]string{}
			for _, v := range container.Env {
				env[v.Name] = v.Value
			}
			if env["NO_PROXY"] == "" {
				continue
			}
			name, isProgram := strings.CutPrefix(container.Name, "source-")
			if !isProgram {
				name = component
			}
			got[name] = models.ReplaceAllString(env["NO_PROXY"], "$1-MODEL")
			if env["HTTP_PROXY"] != "http://proxy:3128" || env["https_proxy"] != "http://proxy:3129" || env["no_proxy"] != env["NO_PROXY"] {
				t.Errorf("%s has %v", name, env)
			}
			trusts := env["SSL_CERT_DIR"] != "" && container.VolumeMounts[len(container.VolumeMounts)-1].MountPath == env["SSL_CERT_DIR"]
			if trusts != (name == "gateway" || name == "ingest") {
				t.Errorf("%s trusts the authorities: %t", name, trusts)
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
