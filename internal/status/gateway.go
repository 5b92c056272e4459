package status

import (
	"fmt"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/desired/naming"
)

// gateway decides on GatewayReady.
func (v *view) gateway() finding {
	s := &stage{view: v, subject: gatewaySubject(v.p), component: v.Components[naming.ComponentGateway], runs: true, refers: naming.ComponentGateway}
	return decide(
		s.lacking, // without the Secret of its callers it lets nobody in
		func() (finding, bool) { return s.good("the gateway takes questions"), len(v.answering) > 0 },
		func() (finding, bool) {
			return unknown(progress, v1alpha1.ReasonGatewayUnreadable, fmt.Sprintf(
				"the gateway runs, but the operator cannot read its report: check that network policies let it reach port %d (%s)", config.OpsPort, s.logs())).within(patience), v.blind()
		},
		func() (finding, bool) { return podFault(s.subject, s.component.Pods) },
		func() (finding, bool) {
			return bad(waiting, v1alpha1.ReasonWaitingForIndex, "the gateway takes questions once the first index is built").forever(), v.Live == "" && s.component.Exists
		},
		func() (finding, bool) {
			f := bad(progress, v1alpha1.ReasonGatewayNotReady, "the gateway runs, and takes questions after one search has succeeded")
			f.late = "the gateway runs, but has not answered one search within " + short(patience) + ": its log says why (" + s.logs() + ")"
			return f, len(v.starting) > 0
		},
		func() (finding, bool) { return s.beginning(), true },
	)
}
