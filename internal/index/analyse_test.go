package index

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestAnalyse(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"nothing":           {"", ""},
		"nothing but signs": {" \t\n.,;:!?-–—()[]{}«»*/\\|#@~^`°•…", ""},
		"words become stems": {
			"Retrieval augments generation, retrieving generated passages.",
			"retriev augment generat retriev generat passag",
		},
		"function words go":     {"Where is the A100 GPU used, and by whom?", "a100 100 gpu use"},
		"only function words":   {"Who is it for, and what does it do?", ""},
		"contracted endings go": {"NVIDIA's, Apple’s, we'll, don't, I'm, they're", "nvidia appl"},
		"an apostrophe otherwise separates": {
			"O'Brien l'index 'quoted' rock'n'roll",
			"o brien l index quot rock n roll",
		},
		"May and US are kept": {"US sales in May", "us sale may"},
		"thousands": {
			"98,024 $98,024 1,234,567.89 (12,345) 98024",
			"98024 98024 1234567.89 12345 98024",
		},
		"commas that group nothing": {
			"2022,2023 1,2 1,23 1,2345 1,234,56 a1,234",
			"2022 2023 1 2 1 23 1 2345 1234 56 a1 1 234",
		},
		"decimals and versions": {
			"7.7% 0.5 v1.5.0 1.5.0, end 7. .5 10.0.0.1",
			"7.7 0.5 v1.5.0 v 1.5.0 1.5.0 end 7 5 10.0.0.1",
		},
		"letters and digits": {
			"A100 5.1k 336x336 Q3 7B 10-Q",
			"a100 100 5.1k 5.1 k 336x336 336 x 336 q3 q 3 7b 7 b 10 q",
		},
		"plurals of acronyms and figures": {
			"GPUs LLMs A100s 1990s IDs",
			"gpus gpu llms llm a100s a100 100 1990s 1990 id id",
		},
		"no plural": {"As Is gas AIDS USs", "gas aid uss us"},
		"underscores": {
			"max_seq_len __init__ _x_ a__b _",
			"max_seq_len max seq len init x a__b b",
		},
		"camel case": {
			"maxSeqLen HTTPServer parseHTTPRequest2XML iPhone",
			"maxseqlen max seq len httpserver http server parsehttprequest2xml pars http request 2 xml iphon phone",
		},
		"paths and domains separate": {
			"ragpipeline.io/v1alpha1 kube-apiserver C++ node.js",
			"ragpipelin io v1alpha1 v 1 alpha 1 kube apiserv c node js",
		},
		"Korean":   {"검색 증강 생성은 GPU를 쓴다", "검색 증강 생성 성은 gpu 를 쓴다"},
		"Japanese": {"東京タワー、データの検索。", "東京 京タ タワ ワー デー ータ タの の検 検索"},
		"Chinese":  {"检索增强生成 模型A100在二〇二二年", "检索 索增 增强 强生 生成 模型 a100 100 在二 二〇 〇二 二二 二年"},
		"Thai":     {"ใบลาพนักงาน A4", "ใบ บล ลา าพ พนั นัก กง งา าน a4 4"},
		"Lao":      {"ພະນັກງານ", "ພະ ະນັ ນັກ ກງ ງາ ານ"},
		"Khmer":    {"កិច្ចសន្យា", "កិច្ ច្ច ចស សន្ ន្យា"},
		"Burmese":  {"စာချုပ်", "စာချု ချုပ်"},
		"lowered figures belong to their formula": {"H₂O CO₂", "h2o h 2 o co2 co 2"},
		"one character":                            {"猫 の a猫b", "猫 の 猫 b"},
		"full-width forms":                         {"ＡＩ１２３ ｶﾞｲﾄﾞ", "ai123 ai 123 ガイ イド"},
		"accents, composed or not":                 {"café cafe\u0301 CAFÉ Größe naïve", "café café café größe naïv"},
		"other alphabets":                          {"Москва ΑΘΗΝΑ ירושלים", "москва αθηνα ירושלים"},
		"Arabic keeps its marks":                   {"اَلْعَرَبِيَّةُ لغة ١٢٣", "اَلْعَرَبِيَّةُ لغة ١٢٣"},
		"Devanagari keeps its marks":               {"हिन्दी भाषा", "हिन्दी भाषा"},
		"soft hyphens and joiners do not separate": {"infor\u00admation می\u200cخواهم", "inform میخواهم"},
		"ligatures":                                {"ﬁnance eﬃcient", "financ effici"},
		"signs do not melt into what they follow":  {"NVIDIA™ 98,024² 1½ 5㎏", "nvidia 98024 1 5"},
		"bytes that are not UTF-8":                 {"good\xffbad \xc3\x28", "good bad"},
		"a mark alone":                             {"\u0301 a\u0301b _\u0301", "áb"},
		"a very long word stays as it is":          {strings.Repeat("running", 10), strings.Repeat("running", 10)},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(strings.Fields(test.want), Analyse(test.text)); diff != "" {
				t.Errorf("%q (-want +got):\n%s", test.text, diff)
			}
		})
	}
}

// What a user types finds what a document says, however either writes it.
func TestAnalyseMeets(t *testing.T) {
	for _, pair := range [][2]string{
		{"98,024", "revenue of $98,024 million"}, {"98024", "revenue of $98,024 million"}, {"98,024", "98024"},
		{"7.7%", "up 7.7 percent"}, {"1.5.0", "since v1.5.0"}, {"v1.5.0", "v1.5.0."},
		{"a100", "A100"}, {"A100", "A100s"}, {"A100s", "A100"}, {"GPU", "GPUs"}, {"GPUs", "GPU"}, {"gpus", "GPUs"},
		{"336X336", "336x336"}, {"5.1K", "5.1k"}, {"max_seq_len", "MAX_SEQ_LEN"}, {"seq len", "max_seq_len"},
		{"maxSeqLen", "maxSeqLen"}, {"http server", "HTTPServer"}, {"iphones", "iPhone"}, {"東京", "東京タワー"},
		{"nodes", "node"}, {"café", "cafe\u0301"},
	} {
		if !share(Analyse(pair[0]), Analyse(pair[1])) {
			t.Errorf("%q gives %q and %q gives %q: no term in common", pair[0], Analyse(pair[0]), pair[1], Analyse(pair[1]))
		}
	}
}

func share(a, b []string) bool {
	for _, x := range a {
		if slices.Contains(b, x) {
			return true
		}
	}
	return false
}

func TestFunctionWords(t *testing.T) {
	if n := len(functionWords); n < 130 || n > 170 {
		t.Errorf("%d function words, about 150 are meant", n)
	}
	for w := range functionWords {
		if got := Analyse(strings.ToUpper(w)); len(got) > 0 {
			t.Errorf("%q gives %q", w, got)
		}
	}
}

// The stems are remembered in slots that many goroutines share.
func TestAnalyseConcurrently(t *testing.T) {
	text := strings.Repeat("Generated passages answer questions about pipelines. ", 20)
	want := Analyse(text)
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			if diff := cmp.Diff(want, Analyse(text)); diff != "" {
				t.Error(diff)
			}
		})
	}
	wait.Wait()
}

func FuzzAnalyse(f *testing.F) {
	for _, seed := range []string{
		"Where is the A100 GPU used?", "1,234,567.89", "max_seq_len HTTPServers GPUs's", "東京タワー A猫B",
		"cafe\u0301 \xff ﬁ ½ ™ _",
		"1,234", "1,", "9.", "a'", "a’s", "ABc", "ﷺ", "İıſ", "ǅ", "\u0301", "ᄀ\u302eᅡ", "A\u00ad\u200dB", "一\ufe00二",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		terms := Analyse(text)
		if diff := cmp.Diff(terms, Analyse(text)); diff != "" {
			t.Fatalf("a second time differs: %s", diff)
		}
		if diff := cmp.Diff(terms, strings.Fields(strings.Join(terms, " "))); diff != "" && len(terms) > 0 {
			t.Fatalf("joined and split: %s", diff)
		}
		for _, term := range terms {
			if term == "" || !utf8.ValidString(term) || strings.ContainsFunc(term, unicode.IsSpace) {
				t.Fatalf("term %q", term)
			}
		}
	})
}

// The quick way for plain words gives what the long way gives.
func FuzzPlainWord(f *testing.F) {
	f.Add("Where the Passages go: NVIDIA's A100")
	f.Fuzz(func(t *testing.T, text string) {
		text = normalise(text)
		quick, long := analyser{text: text}, analyser{text: text}
		for at := range text {
			quick.at, long.at = at, at
			if c, _ := quick.peek(at); c != upper && c != lower && c != digit {
				continue
			}
			quick.terms, long.terms = nil, nil
			if !quick.plainWord() {
				continue
			}
			long.word()
			if diff := cmp.Diff(long.terms, quick.terms); diff != "" || quick.at != long.at {
				t.Fatalf("%q at %d: %d, %d: %s", text, at, long.at, quick.at, diff)
			}
		}
	})
}

const prose = `The ingestion job reads each source, extracts the text of every document with its pages and headings, and
splits it into passages of 800 characters. Passages are embedded 32 at a time by the NIM and written to the index
together with their ledger row, so that a killed run loses nothing: the next one embeds only what it had not
finished. In the third quarter of 2022 net sales were $98,024 million, an increase of 7.7%, and max_seq_len was set
to 512 on 8 A100 GPUs. `

func BenchmarkAnalyse(b *testing.B) {
	for name, text := range map[string]string{
		"English": prose,
		"Korean":  "파이프라인은 각 소스를 읽고 문서의 텍스트를 페이지와 제목과 함께 추출하여 800자 단위로 나눈다. ",
	} {
		text = strings.Repeat(text, 1+2000/len(text))
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				Analyse(text)
			}
		})
	}
}
