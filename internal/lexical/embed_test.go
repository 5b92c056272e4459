package lexical

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/quick"

	"github.com/google/go-cmp/cmp"
)

func TestVectorsHaveLengthOneAndAreReproducible(t *testing.T) {
	check := func(text string, size uint8) bool {
		dimensions := 32 + int(size)
		v := Embed(text, dimensions)
		sum := 0.0
		for _, x := range v {
			sum += float64(x) * float64(x)
		}
		return len(v) == dimensions && math.Abs(sum-1) < 1e-3 && cmp.Equal(v, Embed(text, dimensions))
	}
	if err := quick.Check(check, nil); err != nil {
		t.Error(err)
	}
	for _, text := range []string{"", "   ", "\xff\xfe", "the of and", "…"} {
		if !check(text, 0) {
			t.Errorf("%q has no vector of length 1", text)
		}
	}
}

func TestNearerTextsHaveNearerVectors(t *testing.T) {
	const text = "The gateway reranks forty-five candidates and sends five passages to the language model."
	for _, c := range []struct{ what, near, far string }{
		{"the same topic", "Which candidates does the gateway rerank?", "Weaviate stores its objects on a volume."},
		{"another inflection", "reranking of candidates by gateways", "restarting of containers by kubelets"},
		{"a misspelling", "The gatway rerank forty-five candidtes", "A StatefulSet has persistent volumes"},
		{"the order of words", "language model", "model language"},
	} {
		near, far := dot(Embed(text, 1024), Embed(c.near, 1024)), dot(Embed(text, 1024), Embed(c.far, 1024))
		if near <= far {
			t.Errorf("%s: %q is at %.3f, %q at %.3f", c.what, c.near, near, c.far, far)
		}
	}
}

func TestFiguresDoNotDrownWhatATableIsAbout(t *testing.T) {
	table := "Research and development 6,797 5,717 19,490 16,142\nSelling, general and administrative 6,012 5,412 18,654 16,357"
	other := "iPhone 40,665 39,570 162,863 153,105\nMac 7,382 8,235 28,669 26,012"
	question := Embed("What was spent on research and development in 2022?", 1024)
	if near, far := dot(question, Embed(table, 1024)), dot(question, Embed(other, 1024)); near < 0.2 || near < 2*far {
		t.Errorf("the table with the answer is at %.3f, another at %.3f", near, far)
	}
}

func BenchmarkEmbed(b *testing.B) {
	short := "Each gateway version is pinned to one generation; no query is embedded for one and searched in another. The old generation goes later."
	for _, c := range []struct {
		name, text string
	}{{"short", short}, {"chunk", strings.Repeat(short+" ", 6)}} {
		b.Run(fmt.Sprintf("%s/%d", c.name, len(c.text)), func(b *testing.B) {
			b.SetBytes(int64(len(c.text)))
			for b.Loop() {
				Embed(c.text, 1024)
			}
		})
	}
}
