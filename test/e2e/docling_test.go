//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract/server/servertest"
)

// moody is an extraction server whose conversions go wrong as long as somebody wants it.
type moody struct {
	mu    sync.Mutex
	fault func(w http.ResponseWriter) bool
}

func (m *moody) become(fault func(w http.ResponseWriter) bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fault = fault
}

func (m *moody) answer(w http.ResponseWriter, _ string) bool {
	m.mu.Lock()
	fault := m.fault
	m.mu.Unlock()
	return fault != nil && fault(w)
}

// letter is a document that only the extraction server reads.
func letter(number int) string {
	return fmt.Sprintf(`{\rtf1 The letter %d is about the compressor %d.}`, number, 7000+number)
}

// An extraction server that answers nonsense costs the documents that need it, for as long as it does; one that is slow
// costs them time. The others are indexed, and every question is answered meanwhile.
func TestANonsensicalOrSlowExtractionServerCostsItsDocumentsAlone(t *testing.T) {
	long(t)
	t.Parallel()
	n := newNamespace(t)
	mood := new(moody)
	front := n.serve(&servertest.Docling{Fault: mood.answer})
	object := standIns("letters", n.documentsOf(map[string]string{"turbine.md": turbine["turbine.md"], "one.rtf": letter(1)}))
	object.Spec.Extraction = &v1alpha1.Extraction{Server: v1alpha1.ExtractionServer{Endpoint: &v1alpha1.ExtractionEndpoint{
		URL: v1alpha1.URL("http://" + front.address), Protocol: string(config.Docling),
	}}}
	p := n.pipeline(object)
	p.settled(readyWithin)
	p.answers("Which compressor is the letter 1 about?", "7001")
	prober := p.probe(howFast)

	mood.become(func(w http.ResponseWriter) bool {
		fmt.Fprint(w, `<html><body>It works!</body></html>`)
		return true
	})
	n.document("two.rtf", letter(2))
	n.document("valve.md", "# Valve\n\nThe valve of plant Kestrel opens at 7 bar.\n")
	p.until(2*readyWithin, "the letter fails, and the other document is indexed", p.documentsAre(3, 1))
	p.until(readyWithin, "the failure is told", func(object *v1alpha1.RAGPipeline) error {
		if reasons := object.Status.Index.FailureReasons; len(reasons) != 1 || reasons[0].Reason != string(config.ServerFailed) {
			return fmt.Errorf("the reasons are %+v", reasons)
		}
		return has(v1alpha1.ConditionReady, metav1.ConditionTrue)(object)
	})
	p.answers("At how many bar does the valve of plant Kestrel open?", "7 bar")

	release := make(chan struct{})
	free := sync.OnceFunc(func() { close(release) })
	t.Cleanup(free)
	asked := make(chan struct{}, 1)
	mood.become(func(http.ResponseWriter) bool {
		select {
		case asked <- struct{}{}:
		default:
		}
		<-release
		return false
	})
	n.document("three.rtf", letter(3))
	select {
	case <-asked:
	case <-time.After(4 * readyWithin):
		t.Fatal("no run asks the server")
	}
	p.until(readyWithin, "a run waits for the server", func(object *v1alpha1.RAGPipeline) error {
		if object.Status.Index.Building == nil {
			return errors.New("no run is under way")
		}
		return has(v1alpha1.ConditionReady, metav1.ConditionTrue)(object)
	})
	free()
	mood.become(nil)
	p.until(4*readyWithin, "all letters are read, though one of them has not changed", p.documentsAre(5, 0))
	p.answers("Which compressor is the letter 2 about?", "7002")
	prober.end()
	prober.unfailing(t)
}
