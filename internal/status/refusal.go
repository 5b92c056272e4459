package status

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
)

// fault is why the component's pods do not serve: the API server refuses them, or one of them has a fault.
func (c *Component) fault(s subject) (finding, bool) {
	if c.Refused != "" {
		return refusal(s, c.Refused), true
	}
	return podFault(s, c.Pods)
}

// fault is why the run's pods do not run.
func (r *Run) fault(s subject) (finding, bool) {
	if r.Refused != "" {
		return refusal(s, r.Refused), true
	}
	return podFault(s, r.Pods)
}

// generated matches what differs from one attempt to the next: the names of pods, and the controller's words before
// them.
var generated = regexp.MustCompile(`^(Error creating: |create Pod \S+ in StatefulSet \S+ failed error: )?` +
	`(pods "[^"]*" is forbidden: |Pod "[^"]*" is invalid: )?`)

// refusals are the remedies for what the API server says of a pod that it refuses. They name only fields that the
// subject has.
var refusals = []struct {
	says   *regexp.Regexp
	remedy func(subject) string
}{
	{regexp.MustCompile(`failed quota: \S+: must specify`), func(s subject) string {
		if s.memory == "" {
			return "set defaults for them by a LimitRange, which the ResourceQuota needs"
		}
		return "set them in " + s.resources() + ", which the ResourceQuota asks for"
	}},
	{regexp.MustCompile(`exceeded quota`), func(s subject) string {
		if s.memory == "" {
			return "raise the ResourceQuota"
		}
		return "raise the ResourceQuota, or lower " + s.resources()
	}},
	{regexp.MustCompile(`(maximum|minimum) .* usage per|max limit to request ratio`), func(s subject) string {
		if s.memory == "" {
			return "change the namespace's LimitRange"
		}
		return "set " + s.resources() + " to what the namespace's LimitRange allows"
	}},
	{regexp.MustCompile(`security context constraint`),
		always("set spec.pods.user to Cluster, so that the cluster chooses the user")},
	{regexp.MustCompile(`violates PodSecurity`),
		always("relax the namespace's label pod-security.kubernetes.io/enforce, or correct spec.pods.user")},
	{regexp.MustCompile(`no PriorityClass with name`), func(s subject) string {
		if s.isNIM() {
			return "create the PriorityClass, or correct " + s.field + ".priorityClassName or that of spec.pods"
		}
		return "create the PriorityClass, or correct spec.pods.priorityClassName"
	}},
	{regexp.MustCompile(`RuntimeClass .*not found`), func(s subject) string {
		return "create the RuntimeClass, or correct " + s.field + ".runtimeClassName" // only a NIM can name one
	}},
	{regexp.MustCompile(`service ?account`),
		always("create the service account, or correct spec.pods.serviceAccountName")},
	{policy,
		always("give the pods what the policy asks for by spec.pods, or exempt the namespace")},
	{webhookFails, always("repair the webhook, or exempt the namespace")},
}

// policy matches the words of a policy, or of a webhook, that refuses an object.
var policy = regexp.MustCompile(`ValidatingAdmissionPolicy|denied the request`)

// webhookFails matches the API server's words of a webhook that does not answer.
var webhookFails = regexp.MustCompile(`failed calling webhook`)

func always(remedy string) func(subject) string { return func(subject) string { return remedy } }

// resources is the field of the subject's resources; only a subject with a field of its memory has one.
func (s subject) resources() string { return strings.TrimSuffix(s.memory, ".limits.memory") }

func (s subject) isNIM() bool { return strings.HasSuffix(s.field, ".nim") }

// refusal is the finding that the API server, or an admission policy of the cluster, refuses the subject's pods.
func refusal(s subject, message string) finding {
	message = clean(message)
	cause := cut(message[len(generated.FindString(message)):], maxMessage/2)
	remedy := "see " + s.describe() + ", and the rules of the namespace"
	for _, r := range refusals {
		if r.says.MatchString(message) {
			remedy = r.remedy(s)
			break
		}
	}
	return bad(fault, v1alpha1.ReasonPodsRefused,
		fmt.Sprintf("the cluster refuses the pods of %s: %s; %s", s.title, cause, remedy))
}

// finding is about an error that ended a pass.
func (p *Problem) finding() finding {
	if p.Reason != v1alpha1.ReasonApplyFailed {
		return bad(p.weight(), reasonOf(config.Failure(p.Reason)), clean(p.Message))
	}
	message, remedy := clean(strings.ReplaceAll(p.Message, "\n", "; ")), "the operator tries again by itself"
	switch {
	case p.Terminal:
		remedy = "change the field of the spec that this follows from"
	case strings.Contains(message, "exceeded quota"), strings.Contains(message, "failed quota"):
		remedy = "raise the ResourceQuota, or free what it counts (kubectl describe resourcequota); " + remedy
	case policy.MatchString(message):
		remedy = "change the policy, or exempt the namespace; " + remedy
	case webhookFails.MatchString(message):
		remedy = "repair the webhook, or exempt the namespace; " + remedy
	}
	return bad(p.weight(), p.Reason, cut(message, maxMessage*3/4)+"; "+remedy)
}

func (p *Problem) weight() weight {
	if p.Terminal {
		return terminal
	}
	return fault
}
