//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/gateway"
)

// servesAgents has an agent use the pipeline through `ragpipeline mcp`, with the rights of the kubeconfig.
func (p *pipeline) servesAgents(kubeconfig string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, "../../bin/image/ragpipeline", "mcp", p.name, "--kubeconfig", kubeconfig)
	session, err := mcp.NewClient(&mcp.Implementation{Name: "e2e", Version: "1"}, nil).
		Connect(ctx, &mcp.CommandTransport{Command: command}, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	defer session.Close()
	for tool, argument := range map[string]string{"search": "query", "ask": "question"} {
		reply, err := session.CallTool(ctx, &mcp.CallToolParams{Name: tool, Arguments: map[string]any{argument: howToSwitch}})
		if err != nil || reply.IsError || !strings.Contains(reply.Content[0].(*mcp.TextContent).Text, "without downtime") {
			p.t.Errorf("the tool %s: %+v, %v", tool, reply, err)
		}
	}
	document, err := session.ReadResource(ctx, &mcp.ReadResourceParams{URI: "ragpipeline:///concepts/generations.md"})
	if err != nil || !strings.Contains(document.Contents[0].Text, "without downtime") {
		p.t.Errorf("a document: %+v, %v", document, err)
	}
}

// hidesDocuments limits the documents to a group while the pipeline serves. A client with the group still sees them,
// another one does not.
func (p *pipeline) hidesDocuments() {
	p.t.Helper()
	const staff, guest = "token-of-the-staff", "token-of-a-guest"
	clients := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: p.namespace.name, Name: "clients"},
		StringData: map[string]string{"staff": "token: " + staff + "\ngroups: [staff]\n", "guest": guest},
	}
	p.create(clients)
	p.edit(func(s *v1alpha1.RAGPipelineSpec) {
		s.Gateway.Auth = &v1alpha1.GatewayAuth{SecretName: "clients"}
		s.Documents[0].Access = []v1alpha1.Group{"staff"}
	})
	sees := func(ctx context.Context, token string, documents int) error {
		var state gateway.IndexState
		if err := p.callWith(ctx, token, "GET", "/v1/index", nil, &state); err != nil {
			return err
		}
		if state.Documents != documents {
			return fmt.Errorf("%s sees %d documents, want %d", token, state.Documents, documents)
		}
		return nil
	}
	eventually(p.t, readyWithin, "a guest sees no document", func(ctx context.Context) error { return sees(ctx, guest, 0) })
	p.settled(readyWithin) // until then, a gateway that does not know the clients may still end
	eventually(p.t, answerWithin, "the staff sees every document", func(ctx context.Context) error { return sees(ctx, staff, 13) })
	if reply, err := p.askWith(p.t.Context(), staff, howToSwitch); err != nil || len(reply.Citations.Results) != 5 {
		p.t.Errorf("the staff is answered %+v, %v", reply, err)
	}
	if reply, err := p.askWith(p.t.Context(), guest, howToSwitch); err != nil || len(reply.Citations.Results) != 0 {
		p.t.Errorf("a guest is shown %+v, %v", reply, err)
	}
	err := p.callWith(p.t.Context(), guest, "GET", "/v1/documents/concepts/generations.md", nil, nil)
	if unknown := p.callWith(p.t.Context(), guest, "GET", "/v1/documents/concepts/none.md", nil, nil); !isRefused(err, 404) || !isRefused(unknown, 404) {
		p.t.Errorf("a guest is told of a hidden document: %v, and of none: %v", err, unknown)
	}
}
