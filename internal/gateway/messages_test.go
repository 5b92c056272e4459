package gateway

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

const pictures = `[{"type": "text", "text": "See here."}, {"type": "image_url", "image_url": {"url": "data:x"}}]`

// Requests with something that no pipeline can use are answered without it, and are told so.
func TestConversationsWithMoreThanText(t *testing.T) {
	ended := func(history string) string {
		return `"messages": [` + history + `{"role": "user", "content": "And now?"}]`
	}
	const (
		asked  = `{"role": "user", "content": "Weather?"},`
		called = `{"role": "assistant", "content": null, "tool_calls": [{"id": "1", "type": "function",
			"function": {"name": "f", "arguments": "{}"}}]},`
		result = `{"role": "tool", "tool_call_id": "1", "content": "sunny"},`
		told   = `{"role": "assistant", "content": "It is sunny."},`
	)
	for _, tc := range []struct {
		name, request string
		want          []string // is what the LLM gets before the question, with roles
		warnings      []config.Failure
	}{
		{"tools", ended("") + `, "tools": [{"type": "function"}]`, nil, []config.Failure{config.ToolsIgnored}},
		{"tools, left to the model", ended("") + `, "tools": [{"type": "function"}], "tool_choice": "auto"`, nil,
			[]config.Failure{config.ToolsIgnored}},
		{"tools of which some may be called", ended("") + `, "tools": [{"type": "function"}],
			"tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": []}}`, nil,
			[]config.Failure{config.ToolsIgnored}},
		{"functions", ended("") + `, "functions": [{"name": "f"}], "function_call": "none"`, nil,
			[]config.Failure{config.ToolsIgnored}},
		{"a choice without tools", ended("") + `, "tools": [], "tool_choice": "none"`, nil, nil},
		{"a tool that was called", ended(asked + called + result + told),
			[]string{"user: Weather?", "assistant: It is sunny."}, []config.Failure{config.ToolTurnsDropped}},
		{"a tool that was called with words", ended(asked + `{"role": "assistant", "content": "I look.",
			"function_call": {"name": "f"}}, {"role": "function", "name": "f", "content": "sunny"},`),
			[]string{"user: Weather?", "assistant: I look."}, []config.Failure{config.ToolTurnsDropped}},
		{"a picture", ended(`{"role": "user", "content": ` + pictures + `},` + told),
			[]string{"user: See here.", "assistant: It is sunny."}, []config.Failure{config.PartsDropped}},
		{"a picture alone", ended(asked + told + `{"role": "user", "content": [{"type": "file"}]},` + told),
			[]string{"user: Weather?", "assistant: It is sunny.\n\nIt is sunny."}, []config.Failure{config.PartsDropped}},
		{"a refusal", ended(asked + `{"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]},`),
			[]string{"user: Weather?", "assistant: No."}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFixture()
			got := f.call("POST", chatRoute, "{"+tc.request+"}")
			if got.Code != http.StatusOK {
				t.Fatalf("status %d: %s", got.Code, got.Body)
			}
			var history []string
			for _, m := range f.chat.got.Messages[1 : len(f.chat.got.Messages)-1] {
				history = append(history, m.Role+": "+m.Content)
			}
			if diff := cmp.Diff(tc.want, history); diff != "" {
				t.Errorf("history (-want +got):\n%s", diff)
			}
			var reply Completion
			if err := json.Unmarshal(got.Body.Bytes(), &reply); err != nil {
				t.Fatal(err)
			}
			var codes []config.Failure
			for _, w := range reply.Warnings {
				codes = append(codes, w.Code)
			}
			if diff := cmp.Diff(tc.warnings, codes); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
		})
	}
}

// A question that needs more than text is refused: an answer without it would be that to another
// question.
func TestQuestionsThatNeedMoreThanText(t *testing.T) {
	const told = `{"role": "assistant", "content": "Yes."},`
	for _, tc := range []struct{ name, messages, param string }{
		{"a picture", told + `{"role": "user", "content": ` + pictures + `}`, "messages[1].content[1]"},
		{"a picture in a question of several messages", told + `{"role": "user", "content": ` + pictures + `},
			{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is this?"}`, "messages[1].content[1]"},
		{"a tool's result", `{"role": "user", "content": "Weather?"}, {"role": "assistant", "tool_calls": [{"id": "1"}]},
			{"role": "tool", "content": "sunny"}, {"role": "system", "content": "Be brief."}`, "messages[2]"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFixture()
			got := f.call("POST", chatRoute, `{"messages": [`+tc.messages+`]}`)
			if told := failureIn(t, got.Body); got.Code != http.StatusUnprocessableEntity || told.Param != tc.param {
				t.Errorf("status %d, %+v; want 422 and %s", got.Code, told, tc.param)
			}
			if f.chat.got.Messages != nil {
				t.Error("the llm was asked")
			}
		})
	}
}

// Every model can be looked up by its name, also one whose name has slashes, but only the pipeline is
// listed: chat takes no other.
func TestModelsThatAreListedAnswer(t *testing.T) {
	f := newFixture()
	f.options.Config.Models.Embedding.Name = "nvidia/embed/1b"
	for id, role := range map[string]string{
		"demo": "pipeline", "nvidia/embed/1b": "embedding", "nvidia%2Fembed%2F1b": "embedding", "rank": "reranking", "chat": "llm",
	} {
		var got ModelInfo
		reply := f.call("GET", "/v1/models/"+id, "")
		if err := json.Unmarshal(reply.Body.Bytes(), &got); err != nil || reply.Code != http.StatusOK || got.Role != role {
			t.Errorf("%s: status %d, %+v", id, reply.Code, got)
		}
	}
	var list ModelList
	if err := json.Unmarshal(f.call("GET", "/v1/models", "").Body.Bytes(), &list); err != nil {
		t.Fatal(err)
	}
	for _, m := range list.Data {
		body := `{"model": "` + m.ID + `", "messages": [{"role": "user", "content": "what?"}]}`
		if reply := f.call("POST", chatRoute, body); reply.Code != http.StatusOK {
			t.Errorf("chat refuses %s: %s", m.ID, reply.Body)
		}
	}
	if len(list.Data) != 1 {
		t.Errorf("%d models are listed, want the pipeline alone", len(list.Data))
	}
}

// A number may be of the right kind and yet not one that the field takes: it is not told to be no number.
func TestNumbersThatDoNotFitAreTold(t *testing.T) {
	f := newFixture()
	for field, want := range map[string]string{
		`"temperature": 1e999999`: "temperature: must not be so large a number",
		`"max_tokens": 1.5`:       "max_tokens: must be a whole number, and not so large",
		`"max_tokens": "x"`:       "max_tokens: must not be a string",
	} {
		got := f.call("POST", chatRoute, `{"messages": [{"role": "user", "content": "what?"}], `+field+`}`)
		if told := failureIn(t, got.Body); got.Code != http.StatusBadRequest || told.Message != want {
			t.Errorf("%s: status %d, %+v", field, got.Code, told)
		}
	}
	if got := f.call("POST", chatRoute, chatBody("what?"), "Content-Encoding", "gzip"); got.Code != http.StatusUnsupportedMediaType {
		t.Errorf("a compressed body: status %d", got.Code)
	}
	if got := f.call("POST", chatRoute, "\ufeff"+chatBody("what?")); got.Code != http.StatusOK {
		t.Errorf("a body behind a byte order mark: status %d", got.Code)
	}
}
