package query

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/model"
)

// titleTask makes a template of its own known, because the front ends' texts are theirs.
func titleTask(t *testing.T) (prompt string) {
	t.Helper()
	const beginning = "Give this chat a title of three words.\n\n"
	known := templates
	t.Cleanup(func() { templates = known })
	sum := sha256.Sum256([]byte(beginning))
	templates = append([]template{{len(beginning), hex.EncodeToString(sum[:])}}, known...)
	return beginning + "User: Who made it?"
}

func TestAFrontEndsTaskIsNotRetrievedFor(t *testing.T) {
	f := newFixture(t)
	f.options.Config.Answer.System = "Answer in Dutch."
	task := titleTask(t)
	got, err := f.service().Answer(t.Context(), ask(task))
	if err != nil {
		t.Fatal(err)
	}
	if got.Ungrounded != FrontEndTask || len(got.Passages) != 0 || got.Answer != "It is so [1]." || len(f.index.limits) != 0 {
		t.Errorf("got %+v after %d searches, want the LLM's answer without any", got, len(f.index.limits))
	}
	if diff := cmp.Diff([]model.Message{user(task)}, f.chat.got.Messages); diff != "" {
		t.Errorf("prompt (-want +got):\n%s", diff)
	}

	// Some front ends have it in the instructions, before the conversation.
	instructed := Request{Messages: []model.Message{{Role: "system", Content: task}, user("user: Who?")}}
	if got, err := f.service().Answer(t.Context(), instructed); err != nil || got.Ungrounded != FrontEndTask {
		t.Errorf("as instructions: got %+v, %v", got, err)
	}

	// One letter more or less, and it is a question like any other.
	for _, question := range []string{"X" + task, task[1:], strings.ToUpper(task)} {
		if got, err := f.service().Answer(t.Context(), ask(question)); err != nil || got.Ungrounded != "" || len(got.Passages) == 0 {
			t.Errorf("%q: got %+v, %v, want an answer from passages", question, got, err)
		}
	}
}

// The marks between which front ends put a conversation tell their tasks, in any language and release.
func TestTasksAreKnownByTheirMarks(t *testing.T) {
	const history = "<chat_history>\nUSER: Who made it?\nASSISTANT: Ann. </chat_history>\n</chat_history>"
	for name, messages := range map[string][]model.Message{
		"in another language":                {user("### Aufgabe:\nSchreibe einen Titel.\n" + history)},
		"with a trailing line":               {user("Make tags.\n" + history + "\n")},
		"a completion":                       {user("### Task:\nGo on with `<text>`.\n" + history + "\n<type>General</type>\n<text>Who ma</text>\n#### Output:\n")},
		"calls in words":                     {{Role: "system", Content: `Available Tools: [{"name":"x"}]` + "\nReply with \"tool_calls\"."}, user("Query: Who?")},
		"a title, as LibreChat asked for it": {{Role: "system", Content: "Please write a title.\n\n||>User:\n\"Who?\"\n||>Response:\n\"Ann.\"\n\n||>Title:"}, user("x")},
		"a question that stands alone":       {user("Rewrite it.\n\nChat History:\nHuman: Who?\nFollow Up Input: And when?\nStandalone question:")},
		"as LlamaIndex asks":                 {user("Rewrite.\n\n<Chat History>\nuser: Who?\n\n<Follow Up Message>\nWhen?\n\n<Standalone question>\n")},
		"among other instructions":           {{Role: "system", Content: "Be brief."}, {Role: "system", Content: "Tags for this:\n" + history}, user("Go.")},
	} {
		c, err := readConversation(messages)
		if err != nil || ungrounded(Request{}, c) != FrontEndTask {
			t.Errorf("%s is not known for a task: %v", name, err)
		}
	}
	for name, question := range map[string]string{
		"a question behind a history": "Answer from this.\n" + history + "\nWhen was it made?",
		"a history alone":             history,
		"a mark that is spoken of":    "How does Open WebUI use </chat_history> in its prompts?",
		"a title that is asked about": "Who has the job title: Title:",
		"tools that are asked about":  "Available Tools: which ones does the workshop have?",
		"a question about questions":  "What is a standalone question?",
	} {
		c, err := readConversation([]model.Message{user(question)})
		if err != nil || ungrounded(Request{}, c) != "" {
			t.Errorf("%s is taken for a task: %v", name, err)
		}
	}
}

// NextChat asks for a summary by instructions behind the conversation.
func TestATaskMayStandInTheLastInstructions(t *testing.T) {
	task := titleTask(t)
	f := newFixture(t)
	messages := []model.Message{user("Who made it?"), assistant("Ann [1]."), {Role: "system", Content: task}}
	got, err := f.service().Answer(t.Context(), Request{Messages: messages})
	if err != nil || got.Ungrounded != FrontEndTask {
		t.Fatalf("got %+v, %v", got, err)
	}
	want := []model.Message{user("Who made it?"), assistant("Ann [1]."), user(task)}
	if diff := cmp.Diff(want, f.chat.got.Messages); diff != "" {
		t.Errorf("prompt (-want +got):\n%s", diff)
	}
	messages[2].Content = "Be brief."
	if _, err := f.service().Answer(t.Context(), Request{Messages: messages}); err == nil {
		t.Error("instructions behind an answer are taken for a question")
	}
}

func TestTemplatesAreInOrderOfLength(t *testing.T) {
	if !slices.IsSortedFunc(templates, func(a, b template) int { return a.length - b.length }) {
		t.Error("isFrontEndTask stops at the first template that is longer than the question")
	}
}

func TestAnUngroundedRequest(t *testing.T) {
	f := newFixture(t)
	f.options.Config.Answer.System = "Answer in Dutch."
	messages := []model.Message{{Role: "system", Content: "Be brief."}, user("Who?"), assistant("Ann."), user("Thanks!")}
	got, err := f.service().Answer(t.Context(), Request{Messages: messages, Ungrounded: true})
	if err != nil {
		t.Fatal(err)
	}
	if got.Ungrounded != AsRequested || len(got.Passages) != 0 || len(f.index.limits) != 0 {
		t.Errorf("got %+v after %d searches", got, len(f.index.limits))
	}
	want := []model.Message{{Role: "system", Content: "Answer in Dutch.\n\nBe brief."}, user("Who?"), assistant("Ann."), user("Thanks!")}
	if diff := cmp.Diff(want, f.chat.got.Messages); diff != "" {
		t.Errorf("prompt (-want +got):\n%s", diff)
	}

	f.options.Chat = nil
	got, err = f.service().Answer(t.Context(), Request{Messages: messages, Ungrounded: true})
	if err != nil || got.Answer != needsModel || len(got.Warnings) != 1 || got.Warnings[0].Code != config.NoModel {
		t.Errorf("without an LLM got %+v, %v", got, err)
	}
}
