package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"

	"k8s.io/streaming/pkg/httpstream"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/desired"
	"github.com/ragpipeline/ragpipeline/internal/keys"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// Forwarding is a port of this machine that leads to a gateway pod.
type Forwarding struct {
	URL  string
	Port int
	pod  types.NamespacedName
	// Ended receives why the forwarding ended: nil after Close, portforward.ErrLostConnectionToPod when the
	// pod is gone.
	Ended <-chan error
	close context.CancelFunc
}

// Close ends the forwarding.
func (f *Forwarding) Close() { f.close() }

// Forward leads a local port, 0 for any free one, to a gateway pod of the pipeline: to a ready one if there is
// one. It needs the rights to list pods and to create pods/portforward. Unlike the API server's proxy, a
// forwarded port leaves the caller's key in the request, streams, and passes network policies.
//
// log receives what goes wrong in single connections later.
func (c *Cluster) Forward(
	ctx context.Context, p *v1alpha1.RAGPipeline, port int, log *slog.Logger,
) (*Forwarding, error) {
	pod, err := c.gatewayPod(ctx, p)
	if err != nil {
		return nil, err
	}
	dialer, err := c.dialer(pod)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(logr.NewContext(ctx, logr.FromSlogHandler(log.Handler())))
	ready, ended := make(chan struct{}), make(chan error, 1)
	ports := []string{fmt.Sprintf("%d:%d", port, desired.GatewayPort)}
	forwarder, err := portforward.NewOnAddressesForStreamingWithContext(ctx, dialer, []string{"127.0.0.1"}, ports, ready,
		io.Discard, io.Discard)
	if err != nil {
		cancel()
		return nil, err
	}
	go func() { ended <- forwarder.ForwardPorts() }()
	select {
	case <-ready:
	case err := <-ended:
		cancel()
		return nil, c.refused(pod, port, err)
	}
	local, err := forwarder.GetPorts()
	if err != nil {
		cancel()
		return nil, err
	}
	port = int(local[0].Local)
	scheme := "http"
	if p.Spec.Gateway.TLS != nil {
		scheme = "https"
	}
	return &Forwarding{
		URL:   scheme + "://" + net.JoinHostPort("127.0.0.1", strconv.Itoa(port)),
		Port:  port,
		pod:   client.ObjectKeyFromObject(pod),
		Ended: ended,
		close: cancel,
	}, nil
}

// Leads reports whether the pod of a forwarding is there and not about to end. The forwarding itself notices that only
// when the next request fails. Where the user may not read the pod, it is taken to be there.
func (c *Cluster) Leads(ctx context.Context, f *Forwarding) bool {
	pod := new(corev1.Pod)
	err := c.Get(ctx, f.pod, pod)
	return err == nil && pod.DeletionTimestamp == nil || err != nil && !apierrors.IsNotFound(err)
}

// refused explains why a forwarding did not begin. The library keeps only the words of its causes.
func (c *Cluster) refused(pod *corev1.Pod, port int, err error) error {
	text := err.Error()
	switch {
	case strings.Contains(text, "forbidden"):
		return fmt.Errorf("forward a port to pod %s: you may not create pods/portforward in namespace %s; "+
			"reach the gateway by --url instead, or ask for that right: %w", pod.Name, pod.Namespace, err)
	case strings.Contains(text, "unable to listen"):
		return fmt.Errorf("port %d of this machine is in use: choose another by --port: %w", port, err)
	}
	return fmt.Errorf("forward a port to pod %s: %w", pod.Name, err)
}

// dialer tries a WebSocket, and SPDY where the server or a proxy before it does not know that.
func (c *Cluster) dialer(pod *corev1.Pod) (httpstream.Dialer, error) {
	core, err := typedcorev1.NewForConfig(c.rest)
	if err != nil {
		return nil, err
	}
	url := core.RESTClient().Post().Resource("pods").Namespace(pod.Namespace).Name(pod.Name).
		SubResource("portforward").URL()
	transport, upgrader, err := spdy.RoundTripperFor(c.rest)
	if err != nil {
		return nil, err
	}
	plain := spdy.NewDialerForStreaming(upgrader, &http.Client{Transport: transport}, http.MethodPost, url)
	tunnel, err := portforward.NewSPDYOverWebsocketDialerForStreaming(url, c.rest)
	if err != nil {
		return nil, err
	}
	return portforward.NewFallbackDialerForStreaming(tunnel, plain, func(err error) bool {
		return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
	}), nil
}

func (c *Cluster) gatewayPod(ctx context.Context, p *v1alpha1.RAGPipeline) (*corev1.Pod, error) {
	pods, err := c.pods(ctx, p, naming.ComponentGateway)
	if err != nil {
		return nil, err
	}
	pods = slices.DeleteFunc(pods, func(pod corev1.Pod) bool {
		return pod.DeletionTimestamp != nil || pod.Status.Phase != corev1.PodRunning
	})
	if at := slices.IndexFunc(pods, isReady); at >= 0 {
		return &pods[at], nil
	}
	if len(pods) > 0 {
		return &pods[0], nil
	}
	return nil, fmt.Errorf("no gateway pod of %s/%s runs: see what the pipeline waits for by `ragpipeline status %[2]s`",
		p.Namespace, p.Name)
}

func isReady(pod corev1.Pod) bool {
	return slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

// pods are the pipeline's pods of a component, of all components if it is empty, by name.
func (c *Cluster) pods(ctx context.Context, p *v1alpha1.RAGPipeline, component string) ([]corev1.Pod, error) {
	labels := client.MatchingLabels{naming.LabelPipeline: p.Name}
	if component != "" {
		labels[naming.LabelComponent] = component
	}
	var list corev1.PodList
	if err := c.List(ctx, &list, client.InNamespace(p.Namespace), labels); err != nil {
		return nil, fmt.Errorf("list the pods of %s/%s: %w", p.Namespace, p.Name, err)
	}
	slices.SortFunc(list.Items, func(a, b corev1.Pod) int { return strings.Compare(a.Name, b.Name) })
	return list.Items, nil
}

// ErrNoKey means that the user has no right to read the Secret with the clients' keys, or that it has none.
var ErrNoKey = errors.New("give a key by --key-file, or in the environment variable RAGPIPELINE_API_KEY")

// Key returns the first key, by the names of the clients, of the Secret that the pipeline names; empty if the
// gateway asks for none.
func (c *Cluster) Key(ctx context.Context, p *v1alpha1.RAGPipeline) (string, error) {
	name := KeySecret(p)
	if name == "" {
		return "", nil
	}
	var secret corev1.Secret
	switch err := c.Get(ctx, client.ObjectKey{Namespace: p.Namespace, Name: name}, &secret); {
	case apierrors.IsForbidden(err):
		return "", fmt.Errorf("you may not read Secret %s/%s, which has the gateway's keys: %w", p.Namespace, name, ErrNoKey)
	case err != nil:
		return "", fmt.Errorf("read the gateway's keys: %w", err)
	}
	clients := make([]string, 0, len(secret.Data))
	for client := range secret.Data {
		clients = append(clients, client)
	}
	slices.Sort(clients)
	for _, client := range clients {
		if c := keys.ParseClient(string(secret.Data[client])); c.Err == nil && c.Token != "" {
			return c.Token, nil
		}
	}
	return "", fmt.Errorf("the gateway's Secret %s/%s has no key: %w", p.Namespace, name, ErrNoKey)
}

// KeySecret is the name of the Secret with the gateway's keys; empty if the gateway asks for none.
func KeySecret(p *v1alpha1.RAGPipeline) string {
	switch auth := p.Spec.Gateway.Auth; {
	case auth == nil:
		return naming.For(p).GatewayKey()
	case auth.Anonymous != nil, auth.OIDC != nil:
		return ""
	default:
		return string(auth.SecretName)
	}
}
