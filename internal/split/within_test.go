package split

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

func TestATextMayHaveSoManyChunksAndNotOneMore(t *testing.T) {
	table := Table{Header: "part | price", Columns: []string{"part", "price"}}
	text, table := layout(prose(1<<12)+"\n\n", table, slices.Repeat([]string{"bolt | 12"}, 100), "\n", "\n\n"+prose(1<<12))
	for _, unit := range []config.Unit{config.Characters, config.Tokens} {
		s := splitter(t, 40, 10, unit)
		want := s.Split(text, table)
		got, err := s.SplitWithin(t.Context(), len(want), text, table)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v, -Split +within as many:\n%s", unit, err, diff)
		}
		if got, err := s.SplitWithin(t.Context(), len(want)-1, text, table); !errors.Is(err, ErrTooMany) || got != nil {
			t.Errorf("%s: within one less: %d chunks, %v", unit, len(got), err)
		}
	}
}

// Each of the cells is a chunk behind the name of its column: 600 times as much as the table.
func TestATableOfTooManyChunksIsNotCutToItsEnd(t *testing.T) {
	name := strings.Repeat("n", 500)
	names := slices.Repeat([]string{name}, 1000)
	text, table := layout("", Table{Header: strings.Join(names, " | "), Columns: names},
		slices.Repeat([]string{strings.Repeat("1 | ", 999) + "1"}, 1000), "\n", "")
	s := splitter(t, 800, 100, config.Characters)
	allocated := testing.AllocsPerRun(1, func() {
		if _, err := s.SplitWithin(t.Context(), 100, text, table); !errors.Is(err, ErrTooMany) {
			t.Errorf("got %v", err)
		}
	})
	if allocated > 50_000 {
		t.Errorf("it allocates %.0f times for 100 chunks", allocated)
	}
}

func TestSplittingEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, text := range []string{"", paragraph(1 << 20)} {
		if chunks, err := splitter(t, 100, 20, config.Tokens).SplitWithin(ctx, 1<<20, text); !errors.Is(err, context.Canceled) {
			t.Errorf("%d bytes: %d chunks, %v", len(text), len(chunks), err)
		}
	}
}
