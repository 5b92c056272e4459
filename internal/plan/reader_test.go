package plan

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// A gateway gets the key for reading when every replica of the store is sure to know it, and never the other one again.
func TestWhenTheGatewayGetsTheKeyForReading(t *testing.T) {
	p := &v1alpha1.RAGPipeline{}
	p.Name = "papers"
	names := naming.For(p)
	store := func(knows bool, updated int32) *appsv1.StatefulSet {
		set := &appsv1.StatefulSet{Status: appsv1.StatefulSetStatus{Replicas: 3, UpdatedReplicas: updated, ReadyReplicas: 3}}
		if knows {
			set.Spec.Template.Annotations = map[string]string{naming.AnnotationWeaviateReader: "uid"}
		}
		return set
	}
	gateway := func(secret string) *appsv1.Deployment {
		d := new(appsv1.Deployment)
		d.Spec.Template.Spec.Volumes = []corev1.Volume{{VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{
			Sources: []corev1.VolumeProjection{{Secret: &corev1.SecretProjection{LocalObjectReference: corev1.LocalObjectReference{Name: secret}}}},
		}}}}
		return d
	}
	for name, c := range map[string]struct {
		set            *appsv1.StatefulSet
		gateway        *appsv1.Deployment
		oneKey, writes bool
	}{
		"nothing is there":                    {nil, nil, false, false},
		"an older operator made both":         {store(false, 3), gateway(names.WeaviateKey()), true, false},
		"the store is about to be made anew":  {nil, gateway(names.WeaviateKey()), false, true},
		"one replica may not know the key":    {store(true, 2), gateway(names.WeaviateKey()), false, true},
		"every replica knows it":              {store(true, 3), gateway(names.WeaviateKey()), false, false},
		"the store is changed again":          {store(true, 1), gateway(names.WeaviateReader()), false, false},
		"the store is gone for another cause": {nil, gateway(names.WeaviateReader()), false, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := &State{Pipeline: p, StatefulSets: map[string]*appsv1.StatefulSet{}, Deployments: map[string]*appsv1.Deployment{}}
			if c.set != nil {
				s.StatefulSets[names.Weaviate()] = c.set
			}
			if c.gateway != nil {
				s.Deployments[names.Gateway()] = c.gateway
			}
			if oneKey, writes := s.oneKey(), s.gatewayWrites(); oneKey != c.oneKey || writes != c.writes {
				t.Errorf("one key: %t, the gateway writes: %t", oneKey, writes)
			}
		})
	}
}
