package desired

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/derive/derivetest"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

func closed(s *v1alpha1.RAGPipelineSpec) { s.Network = &v1alpha1.Network{Egress: egressRestricted} }

// leaves reports whether a pod may connect to another pod, or without one to an address. A pod that no policy
// restricts may.
func (w world) leaves(t *testing.T, from, to, address, protocol string, port int) bool {
	t.Helper()
	source, target := w.pods[from], w.pods[to]
	restricted := false
	for _, policy := range w.policies {
		if policy.Namespace != source.namespace || !selects(t, &policy.Spec.PodSelector, source.labels) ||
			!slices.Contains(policy.Spec.PolicyTypes, networkingv1.PolicyTypeEgress) {
			continue
		}
		restricted = true
		for _, rule := range policy.Spec.Egress {
			ports := networkingv1.NetworkPolicyIngressRule{Ports: rule.Ports}
			if !admitsPort(ports, protocol, port) {
				continue
			}
			for _, peer := range rule.To {
				if peer.IPBlock != nil {
					if to == "" && netip.MustParsePrefix(peer.IPBlock.CIDR).Contains(netip.MustParseAddr(address)) {
						return true
					}
				} else if to != "" && w.admitsPeer(t, policy.Namespace, networkingv1.NetworkPolicyIngressRule{From: []networkingv1.NetworkPolicyPeer{peer}}, target) {
					return true
				}
			}
			if len(rule.To) == 0 {
				return true
			}
		}
	}
	return !restricted
}

// Between a pipeline's own pods, connections leave where they are admitted, and nowhere else.
func TestARestrictedPodReachesWhatAdmitsIt(t *testing.T) {
	w := twoAndOne(t, closed)
	for flow := range flows() {
		var component, protocol string
		var port int
		if _, err := fmt.Sscan(flow, &component, &protocol, &port); err != nil {
			t.Fatal(err)
		}
		to := "rag/papers/" + component
		for from, source := range w.pods {
			if !strings.HasPrefix(from, "rag/papers/") || component == naming.ComponentGateway {
				continue // no part calls the gateway
			}
			if got, want := w.leaves(t, from, to, "", protocol, port), w.allowed(t, from, to, protocol, port); got != want {
				t.Errorf("from %s to %s: leaves %t, and is admitted %t (%v)", from, flow, got, want, source.labels)
			}
		}
	}
	for _, stranger := range []string{"operator", "stranger in rag", "other/papers/weaviate", "rag/talks/weaviate"} {
		if w.leaves(t, "rag/papers/gateway", stranger, "", "TCP", 8080) {
			t.Errorf("the gateway reaches %s", stranger)
		}
	}
}

// Outside the pipeline, a restricted pod reaches the servers that the spec names for it.
func TestARestrictedPodReachesTheServersOfTheSpec(t *testing.T) {
	const anywhere, model = "203.0.113.9", "198.51.100.7"
	outside := func(s *v1alpha1.RAGPipelineSpec) {
		s.Models.Embedding.Endpoint.URL = "http://" + model + ":11434/v1"
		s.Models.LLM.Endpoint.URL = "https://models.example.com/v1"
		s.Documents = []v1alpha1.Source{
			{Name: "code", Git: &v1alpha1.GitSource{URL: "ssh://git@example.com/team/docs.git"}},
			{Name: "pages", HTTP: &v1alpha1.HTTPSource{URLs: []v1alpha1.PageURL{"http://docs.example.com:8081/a"}}},
		}
	}
	proxied := func(s *v1alpha1.RAGPipelineSpec) {
		s.Network.Proxy = &v1alpha1.Proxy{HTTPSProxy: "http://192.0.2.3:3128", NoProxy: []v1alpha1.NoProxyHost{"docs.example.com"}}
	}
	stored := func(s *v1alpha1.RAGPipelineSpec) {
		s.VectorStore = v1alpha1.VectorStore{External: &v1alpha1.ExternalWeaviate{URL: "http://" + model + ":8081", GRPCURL: "http://" + model + ":50051"}}
		s.Network.Proxy = &v1alpha1.Proxy{HTTPProxy: "http://192.0.2.3:3128"}
	}
	traced := func(s *v1alpha1.RAGPipelineSpec) {
		s.Pods = &v1alpha1.Pods{Pod: v1alpha1.Pod{Env: []v1alpha1.EnvVar{{Name: "OTEL_EXPORTER_OTLP_ENDPOINT", Value: "http://collector.tracing:4318"}}}}
	}
	issued := func(s *v1alpha1.RAGPipelineSpec) {
		s.Gateway.Auth = &v1alpha1.GatewayAuth{OIDC: &v1alpha1.OIDC{Issuer: "http://192.0.2.3:25", Audience: "papers"}}
	}
	mirrored := func(s *v1alpha1.RAGPipelineSpec) {
		s.Models.LLM.Endpoint, s.Models.LLM.NIM = nil, &v1alpha1.NIM{
			Image: "llm", Model: "llm", Env: []v1alpha1.EnvVar{{Name: "NIM_REPOSITORY_OVERRIDE", Value: "http://192.0.2.3:8081"}}}
	}
	for name, c := range map[string]struct {
		changes []func(*v1alpha1.RAGPipelineSpec)
		from    string
		reached []string // address and port
	}{
		"the gateway, which reads no source over the network": {[]func(*v1alpha1.RAGPipelineSpec){outside}, "gateway",
			[]string{model + " 11434", anywhere + " 443", anywhere + " 53"}},
		"ingestion, without the LLM's endpoint but for redirections": {[]func(*v1alpha1.RAGPipelineSpec){outside}, "ingest",
			[]string{model + " 11434", anywhere + " 443", anywhere + " 22", anywhere + " 8081", anywhere + " 53"}},
		"with a proxy for https": {[]func(*v1alpha1.RAGPipelineSpec){outside, proxied}, "ingest",
			[]string{model + " 11434", "192.0.2.3 3128", anywhere + " 22", anywhere + " 8081", anywhere + " 53"}},
		"with a proxy for http, past which gRPC goes": {[]func(*v1alpha1.RAGPipelineSpec){stored}, "gateway",
			[]string{anywhere + " 443", model + " 50051", "192.0.2.3 3128", anywhere + " 53"}},
		"with a collector": {[]func(*v1alpha1.RAGPipelineSpec){traced}, "gateway",
			[]string{anywhere + " 443", anywhere + " 4318", anywhere + " 53"}},
		"with an issuer of tokens": {[]func(*v1alpha1.RAGPipelineSpec){issued}, "gateway",
			[]string{anywhere + " 443", "192.0.2.3 25", anywhere + " 53"}},
		"ingestion, which sees no tokens": {[]func(*v1alpha1.RAGPipelineSpec){issued}, "ingest", []string{anywhere + " 53"}},
		"a NIM with a mirror": {[]func(*v1alpha1.RAGPipelineSpec){mirrored}, "llm",
			[]string{anywhere + " 443", "192.0.2.3 8081", anywhere + " 53"}},
		"a store of its own": {nil, "weaviate", []string{anywhere + " 53"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := world{namespaces: map[string]labels.Set{}, pods: map[string]netPod{}}
			w.populate(t, derivetest.Pipeline(append([]func(*v1alpha1.RAGPipelineSpec){derivetest.WithEndpoints, closed}, c.changes...)...))
			for _, address := range []string{anywhere, model, "192.0.2.3"} {
				for _, port := range []int{22, 25, 53, 80, 443, 3128, 4318, 8081, 11434, 50051} {
					want := slices.Contains(c.reached, fmt.Sprintf("%s %d", address, port)) ||
						slices.Contains(c.reached, fmt.Sprintf("%s %d", anywhere, port))
					if got := w.leaves(t, "rag/papers/"+c.from, "", address, "TCP", port); got != want {
						t.Errorf("%s:%d is reached: %t", address, port, got)
					}
				}
			}
		})
	}
}

// The receiver of traces may be the installation's, too.
func TestARestrictedPodReachesTheInstallationsReceiverOfTraces(t *testing.T) {
	const receiver = "http://collector.tracing:4318"
	b := builder{p: derivetest.Pipeline(closed), operator: Operator{OTLPEndpoint: receiver}}
	for component, want := range map[string]bool{naming.ComponentGateway: true, naming.ComponentIngest: true, naming.ComponentWeaviate: false} {
		if got := slices.Contains(b.environmentServers(component), receiver); got != want {
			t.Errorf("%s reaches it: %t", component, got)
		}
	}
}

// Without the field, nothing is restricted: the operator cannot know what a cluster's pods need.
func TestPodsConnectAnywhereUnlessTheSpecRestrictsThem(t *testing.T) {
	w := twoAndOne(t)
	if !w.leaves(t, "rag/papers/gateway", "stranger", "", "TCP", 25) {
		t.Error("the gateway is restricted")
	}
}

// While an index replaces another one, gateways of both embed questions.
func TestARestrictedGatewayReachesTheModelOfAGenerationThatDrains(t *testing.T) {
	const left = "http://192.0.2.7:11434/v1"
	before := derivetest.Pipeline(derivetest.WithEndpoints, closed, func(s *v1alpha1.RAGPipelineSpec) {
		s.Models.Embedding.Model = derivetest.Endpoint(v1alpha1.Endpoint{URL: left, Model: "example/old", Protocol: "OpenAI"})
	})
	p := derivetest.Pipeline(derivetest.WithEndpoints, closed)
	live := NewRecord(p)
	for want, facts := range map[bool]Facts{true: {Live: &live, Draining: []Record{NewRecord(before), live}}, false: {Live: &live}} {
		b := builder{p: p, wanted: live, facts: facts}
		if got := slices.Contains(b.modelServers(naming.ComponentGateway), left); got != want {
			t.Errorf("it reaches the model: %t, want %t", got, want)
		}
	}
}
