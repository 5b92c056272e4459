package controllers_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/apply"
	"github.com/ragpipeline/ragpipeline/internal/desired"
	"github.com/ragpipeline/ragpipeline/internal/naming"
	"github.com/ragpipeline/ragpipeline/test/apiserver"
)

// awaitGeneration waits until a generation that is none of others is live.
func (c *cluster) awaitGeneration(name string, others ...string) string {
	c.Helper()
	var now string
	apiserver.Eventually(c, patience, func() string {
		now = c.awaitReady(name).Status.Index.Generation
		for _, other := range others {
			if now == other {
				return "another generation than " + other
			}
		}
		return ""
	})
	return now
}

// awaitRetained waits until exactly these generations are retained, each up to date.
func (c *cluster) awaitRetained(name string, want ...string) []v1alpha1.RetainedGeneration {
	c.Helper()
	var retained []v1alpha1.RetainedGeneration
	apiserver.Eventually(c, patience, func() string {
		retained = c.pipeline(name).Status.Index.Retained
		got := []string{}
		for _, r := range retained {
			if r.LastSyncTime == nil || r.Problem != "" {
				return fmt.Sprintf("%s to be brought up to date: %+v", r.Generation, r)
			}
			got = append(got, r.Generation)
		}
		if fmt.Sprint(got) != fmt.Sprint(append([]string{}, want...)) {
			return fmt.Sprintf("%v to be retained: %v", want, got)
		}
		return ""
	})
	return retained
}

// awaitRecords waits until the generations have exactly so many records.
func (c *cluster) awaitRecords(p *v1alpha1.RAGPipeline, want ...string) {
	c.Helper()
	names := naming.For(p)
	apiserver.Eventually(c, patience, func() string {
		children, found := c.children(p), 0
		for key := range children {
			if key.Kind == "ConfigMap" && len(key.Name) == len(names.Generation("00000000")) && key.Name[:len(key.Name)-8] == names.Generation("") {
				found++
			}
		}
		for _, fingerprint := range want {
			if _, ok := children[apply.Key{Kind: "ConfigMap", Name: names.Generation(fingerprint)}]; !ok {
				return "a record of " + fingerprint
			}
		}
		if found != len(want) {
			return fmt.Sprintf("%d records: there are %d", len(want), found)
		}
		return ""
	})
}

func TestAReplacedGenerationIsKeptUpToDateAndGoneBackTo(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	startOperator(t, c.namespace)
	p := c.awaitReady(c.applySample("quickstart.yaml").Name)
	first, size := p.Status.Index.Generation, p.Spec.Chunking.Size
	c.change(p, `{"spec":{"chunking":{"size":400,"overlap":50}}}`)
	second := c.awaitGeneration(p.Name, first)
	kept := c.awaitRetained(p.Name, first)[0]
	if day := kept.Until.Sub(kept.ReplacedTime.Time); day != 24*time.Hour || kept.EmbeddingModel == "" {
		t.Errorf("it is kept for %s: %+v", day, kept)
	}
	c.awaitRecords(p, first, second)

	c.change(p, fmt.Sprintf(`{"spec":{"chunking":{"size":%d,"overlap":200}}}`, size))
	if now := c.awaitGeneration(p.Name, second); now != first {
		t.Errorf("%s is live, want %s", now, first)
	}
	c.awaitRetained(p.Name, second)

	c.change(p, `{"spec":{"index":{"retain":"0s"}}}`)
	c.awaitRetained(p.Name)
	c.awaitRecords(p, first)
}

// While a pipeline is suspended, nothing is pruned; the author of a planted record knows which generation comes next.
func TestARecordThatIsPlantedForALaterGenerationIsMadeAnew(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	startOperator(t, c.namespace)
	p := c.awaitReady(c.applySample("quickstart.yaml").Name)
	first := p.Status.Index.Generation
	c.change(p, `{"spec":{"suspend":true}}`)
	apiserver.Eventually(t, patience, func() string {
		if p = c.pipeline(p.Name); p.Status.ObservedGeneration != p.Generation {
			return "the pipeline to be suspended"
		}
		return ""
	})
	next := p.DeepCopy()
	next.Spec.Chunking.Size, next.Spec.Chunking.Overlap = 400, new(int32(50))
	record := desired.NewRecord(next)
	record.Embedding.Endpoint = &v1alpha1.Endpoint{URL: "https://theirs.example.com/v1"}
	text, err := json.Marshal(record)
	c.check(err)
	planted := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: naming.For(p).Generation(record.Fingerprint()),
			Labels:          naming.Labels(p, naming.ComponentGeneration),
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(p, v1alpha1.GroupVersion.WithKind(v1alpha1.Kind))}},
		Data: map[string]string{desired.RecordKey: string(text)},
	}
	planted.Labels[naming.LabelGeneration] = record.Fingerprint()
	c.check(c.Create(t.Context(), planted))
	c.change(p, `{"spec":{"suspend":false,"chunking":{"size":400,"overlap":50}}}`)
	if second := c.awaitGeneration(p.Name, first); second != record.Fingerprint() {
		t.Fatalf("the record was planted for %s, and %s came", record.Fingerprint(), second)
	}
	made := new(corev1.ConfigMap)
	c.check(c.Get(t.Context(), client.ObjectKeyFromObject(planted), made))
	if text := made.Data[desired.RecordKey]; made.UID == planted.UID || strings.Contains(text, "theirs") {
		t.Errorf("the record is %s", text)
	}
}

func TestAnAbandonedBuildLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	startOperator(t, c.namespace)
	p := c.awaitReady(c.applySample("quickstart.yaml").Name)
	first := p.Status.Index.Generation
	c.Hold(true)
	c.change(p, `{"spec":{"chunking":{"size":400,"overlap":50}}}`)
	c.awaitReason(p.Name, v1alpha1.ConditionReconciling, metav1.ConditionTrue, v1alpha1.ReasonIndexing)
	var second string
	apiserver.Eventually(t, patience, func() string {
		if b := c.pipeline(p.Name).Status.Index.Building; b != nil && b.Generation != first {
			second = b.Generation
			return ""
		}
		return "the second generation to be built"
	})
	c.change(p, `{"spec":{"chunking":{"size":300,"overlap":50}}}`)
	apiserver.Eventually(t, patience, func() string {
		if b := c.pipeline(p.Name).Status.Index.Building; b == nil || b.Generation == first || b.Generation == second {
			return "the third generation to be built"
		}
		return ""
	})
	for key, child := range c.children(p) {
		if child.GetLabels()[naming.LabelGeneration] == second {
			t.Errorf("the abandoned build left %s %s", key.Kind, key.Name)
		}
	}
	c.Hold(false)
	third := c.awaitGeneration(p.Name, first)
	c.awaitRetained(p.Name, first)
	c.awaitRecords(p, first, third)
}

func TestARunThatIsAskedForComesBeforeABuild(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	startOperator(t, c.namespace)
	p := c.awaitReady(c.applySample("quickstart.yaml").Name)
	first := p.Status.Index.Generation
	// runs returns what is missing until one run alone is active, which is, or is not, of the first generation.
	runs := func(ofFirst, asked bool) func() string {
		return func() string {
			var jobs batchv1.JobList
			c.check(c.List(c.Context(), &jobs, client.InNamespace(c.namespace), client.MatchingLabels{naming.LabelPipeline: p.Name}))
			jobs.Items = slices.DeleteFunc(jobs.Items, func(j batchv1.Job) bool { return len(j.Status.Conditions) > 0 })
			b := c.pipeline(p.Name).Status.Index.Building
			if len(jobs.Items) != 1 || b == nil || (b.Generation == first) != ofFirst {
				return fmt.Sprintf("a run of the first generation (%t) alone: there are %d, and %+v", ofFirst, len(jobs.Items), b)
			}
			run := jobs.Items[0]
			if confirms := slices.Contains(run.Spec.Template.Spec.Containers[0].Args, "--confirm-prune"); confirms != asked ||
				(run.Labels[naming.LabelGeneration] == first) != ofFirst {
				return fmt.Sprintf("the run %s of generation %s, asked for: %t", run.Name, run.Labels[naming.LabelGeneration], confirms)
			}
			return ""
		}
	}
	c.Hold(true)
	c.change(p, `{"spec":{"chunking":{"size":400,"overlap":50}}}`)
	apiserver.Eventually(t, patience, runs(false, false))
	c.change(p, `{"metadata":{"annotations":{"ragpipeline.io/sync":"confirm-prune now"}}}`)
	apiserver.Eventually(t, patience, runs(true, true))
	c.Hold(false)
	c.awaitGeneration(p.Name, first)
	c.awaitRetained(p.Name, first)
}
