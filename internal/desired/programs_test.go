package desired

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/derive/derivetest"
)

// ingestion is the pod of an ingestion run.
func ingestion(t *testing.T, p *v1alpha1.RAGPipeline) corev1.PodSpec {
	t.Helper()
	for _, o := range objects(t, all(t, p, running(t, p, Facts{}))) {
		if o.kind() == "Job" {
			return o.podTemplate(t).Spec
		}
	}
	t.Fatal("there is no Job")
	return corev1.PodSpec{}
}

func withPrograms(programs ...*v1alpha1.ContainerSource) *v1alpha1.RAGPipeline {
	return derivetest.Pipeline(derivetest.WithEndpoints, func(s *v1alpha1.RAGPipelineSpec) {
		s.Documents = nil
		for i, program := range programs {
			program.Size = "1Gi"
			s.Documents = append(s.Documents, v1alpha1.Source{Name: string(rune('a' + i)), Container: program})
		}
		s.VectorStore = v1alpha1.VectorStore{External: &v1alpha1.ExternalWeaviate{
			URL: "https://weaviate.example", GRPCURL: "https://grpc.weaviate.example",
			SecretRef: &v1alpha1.SecretKey{Name: "weaviate", Key: "key"},
		}}
	})
}

// A program sees its own documents, exit code and /tmp, and nothing else of the pod: no key, no
// config, no other source. Its own Secret is not mounted in the ingestion's container.
func TestProgramsAreApartFromTheRestOfThePod(t *testing.T) {
	token := v1alpha1.EnvVar{Name: "TOKEN", ValueFrom: &v1alpha1.EnvVarSource{SecretKeyRef: v1alpha1.SecretKey{Name: "mine", Key: "token"}}}
	pod := ingestion(t, withPrograms(
		&v1alpha1.ContainerSource{Image: "one", Command: []v1alpha1.Argument{"fetch"}, Env: []v1alpha1.EnvVar{token}, SecretRef: &v1alpha1.SourceSecret{Name: "mine"}},
		&v1alpha1.ContainerSource{Image: "two"},
	))
	mounts := map[string][]string{}
	for _, c := range append(pod.InitContainers, pod.Containers...) {
		for _, m := range c.VolumeMounts {
			at := m.Name + "/" + m.SubPath + " at " + m.MountPath
			if m.ReadOnly {
				at += ", read-only"
			}
			mounts[c.Name] = append(mounts[c.Name], at)
		}
		slices.Sort(mounts[c.Name])
	}
	want := map[string][]string{
		"wrapper": {"tmp/ at /tmp", "wrapper/ at /run/ragpipeline/bin"},
		"source-a": {
			"source-a/documents at /documents", "source-a/exit at /run/ragpipeline/exit", "source-a/tmp at /tmp",
			"wrapper/ at /run/ragpipeline/bin, read-only",
		},
		"source-b": {"source-b/documents at /documents", "source-b/tmp at /tmp"},
		"ingest": {
			"config/ at /etc/ragpipeline, read-only", "secrets/ at /var/run/ragpipeline/secrets, read-only",
			"source-a/ at /sources/a, read-only", "source-b/ at /sources/b, read-only", "tmp/ at /tmp",
		},
	}
	if diff := cmp.Diff(want, mounts); diff != "" {
		t.Errorf("mounts (-want +got):\n%s", diff)
	}
	for _, v := range pod.Volumes {
		if v.Projected == nil {
			continue
		}
		for _, s := range v.Projected.Sources {
			if s.Secret != nil && s.Secret.Name == "mine" {
				t.Error("the ingestion's container gets the program's Secret")
			}
		}
	}
}

// Programs run in the order of the spec, one that is known by its command as a child of the wrapper.
func TestHowProgramsAreStarted(t *testing.T) {
	pod := ingestion(t, withPrograms(
		&v1alpha1.ContainerSource{Image: "one", Args: []v1alpha1.Argument{"-v"}, PullSecrets: []v1alpha1.ObjectName{"pull"}},
		&v1alpha1.ContainerSource{Image: "two", Command: []v1alpha1.Argument{"fetch", "all"}, Args: []v1alpha1.Argument{"-v"}, PullSecrets: []v1alpha1.ObjectName{"pull", "other"}},
	))
	type start struct {
		Name, Image   string
		Command, Args []string
	}
	var got []start
	for _, c := range pod.InitContainers {
		got = append(got, start{c.Name, c.Image, c.Command, c.Args})
	}
	want := []start{
		{"wrapper", operator.Image, nil, []string{"fill", "--install", "/run/ragpipeline/bin/ragpipeline"}},
		{"source-a", "one", nil, []string{"-v"}},
		{"source-b", "two", []string{"/run/ragpipeline/bin/ragpipeline", "fill", "--exit", "/run/ragpipeline/exit/exit.json", "--", "fetch", "all"}, []string{"-v"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("containers (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]corev1.LocalObjectReference{{Name: "pull"}, {Name: "other"}}, pod.ImagePullSecrets); diff != "" {
		t.Errorf("pull secrets (-want +got):\n%s", diff)
	}
}

// A program that is started otherwise may fetch other documents.
func TestAnotherProgramIsAnotherRun(t *testing.T) {
	name := func(args ...v1alpha1.Argument) string {
		p := withPrograms(&v1alpha1.ContainerSource{Image: "one", Args: args})
		c, err := IngestConfig(p, Facts{})
		if err != nil {
			t.Fatal(err)
		}
		return Task{Kind: Ingestion, Config: c}.Name(p)
	}
	if a, again, b := name("a"), name("a"), name("b"); a != again || a == b {
		t.Errorf("the runs are named %s, %s and %s", a, again, b)
	}
}

func TestAProgramHasAHomeThatItCanWriteTo(t *testing.T) {
	own := v1alpha1.EnvVar{Name: "HOME", Value: "/documents"}
	pod := ingestion(t, withPrograms(&v1alpha1.ContainerSource{Image: "one"}, &v1alpha1.ContainerSource{Image: "two", Env: []v1alpha1.EnvVar{own}}))
	if diff := cmp.Diff([]corev1.EnvVar{{Name: "HOME", Value: "/tmp"}}, pod.InitContainers[0].Env); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]corev1.EnvVar{{Name: "HOME", Value: "/documents"}}, pod.InitContainers[1].Env); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
