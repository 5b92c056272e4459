package main

import (
	"context"
	"fmt"
	"time"
)

const (
	// rounds is how often each figure is taken; its median is reported. Gateway and floor take turns,
	// so that both meet the same moods of the machine.
	rounds = 5
	// roundTime is how long a round's load lasts.
	roundTime = time.Second
	// busyInFlight is how many questions are in flight to keep the gateway busy.
	busyInFlight = 16
)

// gateway measures what a question costs beyond its models: with models that answer at once, over
// an index of each size.
func (b *bench) gateway(ctx context.Context) error {
	b.cpu = map[int]cpuFigures{}
	for _, chunks := range sizes {
		index, err := b.index(ctx, chunks)
		if err != nil {
			return err
		}
		plain, err := b.recordCalls(ctx, index, false)
		if err != nil {
			return err
		}
		streamed, err := b.recordCalls(ctx, index, true)
		if err != nil {
			return err
		}
		simulator, models, err := b.startSimulator(ctx, "-fast")
		if err != nil {
			return err
		}
		gateway, err := b.startGateway(ctx, index, models)
		if err != nil {
			simulator.stop()
			return err
		}
		m := &overhead{bench: b, gateway: gateway, client: newClient(gateway.url), models: models,
			plain: plain, streamed: streamed}
		err = m.measure(ctx, chunks)
		gateway.stop()
		simulator.stop()
		if err != nil {
			return err
		}
	}
	return nil
}

// overhead measures one gateway.
type overhead struct {
	*bench
	gateway         *gatewayProcess
	client          *client
	models          string
	plain, streamed calls
}

func (m *overhead) measure(ctx context.Context, chunks int) error {
	if err := m.client.check(ctx); err != nil {
		return err
	}
	if _, err := closed(ctx, busyInFlight, roundTime, m.client.ask); err != nil { // heap and connections settle
		return err
	}
	title := fmt.Sprintf("Gateway, %s chunks of %s dimensions", number(float64(chunks)), number(dimensions))
	busy, capacity, err := m.busy(ctx, title)
	if err != nil {
		return err
	}
	alone, err := m.alone(ctx, title)
	if err != nil {
		return err
	}
	m.cpu[chunks] = cpuFigures{busy, alone}
	if err := m.firstTokens(ctx, title); err != nil {
		return err
	}
	if err := m.halfLoad(ctx, title, capacity/2); err != nil {
		return err
	}
	return m.client.check(ctx) // so that what was measured were whole answers, too
}

// busy measures when the machine is saturated. It returns the CPU of a question in ms, and the
// questions/s that are answered.
func (m *overhead) busy(ctx context.Context, title string) (used, capacity float64, err error) {
	var cpu, floor, ratio, rate []float64
	for range rounds {
		o, used, err := m.load(ctx, busyInFlight)
		if err != nil {
			return 0, 0, err
		}
		f, err := m.floor(ctx, m.models, m.plain, busyInFlight, roundTime)
		if err != nil {
			return 0, 0, err
		}
		cpu, floor, ratio = append(cpu, used), append(floor, f.CPU), append(ratio, used/f.CPU)
		rate = append(rate, o.rate())
	}
	m.report.add(title,
		row{what: "**CPU a question**, saturated", value: median(cpu), unit: "ms"},
		row{what: "**questions/s a core**", value: 1000 / median(cpu)},
		row{what: "floor: CPU of the same three calls", value: median(floor), unit: "ms"},
		row{what: "CPU a question, to the floor", value: median(ratio), unit: "x"},
		row{what: "questions/s with client, models and gateway on this machine", value: median(rate)})
	return median(cpu), median(rate), nil
}

// alone measures a question when it is the only one in flight, and returns its CPU in ms.
func (m *overhead) alone(ctx context.Context, title string) (used float64, err error) {
	var cpu, p50, beyond []float64
	for range rounds {
		o, used, err := m.load(ctx, 1)
		if err != nil {
			return 0, err
		}
		f, err := m.floor(ctx, m.models, m.plain, 1, roundTime)
		if err != nil {
			return 0, err
		}
		cpu, p50, beyond = append(cpu, used), append(p50, median(o.latencies)), append(beyond, median(o.latencies)-f.P50)
	}
	m.report.add(title,
		row{what: "CPU a question, one in flight", value: median(cpu), unit: "ms"},
		row{what: "p50, one in flight", value: median(p50), unit: "ms"},
		row{what: "p50 beyond the upstreams, one in flight", value: median(beyond), unit: "ms", atMost: 1.5})
	return median(cpu), nil
}

// load keeps the gateway at work for a round, and returns its CPU a question in ms as well.
func (m *overhead) load(ctx context.Context, inFlight int) (outcome, float64, error) {
	before, err := m.gateway.cpu()
	if err != nil {
		return outcome{}, 0, err
	}
	o, err := closed(ctx, inFlight, roundTime, m.client.ask)
	if err != nil {
		return outcome{}, 0, err
	}
	after, err := m.gateway.cpu()
	return o, milliseconds(after-before) / float64(len(o.latencies)), err
}

// firstTokens measures the time to the first word of a streamed answer.
func (m *overhead) firstTokens(ctx context.Context, title string) error {
	var first, beyond []float64
	for range rounds {
		var times collector
		_, err := closed(ctx, 1, roundTime, func(ctx context.Context) error {
			asked := time.Now()
			word, err := firstToken(ctx, m.client.http, m.client.url, chatBody(int(m.client.next.Add(1)), true))
			times.latency(milliseconds(word.Sub(asked)))
			return err
		})
		if err != nil {
			return err
		}
		f, err := m.floor(ctx, m.models, m.streamed, 1, roundTime)
		if err != nil {
			return err
		}
		first, beyond = append(first, median(times.latencies)), append(beyond, median(times.latencies)-f.FirstToken)
	}
	m.report.add(title,
		row{what: "time to first token, p50", value: median(first), unit: "ms"},
		row{what: "time to first token beyond the upstreams, p50", value: median(beyond), unit: "ms"})
	return nil
}

// halfLoad measures latencies at a rate that the gateway can bear.
func (m *overhead) halfLoad(ctx context.Context, title string, rate float64) error {
	var p50, p99 []float64
	for range rounds {
		o, err := opened(ctx, rate, 2*roundTime, m.client.ask)
		if err != nil {
			return err
		}
		p50, p99 = append(p50, median(o.latencies)), append(p99, quantile(o.latencies, 0.99))
	}
	at := fmt.Sprintf("at %s questions/s, half of that", number(rate))
	m.report.add(title,
		row{what: "p50 " + at, value: median(p50), unit: "ms"},
		row{what: "p99 " + at, value: median(p99), unit: "ms", atMost: 10})
	return nil
}
