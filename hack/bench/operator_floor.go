package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
)

// The operator's floor is a client that makes the same children with the same bodies, writes each
// pipeline's last status, and reads as many reports; it watches nothing and decides nothing. It
// runs as a process of its own.

// floorWrite is a request that the floor's client makes.
type floorWrite struct {
	URI  string          `json:"uri"`
	Body json.RawMessage `json:"body"`
}

// floors runs the floor's client, on namespaces of its own, and says how far the operator is from
// it.
func (m *operators) floors(ctx context.Context) error {
	urls := m.path("urls.json")
	if err := writeJSON(urls, m.cluster.ReportURLs()); err != nil {
		return err
	}
	reading, err := m.operatorFloor(ctx, "-read", urls, "-times", strconv.Itoa(max(1, int(m.reports)/m.pipelines)))
	if err != nil {
		return err
	}
	if err := m.cluster.StopPlaying(); err != nil {
		return err
	}
	writes, err := m.floorWrites(ctx)
	if err != nil {
		return err
	}
	file := m.path("writes.json")
	if err := writeJSON(file, writes); err != nil {
		return err
	}
	applying, err := m.operatorFloor(ctx, "-writes", file)
	if err != nil {
		return err
	}
	m.report.add(m.title(),
		row{what: "floor: CPU of the same creations and one status, a pipeline",
			value: applying.CPU / float64(m.pipelines), unit: "ms"},
		row{what: "CPU, to the floor", value: milliseconds(m.converged.cpu) / applying.CPU, unit: "x"},
		row{what: "floor: creating them, eight at once", value: applying.Took, unit: "s"})
	m.report.add(m.quietTitle(),
		row{what: "floor: CPU of reading a report", value: reading.CPU / float64(reading.Requests), unit: "ms"},
		row{what: "CPU, to the floor of reading the same reports",
			value: milliseconds(m.quiet.cpu) / m.reports / (reading.CPU / float64(reading.Requests)), unit: "x"})
	return nil
}

// floorWrites are each child's first apply and each pipeline's last status, moved to namespaces of
// their own.
func (m *operators) floorWrites(ctx context.Context) ([]floorWrite, error) {
	for n := range operatorNamespaces {
		if err := m.Namespace(ctx, strings.Replace(namespace(n), "bench-", "floor-", 1)); err != nil {
			return nil, err
		}
	}
	var writes []floorWrite
	statuses := map[string]floorWrite{}
	for _, r := range m.requests {
		move := floorWrite{strings.Replace(r.URI, "/namespaces/bench-", "/namespaces/floor-", 1),
			bytes.ReplaceAll(r.Body, []byte(`"namespace":"bench-`), []byte(`"namespace":"floor-`))}
		switch {
		case r.Refused() || r.Event() || !r.Writes():
		case r.Status():
			statuses[r.URI] = move
		case r.Apply() && r.Creates():
			writes = append(writes, move)
		}
	}
	for _, w := range statuses {
		p := new(v1alpha1.RAGPipeline)
		if err := json.Unmarshal(w.Body, p); err != nil {
			return nil, err
		}
		p.ObjectMeta = metav1.ObjectMeta{Namespace: p.Namespace, Name: p.Name}
		status := p.Status
		if err := m.Client.Create(ctx, p); err != nil {
			return nil, err
		}
		p.APIVersion, p.Kind, p.Status = v1alpha1.GroupVersion.String(), v1alpha1.Kind, status
		p.ManagedFields = nil
		body, err := json.Marshal(p)
		if err != nil {
			return nil, err
		}
		writes = append(writes, floorWrite{w.URI, body})
	}
	return writes, nil
}

// operatorFloorFigures is what the floor's client found.
type operatorFloorFigures struct {
	CPU      float64 `json:"cpu"`  // ms
	Took     float64 `json:"took"` // s
	Requests int     `json:"requests"`
}

func (m *operators) operatorFloor(ctx context.Context, args ...string) (f operatorFloorFigures, err error) {
	err = itself(ctx, &f, append([]string{"operator-floor", "-kubeconfig", m.Kubeconfig}, args...)...)
	return f, err
}

// runOperatorFloor is the floor's client.
func runOperatorFloor(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("operator-floor", flag.ContinueOnError)
	kubeconfig := flags.String("kubeconfig", "", "file that says where the API server is")
	writeFile := flags.String("writes", "", "file with the writes to make")
	readFile := flags.String("read", "", "file with URLs to read")
	times := flags.Int("times", 1, "how often to read each")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	var writes []floorWrite
	var urls []string
	if err := errors.Join(readJSON(*writeFile, &writes), readJSON(*readFile, &urls)); err != nil {
		return err
	}
	config, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	if err != nil {
		return err
	}
	server, err := rest.HTTPClientFor(config)
	if err != nil {
		return err
	}
	before, started := ownCPU(), time.Now()
	err = side(len(writes), func(i int) error { return writes[i].make(ctx, server, config.Host) })
	if err != nil {
		return err
	}
	client := newHTTPClient()
	for range *times {
		if err := side(len(urls), func(i int) error { return read(ctx, client, urls[i]) }); err != nil {
			return err
		}
	}
	return json.NewEncoder(stdout).Encode(operatorFloorFigures{
		CPU: milliseconds(ownCPU() - before), Took: time.Since(started).Seconds(), Requests: len(writes) + *times*len(urls),
	})
}

func readJSON(file string, into any) error {
	if file == "" {
		return nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

// make applies a child, or replaces a pipeline's status.
func (w floorWrite) make(ctx context.Context, client *http.Client, host string) error {
	method, contentType := http.MethodPatch, "application/apply-patch+yaml"
	if strings.Contains(w.URI, "/status") {
		method, contentType = http.MethodPut, "application/json"
	}
	request, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(host, "/")+w.URI, bytes.NewReader(w.Body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", contentType)
	return finish(client, request)
}

func read(ctx context.Context, client *http.Client, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	return finish(client, request)
}

// finish makes a request and reads the whole reply, keeping nothing.
func finish(client *http.Client, request *http.Request) error {
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode >= 300 {
		text, _ := io.ReadAll(io.LimitReader(response.Body, 2000))
		return fmt.Errorf("%s %s: %s: %s", request.Method, request.URL, response.Status, text)
	}
	_, err = io.Copy(io.Discard, response.Body)
	return err
}
