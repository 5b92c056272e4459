package worker

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract"
)

// answers are what became of documents that were given to the pool together.
func answers(t *testing.T, p *Pool, documents ...extract.Input) (texts []string, errs []error) {
	t.Helper()
	for d, err := range p.ExtractAll(t.Context(), documents) {
		text := ""
		if err == nil {
			text = d.Pages[0].Text
		}
		texts, errs = append(texts, text), append(errs, err)
	}
	if len(texts) != len(documents) {
		t.Fatalf("%d answers for %d documents", len(texts), len(documents))
	}
	return texts, errs
}

// obey is the work of a process that does what its documents tell it to, and else answers with their bytes.
func obey() {
	documents := make(chan document)
	go func() { _ = receive(os.Stdin, documents) }()
	s := &server{out: bufio.NewWriter(os.Stdout)}
	_ = s.tell(frameReady, nil)
	for d := range documents {
		switch string(d.data) {
		case "panic":
			panic("as it was told")
		case "hang":
			<-time.After(time.Hour)
		}
		_ = s.send(&extract.Document{Pages: []extract.Page{{Text: string(d.data)}}}, nil)
	}
}

func TestOfDocumentsThatAreReadTogetherOnlyTheGuiltyFail(t *testing.T) {
	p := pool(t, Options{Workers: 1, Time: Time{Base: 3 * time.Second, Longest: 3 * time.Second}}, "obedient")
	documents := make([]extract.Input, 2*maxTogether+3)
	for i := range documents {
		documents[i] = extract.Input{Data: fmt.Appendf(nil, "document %d", i)}
	}
	const panics, hangs, long, empty = 3, 4, 6, maxTogether + 5
	documents[panics].Data, documents[hangs].Data, documents[empty].Data = []byte("panic"), []byte("hang"), nil
	documents[long].Data = []byte(strings.Repeat("long ", small))
	var want []string
	for _, d := range documents {
		want = append(want, string(d.Data))
	}
	want[panics], want[hangs], want[empty] = "", "", ""
	texts, errs := answers(t, p, documents...)
	if diff := cmp.Diff(want, texts); diff != "" {
		t.Errorf("texts (-want +got):\n%s", diff)
	}
	wantReason(t, errs[panics], config.Malformed, "as it was told")
	wantReason(t, errs[hangs], config.TimedOut, "longer than")
	wantReason(t, errs[empty], config.Malformed, "empty")
}

func TestAProcessWithAnswersThatNobodyWantsIsNotUsedAgain(t *testing.T) {
	p := pool(t, Options{Workers: 1}, "well")
	first, second := extract.Input{Name: "a.txt", Data: []byte("first")}, extract.Input{Name: "a.txt", Data: []byte("second")}
	for range p.ExtractAll(t.Context(), []extract.Input{first, second}) {
		break
	}
	if texts, _ := answers(t, p, first); texts[0] != "first" {
		t.Errorf("the next document reads %q", texts[0])
	}
}

// BenchmarkSmallDocuments reads documents of some 500 bytes, one by one and together.
func BenchmarkSmallDocuments(b *testing.B) {
	p := newPool(Options{Workers: 1}, "well")
	defer p.Close()
	documents := make([]extract.Input, maxTogether)
	for i := range documents {
		documents[i] = extract.Input{Name: "a.md", Data: []byte("# A heading\n\n" + strings.Repeat(prose, 6))}
	}
	for _, together := range []int{1, maxTogether} {
		b.Run(strconv.Itoa(together), func(b *testing.B) {
			for b.Loop() {
				for _, err := range p.ExtractAll(b.Context(), documents[:together]) {
					if err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*together), "us/document")
		})
	}
}
