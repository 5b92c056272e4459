package gateway

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/serve"
)

// Half a body is answered truly once its time is over, on every route that reads one, and its connection is closed.
func TestEveryRouteAnswersALateBody(t *testing.T) {
	f := newFixture()
	g := f.gateway()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- serve.Run(ctx, slog.New(slog.DiscardHandler), time.Second, serve.Server{
			Name: "gateway", Listener: listener, Handler: g.Handler(), BodyTime: 100 * time.Millisecond,
		})
	}()
	open := map[string]net.Conn{}
	for _, to := range g.routes() {
		path, posts := strings.CutPrefix(to.pattern, "POST ")
		if !posts {
			continue
		}
		head := "POST " + path + " HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n" +
			"Accept: application/json, text/event-stream\r\n"
		open[path] = send(t, listener, head+"Content-Length: 100\r\n\r\n{")
		open[path+", in chunks"] = send(t, listener, head+"Transfer-Encoding: chunked\r\n\r\n5\r\n{")
		open[path+", asked for"] = send(t, listener, head+"Content-Length: 100\r\nExpect: 100-continue\r\n\r\n")
	}
	if len(open) < 3*8 {
		t.Errorf("only %d requests were sent", len(open))
	}
	for name, c := range open {
		if got, err := lastReply(c); got != http.StatusRequestTimeout || err != nil {
			t.Errorf("%s: status %d, %v", name, got, err)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// send writes to a connection of its own, which has a deadline for a loaded machine.
func send(t *testing.T, to net.Listener, text string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", to.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	return c
}

// lastReply reads to the end of the connection, which must follow a reply, and returns its status.
func lastReply(c net.Conn) (status int, err error) {
	r := bufio.NewReader(c)
	for {
		reply, err := http.ReadResponse(r, nil)
		if err != nil {
			return status, err
		}
		status = reply.StatusCode
		if _, err := io.Copy(io.Discard, reply.Body); err != nil {
			return status, err
		}
		if status != http.StatusContinue {
			break
		}
	}
	if _, err := r.ReadByte(); !errors.Is(err, io.EOF) {
		return status, fmt.Errorf("the connection stays open: %w", err)
	}
	return status, nil
}
