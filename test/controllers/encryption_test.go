package controllers_test

import (
	"bytes"
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/certificates"
	"github.com/ragpipeline/ragpipeline/internal/naming"
	"github.com/ragpipeline/ragpipeline/internal/plan"
	"github.com/ragpipeline/ragpipeline/test/apiserver"
)

// gatewayIs waits until each of the gateway's pods speaks TLS, or none does.
func (c *cluster) gatewayIs(name string, encrypted bool) {
	c.Helper()
	apiserver.Eventually(c, patience, func() string {
		var pods corev1.PodList
		c.check(c.List(c.Context(), &pods, client.InNamespace(c.namespace),
			client.MatchingLabels{naming.LabelPipeline: name, naming.LabelComponent: naming.ComponentGateway}))
		for _, pod := range pods.Items {
			if pod.DeletionTimestamp == nil && plan.Encrypted(&pod) != encrypted {
				return fmt.Sprintf("%s to be replaced", pod.Name)
			}
		}
		return ""
	})
	c.awaitReady(name)
}

func (c *cluster) certificates(name string) (*corev1.Secret, error) {
	secret := new(corev1.Secret)
	err := c.Get(c.Context(), client.ObjectKey{Namespace: c.namespace, Name: naming.Names{Pipeline: name}.Certificates()}, secret)
	return secret, err
}

// The operator reads reports by the pipeline's own authority, also one that has just started, and writes nothing once
// the pods are as they should be.
func TestPodsWithTLSReportToTheOperatorThatKnowsTheirAuthority(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	o := startOperator(t, c.namespace)
	p := c.awaitReady(c.applySample("quickstart.yaml").Name)
	c.change(p, `{"spec": {"network": {"tls": "Internal"}}}`)
	c.gatewayIs(p.Name, true)
	before, err := c.certificates(p.Name)
	c.check(err)
	o.stop()
	o = startOperator(t, c.namespace)
	c.quiet(t, o, p)
	p = c.awaitReady(p.Name)
	if after, err := c.certificates(p.Name); err != nil || after.ResourceVersion != before.ResourceVersion {
		t.Errorf("another operator made other certificates: %v", err)
	}
	c.change(p, `{"spec": {"network": null}}`)
	c.gatewayIs(p.Name, false)
	apiserver.Eventually(t, patience, func() string {
		if _, err := c.certificates(p.Name); !apierrors.IsNotFound(err) {
			return fmt.Sprint("the certificates to be gone: ", err)
		}
		return ""
	})
}

// A gateway whose port another authority vouches for may be anybody's.
func TestAReportThatTheAuthorityDoesNotVouchForIsNotRead(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	startOperator(t, c.namespace)
	p := c.awaitReady(c.applySample("quickstart.yaml", func(p *unstructured.Unstructured) {
		c.check(unstructured.SetNestedField(p.Object, "Internal", "spec", "network", "tls"))
	}).Name)
	secret, err := c.certificates(p.Name)
	c.check(err)
	c.check(c.Delete(t.Context(), secret)) // the operator makes another one, which the played gateway never reads
	apiserver.Eventually(t, patience, func() string {
		if meta.IsStatusConditionTrue(c.pipeline(p.Name).Status.Conditions, v1alpha1.ConditionGatewayReady) {
			return "the report not to be read: " + conditions(c.pipeline(p.Name))
		}
		return ""
	})
}

// A pipeline that is suspended, or whose spec has a mistake, answers on, so its certificates must not expire.
func TestCertificatesOfAPipelineWithoutAPlanAreKeptUsable(t *testing.T) {
	t.Parallel()
	for name, patch := range map[string]string{
		"suspended": `{"spec": {"suspend": true}}`,
		"mistaken":  `{"spec": {"documents": [{"name": "concepts", "configMap": {"name": "x"}, "metadata": {"no key": "x"}}]}}`,
	} {
		t.Run(name, func(t *testing.T) {
			c := startCluster(t)
			startOperator(t, c.namespace)
			p := c.awaitReady(c.applySample("quickstart.yaml", func(p *unstructured.Unstructured) {
				c.check(unstructured.SetNestedField(p.Object, "Internal", "spec", "network", "tls"))
			}).Name)
			c.change(p, patch)
			apiserver.Eventually(t, patience, func() string {
				if now := c.pipeline(p.Name); now.Status.ObservedGeneration != now.Generation {
					return "the change to be seen"
				}
				return ""
			})
			secret, err := c.certificates(p.Name)
			c.check(err)
			entry := certificates.CertificateEntry(naming.For(p).Gateway())
			before := secret.Data[entry]
			delete(secret.Data, entry)
			c.check(c.Update(t.Context(), secret))
			apiserver.Eventually(t, patience, func() string {
				now, err := c.certificates(p.Name)
				if err != nil || now.Data[entry] == nil || bytes.Equal(now.Data[entry], before) {
					return fmt.Sprint("another certificate: ", err)
				}
				return ""
			})
		})
	}
}
