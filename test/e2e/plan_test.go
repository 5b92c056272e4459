//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/plan"
)

func TestAPlanComesTrue(t *testing.T) {
	t.Parallel()
	n := newNamespace(t)
	embedder := n.host("embedder")
	object := standIns("planned", n.documentsOf(manual(t)))
	object.Spec.Models.Embedding.Model = embedder.endpoint(config.StandInEmbedding)
	p := n.pipeline(object)
	p.settled(2 * readyWithin)
	for _, c := range []struct {
		name   string
		change func(*v1alpha1.RAGPipelineSpec)
	}{
		{"smaller chunks", func(s *v1alpha1.RAGPipelineSpec) { s.Chunking.Size, s.Chunking.Overlap = 450, new(int32(60)) }},
		{"another length of vectors", func(s *v1alpha1.RAGPipelineSpec) { s.Models.Embedding.Dimensions = new(int32(128)) }},
	} {
		t.Log(c.name)
		before, live := len(embedder.passages()), p.get().Status.Index.Generation
		planned := p.plans(c.change)
		if g := planned.Generation; !planned.Changes || !g.New || g.Live != live || len(planned.Downtime) > 0 {
			t.Errorf("the plan is %+v", planned)
		}
		p.edit(c.change)
		if now := p.becomes(live); now != planned.Generation.Next {
			t.Errorf("the generation %s was built, not %s", now, planned.Generation.Next)
		}
		index, estimate := p.get().Status.Index, planned.Generation.Estimate
		near(t, "documents", estimate.Documents, int(index.Documents))
		near(t, "chunks", estimate.Chunks, int(index.Chunks))
		// A chunk whose text the new chunking leaves as it is is not embedded again.
		embedded := len(embedder.passages()) - before
		if !estimate.Estimated {
			near(t, "passages embedded", estimate.Embed, embedded)
		} else if embedded > int(index.Chunks) || embedded*10 < estimate.Embed*9 {
			t.Errorf("%d passages were embedded, %d planned", embedded, estimate.Embed)
		}
		if after := p.plans(c.change); after.Changes {
			t.Errorf("once it is applied, the plan is %+v", after)
		}
	}
}

// manual is the pages of docs.
func manual(t *testing.T) map[string]string {
	t.Helper()
	pages := map[string]string{}
	names, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		pages[filepath.Base(name)] = string(text)
	}
	return pages
}

// plans runs `ragpipeline plan` on the pipeline's manifest with another spec.
func (p *pipeline) plans(change func(*v1alpha1.RAGPipelineSpec)) (planned plan.Preview) {
	p.t.Helper()
	object := p.get()
	next := &v1alpha1.RAGPipeline{ObjectMeta: metav1.ObjectMeta{Name: object.Name, Namespace: object.Namespace}, Spec: object.Spec}
	next.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(v1alpha1.Kind))
	change(&next.Spec)
	raw, err := yaml.Marshal(next)
	if err != nil {
		p.t.Fatal(err)
	}
	cmd := exec.CommandContext(p.t.Context(), "../../bin/image/ragpipeline", "plan", "-f", "-", "-o", "json")
	var out, said bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(raw), &out, &said
	err = cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && (!ok || exit.ExitCode() != 1) {
		p.t.Fatalf("plan: %v: %s", err, said.String())
	}
	if err := json.Unmarshal(out.Bytes(), &planned); err != nil {
		p.t.Fatalf("plan printed %s: %v", out.String(), err)
	}
	if planned.Changes != (err != nil) {
		p.t.Errorf("plan ended with %v, and printed %s", err, out.String())
	}
	return planned
}

// near checks a figure to within 5 %.
func near(t *testing.T, name string, planned, done int) {
	t.Helper()
	t.Logf("%s: %d planned, %d done", name, planned, done)
	if difference := planned - done; max(difference, -difference)*20 > done {
		t.Errorf("%s: %d planned, %d done", name, planned, done)
	}
}
