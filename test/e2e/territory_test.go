//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	eventsv1 "k8s.io/api/events/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// An operator that is installed in a namespace for that one alone, and was there first, keeps it from the operator of
// the whole cluster, which says so and touches nothing. Only one of them makes the pipeline.
func TestAnOperatorOfOneNamespaceKeepsItFromThatOfAll(t *testing.T) {
	t.Parallel()
	n := newNamespace(t)
	narrow, now := n.name+"/narrow", metav1.NewMicroTime(time.Now())
	n.create(configMap("docs", valves(0, 3)), &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{Name: "ragpipeline-operator"},
		Spec:       coordinationv1.LeaseSpec{HolderIdentity: &narrow, AcquireTime: &now, RenewTime: &now, LeaseDurationSeconds: new(int32(180))},
	})
	colon := strings.LastIndex(operatorImage, ":")
	helm(t, "install", "narrow", chart, "--namespace", n.name, "--wait", "--timeout", "3m",
		"--set", "watchNamespaces={"+n.name+"},crds.install=false,rbac.userRoles=false,image.repository="+operatorImage[:colon]+",image.tag="+operatorImage[colon+1:])
	t.Cleanup(func() { helm(t, "uninstall", "narrow", "--namespace", n.name, "--wait") })

	p := n.pipeline(standIns("territory", "docs"))
	eventually(t, readyWithin, "the operator of all namespaces says that it stands back", func(ctx context.Context) error {
		var events eventsv1.EventList
		if err := api.List(ctx, &events, client.InNamespace(n.name)); err != nil {
			return err
		}
		for _, e := range events.Items {
			if e.Reason == "StoodBack" {
				return containsAll(e.Note, operatorNamespace+"/", narrow, "watchNamespaces")
			}
		}
		return fmt.Errorf("it is not among %d events", len(events.Items))
	})
	p.settled(readyWithin)
	p.answers("At how many bar does valve V2 open?", "3")

	var lease coordinationv1.Lease
	var policy networkingv1.NetworkPolicy
	for name, object := range map[string]client.Object{"ragpipeline-operator": &lease, p.names().Gateway(): &policy} {
		if err := api.Get(t.Context(), n.key(name), object); err != nil {
			t.Fatal(err)
		}
	}
	if *lease.Spec.HolderIdentity != narrow {
		t.Errorf("%s holds the Lease", *lease.Spec.HolderIdentity)
	}
	admitted := fmt.Sprint(policy.Spec.Ingress)
	if !strings.Contains(admitted, n.name) || strings.Contains(admitted, operatorNamespace) {
		t.Errorf("the policy of an operator that stands back is there: %s", admitted)
	}
}
