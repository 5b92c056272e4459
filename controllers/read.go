package controllers

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/apply"
	"github.com/ragpipeline/ragpipeline/internal/certificates"
	"github.com/ragpipeline/ragpipeline/internal/derive"
	"github.com/ragpipeline/ragpipeline/internal/desired"
	"github.com/ragpipeline/ragpipeline/internal/naming"
	"github.com/ragpipeline/ragpipeline/internal/plan"
	"github.com/ragpipeline/ragpipeline/internal/status"
)

// step reads one part of a state. An error means that the pass cannot be made.
type step func(context.Context, *plan.State) error

// read reads everything that a pass needs.
func (r *Reconciler) read(ctx context.Context, p *v1alpha1.RAGPipeline) (*plan.State, error) {
	s := &plan.State{Pipeline: p, Rules: r.Rules}
	for _, step := range []step{
		r.readWorkloads, r.readPods, r.readClaims, r.readRefusals, r.readGenerations, r.readReferences, r.readRoute,
		r.readReports,
	} {
		if err := step(ctx, s); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// readWorkloads takes Deployments and StatefulSets that are about to be adopted for the pipeline's own, so that a
// restored store keeps its image. A Job proves that an index is complete, and labels do not prove whose Job it is.
func (r *Reconciler) readWorkloads(ctx context.Context, s *plan.State) error {
	var deployments appsv1.DeploymentList
	var statefulSets appsv1.StatefulSetList
	var jobs batchv1.JobList
	for _, list := range []client.ObjectList{&deployments, &statefulSets, &jobs} {
		if err := r.Client.List(ctx, list, apply.MadeFor(s.Pipeline)...); err != nil {
			return err
		}
	}
	s.Deployments = map[string]*appsv1.Deployment{}
	for i, d := range deployments.Items {
		if metav1.IsControlledBy(&d, s.Pipeline) || apply.Adoptable(s.Pipeline, &d) {
			s.Deployments[d.Name] = &deployments.Items[i]
		}
	}
	s.StatefulSets = map[string]*appsv1.StatefulSet{}
	for i, set := range statefulSets.Items {
		if metav1.IsControlledBy(&set, s.Pipeline) || apply.Adoptable(s.Pipeline, &set) {
			s.StatefulSets[set.Name] = &statefulSets.Items[i]
		}
	}
	for i, job := range jobs.Items {
		if metav1.IsControlledBy(&job, s.Pipeline) {
			s.Jobs = append(s.Jobs, &jobs.Items[i])
		}
	}
	slices.SortFunc(s.Jobs, func(a, b *batchv1.Job) int {
		return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), cmp.Compare(a.Name, b.Name))
	})
	return nil
}

// readPods selects by label alone, because a pod's owner is a workload. An earlier pipeline of the
// same name may have left some that are about to end.
func (r *Reconciler) readPods(ctx context.Context, s *plan.State) error {
	var pods corev1.PodList
	if err := r.Client.List(ctx, &pods, apply.MadeFor(s.Pipeline)...); err != nil {
		return err
	}
	s.Pods = pods.Items
	slices.SortFunc(s.Pods, func(a, b corev1.Pod) int {
		return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), cmp.Compare(a.Name, b.Name))
	})
	return nil
}

// records remembers each pipeline's records by the UIDs of their ConfigMaps, which are immutable,
// so that each is read once. A record that is gone from the cluster is forgotten in the next pass.
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

func (r *Reconciler) readGenerations(ctx context.Context, s *plan.State) error {
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("ConfigMapList"))
	generations := client.MatchingLabels{naming.LabelComponent: naming.ComponentGeneration}
	if err := r.Client.List(ctx, list, append(apply.MadeFor(s.Pipeline), generations)...); err != nil {
		return err
	}
	pipeline := client.ObjectKeyFromObject(s.Pipeline)
	known, now := r.records.of(pipeline), map[types.UID]desired.Record{}
	s.Records = map[string]desired.Record{}
	for _, object := range list.Items {
		// An owner can be forged, but no second object can have the name.
		fingerprint := object.Labels[naming.LabelGeneration]
		if !metav1.IsControlledBy(&object, s.Pipeline) || object.Name != naming.For(s.Pipeline).Generation(fingerprint) {
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
		if record.Fingerprint() == fingerprint {
			s.Records[fingerprint] = record
		}
	}
	r.records.set(pipeline, now)
	return nil
}

func readRecord(ctx context.Context, reader client.Reader, key client.ObjectKey) (record desired.Record, err error) {
	var configMap corev1.ConfigMap
	if err := reader.Get(ctx, key, &configMap); err != nil {
		return record, err
	}
	if err := json.Unmarshal([]byte(configMap.Data[desired.RecordKey]), &record); err != nil {
		return record, fmt.Errorf("read the generation's record in ConfigMap %s: %w; "+
			"delete the ConfigMap, and the operator makes it again", key.Name, err)
	}
	return record, nil
}

// readReferences finds which of the objects exist that the spec refers to. The contents of Secrets and documents are
// never read: the operator has no use for the former, and the pods read the latter.
func (r *Reconciler) readReferences(ctx context.Context, s *plan.State) error {
	s.Objects = map[string]metav1.ObjectMeta{}
	for _, ref := range desired.References(s.Pipeline) {
		if s.Settled(ref) {
			continue
		}
		found, err := r.readMetadata(ctx, s.Pipeline.Namespace, ref.Object)
		switch {
		case apierrors.IsNotFound(err):
			s.Missing = append(s.Missing, status.Missing{
				Kind: ref.Kind, Name: ref.Name, Field: ref.Field, Component: ref.Component,
			})
		case err != nil:
			return err
		default:
			s.Objects[plan.ObjectKey(ref.Kind, ref.Name)] = found
			if err := r.readEntry(ctx, s, ref); err != nil {
				return err
			}
		}
	}
	return nil
}

// readEntry finds whether a ConfigMap has the entry that is referred to. Without it, the kubelet does not start the
// component's pods, which say nothing of it; so it is looked for, by a request in each pass, until all of them run.
func (r *Reconciler) readEntry(ctx context.Context, s *plan.State, ref desired.Reference) error {
	if ref.Kind != derive.KindConfigMap || ref.Key == "" || s.AllRunning(ref.Component) {
		return nil
	}
	var configMap corev1.ConfigMap
	err := r.Uncached.Get(ctx, client.ObjectKey{Namespace: s.Pipeline.Namespace, Name: ref.Name}, &configMap)
	if err != nil {
		return client.IgnoreNotFound(err) // it was deleted just now, and the next pass tells so
	}
	_, isText := configMap.Data[ref.Key]
	_, isBinary := configMap.BinaryData[ref.Key]
	if !isText && !isBinary {
		s.Missing = append(s.Missing, status.Missing{
			Kind: ref.Kind, Name: ref.Name, Key: ref.Key, Field: ref.Field, Component: ref.Component,
		})
	}
	return nil
}

// classes are the kinds of references that belong to no namespace.
var classes = map[string]schema.GroupVersion{
	derive.KindStorageClass: storagev1.SchemeGroupVersion,
	derive.KindIngressClass: networkingv1.SchemeGroupVersion,
}

// readMetadata reads an object's metadata. Where the operator may not read a class, it is taken to exist, and the pod
// that waits for its volume tells the rest.
func (r *Reconciler) readMetadata(ctx context.Context, namespace string, o derive.Object) (metav1.ObjectMeta, error) {
	var object metav1.PartialObjectMetadata
	if version, isClass := classes[o.Kind]; isClass {
		object.SetGroupVersionKind(version.WithKind(o.Kind))
		err := r.Uncached.Get(ctx, client.ObjectKey{Name: o.Name}, &object)
		if apierrors.IsForbidden(err) {
			err = nil
		}
		return object.ObjectMeta, err
	}
	object.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind(o.Kind))
	err := r.Client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: o.Name}, &object)
	return object.ObjectMeta, err
}

// readReports asks the pods that can be asked, all at once. A report that cannot be read is no
// error.
func (r *Reconciler) readReports(ctx context.Context, s *plan.State) error {
	pods := s.Reporting()
	authority, err := r.authority(ctx, s.Pipeline, pods)
	if err != nil {
		return err
	}
	reports := make([]plan.Report, len(pods))
	var group sync.WaitGroup
	for i := range pods {
		group.Go(func() {
			report, err := r.Reports(ctx, &pods[i], authority)
			reports[i] = plan.Report{OpsStatus: report, Fault: reportFault(err)}
		})
	}
	group.Wait()
	now := r.now()
	for i := range pods {
		s.AddReport(&pods[i], reports[i], now)
	}
	return nil
}

// authority is what the pods' ports are verified by, in PEM; empty if none of them speaks TLS. After a start of the
// operator, the Secret has to be read before it is first applied.
func (r *Reconciler) authority(ctx context.Context, p *v1alpha1.RAGPipeline, pods []corev1.Pod) ([]byte, error) {
	if !slices.ContainsFunc(pods, func(pod corev1.Pod) bool { return plan.Encrypted(&pod) }) {
		return nil, nil
	}
	key := apply.Key{Kind: derive.KindSecret, Name: naming.For(p).Certificates()}
	if known := r.Applier.Authority(p, key); known != nil {
		return known, nil
	}
	var secret corev1.Secret
	err := r.Uncached.Get(ctx, client.ObjectKey{Namespace: p.Namespace, Name: key.Name}, &secret)
	if err != nil || !metav1.IsControlledBy(&secret, p) {
		return nil, client.IgnoreNotFound(err)
	}
	return secret.Data[certificates.AuthorityEntry], nil
}

// written returns the generation that our last write of each workload made.
func (r *Reconciler) written(s *plan.State) map[string]int64 {
	generations := map[string]int64{}
	for name := range s.Deployments {
		generations[name] = r.Applier.Generation(s.Pipeline, apply.Key{Kind: "Deployment", Name: name})
	}
	for name := range s.StatefulSets {
		generations[name] = r.Applier.Generation(s.Pipeline, apply.Key{Kind: "StatefulSet", Name: name})
	}
	return generations
}
