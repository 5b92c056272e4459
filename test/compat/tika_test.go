package compat

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ragpipeline/ragpipeline/test/loopback"
)

// startTika runs a real Apache Tika with OCR until the test ends, and returns its URL. Without Java, Maven or Tesseract
// the test is skipped, or fails if RAGPIPELINE_COMPAT asks for it.
func startTika(t *testing.T) string {
	t.Helper()
	for _, program := range []string{"java", "mvn", "tesseract"} {
		if _, err := exec.LookPath(program); err != nil {
			if os.Getenv("RAGPIPELINE_COMPAT") == "require" {
				t.Fatalf("RAGPIPELINE_COMPAT=require, but there is no %s in PATH", program)
			}
			t.Skipf("skipped: there is no %s in PATH, which Apache Tika needs", program)
		}
	}
	jar, err := output(t.Context(), filepath.Join("..", "..", "hack", "tika", "jar.sh"))
	if err != nil {
		t.Fatal(err)
	}
	at := loopback.Free(t)
	host, port, _ := net.SplitHostPort(at)
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, "java", "-Xmx64m", "-jar", strings.TrimSpace(jar), "--host", host, "--port", port)
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // so that it ends the process that it forked
	cmd.WaitDelay = 20 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // it was interrupted
		if t.Failed() {
			t.Logf("Tika's log ends in:\n%s", tail(log.String(), 2000))
		}
	})
	address := "http://" + at
	if err := waitReady(t.Context(), address+"/version"); err != nil {
		t.Fatal(err)
	}
	return address
}

func tail(s string, n int) string { return s[max(0, len(s)-n):] }

// unreliable is a way to a server that may break.
type unreliable struct {
	*httputil.ReverseProxy
	// fault answers in the server's place when it is not nil.
	fault atomic.Pointer[http.HandlerFunc]
	asked atomic.Int64
}

func (u *unreliable) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	u.asked.Add(1)
	if fault := u.fault.Load(); fault != nil {
		(*fault)(w, r)
		return
	}
	u.ReverseProxy.ServeHTTP(w, r)
}

// cut ends n connections in the middle of a reply, as a server that is killed does, and then lets the server answer.
func (u *unreliable) cut(n int64) http.HandlerFunc {
	var asked atomic.Int64
	return func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) > n {
			u.ReverseProxy.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Length", "1000")
		fmt.Fprint(w, `{"X-TIKA:content": "<html`)
		panic(http.ErrAbortHandler)
	}
}

// pipeline is a directory with a pipeline whose documents need an extraction server.
type pipeline struct {
	t              *testing.T
	binary, dir    string
	manifest, data string
}

func newPipeline(t *testing.T, server string) pipeline {
	t.Helper()
	dir := t.TempDir()
	binary, err := build(t.Context(), dir) // the race detector's memory is beyond the limit of a reader's process
	if err != nil {
		t.Fatal(err)
	}
	p := pipeline{t: t, binary: binary, dir: dir, manifest: filepath.Join(dir, "pipeline.yaml"), data: filepath.Join(dir, "data")}
	text := fmt.Sprintf(`
apiVersion: ragpipeline.io/v1alpha1
kind: RAGPipeline
metadata: {name: demo}
spec:
  documents:
  - {name: works, persistentVolumeClaim: {claimName: works}}
  extraction: {server: {endpoint: {url: %q, protocol: Tika}}}
  models: {embedding: {standIn: {}}, reranking: {standIn: {}}, llm: {standIn: {}}}
  vectorStore: {weaviate: {}}
`, server)
	if err := os.WriteFile(p.manifest, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

// citation is where an answer comes from.
type citation struct {
	Document string `json:"document_name"`
	Metadata struct {
		Page int `json:"page_number"`
	} `json:"metadata"`
}

// ask runs the pipeline, asks it, and returns the first citation and the run's report.
func (p pipeline) ask(question string) (first citation, report string, err error) {
	p.t.Helper()
	cmd := exec.CommandContext(p.t.Context(), p.binary, "run", "-f", p.manifest, "--documents", filepath.Join("testdata", "scans"),
		"--data", p.data, "--ask", question, "--output", "json")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	var reply struct {
		Citations struct {
			Results []citation `json:"results"`
		} `json:"citations"`
	}
	if err == nil {
		err = json.Unmarshal(stdout.Bytes(), &reply)
	}
	if len(reply.Citations.Results) > 0 {
		first = reply.Citations.Results[0]
	}
	return first, stderr.String(), err
}

// A real Tika reads a scan, an RTF and a Word document from before 2007: the binary answers from each, from the right
// page. When the way to it breaks, the documents fail alone, and the next run reads them although they did not change.
func TestTikaReadsWhatTheBuiltInReadersCannot(t *testing.T) {
	target, err := url.Parse(startTika(t))
	if err != nil {
		t.Fatal(err)
	}
	way := &unreliable{ReverseProxy: httputil.NewSingleHostReverseProxy(target)}
	front := newFront(t, way)
	p := newPipeline(t, front)

	way.fault.Store(new(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>Welcome</html>") })))
	if _, report, err := p.ask("x"); err == nil || strings.Count(report, "ServerFailed") < 3 || !strings.Contains(report, "unusable reply") {
		t.Errorf("with a server that answers nonsense: %v\n%s", err, report)
	}

	way.fault.Store(new(way.cut(1)))
	for _, c := range []struct {
		question, document string
		page               int
	}{
		{"How often is the impeller of pump P-17 replaced?", "handbook.pdf", 2},
		{"On which day of the month is used oil collected?", "handbook.pdf", 3},
		{"What is the serial number of the compressor?", "letter.rtf", 0},
		{"Who is the inspector of hall four?", "crane.doc", 0},
	} {
		first, report, err := p.ask(c.question)
		if err != nil {
			t.Fatalf("%s: %v\n%s", c.question, err, report)
		}
		if !strings.HasSuffix(first.Document, c.document) || first.Metadata.Page != c.page {
			t.Errorf("%s: answered from %s, page %d; want %s, page %d\n%s", c.question, first.Document, first.Metadata.Page,
				c.document, c.page, report)
		}
	}
	if asked := way.asked.Load(); asked != 3+1+3 { // nonsense, the cut reply, and each document once more
		t.Errorf("the server was asked %d times, want 7", asked)
	}
}

func newFront(t *testing.T, handler http.Handler) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	return "http://" + l.Addr().String()
}
