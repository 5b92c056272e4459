package desired

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// The rules of Pod Security's "restricted" level, and ours: no token, no environment of other
// Services, and for all but NIMs and the programs of sources a read-only image.
func TestEveryPodIsRestricted(t *testing.T) {
	pods := 0
	everyObject(t, func(t *testing.T, o object) {
		template := o.podTemplate(t)
		if template == nil {
			return
		}
		pods++
		spec, security := template.Spec, template.Spec.SecurityContext
		for rule, holds := range map[string]bool{
			"runs as a user that is not root": security != nil && *security.RunAsNonRoot && *security.RunAsUser > 0 && *security.RunAsGroup > 0,
			"has the default seccomp profile": security != nil && security.SeccompProfile.Type == corev1.SeccompProfileTypeRuntimeDefault,
			"mounts no token":                 spec.AutomountServiceAccountToken != nil && !*spec.AutomountServiceAccountToken,
			"has its own account":             spec.ServiceAccountName != "",
			"has no service links":            spec.EnableServiceLinks != nil && !*spec.EnableServiceLinks,
			"is alone on its network and pid": !spec.HostNetwork && !spec.HostPID && !spec.HostIPC,
			"has one container":               len(spec.Containers) == 1,
		} {
			if !holds {
				t.Errorf("not so: the pod %s", rule)
			}
		}
		for _, c := range append(spec.InitContainers, spec.Containers...) {
			if s := c.SecurityContext; s == nil || *s.AllowPrivilegeEscalation || !reflect.DeepEqual(s.Capabilities.Drop, []corev1.Capability{"ALL"}) || s.Privileged != nil {
				t.Errorf("the container %s has rights", c.Name)
			} else if *s.ReadOnlyRootFilesystem == (c.Name == "nim" || strings.HasPrefix(c.Name, "source-")) {
				t.Errorf("%s: its image is read-only: %t", c.Name, *s.ReadOnlyRootFilesystem)
			}
			for _, p := range c.Ports {
				if p.HostPort != 0 {
					t.Error("it takes a port of the node")
				}
			}
		}
		for _, v := range spec.Volumes {
			if v.ConfigMap == nil && v.Secret == nil && v.Projected == nil && v.EmptyDir == nil && v.PersistentVolumeClaim == nil {
				t.Errorf("volume %s is of a kind that restricted refuses", v.Name)
			}
		}
	})
	if pods < 20 {
		t.Errorf("only %d pods checked", pods)
	}
}

// A selector cannot change, and two workloads must not take each other's pods.
func TestSelectorsHoldAndFindNoStranger(t *testing.T) {
	want := map[string]string{}
	for name, c := range cases(t) {
		var selectors []map[string]any
		var labels []map[string]string
		for _, o := range objects(t, all(t, c.pipeline, running(t, c.pipeline, c.facts))) {
			selector, _ := o.at("spec", "selector", "matchLabels").(map[string]any)
			template := o.podTemplate(t)
			if selector == nil || template == nil {
				continue
			}
			selectors, labels = append(selectors, selector), append(labels, template.Labels)
			if o.at("metadata", "namespace") != "rag" {
				continue
			}
			key, got := o.kind()+"/"+o.name(), fmt.Sprint(selector)
			if want[key] == "" {
				want[key] = got
			}
			if want[key] != got {
				t.Errorf("%s: the selector of %s is %s in one case and %s in another", name, key, got, want[key])
			}
		}
		for i, selector := range selectors {
			for j, pod := range labels {
				if matches(selector, pod) != (i == j) {
					t.Errorf("%s: %v selects %v: %t", name, selector, pod, i != j)
				}
			}
		}
	}
}

func matches(selector map[string]any, labels map[string]string) bool {
	for key, value := range selector {
		if labels[key] != value {
			return false
		}
	}
	return true
}
