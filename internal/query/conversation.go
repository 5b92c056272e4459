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
	var said []string // has the messages of which last is made
	join := func() {
		if len(said) > 1 {
			last.Content = strings.Join(said, "\n\n")
		}
	}
	asked := false // reports whether the user spoke last, if only a blank
	for i, m := range taskAsQuestion(messages) {
		switch m.Role {
		case "system", "developer":
			if !isBlank(m.Content) {
				c.system = append(c.system, m.Content)
			}
			continue
		case "assistant":
			m.Content = model.WithoutReasoning(m.Content)
		case "user":
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
			said = append(said, m.Content)
			continue
		}
		join()
		if m.Role == "user" || len(c.turns) == 0 {
			c.turns = append(c.turns, nil)
		}
		turn := &c.turns[len(c.turns)-1]
		*turn = append(*turn, m)
		last, said = &(*turn)[len(*turn)-1], append(said[:0], m.Content)
	}
	join()
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

// Retrieval sees the last maxEarlier questions of the history, and of each the first maxEarlierBytes, as long as they
// have maxConversationBytes in all. A chain of follow-ups, with thanks in between, names its subject only at its
// beginning; a long question is mostly text that was pasted in.
const (
	maxEarlier           = 8
	maxEarlierBytes      = 1000
	maxConversationBytes = 3000
)

// earlier returns what retrieval sees beside the newest question: the questions before it, oldest first, a line each,
// and the names that the last answer has brought up.
func (c *conversation) earlier() string {
	var questions []string
	left := maxConversationBytes
	for _, turn := range slices.Backward(c.turns) {
		if turn[0].Role != "user" || isBlank(turn[0].Content) {
			continue
		}
		if len(questions) == maxEarlier || left <= 0 {
			break
		}
		question := beginning(turn[0].Content, min(maxEarlierBytes, left))
		questions, left = append(questions, question), left-len(question)
	}
	if len(questions) == 0 {
		return ""
	}
	slices.Reverse(questions)
	asked := strings.Join(questions, "\n")
	if names := namesIn(c.lastAnswer(), asked+"\n"+c.question); names != "" {
		return asked + "\n" + names
	}
	return asked
}

// lastAnswer is what the assistant said last, or empty.
func (c *conversation) lastAnswer() string {
	if len(c.turns) == 0 {
		return ""
	}
	turn := c.turns[len(c.turns)-1]
	if last := turn[len(turn)-1]; last.Role == "assistant" {
		return last.Content
	}
	return ""
}

// beginning returns at most n bytes of s, and no part of a code point.
func beginning(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "")
}
