package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
)

// The LLM of overload answers so many questions at once, each in that time, and lets any number wait.
const (
	llmParallel = 8
	llmTakes    = 200 * time.Millisecond
	llmRate     = float64(llmParallel) * float64(time.Second) / float64(llmTakes) // questions/s
)

const (
	// overloadTime is how long each load lasts.
	overloadTime = 15 * time.Second
	// overloadMemory is a quarter of what the operator lets a gateway take, in MB.
	overloadMemory = 256
)

// overload measures what a gateway answers when it is asked as much as its LLM can answer, twice that and
// ten times that, and how soon after that it serves one question as before.
func (b *bench) overload(ctx context.Context) error {
	index, err := b.index(ctx, sizes[0])
	if err != nil {
		return err
	}
	simulator, models, err := b.startSimulator(ctx, "-fast", "-busy=llm",
		fmt.Sprintf("-parallel=%d", llmParallel), fmt.Sprintf("-takes=%v", llmTakes))
	if err != nil {
		return err
	}
	defer simulator.stop()
	gateway, err := b.startGateway(ctx, index, models)
	if err != nil {
		return err
	}
	defer gateway.stop()
	ask := newClient(gateway.url)
	if err := ask.check(ctx); err != nil {
		return err
	}
	if _, err := opened(ctx, llmRate/2, overloadTime/3, ask.ask); err != nil { // what an ordinary day is
		return err
	}
	before, err := gateway.memory("VmHWM")
	if err != nil {
		return err
	}
	title := fmt.Sprintf("Overload, an LLM that answers %s questions/s", number(llmRate))
	atOnce := math.NaN()
	for _, times := range []float64{1, 2, 10} {
		o, err := opened(ctx, times*llmRate, overloadTime, ask.ask)
		if err != nil {
			return err
		}
		p99 := b.underLoad(title, times, o, atOnce)
		if times == 1 {
			atOnce = p99
		}
	}
	return b.afterwards(ctx, title, gateway, ask, before)
}

// underLoad reports an outcome and returns the p99 of the questions that were accepted. atOnce is that of
// the first load.
func (b *bench) underLoad(title string, times float64, o outcome, atOnce float64) (p99 float64) {
	accepted := slices.DeleteFunc(slices.Clone(o.latencies), func(ms float64) bool { return math.IsInf(ms, 1) })
	p99 = quantile(accepted, 0.99)
	at := fmt.Sprintf("asked %sx that", number(times))
	latency := row{what: "p99 of what was accepted, " + at, value: p99, unit: "ms"}
	if times > 1 {
		latency.atMost = 2 * atOnce
	}
	b.report.add(title,
		row{what: "answered, " + at,
			value: float64(len(accepted)) / o.took.Seconds() / llmRate * 100, unit: "%", atLeast: 90},
		row{what: "refused by 429, " + at,
			value: 100 * float64(len(o.latencies)-len(accepted)) / float64(len(o.latencies)), unit: "%"},
		row{what: "p50 of what was accepted, " + at, value: median(accepted), unit: "ms"}, latency)
	return p99
}

// afterwards reports the first question after the loads, and the memory that they took.
func (b *bench) afterwards(ctx context.Context, title string, gateway *gatewayProcess, ask *client,
	before float64) error {
	asked := time.Now()
	if err := ask.check(ctx); err != nil {
		return fmt.Errorf("the first question afterwards: %w", err)
	}
	took := time.Since(asked)
	after, err := gateway.memory("VmHWM")
	b.report.add(title,
		row{what: "the first question afterwards", value: milliseconds(took), unit: "ms",
			atMost: 2 * milliseconds(llmTakes)},
		row{what: "the gateway's peak memory before", value: before, unit: "MB"},
		row{what: "the gateway's peak memory afterwards", value: after, unit: "MB", atMost: overloadMemory})
	return errors.Join(err, ctx.Err())
}
