//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// On a cluster that enforces NetworkPolicies, a pipeline works, and its pods accept connections from nobody else. With
// egress Restricted, they also open none but those that they need.
func TestPoliciesAreEnforced(t *testing.T) {
	t.Parallel()
	long(t)
	if os.Getenv("E2E_POLICIES") == "" {
		t.Skip("E2E_POLICIES is not set: nothing enforces NetworkPolicies")
	}
	n, elsewhere := newNamespace(t), newNamespace(t)
	n.enforced()
	n.create(configMap("docs", valves(0, 5)))
	object := standIns("closed", "docs")
	object.Spec.Models.Reranking = reranker(t, nil, "")
	p := n.pipeline(object)
	stranger, monitor := n.host("stranger").onlyPod(), elsewhere.host("monitor").onlyPod()
	p.settled(2 * readyWithin)
	p.answers("At how many bar does valve V4 open?", "5")

	gateway, store, nim := p.pod(naming.ComponentGateway), p.pod(naming.ComponentWeaviate), p.pod(naming.ComponentReranking)
	models, operator := p.pod(naming.ComponentStandIn), operatorPod(t)
	const api, ops, http, grpc, model = 8080, config.OpsPort, 8080, 50051, 8000
	admitted(t, gateway, store, http, grpc)
	admitted(t, gateway, nim, model)
	admitted(t, gateway, stranger, model)
	admitted(t, stranger, gateway, api)
	admitted(t, operator, gateway, ops)
	cut(t, stranger, gateway, ops)
	cut(t, stranger, store, http, grpc)
	cut(t, stranger, nim, model)
	cut(t, stranger, models, model)
	cut(t, monitor, gateway, ops)
	elsewhere.label("metrics", "enabled")
	admitted(t, monitor, gateway, ops)
	cut(t, monitor, store, http)

	p.edit(func(s *v1alpha1.RAGPipelineSpec) { s.Network = &v1alpha1.Network{Egress: "Restricted"} })
	p.settled(readyWithin)
	gateway, store = p.pod(naming.ComponentGateway), p.pod(naming.ComponentWeaviate)
	cut(t, gateway, stranger, model)
	cut(t, store, stranger, model)
	cut(t, nim, stranger, model)
	admitted(t, gateway, store, http, grpc)
	admitted(t, gateway, nim, model)
	for _, pod := range []*corev1.Pod{gateway, store} {
		if err := within(pod, resolves); err != nil {
			t.Errorf("%s cannot resolve names: %v", pod.Name, err)
		}
	}
	n.document("crane.md", "# Crane\n\nThe crane of plant Merlin lifts 77 tons.\n")
	p.answers("How many tons does the crane of plant Merlin lift?", "77")
}

// enforced has the policies of the namespace enforced until the test ends. This machine must be the node.
func (n *namespace) enforced() {
	n.t.Helper()
	log, err := os.Create(filepath.Join(n.t.TempDir(), "policies.log"))
	if err != nil {
		n.t.Fatal(err)
	}
	enforcer := exec.Command("policies", "-kubeconfig", os.Getenv("KUBECONFIG"), "-namespace", n.name)
	enforcer.Stdout, enforcer.Stderr = log, log
	if err := enforcer.Start(); err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() {
		err := errors.Join(enforcer.Process.Signal(syscall.SIGTERM), enforcer.Wait(), log.Close())
		if err != nil || n.t.Failed() {
			said, _ := os.ReadFile(log.Name())
			n.t.Logf("the enforcer: %v\n%s", err, bounded(string(said), 4000))
		}
	})
}

// admitted waits until the pod can connect to these ports of the other.
func admitted(t *testing.T, from, to *corev1.Pod, ports ...int) {
	t.Helper()
	for _, port := range ports {
		eventually(t, time.Minute, fmt.Sprintf("%s connects to port %d of %s", from.Name, port, to.Name), func(ctx context.Context) error {
			return within(from, connects(ctx, to, port))
		})
	}
}

// cut waits until the pod cannot connect to these ports of the other, which somebody else can.
func cut(t *testing.T, from, to *corev1.Pod, ports ...int) {
	t.Helper()
	for _, port := range ports {
		eventually(t, time.Minute, fmt.Sprintf("%s does not connect to port %d of %s", from.Name, port, to.Name), func(ctx context.Context) error {
			connect := connects(ctx, to, port)
			if err := connect(); err != nil { // from the node, which every policy admits
				return fmt.Errorf("nothing listens: %w", err)
			}
			switch err := within(from, connect); {
			case err == nil:
				return errors.New("it connects")
			case !errors.Is(err, syscall.ECONNREFUSED) && !errors.Is(err, os.ErrDeadlineExceeded):
				return err
			}
			return nil
		})
	}
}

func connects(ctx context.Context, to *corev1.Pod, port int) func() error {
	return func() error {
		dialer := net.Dialer{Timeout: 2 * time.Second, FallbackDelay: -1}
		connection, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(to.Status.PodIP, fmt.Sprint(port)))
		if err != nil {
			return err
		}
		return connection.Close()
	}
}

// resolves asks the cluster's name server by UDP for a Service, from the network that it is called in.
func resolves() error {
	resolver := net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", "198.19.0.10:53")
	}}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_, err := resolver.LookupHost(ctx, "kubernetes.default.svc.cluster.local.")
	return err
}

// within calls a function in the network of a pod of this machine.
func within(pod *corev1.Pod, call func() error) error {
	network, err := networkOf(pod)
	if err != nil {
		return err
	}
	defer network.Close()
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with this function
		if err := unix.Setns(int(network.Fd()), unix.CLONE_NEWNET); err != nil {
			done <- fmt.Errorf("enter the network of %s: %w", pod.Name, err)
			return
		}
		done <- call()
	}()
	return <-done
}

// networkOf is the network namespace of the pod's processes, which are found by their cgroup.
func networkOf(pod *corev1.Pod) (*os.File, error) {
	processes, err := filepath.Glob("/proc/[0-9]*/cgroup")
	if err != nil {
		return nil, err
	}
	for _, process := range processes {
		if groups, err := os.ReadFile(process); err == nil && strings.Contains(string(groups), "/pod"+string(pod.UID)) {
			return os.Open(filepath.Join(filepath.Dir(process), "ns/net"))
		}
	}
	return nil, fmt.Errorf("pod %s has no process on this machine", pod.Name)
}

// onlyPod is the simulator's.
func (h *hosted) onlyPod() *corev1.Pod {
	h.t.Helper()
	list, err := h.pods(h.t.Context(), client.MatchingLabels{"app": h.name})
	if err != nil || len(list) != 1 {
		h.t.Fatalf("%d pods of %s: %v", len(list), h.name, err)
	}
	return &list[0]
}

func operatorPod(t *testing.T) *corev1.Pod {
	t.Helper()
	var list corev1.PodList
	if err := api.List(t.Context(), &list, client.InNamespace(operatorNamespace)); err != nil || len(list.Items) == 0 {
		t.Fatalf("%d pods of the operator: %v", len(list.Items), err)
	}
	return &list.Items[0]
}

func (n *namespace) label(name, value string) {
	n.t.Helper()
	object := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: n.name}}
	patch := fmt.Appendf(nil, `{"metadata": {"labels": {%q: %q}}}`, name, value)
	if err := api.Patch(n.t.Context(), object, client.RawPatch("application/merge-patch+json", patch)); err != nil {
		n.t.Fatal(err)
	}
}
