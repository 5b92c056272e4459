// Command bench measures this project and prints its figures as Markdown tables, with the aim of
// each and whether it is met. It builds the binary and the NIM simulator, runs each as a process of
// its own on loopback, and reads their CPU and memory from /proc, so it needs Linux.
// docs/benchmarks.md says what the figures mean.
//
//	go run ./hack/bench [-only NAME,...] [-pdfs DIR] [-chunks N] [-pipelines N] [-langchain [-python PATH]] [-out FILE]
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/ragpipeline/ragpipeline/internal/index/weaviate/weaviatetest"
)

// measurements are all there are, in their order. The last compares with what the others found.
var measurements = []struct {
	name string
	run  func(*bench, context.Context) error
}{
	{"splitting", (*bench).splitting},
	{"pdf", (*bench).pdf},
	{"ingestion", (*bench).ingestion},
	{"scale", (*bench).scale},
	{"start", (*bench).start},
	{"gateway", (*bench).gateway},
	{"overload", (*bench).overload},
	{"operator", (*bench).operator},
	{"langchain", (*bench).langchain},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	run := run
	if len(os.Args) > 1 { // this program starts itself as a floor's client
		switch os.Args[1] {
		case "floor":
			run = runFloor
		case "operator-floor":
			run = runOperatorFloor
		}
	}
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	only := flags.String("only", "", "measurements to make, separated by commas: "+strings.Join(names(), ", "))
	langchain := flags.Bool("langchain", false, "compare with a LangChain chain; needs Python and some minutes")
	python := flags.String("python", "",
		"a Python that has hack/bench/langchain/requirements.txt; without it, a venv is made")
	pdfs := flags.String("pdfs", "", "directory of PDFs to read; generated ones when empty")
	chunks := flags.Int("chunks", 100_000, "chunks that scale ingests")
	pipelines := flags.Int("pipelines", 200, "pipelines that the operator has, all applied at once")
	out := flags.String("out", "", "file to write the tables to as well")
	if err := flags.Parse(args); err != nil {
		return err
	}
	chosen, err := choose(*only, *langchain)
	if err != nil {
		return err
	}
	if _, err := os.Stat("hack/bench/main.go"); err != nil {
		return errors.New("run it from the repository's root, as `make bench` does")
	}
	dir, err := os.MkdirTemp("", "ragpipeline-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b := &bench{dir: dir, pdfs: *pdfs, python: *python, chunks: *chunks, pipelines: *pipelines, indexes: map[int]string{}}
	text, err := b.measure(ctx, chosen)
	if err != nil {
		return err
	}
	if *out != "" {
		if err := os.WriteFile(*out, []byte(text), 0o600); err != nil {
			return err
		}
	}
	_, err = io.WriteString(stdout, text)
	return err
}

// measure makes the measurements and returns the machine's description and the tables.
func (b *bench) measure(ctx context.Context, chosen []string) (string, error) {
	machine, err := machine()
	if err != nil {
		return "", err
	}
	before, err := loadAverage()
	if err != nil {
		return "", err
	}
	for _, m := range measurements {
		if slices.Contains(chosen, m.name) {
			fmt.Fprintf(os.Stderr, "bench: %s\n", m.name)
			if err := m.run(b, ctx); err != nil {
				return "", fmt.Errorf("%s: %w", m.name, err)
			}
		}
	}
	after, err := loadAverage()
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s; load average before and after %s and %s.\n%s", machine, before, after,
		b.report.markdown()), nil
}

func names() (names []string) {
	for _, m := range measurements {
		names = append(names, m.name)
	}
	return names
}

// choose says which measurements to make: those named, or all; LangChain's only when asked for, and
// then with what it is compared with; that of a Weaviate only where there is one.
func choose(only string, langchain bool) ([]string, error) {
	chosen := names()
	if os.Getenv(weaviatetest.Variable) == "" {
		chosen = slices.DeleteFunc(chosen, func(name string) bool { return name == "scale" })
	}
	if only != "" {
		chosen = strings.Split(only, ",")
	}
	for _, name := range chosen {
		if !slices.Contains(names(), name) {
			return nil, fmt.Errorf("-only %s: there is %s", name, strings.Join(names(), ", "))
		}
	}
	chosen = slices.DeleteFunc(chosen, func(name string) bool { return name == "langchain" })
	if langchain {
		chosen = append(chosen, "langchain", "splitting", "pdf", "gateway")
	}
	if len(chosen) == 0 {
		return nil, errors.New("langchain is compared with in the same run as the others: add -langchain instead")
	}
	return chosen, nil
}

// bench is what the measurements share.
type bench struct {
	dir    string // everything is made below it, and removed at the end
	pdfs   string // directory of PDFs, once there is one
	python string
	chunks int // of scale
	// pipelines is how many the operator has.
	pipelines int
	report    report

	binary, simulator string         // once built
	indexes           map[int]string // directories of built indexes, by their chunks
	inputs            []splitInput   // once read

	// What LangChain is compared with.
	splitRates map[string]float64 // MB/s, by input
	pageRate   float64            // PDF pages/s
	cpu        map[int]cpuFigures // by the index's chunks
}

// cpuFigures are ms of the gateway's CPU a question.
type cpuFigures struct{ busy, alone float64 }

// path is a place below the bench's directory.
func (b *bench) path(elements ...string) string {
	return filepath.Join(append([]string{b.dir}, elements...)...)
}
