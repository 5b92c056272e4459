//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

func TestEveryChangeTakesEffectAndNoQuestionFails(t *testing.T) {
	t.Parallel()
	n := newNamespace(t)
	catalogue := n.host("catalogue")
	n.create(secret("nvidia", map[string]string{"NVIDIA_API_KEY": "nvapi-first"}))
	p := n.sample("quickstart.yaml", func(p *v1alpha1.RAGPipeline) {
		p.Spec.Index.Retain = new(metav1.Duration)
		p.Spec.Models.LLM.Model = catalogue.endpoint(config.StandInLLM)
		p.Spec.Models.LLM.Endpoint.SecretRef = &v1alpha1.SecretKey{Name: "nvidia", Key: "NVIDIA_API_KEY"}
	})
	prober := p.probe(howToSwitch)
	p.settled(readyWithin)
	begun := time.Now()
	others := func() string { return p.startTimes(naming.ComponentWeaviate, naming.ComponentStandIn) }
	before, runs := others(), p.runs()

	t.Log("k and topN")
	p.edit(func(s *v1alpha1.RAGPipelineSpec) { s.Retrieval.K, s.Retrieval.TopN = 7, 2 })
	p.settled(readyWithin)
	eventually(t, saidWithin, "the gateway retrieves otherwise", func(ctx context.Context) error {
		state, err := p.index(ctx)
		if err == nil && (state.Retrieval.K != 7 || state.Retrieval.TopN != 2) {
			err = fmt.Errorf("as %+v", state.Retrieval)
		}
		if err != nil {
			return err
		}
		reply, err := p.ask(ctx, howToSwitch) // of the old pod perhaps, which drains
		if err == nil && len(reply.Citations.Results) != 2 {
			err = fmt.Errorf("topN is 2, and the reply has %d passages", len(reply.Citations.Results))
		}
		return err
	})

	t.Log("the prompt")
	p.edit(func(s *v1alpha1.RAGPipelineSpec) { s.Gateway.Prompt.System = "Answer as a pirate." })
	p.settled(readyWithin)
	eventually(t, saidWithin, "the LLM is told the prompt", func(ctx context.Context) error {
		_, body, err := catalogue.last(ctx, config.StageLLM)
		if err != nil {
			return err
		}
		return containsAll(fmt.Sprint(body["messages"]), "Answer as a pirate.")
	})

	t.Log("the gateway's replicas")
	gateway := p.startTimes(naming.ComponentGateway)
	two := int32(2)
	p.edit(func(s *v1alpha1.RAGPipelineSpec) { s.Gateway.Replicas = &two })
	eventually(t, saidWithin, "two gateways", func(ctx context.Context) error {
		if now := p.startTimes(naming.ComponentGateway); strings.Count(now, "gateway") != 2 || !strings.Contains(now, gateway) {
			return fmt.Errorf("from %s to %s", gateway, now)
		}
		return nil
	})
	p.settled(readyWithin)

	t.Log("a key")
	gateway = p.startTimes(naming.ComponentGateway)
	p.update(n.key("nvidia"), "NVIDIA_API_KEY", "nvapi-second")
	eventually(t, 2*saidWithin, "the new key is sent", func(ctx context.Context) error {
		request, _, err := catalogue.last(ctx, config.StageLLM)
		if err != nil {
			return err
		}
		return containsAll(request.Header.Get("Authorization"), "nvapi-second")
	})
	if now := p.startTimes(naming.ComponentGateway); now != gateway {
		t.Errorf("a new key restarted gateways:\n%s\n%s", gateway, now)
	}

	if now := p.runs(); now != runs {
		t.Errorf("what has nothing to do with the index started a run: %s, then %s", runs, now)
	}

	t.Log("the chunk size")
	old := p.get().Status.Index.Generation
	p.edit(func(s *v1alpha1.RAGPipelineSpec) {
		s.Chunking.Size = 300
		overlap := int32(50)
		s.Chunking.Overlap = &overlap
	})
	p.until(readyWithin, "the new index is live", func(object *v1alpha1.RAGPipeline) error {
		if object.Status.Index.Generation == old {
			return errors.New("the old one is")
		}
		return isSettled(object)
	})
	p.oneGenerationIsLeft()
	if now := others(); now != before {
		t.Errorf("something restarted that had no cause to:\n%s\n%s", before, now)
	}
	prober.end()
	prober.unfailing(t)
	prober.neverUnready(t, begun)
}

// runs names the ingestion runs that there are.
func (p *pipeline) runs() (names string) {
	p.t.Helper()
	var jobs batchv1.JobList
	if err := api.List(p.t.Context(), &jobs, client.InNamespace(p.namespace.name), client.MatchingLabels{naming.LabelPipeline: p.name}); err != nil {
		p.t.Fatal(err)
	}
	for _, job := range jobs.Items {
		names += job.Name + " "
	}
	return names
}

// oneGenerationIsLeft waits until the records and collections of old generations are gone.
func (p *pipeline) oneGenerationIsLeft() {
	p.t.Helper()
	p.settled(readyWithin)
	live := p.get().Status.Index.Generation
	eventually(p.t, readyWithin, "the old generation goes", func(ctx context.Context) error {
		var records corev1.ConfigMapList
		if err := api.List(ctx, &records, client.InNamespace(p.namespace.name),
			client.MatchingLabels{naming.LabelPipeline: p.name, naming.LabelComponent: naming.ComponentGeneration}); err != nil {
			return err
		}
		if len(records.Items) != 1 {
			return fmt.Errorf("there are %d generations", len(records.Items))
		}
		return p.storeHoldsOnly(ctx, live)
	})
}

// storeHoldsOnly asks the Weaviate itself which collections it has.
func (p *pipeline) storeHoldsOnly(ctx context.Context, generation string) error {
	s, err := p.store(ctx)
	if err != nil {
		return err
	}
	collections, err := s.collections(ctx)
	if err != nil {
		return err
	}
	if len(collections) == 0 {
		return errors.New("it has no collection")
	}
	for _, collection := range collections {
		if !strings.Contains(collection, generation) {
			return fmt.Errorf("it still has the collection %s", collection)
		}
	}
	return nil
}

func TestAChangedDocumentIsIndexedAgainAndAgain(t *testing.T) {
	t.Parallel()
	n := newNamespace(t)
	p := n.pipeline(standIns("documents", n.documentsOf(turbine)))
	prober := p.probe(howFast)
	p.settled(readyWithin)
	begun := time.Now()
	seen := map[string]bool{p.runs(): true}
	for _, speed := range []string{"2345", "3456", "4567"} {
		p.document("turbine.md", "# Turbine\n\nThe turbine of plant Kestrel turns "+speed+" times a minute.\n")
		p.answers(howFast, speed)
		p.settled(readyWithin)
		if runs := p.runs(); seen[runs] {
			t.Errorf("the run for %s is an old one: %s", speed, runs)
		} else {
			seen[runs] = true
		}
	}
	p.document("valve.md", "# Valve\n\nThe valve of plant Kestrel opens at 17 bar.\n")
	p.answers("At how many bar does the valve of plant Kestrel open?", "17")
	p.document("valve.md", "")
	eventually(t, saidWithin, "a deleted document goes", func(ctx context.Context) error {
		all, err := p.documents(ctx)
		if err == nil && (len(all) != 1 || all["docs/turbine.md"] != 1) {
			err = fmt.Errorf("there are %v", all)
		}
		return err
	})
	prober.end()
	prober.unfailing(t)
	prober.neverUnready(t, begun)
}

// document sets a document of the ConfigMap docs; an empty one is deleted.
func (n *namespace) document(name, text string) {
	n.t.Helper()
	object := new(corev1.ConfigMap)
	if err := api.Get(n.t.Context(), n.key("docs"), object); err != nil {
		n.t.Fatal(err)
	}
	object.Data[name] = text
	if text == "" {
		delete(object.Data, name)
	}
	if err := api.Update(n.t.Context(), object); err != nil {
		n.t.Fatal(err)
	}
}
