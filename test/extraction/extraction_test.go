// Package extraction measures how much of a document is read, and how right.
//
// The corpus was written through other programs from texts whose blocks are known; corpus/generate.py does it again.
// Other readers are compared where a Python is named that has them (see peers.py), and PDFs from elsewhere are read
// where directories of them are named:
//
//	RAGPIPELINE_PEERS=venv/bin/python RAGPIPELINE_PDFS=DIR:DIR go test ./test/extraction -v
package extraction

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract"
)

const documents = "testdata/documents"

// corpus is testdata/corpus.json.
type corpus struct {
	Documents []struct {
		File    string   `json:"file"`
		Source  string   `json:"source"`
		Program string   `json:"program"`
		Without []string `json:"without"`
	} `json:"documents"`
	Truth map[string][]block `json:"truth"`
}

// peer is another program: the Markdown or text that it made of each document that it reads.
type peer struct {
	Name    string            `json:"name"`
	Version string            `json:"version"`
	Texts   map[string]string `json:"texts"`
}

// floor is the least that our reader reaches in a format, in per cent; of invented words it is the most.
type floor struct{ found, invented, order, cells, headings float64 }

var floors = map[string]floor{
	"csv":              {100, 0, 100, 100, 100},
	"docx":             {100, 0, 100, 100, 100},
	"epub":             {100, 0, 100, 100, 100},
	"html":             {100, 0, 100, 100, 100},
	"md":               {100, 0, 100, 100, 100},
	"odp":              {100, 0, 100, 100, 100},
	"ods":              {100, 0, 100, 100, 100},
	"odt":              {100, 0, 100, 100, 100},
	"pptx":             {100, 0, 100, 100, 100},
	"xlsx":             {100, 0, 100, 100, 100},
	"pdf, chromium":    {99.9, 0.2, 100, 100, 79},
	"pdf, libreoffice": {100, 0, 99.7, 100, 100},
	"pdf, reportlab":   {100, 0, 100, 100, 100},
}

func TestTheCorpusIsReadAsItWasWritten(t *testing.T) {
	c := readCorpus(t)
	own := readAll(t, documents)
	scores := map[string]*score{}
	for _, d := range c.Documents {
		s := scoreOf(c.Truth[d.Source], d.Without, own[d.File])
		t.Logf("%-28s %s, lost %q, invented %q", d.File, s, s.lost, s.more)
		group := groupOf(d.File, d.Program)
		if scores[group] == nil {
			scores[group] = &score{}
		}
		scores[group].add(s)
	}
	for group, s := range scores {
		if least, ok := floors[group]; !ok || s.below(least) {
			t.Errorf("%s reaches %s, want at least %+v", group, s, least)
		}
	}
}

// TestPeersReadTheCorpus prints the table of docs/extraction.md.
func TestPeersReadTheCorpus(t *testing.T) {
	c := readCorpus(t)
	readers := []peer{{Name: "RAGPipeline"}}
	readers = append(readers, readPeers(t, documents)...)
	own := readAll(t, documents)
	var groups []string
	table := map[string][]score{}
	for _, d := range c.Documents {
		group := groupOf(d.File, d.Program)
		if table[group] == nil {
			groups, table[group] = append(groups, group), make([]score, len(readers))
		}
		for i, p := range readers {
			r := own[d.File]
			if i > 0 {
				text, ok := p.Texts[d.File]
				if !ok {
					continue
				}
				r = markdownReading(text)
			}
			s := scoreOf(c.Truth[d.Source], d.Without, r)
			table[group][i].add(s)
		}
	}
	for _, p := range readers[1:] {
		t.Logf("%s %s", p.Name, p.Version)
	}
	for _, group := range groups {
		for i, p := range readers {
			if s := table[group][i]; s.found.all > 0 {
				t.Logf("| %s | %s | %s |", group, p.Name, s)
			}
		}
	}
}

// TestPeersReadPDFsFromElsewhere compares readers of PDFs whose truth nobody wrote down: by the words that the two others
// both have, and those that neither has.
func TestPeersReadPDFsFromElsewhere(t *testing.T) {
	directories := filepath.SplitList(os.Getenv("RAGPIPELINE_PDFS"))
	if len(directories) == 0 {
		t.Skip("RAGPIPELINE_PDFS names no directories of PDFs")
	}
	for _, directory := range directories {
		own := readAll(t, directory)
		peers := readPeers(t, directory)
		for _, file := range slices.Sorted(maps.Keys(own)) {
			if filepath.Ext(file) != ".pdf" {
				continue
			}
			names, texts := []string{"RAGPipeline"}, []map[string]int{undivided(own[file].text)}
			for _, p := range peers {
				if text, ok := p.Texts[file]; ok {
					names, texts = append(names, p.Name), append(texts, undivided(markdownReading(text).text))
				}
			}
			for i, name := range names {
				if others := slices.Delete(slices.Clone(texts), i, i+1); len(others) == 2 {
					found, alone := compared(texts[i], others[0], others[1])
					t.Logf("| %s | %s | %s | %s |", file, name, found, alone)
				}
			}
		}
	}
}

var divided = regexp.MustCompile(`(\pL)-\n(\p{Ll})`)

// undivided counts the words of a text without the hyphens at the ends of its lines, which not every reader removes.
func undivided(text string) map[string]int {
	return counted(words(divided.ReplaceAllString(text, "$1$2")))
}

// compared is how many of the words that two readings share a third has, and how many of its words neither has.
func compared(words, a, b map[string]int) (found, alone ratio) {
	for w := range a {
		common := min(a[w], b[w])
		found.add(ratio{min(common, words[w]), common})
	}
	for w, n := range words {
		alone.add(ratio{max(0, n-max(a[w], b[w])), n})
	}
	return found, alone
}

func readCorpus(t *testing.T) corpus {
	t.Helper()
	b, err := os.ReadFile("testdata/corpus.json")
	if err != nil {
		t.Fatal(err)
	}
	var c corpus
	if err := json.Unmarshal(b, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// readAll reads every document of a directory; one that cannot be read is empty.
func readAll(t *testing.T, directory string) map[string]reading {
	t.Helper()
	e := extract.New(extract.Options{CacheDir: extract.UserCache()})
	defer e.Close()
	entries, err := os.ReadDir(directory)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]reading{}
	for _, entry := range entries {
		data, err := os.ReadFile(filepath.Join(directory, entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		d, err := e.Extract(t.Context(), entry.Name(), data)
		var failure *config.DocumentError
		switch {
		case errors.As(err, &failure):
			t.Logf("%s: %v", entry.Name(), err)
		case err != nil:
			t.Fatal(err)
		default:
			all[entry.Name()] = ownReading(entry.Name(), d)
		}
	}
	return all
}

// readPeers lets the other programs read a directory.
func readPeers(t *testing.T, directory string) []peer {
	t.Helper()
	python := os.Getenv("RAGPIPELINE_PEERS")
	if python == "" {
		t.Skip("RAGPIPELINE_PEERS names no Python that has the other programs")
	}
	command := exec.CommandContext(t.Context(), python, "peers.py", directory)
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	var peers []peer
	if err := json.Unmarshal(out, &peers); err != nil {
		t.Fatal(err)
	}
	return peers
}

// groupOf is the format of a document; PDFs are told apart by the program that wrote them, since none is like another.
func groupOf(file, program string) string {
	format := strings.TrimPrefix(filepath.Ext(file), ".")
	if format == "pdf" {
		return "pdf, " + program
	}
	return format
}

func (s score) String() string {
	return fmt.Sprintf("%s | %s | %s | %s | %s", s.found, s.invented, s.order, s.cells, s.headings)
}

func (r ratio) String() string {
	if r.all == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f", r.percent())
}

// percent is 100 where there is nothing to get wrong.
func (r ratio) percent() float64 {
	if r.all == 0 {
		return 100
	}
	return 100 * float64(r.right) / float64(r.all)
}

func (s score) below(f floor) bool {
	return s.found.percent() < f.found || s.invented.percent() > f.invented || s.order.percent() < f.order ||
		s.cells.percent() < f.cells || s.headings.percent() < f.headings
}
