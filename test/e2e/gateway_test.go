//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/ragpipeline/ragpipeline/internal/gateway"
)

// web opens a connection for each question, as a new client would: what a Service sends to a pod
// that is about to end must be seen.
var web = &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: (&net.Dialer{Timeout: 5 * time.Second}).DialContext}}

// answerWithin bounds a question.
const answerWithin = 30 * time.Second

// answer is what a test reads of a chat completion.
type answer struct {
	Choices []struct {
		Message struct{ Content string }
	}
	Citations struct {
		Results []struct {
			Document string `json:"document_id"`
			Content  string
			Metadata struct {
				Page int `json:"page_number"`
			}
		}
	}
	Warnings []struct{ Stage, Code, Message string }
}

func (a *answer) text() string { return a.Choices[0].Message.Content }

// address is host and port of a Service's first port.
func (n *namespace) address(ctx context.Context, service string) (string, error) {
	var object corev1.Service
	if err := api.Get(ctx, n.key(service), &object); err != nil {
		return "", err
	}
	return net.JoinHostPort(object.Spec.ClusterIP, strconv.Itoa(int(object.Spec.Ports[0].Port))), nil
}

// token is the key of the operator's making.
func (p *pipeline) token(ctx context.Context) (string, error) {
	var object corev1.Secret
	if err := api.Get(ctx, p.key(p.names().GatewayKey()), &object); err != nil {
		return "", err
	}
	for _, value := range object.Data {
		return string(value), nil
	}
	return "", fmt.Errorf("the Secret %s is empty", object.Name)
}

// call sends a request to the gateway's Service, with the operator's key.
func (p *pipeline) call(ctx context.Context, method, path string, body, into any) error {
	token, err := p.token(ctx)
	if err != nil {
		return err
	}
	return p.callWith(ctx, token, method, path, body, into)
}

func (p *pipeline) callWith(ctx context.Context, token, method, path string, body, into any) error {
	address, err := p.address(ctx, p.names().Gateway())
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	return send(ctx, token, method, "http://"+address+path, body, into)
}

// refused is an answer that is none.
type refused struct {
	Status int
	Body   string
}

func (r *refused) Error() string { return fmt.Sprintf("%d: %s", r.Status, r.Body) }

func send(ctx context.Context, token, method, url string, body, into any) error {
	return sendBy(ctx, web, token, method, url, body, into)
}

func sendBy(ctx context.Context, client *http.Client, token, method, url string, body, into any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(raw))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	reply, err := client.Do(request)
	if err != nil {
		return err
	}
	defer reply.Body.Close()
	content, err := io.ReadAll(io.LimitReader(reply.Body, 8<<20))
	if err != nil {
		return err
	}
	if reply.StatusCode/100 != 2 {
		return &refused{reply.StatusCode, bounded(string(content), 600)}
	}
	switch into := into.(type) {
	case nil:
		return nil
	case *string: // of a reply that is not JSON
		*into = string(content)
		return nil
	}
	return json.Unmarshal(content, into)
}

// ask asks a question as a client of the Service does.
func (p *pipeline) ask(ctx context.Context, question string) (*answer, error) {
	token, err := p.token(ctx)
	if err != nil {
		return nil, err
	}
	return p.askWith(ctx, token, question)
}

func (p *pipeline) askWith(ctx context.Context, token, question string) (*answer, error) {
	a := new(answer)
	err := p.callWith(ctx, token, http.MethodPost, "/v1/chat/completions",
		map[string]any{"messages": []map[string]string{{"role": "user", "content": question}}}, a)
	if err != nil {
		return nil, err
	}
	if len(a.Choices) != 1 || a.text() == "" {
		return nil, fmt.Errorf("the reply holds no answer: %+v", a)
	}
	return a, nil
}

// index is what the gateway says that it answers from.
func (p *pipeline) index(ctx context.Context) (state gateway.IndexState, err error) {
	return state, p.call(ctx, http.MethodGet, "/v1/index", nil, &state)
}

// documents is the whole ledger: how often each document stands in it, and in which state.
func (p *pipeline) documents(ctx context.Context) (map[string]int, error) {
	seen := map[string]int{}
	for after := ""; ; {
		var page struct {
			Documents []struct {
				ID    string `json:"document_id"`
				State string `json:"state"`
			} `json:"documents"`
			Next string `json:"next"`
		}
		if err := p.call(ctx, http.MethodGet, "/v1/documents?limit=1000&after="+after, nil, &page); err != nil {
			return nil, err
		}
		for _, d := range page.Documents {
			seen[d.ID]++
			if d.State != "Indexed" {
				return nil, fmt.Errorf("%s is %s", d.ID, d.State)
			}
		}
		if after = page.Next; after == "" {
			return seen, nil
		}
	}
}

func isRefused(err error, status int) bool {
	r, ok := errors.AsType[*refused](err)
	return ok && r.Status == status
}
