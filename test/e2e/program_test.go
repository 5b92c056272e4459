//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
)

// The program of a source fetches documents in the run's pod. While it fails after half of its work, nothing of what it
// fetched before is removed, the other source goes on, and the condition names it; then it heals.
func TestAProgramFetchesDocuments(t *testing.T) {
	t.Parallel()
	n := newNamespace(t)
	object := standIns("program", n.documentsOf(turbine))
	object.Spec.Documents = append(object.Spec.Documents, v1alpha1.Source{Name: "fetched", Container: &v1alpha1.ContainerSource{
		Image: v1alpha1.Image(simulatorImage), Command: []v1alpha1.Argument{"/seed"}, Args: []v1alpha1.Argument{"/documents", "0", "4"},
	}})
	p := n.pipeline(object)
	p.settled(2 * readyWithin)
	p.hasFetched(4)
	p.mountsNoToken()
	prober := p.probe(howFast)

	t.Log("it adds some, and leaves some out")
	p.fetches("/documents", "1", "6")
	p.hasFetched(7)
	p.fetches("/documents", "0", "5")
	p.hasFetched(5)

	t.Log("it fails after half of them, while the other source changes")
	p.fetches("/documents", "0", "2", "7")
	p.until(readyWithin, "the failure is told", func(object *v1alpha1.RAGPipeline) error {
		return errors.Join(
			has(v1alpha1.ConditionReady, metav1.ConditionTrue)(object),
			has(v1alpha1.ConditionStalled, metav1.ConditionTrue, "SourcesIncomplete", "source 'fetched'", "exit code 7")(object))
	})
	p.document("valve.md", "# Valve\n\nThe valve of plant Kestrel opens at 17 bar.\n")
	p.answers("At how many bar does the valve of plant Kestrel open?", "17")
	p.hasFetched(5)

	t.Log("it heals")
	p.fetches("/documents", "0", "3")
	p.hasFetched(3)
	p.settled(readyWithin)
	prober.end()
	prober.unfailing(t)
}

// fetches starts the program otherwise.
func (p *pipeline) fetches(args ...v1alpha1.Argument) {
	p.t.Helper()
	p.edit(func(s *v1alpha1.RAGPipelineSpec) { s.Documents[1].Container.Args = args })
}

// hasFetched waits until the index holds exactly so many documents of the program.
func (p *pipeline) hasFetched(count int) {
	p.t.Helper()
	eventually(p.t, readyWithin, fmt.Sprintf("there are %d fetched documents", count), func(ctx context.Context) error {
		all, err := p.documents(ctx)
		if err != nil {
			return err
		}
		fetched := 0
		for document := range all {
			if len(document) > 8 && document[:8] == "fetched/" {
				fetched++
			}
		}
		if fetched != count {
			return fmt.Errorf("there are %d: %s", fetched, cmp.Diff(nil, all))
		}
		return nil
	})
}
