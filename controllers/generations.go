package controllers

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/internal/desired"
)

// records remembers the records of generations by their ConfigMap's UID: they are immutable, so each is read once.
type records struct{ byUID sync.Map }

func (r *records) get(ctx context.Context, reader client.Reader, key client.ObjectKey, uid types.UID) (desired.Record, error) {
	if known, ok := r.byUID.Load(uid); ok {
		return known.(desired.Record), nil
	}
	var configMap corev1.ConfigMap
	if err := reader.Get(ctx, key, &configMap); err != nil {
		return desired.Record{}, err
	}
	var record desired.Record
	if err := json.Unmarshal([]byte(configMap.Data[desired.RecordKey]), &record); err != nil {
		return desired.Record{}, fmt.Errorf("the generation's record in ConfigMap %s: %w; delete the ConfigMap to have it made again", key.Name, err)
	}
	r.byUID.Store(configMap.UID, record)
	return record, nil
}

func (r *Reconciler) lookAtGenerations(ctx context.Context, s *scene) error {
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("ConfigMapList"))
	selection := append(s.children(), client.MatchingLabels{desired.LabelComponent: desired.ComponentGeneration})
	if err := r.Client.List(ctx, list, selection...); err != nil {
		return err
	}
	s.records = map[string]desired.Record{}
	for _, object := range list.Items {
		if !metav1.IsControlledBy(&object, s.pipeline) {
			continue
		}
		record, err := r.records.get(ctx, r.Uncached, client.ObjectKeyFromObject(&object), object.UID)
		if client.IgnoreNotFound(err) != nil {
			return err
		}
		if err == nil {
			s.records[record.Fingerprint()] = record
		}
	}
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
		if job.Labels[desired.LabelGeneration] == fingerprint && finished(job) == batchv1.JobComplete {
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
	for _, component := range []string{desired.ComponentGateway, desired.ComponentIngest} {
		for _, pod := range s.podsOf(component) {
			pinned[pod.Labels[desired.LabelGeneration]] = true
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
