package gateway

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/model"
	"github.com/ragpipeline/ragpipeline/internal/query"
)

// ChatMessage is a turn of the conversation. Content is a string or an array of parts.
type ChatMessage struct {
	Role         string          `json:"role"`
	Content      json.RawMessage `json:"content"`
	ToolCalls    json.RawMessage `json:"tool_calls"`
	FunctionCall json.RawMessage `json:"function_call"`
}

// isTool reports whether the message is a tool's result, or a call of a tool.
func (m *ChatMessage) isTool() bool {
	return m.Role == "tool" || m.Role == "function" || !isEmpty(m.ToolCalls) || !isEmpty(m.FunctionCall)
}

// messages translates the turns of the conversation. It leaves out what no pipeline can use: turns of
// tools, and parts that are not text. Only the question must do without them. The field is what the
// request calls the turns.
func messages(field string, in []ChatMessage) (out []model.Message, left []query.Warning, err error) {
	question, last := questionIn(in)
	var tools, parts int
	for i := range in {
		m := &in[i]
		if m.isTool() && i == last {
			return nil, nil, unsupported(fmt.Sprintf("%s[%d]", field, i),
				"this pipeline calls no tools and reads no results of theirs; end with the user's question")
		}
		switch m.Role {
		case "system", "developer", "user", "assistant":
		case "tool", "function":
			tools++
			continue
		default:
			return nil, nil, invalid(fmt.Sprintf("%s[%d].role", field, i), "must be system, developer, user or assistant")
		}
		text, dropped, err := content(fmt.Sprintf("%s[%d].content", field, i), m.Content, i >= question)
		if err != nil {
			return nil, nil, err
		}
		parts += dropped
		if m.isTool() {
			tools++
		}
		if (m.isTool() || dropped > 0) && strings.TrimSpace(text) == "" {
			continue // nothing remains of it
		}
		if m.Role == "assistant" {
			text = withoutSourceList(text)
		}
		out = append(out, model.Message{Role: m.Role, Content: text})
	}
	return out, leftOut(tools, parts), nil
}

// questionIn returns the index of the first message of the question, which is the user's last messages
// in a row, and that of the last message. It passes over instructions.
func questionIn(in []ChatMessage) (first, last int) {
	first, last = len(in), -1
	for i, m := range slices.Backward(in) {
		if m.Role == "system" || m.Role == "developer" {
			continue
		}
		last = max(last, i)
		if m.Role != "user" {
			break
		}
		first = i
	}
	return first, last
}

// leftOut warns of what messages left out.
func leftOut(tools, parts int) (warnings []query.Warning) {
	warn := func(code config.Failure, format string, n int) {
		if n > 0 {
			warnings = append(warnings,
				query.Warning{Stage: config.StageLLM, Code: code, Message: fmt.Sprintf(format, n)})
		}
	}
	warn(config.ToolTurnsDropped,
		"messages of the history that call tools or have their results (%d) were left out", tools)
	warn(config.PartsDropped, "parts of the history that are not text, such as pictures (%d), were left out", parts)
	return warnings
}

// content reads a message's text: a string, or an array of parts, whose texts it concatenates. It
// counts the parts that are not text, and refuses them in the question.
func content(field string, raw json.RawMessage, asked bool) (whole string, dropped int, err error) {
	if s, ok := text(raw); ok {
		return s, 0, nil
	}
	var parts []struct {
		Type    string  `json:"type"`
		Text    *string `json:"text"`
		Refusal string  `json:"refusal"` // is the text of a part of that type
	}
	if json.Unmarshal(raw, &parts) != nil {
		return "", 0, invalid(field, "must be a string or an array of parts")
	}
	var b strings.Builder
	for i, p := range parts {
		switch p.Type {
		case "text", "input_text", "output_text": // the last two are those of /v1/responses
			if p.Text == nil {
				return "", 0, invalid(fmt.Sprintf("%s[%d].text", field, i), "is missing")
			}
			b.WriteString(*p.Text)
		case "refusal":
			b.WriteString(p.Refusal)
		default:
			if asked {
				return "", 0, unsupported(fmt.Sprintf("%s[%d]", field, i), "this pipeline reads questions as text only")
			}
			dropped++
		}
	}
	return b.String(), dropped, nil
}

// demandsTool reports whether a choice of tools asks for a call: it is neither none nor auto, and does
// not allow some of the tools to be called.
func demandsTool(raw json.RawMessage) bool {
	if isEmpty(raw) {
		return false
	}
	if choice, ok := text(raw); ok {
		return choice != "none" && choice != "auto"
	}
	var allowed struct {
		Type  string `json:"type"`
		Mode  string `json:"mode"` // stands here in /v1/responses, and in allowed_tools in a chat
		Tools struct {
			Mode string `json:"mode"`
		} `json:"allowed_tools"`
	}
	return json.Unmarshal(raw, &allowed) != nil || allowed.Type != "allowed_tools" ||
		allowed.Mode != "auto" && allowed.Tools.Mode != "auto"
}
