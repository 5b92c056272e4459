package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	kube "sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/apply"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

const (
	// operatorNamespaces is how many namespaces they are in.
	operatorNamespaces = 10
	// operatorNIMs: one in so many has three NIMs in place of stand-ins.
	operatorNIMs = 4
	// operatorPatience is for all of them to become Ready, or to settle, and operatorPace for each beside it.
	operatorPatience = 10 * time.Minute
	operatorPace     = 6 * time.Second
	// operatorLooks is how much longer than a look at all pipelines the pause after it is: looking must not take from the
	// machine what the operator needs.
	operatorLooks = 20
)

// applyPipelines applies the quickstart and the NIM sample under many names, with what they refer
// to in place.
func (m *operators) applyPipelines(ctx context.Context) error {
	quickstart, others, err := sample("quickstart.yaml")
	if err != nil {
		return err
	}
	nim, _, err := sample("nim.yaml")
	if err != nil {
		return err
	}
	for n := range operatorNamespaces {
		if err := m.Namespace(ctx, namespace(n)); err != nil {
			return err
		}
		for _, object := range append(referred(), others...) {
			object = object.DeepCopyObject().(kube.Object)
			object.SetNamespace(namespace(n))
			if err := m.Client.Create(ctx, object); err != nil {
				return err
			}
		}
	}
	return side(m.pipelines, func(i int) error {
		p := quickstart.DeepCopyObject().(kube.Object)
		if i%operatorNIMs == 0 {
			p = nim.DeepCopyObject().(kube.Object)
		}
		p.SetNamespace(namespaceOf(i))
		p.SetName(nameOf(i))
		return m.Client.Create(ctx, p)
	})
}

func namespaceOf(pipeline int) string { return namespace(pipeline % operatorNamespaces) }

func nameOf(pipeline int) string { return fmt.Sprintf("pipeline-%d", pipeline) }

func namespace(n int) string { return fmt.Sprintf("bench-%d", n) }

// operatorConcurrency is how many pipelines the operator reconciles at once.
const operatorConcurrency = 8

// side calls do for each number below n, as many at a time as the operator does, and returns all
// errors.
func side(n int, do func(int) error) error {
	errs := make([]error, n)
	var group sync.WaitGroup
	for first := range operatorConcurrency {
		group.Go(func() {
			for i := first; i < n; i += operatorConcurrency {
				errs[i] = do(i)
			}
		})
	}
	group.Wait()
	return errors.Join(errs...)
}

// sample reads one of config/samples: its pipeline, and the objects beside it.
func sample(file string) (pipeline kube.Object, others []kube.Object, err error) {
	text, err := os.ReadFile("config/samples/" + file)
	if err != nil {
		return nil, nil, err
	}
	decoder := utilyaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096)
	for {
		object := new(unstructured.Unstructured)
		err := decoder.Decode(&object.Object)
		switch {
		case errors.Is(err, io.EOF) && pipeline == nil:
			return nil, nil, fmt.Errorf("%s holds no pipeline", file)
		case errors.Is(err, io.EOF):
			return pipeline, others, nil
		case err != nil:
			return nil, nil, fmt.Errorf("%s: %w", file, err)
		case object.GetKind() == v1alpha1.Kind:
			pipeline = object
		case object.Object != nil:
			others = append(others, object)
		}
	}
}

// referred are the objects that the NIM sample refers to.
func referred() []kube.Object {
	const empty = `{"auths":{}}`
	return []kube.Object{
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "ngc"}, StringData: map[string]string{"NGC_API_KEY": "none"}},
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "ngc-registry"}, Type: corev1.SecretTypeDockerConfigJson,
			StringData: map[string]string{corev1.DockerConfigJsonKey: empty}},
		&corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: "papers"}, Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadOnlyMany},
			Resources: corev1.VolumeResourceRequirements{
				Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")},
			},
		}},
	}
}

// patient bounds a wait for all pipelines.
func (m *operators) patient(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, operatorPatience+time.Duration(m.pipelines)*operatorPace)
}

// awaitReady waits until all pipelines are Ready, and returns after how many seconds each was seen
// to be.
func (m *operators) awaitReady(ctx context.Context, started time.Time) (times []float64, err error) {
	ctx, cancel := m.patient(ctx)
	defer cancel()
	seen := map[string]bool{}
	for {
		look := time.Now()
		var list v1alpha1.RAGPipelineList
		if err := m.Client.List(ctx, &list); err != nil {
			return nil, err
		}
		waiting := ""
		for _, p := range list.Items {
			key := p.Namespace + "/" + p.Name
			switch ready := meta.FindStatusCondition(p.Status.Conditions, v1alpha1.ConditionReady); {
			case seen[key]:
			case ready != nil && ready.Status == metav1.ConditionTrue:
				seen[key] = true
				times = append(times, time.Since(started).Seconds())
			case ready != nil:
				waiting = fmt.Sprintf("%s is %s: %s", key, ready.Reason, ready.Message)
			}
		}
		if len(times) == m.pipelines {
			return times, nil
		}
		if err := pause(ctx, max(250*time.Millisecond, operatorLooks*time.Since(look))); err != nil {
			return nil, fmt.Errorf("%d of %d pipelines are Ready; %s: %w", len(times), m.pipelines, waiting, err)
		}
	}
}

// versions are the resourceVersions of all children and pipelines.
func (m *operators) versions(ctx context.Context) (map[string]string, error) {
	versions := map[string]string{}
	kinds := []metav1.TypeMeta{{APIVersion: v1alpha1.GroupVersion.String(), Kind: v1alpha1.Kind}}
	for _, kind := range apply.Kinds() {
		version, name := kind.ToAPIVersionAndKind()
		kinds = append(kinds, metav1.TypeMeta{APIVersion: version, Kind: name})
	}
	for _, kind := range kinds {
		list := new(metav1.PartialObjectMetadataList)
		list.APIVersion, list.Kind = kind.APIVersion, kind.Kind+"List"
		if err := m.Client.List(ctx, list); err != nil {
			return nil, err
		}
		for _, object := range list.Items {
			if object.Labels[naming.LabelManagedBy] == naming.Manager || kind.Kind == v1alpha1.Kind {
				versions[kind.Kind+" "+object.Namespace+"/"+object.Name] = object.ResourceVersion
			}
		}
	}
	return versions, nil
}
