package nimsim

import (
	"encoding/json"
	"slices"
)

// dialectFaults are servers that refuse a form of request which OpenAI's API allows, in the words of real
// ones, and answer another.
var dialectFaults = []Fault{
	dialect("only-max-completion-tokens", "400 to max_tokens, as OpenAI's o-series", 400,
		`{"error":{"message":"Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",`+
			`"type":"invalid_request_error","param":"max_tokens","code":"unsupported_parameter"}}`,
		func(q *chatForm) bool { return q.MaxTokens != nil }),
	dialect("only-default-temperature", "400 to any temperature but 1, as OpenAI's o-series", 400,
		`{"error":{"message":"Unsupported value: 'temperature' does not support 0 with this model. Only the default (1) value is supported.",`+
			`"type":"invalid_request_error","param":"temperature","code":"unsupported_value"}}`,
		func(q *chatForm) bool { return q.Temperature != nil && *q.Temperature != 1 }),
	dialect("no-system-role", "400 to a system message, as the template of Gemma", 400,
		`{"object":"error","message":"System role not supported","type":"BadRequestError","param":null,"code":400}`,
		func(q *chatForm) bool { return slices.Contains(q.roles(), "system") }),
	dialect("roles-alternate", "500 unless the roles are user, assistant and so on, as older templates of Mistral", 500,
		`{"error":{"code":500,"message":"Conversation roles must alternate user/assistant/user/assistant/...","type":"server_error"}}`,
		func(q *chatForm) bool {
			for i, role := range q.roles() {
				if role != []string{"user", "assistant"}[i%2] {
					return true
				}
			}
			return false
		}),
	dialect("no-streams", "400 to a request for a stream", 400,
		`{"error":{"message":"Unsupported value: 'stream' does not support true with this model.","param":"stream","code":"unsupported_value"}}`,
		func(q *chatForm) bool { return q.Stream && q.Temperature != nil }), // of a client that says how it wants its answer
}

// chatForm is what of a request a dialect may refuse.
type chatForm struct {
	MaxTokens   *int     `json:"max_tokens"`
	Temperature *float64 `json:"temperature"`
	Stream      bool     `json:"stream"`
	Messages    []struct {
		Role string `json:"role"`
	} `json:"messages"`
}

func (q *chatForm) roles() []string {
	roles := make([]string, len(q.Messages))
	for i, m := range q.Messages {
		roles[i] = m.Role
	}
	return roles
}

// dialect is a server that refuses some forms and answers the others.
func dialect(name, does string, status int, refusal string, refuses func(q *chatForm) bool) Fault {
	return Fault{Name: name, Does: does, Roles: llm, Harmless: true, serve: func(x *exchange) {
		var q chatForm
		if json.Unmarshal(x.body, &q) == nil && refuses(&q) {
			writeJSON(x.w, status, refusal)
			return
		}
		x.serve()
	}}
}
