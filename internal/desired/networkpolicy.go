package desired

import (
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
	networkingv1ac "k8s.io/client-go/applyconfigurations/networking/v1"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// The policies restrict who may connect to a pipeline's pods, and where those pods may connect only if the
// spec asks for that: models and stores may be anywhere, and a rule that forgot one would be hard to
// recognise as the cause. Policies add up, so a cluster's administrator can admit more,
// such as monitoring of a model's port, with another one.

// LabelMetrics with the value "enabled" on a namespace admits its pods to the ops ports, which
// serve metrics. Many operators use this label. The ports are not open to every pod, because they
// serve profiles as well.
const (
	LabelMetrics   = "metrics"
	metricsEnabled = "enabled"
	labelNamespace = "kubernetes.io/metadata.name" // the API server puts it on every namespace
)

type (
	peer        = networkingv1ac.NetworkPolicyPeerApplyConfiguration
	ingressRule = networkingv1ac.NetworkPolicyIngressRuleApplyConfiguration
)

// policy admits to a component's pods only what the rules allow, and restricts what these connect to if the
// spec asks for that.
func (b builder) policy(name, component string, rules ...*ingressRule) Child {
	spec := networkingv1ac.NetworkPolicySpec().
		WithPodSelector(metav1ac.LabelSelector().WithMatchLabels(naming.Selector(b.p, component))).
		WithPolicyTypes(networkingv1.PolicyTypeIngress).
		WithIngress(rules...)
	if b.restricted() {
		spec.WithPolicyTypes(networkingv1.PolicyTypeEgress).WithEgress(b.egress(component)...)
	}
	return Child{Object: networkingv1ac.NetworkPolicy(name, b.p.Namespace).
		WithLabels(naming.Labels(b.p, component)).
		WithSpec(spec)}
}

// gatewayPolicy leaves the API open: its clients need keys.
func (b builder) gatewayPolicy() Child {
	open := networkingv1ac.NetworkPolicyIngressRule().WithPorts(tcp(GatewayPort))
	return b.policy(b.names.Gateway(), naming.ComponentGateway, open, b.operators())
}

func (b builder) modelPolicy(name, component string, clients ...string) Child {
	return b.policy(name, component, admit(b.components(clients...), b.admitted(modelListener)...))
}

func (b builder) weaviatePolicy() Child {
	clients := b.components(naming.ComponentGateway)
	for _, kind := range taskKinds {
		clients = append(clients, b.components(kind.Component)...)
	}
	peers := admit(b.components(naming.ComponentWeaviate),
		tcp(weaviateGossip), udp(weaviateGossip), tcp(weaviateData), tcp(weaviateRaft), tcp(weaviateRaftCalls))
	rules := []*ingressRule{admit(clients, b.admitted(storeHTTP, storeGRPC)...), peers}
	if b.operator.WeaviateMetrics {
		rules = append(rules, admit([]*peer{namespace(LabelMetrics, metricsEnabled)}, tcp(weaviateMetricsPort)))
	}
	return b.policy(b.names.Weaviate(), naming.ComponentWeaviate, rules...)
}

// operators admits the operator, and namespaces that may read metrics, to the ops port.
func (b builder) operators() *ingressRule {
	peers := []*peer{namespace(LabelMetrics, metricsEnabled)}
	if b.operator.Namespace != "" { // an operator outside the cluster has none
		operator := namespace(labelNamespace, b.operator.Namespace)
		operator.WithPodSelector(metav1ac.LabelSelector().WithMatchLabels(b.operator.Labels))
		peers = append(peers, operator)
	}
	return admit(peers, tcp(config.OpsPort))
}

func namespace(label, value string) *peer {
	return networkingv1ac.NetworkPolicyPeer().
		WithNamespaceSelector(metav1ac.LabelSelector().WithMatchLabels(map[string]string{label: value}))
}

// components selects the pods of this pipeline's components, in its own namespace.
func (b builder) components(names ...string) []*peer {
	var peers []*peer
	for _, name := range names {
		peers = append(peers, networkingv1ac.NetworkPolicyPeer().
			WithPodSelector(metav1ac.LabelSelector().WithMatchLabels(naming.Selector(b.p, name))))
	}
	return peers
}

func admit(from []*peer, ports ...*networkingv1ac.NetworkPolicyPortApplyConfiguration) *ingressRule {
	return networkingv1ac.NetworkPolicyIngressRule().WithFrom(from...).WithPorts(ports...)
}

func tcp(port int32) *networkingv1ac.NetworkPolicyPortApplyConfiguration {
	return networkingv1ac.NetworkPolicyPort().WithProtocol(corev1.ProtocolTCP).WithPort(intstr.FromInt32(port))
}
