//go:build e2e

package e2e

import (
	"context"
	"testing"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// outageFor is longer than Ready may take to follow.
const outageFor = readyFollows + 10*time.Second

func TestReadyFollowsWhatAClientSeesThroughEveryOutage(t *testing.T) {
	t.Parallel()
	n := newNamespace(t)
	p := n.pipeline(standIns("outage", n.documentsOf(turbine)))
	p.settled(readyWithin)
	prober := p.probe(howFast)
	for _, component := range []string{naming.ComponentWeaviate, naming.ComponentStandIn, naming.ComponentGateway} {
		p.suffers(prober, component)
	}
	prober.end()
	p.holdsOnce(1)
}

// suffers takes a component away for a while, and checks that Ready follows.
func (p *pipeline) suffers(prober *prober, component string) {
	p.t.Helper()
	calm.RLock() // the operator is needed in time
	defer calm.RUnlock()
	p.t.Logf("%s is down for %s", component, outageFor)
	since := time.Now()
	p.holdDown(component, outageFor)
	prober.follows(p.t, since, readyWithin)
	p.settled(readyWithin)
}

// holdDown kills every pod of a component as soon as it is there, for some time.
func (p *pipeline) holdDown(component string, during time.Duration) {
	p.t.Helper()
	steadily(p.t, during, "no pod of "+component, func(ctx context.Context) error {
		list, err := p.podsOf(ctx, component)
		if err != nil {
			return err
		}
		for i := range list {
			kill(p.t, &list[i])
		}
		return nil
	})
}
