//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	"k8s.io/apimachinery/pkg/api/resource"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
)

const (
	mostGateways = 3
	// scalesWithin is what the autoscaler may take: the kubelet and metrics-server measure every 10 s, it looks every
	// 15 s, and it waits for half a minute before it lowers the number.
	scalesWithin = 4 * time.Minute
)

// A pipeline of two gateways is handed over to the autoscaler of docs/sizing.md. It goes on from two, follows the load of
// real questions up and down, and neither a question nor Ready notices; nothing else sets the number.
func TestGatewaysFollowAnAutoscalerByCPU(t *testing.T) {
	long(t)
	if os.Getenv("E2E_METRICS") == "" {
		t.Skip("E2E_METRICS is not set: nothing measures the CPU of pods")
	}
	t.Parallel()
	n := newNamespace(t)
	n.create(configMap("docs", valves(0, 300)))
	object := standIns("scaled", "docs")
	object.Spec.Gateway.Replicas = new(int32(2))
	object.Spec.Gateway.Resources = &v1alpha1.Resources{Requests: map[string]resource.Quantity{"cpu": resource.MustParse("100m")}}
	p := n.pipeline(object)
	p.settled(2 * readyWithin)
	eventually(t, readyWithin, "both gateways serve", p.gatewaysAre(2))

	begun, prober := time.Now(), p.probe("At how many bar does valve V7 open?")
	p.edit(func(s *v1alpha1.RAGPipelineSpec) { s.Gateway.Replicas = nil })
	p.settled(readyWithin)
	numbers := p.watchGateways()
	steadily(t, 10*time.Second, "the number that the spec set last", p.gatewaysAre(2))
	n.create(autoscaler(t, p))
	eventually(t, scalesWithin, "one gateway suffices for the prober", p.gatewaysAre(1))
	calmed := len(numbers())

	load := p.load("At how many bar does valve V77 open?", 8)
	eventually(t, scalesWithin, "the load needs as many as there may be", p.gatewaysAre(mostGateways))
	asked := load()
	risen := numbers()[calmed-1:]
	eventually(t, scalesWithin, "one suffices again", p.gatewaysAre(1))
	fallen := numbers()[calmed-1+len(risen)-1:]
	t.Logf("%d questions of the load were answered; the numbers of gateways were %v", asked, numbers())
	if !slices.IsSorted(risen) {
		t.Errorf("under load, the number went %v", risen)
	}
	if slices.Reverse(fallen); !slices.IsSorted(fallen) {
		t.Errorf("after the load, the number went, backwards, %v", fallen)
	}
	prober.end()
	prober.unfailing(t)
	prober.neverUnready(t, begun)
}

// autoscaler is that of the docs for a pipeline, with other bounds, and without the five minutes before it scales down.
func autoscaler(t *testing.T, p *pipeline) *autoscalingv2.HorizontalPodAutoscaler {
	t.Helper()
	page, err := os.ReadFile("../../docs/sizing.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, found := strings.Cut(string(page), "```yaml\napiVersion: autoscaling/v2\n")
	if !found {
		t.Fatal("docs/sizing.md has no autoscaler")
	}
	block, _, _ = strings.Cut("apiVersion: autoscaling/v2\n"+block, "```")
	object := new(autoscalingv2.HorizontalPodAutoscaler)
	if err := yaml.UnmarshalStrict([]byte(block), object); err != nil {
		t.Fatal(err)
	}
	object.Spec.ScaleTargetRef.Name = p.names().Gateway()
	object.Spec.MinReplicas, object.Spec.MaxReplicas = new(int32(1)), mostGateways
	object.Spec.Behavior = &autoscalingv2.HorizontalPodAutoscalerBehavior{
		ScaleDown: &autoscalingv2.HPAScalingRules{StabilizationWindowSeconds: new(int32(30))},
	}
	return object
}

// gatewaysAre objects to another number of gateways, wanted or serving.
func (p *pipeline) gatewaysAre(want int32) func(context.Context) error {
	return func(ctx context.Context) error {
		var d appsv1.Deployment
		if err := api.Get(ctx, p.key(p.names().Gateway()), &d); err != nil {
			return err
		}
		if *d.Spec.Replicas != want || d.Status.AvailableReplicas != want {
			return fmt.Errorf("%d gateways of %d serve", d.Status.AvailableReplicas, *d.Spec.Replicas)
		}
		return nil
	}
}

// watchGateways notes each number of gateways that the Deployment is given, until the test ends, and fails it if the
// status takes another number for work of the operator.
func (p *pipeline) watchGateways() (numbers func() []int32) {
	ctx, stop := context.WithCancel(p.t.Context())
	var (
		work sync.WaitGroup
		mu   sync.Mutex
		seen []int32
	)
	work.Go(func() {
		for ctx.Err() == nil {
			watcher, err := api.Watch(ctx, new(appsv1.DeploymentList), client.InNamespace(p.namespace.name),
				client.MatchingFields{"metadata.name": p.names().Gateway()})
			if err != nil {
				continue
			}
			for event := range watcher.ResultChan() {
				d, ok := event.Object.(*appsv1.Deployment)
				if !ok {
					continue
				}
				mu.Lock()
				if len(seen) == 0 || seen[len(seen)-1] != *d.Spec.Replicas {
					seen = append(seen, *d.Spec.Replicas)
				}
				mu.Unlock()
			}
		}
	})
	work.Go(func() {
		_ = await(ctx, time.Hour, func(ctx context.Context) error {
			object, err := p.read(ctx)
			if err == nil {
				err = isSettled(object)
			}
			if err != nil && ctx.Err() == nil {
				p.t.Errorf("while an autoscaler sets the number: %v", err)
				return nil
			}
			return errors.New("settled")
		})
	})
	p.t.Cleanup(func() {
		stop()
		work.Wait()
	})
	return func() []int32 {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(seen)
	}
}

// load has clients that ask one question after another, until its result is called: how many were answered. One that was
// not fails the test.
func (p *pipeline) load(question string, clients int) (answered func() int64) {
	ctx, stop := context.WithCancel(p.t.Context())
	var (
		work  sync.WaitGroup
		count atomic.Int64
	)
	for range clients {
		work.Go(func() {
			for ctx.Err() == nil {
				if _, err := p.ask(ctx, question); err == nil {
					count.Add(1)
				} else if ctx.Err() == nil {
					p.t.Errorf("a question of the load: %v", err)
					return
				}
			}
		})
	}
	p.t.Cleanup(func() {
		stop()
		work.Wait()
	})
	return func() int64 {
		stop()
		work.Wait()
		return count.Load()
	}
}
