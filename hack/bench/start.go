package main

import (
	"context"
	"fmt"
	"time"
)

// sizes are the indexes that questions are asked of, in chunks: that of five quarterly reports, and a larger one.
var sizes = []int{1_458, 20_000}

// start measures how long a gateway takes from its start to the first 200 of /readyz, which is when one retrieval has
// succeeded, and what memory it has when idle.
func (b *bench) start(ctx context.Context) error {
	for _, chunks := range sizes {
		index, err := b.index(ctx, chunks)
		if err != nil {
			return err
		}
		took, memory, err := b.startOften(ctx, index)
		if err != nil {
			return err
		}
		what := func(s string) string { return fmt.Sprintf("%s, %s chunks", s, number(float64(chunks))) }
		b.report.add("Gateway at rest",
			row{what: what("start to ready"), value: took, unit: "ms", atMost: 200},
			row{what: what("idle memory"), value: memory, unit: "MB", atMost: 60})
	}
	return nil
}

// startOften is the median of several starts, in ms, and the idle memory of the last, in MB.
func (b *bench) startOften(ctx context.Context, index string) (took, memory float64, err error) {
	simulator, models, err := b.startSimulator(ctx, "-fast")
	if err != nil {
		return 0, 0, err
	}
	defer simulator.stop()
	times := make([]float64, 9)
	memories := make([]float64, 3)
	for i := range times {
		started := time.Now()
		gateway, err := b.startGateway(ctx, index, models)
		if err != nil {
			return 0, 0, err
		}
		times[i] = milliseconds(time.Since(started))
		if i < len(memories) {
			if err = pause(ctx, 2*time.Second); err == nil {
				memories[i], err = gateway.memory("VmRSS")
			}
		}
		gateway.stop()
		if err != nil {
			return 0, 0, err
		}
	}
	return median(times), median(memories), nil
}
