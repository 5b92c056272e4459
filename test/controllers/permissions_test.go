package controllers_test

import (
	"fmt"
	"os"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/controllers"
	"github.com/ragpipeline/ragpipeline/test/apiserver"
)

// asOperator is a user with the permissions that the operator is installed with, in the cluster's namespace alone.
func (c *cluster) asOperator() *rest.Config {
	c.Helper()
	text, err := os.ReadFile("../../config/rbac/operator_role.yaml")
	c.check(err)
	var installed rbacv1.ClusterRole
	c.check(yaml.UnmarshalStrict(text, &installed))
	user := "operator-of-" + c.namespace
	here := metav1.ObjectMeta{Namespace: c.namespace, Name: "operator"}
	c.check(c.Create(c.Context(), &rbacv1.Role{ObjectMeta: here, Rules: installed.Rules}))
	c.check(c.Create(c.Context(), &rbacv1.RoleBinding{
		ObjectMeta: here, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: here.Name},
		Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: user}},
	}))
	config := apiserver.Config(c)
	config.Impersonate = rest.ImpersonationConfig{UserName: user}
	return config
}

// The server asks who may finalize a pipeline before an object of it may block its deletion, as OpenShift's does. The
// permissions suffice to make everything, to share the Lease between pipelines, to adopt, and to make a store anew.
func TestTheInstalledPermissionsSufficeWhereOwnersAreProtected(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	named := func(name string) func(*unstructured.Unstructured) {
		return func(p *unstructured.Unstructured) {
			p.SetName(name)
			c.check(unstructured.SetNestedField(p.Object, "Internal", "spec", "network", "tls"))
		}
	}
	config := c.asOperator()
	startOperatorAs(t, config, c.namespace, func(r *controllers.Reconciler) { r.Identity = "team/operator" })
	p := c.awaitReady(c.applySample("quickstart.yaml", named("one")).Name)
	c.awaitReady(c.applySample("quickstart.yaml", named("two")).Name)
	c.holder()

	c.check(c.Delete(t.Context(), p, client.PropagationPolicy(metav1.DeletePropagationOrphan)))
	apiserver.Eventually(t, patience, func() string {
		err := c.Get(t.Context(), client.ObjectKeyFromObject(p), p.DeepCopy())
		if !apierrors.IsNotFound(err) {
			return fmt.Sprint("the pipeline to go: ", err)
		}
		return ""
	})
	p = c.awaitReady(c.applySample("quickstart.yaml", named("one")).Name)
	for key, child := range c.children(p) {
		if key.Kind != "PersistentVolumeClaim" && !metav1.IsControlledBy(child, p) {
			t.Errorf("%s %s belongs to %v", key.Kind, key.Name, child.OwnerReferences)
		}
	}
}

// The plugin is on: an object of a user who may not finalize pipelines cannot block their deletion.
func TestTheServerProtectsOwners(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	p := c.applySample("quickstart.yaml")
	config := c.asOperator()
	var role rbacv1.Role
	c.check(c.Get(t.Context(), client.ObjectKey{Namespace: c.namespace, Name: "operator"}, &role))
	role.Rules = []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"configmaps"}, Verbs: []string{"create"}}}
	c.check(c.Update(t.Context(), &role))
	stranger, err := client.New(config, client.Options{Scheme: controllers.Scheme()})
	c.check(err)
	apiserver.Eventually(t, patience, func() string {
		object := new(unstructured.Unstructured)
		object.SetAPIVersion("v1")
		object.SetKind("ConfigMap")
		object.SetNamespace(c.namespace)
		object.SetGenerateName("any-")
		if err := stranger.Create(t.Context(), object.DeepCopy()); err != nil {
			return "the permission to be known: " + err.Error()
		}
		object.SetOwnerReferences([]metav1.OwnerReference{*metav1.NewControllerRef(p, v1alpha1.GroupVersion.WithKind(v1alpha1.Kind))})
		if err := stranger.Create(t.Context(), object); !apierrors.IsForbidden(err) {
			t.Errorf("a stranger's object blocks the deletion of a pipeline: %v", err)
		}
		return ""
	})
}
