package controllers

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/internal/desired"
	"github.com/ragpipeline/ragpipeline/internal/desired/naming"
)

// records remembers each pipeline's records by their ConfigMap's UID: they are immutable, so each is read once. What
// is gone from the cluster is forgotten with the next pass.
type records struct{ ofPipeline sync.Map }

func (r *records) of(pipeline types.NamespacedName) map[types.UID]desired.Record {
	known, ok := r.ofPipeline.Load(pipeline)
	if !ok {
		return nil
	}
	return known.(map[types.UID]desired.Record)
}

func (r *records) set(pipeline types.NamespacedName, now map[types.UID]desired.Record) {
	r.ofPipeline.Store(pipeline, now)
}

func (r *records) forget(pipeline types.NamespacedName) { r.ofPipeline.Delete(pipeline) }

func readRecord(ctx context.Context, reader client.Reader, key client.ObjectKey) (record desired.Record, err error) {
	var configMap corev1.ConfigMap
	if err := reader.Get(ctx, key, &configMap); err != nil {
		return record, err
	}
	if err := json.Unmarshal([]byte(configMap.Data[desired.RecordKey]), &record); err != nil {
		return record, fmt.Errorf("the generation's record in ConfigMap %s: %w; delete the ConfigMap to have it made again", key.Name, err)
	}
	return record, nil
}

func (r *Reconciler) lookAtGenerations(ctx context.Context, s *scene) error {
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("ConfigMapList"))
	selection := append(s.children(), client.MatchingLabels{naming.LabelComponent: naming.ComponentGeneration})
	if err := r.Client.List(ctx, list, selection...); err != nil {
		return err
	}
	pipeline := client.ObjectKeyFromObject(s.pipeline)
	known, now := r.records.of(pipeline), map[types.UID]desired.Record{}
	s.records = map[string]desired.Record{}
	for _, object := range list.Items {
		if !metav1.IsControlledBy(&object, s.pipeline) {
			continue
		}
		record, ok := known[object.UID]
		if !ok {
			var err error
			record, err = readRecord(ctx, r.Uncached, client.ObjectKeyFromObject(&object))
			if apierrors.IsNotFound(err) {
				continue
			}
			if err != nil {
				return err
			}
		}
		now[object.UID] = record
		s.records[record.Fingerprint()] = record
	}
	r.records.set(pipeline, now)
	wanted := desired.NewRecord(s.pipeline)
	s.wanted = wanted.Fingerprint()
	if _, pinned := s.records[s.wanted]; !pinned {
		s.records[s.wanted] = wanted
	}
	return nil
}

// live is the complete generation that questions are to be answered from: the wanted one, or else the one that the
// status remembers. Nil before the first is complete.
func (s *scene) live() *desired.Record {
	if s.complete(s.wanted) {
		return new(s.records[s.wanted])
	}
	if record, ok := s.records[s.remembered()]; ok {
		return &record
	}
	return nil
}

// remembered is the generation that the status says is live.
func (s *scene) remembered() string {
	if s.pipeline.Status.Index == nil {
		return ""
	}
	return s.pipeline.Status.Index.Generation
}

// complete says whether a generation has been complete once: the status says so, or its run, or, after both were
// lost, the index itself.
func (s *scene) complete(fingerprint string) bool {
	if s.remembered() == fingerprint {
		return true
	}
	for _, job := range s.jobs {
		if job.Labels[naming.LabelGeneration] == fingerprint && finished(job) == batchv1.JobComplete {
			return true
		}
	}
	for _, report := range s.gateways {
		if report.Generation == fingerprint && !report.Index.LastSync.IsZero() {
			return true
		}
	}
	return false
}

// left are the generations, other than the wanted and the live one, that a pod is still pinned to.
func (s *scene) left() (records []desired.Record) {
	pinned := map[string]bool{}
	for _, component := range []string{naming.ComponentGateway, naming.ComponentIngest} {
		for _, pod := range s.podsOf(component) {
			pinned[pod.Labels[naming.LabelGeneration]] = true
		}
	}
	delete(pinned, s.wanted)
	if live := s.live(); live != nil {
		delete(pinned, live.Fingerprint())
	}
	for fingerprint, record := range s.records {
		if pinned[fingerprint] {
			records = append(records, record)
		}
	}
	return sortRecords(records)
}
