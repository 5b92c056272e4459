package dataplane

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/test/nimsim"
)

// soakTime is for how long all faults follow one another: RAGPIPELINE_SOAK, such as 30m. Without it, some do, twice.
var soakTime, _ = time.ParseDuration(os.Getenv("RAGPIPELINE_SOAK"))

// modelStages are the stages that a model serves.
var modelStages = []config.Stage{config.StageEmbedding, config.StageReranking, config.StageLLM}

// Each model in turn is slow, is cut off, fails every second time, is gone, and comes back. A caller gets
// what the failure policy says, and the gateway leaks nothing.
func TestEveryModelFailsInTurnAndComesBack(t *testing.T) {
	t.Parallel()
	b := besiege(t, nil)
	b.failInTurn()
	begun, first, rounds := time.Now(), b.holdings(), 1
	for ; rounds < 2 || time.Since(begun) < soakTime; rounds++ {
		b.failInTurn()
		if soakTime > 0 {
			b.goneFor(time.Minute, modelStages[rounds%len(modelStages)])
		}
		if rounds%10 == 0 {
			t.Logf("after %d rounds and %v: %+v", rounds, time.Since(begun).Round(time.Second), b.holdings())
		}
		if t.Failed() {
			break
		}
	}
	last := b.holdings()
	t.Logf("%d rounds in %v; the gateway held %+v after the first and %+v after the last", rounds, time.Since(begun), first, last)
	if last.goroutines > first.goroutines+20 || last.files > first.files+20 || last.resident > first.resident+128 ||
		last.live > first.live+16 {
		t.Errorf("it held %+v after the first round and %+v after the last", first, last)
	}
}

// ask asks a question that no question before has asked, so that no cache answers it.
func (b *besieged) ask() reply {
	b.Helper()
	b.asked++
	return b.api.do("POST", "/v1/chat/completions",
		fmt.Sprintf(`{"messages": [{"role": "user", "content": "Where is the wind %d?"}]}`, b.asked))
}

// failInTurn takes each model through its faults.
func (b *besieged) failInTurn() {
	faults := []string{"reset", "short-body", "internal-error"}
	if soakTime == 0 {
		faults = faults[:1]
	}
	for _, role := range modelStages {
		b.sim.Fault(role, nimsim.Slow(300*time.Millisecond))
		b.answers(role, "slow", false)
		b.sim.Mend(role)
		for range 4 {
			b.sim.FaultNext(role, nimsim.Named("reset"), 1)
			b.answers(role, "failing every second time", false)
		}
		for _, fault := range faults {
			b.sim.Fault(role, nimsim.Named(fault))
			for range 6 { // the breaker opens on the way
				b.misses(role, fault)
			}
			b.sim.Mend(role)
			b.recovers(role, fault)
		}
	}
}

// goneFor takes a model away for a while, asking each second, and brings it back.
func (b *besieged) goneFor(while time.Duration, role config.Stage) {
	b.sim.Fault(role, nimsim.Named("reset"))
	for since := time.Now(); time.Since(since) < while; <-time.After(time.Second) {
		b.misses(role, "gone for long")
	}
	b.sim.Mend(role)
	b.recovers(role, "gone for long")
}

// misses fails the test unless a question without that model gets what the failure policy says.
func (b *besieged) misses(role config.Stage, fault string) {
	b.Helper()
	if role == config.StageReranking { // the pod's config says that its failure degrades a reply
		b.answers(role, fault, true)
		return
	}
	if got := b.ask(); got.status < 500 || !strings.Contains(got.body, `"error"`) {
		b.Errorf("%s is gone (%s): status %d: %s", role, fault, got.status, got.body)
	}
}

// answers fails the test unless a question is answered, with a warning if the reply must be degraded.
func (b *besieged) answers(role config.Stage, when string, degraded bool) {
	b.Helper()
	got := b.ask()
	if got.status != 200 || strings.Contains(got.body, `"warnings"`) != degraded {
		b.Errorf("%s %s: status %d: %s", role, when, got.status, got.body)
	}
}

// recovers waits until a question is answered without a warning, which is when the breaker tries the model again: 5 s, on
// a machine that is not loaded.
func (b *besieged) recovers(role config.Stage, fault string) {
	b.Helper()
	var got reply
	since := time.Now()
	for time.Since(since) < patience {
		if got = b.ask(); got.status == 200 && !strings.Contains(got.body, `"warnings"`) {
			b.Logf("%s is used again %v after %s", role, time.Since(since).Round(100*time.Millisecond), fault)
			return
		}
		<-time.After(100 * time.Millisecond)
	}
	b.Errorf("%s is back from %s, and is not used again: status %d: %s", role, fault, got.status, got.body)
}

// holdings is what a gateway at rest holds.
type holdings struct {
	goroutines, files int
	resident, live    int64 // MiB of the process, and of what its heap still needs after a collection
}

func (b *besieged) holdings() (h holdings) {
	b.Helper()
	profile := b.ops.get("/debug/pprof/goroutine?debug=1").body
	if _, err := fmt.Sscanf(profile, "goroutine profile: total %d", &h.goroutines); err != nil {
		b.Fatalf("%v: %.200s", err, profile)
	}
	files, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", b.process.cmd.Process.Pid)) // none without /proc
	h.files, h.resident = len(files), b.memory()
	_, stats, _ := strings.Cut(b.ops.get("/debug/pprof/heap?gc=1&debug=1").body, "# HeapAlloc = ")
	if _, err := fmt.Sscan(stats, &h.live); err != nil {
		b.Fatal("the heap's profile does not say what is live")
	}
	h.live >>= 20
	return h
}
