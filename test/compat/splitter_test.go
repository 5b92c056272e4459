package compat

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/split"
)

// splitCase is a line to clients/splitter.py.
type splitCase struct {
	Text    string `json:"text"`
	Size    int    `json:"size"`
	Overlap int    `json:"overlap"`
}

func TestSplitterEqualsLangChainsOnRandomTexts(t *testing.T) {
	const cases = 10_000
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, python(t), filepath.Join("clients", "splitter.py"))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go writeCases(in, cases)

	// The same seed makes the same cases again.
	random := newCases()
	theirs := json.NewDecoder(out)
	for i := range cases {
		c := random.next()
		var want []string
		if err := theirs.Decode(&want); err != nil {
			t.Fatalf("case %d: LangChain's splitter gave no answer: %v", i, err)
		}
		if diff := cmp.Diff(want, ours(t, c)); diff != "" {
			t.Fatalf("case %d, size %d, overlap %d, text %q (-LangChain +ours):\n%s", i, c.Size, c.Overlap, c.Text, diff)
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
}

// writeCases sends the cases while their answers are being read, for a pipe holds few of them.
func writeCases(w io.WriteCloser, n int) {
	defer w.Close()
	buffered := bufio.NewWriter(w)
	defer buffered.Flush()
	lines := json.NewEncoder(buffered)
	for random := newCases(); n > 0; n-- {
		if lines.Encode(random.next()) != nil {
			return // the reader sees that answers are missing
		}
	}
}

func ours(t *testing.T, c splitCase) []string {
	t.Helper()
	s, err := split.New(config.Chunking{Size: c.Size, Overlap: c.Overlap, Unit: config.Characters})
	if err != nil {
		t.Fatal(err)
	}
	texts := []string{}
	for _, chunk := range s.Split(c.Text) {
		texts = append(texts, chunk.Text)
	}
	return texts
}

// alphabets are what texts are made of: each is heavy on something else.
var alphabets = [][]string{
	{"a", "b", "word", "longerword", "é", "😀", "한", " ", " ", " ", "\n", "\n\n", "\n\n\n", "\t", ".", "\u00a0", "\r\n"},
	{"x", "\n", "\n", "\n\n", " "},
	{"word", "another", "sentence.", " ", " ", " ", " ", "\n\n"},
	{"\u00a0", "\u3000", "\u2028", "\u2029", "\u200b", "\ufeff", "\x1c", "\x1d", "\x1e", "\x1f", "\u0085", "\x0b", "\x0c", " ", "a", "\n"},
	{"第", "一", "句", "话", "。", "ที่", "שלום", "مرحبا", "e\u0301", "👨\u200d👩\u200d👧", " ", "\n"},
}

// cases makes random cases, the same ones each time.
type cases struct{ random *rand.Rand }

func newCases() cases { return cases{rand.New(rand.NewPCG(2022, 1))} }

func (c cases) next() splitCase {
	sizes := []int{1, 2, 3, 5, 8, 13, 21, 40, 100, 800}
	size := sizes[c.random.IntN(len(sizes))]
	alphabet := alphabets[c.random.IntN(len(alphabets))]
	var text strings.Builder
	for range 1 + c.random.IntN(min(600, 30+10*size)) {
		text.WriteString(alphabet[c.random.IntN(len(alphabet))])
	}
	return splitCase{Text: text.String(), Size: size, Overlap: c.random.IntN(size)}
}
