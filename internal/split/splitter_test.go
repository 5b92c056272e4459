package split

import (
	"encoding/json"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

func TestSplitReturnsWhatLangChainReturns(t *testing.T) {
	for _, c := range golden(t) {
		t.Run(c.Name, func(t *testing.T) {
			chunks := splitter(t, c.Size, c.Overlap, config.Characters).Split(c.Text)
			if diff := cmp.Diff(c.Chunks, texts(chunks)); diff != "" {
				t.Errorf("size %d, overlap %d (-LangChain +ours):\n%s", c.Size, c.Overlap, diff)
			}
			checkOffsets(t, c.Text, chunks)
		})
	}
}

func TestSplitSaysWhereEachChunkStands(t *testing.T) {
	tests := map[string]struct {
		text          string
		size, overlap int
		want          []Chunk
	}{
		"a repeated word is not confused with its first occurrence": {
			text: "ab cd ab cd ab cd", size: 6, overlap: 0,
			want: []Chunk{{"ab cd", 0, 5}, {"ab cd", 6, 11}, {"ab cd", 12, 17}},
		},
		"offsets count code points": {
			text: "été 😀😀 x", size: 4, overlap: 0,
			want: []Chunk{{"été", 0, 3}, {"😀😀", 4, 6}, {"x", 7, 8}},
		},
		"stripped white space is outside": {
			text: "\n\n  aa\u3000\n\nbb  ", size: 5, overlap: 0,
			want: []Chunk{{"aa", 4, 6}, {"bb", 9, 11}},
		},
		"an overlap is part of both chunks": {
			text: "aa bb cc dd", size: 8, overlap: 3,
			want: []Chunk{{"aa bb cc", 0, 8}, {"cc dd", 6, 11}},
		},
		"a byte that belongs to no character counts as one": {
			text: "é\xff\xfe é", size: 3, overlap: 0,
			want: []Chunk{{"é\xff\xfe", 0, 3}, {"é", 4, 5}},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			chunks := splitter(t, tt.size, tt.overlap, config.Characters).Split(tt.text)
			if diff := cmp.Diff(tt.want, chunks); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestNewRefusesChunkingThatCannotBe(t *testing.T) {
	tests := map[string]struct {
		chunking config.Chunking
		want     string // in the message
	}{
		"no size":                        {config.Chunking{Unit: config.Characters}, "size is 0"},
		"negative size":                  {config.Chunking{Size: -1}, "size is -1"},
		"negative overlap":               {config.Chunking{Size: 10, Overlap: -1}, "overlap is -1"},
		"overlap as large as the size":   {config.Chunking{Size: 10, Overlap: 10}, "less than the size, which is 10"},
		"overlap larger than the size":   {config.Chunking{Size: 10, Overlap: 11}, "overlap is 11"},
		"a unit that nobody has defined": {config.Chunking{Size: 10, Unit: "Words"}, `unit is "Words": it must be Characters or Tokens`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := New(tt.chunking)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got error %v, want one that says %q", err, tt.want)
			}
		})
	}
}

func TestASplitterServesSeveralGoroutines(t *testing.T) {
	text := prose(1 << 14)
	for _, unit := range []config.Unit{config.Characters, config.Tokens} {
		s := splitter(t, 100, 20, unit)
		want := s.Split(text)
		var wait sync.WaitGroup
		for range 4 {
			wait.Go(func() {
				if diff := cmp.Diff(want, s.Split(text)); diff != "" {
					t.Errorf("%s: -alone +together:\n%s", unit, diff)
				}
			})
		}
		wait.Wait()
	}
}

type goldenCase struct {
	Name          string
	Size, Overlap int
	Text          string
	Chunks        []string
}

// golden is what LangChain's splitter returned; testdata/generate.py wrote it.
func golden(t testing.TB) []goldenCase {
	t.Helper()
	data, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Cases []goldenCase }
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) < 100 {
		t.Fatalf("golden.json has %d cases, want all of them", len(file.Cases))
	}
	return file.Cases
}

func splitter(t testing.TB, size, overlap int, unit config.Unit) *Splitter {
	t.Helper()
	s, err := New(config.Chunking{Size: size, Overlap: overlap, Unit: unit})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func texts(chunks []Chunk) []string {
	texts := []string{}
	for _, c := range chunks {
		texts = append(texts, c.Text)
	}
	return texts
}
