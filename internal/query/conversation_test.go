package query

import (
	"context"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/model"
)

func user(text string) model.Message      { return model.Message{Role: "user", Content: text} }
func assistant(text string) model.Message { return model.Message{Role: "assistant", Content: text} }

// chain is a conversation of these questions.
func chain(questions ...string) (messages []model.Message) {
	for i, q := range questions {
		if i > 0 {
			messages = append(messages, assistant("It is so."))
		}
		messages = append(messages, user(q))
	}
	return messages
}

func TestRetrievalSeesTheConversation(t *testing.T) {
	long := strings.Repeat("é", 600)
	for _, tc := range []struct {
		name              string
		messages          []model.Message
		question, earlier string
	}{
		{"a first question", []model.Message{user("Who?")}, "Who?", ""},
		{"a follow-up", []model.Message{user("Who?"), assistant("Ann [1]."), user("And when?")}, "And when?", "Who?"},
		{"a question in pieces", []model.Message{user("Who?"), assistant("Ann."), user("And when?"), user("In 2023, I mean.")},
			"And when?\n\nIn 2023, I mean.", "Who?"},
		{"the last questions only", chain("1", "2", "3", "4", "5", "6", "7", "8", "9", "10"), "10", "2\n3\n4\n5\n6\n7\n8\n9"},
		{"long questions", chain(strings.Repeat("a", 999), strings.Repeat("b", 2000), strings.Repeat("c", 1200), "d", "e"), "e",
			strings.Repeat("a", 999) + "\n" + strings.Repeat("b", 1000) + "\n" + strings.Repeat("c", 1000) + "\nd"},
		{"names of the last answer", []model.Message{user("Which office is the largest?"), assistant("It is Ulm [1]."), user("And the next?"),
			assistant("The next is Berlin, before Ulm, by the plan X-7 of 2023. Then Lyon. The office has three floors [1]."), user("Who runs it?")},
			"Who runs it?", "Which office is the largest?\nAnd the next?\nBerlin Ulm X-7 Lyon"},
		{"names that were asked for", []model.Message{user("Who runs BERLIN and Ulm?"), assistant("Berlin is run by Ann, Ulm by Bo."),
			user("Since when does Bo?")}, "Since when does Bo?", "Who runs BERLIN and Ulm?\nAnn"},
		{"reasoning in an answer", []model.Message{user("Who?"), assistant("<think>Bo, or Cy?</think>It is Ann."), user("And when?")}, "And when?", "Who?\nAnn"},
		{"many names", []model.Message{user("Who?"), assistant("They are " + strings.Repeat("Ann1, Bo2, Cy3, Di4, Ed5, Fy6, Gus7, Hal8, Ian9, ", 200)),
			user("And when?")}, "And when?", "Who?\nAnn1 Bo2 Cy3 Di4 Ed5 Fy6 Gus7 Hal8"},
		{"a long question's beginning", []model.Message{user(long), assistant("Yes."), user("Why?")}, "Why?", long[:maxEarlierBytes]},
		{"a greeting of the assistant", []model.Message{assistant("Hello!"), user("Who?")}, "Who?", ""},
		{"blank questions", []model.Message{user(" "), assistant("Pardon?"), user("Who?")}, "Who?", ""},
		{"a blank answer", []model.Message{user("Who?"), assistant(""), user("And when?")}, "Who?\n\nAnd when?", ""},
		{"a blank at the end", []model.Message{user("Who?"), user(" "), assistant("")}, "Who?", ""},
		{"system texts in between", []model.Message{user("Who?"), {Role: "system", Content: "Be brief."}, user("And when?")},
			"Who?\n\nAnd when?", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, err := readConversation(tc.messages)
			if err != nil {
				t.Fatal(err)
			}
			if c.question != tc.question || c.earlier() != tc.earlier {
				t.Errorf("question %q, earlier %q; want %q and %q", c.question, c.earlier(), tc.question, tc.earlier)
			}
		})
	}
}

func TestABlankIsNoQuestion(t *testing.T) {
	for name, messages := range map[string][]model.Message{
		"alone":            {user(" \n")},
		"after an answer":  {user("Who?"), assistant("Ann."), user("")},
		"before silence":   {user("Who?"), assistant("Ann."), user(""), assistant("")},
		"only the other's": {assistant("Hello!")},
		"nothing":          {{Role: "system", Content: "Be brief."}},
	} {
		if c, err := readConversation(messages); err == nil {
			t.Errorf("%s: the question is %q", name, c.question)
		}
	}
}

func TestHistoryAlternates(t *testing.T) {
	c, err := readConversation([]model.Message{assistant("Hello!"), user("Who?"), user("Anyone?"), assistant("Ann."), assistant("Or Bo."),
		user("When?")})
	if err != nil {
		t.Fatal(err)
	}
	want := [][]model.Message{{assistant("Hello!")}, {user("Who?\n\nAnyone?"), assistant("Ann.\n\nOr Bo.")}}
	if diff := cmp.Diff(want, c.turns); diff != "" {
		t.Errorf("turns (-want +got):\n%s", diff)
	}
}

// listener records what the models and the index are asked.
type listener struct {
	*fakeIndex
	mu                        sync.Mutex
	embedded, searched, rated []string
	vector                    []float32
}

func (l *listener) Query(_ context.Context, text string) ([]float32, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.embedded = append(l.embedded, text)
	if strings.Contains(text, "\n") {
		return []float32{0, 2}, nil
	}
	return []float32{3, 0}, nil
}

func (l *listener) Vector(ctx context.Context, v []float32, limit int, f *index.Filter) ([]index.Hit, error) {
	l.vector = v
	return l.fakeIndex.Vector(ctx, v, limit, f)
}

func (l *listener) Keyword(ctx context.Context, q string, limit int, f *index.Filter) ([]index.Hit, error) {
	l.searched = append(l.searched, q)
	hits, err := l.fakeIndex.Keyword(ctx, q, limit, f)
	if q == "Who?" {
		hits = []index.Hit{{ID: "b", Score: 100, Digest: 2}}
	}
	return hits, err
}

func (l *listener) Rank(ctx context.Context, q string, passages []string) ([]model.Ranked, error) {
	l.rated = append(l.rated, q)
	return reversing(ctx, q, passages)
}

func TestAFollowUpIsFoundByBoth(t *testing.T) {
	f := newFixture(t)
	l := &listener{fakeIndex: f.index}
	f.options.Index, f.options.Embedder, f.options.Ranker = l, l, l
	got, err := f.service().Answer(t.Context(), Request{Messages: []model.Message{user("Who?"), assistant("Ann."), user("And when?")}})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(l.embedded)
	for _, check := range []struct {
		what      string
		want, got any
	}{
		{"embedded texts", []string{"And when?", "Who?\nAnd when?"}, l.embedded},
		{"vector", []float32{1, conversationWeight}, l.vector},
		{"keyword questions", []string{"And when?", "Who?"}, l.searched},
		{"questions of the reranker", []string{"And when?"}, l.rated},
		// b leads by keyword and e by the reranker, which sees b as the last.
		{"passages", []string{"e", "b"}, ids(got.Passages)},
	} {
		if diff := cmp.Diff(check.want, check.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", check.what, diff)
		}
	}
	if score := got.Passages[1].Keyword; score == nil || *score != 100*conversationWeight {
		t.Errorf("keyword score %v", score)
	}
	if last := f.chat.got.Messages[len(f.chat.got.Messages)-1].Content; !strings.HasSuffix(last, questionHeading+"And when?") {
		t.Errorf("the prompt ends with %q, want the question as it was asked", last)
	}
}

func TestAFollowUpWithoutOneEmbeddingFails(t *testing.T) {
	f := newFixture(t)
	f.options.Embedder = fakeEmbedder(func(_ context.Context, text string) ([]float32, error) {
		if strings.Contains(text, "\n") {
			return nil, &model.Error{Stage: config.StageEmbedding, Failure: config.ModelOverloaded, Model: "m"}
		}
		return []float32{1, 0}, nil
	})
	messages := []model.Message{user("Who?"), assistant("Ann."), user("And when?")}
	if _, err := f.service().Answer(t.Context(), Request{Messages: messages}); err == nil {
		t.Error("the failure of an embedding was swallowed")
	}
}

// Messages in a row are joined once: to join each to those before takes the square of their length.
func TestManyMessagesInARowTakeLittle(t *testing.T) {
	messages := make([]model.Message, 20_000)
	for i := range messages {
		messages[i] = model.Message{Role: "assistant", Content: "word"}
	}
	messages = append(messages, model.Message{Role: "user", Content: "Where?"})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	c, err := readConversation(messages)
	runtime.ReadMemStats(&after)
	if err != nil || c.turns[0][0].Content != strings.Repeat("word\n\n", 19_999)+"word" {
		t.Fatalf("%v: %.100s", err, c.turns[0][0].Content)
	}
	if took := after.TotalAlloc - before.TotalAlloc; took > 20<<20 {
		t.Errorf("%d bytes were taken for 120 kB", took)
	}
}
