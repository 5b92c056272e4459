//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/gateway"
	"github.com/ragpipeline/ragpipeline/test/issuer"
)

// signInPage is the page's address, as the issuer knows it. Nobody goes there: a client reads the code on the way.
const signInPage = "https://ask.example.com/"

// provider is an OpenID Connect issuer in a pod, with a certificate of a private authority.
type provider struct {
	*namespace
	host, url string
	web       *http.Client
}

// provides starts the issuer: its first user and its program have the group, its second user has none.
func (n *namespace) provides(a *authority, group string) *provider {
	n.t.Helper()
	i := &provider{namespace: n, host: "issuer." + n.name + ".svc"}
	i.url = "https://" + i.host + ":8443"
	certificate, key := a.issue(i.host)
	labels := map[string]string{"app": "issuer"}
	pod := restricted(corev1.Container{
		Name: "issuer", Image: simulatorImage, Command: []string{"/issuer"},
		Args: []string{"-url", i.url, "-redirect", signInPage, "-group", group},
		ReadinessProbe: &corev1.Probe{PeriodSeconds: 1, ProbeHandler: corev1.ProbeHandler{
			HTTPGet: &corev1.HTTPGetAction{Path: "/ready", Port: intstr.FromInt32(8443), Scheme: corev1.URISchemeHTTPS},
		}},
		VolumeMounts: []corev1.VolumeMount{{Name: "tls", MountPath: "/tls"}},
	})
	pod.Volumes = []corev1.Volume{{Name: "tls", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "issuer"}}}}
	n.create(
		secret("issuer", map[string]string{corev1.TLSCertKey: string(certificate), corev1.TLSPrivateKeyKey: string(key)}),
		&corev1.Service{
			ObjectMeta: metav1.ObjectMeta{Name: "issuer"},
			Spec:       corev1.ServiceSpec{Selector: labels, Ports: []corev1.ServicePort{{Port: 8443}}},
		},
		&appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "issuer"}, Spec: appsv1.DeploymentSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: pod},
		}})
	address, err := n.address(n.t.Context(), "issuer")
	if err != nil {
		n.t.Fatal(err)
	}
	i.web = a.client(i.host)
	i.web.Transport.(*http.Transport).DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	i.web.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), signInPage) {
			return http.ErrUseLastResponse
		}
		return nil
	}
	return i
}

// enters is a user's way through the issuer's form. It returns where the issuer leads back to.
func (i *provider) enters(ctx context.Context, address, user string) (*url.URL, error) {
	form, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	reply, err := i.web.Do(form)
	if err != nil {
		return nil, err
	}
	reply.Body.Close()
	reply, err = i.posts(ctx, "/login/username", url.Values{
		"username": {user}, "password": {issuer.Password}, "id": {reply.Request.URL.Query().Get("authRequestID")},
	})
	if err != nil {
		return nil, err
	}
	reply.Body.Close()
	return reply.Location()
}

func (i *provider) posts(ctx context.Context, path string, form url.Values) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, i.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return i.web.Do(request)
}

// programToken is what the issuer gives a program for its secret.
func (i *provider) programToken(ctx context.Context) (string, error) {
	reply, err := i.posts(ctx, "/oauth/token", url.Values{
		"grant_type": {"client_credentials"}, "client_id": {issuer.Program}, "client_secret": {issuer.Secret},
	})
	if err != nil {
		return "", err
	}
	defer reply.Body.Close()
	var got struct {
		Token string `json:"access_token"`
	}
	if err := json.NewDecoder(reply.Body).Decode(&got); err != nil || got.Token == "" {
		return "", fmt.Errorf("status %d, without a token: %v", reply.StatusCode, err)
	}
	return got.Token, nil
}

// signsIn is what the page does: the code flow with PKCE, which the gateway ends on its behalf. A verifier other than
// that of the sign-in may be given.
func (p *pipeline) signsIn(i *provider, user, verifier string) (string, error) {
	ctx, cancel := context.WithTimeout(p.t.Context(), time.Minute)
	defer cancel()
	var begun gateway.SignInReply
	err := p.callWith(ctx, "", http.MethodPost, "/sign-in", gateway.SignInRequest{RedirectURI: signInPage}, &begun)
	if err != nil {
		return "", err
	}
	back, err := i.enters(ctx, begun.AuthorizationURL, user)
	if err != nil {
		return "", err
	}
	if state := back.Query().Get("state"); state != begun.State {
		return "", fmt.Errorf("the issuer leads back with the state %q, not %q", state, begun.State)
	}
	if verifier == "" {
		verifier = begun.CodeVerifier
	}
	var session gateway.SignInTokenReply
	err = p.callWith(ctx, "", http.MethodPost, "/sign-in/token", gateway.SignInTokenRequest{
		Code: back.Query().Get("code"), Nonce: begun.Nonce, CodeVerifier: verifier, RedirectURI: signInPage,
	}, &session)
	return session.Token, err
}

// The groups in an issuer's tokens decide what their owners see, whether a program brings one or the page's users sign in.
func TestTheTokensOfAnIssuerDecideWhatTheirOwnersSee(t *testing.T) {
	t.Parallel()
	n, a := newNamespace(t), newAuthority(t)
	i := n.provides(a, "board")
	n.create(configMap("authorities", map[string]string{"ca.crt": string(a.pem)}))
	p := n.sample("oidc.yaml", func(p *v1alpha1.RAGPipeline) {
		p.Spec.Gateway.Auth.OIDC.Issuer, p.Spec.Gateway.Auth.OIDC.ClientID = i.url, issuer.Page
		p.Spec.Network = &v1alpha1.Network{CABundle: &v1alpha1.CABundle{Name: "authorities"}}
	})
	p.settled(readyWithin)

	program, err := i.programToken(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	first, err := p.signsIn(i, issuer.FirstName+i.host, "")
	if err != nil {
		t.Fatal(err)
	}
	second, err := p.signsIn(i, issuer.SecondName, "")
	if err != nil {
		t.Fatal(err)
	}
	const everybody, board = "handbook/leave.md", "minutes/budget.md"
	for _, token := range []string{program, first} {
		p.shows(token, everybody, board)
		if reply, err := p.askWith(t.Context(), token, budget); err != nil || containsAll(reply.text(), "4 million") != nil {
			t.Errorf("the board is answered %+v, %v", reply, err)
		}
	}
	p.shows(second, everybody)
	reply, err := p.askWith(t.Context(), second, budget)
	if err != nil || strings.Contains(reply.text(), "4 million") || len(reply.Citations.Results) != 1 {
		t.Errorf("a user without groups is answered %+v, %v", reply, err)
	}
	if err := p.callWith(t.Context(), second, http.MethodGet, "/v1/documents/"+board, nil, nil); !isRefused(err, http.StatusNotFound) {
		t.Errorf("a hidden document is answered with %v", err)
	}
	for _, wrong := range []string{"", "wrong", first + "x"} {
		if _, err := p.askWith(t.Context(), wrong, budget); !isRefused(err, http.StatusUnauthorized) {
			t.Errorf("a token that the issuer has not signed is answered with %v", err)
		}
	}
	if _, err := p.signsIn(i, issuer.SecondName, strings.Repeat("x", 43)); !isRefused(err, http.StatusBadRequest) {
		t.Errorf("a code in the hands of another is answered with %v", err)
	}
}

const budget = "Which budget has the board approved for the new plant?"

// shows checks which documents the owner of a token sees.
func (p *pipeline) shows(token string, want ...string) {
	p.t.Helper()
	var page struct {
		Documents []struct {
			ID string `json:"document_id"`
		}
	}
	if err := p.callWith(p.t.Context(), token, http.MethodGet, "/v1/documents", nil, &page); err != nil {
		p.t.Fatal(err)
	}
	var got []string
	for _, d := range page.Documents {
		got = append(got, d.ID)
	}
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		p.t.Errorf("documents that are seen (-want +got):\n%s", diff)
	}
}
