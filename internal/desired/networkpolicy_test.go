package desired

import (
	"encoding/json"
	"fmt"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/derive/derivetest"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// world is the namespaces' labels, the pods and the policies of a cluster: as much of it as decides
// who may connect.
type world struct {
	namespaces map[string]labels.Set
	pods       map[string]netPod
	policies   []networkingv1.NetworkPolicy
}

type netPod struct {
	namespace string
	labels    labels.Set
}

// allowed reports whether a connection reaches its target, as the NetworkPolicy API defines it: a pod
// that no policy selects takes everything, any other what one of its policies admits.
func (w world) allowed(t *testing.T, from, to, protocol string, port int) bool {
	t.Helper()
	source, target := w.pods[from], w.pods[to]
	if source.labels == nil || target.labels == nil {
		t.Fatalf("no pod %s or %s", from, to)
	}
	selected := false
	for _, policy := range w.policies {
		if policy.Namespace != target.namespace || !selects(t, &policy.Spec.PodSelector, target.labels) {
			continue
		}
		selected = true
		for _, rule := range policy.Spec.Ingress {
			if admitsPort(rule, protocol, port) && w.admitsPeer(t, policy.Namespace, rule, source) {
				return true
			}
		}
	}
	return !selected
}

func admitsPort(rule networkingv1.NetworkPolicyIngressRule, protocol string, port int) bool {
	for _, p := range rule.Ports {
		if string(*p.Protocol) == protocol && p.Port.IntValue() == port {
			return true
		}
	}
	return len(rule.Ports) == 0
}

func (w world) admitsPeer(t *testing.T, namespace string, rule networkingv1.NetworkPolicyIngressRule, source netPod) bool {
	t.Helper()
	for _, peer := range rule.From {
		inNamespace := source.namespace == namespace
		if peer.NamespaceSelector != nil {
			inNamespace = selects(t, peer.NamespaceSelector, w.namespaces[source.namespace])
		}
		if inNamespace && (peer.PodSelector == nil || selects(t, peer.PodSelector, source.labels)) {
			return true
		}
	}
	return len(rule.From) == 0
}

func selects(t *testing.T, selector *metav1.LabelSelector, set labels.Set) bool {
	t.Helper()
	s, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		t.Fatal(err)
	}
	return s.Matches(set)
}

// populate adds a pipeline's policies, and a pod of each of its workloads, named
// <namespace>/<pipeline>/<component>.
func (w *world) populate(t *testing.T, p *v1alpha1.RAGPipeline) {
	t.Helper()
	w.namespaces[p.Namespace] = labels.Set{"kubernetes.io/metadata.name": p.Namespace}
	for _, o := range objects(t, all(t, p, running(t, p, Facts{}))) {
		if template := o.podTemplate(t); template != nil {
			name := fmt.Sprintf("%s/%s/%s", p.Namespace, p.Name, template.Labels[naming.LabelComponent])
			w.pods[name] = netPod{p.Namespace, template.Labels}
		}
		if o.kind() != "NetworkPolicy" {
			continue
		}
		b, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		var policy networkingv1.NetworkPolicy
		if err := json.Unmarshal(b, &policy); err != nil {
			t.Fatal(err)
		}
		w.policies = append(w.policies, policy)
	}
}

// twoAndOne are two pipelines in one namespace and one in another, an operator, a monitoring, and
// strangers.
func twoAndOne(t *testing.T, changes ...func(*v1alpha1.RAGPipelineSpec)) world {
	t.Helper()
	w := world{
		namespaces: map[string]labels.Set{
			operator.Namespace: {"kubernetes.io/metadata.name": operator.Namespace},
			"monitoring":       {"kubernetes.io/metadata.name": "monitoring", "metrics": "enabled"},
			"elsewhere":        {"kubernetes.io/metadata.name": "elsewhere"},
		},
		pods: map[string]netPod{
			"operator":                    {operator.Namespace, operator.Labels},
			"operator's neighbour":        {operator.Namespace, labels.Set{"app": "other"}},
			"operator's likeness":         {"elsewhere", operator.Labels},
			"prometheus":                  {"monitoring", labels.Set{"app": "prometheus"}},
			"stranger":                    {"elsewhere", labels.Set{"app": "other"}},
			"stranger in rag":             {"rag", labels.Set{"app": "other"}},
			"likeness of papers' gateway": {"elsewhere", labels.Set{naming.LabelPipeline: "papers", naming.LabelComponent: naming.ComponentGateway}},
		},
	}
	for _, at := range []struct{ namespace, name string }{{"rag", "papers"}, {"rag", "talks"}, {"other", "papers"}} {
		p := derivetest.Pipeline(derivetest.WithNIMs, func(s *v1alpha1.RAGPipelineSpec) {
			s.Models.LLM.Model = derivetest.StandIn
			s.VectorStore.Weaviate.Replicas = 3
			s.Extraction = &v1alpha1.Extraction{Server: v1alpha1.ExtractionServer{Tika: &v1alpha1.Tika{Image: "tika"}}}
			for _, change := range changes {
				change(s)
			}
		})
		p.Namespace, p.Name = at.namespace, at.name
		w.populate(t, p)
	}
	return w
}

// flows are who may connect where, in the pipeline rag/papers. Whatever else connects
// to one of these ports is refused.
func flows() map[string][]string { // target and port to sources
	own := func(components ...string) []string {
		var names []string
		for _, c := range components {
			names = append(names, "rag/papers/"+c)
		}
		return names
	}
	peers := own(naming.ComponentWeaviate)
	clients := own(naming.ComponentGateway, naming.ComponentIngest)
	everyone := []string{"*"}
	ops := []string{"operator", "prometheus"}
	return map[string][]string{
		"gateway TCP 8080":    everyone,
		"gateway TCP 9090":    ops,
		"ingest TCP 9090":     ops,
		"ingest TCP 8080":     nil,
		"weaviate TCP 8080":   clients,
		"weaviate TCP 50051":  clients,
		"weaviate TCP 7946":   peers,
		"weaviate UDP 7946":   peers,
		"weaviate TCP 7947":   peers,
		"weaviate TCP 8300":   peers,
		"weaviate TCP 8301":   peers,
		"weaviate TCP 6060":   nil,
		"stand-in TCP 8000":   clients,
		"embedding TCP 8000":  clients,
		"reranking TCP 8000":  own(naming.ComponentGateway),
		"extraction TCP 9998": own(naming.ComponentIngest),
		"extraction TCP 22":   nil,
		"embedding TCP 22":    nil,
		"stand-in UDP 8000":   nil,
		"reranking TCP 50051": nil,
	}
}

func TestOnlyTheAllowedFlowsAreAllowed(t *testing.T) {
	w := twoAndOne(t)
	tested := map[string]bool{}
	for flow, sources := range flows() {
		var component, protocol string
		var port int
		if _, err := fmt.Sscan(flow, &component, &protocol, &port); err != nil {
			t.Fatal(err)
		}
		tested[component] = true
		for from := range w.pods {
			want := len(sources) == 1 && sources[0] == "*"
			for _, source := range sources {
				want = want || source == from
			}
			if to := "rag/papers/" + component; w.allowed(t, from, to, protocol, port) != want {
				t.Errorf("from %s to %s %s %d: allowed %t", from, to, protocol, port, !want)
			}
		}
	}
	for _, component := range []string{naming.ComponentGateway, naming.ComponentIngest, naming.ComponentWeaviate, naming.ComponentStandIn, naming.ComponentEmbedding, naming.ComponentReranking, naming.ComponentExtraction} {
		if !tested[component] {
			t.Errorf("no flow to %s is tested", component)
		}
	}
}

// A pod that no policy selects would take every connection.
func TestEveryPodHasAPolicy(t *testing.T) {
	w := twoAndOne(t)
	for name, target := range w.pods {
		if target.labels[naming.LabelPipeline] != "" && target.namespace != "elsewhere" && w.allowed(t, "stranger", name, "TCP", 1) {
			t.Errorf("%s takes every connection", name)
		}
	}
}

func TestAnOperatorOutsideTheClusterIsNamedByNoRule(t *testing.T) {
	children, err := Children(derivetest.Pipeline(), Operator{Image: "x", WeaviateImage: "y"}, Facts{})
	if err != nil {
		t.Fatal(err)
	}
	w := world{namespaces: map[string]labels.Set{"elsewhere": {}}, pods: map[string]netPod{"stranger": {"elsewhere", labels.Set{}}}}
	for _, o := range objects(t, children) {
		if o.kind() == "NetworkPolicy" && o.name() == "papers-gateway" {
			var policy networkingv1.NetworkPolicy
			b, _ := json.Marshal(o)
			if err := json.Unmarshal(b, &policy); err != nil {
				t.Fatal(err)
			}
			w.policies = append(w.policies, policy)
			w.pods["gateway"] = netPod{"rag", policy.Spec.PodSelector.MatchLabels}
		}
	}
	if w.allowed(t, "stranger", "gateway", "TCP", config.OpsPort) {
		t.Error("everyone is admitted to the ops port")
	}
}
