package split

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// meter counts a token for each four bytes, and the bytes that it was given.
type meter struct{ bytes int }

func (m *meter) Count(text string) (int, error) {
	m.bytes += len(text)
	return (len(text) + 3) / 4, nil
}

func TestAWideRowIsMeasuredAFewTimesOnly(t *testing.T) {
	names, row := make([]string, 20_000), make([]string, 20_000)
	for i := range names {
		if names[i] = fmt.Sprintf("c%d", i); i%5 == 0 {
			row[i] = "x"
		}
	}
	table := Table{Header: strings.Join(names, " | "), Columns: names}
	text, table := layout("", table, []string{strings.Join(row, " | ")}, "\n", "")
	for _, size := range []int{512, 2048, 8192} {
		s := splitter(t, size, size/10, config.Tokens)
		var m meter
		s.tokens = &tokens{codec: &m}
		chunks := s.Split(text, table)
		if len(chunks) < 2 {
			t.Fatalf("size %d: %d chunks: the row was not cut", size, len(chunks))
		}
		if most := 60 * len(text); m.bytes > most {
			t.Errorf("size %d: %d bytes were measured for a text of %d, want at most %d", size, m.bytes, len(text), most)
		}
	}
}
