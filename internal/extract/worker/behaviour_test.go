package worker

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/ragpipeline/ragpipeline/internal/extract"
	"github.com/ragpipeline/ragpipeline/internal/extract/pdftest"
)

// The test binary is its own worker: started with workerArgument, a way to behave, and the memory that it may take.
const workerArgument = "extract-worker"

func TestMain(m *testing.M) {
	if len(os.Args) > 4 && os.Args[1] == workerArgument {
		serveAs(os.Args[2], os.Args[3], os.Args[4])
		return
	}
	os.Exit(m.Run())
}

func serveAs(behaviour, memory, cache string) {
	ready := func() {
		_ = writeFrame(os.Stdout, frameReady, nil)
		_, _, _ = readFrame(os.Stdin, maxName) // a document comes
	}
	hang := func() { _, _ = io.Copy(io.Discard, os.Stdin) }
	switch behaviour {
	case "well":
		limit, err := strconv.ParseInt(memory, 10, 64)
		if err != nil {
			panic(err)
		}
		Limit(limit)
		in, err := Stdin()
		if err != nil {
			panic(err)
		}
		if err := Serve(in, os.Stdout, cache); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	case "mute":
		fmt.Fprintln(os.Stderr, "nothing here to work with")
		os.Exit(1)
	case "babbling":
		ready()
		fmt.Fprint(os.Stdout, "Dear Extractor, it is a fine day")
		hang()
	case "confused":
		ready()
		_ = writeFrame(os.Stdout, frameDocument, task{})
		hang()
	case "endless":
		ready()
		for {
			_ = writeFrame(os.Stdout, framePage, page{})
		}
	case "greedy":
		ready()
		text := strings.Repeat("more and more ", 100_000)
		for i := 1; ; i++ {
			_ = writeFrame(os.Stdout, framePage, page{Number: i, Text: len(text)})
			fmt.Fprint(os.Stdout, text)
		}
	case "panicking":
		ready()
		panic("the index is out of range")
	case "deep":
		ready()
		Limit(1 << 30)
		fmt.Fprintln(os.Stderr, dive(1))
	case "starving":
		ready()
		Limit(256 << 20)
		fmt.Fprintln(os.Stderr, len(hoard()))
	case "broken":
		ready()
		_ = writeFrame(os.Stdout, frameEnd, end{Message: "start PDFium: no such thing", Broken: true})
		hang()
	case "obedient":
		obey()
	case "caller":
		if err := callHostile(memory); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	case "parent": // has a worker of its own, tells its process id, and never ends
		p := newPool(Options{}, "well")
		w, err := p.acquire(context.Background())
		if err != nil {
			panic(err)
		}
		if err := w.send(extract.Input{Name: "endless.pdf", Data: pdftest.Endless()}); err != nil {
			panic(err)
		}
		for {
			if kind, _, err := readFrame(w.answers, maxFrame); err != nil || kind == frameReached {
				fmt.Fprintln(os.Stdout, w.command.Process.Pid)
				select {}
			}
		}
	}
}

// dive needs stack without end.
func dive(depth int) int {
	if depth < 0 {
		return 0
	}
	return 1 + dive(depth+1)
}

// hoard needs memory without end.
func hoard() (all [][]byte) {
	for {
		part := make([]byte, 8<<20)
		for i := 0; i < len(part); i += 4096 {
			part[i] = 1
		}
		all = append(all, part) //nolint:staticcheck // the memory is all that is wanted
	}
}
