//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/source/s3test"
)

// follows is a pipeline whose documents are those of sites, and its embedding model.
func (n *namespace) follows(sites []*site) (*pipeline, *hosted) {
	n.t.Helper()
	embedder := n.host("embedder")
	object := standIns("follows", "")
	object.Spec.Documents = nil
	for _, s := range sites {
		object.Spec.Documents = append(object.Spec.Documents, s.source)
	}
	object.Spec.Models.Embedding.Model = embedder.endpoint(config.StandInEmbedding)
	p := n.pipeline(object)
	p.settled(2 * readyWithin)
	p.holdsExactly(sites, saidWithin)
	return p, embedder
}

func TestAnIndexFollowsABucketARepositoryPagesAndAShare(t *testing.T) {
	t.Parallel()
	n := newNamespace(t)
	sites := n.sites()
	p, embedder := n.follows(sites)
	first := len(embedder.passages())
	var all, changed []string
	for _, s := range sites {
		for i := range 6 {
			all = append(all, s.valve(i))
		}
	}
	embedder.embedded(t, 0, all)

	for _, s := range sites {
		s.set("valve-0.txt", s.valve(10))           // is changed
		s.set("valve-1.txt"+sidecar, team("south")) // likewise
		s.set("valve-2.txt"+sidecar, "")            // is gone
		s.set("valve-3.txt"+sidecar, team("west"))  // is new
		s.set("valve-4.txt", "")                    // is gone
		s.set("valve-5.txt", "")                    // has another name
		s.set("moved-5.txt", s.valve(5))
		s.set("valve-6.txt", s.valve(6)) // is new
		changed = append(changed, s.valve(10), s.valve(5), s.valve(6))
	}
	p.sync("changes")
	p.holdsExactly(sites, readyWithin)
	p.settled(readyWithin)
	embedder.embedded(t, first, changed)
	for _, s := range p.get().Status.Sources {
		if s.Added != 2 || s.Changed != 4 || s.Removed != 2 || s.Documents != 6 {
			t.Errorf("the status tells of %+v", s)
		}
	}
}

func TestASourceThatFailsKeepsItsDocumentsAndHealsByItself(t *testing.T) {
	long(t)
	t.Parallel()
	n := newNamespace(t)
	sites := n.sites()
	p, embedder := n.follows(sites)
	first := len(embedder.passages())
	prober := p.probe("At how many bar does the valve 3 of the site pages open?")
	bucket, repository, pages := sites[0], sites[1], sites[2]

	t.Log("wrong credentials, a Git host that is down, and a share that refuses; the web server goes on")
	p.update(n.key("bucket"), config.S3SecretAccessKey, "another-secret-key")
	repository.server.running.Close()
	causes := map[string]string{"bucket": "the store refused the credentials", "repository": "connection refused"}
	if len(sites) == 4 {
		p.update(n.key("share"), "RCLONE_CONFIG_FILES_BEARER_TOKEN", "another-token")
		causes["share"] = "exit code"
	}
	pages.set("valve-7.txt", pages.valve(7))
	p.sync("while three fail")
	p.tells(causes)
	p.holdsExactly(sites, readyWithin)

	t.Log("they heal")
	for _, s := range sites {
		s.set("valve-8.txt", s.valve(8))
	}
	n.starts(repository.server)
	p.update(n.key("bucket"), config.S3SecretAccessKey, s3test.SecretAccessKey)
	if len(sites) == 4 {
		p.update(n.key("share"), "RCLONE_CONFIG_FILES_BEARER_TOKEN", shareToken)
	}
	p.settled(2 * readyWithin)
	p.holdsExactly(sites, saidWithin)

	t.Log("a bucket that vanishes, and a web server that is down; the repository goes on")
	back := bucket.vanish()
	pages.server.running.Close()
	repository.set("valve-9.txt", repository.valve(9))
	p.sync("while two fail")
	p.tells(map[string]string{"bucket": "it does not exist", "pages": "it cannot be connected to"})
	p.holdsExactly(sites, readyWithin)

	t.Log("they heal by themselves")
	back()
	n.starts(pages.server)
	p.settled(2 * readyWithin)
	p.holdsExactly(sites, saidWithin)
	var want []string
	for _, s := range sites {
		want = append(want, s.valve(8))
	}
	embedder.embedded(t, first, append(want, pages.valve(7), repository.valve(9)))
	prober.end()
	prober.unfailing(t)
}

// tells waits until the status names each source that fails, and why, while questions are answered.
func (p *pipeline) tells(causes map[string]string) {
	p.t.Helper()
	p.until(readyWithin, "the failures are told", func(object *v1alpha1.RAGPipeline) error {
		for _, s := range object.Status.Sources {
			cause, fails := causes[s.Name]
			if fails != (s.Message != "") || !strings.Contains(s.Message, cause) {
				return fmt.Errorf("source %s: %q", s.Name, s.Message)
			}
		}
		if told := len(object.Status.Sources); told != len(object.Spec.Documents) {
			return fmt.Errorf("%d sources are told of", told)
		}
		return errors.Join(
			has(v1alpha1.ConditionReady, metav1.ConditionTrue)(object),
			has(v1alpha1.ConditionStalled, metav1.ConditionTrue, "SourcesIncomplete", "bucket", causes["bucket"])(object))
	})
}
