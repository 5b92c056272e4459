// Command olm writes the bundle for the Operator Lifecycle Manager, made of the manifests under config, and validates it
// with the library of operator-framework:
//
//	go -C hack/olm run . -config ../../config -out ../../bin/olm -version 0.1.0 -image ghcr.io/ragpipeline/ragpipeline:dev
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/blang/semver/v4"
	"github.com/operator-framework/api/pkg/lib/version"
	"github.com/operator-framework/api/pkg/manifests"
	"github.com/operator-framework/api/pkg/operators/v1alpha1"
	"github.com/operator-framework/api/pkg/validation"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

const (
	operator    = "ragpipeline-operator"
	description = `A RAGPipeline declares documents, chunking, retrieval and models. The operator deploys the models,
a Weaviate, ingestion runs and a query gateway, keeps the index up to date with the documents, and reports whether the
index is ready to answer.`
)

// bundle is what the flags say.
type bundle struct{ config, out, version, image string }

func main() {
	var b bundle
	flag.StringVar(&b.config, "config", "config", "directory of the manifests")
	flag.StringVar(&b.out, "out", "bin/olm", "directory of the bundle")
	flag.StringVar(&b.version, "version", "0.1.0", "version of the operator")
	flag.StringVar(&b.image, "image", "ghcr.io/ragpipeline/ragpipeline:dev", "image of the operator")
	flag.Parse()
	if err := b.write(); err != nil {
		fmt.Fprintln(os.Stderr, "olm:", err)
		os.Exit(1)
	}
}

func (b *bundle) write() error {
	csv, err := b.csv()
	if err != nil {
		return err
	}
	written := filepath.Join(b.out, "manifests")
	if err := os.MkdirAll(written, 0o755); err != nil { //nolint:gosec // readable like every source
		return err
	}
	for name, object := range map[string]any{"manifests/ragpipeline.clusterserviceversion.yaml": csv, "metadata/annotations.yaml": b.annotations()} {
		raw, err := yaml.Marshal(object)
		if err != nil {
			return err
		}
		if err := put(filepath.Join(b.out, name), raw); err != nil {
			return err
		}
	}
	for _, file := range []string{"crd/ragpipeline.io_ragpipelines.yaml", "rbac/edit_role.yaml", "rbac/view_role.yaml", "manager/metrics_service.yaml"} {
		raw, err := os.ReadFile(filepath.Join(b.config, file))
		if err != nil {
			return err
		}
		if err := put(filepath.Join(written, filepath.Base(file)), raw); err != nil {
			return err
		}
	}
	return b.validate()
}

func put(path string, raw []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // readable like every source
		return err
	}
	return os.WriteFile(path, raw, 0o644) //nolint:gosec // likewise
}

func (b *bundle) annotations() any {
	return map[string]any{"annotations": map[string]string{
		"operators.operatorframework.io.bundle.mediatype.v1":       "registry+v1",
		"operators.operatorframework.io.bundle.manifests.v1":       "manifests/",
		"operators.operatorframework.io.bundle.metadata.v1":        "metadata/",
		"operators.operatorframework.io.bundle.package.v1":         "ragpipeline",
		"operators.operatorframework.io.bundle.channels.v1":        "alpha",
		"operators.operatorframework.io.bundle.channel.default.v1": "alpha",
	}}
}

// read reads the one object of a file under config.
func read[T any](b *bundle, file string) (object T, err error) {
	raw, err := os.ReadFile(filepath.Join(b.config, file))
	if err != nil {
		return object, err
	}
	return object, yaml.Unmarshal(raw, &object)
}

func (b *bundle) csv() (*v1alpha1.ClusterServiceVersion, error) {
	v, err := semver.Parse(b.version)
	if err != nil {
		return nil, err
	}
	strategy, err := b.strategy()
	if err != nil {
		return nil, err
	}
	example, err := b.example()
	if err != nil {
		return nil, err
	}
	csv := &v1alpha1.ClusterServiceVersion{
		TypeMeta: metav1.TypeMeta{APIVersion: "operators.coreos.com/v1alpha1", Kind: "ClusterServiceVersion"},
		ObjectMeta: metav1.ObjectMeta{Name: "ragpipeline.v" + b.version, Namespace: "placeholder", Annotations: map[string]string{
			"alm-examples": example, "capabilities": "Full Lifecycle", "categories": "AI/Machine Learning, Database",
			"containerImage": b.image, "repository": "https://github.com/ragpipeline/ragpipeline", "support": "RAGPipeline",
			"description": "Retrieval-augmented generation as one object, whose Ready means that a question would be answered",
		}},
	}
	csv.Spec = v1alpha1.ClusterServiceVersionSpec{
		DisplayName: "RAGPipeline", Description: description, Version: version.OperatorVersion{Version: v}, Maturity: "alpha",
		MinKubeVersion: "1.31.0", Keywords: []string{"rag", "llm", "nim", "weaviate"},
		Provider:    v1alpha1.AppLink{Name: "RAGPipeline", URL: "https://github.com/ragpipeline/ragpipeline"},
		Maintainers: []v1alpha1.Maintainer{{Name: "The RAGPipeline maintainers", Email: "maintainers@ragpipeline.io"}},
		Links:       []v1alpha1.AppLink{{Name: "Documentation", URL: "https://github.com/ragpipeline/ragpipeline/tree/main/docs"}},
		CustomResourceDefinitions: v1alpha1.CustomResourceDefinitions{Owned: []v1alpha1.CRDDescription{{
			Name: "ragpipelines.ragpipeline.io", Version: "v1alpha1", Kind: "RAGPipeline", DisplayName: "RAGPipeline",
			Description: "A pipeline from documents to answers",
		}}},
		InstallStrategy: *strategy,
		RelatedImages:   []v1alpha1.RelatedImage{{Name: "operator", Image: b.image}},
	}
	for _, mode := range []v1alpha1.InstallModeType{v1alpha1.InstallModeTypeOwnNamespace, v1alpha1.InstallModeTypeSingleNamespace,
		v1alpha1.InstallModeTypeMultiNamespace, v1alpha1.InstallModeTypeAllNamespaces} {
		csv.Spec.InstallModes = append(csv.Spec.InstallModes, v1alpha1.InstallMode{Type: mode, Supported: true})
	}
	return csv, nil
}

func (b *bundle) strategy() (*v1alpha1.NamedInstallStrategy, error) {
	deployment, err := read[appsv1.Deployment](b, "manager/deployment.yaml")
	if err != nil {
		return nil, err
	}
	container := &deployment.Spec.Template.Spec.Containers[0]
	container.Image = b.image
	for i := range container.Env {
		if container.Env[i].Name == "OPERATOR_IMAGE" {
			container.Env[i].Value = b.image
		}
	}
	// The Operator Lifecycle Manager writes the namespaces of the OperatorGroup into this annotation, none for all.
	container.Env = append(container.Env, corev1.EnvVar{Name: "WATCH_NAMESPACE", ValueFrom: &corev1.EnvVarSource{
		FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.annotations['olm.targetNamespaces']"}}})
	strategy := &v1alpha1.NamedInstallStrategy{StrategyName: v1alpha1.InstallStrategyNameDeployment}
	strategy.StrategySpec.DeploymentSpecs = []v1alpha1.StrategyDeploymentSpec{{
		Name: operator, Spec: deployment.Spec, Label: deployment.Spec.Template.Labels,
	}}
	var everywhere []rbacv1.PolicyRule
	for _, file := range []string{"rbac/operator_role.yaml", "rbac/storage_role.yaml"} {
		role, err := read[rbacv1.ClusterRole](b, file)
		if err != nil {
			return nil, err
		}
		everywhere = append(everywhere, role.Rules...)
	}
	leader, err := read[rbacv1.Role](b, "rbac/leader_role.yaml")
	if err != nil {
		return nil, err
	}
	strategy.StrategySpec.ClusterPermissions = []v1alpha1.StrategyDeploymentPermissions{{ServiceAccountName: operator, Rules: everywhere}}
	strategy.StrategySpec.Permissions = []v1alpha1.StrategyDeploymentPermissions{{ServiceAccountName: operator, Rules: leader.Rules}}
	return strategy, nil
}

// example is the pipeline of the quickstart, as JSON.
func (b *bundle) example() (string, error) {
	raw, err := os.ReadFile(filepath.Join(b.config, "samples/quickstart.yaml"))
	if err != nil {
		return "", err
	}
	documents := strings.Split(string(raw), "\n---\n")
	var pipeline map[string]any
	if err := yaml.Unmarshal([]byte(documents[len(documents)-1]), &pipeline); err != nil {
		return "", err
	}
	text, err := json.MarshalIndent([]any{pipeline}, "", "  ")
	return string(text), err
}

func (b *bundle) validate() error {
	read, err := manifests.GetBundleFromDir(b.out)
	if err != nil {
		return err
	}
	results := validation.DefaultBundleValidators.WithValidators(validation.OperatorHubV2Validator,
		validation.StandardCapabilitiesValidator, validation.StandardCategoriesValidator).Validate(read.ObjectsToValidate()...)
	failed := 0
	for _, result := range results {
		for _, w := range result.Warnings {
			fmt.Fprintln(os.Stderr, "olm: warning:", w)
		}
		for _, e := range result.Errors {
			fmt.Fprintln(os.Stderr, "olm:", e)
			failed++
		}
	}
	if failed > 0 {
		return fmt.Errorf("the bundle is not valid: %d errors", failed)
	}
	return nil
}
