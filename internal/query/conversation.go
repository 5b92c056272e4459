package query

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/model"
)

// conversation is a request's messages, sorted by their use in the prompt.
type conversation struct {
	system   []string          // the caller's system and developer texts, in order
	turns    [][]model.Message // the history: each from a user's message to before the next, oldest first
	question string
}

// readConversation sorts messages. Messages in a row of the same role are one message: people send
// a question in several pieces, and many chat templates accept only roles that alternate. It leaves out
// blank ones, which many servers refuse. The last message that remains must be the user's: the question.
func readConversation(messages []model.Message) (*conversation, error) {
	c := &conversation{}
	var last *model.Message
	asked := false // reports whether the user spoke last, if only a blank
	for i, m := range messages {
		switch m.Role {
		case "system", "developer":
			if !isBlank(m.Content) {
				c.system = append(c.system, m.Content)
			}
			continue
		case "user", "assistant":
		default:
			return nil, &Invalid{Field: fmt.Sprintf("messages[%d].role", i),
				Message: "must be system, developer, user or assistant"}
		}
		if isBlank(m.Content) {
			asked = asked || m.Role == "user"
			continue
		}
		asked = m.Role == "user"
		if last != nil && last.Role == m.Role {
			last.Content += "\n\n" + m.Content
			continue
		}
		if m.Role == "user" || len(c.turns) == 0 {
			c.turns = append(c.turns, nil)
		}
		turn := &c.turns[len(c.turns)-1]
		*turn = append(*turn, m)
		last = &(*turn)[len(*turn)-1]
	}
	if asked && (last == nil || last.Role != "user") {
		return nil, checkQuestion("messages", "")
	}
	if last == nil || last.Role != "user" {
		return nil, &Invalid{Field: "messages", Message: "must end with the user's question"}
	}
	c.question = last.Content
	c.turns = c.turns[:len(c.turns)-1]
	return c, checkQuestion("messages", c.question)
}

// Retrieval sees the last maxEarlier questions of the history, and of each the first
// maxEarlierBytes: an older one seldom tells what the newest means, and a long one is mostly text
// that was pasted in.
const (
	maxEarlier      = 3
	maxEarlierBytes = 1000
)

// earlier returns the questions that retrieval sees beside the newest, oldest first, a line each.
func (c *conversation) earlier() string {
	questions := make([]string, 0, maxEarlier)
	for i := len(c.turns) - 1; i >= 0 && len(questions) < maxEarlier; i-- {
		if first := c.turns[i][0]; first.Role == "user" && !isBlank(first.Content) {
			questions = append(questions, beginning(first.Content, maxEarlierBytes))
		}
	}
	slices.Reverse(questions)
	return strings.Join(questions, "\n")
}

// beginning returns at most n bytes of s, and no part of a code point.
func beginning(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "")
}
