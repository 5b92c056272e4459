package desired

import (
	"cmp"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpproxy"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	networkingv1ac "k8s.io/client-go/applyconfigurations/networking/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// egressRestricted lets pods connect only to what the spec names.
const egressRestricted v1alpha1.Egress = "Restricted"

type egressRule = networkingv1ac.NetworkPolicyEgressRuleApplyConfiguration

// dnsPorts are those of a cluster's DNS servers; OpenShift's pods listen on the second one.
var dnsPorts = []int32{53, 5353}

func (b builder) restricted() bool {
	return b.p.Spec.Network != nil && b.p.Spec.Network.Egress == egressRestricted
}

// egress admits a component's connections: to the parts of the pipeline that it calls, and to the ports of
// the servers that the spec names for it. A policy cannot name a host, so a server that is named by an
// address is admitted by it, and one that is named otherwise by its port alone.
func (b builder) egress(component string) (rules []*egressRule) {
	rules = b.calls(component)
	for _, u := range b.outside(component) {
		rules = append(rules, reach(u))
	}
	if len(rules) == 0 {
		return nil // the stand-ins and Tika call nobody
	}
	names := networkingv1ac.NetworkPolicyEgressRule()
	for _, port := range dnsPorts {
		names.WithPorts(udp(port), tcp(port))
	}
	return append(rules, names)
}

// calls are the parts of the pipeline that a component calls.
func (b builder) calls(component string) []*egressRule {
	to := func(components ...string) *egressRule {
		return networkingv1ac.NetworkPolicyEgressRule().WithTo(b.components(components...)...)
	}
	store, storePorts := to(naming.ComponentWeaviate), b.admitted(storeHTTP, storeGRPC)
	switch component {
	case naming.ComponentGateway:
		models := to(naming.ComponentStandIn, naming.ComponentEmbedding, naming.ComponentReranking, naming.ComponentLLM)
		return []*egressRule{store.WithPorts(storePorts...), models.WithPorts(b.admitted(modelListener)...)}
	case naming.ComponentIngest:
		models := to(naming.ComponentStandIn, naming.ComponentEmbedding)
		return []*egressRule{store.WithPorts(storePorts...), models.WithPorts(b.admitted(modelListener)...),
			to(naming.ComponentExtraction).WithPorts(b.admitted(tikaListener)...)}
	case naming.ComponentWeaviate:
		return []*egressRule{store.WithPorts(tcp(weaviateGossip), udp(weaviateGossip), tcp(weaviateData),
			tcp(weaviateRaft), tcp(weaviateRaftCalls))}
	}
	return nil
}

// reach admits connections to the server of a URL.
func reach(u *url.URL) *egressRule {
	number := map[string]string{"http": "80", plainGRPC: "80", "ssh": "22"}[u.Scheme]
	port, err := strconv.ParseInt(cmp.Or(u.Port(), number, "443"), 10, 32)
	if err != nil { // the schema takes no such URL
		port = 443
	}
	rule := networkingv1ac.NetworkPolicyEgressRule().WithPorts(tcp(int32(port)))
	if address, err := netip.ParseAddr(u.Hostname()); err == nil {
		rule.WithTo(networkingv1ac.NetworkPolicyPeer().WithIPBlock(networkingv1ac.IPBlock().
			WithCIDR(netip.PrefixFrom(address.WithZone(""), address.BitLen()).String())))
	}
	return rule
}

// https stands for servers that have no URL in the spec: NVIDIA's registries, Amazon's S3, those of a
// program.
const https = "https://any.invalid"

// plainGRPC stands for the scheme of gRPC without TLS, which no proxy leads to.
const plainGRPC = "grpc"

// outside are the servers that a component connects to besides the pipeline's own, each once. Where the
// spec's proxy leads to a server, the proxy takes its place.
func (b builder) outside(component string) (servers []*url.URL) {
	if !slices.Contains(outgoing, component) {
		return nil
	}
	direct := func(*url.URL) (*url.URL, error) { return nil, nil }
	if network := b.p.Spec.Network; network.Proxy != nil {
		direct = (&httpproxy.Config{
			HTTPProxy: string(network.Proxy.HTTPProxy), HTTPSProxy: string(network.Proxy.HTTPSProxy),
			NoProxy: strings.Join(b.direct(component, network.Proxy.NoProxy), ","),
		}).ProxyFunc()
	}
	seen := map[string]bool{}
	for _, text := range slices.Concat(b.modelServers(component), b.storeServers(component), b.sourceServers(component),
		b.issuer(component), b.environmentServers(component)) {
		u, err := url.Parse(text)
		if err != nil || u.Host == "" {
			continue
		}
		if proxy, err := direct(u); err == nil && proxy != nil {
			u = proxy
		}
		if key := u.Scheme + "://" + u.Host; !seen[key] {
			seen[key] = true
			servers = append(servers, u)
		}
	}
	return servers
}

// modelServers are the endpoints of the models that a component calls, and what a NIM downloads from.
func (b builder) modelServers(component string) (urls []string) {
	var models []v1alpha1.Model
	switch component {
	case naming.ComponentGateway:
		for _, r := range slices.Concat([]Record{b.pinned()}, b.facts.Draining) {
			models = append(models, b.embedding(r))
		}
		if m := b.p.Spec.Models.Reranking; m != nil {
			models = append(models, *m)
		}
		if m := b.p.Spec.Models.LLM; m != nil {
			models = append(models, m.Model)
		}
	case naming.ComponentIngest:
		models = b.embeddings()
	default:
		return []string{https}
	}
	for _, m := range models {
		if m.Endpoint != nil {
			urls = append(urls, string(m.Endpoint.URL))
		}
	}
	return urls
}

// storeServers are the external store, and the extraction server that ingestion calls.
func (b builder) storeServers(component string) (urls []string) {
	if component != naming.ComponentGateway && component != naming.ComponentIngest {
		return nil
	}
	if external := b.p.Spec.VectorStore.External; external != nil {
		plain := strings.Replace(string(external.GRPCURL), "http:", plainGRPC+":", 1) // which leaves https as it is
		urls = append(urls, string(external.URL), plain)
	}
	if e := b.p.Spec.Extraction; e != nil && e.Server.Endpoint != nil && component == naming.ComponentIngest {
		urls = append(urls, string(e.Server.Endpoint.URL))
	}
	return urls
}

// sourceServers are the sources that ingestion reads. A gateway has originals of what its pods mount alone.
func (b builder) sourceServers(component string) (urls []string) {
	if component != naming.ComponentIngest {
		return nil
	}
	for _, s := range b.p.Spec.Documents {
		switch {
		case s.S3 != nil:
			urls = append(urls, cmp.Or(string(s.S3.Endpoint), https))
		case s.Git != nil:
			urls = append(urls, s.Git.URL)
		case s.HTTP != nil:
			for _, page := range slices.Concat(s.HTTP.URLs, s.HTTP.Sitemaps) {
				urls = append(urls, string(page))
			}
			urls = append(urls, https) // a redirection, or a page of a sitemap
		case s.Container != nil:
			urls = append(urls, https)
		}
	}
	return urls
}

// issuer is whom the gateway asks for the keys of its callers' tokens.
func (b builder) issuer(component string) []string {
	auth := b.p.Spec.Gateway.Auth
	if component != naming.ComponentGateway || auth == nil || auth.OIDC == nil {
		return nil
	}
	return []string{auth.OIDC.Issuer}
}

// environmentServers are those that the environment names, such as a receiver of traces.
func (b builder) environmentServers(component string) (urls []string) {
	p, _ := b.adaptation(component)
	variables := slices.Concat(p.Env, b.telemetryVariables(component, p.Env), b.nimVariables(component))
	for _, variable := range variables {
		if strings.HasPrefix(variable.Value, "http://") || strings.HasPrefix(variable.Value, "https://") {
			urls = append(urls, variable.Value)
		}
	}
	return urls
}

// nimVariables are those of the NIMs that are the component.
func (b builder) nimVariables(component string) (variables []v1alpha1.EnvVar) {
	var models []v1alpha1.Model
	switch m := b.p.Spec.Models; {
	case component == naming.ComponentEmbedding:
		models = b.embeddings()
	case component == naming.ComponentReranking && m.Reranking != nil:
		models = []v1alpha1.Model{*m.Reranking}
	case component == naming.ComponentLLM && m.LLM != nil:
		models = []v1alpha1.Model{m.LLM.Model}
	}
	for _, m := range models {
		if m.NIM != nil {
			variables = append(variables, m.NIM.Env...)
		}
	}
	return variables
}

func udp(port int32) *networkingv1ac.NetworkPolicyPortApplyConfiguration {
	return networkingv1ac.NetworkPolicyPort().WithProtocol(corev1.ProtocolUDP).WithPort(intstr.FromInt32(port))
}
