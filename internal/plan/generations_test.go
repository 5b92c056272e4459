package plan

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/desired"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// rechunked is the generation that the pipeline would want with chunks of another size.
func rechunked(s *State, size int32) desired.Record {
	p := s.Pipeline.DeepCopy()
	p.Spec.Chunking.Size = size
	return desired.NewRecord(p)
}

func TestTheLiveGenerationAndThoseThatDrain(t *testing.T) {
	wanted := desired.NewRecord(standing().Pipeline)
	old, older := rechunked(standing(), 400), rechunked(standing(), 300)
	remembers := func(r desired.Record) func(*testing.T, *State) {
		return func(_ *testing.T, s *State) {
			s.Pipeline.Status.Index = &v1alpha1.IndexStatus{Generation: r.Fingerprint()}
		}
	}
	pinned := func(r desired.Record, component string, phase corev1.PodPhase) func(*testing.T, *State) {
		return func(_ *testing.T, s *State) {
			labels := map[string]string{naming.LabelComponent: component, naming.LabelGeneration: r.Fingerprint()}
			pod := corev1.Pod{ObjectMeta: metav1.ObjectMeta{Labels: labels}}
			pod.Status.Phase = phase
			s.Pods = append(s.Pods, pod)
		}
	}
	gateway := func(r desired.Record, phase corev1.PodPhase) func(*testing.T, *State) {
		return pinned(r, naming.ComponentGateway, phase)
	}
	ran := func(ended batchv1.JobConditionType) func(*testing.T, *State) {
		return func(t *testing.T, s *State) { s.Jobs = append(s.Jobs, job("a", wantedTask(t, s), ended, time.Hour)) }
	}
	reported := func(lastSync time.Time) func(*testing.T, *State) {
		return func(_ *testing.T, s *State) {
			s.Gateways = []config.OpsStatus{{Generation: wanted.Fingerprint(), Index: config.IndexStatus{LastSync: lastSync}}}
		}
	}
	type changes []func(*testing.T, *State)
	for name, c := range map[string]struct {
		changes  changes
		live     *desired.Record
		draining []desired.Record
	}{
		"nothing is live before the first run":      {},
		"nothing is live while it runs":             {changes: changes{ran("")}},
		"nothing is live if it fails":               {changes: changes{ran(batchv1.JobFailed)}},
		"what it completes is live":                 {changes: changes{ran(batchv1.JobComplete)}, live: &wanted},
		"the status remembers what is live":         {changes: changes{remembers(wanted)}, live: &wanted},
		"so does the index":                         {changes: changes{reported(noon)}, live: &wanted},
		"an index that was never synced is not":     {changes: changes{reported(time.Time{})}},
		"the old one is live while the next builds": {changes: changes{remembers(old), ran("")}, live: &old},
		"a generation without a record is not live": {changes: changes{remembers(rechunked(standing(), 200))}},
		"then the old one drains": {
			changes:  changes{remembers(old), ran(batchv1.JobComplete), gateway(old, corev1.PodRunning)},
			live:     &wanted,
			draining: []desired.Record{old},
		},
		"until its pods have ended": {
			changes: changes{remembers(old), ran(batchv1.JobComplete), gateway(old, corev1.PodFailed)},
			live:    &wanted,
		},
		"a run's pod keeps its generation too": {
			changes:  changes{remembers(old), pinned(older, naming.ComponentIngest, corev1.PodRunning)},
			live:     &old,
			draining: []desired.Record{older},
		},
		"what is live or wanted does not drain": {
			changes: changes{remembers(old), gateway(old, ""), pinned(wanted, naming.ComponentIngest, "")},
			live:    &old,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := standing()
			s.Records = map[string]desired.Record{}
			for _, r := range []desired.Record{wanted, old, older} {
				s.Records[r.Fingerprint()] = r
			}
			for _, change := range c.changes {
				change(t, s)
			}
			next, err := For(s, noon)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.live, next.Facts.Live); diff != "" {
				t.Errorf("live (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.draining, next.Facts.Draining); diff != "" {
				t.Errorf("draining (-want +got):\n%s", diff)
			}
		})
	}
}
