package status

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// podFault is the cause for which a pod of the subject does not serve. If several pods have causes,
// it is the same one on every pass, whatever the order of the pods.
func podFault(s subject, pods []corev1.Pod) (worst finding, found bool) {
	for i := range pods {
		if pods[i].DeletionTimestamp != nil {
			continue
		}
		f, has := faultOf(s, &pods[i])
		if !has {
			continue
		}
		if !found || cmp.Or(cmp.Compare(f.reason, worst.reason), cmp.Compare(f.message, worst.message)) < 0 {
			worst, found = f, true
		}
	}
	return worst.within(s.timeout), found
}

func faultOf(s subject, pod *corev1.Pod) (finding, bool) {
	if f, found := programOverSize(s, pod); found {
		return f, true
	}
	if pod.Status.Reason == "Evicted" {
		return eviction(s, pod.Status.Message), true
	}
	if f, found := unschedulable(s, pod); found {
		return f, true
	}
	for _, statuses := range [][]corev1.ContainerStatus{pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses} {
		for i := range statuses {
			about := s
			if program, ok := s.programs[statuses[i].Name]; ok {
				about = program
			} else if statuses[i].Name == naming.TLSContainer {
				about = s.terminator()
			}
			if f, found := containerFault(about, pod, &statuses[i]); found {
				return f, true
			}
		}
	}
	return finding{}, false
}

var lowOn = regexp.MustCompile(`low on resource: ([\w.-]+[\w])`)

// eviction names the resource that the node ran low on, given the kubelet's message.
func eviction(s subject, message string) finding {
	resource, request := "resources", ""
	if m := lowOn.FindStringSubmatch(message); m != nil {
		resource = m[1]
		if resource != "pids" { // which nobody can request
			request = "." + resource
		}
	}
	return bad(fault, v1alpha1.ReasonEvicted, fmt.Sprintf(
		"%s was evicted because its node ran low on %s; set %s.resources.requests%s to what it needs",
		s.title, resource, s.field, request))
}

var overSize = regexp.MustCompile(`EmptyDir volume "([^"]+)" exceeds the limit`)

// programOverSize is the fault of a pod of which a source's program has written more than it may.
func programOverSize(s subject, pod *corev1.Pod) (finding, bool) {
	m := overSize.FindStringSubmatch(pod.Status.Message)
	if pod.Status.Reason != "Evicted" || m == nil {
		return finding{}, false
	}
	program, found := s.programs[m[1]]
	return bad(fault, v1alpha1.ReasonSourcesIncomplete, fmt.Sprintf(
		"%s wrote more than %s.size allows; raise it, or fetch fewer files", program.title, program.field)), found
}

// containerFault is why a container does not run. A container that has ended counts as crashing
// until its pod is ready, so that the message does not change with every restart.
func containerFault(s subject, pod *corev1.Pod, c *corev1.ContainerStatus) (finding, bool) {
	if w := c.State.Waiting; w != nil {
		switch w.Reason {
		case "ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError",
			"RegistryUnavailable":
			return imageFault(s, pod, c), true
		case "CreateContainerConfigError", "CreateContainerError":
			return configFault(s, w.Message), true
		}
	}
	ended := cmp.Or(c.State.Terminated, c.LastTerminationState.Terminated)
	if ended != nil && (ended.ExitCode != 0 || c.RestartCount > 0) {
		return endFault(s, pod, c, ended), true
	}
	return finding{}, false
}

func imageFault(s subject, pod *corev1.Pod, c *corev1.ContainerStatus) finding {
	image := c.Image
	if spec := containerOf(pod, c.Name); spec != nil {
		image = spec.Image
	}
	remedy := "it is the operator's own image, so check that this namespace can pull it"
	if s.image != "" {
		remedy = "check " + s.image
	}
	cause, words := "", namesOfImages.ReplaceAllString(c.State.Waiting.Message, " ")
	for _, known := range imageCauses {
		if known.says.MatchString(words) {
			cause = ": " + known.means
			break
		}
	}
	return bad(fault, v1alpha1.ReasonImagePullFailed,
		fmt.Sprintf("the image %s of %s cannot be pulled%s; %s; for the registry's words see %s",
			image, s.title, cause, remedy, s.describe()))
}

// namesOfImages matches those, and those of servers, in a container runtime's words: they could look like a cause.
var namesOfImages = regexp.MustCompile(`"[^"]*"|\S+/\S+`)

// imageCauses say what the words of container runtimes and registries mean, which are long and name addresses.
var imageCauses = []struct {
	says  *regexp.Regexp
	means string
}{
	{regexp.MustCompile(`(?i)x509|certificate`), "the node does not trust the registry's certificate"},
	{regexp.MustCompile(`(?i)toomanyrequests|too many requests|\b429\b|rate limit`),
		"the registry limits how often it is asked"},
	{regexp.MustCompile(`(?i)unauthorized|forbidden|access denied|authorization failed|no basic auth|\b40[13]\b`),
		"the registry refuses access, or has no such image"},
	{regexp.MustCompile(`(?i)no match for platform|exec format`), "it is not built for the node's architecture"},
	{regexp.MustCompile(`(?i)not found|manifest unknown|name unknown|\b404\b`), "the registry has no such image"},
	{regexp.MustCompile(`(?i)no such host|dial tcp|timeout|connection refused|deadline exceeded`),
		"the node does not reach the registry"},
	{regexp.MustCompile(`(?i)no space left`), "the node's disk is full"},
}

var (
	missingSecret = regexp.MustCompile(`secret "([^"]+)" not found`)
	missingKey    = regexp.MustCompile(`couldn't find key (\S+) in Secret (?:[^/\s]+/)?(\S+)`)
)

// configFault is what a container's configuration lacks, given the kubelet's message.
func configFault(s subject, message string) finding {
	if m := missingSecret.FindStringSubmatch(message); m != nil {
		return bad(fault, v1alpha1.ReasonSecretNotFound, fmt.Sprintf(
			"%s needs Secret %q, which does not exist; create it, or correct the reference under %s",
			s.title, m[1], s.field))
	}
	if m := missingKey.FindStringSubmatch(message); m != nil {
		return bad(fault, v1alpha1.ReasonSecretKeyNotFound, fmt.Sprintf(
			"%s needs the key %q, which Secret %q does not have; add it, or correct the reference under %s",
			s.title, m[1], m[2], s.field))
	}
	return bad(fault, v1alpha1.ReasonCreateContainerConfigError, fmt.Sprintf(
		"the container of %s cannot be created: %s; check %s", s.title, clean(message), s.field))
}

func endFault(s subject, pod *corev1.Pod, c *corev1.ContainerStatus, ended *corev1.ContainerStateTerminated) finding {
	if ended.Reason == "OOMKilled" {
		return memoryFault(s, pod, c)
	}
	if s.program != "" {
		return bad(fault, v1alpha1.ReasonSourcesIncomplete, fmt.Sprintf(
			"%s ended with exit code %d, and nothing was ingested; see its log (%s), and set %s.command so that the other "+
				"sources go on", s.title, ended.ExitCode, s.logs(), s.field))
	}
	if s.certificate != "" && ended.Message != "" { // a gateway leaves one over its certificate alone
		return bad(fault, v1alpha1.ReasonCertificateUnusable, fmt.Sprintf(
			"%s cannot use Secret %q of %s.tls: %s; correct the Secret, and the gateway's next start, within minutes, reads it",
			s.title, s.certificate, s.field, clean(ended.Message)))
	}
	lasted := ended.FinishedAt.Sub(ended.StartedAt.Time)
	if s.timeout > 0 && ended.ExitCode > 128 && lasted >= s.timeout {
		// The kubelet killed the container because it did not become ready in time.
		return bad(fault, v1alpha1.ReasonStartupTimedOut, s.tooSlow())
	}
	message := fmt.Sprintf("%s keeps crashing (last exit code %d); see its log (%s --previous)",
		s.title, ended.ExitCode, s.logs())
	if s.claim != "" {
		message += ", and whether the claim that " + s.claim + " names holds its model: the pods cannot write to it"
	}
	return bad(fault, v1alpha1.ReasonCrashLoopBackOff, message)
}

func memoryFault(s subject, pod *corev1.Pod, c *corev1.ContainerStatus) finding {
	limit := ""
	if spec := containerOf(pod, c.Name); spec != nil {
		if q, limited := spec.Resources.Limits[corev1.ResourceMemory]; limited {
			limit = " of " + q.String()
		}
	}
	remedy := "give the node more memory"
	switch {
	case s.memory != "":
		remedy = "raise " + s.memory
	case s.sidecar != "":
		remedy = "the operator sets that limit, for thousands of connections: see who opens so many (" + s.logs() +
			" --previous)"
	case limit != "":
		remedy = "the spec has no field for that limit; use a model of your own"
	}
	return bad(fault, v1alpha1.ReasonOutOfMemory,
		fmt.Sprintf("%s was killed at its memory limit%s; %s", s.title, limit, remedy))
}

// tooSlow is the message about a model that did not start in time.
func (s subject) tooSlow() string {
	return fmt.Sprintf("%s did not start within %s; see its log for its progress (%s), and raise %s.startupTimeout "+
		"if it only needs more time", s.title, short(s.timeout), s.logs(), s.field)
}

func containerOf(pod *corev1.Pod, name string) *corev1.Container {
	for _, list := range [][]corev1.Container{pod.Spec.Containers, pod.Spec.InitContainers} {
		for i := range list {
			if list[i].Name == name {
				return &list[i]
			}
		}
	}
	return nil
}

// unschedulable is what a pod waits for if the scheduler finds no node for it.
func unschedulable(s subject, pod *corev1.Pod) (finding, bool) {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse && c.Reason == corev1.PodReasonUnschedulable {
			return scheduleFault(s, pod, c.Message), true
		}
	}
	return finding{}, false
}

func scheduleFault(s subject, pod *corev1.Pod, message string) finding {
	lower := strings.ToLower(message)
	for _, about := range []string{"persistentvolumeclaim", "persistent volumes to bind", "volume node affinity"} {
		if strings.Contains(lower, about) {
			return volumeFault(s)
		}
	}
	reasons := schedulerReasons(message)
	nodes := nodes(message, strings.Join(reasons, ", "))
	for _, r := range reasons {
		if name := extendedResource(r); name != "" {
			return gpuFault(s, pod, name, nodes)
		}
	}
	return bad(fault, v1alpha1.ReasonUnschedulable, fmt.Sprintf(
		"no node fits %s%s; add a node, lower %s.resources.requests, or change %s.scheduling",
		s.title, nodes, s.field, s.field))
}

func gpuFault(s subject, pod *corev1.Pod, name, nodes string) finding {
	count := int64(1)
	for i := range pod.Spec.Containers {
		if q, has := pod.Spec.Containers[i].Resources.Limits[corev1.ResourceName(name)]; has {
			count = q.Value()
			break
		}
	}
	return bad(fault, v1alpha1.ReasonInsufficientGPU, fmt.Sprintf(
		"%s is waiting for %d %s, which no node has free%s; free or add GPUs, or change %s.gpu",
		s.title, count, name, nodes, s.field))
}

func volumeFault(s subject) finding {
	remedy := "check the claims that it mounts"
	switch {
	case s.claim != "":
		remedy = "see why the claim that " + s.claim + " names is not bound, or name another one"
	case s.storageClass != "":
		remedy = "set " + s.storageClass + " to a StorageClass that can provide volumes, or repair the default one"
	}
	return bad(fault, v1alpha1.ReasonVolumeNotBound, fmt.Sprintf(
		"%s is waiting for a volume that is not bound; %s (kubectl get storageclass,pvc)", s.title, remedy))
}

var scheduler = regexp.MustCompile(`^\d+/(\d+) nodes are available: (.+)$`)

// schedulerReasons extracts the scheduler's counted reasons from its message, sorted: "0/3 nodes
// are available: 1 Insufficient cpu, 2 node(s) had untolerated taint {a: b}. preemption: ...".
func schedulerReasons(message string) []string {
	m := scheduler.FindStringSubmatch(firstLine(message))
	if m == nil {
		return nil
	}
	counted, _, _ := strings.Cut(m[2]+" ", ". ")
	reasons := strings.Split(strings.TrimSpace(counted), ", ")
	for i, r := range reasons {
		reasons[i] = clean(strings.ReplaceAll(strings.TrimSuffix(r, "."), "Insufficient ", "insufficient "))
	}
	slices.Sort(reasons)
	return reasons
}

// nodes is a note on how many nodes the scheduler has tried and why none fits, in parentheses.
func nodes(message, why string) string {
	m := scheduler.FindStringSubmatch(firstLine(message))
	if m == nil {
		return ""
	}
	word := "nodes"
	if m[1] == "1" {
		word = "node"
	}
	return fmt.Sprintf(" (%s %s: %s)", m[1], word, why)
}

// extendedResource is the resource that a scheduler's reason finds insufficient, if its name has a
// domain, as that of a device plugin has; empty otherwise.
func extendedResource(reason string) string {
	if _, name, found := strings.Cut(reason, "insufficient "); found && strings.Contains(name, "/") {
		return name
	}
	return ""
}
