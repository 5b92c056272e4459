package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// sizes are the indexes that questions are asked of, in chunks: that of five quarterly reports, and
// a larger one.
var sizes = []int{1_458, 20_000}

// start measures how long a gateway takes from its start to the first 200 of /readyz, which is when
// one retrieval has succeeded, and what memory it has when idle.
func (b *bench) start(ctx context.Context) error {
	for _, chunks := range sizes {
		index, err := b.index(ctx, chunks)
		if err != nil {
			return err
		}
		took, resident, own, err := b.startOften(ctx, index)
		if err != nil {
			return err
		}
		what := func(s string) string { return fmt.Sprintf("%s, %s chunks", s, number(float64(chunks))) }
		b.report.add("Gateway at rest",
			row{what: what("start to ready"), value: took, unit: "ms", atMost: 200},
			row{what: what("idle memory, resident"), value: resident, unit: "MB", atMost: 60},
			row{what: what("of that its own, the rest being pages of the binary"), value: own, unit: "MB"})
	}
	return nil
}

// startOften is the median of several starts, in ms, and of the idle memory after some of them, in
// MB.
func (b *bench) startOften(ctx context.Context, index string) (took, resident, own float64, err error) {
	simulator, models, err := b.startSimulator(ctx, "-fast")
	if err != nil {
		return 0, 0, 0, err
	}
	defer simulator.stop()
	var times, residents, owns []float64
	for i := range 9 {
		started := time.Now()
		gateway, err := b.startGateway(ctx, index, models)
		if err != nil {
			return 0, 0, 0, err
		}
		times = append(times, milliseconds(time.Since(started)))
		if i < 3 {
			var all, anonymous float64
			all, anonymous, err = gateway.idle(ctx)
			residents, owns = append(residents, all), append(owns, anonymous)
		}
		gateway.stop()
		if err != nil {
			return 0, 0, 0, err
		}
	}
	return median(times), median(residents), median(owns), nil
}

// idle is the memory after some seconds without a question, in MB: what is resident, and what of it
// is no file's.
func (p *process) idle(ctx context.Context) (resident, anonymous float64, err error) {
	if err := pause(ctx, 2*time.Second); err != nil {
		return 0, 0, err
	}
	resident, residentErr := p.memory("VmRSS")
	anonymous, anonymousErr := p.memory("RssAnon")
	return resident, anonymous, errors.Join(residentErr, anonymousErr)
}
