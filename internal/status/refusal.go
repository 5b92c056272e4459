package status

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/naming"
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

// generated matches what differs from one attempt to the next: the names of pods and claims, and the controller's words
// before them.
var generated = regexp.MustCompile(`^(Error creating: |[Cc]reate (Pod|Claim) .*? failed error: )?` +
	`(failed to create PVC \S+: )?` +
	`((pods|persistentvolumeclaims) "[^"]*" is forbidden: |Pod "[^"]*" is invalid: )?`)

// namesOfPods matches the name of a pod in an admission webhook's words.
var namesOfPods = regexp.MustCompile(`Pod/\S+`)

// refusals are the remedies for what the API server says of a pod that it refuses. They name only fields that the
// subject has.
var refusals = []struct {
	says   *regexp.Regexp
	remedy func(s subject, message string) string
}{
	{regexp.MustCompile(`failed quota: \S+: must specify`), func(s subject, message string) string {
		if s.memory == "" || ofSidecar.MatchString(message) {
			return "set defaults for them by a LimitRange, which the ResourceQuota needs"
		}
		return "set them in " + s.resources() + ", which the ResourceQuota asks for"
	}},
	{regexp.MustCompile(`exceeded quota`), quotaRemedy},
	{regexp.MustCompile(`usage per PersistentVolumeClaim`), func(s subject, _ string) string {
		return "set " + s.volumeSize() + " to what the namespace's LimitRange allows"
	}},
	{regexp.MustCompile(`(maximum|minimum) .* usage per|max limit to request ratio`), func(s subject, _ string) string {
		if s.memory == "" {
			return "change the namespace's LimitRange"
		}
		return "set " + s.resources() + " to what the namespace's LimitRange allows"
	}},
	{regexp.MustCompile(`must be less than or equal to \S+ limit`), func(s subject, _ string) string {
		const cause = "the namespace's LimitRange sets a limit below what is requested: "
		if s.memory == "" {
			return cause + "raise its default"
		}
		return cause + "set both in " + s.resources()
	}},
	{regexp.MustCompile(`security context constraint`),
		always("set spec.pods.user to Cluster, so that the cluster chooses the user")},
	{regexp.MustCompile(`violates PodSecurity`),
		always("relax the namespace's label pod-security.kubernetes.io/enforce, or correct spec.pods.user")},
	{regexp.MustCompile(`no PriorityClass with name`), func(s subject, _ string) string {
		return "create the PriorityClass, or correct " + cmp.Or(s.priorityClass, s.podField("priorityClassName",
			func(p v1alpha1.Pod) v1alpha1.ObjectName { return p.PriorityClassName }))
	}},
	{regexp.MustCompile(`RuntimeClass .*not found`), func(s subject, _ string) string {
		return "create the RuntimeClass, or correct " + s.field + ".runtimeClassName" // only a NIM can name one
	}},
	{regexp.MustCompile(`looking up service ?account|serviceaccount "[^"]*" not found`), func(s subject, _ string) string {
		return "create the service account, or correct " + s.podField("serviceAccountName",
			func(p v1alpha1.Pod) v1alpha1.ObjectName { return p.ServiceAccountName })
	}},
	{policy, policyRemedy},
	{webhookFails, always(repairWebhook)},
}

var (
	ofSidecar   = regexp.MustCompile(`for: ` + naming.TLSContainer + `\b`)
	ofClaims    = regexp.MustCompile(`requested: (\S+,)?(count/)?persistentvolumeclaims`)
	ofStorage   = regexp.MustCompile(`requested: (\S+,)?\S*requests\.storage`)
	ofDevices   = regexp.MustCompile(`requested: (\S+,)?(requests|limits)\.[a-z0-9.-]+/`)
	ofPodsAlone = regexp.MustCompile(`requested: (count/)?pods=\d+, used`)
)

func quotaRemedy(s subject, message string) string {
	const raise = "raise the ResourceQuota"
	switch {
	case ofStorage.MatchString(message) && s.storageClass != "":
		return raise + ", or lower " + s.volumeSize()
	case ofStorage.MatchString(message), ofClaims.MatchString(message):
		return raise + ", or delete claims that nobody uses"
	case ofDevices.MatchString(message) && s.isNIM():
		return raise + ", or lower " + s.field + ".gpu"
	case ofPodsAlone.MatchString(message), s.memory == "":
		return raise
	}
	return raise + ", or lower " + s.resources()
}

var (
	aboutImages    = regexp.MustCompile(`(?i)\b(image|images|registry|registries|repo|repos|tag|latest|digest)\b`)
	aboutUsers     = regexp.MustCompile(`(?i)\b(runAsUser|runAsGroup|fsGroup|supplementalGroups)\b`)
	aboutResources = regexp.MustCompile(`(?i)\b(limits|requests|resources|cpu|memory)\b`)
)

// policyRemedy guesses from a policy's own words which field it is about.
func policyRemedy(s subject, message string) string {
	_, said, _ := strings.Cut(message, "denied")
	switch {
	case aboutUsers.MatchString(said):
		return "set spec.pods.user to Cluster, so that the cluster chooses the user, or exempt the namespace"
	case aboutImages.MatchString(said) && s.image != "":
		return "name an image that the policy admits (" + s.image + "), or exempt the namespace"
	case aboutImages.MatchString(said):
		return "install the operator with an image that the policy admits (image.repository or imageRegistry of its chart)" +
			", or exempt the namespace"
	case aboutResources.MatchString(said) && s.memory != "":
		return "set " + s.resources() + " as the policy asks, or exempt the namespace"
	}
	return "give the pods what the policy asks for by spec.pods, or exempt the namespace"
}

// policy matches the words of a policy, or of a webhook, that refuses an object.
var policy = regexp.MustCompile(`ValidatingAdmissionPolicy|denied the request`)

// webhookFails matches the API server's words of a webhook that does not answer.
var webhookFails = regexp.MustCompile(`failed calling webhook`)

const repairWebhook = "repair the webhook " +
	"(kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations), or exempt the namespace"

func always(remedy string) func(subject, string) string {
	return func(subject, string) string { return remedy }
}

// resources is the field of the subject's resources; only a subject with a field of its memory has one.
func (s subject) resources() string { return strings.TrimSuffix(s.memory, ".limits.memory") }

// volumeSize is the field of the size of the subject's volume; only one with a field of its storage class has it.
func (s subject) volumeSize() string {
	return strings.TrimSuffix(s.storageClass, "storageClassName") + "size"
}

// podField is the field that gives the subject's pods a value, of those that may: the component's own, that of all
// pods, or that of the operator's installation.
func (s subject) podField(name string, of func(v1alpha1.Pod) v1alpha1.ObjectName) string {
	if s.pods != nil {
		for i, own := range s.pods.Components {
			component := strings.ToLower(string(own.Component))
			if component == strings.ReplaceAll(s.podLabel, "-", "") && of(own.Pod) != "" {
				return fmt.Sprintf("spec.pods.components[%d].%s", i, name)
			}
		}
		if of(s.pods.Pod) != "" {
			return "spec.pods." + name
		}
	}
	return "operands.pods." + name + " of the operator's chart"
}

func (s subject) isNIM() bool { return strings.HasSuffix(s.field, ".nim") }

// refusal is the finding that the API server, or an admission policy of the cluster, refuses the subject's pods.
func refusal(s subject, message string) finding {
	message = clean(message)
	cause := namesOfPods.ReplaceAllString(message[len(generated.FindString(message)):], "Pod")
	cause = cut(cause, maxMessage/2)
	remedy := "see " + s.describe() + ", and the rules of the namespace"
	for _, r := range refusals {
		if r.says.MatchString(message) {
			remedy = r.remedy(s, message)
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
		remedy = repairWebhook + "; " + remedy
	}
	return bad(p.weight(), p.Reason, cut(message, maxMessage*3/4)+"; "+remedy)
}

func (p *Problem) weight() weight {
	if p.Terminal {
		return terminal
	}
	return fault
}
