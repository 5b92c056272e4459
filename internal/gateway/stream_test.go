package gateway

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// events reads the data of a stream's events.
func events(t *testing.T, body string) []string {
	t.Helper()
	var data []string
	for _, event := range strings.SplitAfter(body, "\n\n") {
		switch {
		case event == "":
		case strings.HasPrefix(event, "data: ") && strings.HasSuffix(event, "\n\n"):
			data = append(data, strings.TrimSuffix(strings.TrimPrefix(event, "data: "), "\n\n"))
		case strings.HasPrefix(event, ":"):
			if strings.Contains(event, "{") {
				t.Errorf("a comment with a brace, which NVIDIA's client takes for JSON: %q", event)
			}
		default:
			t.Errorf("no event: %q", event)
		}
	}
	return data
}

func TestAStreamTellsOnRequestWhichStageBegins(t *testing.T) {
	f := newFixture()
	body := `{"messages": [{"role": "user", "content": "what?"}], "stream": true, "stream_options": {"include_progress": true}}`
	var stages []string
	for _, event := range events(t, f.call("POST", chatRoute, body).Body.String()) {
		var chunk Chunk
		if event != "[DONE]" && json.Unmarshal([]byte(event), &chunk) == nil && chunk.Progress != nil {
			stages = append(stages, fmt.Sprintf("%s %d", chunk.Progress.Stage, chunk.Progress.Passages))
		}
	}
	if diff := cmp.Diff([]string{"index 0", "reranking 2", "llm 2"}, stages); diff != "" {
		t.Errorf("stages (-want +got):\n%s", diff)
	}
	f.index.err = errors.New("down")
	if got := f.call("POST", chatRoute, body); got.Code != 200 || !strings.Contains(got.Body.String(), `"error":{`) ||
		strings.Contains(got.Body.String(), "[DONE]") {
		t.Errorf("a failure after the first event: status %d, %s", got.Code, got.Body)
	}
}

func TestStreamIsHeldOpenByCommentsWhileNothingIsSaid(t *testing.T) {
	f := newFixture()
	said := make(chan struct{})
	first := true
	f.chat.between = func(ctx context.Context) error {
		if !first {
			return nil
		}
		first = false
		select {
		case <-said: // the caller has seen a comment
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	g := f.gateway()
	g.keepAlive = time.Millisecond
	server := httptest.NewServer(g)
	defer server.Close()
	response, err := http.Post(server.URL+chatRoute, "application/json", strings.NewReader(streamBody("what?")))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	lines := bufio.NewReader(response.Body)
	var body strings.Builder
	for seen := false; ; {
		line, err := lines.ReadString('\n')
		body.WriteString(line)
		if strings.HasPrefix(line, ":") && !seen {
			seen = true
			close(said)
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	got := events(t, body.String())
	if got[len(got)-1] != "[DONE]" || !strings.Contains(body.String(), ": keep-alive\n\n") {
		t.Errorf("got %s", body.String())
	}
}

// A failure before the first word has a status of its own, unless comments have already gone out.
func TestAStreamThatFailsBeforeItsFirstWord(t *testing.T) {
	f := newFixture()
	f.chat.words, f.chat.err = nil, errors.New("broken")
	got := f.call("POST", chatRoute, streamBody("what?"))
	if got.Code != 502 || got.Header().Get("Content-Type") != "application/json" {
		t.Errorf("status %d with %s", got.Code, got.Header().Get("Content-Type"))
	}
	failureIn(t, got.Body)
}

func TestAStreamThatFailsAfterAComment(t *testing.T) {
	f := newFixture()
	recorder := httptest.NewRecorder()
	commented := make(chan struct{})
	f.index.keyword = func(ctx context.Context, _ string) {
		select {
		case <-commented:
		case <-ctx.Done():
		}
	}
	f.chat.words, f.chat.err = nil, errors.New("broken")
	g := f.gateway()
	g.keepAlive = time.Millisecond
	g.ServeHTTP(&notifying{ResponseRecorder: recorder, written: commented},
		httptest.NewRequest(http.MethodPost, chatRoute, strings.NewReader(streamBody("what?"))))
	if recorder.Code != 200 {
		t.Errorf("status %d, want 200: it had gone out", recorder.Code)
	}
	got := events(t, recorder.Body.String())
	if len(got) != 1 {
		t.Fatalf("events %q, want the error alone", got)
	}
	if told := failureIn(t, strings.NewReader(got[0])); told.Code != "ModelBroken" {
		t.Errorf("told %+v", told)
	}
}

// notifying closes a channel at the first write.
type notifying struct {
	*httptest.ResponseRecorder
	written chan struct{}
	done    bool
}

func (n *notifying) Write(b []byte) (int, error) {
	if !n.done {
		n.done = true
		close(n.written)
	}
	return n.ResponseRecorder.Write(b)
}

func TestEachPieceIsSentAtOnce(t *testing.T) {
	f := newFixture()
	heard := make(chan struct{})
	f.chat.words = []string{"one", "two", "three"}
	f.chat.between = func(ctx context.Context) error {
		select {
		case <-heard: // the caller has this piece before the next is made
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	server := f.serve(t)
	response, err := http.Post(server.URL+chatRoute, "application/json", strings.NewReader(streamBody("what?")))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	var words []string
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok || data == "[DONE]" {
			continue
		}
		var chunk Chunk
		if err := json.Unmarshal([]byte(data), &chunk); err != nil {
			t.Fatal(err)
		}
		if len(chunk.Choices) == 1 && chunk.Choices[0].Delta.Content != nil && *chunk.Choices[0].Delta.Content != "" {
			words = append(words, *chunk.Choices[0].Delta.Content)
			heard <- struct{}{}
		}
	}
	if strings.Join(words, " ") != "one two three" {
		t.Errorf("heard %q", words)
	}
}

func TestACallerThatLeavesMidStreamCancelsTheWorkUpstream(t *testing.T) {
	f := newFixture()
	upstream := make(chan error, 1)
	f.chat.between = func(ctx context.Context) error {
		<-ctx.Done()
		upstream <- ctx.Err()
		return ctx.Err()
	}
	server := f.serve(t)
	ctx, leave := context.WithCancel(t.Context())
	body := strings.NewReader(streamBody("what?"))
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL+chatRoute, body)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if _, err := bufio.NewReader(response.Body).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	leave()
	if err := <-upstream; !errors.Is(err, context.Canceled) {
		t.Errorf("upstream ended with %v, want cancelled", err)
	}
}

func TestACallerThatLeavesBeforeAPlainAnswerCancelsTheWorkUpstream(t *testing.T) {
	f := newFixture()
	asked, upstream := make(chan struct{}), make(chan error, 1)
	f.chat.between = func(ctx context.Context) error {
		close(asked)
		<-ctx.Done()
		upstream <- ctx.Err()
		return ctx.Err()
	}
	server := f.serve(t)
	ctx, leave := context.WithCancel(t.Context())
	go func() {
		<-asked
		leave()
	}()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL+chatRoute, strings.NewReader(chatBody("what?")))
	if err != nil {
		t.Fatal(err)
	}
	if response, err := http.DefaultClient.Do(r); err == nil {
		response.Body.Close()
		t.Error("got an answer after leaving")
	}
	if err := <-upstream; !errors.Is(err, context.Canceled) {
		t.Errorf("upstream ended with %v, want cancelled", err)
	}
}

// A shutdown that outlasts its grace period ends requests whose clients are still connected: they
// receive an error, not an empty 200.
func TestACallerWhoIsStillThereIsToldOfAShutdown(t *testing.T) {
	for _, tc := range []struct {
		name, body string
		words      []string // before it
		status     int
	}{
		{"waiting for a whole answer", chatBody("what?"), nil, 503},
		{"waiting for a stream's first word", streamBody("what?"), nil, 503},
		{"reading a stream", streamBody("what?"), []string{"It ", "is"}, 200},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ctx, stop := context.WithCancelCause(t.Context())
			f := newFixture()
			f.chat.words = tc.words
			f.chat.between = func(ctx context.Context) error {
				stop(errors.New("shutting down"))
				<-ctx.Done()
				return ctx.Err()
			}
			if tc.words == nil {
				f.index.keyword = func(context.Context, string) { stop(errors.New("shutting down")) }
			}
			recorder := httptest.NewRecorder()
			r := httptest.NewRequestWithContext(ctx, http.MethodPost, chatRoute, strings.NewReader(tc.body))
			f.gateway().ServeHTTP(recorder, r)
			last := recorder.Body.String()
			if tc.status == 200 {
				all := events(t, last)
				last = all[len(all)-1]
			}
			if told := failureIn(t, strings.NewReader(last)); recorder.Code != tc.status || told.Code != "ShuttingDown" {
				t.Errorf("status %d, %+v", recorder.Code, told)
			}
		})
	}
}
