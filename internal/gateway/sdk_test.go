package gateway

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/model"
)

// The SDK is as its users have it, with the two retries that it makes by default.
func TestOpenAIsSDKRepeatsOnlyWhatMayPass(t *testing.T) {
	for _, tc := range []struct {
		failure    config.Failure
		retryAfter time.Duration
		status     int
		requests   int32
	}{
		{config.ModelUnauthorized, 0, http.StatusFailedDependency, 1},
		{config.ModelNotFound, 0, http.StatusFailedDependency, 1},
		{config.ModelRejected, 0, http.StatusFailedDependency, 1},
		{config.InputTooLong, 0, http.StatusRequestEntityTooLarge, 1},
		{config.ModelBroken, 0, http.StatusBadGateway, 3},
		{config.ModelOverloaded, 2 * time.Minute, http.StatusServiceUnavailable, 1},
	} {
		t.Run(string(tc.failure), func(t *testing.T) {
			t.Parallel()
			f := newFixture()
			f.chat.words = nil
			f.chat.err = &model.Error{
				Stage: config.StageLLM, Failure: tc.failure, Model: "m", RetryAfter: tc.retryAfter,
			}
			handler := f.gateway().Handler()
			var requests atomic.Int32
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				requests.Add(1)
				handler.ServeHTTP(w, r)
			}))
			defer server.Close()
			question := "what?"
			if tc.failure == config.InputTooLong { // which is the caller's to shorten only if it is long
				question = strings.Repeat("what about this? ", 100)
			}
			client := openai.NewClient(option.WithBaseURL(server.URL+"/v1"), option.WithAPIKey("any"))
			_, err := client.Chat.Completions.New(t.Context(), openai.ChatCompletionNewParams{
				Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage(question)},
			})
			told, ok := errors.AsType[*openai.Error](err)
			if !ok || told.StatusCode != tc.status || told.Code != string(tc.failure) {
				t.Errorf("the SDK returns %v", err)
			}
			if requests.Load() != tc.requests {
				t.Errorf("it made %d requests, not %d", requests.Load(), tc.requests)
			}
		})
	}
}
