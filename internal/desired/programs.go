package desired

import (
	"path"
	"slices"

	"k8s.io/apimachinery/pkg/api/resource"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/derive"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// The paths in the container of a source's program. /ragpipeline is a file in the operator's own image.
const (
	programDocuments = "/documents"
	programExit      = "/run/ragpipeline/exit"
	programWrapper   = "/run/ragpipeline/bin"
	wrapperBinary    = "ragpipeline"
)

// programs returns the containers that fill the directories of sources, which run one after the
// other before the ingestion, and the volumes that they fill.
//
// A pod whose init container fails runs no other container. So a program that is known by its
// command runs as a child of the operator's own binary, which records its exit code where the
// ingestion reads it, and ends with 0 itself: the other sources go on. Nobody in a pod knows the
// entrypoint of an image; a program without a command runs by itself, and the ingestion starts only
// if it succeeded.
func (b builder) programs() (
	containers []*corev1ac.ContainerApplyConfiguration, volumes []*corev1ac.VolumeApplyConfiguration,
) {
	wrapped := false
	for _, s := range b.p.Spec.Documents {
		if s.Container == nil {
			continue
		}
		size, _ := resource.ParseQuantity(string(s.Container.Size)) // validate has parsed it
		volumes = append(volumes, corev1ac.Volume().WithName(naming.Program(s.Name)).
			WithEmptyDir(corev1ac.EmptyDirVolumeSource().WithSizeLimit(size)))
		filler := program(s.Name, s.Container)
		addVariables(filler, b.proxyVariables(naming.ComponentIngest))
		containers = append(containers, filler)
		wrapped = wrapped || len(s.Container.Command) > 0
	}
	if wrapped {
		volumes = append(volumes, corev1ac.Volume().WithName("wrapper").WithEmptyDir(corev1ac.EmptyDirVolumeSource()))
		install := b.operatorContainer("wrapper", "fill", "--install", path.Join(programWrapper, wrapperBinary)).
			WithResources(resources(nil, "10m", "32Mi")).
			WithVolumeMounts(mount("wrapper", programWrapper))
		containers = slices.Insert(containers, 0, install)
	}
	return containers, volumes
}

// program returns the container of a source's program. Its image is writable, as that of any program
// may have to be; its documents and its /tmp count towards the size of the volume.
func program(source string, s *v1alpha1.ContainerSource) *corev1ac.ContainerApplyConfiguration {
	name := naming.Program(source)
	c := corev1ac.Container().
		WithName(name).
		WithImage(string(s.Image)).
		WithSecurityContext(containerSecurity(false)).
		WithEnv(programEnv(s)...).
		WithResources(limited(s.Resources, "100m", "128Mi", "1Gi")).
		WithVolumeMounts(
			mount(name, programDocuments).WithSubPath(derive.ProgramDocuments),
			mount(name, "/tmp").WithSubPath(derive.ProgramTmp))
	if s.SecretRef != nil {
		c.WithEnvFrom(corev1ac.EnvFromSource().
			WithSecretRef(corev1ac.SecretEnvSource().WithName(string(s.SecretRef.Name))))
	}
	if len(s.Command) > 0 {
		c.WithVolumeMounts(
			readOnly("wrapper", programWrapper),
			mount(name, programExit).WithSubPath(derive.ProgramExit)).
			WithCommand(path.Join(programWrapper, wrapperBinary), "fill",
				"--exit", path.Join(programExit, derive.ProgramExitFile), "--").
			WithCommand(words(s.Command)...)
	}
	return c.WithArgs(words(s.Args)...)
}

func words(arguments []v1alpha1.Argument) []string {
	list := make([]string, len(arguments))
	for i, a := range arguments {
		list[i] = string(a)
	}
	return list
}

// programEnv returns the variables of the spec. The user that programs run as has no home in their
// images, unless the spec names one.
func programEnv(s *v1alpha1.ContainerSource) []*corev1ac.EnvVarApplyConfiguration {
	list := variables(s.Env)
	if !slices.ContainsFunc(s.Env, func(v v1alpha1.EnvVar) bool { return v.Name == "HOME" }) {
		list = append(list, env("HOME", "/tmp"))
	}
	return list
}
