//go:build e2e

package e2e

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/certificates"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// encrypts turns TLS between the pods on, and looks at the store as its clients do.
func (p *pipeline) encrypts() {
	p.t.Helper()
	since, prober := time.Now(), p.probe("At how many bar does valve V7 open?")
	p.edit(func(s *v1alpha1.RAGPipelineSpec) { s.Network = &v1alpha1.Network{TLS: "Internal"} })
	p.settled(2 * readyWithin)
	p.storeIsWhole()
	prober.end() // the stand-in models are replaced before the gateway
	p.t.Logf("the pods encrypt what they send each other after %s; the longest time without an answer was %s",
		time.Since(since).Round(time.Second), prober.silence())
	p.serviceHasPorts(p.names().Weaviate(), 8443, 8444)
	p.speaksTLS(p.names().Weaviate(), "/v1/.well-known/ready")
	p.refusesPlainText(p.names().Weaviate(), naming.ComponentWeaviate, 8080, 8443)
}

// storeIsWhole looks at the store as kstatus does: every pod is a new one that is ready. Two of three answer all
// questions, but a pipeline is settled once all three can.
func (p *pipeline) storeIsWhole() {
	p.t.Helper()
	var set appsv1.StatefulSet
	if err := api.Get(p.t.Context(), p.key(p.names().Weaviate()), &set); err != nil {
		p.t.Fatal(err)
	}
	want := *set.Spec.Replicas
	if s := set.Status; s.ObservedGeneration != set.Generation || s.UpdatedReplicas != want || s.ReadyReplicas != want {
		p.t.Errorf("of %d pods of the store, %d are new, and %d are ready", want, s.UpdatedReplicas, s.ReadyReplicas)
	}
}

// renews has the operator make the store's certificate anew, which the running pods take.
func (p *pipeline) renews() {
	p.t.Helper()
	host := p.names().Weaviate()
	pods := p.identities(naming.ComponentWeaviate)
	before, _ := p.certificateOf(p.t.Context(), host, p.authority())
	secret := p.certificates()
	delete(secret.Data, certificates.CertificateEntry(host))
	if err := api.Update(p.t.Context(), secret); err != nil {
		p.t.Fatal(err)
	}
	p.touch(naming.ComponentWeaviate)
	eventually(p.t, 3*time.Minute, "the store has another certificate", func(ctx context.Context) error {
		now, err := p.certificateOf(ctx, host, p.authority())
		if err == nil && now == before {
			err = errors.New("it is still the same")
		}
		return err
	})
	if now := p.identities(naming.ComponentWeaviate); fmt.Sprint(now) != fmt.Sprint(pods) {
		p.t.Errorf("the store's pods were %v, and are %v", pods, now)
	}
}

// certificates is the Secret with all of them.
func (p *pipeline) certificates() *corev1.Secret {
	p.t.Helper()
	secret := new(corev1.Secret)
	if err := api.Get(p.t.Context(), p.key(p.names().Certificates()), secret); err != nil {
		p.t.Fatal(err)
	}
	return secret
}

func (p *pipeline) authority() *x509.CertPool {
	p.t.Helper()
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(p.certificates().Data[certificates.AuthorityEntry]) {
		p.t.Fatal("the Secret has no authority")
	}
	return pool
}

// client trusts one authority, and expects a Service of the pipeline.
func (p *pipeline) client(service string, trusted *x509.CertPool) *http.Client {
	return &http.Client{Timeout: answerWithin, Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{
		RootCAs: trusted, ServerName: certificates.Name(service, p.namespace.name),
	}}}
}

// certificateOf is the serial number of a Service's certificate, which the authority has to vouch for.
func (p *pipeline) certificateOf(ctx context.Context, service string, trusted *x509.CertPool) (string, error) {
	response, err := p.getByTLS(ctx, service, "/", trusted)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	return response.TLS.PeerCertificates[0].SerialNumber.String(), nil
}

func (p *pipeline) clusterIP(ctx context.Context, service string) (string, error) {
	var object corev1.Service
	err := api.Get(ctx, p.key(service), &object)
	return object.Spec.ClusterIP, err
}

// getByTLS asks a Service by TLS.
func (p *pipeline) getByTLS(ctx context.Context, service, path string, trusted *x509.CertPool) (*http.Response, error) {
	address, err := p.clusterIP(ctx, service)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+net.JoinHostPort(address, "8443")+path, nil)
	if err != nil {
		return nil, err
	}
	return p.client(service, trusted).Do(request)
}

// speaksTLS asks a Service that the pipeline's authority vouches for, and no other.
func (p *pipeline) speaksTLS(service, path string) {
	p.t.Helper()
	response, err := p.getByTLS(p.t.Context(), service, path, p.authority())
	if err != nil {
		p.t.Errorf("%s: %v", service, err)
		return
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		p.t.Errorf("%s answers with %d", service, response.StatusCode)
	}
	_, err = p.getByTLS(p.t.Context(), service, path, x509.NewCertPool())
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); !ok {
		p.t.Errorf("%s: a client that does not trust the authority gets %v", service, err)
	}
}

// refusesPlainText asks a component's Service and each of its pods without TLS.
func (p *pipeline) refusesPlainText(host, component string, ports ...int) {
	p.t.Helper()
	service, err := p.clusterIP(p.t.Context(), host)
	if err != nil {
		p.t.Fatal(err)
	}
	addresses := []string{service}
	pods, err := p.podsOf(p.t.Context(), component)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, pod := range pods {
		addresses = append(addresses, pod.Status.PodIP)
	}
	// A connection from before would go on to the pod from before.
	web := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	for _, address := range addresses {
		for _, port := range ports {
			url := fmt.Sprintf("http://%s/v1/.well-known/ready", net.JoinHostPort(address, fmt.Sprint(port)))
			// kube-proxy sends to the addresses of the pods from before for a moment, which other pods may have by then.
			eventually(p.t, saidWithin, url+" is refused", func(ctx context.Context) error {
				request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
				if err != nil {
					return err
				}
				response, err := web.Do(request)
				if err != nil {
					return nil // so it has to be
				}
				defer response.Body.Close()
				said, _ := io.ReadAll(io.LimitReader(response.Body, 300))
				return fmt.Errorf("it is answered in plain text: %s, %v, %q", response.Status, response.Header, said)
			})
		}
	}
}

func (p *pipeline) serviceHasPorts(service string, want ...int32) {
	p.t.Helper()
	eventually(p.t, readyWithin, "the Service has the ports of TLS alone", func(ctx context.Context) error {
		var s corev1.Service
		if err := api.Get(ctx, p.key(service), &s); err != nil {
			return err
		}
		var got []int32
		for _, port := range s.Spec.Ports {
			got = append(got, port.Port)
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			return fmt.Errorf("it has the ports %v", got)
		}
		return nil
	})
}
