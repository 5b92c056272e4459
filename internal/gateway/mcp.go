package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/ragpipeline/ragpipeline/internal/agent"
)

// newAgents serves the gateway to agents. What an agent asks for becomes a request of the gateway's own API, on behalf
// of the request that the agent sent: with its key, and so with its caller's limits and view of the documents.
func (g *Gateway) newAgents() http.Handler {
	return agent.NewHandler(agent.NewServer(g.config.Pipeline.Name, apiVersion, g.within))
}

// apiVersion is that of the gateway's API.
const apiVersion = "v1alpha1"

// mcpPath is where agents send their requests.
const mcpPath = "/mcp"

// mcp answers POST /mcp.
func (g *Gateway) mcp(x *exchange, r *http.Request) error {
	body, err := x.read(r, maxQuestionBody)
	if err != nil {
		return err
	}
	if bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("[")) {
		return failure(http.StatusBadRequest, "InvalidRequest", "batches are not supported; send one message in a request")
	}
	if err := x.holdValues(body, valueBytes); err != nil {
		return err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	g.agents.ServeHTTP(x, r.WithContext(context.WithValue(r.Context(), outerKey{}, outer{x, r})))
	return x.FlushError()
}

// outer is the request of an agent, which others are made within.
type outer struct {
	x *exchange
	r *http.Request
}

type outerKey struct{}

// within makes a request of the gateway's API within that of an agent. It ends when the agent's does.
func (g *Gateway) within(ctx context.Context, method, path string, body any) (content []byte, err error) {
	agents, ok := ctx.Value(outerKey{}).(outer)
	if !ok {
		return nil, errors.New("the request does not come from an agent")
	}
	encoded, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	if body == nil {
		encoded = nil
	}
	r, err := http.NewRequestWithContext(agents.r.Context(), method, path, bytes.NewReader(encoded))
	if err != nil {
		return nil, err
	}
	r.Host, r.RemoteAddr, r.RequestURI = agents.r.Host, agents.r.RemoteAddr, path
	for _, name := range []string{"Authorization", "Traceparent", "Tracestate"} {
		if value := agents.r.Header.Get(name); value != "" {
			r.Header.Set(name, value)
		}
	}
	r.Header.Set("X-Request-Id", agents.x.id)
	reply := &heldReply{header: http.Header{}}
	defer func() {
		if recover() != nil { // it has been logged
			content, err = nil, internal()
		}
	}()
	g.ServeHTTP(reply, r)
	if err := agents.holdReply(reply.body.Len()); err != nil {
		return nil, err
	}
	return reply.content()
}

// holdReply takes room for so many bytes of a reply, as send does, until the agent's request ends.
func (o outer) holdReply(bytes int) error {
	if bytes <= freeReply || o.x.replies == nil {
		return nil
	}
	if !o.x.replies.TryAcquire(int64(bytes)) {
		return busy()
	}
	context.AfterFunc(o.r.Context(), func() { o.x.replies.Release(int64(bytes)) })
	return nil
}

// maxHeld bounds what is held of a reply, in bytes. Only the text of a document is longer, of which an agent
// gets less.
const maxHeld = 4 << 20

// heldReply is the reply to a request that the gateway makes of itself, or the first maxHeld bytes of it.
type heldReply struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (h *heldReply) Header() http.Header    { return h.header }
func (h *heldReply) WriteHeader(status int) { h.status = status }
func (h *heldReply) FlushError() error      { return nil }

func (h *heldReply) Write(b []byte) (int, error) {
	h.body.Write(b[:min(len(b), maxHeld-h.body.Len())])
	return len(b), nil
}

// content is the body of the reply, or the failure that it reports.
func (h *heldReply) content() ([]byte, error) {
	if h.status == http.StatusOK {
		return h.body.Bytes(), nil
	}
	var failed ErrorBody
	if err := json.Unmarshal(h.body.Bytes(), &failed); err != nil || failed.Error == nil {
		return nil, internal()
	}
	f := failed.Error
	f.status = h.status
	f.Message = fmt.Sprintf("%s (%s)", f.Message, f.Code)
	if after := h.header.Get("Retry-After"); after != "" {
		f.Message += "; try again in " + after + " s"
	}
	return nil, f
}

// NotFound reports whether there is no such thing as the request names.
func (f *Failure) NotFound() bool { return f.status == http.StatusNotFound }
