package plain

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
)

// The patterns that say what is found, apart from the case of what is matched. They are too slow for large texts.
var patterns = map[string]struct {
	*regexp.Regexp
	find finder
}{
	"data URI": {regexp.MustCompile(`data:[\w.+-]*/?[\w.+-]*(?:;[\w-]+=?[\w.-]*)*;base64,` +
		`(?:[A-Za-z0-9+/_-]|%2[BbFf]|\\n)*(?:\r?\n[ \t]*[A-Za-z0-9+/_-]+)*(?:=|%3[Dd])*`), dataURI},
	"run":       {regexp.MustCompile(`[A-Za-z0-9+/_-]{200,}={0,2}`), base64Run},
	"lines":     {regexp.MustCompile(`(?m)(?:^[ \t>]*[A-Za-z0-9+/]{60,}\r?\n){3,}(?:^[ \t>]*[A-Za-z0-9+/]+={0,2}$)?`), base64Lines},
	"uuencoded": {regexp.MustCompile("(?m)^begin [0-7]{3,4} [^\n]+\n(?:[ -`]{1,62}\r?\n)+end\r?$"), uuencoded},
}

// payloadPieces are what the patterns are about, and what is close to it.
var payloadPieces = []string{"data:", "image/png", "a", ";base64,", ";charset=utf-8", ";base64", "%2B", "%2f", `\n`, "%3D", "=", "==",
	"\n", "\n", "\n", "\r\n", "\r", " ", "\t", "> ", "begin 644 a.b\n", "begin 64 a\n", "begin 06444 a\n", "begin 0644 ", "end", "end\n",
	"begin 644 a.b\nM1234\n", "\n`\nend", "`", "M1234", "word", "-", "_", "é", strings.Repeat("Ab1+", 14), strings.Repeat("Ab1/", 15), strings.Repeat("Ab1/", 15) + "\n",
	strings.Repeat("Ab1/", 15) + "\n> " + strings.Repeat("Zz9+", 15) + "\r\n" + strings.Repeat("Ab1/", 16) + "\n",
	strings.Repeat("ACGT", 50), strings.Repeat("M", 61) + "\n", strings.Repeat("M", 62), strings.Repeat("x", 199)}

func TestPayloadsAreFoundAsThePatternsSay(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for name, p := range patterns {
		t.Run(name, func(t *testing.T) {
			matches := 0
			for range 20_000 {
				var text strings.Builder
				for range 1 + random.IntN(12) {
					text.WriteString(payloadPieces[random.IntN(len(payloadPieces))])
				}
				s := text.String()
				mark := func(match string) string { matches++; return "<" + match + ">" }
				got := replaced(s, p.find, mark)
				if want := p.ReplaceAllStringFunc(s, mark); got != want {
					t.Fatalf("of %q\ngot  %q\nwant %q", s, got, want)
				}
			}
			if matches < 50 {
				t.Errorf("only %d matches were compared", matches)
			}
		})
	}
}

func TestWhatPassesForAPayload(t *testing.T) {
	block := strings.Repeat("QUJDabc123+/QUJDabc123+/QUJDabc123+/QUJDabc123+/QUJDabc123+/QUJDabcd\n", 3)
	for text, want := range map[string]struct {
		rest string
		n    int
	}{
		"before " + strings.Repeat("aB3/", 60) + "== after":       {"before  after", 1},
		"genes " + strings.Repeat("ACGT", 60):                     {"genes " + strings.Repeat("ACGT", 60), 0},
		"text\n" + block + "QUI=\nmore":                           {"text\n\nmore", 1},
		"text\n" + block + "Regards\nAda":                         {"text\n\nRegards\nAda", 1},
		"![](data:image/png;base64,iVBORw0K) a picture":           {"![]() a picture", 1},
		"begin 644 a.bin\n#0V%T\n`\nend\nafter":                   {"\nafter", 1},
		"https://example.com/" + strings.Repeat("a", 80) + "/b/c": {"https://example.com/" + strings.Repeat("a", 80) + "/b/c", 0},
	} {
		if rest, n := WithoutPayloads(text); rest != want.rest || n != want.n {
			t.Errorf("%q\nbecomes %q with %d, want %q with %d", text, rest, n, want.rest, want.n)
		}
	}
}

// BenchmarkWithoutPayloads reads texts in which much looks like a payload.
func BenchmarkWithoutPayloads(b *testing.B) {
	const size = 8 << 20
	for name, piece := range map[string]string{
		"prose":      "The whale is a mammal that lives in the sea, and so is the seal. ",
		"hashes":     strings.Repeat("0123456789abcdef", 4) + "  a/file.txt\n",
		"two lines":  strings.Repeat(strings.Repeat("aB3/", 16)+"\n", 2) + "and words\n",
		"data":       strings.Repeat("aB3/", 19) + "\n",
		"URIs":       "data:image/png;charset=utf-8;base6,data:;base64,aB3/\n aB3/ ",
		"uuencoded":  "begin 644 a.bin\n" + strings.Repeat("M123456789\n", 50),
		"small runs": strings.Repeat("aB3", 66) + " ",
	} {
		b.Run(name, func(b *testing.B) {
			text := strings.Repeat(piece, size/len(piece))
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				WithoutPayloads(text)
			}
		})
	}
}
