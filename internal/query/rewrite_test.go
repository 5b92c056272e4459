package query

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/model"
)

// rewriter answers a request for a question with rewritten or an error, and any other as fakeChat does.
type rewriter struct {
	*fakeChat
	rewritten string
	err       error
	asked     []model.ChatRequest
}

func (r *rewriter) Complete(ctx context.Context, request model.ChatRequest) (*model.Completion, error) {
	if request.Messages[0].Content != rewriteSystem {
		return r.fakeChat.Complete(ctx, request)
	}
	r.asked = append(r.asked, request)
	return &model.Completion{Content: r.rewritten, FinishReason: "stop"}, r.err
}

func TestRewrite(t *testing.T) {
	followUp := []model.Message{user("Who made it in 2022?"), assistant("Ann."), user("And in 2023?")}
	const rewritten = "Who made it in 2023?"
	for _, tc := range []struct {
		name     string
		off      bool
		messages []model.Message
		reply    string
		err      error
		asked    int
		searched []string
		query    string
		warned   bool
	}{
		{name: "a follow-up", messages: followUp, reply: ` "Who made it in 2023?"` + "\n", asked: 1, searched: []string{rewritten}, query: rewritten},
		{name: "a first question", messages: []model.Message{user("Who?")}, reply: rewritten, searched: []string{"Who?"}},
		{name: "not asked for", off: true, messages: followUp, reply: rewritten, searched: []string{"And in 2023?", "Who made it in 2022?"}},
		{name: "a failure", messages: followUp, err: &model.Error{Stage: config.StageLLM, Failure: config.ModelOverloaded, Model: "m"},
			asked: 1, searched: []string{"And in 2023?", "Who made it in 2022?"}, warned: true},
		{name: "an empty reply", messages: followUp, reply: " \n", asked: 1, searched: []string{"And in 2023?", "Who made it in 2022?"}, warned: true},
		{name: "a chatty reply", messages: followUp, reply: "Sure! Here is the rewritten question:\n\n**Who made it in 2023?**\n\nI put in the year.",
			asked: 1, searched: []string{rewritten}, query: rewritten},
		{name: "a refusal", messages: followUp, reply: "I cannot find that in the documents.", asked: 1,
			searched: []string{"And in 2023?", "Who made it in 2022?"}, warned: true},
		{name: "an essay", messages: followUp, reply: strings.Repeat("word ", 300), asked: 1,
			searched: []string{"And in 2023?", "Who made it in 2022?"}, warned: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFixture(t)
			l := &listener{fakeIndex: f.index}
			chat := &rewriter{fakeChat: f.chat, rewritten: tc.reply, err: tc.err}
			f.options.Index, f.options.Embedder, f.options.Chat = l, l, chat
			f.options.Config.Retrieval.Rewrite = !tc.off
			got, err := f.service().Answer(t.Context(), Request{Messages: tc.messages})
			if err != nil {
				t.Fatal(err)
			}
			if len(chat.asked) != tc.asked || got.Query != tc.query {
				t.Errorf("asked %d times for the query %q, want %d and %q", len(chat.asked), got.Query, tc.asked, tc.query)
			}
			if diff := cmp.Diff(tc.searched, l.searched); diff != "" {
				t.Errorf("keyword questions (-want +got):\n%s", diff)
			}
			if warned := len(got.Warnings) == 1 && got.Warnings[0].Code == config.NotRewritten; warned != tc.warned {
				t.Errorf("warnings %+v, want one: %v", got.Warnings, tc.warned)
			}
			last := tc.messages[len(tc.messages)-1].Content
			if prompt := f.chat.got.Messages; !strings.HasSuffix(prompt[len(prompt)-1].Content, last) {
				t.Errorf("the prompt ends with %q, want the question as it was asked", prompt[len(prompt)-1].Content)
			}
		})
	}
}

func TestARewrittenQuestionIsFoundInTheReply(t *testing.T) {
	const want = "Who made it in 2023?"
	for _, reply := range []string{
		want, " " + want + "\r\n", `"` + want + `"`, "“" + want + "”", "「" + want + "」", "**" + want + "**", "`" + want + "`",
		"Question: " + want, "Rewritten question: " + want, "**Standalone question:** " + want, "Here is the rewritten question: \"" + want + "\"",
		"Sure, here it is:\n" + want, "The rewritten question is:\n\n" + want, "Frage: " + want, "質問：" + want,
		want + "\n\nExplanation: the year was put in.", want + "\nNote: nothing else was changed.",
		`{"question": "Who made it in 2023?"}`, `{"rewritten_query": "Who made it in 2023?", "reason": "the year"}`, `{"text": "Who made it in 2023?"}`,
		"```json\n{\"question\": \"Who made it in 2023?\"}\n```", "```\nWho made it in 2023?\n```", "<question>\nWho made it in 2023?\n</question>",
		"Sure, I can help with that!\n\n<question>" + want + "</question>\n\nI put in the year.", "<question>" + want,
		"<question>And in 2023?</question>\n<question>" + want + "</question>", "Sure, I can help with that!\n\n" + want,
		"Here's the last question, rewritten so it can be understood without the conversation:\n" + want,
		"Q: " + want, "## Rewritten question\n" + want, "改写后的问题：" + want, "Die umformulierte Frage lautet: " + want,
	} {
		if got := rewrittenIn(reply, "And in 2023?"); got != want {
			t.Errorf("%q: got %q", reply, got)
		}
	}
	for reply, want := range map[string]string{
		"Compare Alder and Birch: which has more?":                             "Compare Alder and Birch: which has more?",
		"Explain the term \"query plan\"":                                      `Explain the term "query plan"`,
		`"Alder" and "Birch": which has more?`:                                 `"Alder" and "Birch": which has more?`,
		"Query plans: what are they?":                                          "Query plans: what are they?",
		"Frage der Haftung: wer zahlt?":                                        "Frage der Haftung: wer zahlt?",
		"Is this a search query: SELECT 1?":                                    "Is this a search query: SELECT 1?",
		"<question>Question: a or b?</question>":                               "Question: a or b?",
		"Error 404 on the question page: why?":                                 "Error 404 on the question page: why?",
		"Which limits has a query: rows or bytes?":                             "Which limits has a query: rows or bytes?",
		"Search query: the limits of a query":                                  "the limits of a query",
		`{"a": "x", "b": "y"}`:                                                 "",
		`{"original_question": "And?", "standalone_question": "Who made it?"}`: "Who made it?",
		`{"question": "Who made it?", "search_query": "makers"}`:               "",
		"[1, 2]": "[1, 2]",
	} {
		if got := rewrittenIn(reply, "And?"); got != want {
			t.Errorf("%q: got %q, want %q", reply, got, want)
		}
	}
	for _, several := range []string{"Which is right?\n- a\n- b", "Which of these limits holds:\n- a\n- b"} {
		if got := rewrittenIn(several, "And of these?\n- a\n- b"); got != several {
			t.Errorf("of a question of several lines remains %q", got)
		}
	}
}

// An LLM that takes too long to rewrite costs the question ten seconds, not its answer.
func TestASlowRewriteGivesWayToTheConversation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		l := &listener{fakeIndex: f.index}
		f.options.Index, f.options.Embedder, f.options.Chat = l, l, hanging{f.chat}
		f.options.Config.Retrieval.Rewrite = true
		begun := time.Now()
		got, err := f.service().Answer(t.Context(), Request{Messages: []model.Message{user("Who?"), assistant("Ann."), user("And when?")}})
		if err != nil || time.Since(begun) != rewriteDeadline || len(got.Warnings) != 1 || got.Warnings[0].Code != config.NotRewritten {
			t.Fatalf("after %s: %+v, %v", time.Since(begun), got, err)
		}
		if diff := cmp.Diff([]string{"And when?", "Who?"}, l.searched); diff != "" {
			t.Errorf("keyword questions (-want +got):\n%s", diff)
		}
	})
}

// hanging answers no request to rewrite a question.
type hanging struct{ *fakeChat }

func (h hanging) Complete(ctx context.Context, r model.ChatRequest) (*model.Completion, error) {
	if r.Messages[0].Content == rewriteSystem {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return h.fakeChat.Complete(ctx, r)
}
