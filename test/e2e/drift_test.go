//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

func TestAnotherModelBehindTheSameNameIsTold(t *testing.T) {
	t.Parallel()
	n := newNamespace(t)
	embedder := n.host("embedder")
	object := standIns("drift", n.documentsOf(turbine))
	object.Spec.Models.Embedding.Model = embedder.endpoint(config.StandInEmbedding)
	p := n.pipeline(object)
	p.settled(readyWithin)
	prober := p.probe(howFast)
	first := p.get().Status.Index.Generation

	t.Log("it is told, and questions go on with a warning")
	embedder.must(http.MethodPut, "faults/embedding/another-model")
	drifted := func(object *v1alpha1.RAGPipeline) error {
		return errors.Join(
			has(v1alpha1.ConditionEmbeddingReady, metav1.ConditionFalse, "ModelDrifted")(object),
			has(v1alpha1.ConditionReady, metav1.ConditionTrue, "ModelDrifted", "questions are answered, with a warning")(object))
	}
	p.until(saidWithin+time.Minute, "the drift is told", drifted)
	p.warns(true)

	t.Log("nothing is written")
	embedded := len(embedder.passages())
	p.document("valve.md", "# Valve\n\nThe valve of plant Kestrel opens at 17 bar.\n")
	p.until(saidWithin, "the run ends without effect", func(object *v1alpha1.RAGPipeline) error {
		return errors.Join(drifted(object), has(v1alpha1.ConditionStalled, metav1.ConditionTrue, "ModelDrifted")(object),
			p.lacks("docs/valve.md"))
	})
	if now := len(embedder.passages()); now != embedded {
		t.Errorf("%d passages were embedded by the other model", now-embedded)
	}

	t.Log("a rebuild heals")
	p.annotate(naming.AnnotationRebuild, "once")
	p.until(readyWithin, "a fresh generation is live, and there is no way back", func(object *v1alpha1.RAGPipeline) error {
		if object.Status.Index.Generation == first {
			return errors.New("the first is")
		}
		return errors.Join(isSettled(object),
			has(v1alpha1.ConditionIndexReady, metav1.ConditionTrue, "going back", "is unavailable")(object))
	})
	p.answers("At how many bar does the valve of plant Kestrel open?", "17")
	p.warns(false)
	prober.end()
	prober.unfailing(t)
}

// warns waits until a reply warns of another model, or does not.
func (p *pipeline) warns(want bool) {
	p.t.Helper()
	eventually(p.t, saidWithin, fmt.Sprintf("a reply warns: %t", want), func(ctx context.Context) error {
		reply, err := p.ask(ctx, howFast)
		if err != nil {
			return err
		}
		warned := false
		for _, w := range reply.Warnings {
			warned = warned || w.Stage == string(config.StageEmbedding)
		}
		if warned != want {
			return fmt.Errorf("its warnings are %v", reply.Warnings)
		}
		return containsAll(reply.text(), "1234")
	})
}

// lacks objects if a document is indexed.
func (p *pipeline) lacks(document string) error {
	all, err := p.documents(p.t.Context())
	if err == nil && all[document] > 0 {
		err = fmt.Errorf("%s is indexed", document)
	}
	return err
}
