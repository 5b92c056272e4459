package apply_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"maps"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/apply"
	"github.com/ragpipeline/ragpipeline/internal/certificates"
	"github.com/ragpipeline/ragpipeline/internal/derive"
	"github.com/ragpipeline/ragpipeline/internal/desired"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

func certified(p *v1alpha1.RAGPipeline, hosts ...string) desired.Child {
	return desired.Child{Once: true, Certificates: &certificates.Request{Hosts: hosts}, Object: corev1ac.Secret("certificates", p.Namespace).
		WithLabels(naming.Labels(p, naming.ComponentCertificates)).WithType(corev1.SecretTypeOpaque)}
}

var certificatesKey = apply.Key{Kind: "Secret", Name: "certificates"}

// proves checks that a client which trusts what the applier tells believes the host at a time.
func (w *world) proves(p *v1alpha1.RAGPipeline, host string, at time.Time) (serial string) {
	w.Helper()
	data := get[corev1.Secret](w, "certificates").Data
	authority := w.applier.Authority(p, certificatesKey)
	if !bytes.Equal(authority, data[certificates.AuthorityEntry]) {
		w.Error("the applier tells of another authority than the Secret")
	}
	pair, err := tls.X509KeyPair(data[certificates.CertificateEntry(host)], data[certificates.KeyEntry(host)])
	w.check(err)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	_, err = pair.Leaf.Verify(x509.VerifyOptions{DNSName: host + "." + w.namespace + ".svc", Roots: roots, CurrentTime: at})
	w.check(err)
	return pair.Leaf.SerialNumber.String()
}

func TestCertificatesAreMadeOnceAndRenewedInTime(t *testing.T) {
	w := newWorld(t)
	p := w.pipeline("papers")
	now := time.Now()
	w.applier.Clock = func() time.Time { return now }
	w.apply(p, certified(p, "store"))
	first := w.proves(p, "store", now)
	w.settle()
	before := get[corev1.Secret](w, "certificates")

	for _, after := range []time.Duration{0, 24 * time.Hour, 200 * 24 * time.Hour} {
		now = before.CreationTimestamp.Add(after)
		w.apply(p, certified(p, "store"))
	}
	w.applier = apply.New(w.cached, w.live) // a restart of the operator
	w.applier.Clock = func() time.Time { return now }
	w.apply(p, certified(p, "store"))
	if get[corev1.Secret](w, "certificates").ResourceVersion != before.ResourceVersion {
		t.Error("the Secret was written again before its time")
	}

	now = now.Add(60 * 24 * time.Hour)
	w.apply(p, certified(p, "store"))
	if second := w.proves(p, "store", now.Add(90*24*time.Hour)); second == first {
		t.Error("a certificate that expires in 100 days was not renewed")
	}
	if get[corev1.Secret](w, "certificates").UID != before.UID {
		t.Error("the Secret was made anew")
	}
}

func TestAnotherHostAndWhatSomebodyTookAreAdded(t *testing.T) {
	w := newWorld(t)
	p := w.pipeline("papers")
	w.apply(p, certified(p, "store"))
	store := w.proves(p, "store", time.Now())
	w.settle()
	w.apply(p, certified(p, "store", "gateway"))
	gateway := w.proves(p, "gateway", time.Now())
	w.settle()
	secret := get[corev1.Secret](w, "certificates")
	delete(secret.Data, certificates.KeyEntry("gateway"))
	w.check(w.live.Update(t.Context(), secret))
	w.settle()
	w.apply(p, certified(p, "store", "gateway"))
	if w.proves(p, "gateway", time.Now()) == gateway {
		t.Error("a certificate stayed whose key was lost")
	}
	if w.proves(p, "store", time.Now()) != store {
		t.Error("the other host's certificate has changed")
	}
}

// Everyone who may create a Secret may say that it is the pipeline's. Once pods know an authority, it is that one.
func TestCertificatesOfAForgedOwnerAreReplaced(t *testing.T) {
	w := newWorld(t)
	p := w.pipeline("papers")
	w.apply(p, desired.Child{Object: deployment(p, "papers")}) // which speaks no TLS so far
	p.Status.ObservedGeneration = 1
	w.check(w.live.Status().Update(t.Context(), p))
	entries, _, err := certificates.Renew(nil, w.namespace, certificates.Request{Hosts: []string{"store"}}, time.Now())
	w.check(err)
	w.check(w.live.Create(t.Context(), &corev1.Secret{ObjectMeta: forged(p, "certificates"), Data: entries}))
	wanted := certified(p, "store")
	wanted.Voucher = derive.Object{Kind: "Deployment", Name: "papers", Key: naming.AnnotationAuthority}
	w.settle()
	if _, err := w.applier.Apply(t.Context(), p, []desired.Child{wanted}); err == nil {
		t.Fatal("they were taken")
	}
	w.settle()
	w.apply(p, wanted)
	made := get[corev1.Secret](w, "certificates").Data
	if bytes.Equal(made[certificates.AuthorityEntry], entries[certificates.AuthorityEntry]) {
		t.Error("the planted authority is the pipeline's")
	}
	pod := podTemplate().WithAnnotations(map[string]string{naming.AnnotationAuthority: w.applier.AuthorityDigest(p, certificatesKey)})
	gateway := deployment(p, "papers")
	gateway.Spec.WithTemplate(pod)
	w.apply(p, desired.Child{Object: gateway})
	w.settle()
	w.applier = apply.New(w.cached, w.live) // a restart of the operator
	w.apply(p, wanted)
	if diff := cmp.Diff(made, get[corev1.Secret](w, "certificates").Data); diff != "" {
		t.Errorf("after a restart of the operator, they changed:\n%s", diff)
	}
}

// The operator ends while TLS is being switched off, when the pods to come name no authority any more; or after it has
// renewed the authority, before its voucher names the new one. The pods that are there know the certificates.
func TestARestartAmidAChangeKeepsTheCertificates(t *testing.T) {
	for name, after := range map[string]time.Duration{"TLS is switched off": 0, "the authority is renewed": 7 * 365 * 24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			p := w.pipeline("papers")
			now := time.Now()
			w.applier.Clock = func() time.Time { return now }
			wanted := certified(p, "store")
			wanted.Voucher = derive.Object{Kind: "Deployment", Name: "papers", Key: naming.AnnotationAuthority}
			w.apply(p, wanted)
			before := w.applier.Authority(p, certificatesKey)
			gateway := deployment(p, "papers").WithAnnotations(
				map[string]string{naming.AnnotationAuthority: w.applier.AuthorityDigest(p, certificatesKey)})
			w.apply(p, desired.Child{Object: gateway})
			now = now.Add(after)
			w.settle()
			w.apply(p, wanted)
			made := get[corev1.Secret](w, "certificates").Data
			if renewed := !bytes.Equal(before, made[certificates.AuthorityEntry]); renewed != (after > 0) {
				t.Fatalf("the authority is renewed: %t", renewed)
			}
			w.settle()
			w.applier = apply.New(w.cached, w.live) // a restart of the operator
			w.applier.Clock = func() time.Time { return now }
			w.apply(p, wanted)
			if diff := cmp.Diff(made, get[corev1.Secret](w, "certificates").Data); diff != "" {
				t.Errorf("they changed:\n%s", diff)
			}
		})
	}
}

// The author of a planted Secret knows the key of the authority in it.
func TestPlantedCertificatesAreReplaced(t *testing.T) {
	w := newWorld(t)
	p := w.pipeline("papers")
	entries, _, err := certificates.Renew(nil, w.namespace, certificates.Request{Hosts: []string{"store"}}, time.Now())
	w.check(err)
	planted := &corev1.Secret{Data: entries}
	planted.Namespace, planted.Name, planted.Labels = w.namespace, "certificates", naming.Labels(p, naming.ComponentCertificates)
	w.check(w.live.Create(t.Context(), planted))
	w.settle()
	if _, err := w.applier.Apply(t.Context(), p, []desired.Child{certified(p, "store")}); err == nil {
		t.Error("the planted Secret was adopted")
	}
	w.settle()
	w.apply(p, certified(p, "store"))
	w.proves(p, "store", time.Now())
	if maps.EqualFunc(entries, get[corev1.Secret](w, "certificates").Data, bytes.Equal) {
		t.Error("the planted certificates are used")
	}
}
