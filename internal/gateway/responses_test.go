package gateway

import (
	"bufio"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/model"
)

const responsesRoute = "/v1/responses"

// Each input asks the LLM as a chat with the same turns does.
func TestInputsOfResponses(t *testing.T) {
	for _, tc := range []struct {
		name, body string
		want       []string // is what the LLM gets between the pipeline's prompt and the question
		warnings   []config.Failure
	}{
		{"a question", `"input": "And now?"`, nil, nil},
		{"a conversation", `"input": [{"role": "user", "content": "Hi."},
			{"type": "message", "role": "assistant", "id": "msg_1", "status": "completed",
				"content": [{"type": "output_text", "text": "Hello.", "annotations": []}]},
			{"role": "user", "content": [{"type": "input_text", "text": "And now?"}]}]`,
			[]string{"user: Hi.", "assistant: Hello."}, nil},
		{"tools, reasoning and pictures", `"tools": [{"type": "web_search"}], "input": [
			{"role": "user", "content": [{"type": "input_text", "text": "Hi."}, {"type": "input_image", "image_url": "data:x"}]},
			{"type": "reasoning", "id": "rs_1", "summary": []},
			{"type": "function_call", "call_id": "1", "name": "f", "arguments": "{}"},
			{"type": "function_call_output", "call_id": "1", "output": "sunny"},
			{"role": "assistant", "content": "Hello."}, {"role": "user", "content": "And now?"}]`,
			[]string{"user: Hi.", "assistant: Hello."},
			[]config.Failure{config.ToolTurnsDropped, config.PartsDropped, config.ToolsIgnored}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFixture()
			reply := f.call("POST", responsesRoute, `{"model": "demo", `+tc.body+`}`)
			if reply.Code != http.StatusOK {
				t.Fatalf("status %d: %s", reply.Code, reply.Body)
			}
			asked := f.chat.got.Messages
			var history []string
			for _, m := range asked[1 : len(asked)-1] {
				history = append(history, m.Role+": "+m.Content)
			}
			if diff := cmp.Diff(tc.want, history); diff != "" {
				t.Errorf("history (-want +got):\n%s", diff)
			}
			if last := asked[len(asked)-1]; last.Role != "user" || !strings.HasSuffix(last.Content, "And now?") {
				t.Errorf("the question is not at the end: %+v", last)
			}
			var got Response
			if err := json.Unmarshal(reply.Body.Bytes(), &got); err != nil {
				t.Fatal(err)
			}
			var codes []config.Failure
			for _, w := range got.Warnings {
				codes = append(codes, w.Code)
			}
			if diff := cmp.Diff(tc.warnings, codes); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSettingsOfResponses(t *testing.T) {
	f := newFixture()
	reply := f.call("POST", responsesRoute, `{"model": "demo", "input": "what?", "instructions": "Be brief.", "store": true,
		"max_output_tokens": 10, "temperature": 0.5, "top_p": 0.9, "metadata": {"trace": "7"}, "user": "me",
		"text": {"format": {"type": "json_schema", "name": "n", "strict": true, "schema": {"type": "object"}}}}`)
	var got Response
	if err := json.Unmarshal(reply.Body.Bytes(), &got); err != nil || reply.Code != http.StatusOK {
		t.Fatalf("status %d, %v: %s", reply.Code, err, reply.Body)
	}
	if got.Store || *got.Instructions != "Be brief." || *got.MaxOutputTokens != 10 || *got.Temperature != .5 ||
		*got.TopP != .9 || string(got.Metadata) != `{"trace":"7"}` {
		t.Errorf("reply %+v", got)
	}
	r := f.chat.got
	if r.MaxTokens != 10 || *r.Temperature != .5 || *r.TopP != .9 || !strings.Contains(r.Messages[0].Content, "Be brief.") {
		t.Errorf("settings were lost: %+v", r)
	}
	const want = `{"json_schema":{"name":"n","schema":{"type":"object"},"strict":true},"type":"json_schema"}`
	if format, err := json.Marshal(r.ResponseFormat); err != nil || string(format) != want {
		t.Errorf("response_format %s (%v), want %s", format, err, want)
	}
}

func TestResponsesThatAreRefused(t *testing.T) {
	for _, tc := range []struct {
		name, body string
		status     int
		param      string
	}{
		{"no input", `{}`, 400, "input"},
		{"an empty list", `{"input": []}`, 400, "input"},
		{"a number", `{"input": 7}`, 400, "input"},
		{"an item that is no object", `{"input": ["x"]}`, 400, "input[0]"},
		{"an answer for a question", `{"input": [{"role": "assistant", "content": "x"}]}`, 400, "input"},
		{"an unknown role", `{"input": [{"role": "king", "content": "x"}]}`, 400, "input[0].role"},
		{"another response", `{"input": "x", "previous_response_id": "resp_1"}`, 422, "previous_response_id"},
		{"a stored conversation", `{"input": "x", "conversation": {"id": "conv_1"}}`, 422, "conversation"},
		{"a stored item", `{"input": [{"type": "item_reference", "id": "msg_1"}]}`, 422, "input[0]"},
		{"a stored prompt", `{"input": "x", "prompt": {"id": "p_1"}}`, 422, "prompt"},
		{"work in the background", `{"input": "x", "background": true}`, 422, "background"},
		{"log probabilities", `{"input": "x", "top_logprobs": 3}`, 422, "top_logprobs"},
		{"a demand for a tool", `{"input": "x", "tool_choice": {"type": "web_search"}}`, 422, "tool_choice"},
		{"a picture", `{"input": [{"role": "user", "content": [{"type": "input_image"}]}]}`, 422, "input[0].content[0]"},
		{"a tool's result", `{"input": [{"role": "user", "content": "x"}, {"type": "function_call_output"}]}`, 422, "input[1]"},
		{"no tokens", `{"input": "x", "max_output_tokens": 0}`, 400, "max_output_tokens"},
		{"a format that is no object", `{"input": "x", "text": {"format": "json"}}`, 400, "text.format"},
		{"a long question", `{"input": "` + strings.Repeat("x", 100_000) + `"}`, 413, "input"},
		{"another model", `{"input": "x", "model": "gpt-5"}`, 404, "model"},
		{"an endpoint", `{"input": "x", "llm_endpoint": "http://evil"}`, 400, "llm_endpoint"},
	} {
		for _, streamed := range []bool{false, true} {
			body := tc.body
			if streamed {
				body = `{"stream": true, ` + strings.TrimPrefix(body, "{")
				body = strings.Replace(body, ", }", "}", 1)
			}
			got := newFixture().call("POST", responsesRoute, body)
			if told := failureIn(t, got.Body); got.Code != tc.status || told.Param != tc.param {
				t.Errorf("%s, streamed %v: status %d, %+v; want %d and %s", tc.name, streamed, got.Code, told, tc.status, tc.param)
			}
		}
	}
}

// The events of a stream build the response that the last one has, which is that of a whole answer.
func TestAStreamedResponseIsTheWholeOne(t *testing.T) {
	f := newFixture()
	f.options.Config.Answer.Citations = config.InText
	whole := f.call("POST", responsesRoute, `{"input": "what?"}`, "X-Request-Id", "one")
	streamed := f.call("POST", responsesRoute, `{"input": "what?", "stream": true}`, "X-Request-Id", "one")
	var want Response
	if err := json.Unmarshal(whole.Body.Bytes(), &want); err != nil {
		t.Fatal(err)
	}
	var types []string
	var said strings.Builder
	var last *Response
	for i, e := range responseEvents(t, streamed.Body.String()) {
		if e.SequenceNumber != i {
			t.Errorf("event %d has number %d", i, e.SequenceNumber)
		}
		if len(types) == 0 || types[len(types)-1] != e.Type {
			types = append(types, e.Type)
		}
		if e.Delta != nil {
			said.WriteString(*e.Delta)
		}
		if e.Response != nil {
			if last = e.Response; last.Citations.TotalResults != 2 {
				t.Errorf("%s has no citations", e.Type)
			}
		} else if *e.OutputIndex != 0 || e.Item == nil && e.ItemID != want.Output[0].ID {
			t.Errorf("%s is of another item: %+v", e.Type, e)
		}
	}
	if diff := cmp.Diff([]string{
		"response.created", "response.in_progress", "response.output_item.added", "response.content_part.added",
		"response.output_text.delta", "response.output_text.annotation.added", "response.output_text.done",
		"response.content_part.done",
		"response.output_item.done", "response.completed",
	}, types); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if text := want.Output[0].Content[0].Text; said.String() != text || !strings.Contains(text, sourceHeading) {
		t.Errorf("the pieces are %q, the answer is %q", said.String(), text)
	}
	for _, r := range []*Response{&want, last} {
		if r.Metrics == nil {
			t.Fatal("no metrics")
		}
		r.Metrics, r.CreatedAt = nil, 0
	}
	if diff := cmp.Diff(&want, last, cmpopts.IgnoreUnexported(Response{})); diff != "" {
		t.Errorf("the last event's response (-whole +streamed):\n%s", diff)
	}
}

func TestAnAnswerThatIsCutIsIncomplete(t *testing.T) {
	f := newFixture()
	f.chat.finish = "length"
	all := responseEvents(t, f.call("POST", responsesRoute, `{"input": "what?", "stream": true}`).Body.String())
	last := all[len(all)-1]
	if last.Type != "response.incomplete" || last.Response.IncompleteDetails.Reason != "max_output_tokens" ||
		last.Response.Output[0].Status != "incomplete" {
		t.Errorf("last event %+v", last)
	}
}

// A response fails as a chat does: with a status before its first word, and as an event after it.
func TestAStreamedResponseThatFails(t *testing.T) {
	broken := &model.Error{Stage: config.StageLLM, Failure: config.ModelUnreachable, Model: "chat"}
	f := newFixture()
	f.chat.words, f.chat.err = nil, broken
	got := f.call("POST", responsesRoute, `{"input": "what?", "stream": true}`)
	if failureIn(t, got.Body); got.Code != http.StatusBadGateway {
		t.Errorf("status %d before the first word", got.Code)
	}
	f = newFixture()
	f.chat.err = broken
	got = f.call("POST", responsesRoute, `{"input": "what?", "stream": true}`)
	body := got.Body.String()
	_, data, found := strings.Cut(body[strings.LastIndex(body, "event: "):], "event: error\ndata: ")
	var last ResponseFailure
	if err := json.Unmarshal([]byte(data), &last); err != nil || !found {
		t.Fatalf("%v, the stream does not end in an error: %s", err, body)
	}
	if last.Type != "error" || last.Code != string(config.ModelUnreachable) || last.Error.Message != last.Message ||
		last.SequenceNumber < 5 || strings.Contains(body, "response.completed") {
		t.Errorf("last event %+v", last)
	}
}

// responseEvents reads the events of a stream, whose names are those of their data.
func responseEvents(t *testing.T, body string) []ResponseEvent {
	t.Helper()
	var all []ResponseEvent
	var name string
	lines := bufio.NewScanner(strings.NewReader(body))
	lines.Buffer(nil, len(body)+1)
	for lines.Scan() {
		if value, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
			name = value
		}
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		var e ResponseEvent
		if err := json.Unmarshal([]byte(data), &e); err != nil || e.Type != name {
			t.Fatalf("%v: %q named %q", err, data, name)
		}
		all = append(all, e)
	}
	if len(all) == 0 {
		t.Fatalf("no events: %s", body)
	}
	return all
}
