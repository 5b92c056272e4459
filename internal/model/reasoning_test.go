package model

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// filtered is an answer that came in pieces of so many bytes, and how many pieces were shown before
// its end.
func filtered(style thinkStyle, whole bool, answer string, size int, stopped bool) (shown string, early int) {
	f := newThinkFilter(style, whole)
	for piece := range slices.Chunk([]byte(answer), size) {
		if s := f.push(string(piece)); s != "" {
			shown += s
			early++
		}
	}
	return shown + f.flush(stopped), early
}

func TestReasoningIsCutHoweverTheAnswerIsCutIntoPieces(t *testing.T) {
	cases := []struct{ name, answer, want string }{
		{"no thoughts", " plain <b>text</b> ", " plain <b>text</b> "},
		{"a leading block", "\n<think>a < b </thin </think>\n\n Answer", "Answer"},
		{"an empty block", "<think></think>Answer", "Answer"},
		{"an empty block on two lines", "<think>\n\n</think>\n\nAnswer", "Answer"},
		{"several blocks", "<think>a</think>One <think>b</think>two", "One two"},
		{"a block within the text keeps the space", "One <think>b</think> two", "One  two"},
		{"a block between two paragraphs", "One\n<think>\nb\n</think>\ntwo", "One\n\ntwo"},
		{"a leading block that never ends", " <think>a", ""},
		{"half a tag at the end", "a <thi", "a <thi"},
		{"white space only", " \n", ""},
		{"blanks around the reasoning", "<think> SECRET </think> Answer", "Answer"},
		{"reasoning that speaks of its own mark", "<think>I end with \"</think>\" now.\n</think>\nAnswer", "Answer"},
		{"reasoning that ends in a quotation", "<think>He said \"yes\"</think>\"Yes\", he said.", "\"Yes\", he said."},
		{"capitals", "<THINK>SECRET</Think>Answer", "Answer"},
		{"thinking", "<thinking>SECRET</thinking>\n\nAnswer", "Answer"},
		{"reasoning", "<reasoning>SECRET</reasoning>\n\nAnswer", "Answer"},
		{"thought", "<thought>\nSECRET\n</thought>\n\nAnswer", "Answer"},
		{"Seed", "<seed:think>SECRET<seed:cot_budget_reflect>x</seed:cot_budget_reflect></seed:think>Answer", "Answer"},
		{"Kimi", "◁think▷SECRET◁/think▷Answer", "Answer"},
		{"Magistral", "[THINK]SECRET[/THINK]Answer", "Answer"},
		{"gpt-oss", "<|channel|>analysis<|message|>SECRET<|end|><|start|>assistant<|channel|>final<|message|>Answer", "Answer"},
		{"gpt-oss with every mark", "<|start|>assistant<|channel|>analysis<|message|>SECRET<|end|><|start|>assistant<|channel|>commentary<|message|>SECRET<|end|><|start|>assistant<|channel|>final<|message|>Answer<|return|>", "Answer"},
		{"gpt-oss without reasoning", "<|channel|>final<|message|>Answer<|end|>", "Answer"},
		{"gpt-oss without its tokens", "analysisWe need SECRET.assistantfinalAnswer", "Answer"},
		{"Sky-T1", "<|begin_of_thought|>\nSECRET\n<|end_of_thought|>\n\n<|begin_of_solution|>\nAnswer<|end_of_solution|>", "Answer"},
		{"Command A", "<|START_THINKING|>SECRET<|END_THINKING|><|START_RESPONSE|>Answer<|END_RESPONSE|>", "Answer"},
		{"Hunyuan", "<think>\nSECRET\n</think>\n<answer>\nAnswer</answer>", "Answer"},
		{"Gemma", "<|channel>thought\nSECRET<channel|>Answer", "Answer"},
		{"gpt-oss and JSON", "<|channel|>analysis<|message|>SECRET<|end|><|start|>assistant<|channel|>final <|constrain|>json<|message|>{\"a\":1}", "{\"a\":1}"},
		{"gpt-oss to the end of its turn", "<|channel|>analysis<|message|>SECRET<|end|><|start|>assistant<|channel|>final<|message|>Answer<|return|>", "Answer"},
		{"Apriel", "Here are my reasoning steps:\nSECRET\n[BEGIN FINAL RESPONSE]\nAnswer [1]\n[END FINAL RESPONSE]", "Answer [1]\n"},
		{"a field's name as a tag", "<reasoning_content>SECRET</reasoning_content>\nAnswer", "Answer"},
		{"tokens for thinking", "<|start_of_thinking|>SECRET<|end_of_thinking|>Answer", "Answer"},
		{"tokens with a slash", "<|thinking|>SECRET<|/thinking|>Answer", "Answer"},
		{"reasoning of its own inside", "<internal_reasoning>SECRET</internal_reasoning>Answer", "Answer"},
		{"a final answer", "<think>SECRET</think>\n<final_answer>Answer</final_answer>", "Answer"},
		{"a final answer without reasoning", "<final>Answer</final>", "<final>Answer</final>"},
		{"Pangu", "[unused16]SECRET[unused17]Answer", "Answer"},
		{"Marco-o1", "<Thought>SECRET</Thought>\n<Output>\nAnswer\n</Output>", "Answer\n"},
		{"Reflection", "<thinking>\nSECRET\n<reflection>\nSECRET\n</reflection>\n</thinking>\n\n<output>\nAnswer\n</output>", "Answer\n"},
		{"s1", "<|im_start|>think\nSECRET\n<|im_start|>answer\nAnswer", "Answer"},
		{"GLM-V", "<think>SECRET</think><|begin_of_box|>Answer<|end_of_box|>", "Answer"},
		{"Open WebUI", "<details type=\"reasoning\" done=\"true\">\n<summary>Thought for 3 seconds</summary>\n> SECRET\n</details>\nAnswer", "Answer"},
		{"line ends of Windows", "<think>\r\nSECRET\r\n</think>\r\n\r\nAnswer", "Answer"},
		{"a block that is closed twice", "<think>SECRET</think>\n</think>\nAnswer", "Answer"},
		{"attributes", "<think x>SECRET</think>Answer", "Answer"},
		{"attributes with values", "<thinking budget=\"low\" lang='en'>\nSECRET\n</thinking >\n\nAnswer", "Answer"},
		{"attributes of Open WebUI's kind", "<reasoning type=\"x\">\nSECRET\n</reasoning>\nAnswer", "Answer"},
		{"an empty block of one tag", "<think/>Answer", "Answer"},
		{"an empty block of one tag with a space", "<think />\n\nAnswer", "Answer"},
		{"another tag at the end", "<think>SECRET</thinking>\n\nAnswer", "Answer"},
		{"Hermes", "<scratchpad>\nSECRET\n</scratchpad>\n<inner_monologue>SECRET</inner_monologue>\nAnswer", "Answer"},
		{"a plan, then a thought", "<plan>SECRET</plan><think>SECRET</think>Answer", "Answer"},
		{"reflection", "<reflection>SECRET</reflection>Answer", "Answer"},
		{"Claude", "<antThinking>SECRET</antThinking>Answer", "Answer"},
		{"HuatuoGPT", "## Thinking\n\nSECRET\n\n## Final Response\n\nAnswer", "Answer"},
		{"a block within a block", "<think>SECRET <think>SECRET</think> SECRET</think>Answer", "Answer"},
		{"nested on lines of their own", "<think>\nSECRET\n<think>\nSECRET\n</think>\nSECRET\n</think>\n\nAnswer", "Answer"},
		{"nested among blanks", "<think> SECRET <think> SECRET </think> SECRET </think> Answer", "Answer"},
		{"nested, and closed by words", "<think>SECRET <think>SECRET</think> SECRET </think> Answer", "Answer"},
		{"nested twice", "<think>a<think>b<think>c</think>d</think>e</think>Answer", "Answer"},
		{"nested side by side", "<think>a<think>b</think>c<think>d</think>e</think>Answer", "Answer"},
		{"nested at the beginning", "<think><think>SECRET</think>SECRET</think>Answer", "Answer"},
		{"nested with another tag", "<think>a<thinking>b</thinking>c</think>Answer", "Answer"},
		{"another kind within", "<reasoning>a<think>b</think>c</reasoning>Answer", "Answer"},
		{"nested brackets", "[THINK]a[THINK]b[/THINK]c[/THINK]Answer", "Answer"},
		{"nested, of Kimi", "◁think▷a◁think▷b◁/think▷c◁/think▷Answer", "Answer"},
		{"nested thoughts of words", "<scratchpad>a<scratchpad>b</scratchpad>c</scratchpad>Answer", "Answer"},
		{"opened twice and closed once", "<think>\n<think>\nSECRET\n</think>\n\nAnswer", "Answer"},
		{"an empty block within", "<think>SECRET <think/> SECRET</think>Answer", "Answer"},
		{"nested, then another", "<think>a<think>b</think>c</think>One <think>d</think>two", "One two"},
		{"reasoning that speaks of the opening mark", "<think>They ask what <think> means.</think>It opens a block.", "It opens a block."},
		{"reasoning that quotes the opening mark", "<think>They ask of \"<think>\".\n</think>\nIt opens a block.", "It opens a block."},
		{"reasoning that speaks of the pair", "<think>I open with <think> and close with </think> so.</think>Answer", "Answer"},
		{"an answer that speaks of the pair after it", "<think>a<think>b</think>c</think>Use `<think>` and </think> so.", "Use `<think>` and </think> so."},
		{"gpt-oss that analyses twice", "<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>analysis<|message|>b<|end|><|start|>assistant<|channel|>final<|message|>Answer", "Answer"},
		{"Granite", "Here is my thought process:\nSECRET\n\nHere is my response:\nAnswer", "Answer"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			for size := 1; size <= len(tc.answer); size++ {
				for _, style := range []thinkStyle{styleExplicit, styleUnknown} {
					if got, _ := filtered(style, false, tc.answer, size, false); got != tc.want {
						t.Fatalf("style %d in pieces of %d: %q, want %q", style, size, got, tc.want)
					}
				}
			}
			if got, _ := filtered(styleExplicit, true, tc.answer, len(tc.answer), false); got != tc.want {
				t.Errorf("at once: %q, want %q", got, tc.want)
			}
		})
	}
}

func TestAMarkThatIsSpokenOfIsKept(t *testing.T) {
	for _, answer := range []string{
		"Write <think> to think",
		"The tag <think> opens a thought, and </think> closes it. [1]",
		"A reasoning model ends its thoughts with the tag </think> and then answers. [1]",
		"The closing tag is </think>.",
		"The closing tag is </think>",
		"</think> is the closing tag. [1]",
		"<think> opens a block. [1]",
		"Models write <think>...</think> first.",
		"The pair <think></think> is empty.",
		"The pattern <think>.*?</think> finds it. [1]",
		"The pattern <think>.*</think> finds it. [1]",
		"**The closing tag is </think>.** [1]",
		"*The closing tag is </think>.*",
		"<details>\n<summary>More</summary>\ntext\n</details>\nAnswer",
		"The <output> of the tool was 3, and </output> ends it. [1]",
		"Use `<think>` and `</think>`: `<think>hm</think>`.",
		"\"</think>\" ends it, (</think>) too, and so does **</think>**.",
		"An example:\n```\n<think>\nhm\n</think>\nAnswer\n```\nThat is all.",
		"- <think>: opens\n- </think>: closes",
		"[THINK] and [/THINK] are Mistral's, <reasoning> is another's.",
		"The channel is written as <|channel|> and analysis of it.",
		"analysis of the data shows 4 [1]",
		"<answer> is a tag, </answer> too.",
		"Thoughts: <thought> is one tag.",
		"a < b [1] and [2] <b>x</b>",
		"Write <think x> to think",
		"The tag <think mode=\"fast\"> opens a thought, and </think > closes it. [1]",
		"<think of a name> is a placeholder. [1]",
		"<thinkers> and <think-tank> are no marks",
		"The config has a <plan> element.\n<plan>\n  <name>Gold</name>\n</plan>\nThat is all. [1]",
		"Keep notes in <scratchpad>notes</scratchpad> tags. [1]",
		"## Thinking\n\nThe chapter on thinking says little. [1]",
	} {
		t.Run(answer, func(t *testing.T) {
			for size := 1; size <= len(answer); size++ {
				for _, style := range []thinkStyle{styleExplicit, styleUnknown} {
					if got, _ := filtered(style, false, answer, size, false); got != answer {
						t.Fatalf("style %d in pieces of %d: %q", style, size, got)
					}
				}
			}
			if got, _ := filtered(styleExplicit, true, answer, len(answer), false); got != answer {
				t.Errorf("at once: %q", got)
			}
		})
	}
}

func TestReasoningThatTheTemplateOpensIsNotShown(t *testing.T) {
	const long = "hm, what to say to that"
	for _, tc := range []struct {
		name    string
		style   thinkStyle
		whole   bool
		answer  string
		stopped bool
		want    string
	}{
		{"its end is glued to the answer", styleUnknown, false, long + "</think>Yes", false, "Yes"},
		{"its end is on a line of its own", styleUnknown, false, long + "\n</think>\n\nYes", false, "Yes"},
		{"any model's mark ends it", styleUnknown, false, long + "\n[/THINK]Yes", false, "Yes"},
		{"a whole answer is looked at to its end", styleExplicit, true, long + "\n</think>\n\nYes", false, "Yes"},
		{"a mark within a line ends it where the model is known", styleImplicit, false, long + " </think> Yes", false, "Yes"},
		{"code does not hide its end", styleImplicit, false, "the ```code\n</think>\nYes", false, "Yes"},
		{"a mark after it that is spoken of is kept", styleImplicit, false, long + "\n</think>\nUse </think> so.", false, "Use </think> so."},
		{"one cut off while thinking has no text", styleImplicit, false, long, true, ""},
		{"one without a thought after all is shown", styleImplicit, false, long, false, long},
		{"of a model that is not known, one cut off is shown", styleUnknown, false, long, true, long},
		{"a block cut off further on is not shown", styleExplicit, false, "Yes\n<think>\nhm", true, "Yes\n"},
		{"a block within that of the template", styleImplicit, false, long + " <think>hm</think> hm\n</think>\nYes", false, "Yes"},
		{"a block within that of a template not known", styleUnknown, true, long + " <think>hm</think> hm\n</think>\nYes", false, "Yes"},
		{"a block within one, cut off", styleExplicit, false, "<think>hm <think>hm</think> hm", true, ""},
		{"a block opened twice, and an answer cut off", styleExplicit, false, "<think>\n<think>hm</think>Yes", true, "Yes"},
		{"a leading word that is a mark is none when it is cut off", styleExplicit, false, "<think> opens", true, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for size := 1; size <= len(tc.answer); size++ {
				if got, _ := filtered(tc.style, tc.whole, tc.answer, size, tc.stopped); got != tc.want {
					t.Errorf("in pieces of %d: %q, want %q", size, got, tc.want)
				}
			}
		})
	}
}

func TestOnlyTheOwnProbeTellsWhereAnswersBegin(t *testing.T) {
	var content, finish string
	s := serve(t, func(w http.ResponseWriter, body []byte) {
		if decode[struct{ Stream bool }](t, body).Stream {
			w.Header().Set("Content-Type", "text/event-stream")
			io.WriteString(w, strings.ReplaceAll(events(strings.SplitAfter(content, " ")...), `"stop"`, `"`+finish+`"`))
			return
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"choices":[{"message":{"content":%q},"finish_reason":%q}]}`, content, finish)
	})
	for _, tc := range []struct {
		name, probed, finish string
		pieces               int    // of a plain answer
		cut                  string // is shown of one that was cut off
	}{
		{"a model never probed", "", "", 1, "one two three"},
		{"a plain one", "yes", "stop", 3, "one two three"},
		{"one that reasons by itself", "<think>hm</think>yes", "stop", 3, "one two three"},
		{"one whose template opens the block", "hm</think>yes", "stop", 1, ""},
		{"one whose reasoning was cut off", "hm, the user wants", "length", 1, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := s.unprobed()
			if tc.probed != "" {
				content, finish = tc.probed, tc.finish
				if err := c.Probe(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			for range 2 {
				for _, other := range []string{"Thoughts\n</think>\nand more", "<think>x</think>y", "plain"} {
					content, finish = other, "stop"
					if _, err := c.Complete(t.Context(), ask("x")); err != nil {
						t.Fatal(err)
					}
					if _, _, err := stream(t, c); err != nil {
						t.Fatal(err)
					}
				}
				content = "one two three"
				if pieces, _, err := stream(t, c); err != nil || len(pieces) != tc.pieces {
					t.Errorf("the answer comes in pieces %q, %v, want %d", pieces, err, tc.pieces)
				}
				finish = "length"
				if got, err := c.Complete(t.Context(), ask("x")); err != nil || got.Content != tc.cut || got.OnlyReasoning != (tc.cut == "") {
					t.Errorf("of one that was cut off: %+v, %v", got, err)
				}
			}
		})
	}
}

func TestAModelThatNothingProbesIsProbedByTheFirstStream(t *testing.T) {
	probed := make(chan string, 1)
	s := serve(t, func(w http.ResponseWriter, body []byte) {
		in := decode[struct {
			Stream   bool
			Messages []Message
		}](t, body)
		if !in.Stream {
			probed <- in.Messages[0].Content
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		io.WriteString(w, events("one ", "two"))
	})
	m := s.model()
	m.NoProbe = true
	c := newUnprobed(m)
	c.Instruct("Think.")
	if _, _, err := stream(t, c); err != nil {
		t.Fatal(err)
	}
	if got := <-probed; got != "Think." {
		t.Errorf("the probe begins with %q", got)
	}
}

func TestTheFirstProbeTellsWhereAnswersBegin(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, body []byte) {
		if decode[struct{ Stream bool }](t, body).Stream {
			w.Header().Set("Content-Type", "text/event-stream")
			io.WriteString(w, events("No ", "thoughts"))
			return
		}
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"choices":[{"message":{"content":"yes"},"finish_reason":"stop"}]}`)
	})
	c := s.unprobed()
	for _, tokens := range []int{warmUpTokens, 1} {
		if err := c.Probe(t.Context()); err != nil {
			t.Fatal(err)
		}
		asked := decode[struct {
			MaxTokens int `json:"max_tokens"`
		}](t, []byte(s.bodies[s.count()-1]))
		if asked.MaxTokens != tokens {
			t.Errorf("probe %d asks for %d tokens, want %d", s.count(), asked.MaxTokens, tokens)
		}
	}
	if pieces, _, err := stream(t, c); err != nil || len(pieces) != 2 {
		t.Errorf("the first answer comes in pieces %q, %v", pieces, err)
	}
}

func TestALongThoughtIsSearchedOnce(t *testing.T) {
	f := newThinkFilter(styleExplicit, false)
	f.push("<think>")
	for range 100_000 { // quadratic work would take minutes
		f.push("thoughts ")
	}
	if got := f.push("</think>done") + f.flush(false); got != "done" {
		t.Errorf("got %q", got)
	}
}

func TestManyMarksAreReadOnce(t *testing.T) {
	for _, mark := range []string{"<think>", " </think> ", "\"<think>\" ", "<think>a</think>"} {
		f := newThinkFilter(styleExplicit, true)
		f.push("<think>a" + strings.Repeat(mark, 100_000)) // quadratic work would take minutes
		if got := f.push("</think>done") + f.flush(false); !strings.HasSuffix(got, "done") {
			t.Errorf("got %q", got[max(0, len(got)-100):])
		}
	}
}

// FuzzReasoning cuts an answer in two places: its text must be the same as in one piece, and what is
// not within marks must be kept.
func FuzzReasoning(f *testing.F) {
	for _, s := range []string{
		"<think>a</think>b", "x\n</think>\n\ny", "`<think>` and </think>, (</think>)", "[THINK]a[/THINK]b", "◁think▷a◁/think▷b",
		"<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>b<|return|>", "analysisXassistantfinaly",
		"```\n<think>\n```\n<think>\nx", "a <think>...</think> b", "<think> a </think> b",
		"<think x=\"1\">a</think >b", "<scratchpad a>x</scratchpad>y", "<think/>a", "<think>a<think>b</think>c</think>d", "<think> a <think> b </think>c", "<think>a</thinking>b", "## Thinking\na\n## Final Response\nb",
	} {
		for style := range 3 {
			f.Add(s, uint8(style), style == 1, 3, 5)
		}
	}
	f.Fuzz(func(t *testing.T, answer string, style uint8, stopped bool, a, b int) {
		how := thinkStyle(style % 3)
		whole := newThinkFilter(how, false)
		want := whole.push(answer)
		want += whole.flush(stopped)
		n := len(answer) + 1
		a, b = (a%n+n)%n, (b%n+n)%n
		cut := newThinkFilter(how, false)
		got := cut.push(answer[:min(a, b)]) + cut.push(answer[min(a, b):max(a, b)]) + cut.push(answer[max(a, b):])
		if got += cut.flush(stopped); got != want {
			t.Errorf("%q in three pieces, cut at %d and %d: %q, in one %q", answer, a, b, got, want)
		}
		bytewise, _ := filtered(how, false, answer, 1, stopped)
		if bytewise != want {
			t.Errorf("%q byte by byte: %q, in one piece %q", answer, bytewise, want)
		}
		if !strings.ContainsAny(answer, "<>[]|◁▷#") && !strings.Contains(strings.ToLower(answer), "an") &&
			!strings.Contains(strings.ToLower(answer), "here") && utf8.ValidString(answer) && strings.TrimSpace(answer) != "" &&
			(!stopped || how != styleImplicit) && want != answer {
			t.Errorf("%q without marks became %q", answer, want)
		}
	})
}
