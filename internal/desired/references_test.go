package desired

import (
	"fmt"
	"regexp"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// made are the objects of a pipeline by kind and name.
type made map[string]object

func (m made) has(t *testing.T, what, kind, name string) {
	t.Helper()
	if m[kind+"/"+name] == nil {
		t.Errorf("%s refers to %s %s, which is not made", what, kind, name)
	}
}

// ourHost finds the hosts in a config that are Services, which have no dot, and their ports.
var ourHost = regexp.MustCompile(`http://([a-z0-9-]+):(\d+)`)

func TestWhatAnObjectRefersToIsMade(t *testing.T) {
	for name, c := range cases(t) {
		t.Run(name, func(t *testing.T) {
			list := objects(t, all(t, c.pipeline, running(t, c.pipeline, c.facts)))
			index := made{}
			for _, o := range list {
				index[o.kind()+"/"+o.name()] = o
			}
			for _, o := range list {
				if template := o.podTemplate(t); template != nil {
					index.references(t, o, template)
				}
				if o.kind() == "StatefulSet" {
					index.has(t, o.name(), "Service", fmt.Sprint(o.at("spec", "serviceName")))
				}
				if text, ok := o.at("data", configEntry).(string); ok {
					for _, host := range ourHost.FindAllStringSubmatch(text, -1) {
						index.reaches(t, o.name(), host[1], host[2])
					}
				}
			}
		})
	}
}

func (m made) references(t *testing.T, o object, template *corev1.PodTemplateSpec) {
	t.Helper()
	m.has(t, o.name(), "ServiceAccount", template.Spec.ServiceAccountName)
	mounted := map[string]bool{}
	for _, mount := range template.Spec.Containers[0].VolumeMounts {
		mounted[mount.Name] = true
	}
	for _, v := range template.Spec.Volumes {
		if !mounted[v.Name] {
			t.Errorf("%s does not mount volume %s", o.name(), v.Name)
		}
		if v.Name == "config" {
			m.has(t, o.name(), "ConfigMap", v.ConfigMap.Name)
		}
		if v.Name == "cache" && v.PersistentVolumeClaim != nil {
			m.has(t, o.name(), "PersistentVolumeClaim", v.PersistentVolumeClaim.ClaimName)
		}
	}
}

// reaches follows a URL through its Service to a port of the pods behind it.
func (m made) reaches(t *testing.T, what, host, port string) {
	t.Helper()
	m.has(t, what, "Service", host)
	service := m["Service/"+host]
	selector, _ := service.at("spec", "selector").(map[string]any)
	ports, _ := service.at("spec", "ports").([]any)
	target := ""
	for _, p := range ports {
		if p := p.(map[string]any); fmt.Sprint(p["port"]) == port {
			target = fmt.Sprint(p["targetPort"])
		}
	}
	for _, o := range m {
		template := o.podTemplate(t)
		if template == nil || !matches(selector, template.Labels) {
			continue
		}
		if slices.ContainsFunc(template.Spec.Containers[0].Ports, func(p corev1.ContainerPort) bool {
			return p.Name == target && fmt.Sprint(p.ContainerPort) == port
		}) {
			return
		}
	}
	t.Errorf("%s asks %s:%s, where no pod listens", what, host, port)
}
