package status

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

const extractionField = "spec.extraction.server"

func extractionSubject(p *v1alpha1.RAGPipeline) subject {
	const field = extractionField + ".tika"
	return subject{
		title: "the extraction server", podLabel: naming.ComponentExtraction, pipeline: p.Name, field: field,
		pods:   p.Spec.Pods,
		image:  field + ".image",
		memory: field + ".resources.limits.memory",
	}
}

// extractionInput takes the state of the server from the active run: nothing else asks it.
func (v *view) extractionInput(r rule) input {
	in := v.input(r, extractionSubject(v.p))
	if v.p.Spec.Extraction.Server.Tika != nil {
		in.workload = new(v.Components[naming.ComponentExtraction])
	}
	in.reported = v.Run.reported(r.stage)
	in.index = v.index
	return in
}

// extractionChecks decide on the extraction server. Between runs, the condition of one that the
// operator does not run is what the last run found.
var extractionChecks = chain{
	workloadDown,
	reportedFailing,
	reportedHealthy,
	referenceMissing,
	workloadReady,
	lastUsed,
	documentsWait,
	notUsed,
}

// lastUsed keeps what a run has found of the server.
func lastUsed(in input) (finding, bool) {
	c := in.last
	if c == nil || !in.lastIsCurrent || isNotFound(c.Reason) || c.Reason == v1alpha1.ReasonNotUsed {
		return finding{}, false
	}
	switch c.Status {
	case metav1.ConditionTrue:
		return ok(c.Reason, c.Message), true
	case metav1.ConditionFalse:
		return bad(fault, c.Reason, c.Message), true
	}
	return finding{}, false
}

// documentsWait applies if the last run left documents to the next one, and ended before the
// operator saw why.
func documentsWait(in input) (finding, bool) {
	if in.index == nil {
		return finding{}, false
	}
	waiting := counted(in.index.FailureReasons, string(config.ServerFailed)) +
		counted(in.index.WarningReasons, string(config.PagesWaiting))
	message := fmt.Sprintf("the last run could not use the extraction server for %d documents, and the next run tries "+
		"them again; check %s", waiting, extractionField)
	return bad(fault, v1alpha1.ReasonStageFailed, message), waiting > 0
}

// counted is the number of documents with the reason.
func counted(reasons []v1alpha1.ReasonCount, reason string) int64 {
	for _, r := range reasons {
		if r.Reason == reason {
			return r.Documents
		}
	}
	return 0
}

func notUsed(in input) (finding, bool) {
	message := in.subject.title + " has not been used yet: no document has needed it"
	return unknown(fine, v1alpha1.ReasonNotUsed, message), true
}

// extractionFields says which fields of the spec to check for a failure of the extraction server.
func extractionFields(p *v1alpha1.RAGPipeline, failure config.Failure) string {
	endpoint := p.Spec.Extraction.Server.Endpoint
	switch {
	case endpoint == nil && failure == config.ModelTimedOut:
		return "give it more CPU (" + extractionField + ".tika.resources), or raise .tika.replicas"
	case endpoint == nil:
		return "see its log (" + extractionSubject(p).logs() + "), and check " + extractionField + ".tika"
	case failure == config.ModelNotFound:
		return fmt.Sprintf("correct %s.endpoint.url (%s) or .protocol (%s)", extractionField, endpoint.URL, endpoint.Protocol)
	}
	model := v1alpha1.Endpoint{URL: endpoint.URL, SecretRef: endpoint.SecretRef}
	return endpointFields(&model, extractionField+".endpoint", failure)
}
