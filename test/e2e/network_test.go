//go:build e2e

package e2e

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/source/s3test"
)

// forward is a forward proxy. The hosts that it leads to are reached through it alone: they listen on this machine's
// loopback, and no other resolver knows their names.
type forward struct {
	*server
	hosts map[string]string // host:port -> where it listens

	mu    sync.Mutex
	asked map[string]int // how often for each host:port
}

func (n *namespace) forward() *forward {
	n.t.Helper()
	f := &forward{hosts: map[string]string{}, asked: map[string]int{}}
	f.server = n.serve(f)
	return f
}

// ServeHTTP implements http.Handler: it tunnels TLS, and passes other requests on.
func (f *forward) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodConnect {
		f.tunnel(w, r)
		return
	}
	onward := &http.Transport{DialContext: f.dial, DisableKeepAlives: true}
	proxy := &httputil.ReverseProxy{Transport: onward, Rewrite: func(*httputil.ProxyRequest) {}} // the URL is absolute
	proxy.ServeHTTP(w, r)
}

func (f *forward) tunnel(w http.ResponseWriter, r *http.Request) {
	there, err := f.dial(r.Context(), "tcp", r.Host)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer there.Close()
	w.WriteHeader(http.StatusOK)
	here, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer here.Close()
	go func() {
		_, _ = io.Copy(there, here) // ends with either side
		there.Close()
	}()
	_, _ = io.Copy(here, there)
}

func (f *forward) dial(ctx context.Context, network, host string) (net.Conn, error) {
	f.mu.Lock()
	f.asked[host]++
	to, known := f.hosts[host]
	f.mu.Unlock()
	if !known {
		return nil, fmt.Errorf("the proxy does not know %s", host)
	}
	return new(net.Dialer).DialContext(ctx, network, to)
}

// log is how often each host was asked for, and which hosts.
func (f *forward) log() (counts map[string]int, hosts []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.asked), slices.Sorted(maps.Keys(f.asked))
}

// leads puts a server of TLS behind the proxy, with a certificate of the authority.
func (f *forward) leads(a *authority, host string, h http.Handler) {
	a.t.Helper()
	certificate, key := a.issue(host)
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		a.t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // of clients that do not trust the authority
	s.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	s.StartTLS()
	a.t.Cleanup(s.Close)
	f.hosts[host+":443"] = s.Listener.Addr().String()
}

// behind is a pipeline whose models and sources are behind the proxy and have certificates of the authority, but for a
// bucket without TLS. Its reranking model and its store are the pipeline's own.
func (n *namespace) behind(f *forward, a *authority, models *hosted) *v1alpha1.RAGPipeline {
	n.t.Helper()
	f.leads(a, "models.example.com", models.front())
	f.leads(a, "pages.example.com", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		fmt.Fprint(w, "The pump of the page turns 1702 times a minute.")
	}))
	bucket := s3test.Start(n.t)
	bucket.Put("turbine.md", "The turbine of the bucket turns 1801 times a minute.", nil)
	f.hosts["bucket.example.com:80"] = bucket.URL[len("http://"):]
	n.create(secret("bucket", map[string]string{
		config.S3AccessKeyID: s3test.AccessKeyID, config.S3SecretAccessKey: s3test.SecretAccessKey,
	}))
	object := standIns("behind", "")
	object.Spec.Documents = []v1alpha1.Source{
		{Name: "bucket", S3: &v1alpha1.S3Source{
			Bucket: bucket.Bucket, Endpoint: "http://bucket.example.com", Region: s3test.Region, PathStyle: new(true),
			SecretRef: &v1alpha1.SourceSecret{Name: "bucket"},
		}},
		{Name: "pages", HTTP: &v1alpha1.HTTPSource{URLs: []v1alpha1.PageURL{"https://pages.example.com/pump.txt"}}},
	}
	endpoint := func(model string) v1alpha1.Model {
		return v1alpha1.Model{Endpoint: &v1alpha1.Endpoint{URL: "https://models.example.com/v1", Model: v1alpha1.ModelName(model)}}
	}
	object.Spec.Models.Embedding.Model = endpoint(config.StandInEmbedding)
	object.Spec.Models.LLM.Model = endpoint(config.StandInLLM)
	proxy := v1alpha1.URL("http://" + f.address)
	object.Spec.Network = &v1alpha1.Network{
		Proxy:    &v1alpha1.Proxy{HTTPProxy: proxy, HTTPSProxy: proxy},
		CABundle: &v1alpha1.CABundle{Name: "authorities"},
	}
	return object
}

// front leads to the simulator from this process.
func (h *hosted) front() http.Handler {
	h.t.Helper()
	address, err := h.address(h.t.Context(), h.name)
	if err != nil {
		h.t.Fatal(err)
	}
	return &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.Out.URL.Scheme, r.Out.URL.Host = "http", address }}
}

// Models and sources that only a proxy reaches, with certificates of a private authority, make an index and answer
// questions; the pipeline's own servers are reached without the proxy. The status names a wrong authority.
func TestAPipelineBehindAProxyTrustsAPrivateAuthority(t *testing.T) {
	t.Parallel()
	n := newNamespace(t)
	f, a := n.forward(), newAuthority(t)
	authorities := configMap("authorities", map[string]string{"ca.crt": string(newAuthority(t).pem)})
	n.create(authorities)
	p := n.pipeline(n.behind(f, a, n.host("models")))

	p.until(readyWithin, "the wrong authority is named", func(object *v1alpha1.RAGPipeline) error {
		return errors.Join(
			has(v1alpha1.ConditionReady, metav1.ConditionFalse, "certificate is not trusted", `ConfigMap "authorities"`, "spec.network.caBundle")(object),
			has(v1alpha1.ConditionIndexReady, metav1.ConditionFalse)(object))
	})
	authorities.Data["ca.crt"] = string(a.pem)
	if err := api.Update(t.Context(), authorities); err != nil {
		t.Fatal(err)
	}
	p.restartGateway()
	p.sync("after the authority is right")
	p.settled(2 * readyWithin)
	p.answers("How often does the turbine of the bucket turn?", "1801")
	p.answers("How often does the pump of the page turn?", "1702")

	counts, hosts := f.log()
	if diff := cmp.Diff([]string{"bucket.example.com:80", "models.example.com:443", "pages.example.com:443"}, hosts); diff != "" {
		t.Errorf("hosts that the proxy was asked for (-want +got):\n%s", diff)
	}
	t.Logf("the proxy was asked for %v", counts)
}

// restartGateway replaces the gateway's pods, as `kubectl rollout restart` does.
func (p *pipeline) restartGateway() {
	p.t.Helper()
	var deployment appsv1.Deployment
	if err := api.Get(p.t.Context(), p.key(p.names().Gateway()), &deployment); err != nil {
		p.t.Fatal(err)
	}
	metav1.SetMetaDataAnnotation(&deployment.Spec.Template.ObjectMeta, "kubectl.kubernetes.io/restartedAt", "now")
	if err := api.Update(p.t.Context(), &deployment); err != nil {
		p.t.Fatal(err)
	}
}
