package desired

import (
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	networkingv1ac "k8s.io/client-go/applyconfigurations/networking/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/certificates"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/derive"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// With spec.network.tls, the pods of a pipeline encrypt what they send each other. A sidecar of the
// operator's image ends TLS before a server of somebody else's, and passes the bytes on within the pod:
// so the certificate can change without a restart, and it does not matter which options the server's
// version has. The operator's own programs end it on their ops ports by themselves.

const (
	internalTLS v1alpha1.NetworkTLS = "Internal"

	// OpsPort and OpsTLSPort are the names of the port config.OpsPort, without and with TLS.
	OpsPort, OpsTLSPort = "ops", "ops-tls"

	certificateDirectory = "/var/run/ragpipeline/certificate"
	certificateVolume    = "certificate"
	internalEntry        = "internal.crt" // beside authoritiesEntry
)

// listener is a port of a server, and the one with TLS that takes its place.
type listener struct {
	name   string
	number int32
	tls    string
	secure int32
	// protocol is that which the TLS handshake agrees on.
	protocol string
}

const http1, http2 = "http/1.1", "h2"

var (
	modelListener = listener{name: "http", number: modelPort, tls: "https", secure: 8443, protocol: http1}
	tikaListener  = listener{name: "http", number: tikaPort, tls: "https", secure: 8443, protocol: http1}
	storeHTTP     = listener{name: "http", number: weaviateHTTP, tls: "https", secure: 8443, protocol: http1}
	storeGRPC     = listener{name: "grpc", number: weaviateGRPC, tls: "grpcs", secure: 8444, protocol: http2}
)

// encrypts reports whether the spec asks for TLS between the pods.
func (b builder) encrypts() bool {
	return b.p.Spec.Network != nil && b.p.Spec.Network.TLS == internalTLS
}

// plain and encrypted report whether ports without and with TLS are needed: by the spec, or for pods from
// before it changed, which answer until they are replaced.
func (b builder) plain() bool     { return !b.encrypts() || b.facts.Plain }
func (b builder) encrypted() bool { return b.encrypts() || b.facts.Encrypted }

// url is where a server of the pipeline is reached.
func (b builder) url(host string, l listener) string {
	if b.encrypts() {
		return "https://" + certificates.Name(host, b.p.Namespace) + ":" + strconv.Itoa(int(l.secure))
	}
	return serviceURL(host, int(l.number))
}

// ports are those of a container.
func (b builder) ports(listeners ...listener) (ports []*corev1ac.ContainerPortApplyConfiguration) {
	for _, l := range listeners {
		if b.encrypts() {
			ports = append(ports, port(l.tls, l.secure))
		} else {
			ports = append(ports, port(l.name, l.number))
		}
	}
	return ports
}

// servicePorts are those of a Service. Each leads to the pods that have the port.
func (b builder) servicePorts(listeners ...listener) (ports []*corev1ac.ServicePortApplyConfiguration) {
	for _, l := range listeners {
		if b.plain() {
			ports = append(ports, servicePort(l.name, l.number))
		}
		if b.encrypted() {
			ports = append(ports, servicePort(l.tls, l.secure))
		}
	}
	return ports
}

// admitted are the ports in a NetworkPolicy.
func (b builder) admitted(listeners ...listener) (ports []*networkingv1ac.NetworkPolicyPortApplyConfiguration) {
	for _, l := range listeners {
		if b.plain() {
			ports = append(ports, tcp(l.number))
		}
		if b.encrypted() {
			ports = append(ports, tcp(l.secure))
		}
	}
	return ports
}

// host is where a server listens that a sidecar may stand before: every address, IPv4 and IPv6, if none is
// given.
func (b builder) host(every string) string {
	if b.encrypts() {
		return "127.0.0.1"
	}
	return every
}

// probe probes a listener as probe does; the kubelet does not verify the certificate.
func (b builder) probe(l listener, path string, period int32) *corev1ac.ProbeApplyConfiguration {
	if !b.encrypts() {
		return probe(l.name, path, period)
	}
	return encryptedProbe(l.tls, path, period)
}

func encryptedProbe(port, path string, period int32) *corev1ac.ProbeApplyConfiguration {
	p := probe(port, path, period)
	p.HTTPGet.WithScheme(corev1.URISchemeHTTPS)
	return p
}

// opsProbe probes the ops port.
func (b builder) opsProbe(path string, period int32) *corev1ac.ProbeApplyConfiguration {
	if b.encrypts() {
		return encryptedProbe(OpsTLSPort, path, period)
	}
	return probe(OpsPort, path, period)
}

// encryptOps makes the ops port of one of the operator's own programs. The host is in its certificate.
func (b builder) encryptOps(host string, container *corev1ac.ContainerApplyConfiguration) (
	volumes []*corev1ac.VolumeApplyConfiguration,
) {
	if !b.encrypts() {
		container.WithPorts(port(OpsPort, config.OpsPort))
		return nil
	}
	container.WithPorts(port(OpsTLSPort, config.OpsPort)).
		WithArgs("--ops-tls-dir", certificateDirectory).
		WithVolumeMounts(readOnly(certificateVolume, certificateDirectory))
	return []*corev1ac.VolumeApplyConfiguration{b.certificate(host)}
}

// certificate is the volume with a host's own certificate and key. The entries change in place when the
// operator renews them.
func (b builder) certificate(host string) *corev1ac.VolumeApplyConfiguration {
	return corev1ac.Volume().WithName(certificateVolume).WithSecret(corev1ac.SecretVolumeSource().
		WithSecretName(b.names.Certificates()).
		WithDefaultMode(0o440).
		WithItems(
			corev1ac.KeyToPath().WithKey(certificates.CertificateEntry(host)).WithPath("tls.crt"),
			corev1ac.KeyToPath().WithKey(certificates.KeyEntry(host)).WithPath("tls.key")))
}

// Terminator is the sidecar of a workload that exists.
type Terminator struct {
	// Image is what it runs, and Template the hash of the rest of the pod.
	Image, Template string
}

// encrypt puts the sidecar before a pod's server, and returns the annotations of its workload. The sidecar
// keeps its image until something else replaces the pods, other arguments of its own included: an upgrade of
// the operator restarts no store and no NIM, and an image gets only the arguments that it knows.
func (b builder) encrypt(
	host string, template *corev1ac.PodTemplateSpecApplyConfiguration, listeners ...listener,
) map[string]string {
	if !b.encrypts() {
		return nil
	}
	sidecar := b.operatorContainer(naming.TLSContainer, "tls", "--certificate-dir", certificateDirectory).
		WithRestartPolicy(corev1.ContainerRestartPolicyAlways).
		WithStartupProbe(corev1ac.Probe().
			WithTCPSocket(corev1ac.TCPSocketAction().WithPort(intstr.FromInt32(listeners[0].secure))).
			WithPeriodSeconds(1).WithFailureThreshold(120).WithTimeoutSeconds(3)).
		WithResources(limited(nil, "10m", "24Mi", "256Mi")).
		WithVolumeMounts(readOnly(certificateVolume, certificateDirectory))
	for _, l := range listeners {
		sidecar.WithArgs("--forward", strconv.Itoa(int(l.secure))+"="+strconv.Itoa(int(l.number))+"/"+l.protocol)
	}
	image := *sidecar.Image
	sidecar.Image = nil
	template.Spec.WithInitContainers(sidecar).WithVolumes(b.certificate(host))
	hash := config.Hash(template)
	if before := b.facts.Terminators[host]; before.Template == hash && before.Image != "" {
		image = before.Image
	}
	template.Spec.InitContainers[len(template.Spec.InitContainers)-1].WithImage(image)
	return map[string]string{naming.AnnotationTemplate: hash}
}

// certificateHosts are the parts of the pipeline that have a certificate.
func (b builder) certificateHosts() []string {
	hosts := []string{b.names.Gateway()}
	for _, kind := range taskKinds {
		hosts = append(hosts, b.names.Tasks(kind.Component))
	}
	if b.p.Spec.VectorStore.Weaviate != nil {
		hosts = append(hosts, b.names.Weaviate())
	}
	if e := b.p.Spec.Extraction; e != nil && e.Server.Tika != nil {
		hosts = append(hosts, b.names.Stage(naming.ComponentExtraction))
	}
	for _, m := range b.embeddings() {
		hosts = append(hosts, ModelWorkload(b.p, naming.ComponentEmbedding, m))
	}
	if m := b.p.Spec.Models.Reranking; m != nil {
		hosts = append(hosts, ModelWorkload(b.p, naming.ComponentReranking, *m))
	}
	if m := b.p.Spec.Models.LLM; m != nil {
		hosts = append(hosts, ModelWorkload(b.p, naming.ComponentLLM, m.Model))
	}
	slices.Sort(hosts)
	hosts = slices.Compact(hosts)
	return slices.DeleteFunc(hosts, func(host string) bool { return host == "" }) // an endpoint
}

// certificates returns the Secret of the pipeline's certificates. The gateway vouches for its authority, by an
// annotation; what is found in its place without an owner is made anew, all the same.
func (b builder) certificates() []Child {
	if !b.encrypted() {
		return nil
	}
	return []Child{{
		Object: corev1ac.Secret(b.names.Certificates(), b.p.Namespace).
			WithLabels(naming.Labels(b.p, naming.ComponentCertificates)).
			WithType(corev1.SecretTypeOpaque),
		Once:         true,
		Voucher:      derive.Object{Kind: "Deployment", Name: b.names.Gateway(), Key: naming.AnnotationAuthority},
		Certificates: &certificates.Request{Hosts: b.certificateHosts()},
	}}
}

// authorityVoucher annotates the gateway's Deployment, which vouches for the authority as long as a pod knows it: also
// when the pods to come do not, because the spec asks for TLS no more.
func (b builder) authorityVoucher() map[string]string {
	if !b.encrypted() || b.facts.Authority == "" {
		return nil
	}
	return map[string]string{naming.AnnotationAuthority: b.facts.Authority}
}

// authorityAnnotation annotates pods that read the pipeline's authority at their start: another one rolls
// them.
func (b builder) authorityAnnotation() map[string]string {
	if !b.encrypts() {
		return nil
	}
	return b.authorityVoucher()
}
