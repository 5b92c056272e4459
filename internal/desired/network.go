package desired

import (
	"slices"
	"strings"

	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/certificates"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

const (
	authoritiesDirectory = "/var/run/ragpipeline/authorities"
	authoritiesEntry     = "ca.crt"
	// authoritiesVariable names the directories in which Go's programs look for certificates, besides the
	// system's file.
	authoritiesVariable = "SSL_CERT_DIR"
)

// outgoing are the components that connect to servers outside the cluster: NIMs download their models.
var outgoing = []string{
	naming.ComponentGateway, naming.ComponentIngest,
	naming.ComponentEmbedding, naming.ComponentReranking, naming.ComponentLLM,
}

// proxyVariables are the environment of a program that reaches others through the spec's proxy. Programs
// differ in whether they read the names in capitals.
func (b builder) proxyVariables(component string) (vars []v1alpha1.EnvVar) {
	network := b.p.Spec.Network
	if network == nil || network.Proxy == nil || !slices.Contains(outgoing, component) {
		return nil
	}
	for _, v := range []v1alpha1.EnvVar{
		{Name: "HTTP_PROXY", Value: string(network.Proxy.HTTPProxy)},
		{Name: "HTTPS_PROXY", Value: string(network.Proxy.HTTPSProxy)},
		{Name: "NO_PROXY", Value: strings.Join(b.direct(component, network.Proxy.NoProxy), ",")},
	} {
		if v.Value != "" {
			vars = append(vars, v, v1alpha1.EnvVar{Name: strings.ToLower(v.Name), Value: v.Value})
		}
	}
	return vars
}

// direct lists the hosts that a component reaches without a proxy: this pod, the cluster's names, the
// Services of the pipeline that it calls, and those of the spec.
func (b builder) direct(component string, further []v1alpha1.NoProxyHost) []string {
	hosts := []string{"localhost", "127.0.0.1", "::1", ".svc", ".cluster.local"}
	var own []string
	switch component {
	case naming.ComponentGateway: // lists one embedding model, so that it does not roll when another one is retired
		own = append(own, ModelWorkload(b.p, naming.ComponentEmbedding, b.embedding(b.pinned())))
		if m := b.p.Spec.Models.Reranking; m != nil {
			own = append(own, ModelWorkload(b.p, naming.ComponentReranking, *m))
		}
		if m := b.p.Spec.Models.LLM; m != nil {
			own = append(own, ModelWorkload(b.p, naming.ComponentLLM, m.Model))
		}
	case naming.ComponentIngest:
		own = append(own, b.names.Stage(naming.ComponentExtraction))
		for _, m := range b.embeddings() {
			own = append(own, ModelWorkload(b.p, naming.ComponentEmbedding, m))
		}
	}
	if len(own) > 0 {
		own = append(own, b.names.Weaviate())
	}
	slices.Sort(own)
	for _, host := range slices.Compact(own) {
		if host != "" { // an endpoint has no workload
			hosts = append(hosts, host)
		}
	}
	for _, host := range further {
		hosts = append(hosts, string(host))
	}
	return hosts
}

// trust mounts the certificates of the spec's authorities and of the pipeline's own where the operator's programs look
// for them.
func (b builder) trust(component string, template *corev1ac.PodTemplateSpecApplyConfiguration) {
	network := b.p.Spec.Network
	ours := component == naming.ComponentGateway || component == naming.ComponentIngest
	if network == nil || network.CABundle == nil && !b.encrypts() || !ours {
		return
	}
	volume := corev1ac.Volume().WithName("authorities")
	var bundle *corev1ac.KeyToPathApplyConfiguration
	if network.CABundle != nil {
		bundle = corev1ac.KeyToPath().WithKey(network.CABundle.Key).WithPath(authoritiesEntry)
	}
	if b.encrypts() {
		projected := corev1ac.ProjectedVolumeSource().WithSources(corev1ac.VolumeProjection().WithSecret(
			corev1ac.SecretProjection().WithName(b.names.Certificates()).
				WithItems(corev1ac.KeyToPath().WithKey(certificates.AuthorityEntry).WithPath(internalEntry))))
		if bundle != nil {
			projected.WithSources(corev1ac.VolumeProjection().WithConfigMap(
				corev1ac.ConfigMapProjection().WithName(string(network.CABundle.Name)).WithItems(bundle)))
		}
		volume.WithProjected(projected)
	} else {
		volume.WithConfigMap(corev1ac.ConfigMapVolumeSource().WithName(string(network.CABundle.Name)).WithItems(bundle))
	}
	template.Spec.WithVolumes(volume)
	template.Spec.Containers[0].
		WithEnv(env(authoritiesVariable, authoritiesDirectory)).
		WithVolumeMounts(readOnly("authorities", authoritiesDirectory))
}
