package gateway

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// However requests of any weight come, make way for another caller's, give up and leave: the next one never waits
// while it fits.
func TestTheNextOneRunsAsSoonAsItFits(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	refused := 0
	for range 300 {
		l := newLimiter(8, 4, time.Hour)
		type request struct {
			*waiter
			caller string
		}
		var waiting, running []request
		for range 60 {
			switch random.IntN(4) {
			case 0, 1:
				r := request{caller: string(rune('a' + min(random.IntN(6), 2)))}
				if r.waiter = l.enter(r.caller, 1+random.IntN(9)); r.waiter != nil {
					waiting = append(waiting, r)
				}
			case 2:
				if n := len(waiting); n > 0 {
					l.giveUp(waiting[n-1].caller, waiting[n-1].waiter)
				}
			case 3:
				if len(running) > 0 {
					l.place(running[0].weight).leave(0)
					running = running[1:]
				}
			}
			waiting = slices.DeleteFunc(waiting, func(r request) bool {
				select {
				case <-r.admitted:
					running = append(running, r)
					return true
				case <-r.refused:
					refused++
					return true
				default:
					return !slices.Contains(l.queues[r.caller], r.waiter)
				}
			})
			if l.waiting == 0 {
				continue
			}
			if next := l.queues[l.turns[0]][0]; l.fits(next.weight) {
				t.Fatalf("one of weight %d waits while %d of %d run", next.weight, l.running, l.limit.concurrent())
			}
		}
	}
	if refused == 0 {
		t.Error("no request made way for another")
	}
}
