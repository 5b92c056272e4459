package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/ragpipeline/ragpipeline/hack/bench/audit"
)

func (m *operators) title() string {
	return fmt.Sprintf("Operator, %d pipelines applied at once, every %dth with NIMs", m.pipelines, operatorNIMs)
}

func (m *operators) quietTitle() string {
	return fmt.Sprintf("Operator, the same %d pipelines when nobody touches them", m.pipelines)
}

func (m *operators) restartTitle() string {
	return fmt.Sprintf("Operator, restarted with these %d pipelines", m.pipelines)
}

// usage is what the operator has used since its start.
type usage struct {
	cpu    time.Duration
	peak   float64 // MB
	passes float64
}

func (u usage) since(before usage) usage {
	return usage{cpu: u.cpu - before.cpu, peak: u.peak, passes: u.passes - before.passes}
}

func (m *operators) usage(ctx context.Context) (u usage, err error) {
	cpu, cpuErr := m.process.cpu()
	peak, peakErr := m.process.memory("VmHWM")
	passes, passesErr := m.passes(ctx)
	return usage{cpu, peak, passes}, errors.Join(cpuErr, peakErr, passesErr)
}

// passes reads from the operator's metrics how many there were.
func (m *operators) passes(ctx context.Context) (sum float64, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, m.metrics, nil)
	if err != nil {
		return 0, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		name, value, found := strings.Cut(lines.Text(), " ")
		if found && strings.HasPrefix(name, "controller_runtime_reconcile_total{") {
			number, err := strconv.ParseFloat(value, 64)
			if err != nil {
				return 0, err
			}
			sum += number
		}
	}
	return sum, lines.Err()
}

// settle waits until the operator has written nothing for a while, and returns its requests.
func (m *operators) settle(ctx context.Context, log *audit.Log) ([]audit.Request, error) {
	ctx, cancel := m.patient(ctx)
	defer cancel()
	for {
		requests, err := log.Requests()
		if err != nil {
			return nil, err
		}
		all := count(requests)
		if all.writes > 0 && time.Since(all.last) > operatorQuiet {
			return requests, nil
		}
		if err := pause(ctx, time.Second); err != nil {
			return nil, err
		}
	}
}

// counts are of requests to the API server.
type counts struct {
	writes, reads                               float64   // watches and Leases are neither
	applies, creates, statuses, events, refused float64   // of the writes
	last                                        time.Time // write
}

func count(requests []audit.Request) (c counts) {
	for _, r := range requests {
		if !r.Writes() {
			if r.Verb != "watch" && r.Of.Resource != "leases" && r.Of.Resource != "" {
				c.reads++
			}
			continue
		}
		c.writes++
		c.last = r.At
		switch {
		case r.Refused():
			c.refused++
		case r.Event():
			c.events++
		case r.Status():
			c.statuses++
		case r.Apply():
			c.applies++
			if r.Creates() {
				c.creates++
			}
		}
	}
	return c
}

// reportRequests says what was asked of the API server, and how far that is from the least: each
// child created, and one status written.
func (m *operators) reportRequests() {
	all := count(m.requests)
	a := func(n float64) float64 { return n / float64(m.pipelines) }
	m.report.add(m.title(),
		row{what: "**writes a pipeline**", value: a(all.writes)},
		row{what: "of them children that were created", value: a(all.creates)},
		row{what: "of them children that were applied again", value: a(all.applies - all.creates)},
		row{what: "of them statuses", value: a(all.statuses)},
		row{what: "of them events", value: a(all.events)},
		row{what: "of them refused, as conflicts are", value: a(all.refused)},
		row{what: "writes, to the floor of each child and one status",
			value: all.writes / (all.creates + float64(m.pipelines)), unit: "x"},
		row{what: "reads a pipeline, watches aside", value: a(all.reads)},
		row{what: "passes a pipeline", value: a(m.converged.passes)},
		row{what: "**CPU a pipeline**, until nothing is written any more",
			value: a(milliseconds(m.converged.cpu)), unit: "ms"},
		row{what: "**peak memory**", value: m.converged.peak, unit: "MB"})
}
