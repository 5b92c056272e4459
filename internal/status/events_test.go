package status

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// A pipeline's life in events: what a person sees with kubectl describe.
func TestEvents(t *testing.T) {
	for _, c := range []struct {
		name  string
		steps []step
		want  []string // of the last step
	}{
		{"it was applied", history(applied), nil},
		{"it is ready", fromReady(), []string{
			"Normal Ready Ready: questions are answered",
			"Normal Ready IndexReady is True", "Normal Ready GatewayReady is True",
			"Normal GenerationSwitched generation 1111aaaa", "Normal Indexed the index contains 208 documents",
		}},
		{"progress is no event", fromReady(at(time.Minute, edit, rebuilds(40, 200)), at(time.Minute, rebuilds(90, 200))), nil},
		{"the LLM is overloaded", fromReady(at(time.Minute, stageFails(config.StageLLM, "ModelOverloaded", "too much", 429))), []string{
			"Warning ModelOverloaded Ready is False: too much", "Warning ModelOverloaded LLMReady is False: too much",
		}},
		{"a retired model", fromReady(at(time.Minute, stageFails(config.StageLLM, "ModelRetired", "gone", 410))), []string{
			"Warning ModelRetired Ready is False: gone", "Warning ModelRetired Stalled: gone", "Warning ModelRetired LLMReady is False: gone",
		}},
		{"the retired model was replaced", fromReady(at(time.Minute, stageFails(config.StageLLM, "ModelRetired", "gone", 410)), at(time.Minute, edit, serves)), []string{
			"Normal Ready Ready: questions are answered", "Normal Ready LLMReady is True", "Normal Recovered the pipeline is no longer stalled",
		}},
		{"the reranking model is down", fromReady(at(time.Minute, rerankerUnreachable)), []string{
			"Warning Degraded Ready: questions are answered without reranking", "Warning ModelUnreachable RerankingReady is False",
		}},
		{"the next index is being built", fromReady(at(time.Minute, edit, rebuilds(0, 200), func(w *world) {
			w.p.Status.Index.ChunksPerSecond = "40.0"
			w.o.Gateways[0].Index.ChunksPerSecond = 40
			w.o.Build = &Build{Chunks: 2800, Changes: []config.Change{
				{Field: "spec.chunking.size", Old: "800", New: "400", Cause: config.ChunkingChanged}}}
		})), []string{
			"Normal GenerationBuilding generation 2222bbbb is being built because of spec.chunking.size: 800 -> 400; " +
				"generation 1111aaaa serves until it is complete; about 2800 chunks to embed, in about 1m10s at the rate of the last run",
		}},
		{"the next index takes over", fromReady(at(time.Minute, edit, rebuilds(40, 200)), at(time.Minute, switched)), []string{
			"Normal GenerationSwitched generation 2222bbbb", "Normal Indexed the index contains 200 documents",
		}},
		{"the store waits for its volume", fromStart(waitsForVolume), []string{
			"Normal VolumeNotBound Ready is False", "Normal VolumeNotBound VectorStoreReady is False",
		}},
		{"the volume does not come", fromStart(waitsForVolume, at(11*time.Minute)), []string{"Warning VolumeNotBound Stalled: "}},
		{"documents were only partly read", fromReady(at(time.Minute, partlyReads)), []string{
			"Warning PartlyRead 12 documents were only partly read: PagesWithoutText (9), HiddenText (5); " +
				"for example papers/a.docx (HiddenText), papers/a.docx (PagesWithoutText), papers/b.pdf (PagesWithoutText, page 2, page 3, page 5); " +
				"status.index.warnings has examples, the gateway's /v1/documents?warnings=true all of them",
		}},
		{"documents are still only partly read", fromReady(at(time.Minute, partlyReads), at(time.Minute, unreadable), at(time.Minute, serves, partlyReads)), []string{
			"Normal Ready Ready: questions are answered", "Normal Ready LLMReady is True", "Normal Ready GatewayReady is True",
		}},
		{"too many documents failed for the next index", fromReady(at(time.Minute, edit, rebuilds(40, 200)), at(time.Minute, failedRun(0, "TooManyFailed", tooMany))), []string{
			"Warning TooManyFailed Stalled: " + tooMany,
		}},
		{"too many documents fail in the live index", fromReady(at(time.Minute, edit, atMost("1"))), []string{
			"Warning TooManyFailed IndexReady is True: 2 of 210 documents failed",
		}},
		{"a run waits for others after an upgrade", fromReady(at(time.Minute, queued)), []string{
			"Normal Queued Reconciling: the operator was upgraded and reads the documents again; this pipeline waits",
		}},
		{"documents are read again after an upgrade", fromReady(at(time.Minute, queued), at(time.Minute, rereads)), nil},
		{"it was suspended", fromReady(at(time.Minute, suspend)), []string{"Normal Suspended Ready: the pipeline is suspended"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var before, now v1alpha1.RAGPipelineStatus
			testCase{steps: c.steps}.run(t, func(w *world) { before, now = now, *w.p.Status.DeepCopy() })
			var got []string
			for i, e := range Events(before, now) {
				line := fmt.Sprintf("%s %s %s", e.Type, e.Reason, e.Message)
				if i < len(c.want) && strings.HasPrefix(line, c.want[i]) {
					line = c.want[i]
				}
				got = append(got, line)
				if e.Action == "" || e.Type != corev1.EventTypeNormal && e.Type != corev1.EventTypeWarning {
					t.Errorf("%+v", e)
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

var waitsForVolume = at(time.Minute, down(naming.ComponentWeaviate, pod(unscheduled(noVolume))))

func TestTheWayToReadyHasNoWarning(t *testing.T) {
	var now v1alpha1.RAGPipelineStatus
	unreachable := stageFails(config.StageEmbedding, config.ModelUnreachable, "connection refused", 0)
	noStore := stageFails(config.StageIndex, config.IndexUnreachable, "connection refused", 0)
	steps := fromStart(waitsForVolume, at(time.Minute, created), running1, at(time.Minute, indexes),
		at(time.Minute, serves, notReadyYet, unreachable), at(time.Second, serves, notReadyYet, noStore),
		at(time.Second, serves, notReadyYet), served1)
	testCase{steps: steps}.run(t, func(w *world) {
		before := now
		now = *w.p.Status.DeepCopy()
		for _, e := range Events(before, now) {
			if e.Type != corev1.EventTypeNormal {
				t.Errorf("%s %s: %s", e.Type, e.Reason, e.Message)
			}
		}
	})
	if !meta.IsStatusConditionTrue(now.Conditions, v1alpha1.ConditionReady) {
		t.Errorf("the way ends before the pipeline is Ready: %+v", now.Conditions)
	}
}

func TestTimesOfConditions(t *testing.T) {
	unreachable := stageFails(config.StageLLM, "ModelUnreachable", "no route", 0)
	overloaded := stageFails(config.StageLLM, "ModelOverloaded", "too much", 429)
	for _, c := range []struct {
		name, condition string
		steps           []step
		want            time.Duration // after noon
	}{
		{"Ready keeps its time while its status stays", v1alpha1.ConditionReady, fromReady(at(time.Minute, unreachable), at(time.Minute, overloaded)), 5 * time.Minute},
		{"Reconciling has that of its reason", v1alpha1.ConditionReconciling, fromReady(at(time.Minute, unreachable), at(time.Minute, overloaded), at(time.Minute)), 6 * time.Minute},
		{"an edit starts its time anew", v1alpha1.ConditionReconciling, fromReady(at(time.Minute, unreachable), at(time.Minute, edit), at(time.Minute)), 6 * time.Minute},
		{"Stalled has the time when it began", v1alpha1.ConditionStalled, fromReady(at(time.Minute, unreachable), at(11*time.Minute), at(time.Hour)), 16 * time.Minute},
		{"a component's is its own", v1alpha1.ConditionLLMReady, fromReady(at(time.Minute), at(time.Minute, unreachable), at(time.Minute)), 6 * time.Minute},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := testCase{steps: c.steps}.run(t, func(*world) {})
			condition := meta.FindStatusCondition(w.p.Status.Conditions, c.condition)
			if condition == nil {
				t.Fatalf("no %s among %v", c.condition, w.p.Status.Conditions)
			}
			if got := condition.LastTransitionTime.Sub(noon); got != c.want {
				t.Errorf("got %s after noon, want %s", got, c.want)
			}
		})
	}
}
