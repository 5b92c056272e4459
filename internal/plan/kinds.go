package plan

import (
	"slices"
	"strconv"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/derive"
	"github.com/ragpipeline/ragpipeline/internal/desired"
	"github.com/ragpipeline/ragpipeline/internal/naming"
	"github.com/ragpipeline/ragpipeline/internal/status"
)

// kind holds the decisions that differ between kinds of tasks. Starting a task, following a failed
// one and reading how it ended are common to all.
type kind struct {
	desired.TaskKind
	// task returns the task that is wanted now. If its config or trigger differs from the newest
	// Job's, another Job is made.
	task func(*State, desired.Facts) (desired.Task, error)
	// interval returns how long after the end of a task the next one is due, whatever has changed; 0 for never.
	interval func(*State) time.Duration
	// startable reports whether everything that its pods need exists and serves.
	startable func(*State) bool
}

// kinds are all kinds of tasks.
var kinds = []kind{ingestion}

// ingestion builds the wanted generation, or brings it up to date with its sources.
var ingestion = kind{
	TaskKind: desired.Ingestion,
	task: func(s *State, f desired.Facts) (desired.Task, error) {
		c, err := desired.IngestConfig(s.Pipeline, f)
		return desired.Task{
			Kind: desired.Ingestion, Config: c, Trigger: s.ingestTrigger(), Rules: s.Rules,
			Workers: s.Pipeline.Spec.Ingest.Workers,
		}, err
	},
	interval: (*State).syncInterval,
	startable: func(s *State) bool {
		return s.sourcesExist() && s.embeddingAvailable() && !s.drifted(s.wanted().Fingerprint()) &&
			s.storeAvailable() && s.extractionSettled()
	},
}

func (s *State) ingestTrigger() desired.Trigger {
	return desired.Trigger{
		Sources:  s.sourceVersions(),
		Sync:     s.Pipeline.Annotations[naming.AnnotationSync],
		Rebuilds: s.rebuilds(),
	}
}

// sourceVersions are the versions of the sources' objects, in the order of the spec.
func (s *State) sourceVersions() (versions []desired.SourceVersion) {
	for _, source := range s.Pipeline.Spec.Documents {
		kind := derive.KindOf(source)
		for _, named := range kind.Objects {
			object := s.Objects[ObjectKey(named.Kind, named.Name)]
			v := desired.SourceVersion{Source: source.Name, UID: object.UID}
			if kind.Versioned {
				v.ResourceVersion = object.ResourceVersion
			}
			versions = append(versions, v)
		}
	}
	return versions
}

// rebuilds counts how often the live index was found gone after a run had completed it, such as
// with its volume.
func (s *State) rebuilds() int {
	newest := s.newestJob(naming.ComponentIngest)
	if newest == nil {
		return 0
	}
	count := rebuildsOf(newest)
	if finished(newest) != batchv1.JobComplete {
		return count
	}
	wanted := s.wanted().Fingerprint()
	for _, report := range s.Gateways {
		index := report.Stages[config.StageIndex]
		if report.Generation == wanted && index.Reason == config.IndexNotBuilt && index.Since.After(finishedAt(newest)) {
			return count + 1
		}
	}
	return count
}

func rebuildsOf(job *batchv1.Job) int {
	n, _ := strconv.Atoi(job.Annotations[naming.AnnotationRebuilds])
	return n
}

func (s *State) sourcesExist() bool {
	return !slices.ContainsFunc(s.Missing, func(m status.Missing) bool { return m.Component == naming.ComponentIngest })
}

// embeddingAvailable reports whether the spec's embedding model serves. A model that the operator
// does not run is taken to serve.
func (s *State) embeddingAvailable() bool {
	name := desired.ModelWorkload(s.Pipeline, naming.ComponentEmbedding, s.Pipeline.Spec.Models.Embedding.Model)
	d := s.Deployments[name]
	return name == "" || d != nil && d.Status.AvailableReplicas > 0
}

// drifted reports whether a gateway of the generation has found that the embedding model is no longer the one which
// built it: a run would write nothing.
func (s *State) drifted(fingerprint string) bool {
	return slices.ContainsFunc(s.Gateways, func(r config.OpsStatus) bool {
		return r.Generation == fingerprint && r.Stages[config.StageEmbedding].Reason == config.ModelDrifted
	})
}

// recovered reports whether a gateway of the wanted generation has found since then that the embedding model is the
// one which built it again.
func (s *State) recovered(since time.Time) bool {
	wanted := s.wanted().Fingerprint()
	return !s.drifted(wanted) && slices.ContainsFunc(s.Gateways, func(r config.OpsStatus) bool {
		embedding := r.Stages[config.StageEmbedding]
		return r.Generation == wanted && embedding.OK && embedding.Since.After(since)
	})
}

// extractionSettled reports whether a Tika that the operator runs serves, has served before, or has
// had ten minutes to start. A run goes on without one that is gone, and what needs it waits for the
// next run.
func (s *State) extractionSettled() bool {
	e := s.Pipeline.Spec.Extraction
	if e == nil || e.Server.Tika == nil {
		return true
	}
	d := s.Deployments[naming.For(s.Pipeline).Stage(naming.ComponentExtraction)]
	return d != nil && (d.Status.AvailableReplicas > 0 || slices.ContainsFunc(d.Status.Conditions, rolledOut))
}

// rolledOut reports whether the condition tells that a Deployment's pods have all been available, or
// that its progressDeadlineSeconds have passed.
func rolledOut(c appsv1.DeploymentCondition) bool {
	const completed = "NewReplicaSetAvailable"
	return c.Type == appsv1.DeploymentProgressing && (c.Status == corev1.ConditionFalse || c.Reason == completed)
}

// storeAvailable reports whether every replica of the store is ready. A store that the operator
// does not run is taken to be ready.
func (s *State) storeAvailable() bool {
	if s.Pipeline.Spec.VectorStore.Weaviate == nil {
		return true
	}
	set := s.StatefulSets[naming.For(s.Pipeline).Weaviate()]
	return set != nil && set.Status.ReadyReplicas == ptr.Deref(set.Spec.Replicas, 1)
}
