package query

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tiktoken-go/tokenizer"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/model"
)

// cuttingChat reads the end of a prompt only, as Ollama does, and reports how many tokens that were.
type cuttingChat struct {
	context int
	got     []model.ChatRequest
}

func (c *cuttingChat) Complete(_ context.Context, r model.ChatRequest) (*model.Completion, error) {
	c.got = append(c.got, r)
	tokens := 0
	for _, m := range r.Messages {
		tokens += messageTokens(m) * 4 / 5
	}
	answer := "It is so [1]."
	if tokens > c.context {
		tokens, answer = c.context, "I know nothing of that."
	}
	return &model.Completion{Content: answer, FinishReason: "stop", Usage: &model.Usage{PromptTokens: tokens, TotalTokens: tokens}}, nil
}

func (c *cuttingChat) Stream(ctx context.Context, r model.ChatRequest, delta model.Delta) (*model.Completion, error) {
	answer, err := c.Complete(ctx, r)
	if err == nil {
		err = delta(answer.Content)
	}
	return answer, err
}

// cutting is a pipeline with eight passages of 500 tokens each, whose LLM cuts prompts in silence.
func cutting(t *testing.T, context int) (*fixture, *cuttingChat) {
	f := newFixture(t)
	f.options.Config.Retrieval.K, f.options.Config.Retrieval.TopN = 8, 8
	f.index.vector, f.index.keyword = nil, nil
	for i := range 8 {
		id := fmt.Sprint("p", i)
		f.index.vector = append(f.index.vector, index.Hit{ID: id, Score: float64(8 - i), Digest: uint64(i)})
		f.index.chunks[id] = index.Chunk{ID: id, Title: id, Text: strings.Repeat("Somemore words about "+id+" areheretoread ", 50)}
	}
	chat := &cuttingChat{context: context}
	f.options.Chat = chat
	return f, chat
}

func TestAPromptThatIsCutInSilenceIsMetWithFewerPassages(t *testing.T) {
	for context, requests := range map[int][]int{
		2048: {2, 2, 1}, // the second question shows that it is no chance
		1280: {2, 2, 1}, // is less than the prompt can be
		3072: {1, 2, 1}, // may be the length of the first prompt
		9000: {1, 1, 1},
		1357: {1, 1, 1}, // may be the length of a prompt
	} {
		t.Run(fmt.Sprint(context), func(t *testing.T) {
			f, chat := cutting(t, context)
			s := f.service()
			for n, requests := range requests {
				chat.got = nil
				got, err := s.Answer(t.Context(), ask("what is that"+strings.Repeat("?", 1+n)))
				if err != nil || len(chat.got) != requests {
					t.Fatalf("question %d: %v after %d requests", n, err, len(chat.got))
				}
				if context == 9000 || context == 1357 || context == 3072 && n == 0 {
					if len(got.Warnings) > 0 {
						t.Errorf("warnings %+v", got.Warnings)
					}
					continue
				}
				says := fmt.Sprintf("which has %d tokens: set llm.contextWindow to that", context)
				if got.Answer != "It is so [1]." || len(got.Passages) == 0 || len(got.Passages) >= 8 ||
					len(got.Warnings) != 1 || got.Warnings[0].Code != config.PassagesCut || !strings.Contains(got.Warnings[0].Message, says) {
					t.Errorf("question %d: %q from %d passages, warnings %+v", n, got.Answer, len(got.Passages), got.Warnings)
				}
			}
		})
	}
}

func TestAPromptWhoseLengthIsThatOfAContextByChanceIsNotTakenForCut(t *testing.T) {
	for name, text := range ordinaryTexts {
		real := tokensOf(t, tokenizer.Cl100kBase, text)
		const read = 3072
		prompt := []model.Message{{Role: "user", Content: strings.Repeat(text, read/real)}}
		s := newFixture(t).service()
		if got := s.cutAt(prompt, &model.Usage{PromptTokens: read}); got != 0 {
			t.Errorf("%s: cut at %d", name, got)
		}
		for _, tokens := range []int{read + 1, read} {
			prompt[0].Content += text
			if got := s.cutAt(prompt, &model.Usage{PromptTokens: tokens}); got != 0 {
				t.Errorf("%s: cut at %d, although the server has read more", name, got)
			}
		}
	}
}

// An answer that was streamed cannot be taken back: it is warned of, and the next ones are spared.
func TestAStreamWhosePromptWasCutIsWarnedOf(t *testing.T) {
	f, chat := cutting(t, 2048)
	s := f.service()
	for n, says := range []string{"has read only the last 2048 tokens", "has read only the last 2048 tokens", "which has 2048 tokens"} {
		chat.got = nil
		to := &recorder{}
		if err := s.Stream(t.Context(), ask("what is that"+strings.Repeat("?", 1+n)), to); err != nil || len(chat.got) != 1 {
			t.Fatalf("question %d: %v after %d requests", n, err, len(chat.got))
		}
		if !slices.ContainsFunc(to.end.Warnings, func(w Warning) bool { return strings.Contains(w.Message, says) }) {
			t.Errorf("question %d: warnings %+v", n, to.end.Warnings)
		}
	}
}

func TestTheLeastIsALowerBoundForOrdinaryText(t *testing.T) {
	for _, text := range ordinaryTexts {
		real := tokensOf(t, tokenizer.O200kBase, text)
		if least := leastTokens(text); least > real || least*5 < real {
			t.Errorf("%q: at least %d tokens, o200k_base makes %d", text, least, real)
		}
	}
}

// The headings of citations follow the answer that is given, not one that was thrown away.
func TestHeadingsFollowTheAnswerThatIsKept(t *testing.T) {
	f, chat := cutting(t, 2048)
	id := f.index.vector[0].ID
	chunk := handbook().Chunk
	chunk.ID, chunk.Text = id, chunk.Text+strings.Repeat(" and so on", 150)
	f.index.chunks[id] = chunk
	f.options.Ranker = nil
	f.options.Chat = scripted{chat, []string{"A taxi is paid [1].", "It is so [2]."}}
	got, err := f.service().Answer(t.Context(), ask("How many days of leave do I get?"))
	if err != nil || len(chat.got) != 2 {
		t.Fatalf("%v after %d requests, want 2", err, len(chat.got))
	}
	if p := got.Passages[0]; p.ID != id || p.Heading != "Leave" {
		t.Errorf("%s has the heading %q, want that of the part that fits the question", p.ID, p.Heading)
	}
}

// scripted gives the answers of another chat's turns.
type scripted struct {
	*cuttingChat
	answers []string
}

func (s scripted) Complete(ctx context.Context, r model.ChatRequest) (*model.Completion, error) {
	c, err := s.cuttingChat.Complete(ctx, r)
	c.Content = s.answers[len(s.got)-1]
	return c, err
}
