package model

import (
	"compress/gzip"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// llmRequest is a request as a server reads it.
type llmRequest map[string]any

func (r llmRequest) roles() (roles []string) {
	for _, m := range r["messages"].([]any) {
		roles = append(roles, m.(map[string]any)["role"].(string))
	}
	return roles
}

func (r llmRequest) has(field string) bool { _, has := r[field]; return has }

// alternates reports whether the roles are user, assistant, user and so on.
func alternates(roles []string) bool {
	for i, role := range roles {
		if role != []string{"user", "assistant"}[i%2] {
			return false
		}
	}
	return len(roles) > 0
}

// withoutSystem leaves out a first system message.
func withoutSystem(roles []string) []string {
	if len(roles) > 0 && roles[0] == "system" {
		return roles[1:]
	}
	return roles
}

// dialects are refusals of real servers.
var dialects = []struct {
	name    string
	refuses func(r llmRequest) bool
	status  int
	body    string
	fact    string // empty where it depends on the conversation
}{
	{"OpenAI's o-series and max_tokens", func(r llmRequest) bool { return r.has("max_tokens") }, 400,
		`{"error":{"message":"Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.","type":"invalid_request_error","param":"max_tokens","code":"unsupported_parameter"}}`,
		"takes max_completion_tokens, not max_tokens"},
	{"OpenAI's o-series and the temperature", func(r llmRequest) bool { return r.has("temperature") && r["temperature"] != 1.0 }, 400,
		`{"error":{"message":"Unsupported value: 'temperature' does not support 0 with this model. Only the default (1) value is supported.","type":"invalid_request_error","param":"temperature","code":"unsupported_value"}}`,
		"takes its own temperature only"},
	{"text-generation-inference and a temperature of 0", func(r llmRequest) bool { return r["temperature"] == 0.0 }, 422,
		`{"error":"Input validation error: ` + "`temperature`" + ` must be strictly positive","error_type":"validation"}`, "takes no temperature of 0"},
	{"Gemma on vLLM", func(r llmRequest) bool { return slices.Contains(r.roles(), "system") }, 400,
		`{"object":"error","message":"System role not supported","type":"BadRequestError","param":null,"code":400}`, "takes no system role"},
	{"o1-mini", func(r llmRequest) bool { return slices.Contains(r.roles(), "system") }, 400,
		`{"error":{"message":"Unsupported value: 'messages[0].role' does not support 'system' with this model.","param":"messages[0].role","code":"unsupported_value"}}`, "takes no system role"},
	{"Gemma on Google's API", func(r llmRequest) bool { return slices.Contains(r.roles(), "system") }, 400,
		`[{"error":{"code":400,"message":"Developer instruction is not enabled for models/gemma-3-27b-it","status":"INVALID_ARGUMENT"}}]`, "takes no system role"},
	{"a validator that knows two roles", func(r llmRequest) bool { return slices.Contains(r.roles(), "system") }, 422,
		`{"detail":[{"type":"literal_error","loc":["body","messages",0,"role"],"msg":"Input should be 'user' or 'assistant'","input":"system"}]}`, "takes no system role"},
	{"a template's exception on llama.cpp", func(r llmRequest) bool { return !alternates(r.roles()) }, 500,
		`{"error":{"code":500,"message":"Conversation roles must alternate user/assistant/user/assistant/...","type":"server_error"}}`, ""},
	{"Mistral on vLLM", func(r llmRequest) bool { return !alternates(withoutSystem(r.roles())) }, 400,
		`{"object":"error","message":"After the optional system message, conversation roles must alternate user/assistant/user/assistant/...","type":"BadRequestError","code":400}`, "wants roles to alternate"},
	{"a server that wants the user first", func(r llmRequest) bool { return withoutSystem(r.roles())[0] != "user" }, 400,
		`{"error":{"message":"messages: first message must use the \"user\" role"}}`, "wants roles to alternate"},
	{"Mistral's API", func(r llmRequest) bool { return r.has("stream_options") }, 422,
		`{"object":"error","message":{"detail":[{"type":"extra_forbidden","loc":["body","stream_options"],"msg":"Extra inputs are not permitted","input":{"include_usage":true}}]},"type":"invalid_request_error"}`, "takes no stream_options"},
	{"Azure's older API", func(r llmRequest) bool { return r.has("stream_options") }, 400,
		`{"error":{"message":"Unrecognized request argument supplied: stream_options","type":"invalid_request_error"}}`, "takes no stream_options"},
	{"a router", func(r llmRequest) bool { return r.has("stream_options") }, 404,
		`{"error":{"message":"No endpoints found: the providers do not support stream_options","code":404}}`, "takes no stream_options"},
	{"a server in Rust", func(r llmRequest) bool { return r.has("stream_options") }, 422,
		"Failed to deserialize the JSON body: unknown field `stream_options`, expected one of `model`, `messages`", "takes no stream_options"},
	{"an error of Python as text", func(r llmRequest) bool { return r.has("stream_options") }, 400,
		`{"object":"error","message":"[{'type': 'extra_forbidden', 'loc': ('body', 'stream_options'), 'msg': 'Extra inputs are not permitted', 'input': {'include_usage': True}}]"}`, "takes no stream_options"},
	{"a server that does not stream", func(r llmRequest) bool { return r["stream"] == true }, 400,
		`{"error":{"message":"Unsupported value: 'stream' does not support true with this model.","param":"stream"}}`, "does not stream"},
	{"a server that wants parts", func(r llmRequest) bool {
		_, text := r["messages"].([]any)[0].(map[string]any)["content"].(string)
		return text
	}, 422, `{"detail":[{"type":"list_type","loc":["body","messages",0,"content"],"msg":"Input should be a valid list","input":"x"}]}`, "takes content as a list of parts"},
	{"LiteLLM and a temperature", func(r llmRequest) bool { return r["temperature"] == 0.0 }, 400,
		`{"error":{"message":"litellm.BadRequestError: BedrockException - {\"message\":\"This model doesn't support the temperature field. Remove temperature and try again.\"}","code":"400"}}`, "takes its own temperature only"},
	{"Kimi and the temperature", func(r llmRequest) bool { return r["temperature"] == 0.0 }, 400,
		`{"error":{"message":"invalid temperature: only 1 is allowed for this model","type":"invalid_request_error"}}`, "takes its own temperature only"},
	{"Claude that thinks", func(r llmRequest) bool { return r["temperature"] == 0.0 }, 400,
		"{\"error\":{\"message\":\"`temperature` may only be set to 1 when thinking is enabled.\",\"type\":\"invalid_request_error\"}}", "takes its own temperature only"},
	{"Bedrock and instructions", func(r llmRequest) bool { return slices.Contains(r.roles(), "system") }, 400,
		`{"message":"This model doesn't support system messages. Try again without system messages or use a model that supports system messages."}`, "takes no system role"},
	{"DeepSeek's reasoner", func(r llmRequest) bool { return !alternates(withoutSystem(r.roles())) }, 400,
		`{"error":{"message":"deepseek-reasoner does not support successive user or assistant messages (messages[1] and messages[2] in your input). You should interleave the user/assistant messages in the message sequence."}}`, "wants roles to alternate"},
	{"Mistral's validator", func(r llmRequest) bool { return !alternates(withoutSystem(r.roles())) }, 400,
		`{"object":"error","message":"Unexpected role 'user' after role 'user'","type":"BadRequestError","code":400}`, "wants roles to alternate"},
	{"Mistral's API and the order", func(r llmRequest) bool { return !alternates(withoutSystem(r.roles())) }, 400,
		`{"object":"error","message":"Expected last role User or Tool (or Assistant with prefix True) for serving but got assistant","type":"invalid_request_message_order"}`, "wants roles to alternate"},
	{"an organisation that may not stream", func(r llmRequest) bool { return r["stream"] == true }, 400,
		`{"error":{"message":"Your organization must be verified to stream this model.","param":"stream","code":"unsupported_value"}}`, "does not stream"},
	{"DashScope's thinking models", func(r llmRequest) bool { return r["stream"] != true }, 400,
		`{"error":{"code":"invalid_parameter_error","message":"This model only support stream mode, please enable the stream parameter to access the model. "}}`, "answers in streams only"},
	{"DashScope and a temperature of 0", func(r llmRequest) bool { return r["temperature"] == 0.0 }, 400,
		`{"error":{"code":"invalid_parameter_error","message":"<400> InternalError.Algo.InvalidParameter: Temperature should be in (0.0, 2.0)"}}`, "takes no temperature of 0"},
	{"Zhipu and a temperature of 0", func(r llmRequest) bool { return r["temperature"] == 0.0 }, 400,
		`{"error":{"code":"1214","message":"temperature 参数非法。取值范围是(0.0,1.0]"}}`, "takes no temperature of 0"},
	{"a temperature above zero", func(r llmRequest) bool { return r["temperature"] == 0.0 }, 422,
		`{"detail":[{"loc":["body","temperature"],"msg":"temperature must be greater than zero"}]}`, "takes no temperature of 0"},
	{"OpenRouter and max_tokens", func(r llmRequest) bool { return r.has("max_tokens") }, 400,
		`{"error":{"message":"Provider returned error","code":400,"metadata":{"raw":"{\n  \"error\": {\n    \"message\": \"Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.\",\n    \"param\": \"max_tokens\"\n  }\n}","provider_name":"OpenAI"}}}`,
		"takes max_completion_tokens, not max_tokens"},
	{"OpenRouter and instructions", func(r llmRequest) bool { return slices.Contains(r.roles(), "system") }, 400,
		`{"error":{"message":"Provider returned error","code":400,"metadata":{"raw":"[{\"error\":{\"code\":400,\"message\":\"Developer instruction is not enabled for models/gemma-3-27b-it\"}}]","provider_name":"Google"}}}`, "takes no system role"},
	{"LiteLLM and several parameters", func(r llmRequest) bool { return r.has("stream_options") }, 400,
		`{"error":{"message":"litellm.UnsupportedParamsError: bedrock does not support parameters: ['stream_options'], for model=x. To drop these, set litellm.drop_params=True","type":"None","code":"400"}}`, "takes no stream_options"},
	{"a gateway of Bedrock and instructions", func(r llmRequest) bool { return slices.Contains(r.roles(), "system") }, 400,
		`{"detail":"An error occurred (ValidationException) when calling the Converse operation: This model doesn't support system messages. Try again without system messages."}`, "takes no system role"},
	{"a gateway of Bedrock and the first turn", func(r llmRequest) bool { return withoutSystem(r.roles())[0] != "user" }, 400,
		`{"detail":"An error occurred (ValidationException) when calling the Converse operation: A conversation must start with a user message. Try again with a conversation that starts with a user message."}`, "wants roles to alternate"},
	{"Anthropic's messages behind a proxy", func(r llmRequest) bool { return slices.Contains(r.roles(), "system") }, 400,
		`{"type":"error","error":{"type":"invalid_request_error","message":"messages: Unexpected role \"system\". The Messages API accepts a top-level system parameter."}}`, "takes no system role"},
	{"Gemini's turns", func(r llmRequest) bool { return !alternates(withoutSystem(r.roles())) }, 400,
		`[{"error":{"code":400,"message":"Please ensure that multiturn requests alternate between user and model.","status":"INVALID_ARGUMENT"}}]`, "wants roles to alternate"},
	{"Perplexity's turns", func(r llmRequest) bool { return !alternates(withoutSystem(r.roles())) }, 400,
		`{"error":{"message":"After the (optional) system message(s), user or tool message(s) should alternate with assistant message(s).","type":"invalid_message","code":400}}`, "wants roles to alternate"},
	{"LM Studio's template", func(r llmRequest) bool { return !alternates(r.roles()) }, 400,
		`{"error":"Error rendering prompt with jinja template: \"Error: Conversation roles must alternate user/assistant/user/assistant/...\"."}`, ""},
	{"DashScope's open models", func(r llmRequest) bool { return r["stream"] != true }, 400,
		`{"error":{"code":"invalid_parameter_error","message":"parameter.enable_thinking must be set to false for non-streaming calls"}}`, "answers in streams only"},
	{"Fireworks and long answers", func(r llmRequest) bool { return r["stream"] != true }, 400,
		`{"error":{"type":"invalid_request_error","message":"Requests with max_tokens > 4096 must have stream=true"}}`, "answers in streams only"},
}

// conversations have every shape that the gateway sends.
var conversations = map[string][]Message{
	"one question":        {{"system", "Be brief."}, {"user", "Q"}},
	"no instructions":     {{"user", "Q"}},
	"with history":        {{"system", "Be brief."}, {"user", "a"}, {"assistant", "b"}, {"user", "Q"}},
	"greeting first":      {{"system", "Be brief."}, {"assistant", "Hello!"}, {"user", "Q"}},
	"two in a row":        {{"system", "Be brief."}, {"user", "a"}, {"user", "Q"}},
	"two answers":         {{"user", "a"}, {"assistant", "b"}, {"assistant", "c"}, {"user", "Q"}},
	"an empty answer":     {{"user", "a"}, {"assistant", ""}, {"user", "Q"}},
	"instructions within": {{"system", "Be brief."}, {"user", "a"}, {"system", "In French."}, {"user", "Q"}},
}

func TestAServersRefusalTeachesItsDialectOnce(t *testing.T) {
	for _, d := range dialects {
		for shape, messages := range conversations {
			t.Run(d.name+"/"+shape, func(t *testing.T) {
				refused := 0
				s := serve(t, func(w http.ResponseWriter, body []byte) {
					r := decode[llmRequest](t, body)
					if d.refuses(r) {
						refused++
						w.WriteHeader(d.status)
						io.WriteString(w, d.body)
						return
					}
					if r["stream"] == true {
						w.Header().Set("Content-Type", "text/event-stream")
						io.WriteString(w, events("Hel", "lo"))
						return
					}
					w.Header().Set("Content-Type", "application/json")
					io.WriteString(w, `{"choices":[{"message":{"content":"Hello"},"finish_reason":"stop"}]}`)
				})
				var facts []string
				c := plainly(NewChat(config.LLM{Model: s.model()}, nil,
					Transport{Learned: func(_ config.Stage, fact string) { facts = append(facts, fact) }}))
				r := ChatRequest{Messages: messages, MaxTokens: 64, Temperature: new(0.0)}
				for range 3 {
					if _, err := c.Complete(t.Context(), r); err != nil {
						t.Fatal(err)
					}
					if _, err := c.Stream(t.Context(), r, func(string) error { return nil }); err != nil {
						t.Fatal(err)
					}
				}
				if refused > 3 { // of a status 500, two are retries
					t.Errorf("%d requests were refused", refused)
				}
				if refused > 0 && (len(facts) == 0 || d.fact != "" && !slices.Contains(facts, d.fact)) {
					t.Errorf("it learned %q", facts)
				}
				kept := s.bodies[s.count()-1]
				for _, m := range messages {
					if !strings.Contains(kept, m.Content) {
						t.Errorf("%q is not in %s", m.Content, kept)
					}
				}
			})
		}
	}
}

func TestServersWithSeveralDialectsAreUnderstood(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, body []byte) {
		r := decode[llmRequest](t, body)
		for _, d := range dialects[:5] {
			if d.refuses(r) {
				w.WriteHeader(d.status)
				io.WriteString(w, d.body)
				return
			}
		}
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"choices":[{"message":{"content":"Hello"},"finish_reason":"stop"}]}`)
	})
	c := newUnprobed(s.model())
	c.Instruct("Be brief.")
	if err := c.Probe(t.Context()); err != nil {
		t.Fatal(err)
	}
	probes := s.count()
	got, err := c.Complete(t.Context(), ChatRequest{Messages: conversations["with history"], MaxTokens: 9, Temperature: new(0.0)})
	if err != nil || s.count() != probes+1 {
		t.Fatalf("after the probe, a question takes %d requests, %v", s.count()-probes, err)
	}
	want := `{"model":"acme/model-1.5","messages":[{"role":"user","content":"Be brief.\n\na"},{"role":"assistant","content":"b"},{"role":"user","content":"Q"}],"max_completion_tokens":9,"stream":false}`
	if diff := cmp.Diff(want, s.bodies[s.count()-1]); diff != "" || !slices.Equal(got.Omitted, []string{"temperature"}) {
		t.Errorf("omitted %q (-want +got):\n%s", got.Omitted, diff)
	}
}

func TestARefusalOfAnotherKindTeachesNothing(t *testing.T) {
	for _, body := range []string{
		`{"error":{"message":"Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got 5 instead.","param":"temperature"}}`,
		`{"error":{"message":"max_tokens must be at least 16"}}`,
		`{"error":{"message":"response_format is not supported","param":"response_format"}}`,
		`{"detail":[{"type":"missing","loc":["body","x"],"msg":"Field required","input":{"messages":"system role not supported, roles must alternate"}}]}`,
		`{"x":{"y":"temperature is not supported"}}`,
		`{"error":"the name of the account is unknown"}`,
		`{"error":{"message":"max_tokens must be at most 1096, beside the 3000 tokens of the prompt"}}`,
		`{"detail":[{"msg":"Field required","input":{"messages":"our content management policy, and \"content_filter\""}}]}`,
		`{"detail":[{"msg":"Field required","input":"` + strings.Repeat("x", 10_000) + ` system role not supported"}]}`,
		`{"detail":[{"msg":"Field required","input":"system role not supported` + strings.Repeat("x", maxErrorBody) + `"}]}`,
	} {
		s := answer(t, http.StatusBadRequest, body)
		c := s.chat()
		r := ChatRequest{Messages: conversations["greeting first"], MaxTokens: 8000, Temperature: new(0.0)}
		if _, err := c.Complete(t.Context(), r); FailureOf(err) != config.ModelRejected || s.count() != 1 || c.dialect.Load() != 0 {
			t.Errorf("%.200s: %v after %d requests", body, err, s.count())
		}
	}
}

func TestWhatDoesNotHelpIsNotRemembered(t *testing.T) {
	s := answer(t, http.StatusBadRequest, dialects[1].body)
	c := s.chat()
	r := ask("x")
	r.Temperature = new(0.0)
	if _, err := c.Complete(t.Context(), r); FailureOf(err) != config.ModelRejected || s.count() != 2 || c.dialect.Load() != 0 {
		t.Errorf("got %v after %d requests", err, s.count())
	}
}

func TestAnAnswerThatHasBegunIsNotAskedForAgain(t *testing.T) {
	s := streaming(t, "data: {\"choices\":[{\"delta\":{\"content\":\"Hel\"}}]}\n\ndata: "+strings.ReplaceAll(dialects[1].body, `"code":"unsupported_value"`, `"code":400`)+"\n\n")
	r := ask("x")
	r.Temperature = new(0.0)
	if _, err := s.chat().Stream(t.Context(), r, func(string) error { return nil }); FailureOf(err) != config.ModelRejected || s.count() != 1 {
		t.Errorf("got %v after %d requests", err, s.count())
	}
}

func TestWhatIsLearnedIsLoggedOnceWithoutTheRequest(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, body []byte) {
		if decode[llmRequest](t, body).has("max_tokens") {
			w.WriteHeader(http.StatusBadRequest)
			io.WriteString(w, dialects[0].body)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"choices":[{"message":{"content":"Hello"},"finish_reason":"stop"}]}`)
	})
	var log strings.Builder
	c := NewChat(config.LLM{Model: s.model()}, nil, Transport{Log: slog.New(slog.NewTextHandler(&log, nil))})
	r := ask("secret question")
	r.MaxTokens = 5
	for range 2 {
		if _, err := c.Complete(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	if n := strings.Count(log.String(), "max_completion_tokens"); n != 1 || strings.Contains(log.String(), "secret") {
		t.Errorf("the log is\n%s", log.String())
	}
}

func TestAnAnswerThatIsCompressedUnaskedIsRead(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ []byte) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		io.WriteString(z, `{"choices":[{"message":{"content":"Hello"},"finish_reason":"stop"}]}`)
		z.Close()
	})
	if got, err := s.chat().Complete(t.Context(), ask("x")); err != nil || got.Content != "Hello" {
		t.Errorf("got %+v, %v", got, err)
	}
	broken := serve(t, func(w http.ResponseWriter, _ []byte) {
		w.Header().Set("Content-Encoding", "gzip")
		io.WriteString(w, "plain text")
	})
	if _, err := broken.chat().Complete(t.Context(), ask("x")); err == nil {
		t.Error("text that only claims to be compressed is read")
	}
}

// llama.cpp and LM Studio refuse within a stream whose status is 200.
func TestARefusalInAStreamTeachesToo(t *testing.T) {
	for name, refusal := range map[string]string{
		"llama.cpp": `data: {"error":{"code":500,"message":"Conversation roles must alternate user/assistant/user/assistant/...","type":"server_error"}}`,
		"LM Studio": "event: error\ndata: {\"error\":{\"message\":\"Error rendering prompt with jinja template: \\\"Conversation roles must alternate user/assistant\\\".\"}}",
		"by text":   `data: {"error":"Only user and assistant roles are supported!"}`,
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, func(w http.ResponseWriter, body []byte) {
				w.Header().Set("Content-Type", "text/event-stream")
				if !alternates(decode[llmRequest](t, body).roles()) {
					io.WriteString(w, ": ping\n\n"+refusal+"\n\n")
					return
				}
				io.WriteString(w, events("Hel", "lo"))
			})
			r := ChatRequest{Messages: conversations["with history"]}
			for range 2 {
				pieces := ""
				if _, err := s.chat().Stream(t.Context(), r, func(s string) error { pieces += s; return nil }); err != nil || pieces != "Hello" {
					t.Fatalf("got %q, %v", pieces, err)
				}
			}
		})
	}
}
