package desired

import (
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
	networkingv1ac "k8s.io/client-go/applyconfigurations/networking/v1"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/desired/naming"
)

// The policies say who may connect to a pipeline's pods. They say nothing of where those pods may connect to: models
// and stores may be anywhere, and a rule that forgot the cluster's DNS would look like anything but itself. Policies
// add up, so a cluster's owner can admit more (say, a monitoring to a model's port) with one of their own.

// LabelMetrics on a namespace admits its pods to the ops ports, where metrics are: `metrics: enabled`, as many
// operators have it. The ports serve profiles as well, and are therefore not open to everyone.
const (
	LabelMetrics   = "metrics"
	metricsEnabled = "enabled"
	labelNamespace = "kubernetes.io/metadata.name" // the API server puts it on every namespace
)

type peer = networkingv1ac.NetworkPolicyPeerApplyConfiguration

// policy admits to a component's pods what the rules say, and nothing else.
func (b builder) policy(name, component string, rules ...*networkingv1ac.NetworkPolicyIngressRuleApplyConfiguration) Child {
	return Child{Object: networkingv1ac.NetworkPolicy(name, b.p.Namespace).
		WithLabels(naming.Labels(b.p, component)).
		WithSpec(networkingv1ac.NetworkPolicySpec().
			WithPodSelector(metav1ac.LabelSelector().WithMatchLabels(naming.Selector(b.p, component))).
			WithPolicyTypes(networkingv1.PolicyTypeIngress).
			WithIngress(rules...))}
}

// gatewayPolicy leaves the API open: it has keys of its own.
func (b builder) gatewayPolicy() Child {
	open := networkingv1ac.NetworkPolicyIngressRule().WithPorts(tcp(GatewayPort))
	return b.policy(b.names.Gateway(), naming.ComponentGateway, open, b.operators())
}

func (b builder) modelPolicy(name, component string, clients ...string) Child {
	return b.policy(name, component, admit(b.components(clients...), tcp(modelPort)))
}

func (b builder) weaviatePolicy() Child {
	clients := b.components(naming.ComponentGateway)
	for _, kind := range taskKinds {
		clients = append(clients, b.components(kind.Component)...)
	}
	udp := networkingv1ac.NetworkPolicyPort().WithProtocol(corev1.ProtocolUDP).WithPort(intstr.FromInt32(weaviateGossip))
	peers := admit(b.components(naming.ComponentWeaviate),
		tcp(weaviateGossip), udp, tcp(weaviateData), tcp(weaviateRaft), tcp(weaviateRaftCalls))
	return b.policy(b.names.Weaviate(), naming.ComponentWeaviate, admit(clients, tcp(weaviateHTTP), tcp(weaviateGRPC)), peers)
}

// operators admits to the ops port the operator, and namespaces that may read metrics.
func (b builder) operators() *networkingv1ac.NetworkPolicyIngressRuleApplyConfiguration {
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

// components are pods of this pipeline, in its own namespace.
func (b builder) components(names ...string) []*peer {
	var peers []*peer
	for _, name := range names {
		peers = append(peers, networkingv1ac.NetworkPolicyPeer().
			WithPodSelector(metav1ac.LabelSelector().WithMatchLabels(naming.Selector(b.p, name))))
	}
	return peers
}

func admit(from []*peer, ports ...*networkingv1ac.NetworkPolicyPortApplyConfiguration) *networkingv1ac.NetworkPolicyIngressRuleApplyConfiguration {
	return networkingv1ac.NetworkPolicyIngressRule().WithFrom(from...).WithPorts(ports...)
}

func tcp(port int32) *networkingv1ac.NetworkPolicyPortApplyConfiguration {
	return networkingv1ac.NetworkPolicyPort().WithProtocol(corev1.ProtocolTCP).WithPort(intstr.FromInt32(port))
}
