package command

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ragpipeline/ragpipeline/internal/client"
	"github.com/ragpipeline/ragpipeline/internal/gateway"
	"github.com/ragpipeline/ragpipeline/internal/model"
)

type askFlags struct {
	connection
	filter string
	chat   bool
}

func newAskCommand() *cobra.Command {
	var f askFlags
	cmd := &cobra.Command{
		Use:   "ask NAME QUESTION",
		Short: "Ask a pipeline, and print the answer as it is written, with its sources",
		Long: "ask sends a question to a pipeline's gateway. The answer goes to standard output, warnings to standard\n" +
			"error. With --chat, each line of standard input is the next question of one conversation.",
		Example: `  ragpipeline ask quickstart "How does a pipeline switch to a new index?"
  ragpipeline ask quickstart --chat
  ragpipeline ask --url http://127.0.0.1:8080 "What does Ready mean?"`,
		RunE: func(cmd *cobra.Command, args []string) error {
			wanted := []string{"QUESTION"}
			if f.chat {
				wanted = nil
			}
			name, rest, err := f.named(cmd, args, wanted...)
			if err != nil {
				return err
			}
			if f.filter != "" && !json.Valid([]byte(f.filter)) {
				return unusable{errFilter}
			}
			return f.run(cmd.Context(), name, strings.Join(rest, ""))
		},
	}
	f.register(cmd)
	cmd.Flags().BoolVar(&f.chat, "chat", false, "have a conversation: a question a line, until the end of standard input")
	cmd.Flags().StringVar(&f.filter, "filter", "", "limit the passages by metadata, as a JSON object")
	return cmd
}

func (f *askFlags) run(ctx context.Context, name, question string) error {
	g, end, err := f.gateway(ctx, name)
	if err != nil {
		return err
	}
	defer end()
	if !f.chat {
		_, err := f.ask(ctx, g, []model.Message{{Role: "user", Content: question}})
		return err
	}
	return f.converse(ctx, g)
}

// converse asks each line of standard input, with the turns before it. A question that fails is left out of the
// conversation, which goes on; the last failure is the command's.
func (f *askFlags) converse(ctx context.Context, g *client.Client) error {
	var turns []model.Message
	var failed error
	lines := bufio.NewScanner(f.stdin)
	for f.prompt(); lines.Scan(); f.prompt() {
		question := strings.TrimSpace(lines.Text())
		if question == "" {
			continue
		}
		asked := append(turns, model.Message{Role: "user", Content: question})
		answer, err := f.ask(ctx, g, asked)
		switch {
		case ctx.Err() != nil:
			return err
		case err != nil:
			failed = err
			fmt.Fprintln(f.stderr, "error:", err)
		default:
			failed, turns = nil, append(asked, model.Message{Role: "assistant", Content: answer})
		}
	}
	return cmp.Or(lines.Err(), failed)
}

// prompt asks a person for the next question.
func (f *askFlags) prompt() {
	if isTerminal(f.stdin) {
		fmt.Fprint(f.stderr, "> ")
	}
}

// ask prints the answer to the last message, and returns its text.
func (f *askFlags) ask(ctx context.Context, g *client.Client, messages []model.Message) (string, error) {
	q := client.Question{Messages: messages, Filter: json.RawMessage(f.filter)}
	if f.json() {
		body, err := g.Ask(ctx, q)
		if err != nil {
			return "", err
		}
		var completion gateway.Completion
		if err := json.Unmarshal(body, &completion); err != nil || len(completion.Choices) == 0 {
			return "", fmt.Errorf("the reply of %s is not a chat completion; check that the URL is a gateway's", g.URL())
		}
		_, err = fmt.Fprintf(f.stdout, "%s\n", strings.TrimSpace(string(body)))
		return completion.Choices[0].Message.Content, err
	}
	answer, err := g.Stream(ctx, q, func(text string) error {
		_, err := io.WriteString(f.stdout, text)
		return err
	})
	if answer != nil && answer.Text != "" {
		fmt.Fprintln(f.stdout)
	}
	if err != nil {
		return "", err
	}
	printWarnings(f.stderr, answer.Warnings)
	printCitations(f.stdout, answer)
	if f.chat {
		fmt.Fprintln(f.stdout)
	}
	return answer.Text, nil
}
