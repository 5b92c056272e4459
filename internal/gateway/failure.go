package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/model"
	"github.com/ragpipeline/ragpipeline/internal/query"
)

// Failure is the error that a client receives. Object is always "error": without it, NVIDIA's
// client silently drops an error in a stream.
type Failure struct {
	Object  string `json:"object"`
	Type    string `json:"type"`            // is OpenAI's word for the status
	Code    string `json:"code"`            // is the same word as in warnings and in the pipeline's status
	Param   string `json:"param,omitempty"` // names the field that is wrong
	Message string `json:"message"`
	ID      string `json:"request_id"`

	status     int
	retryAfter time.Duration // is 0 if the reply has no Retry-After
	allow      string        // is the header Allow of a 405
	cause      error         // is for the log; may be nil
}

// Error returns the message.
func (f *Failure) Error() string { return f.Message }

// Unwrap returns the cause.
func (f *Failure) Unwrap() error { return f.cause }

// ErrorBody is the body of a failed request, and the last event of a stream that failed.
type ErrorBody struct {
	Error *Failure `json:"error"`
}

// statusClientGone is the status that the log records if the client disconnected before the reply.
// No client receives it. nginx uses the same number.
const statusClientGone = 499

func failure(status int, code, message string) *Failure {
	return &Failure{status: status, Code: code, Message: message}
}

func invalid(field, format string, args ...any) *Failure {
	f := failure(http.StatusBadRequest, "InvalidRequest", field+": "+fmt.Sprintf(format, args...))
	f.Param = field
	return f
}

func unsupported(field, message string) *Failure {
	f := failure(http.StatusUnprocessableEntity, "Unsupported", field+": "+message)
	f.Param = field
	return f
}

func notFound(code, message string) *Failure { return failure(http.StatusNotFound, code, message) }

func unknownRoute() *Failure { return notFound("UnknownRoute", "unknown route; see /openapi.json") }

func internal() *Failure {
	return failure(http.StatusInternalServerError, "Internal",
		"the gateway failed; its log has the cause under this request_id")
}

func wrongMethod(allowed []string) *Failure {
	methods := strings.Join(allowed, ", ")
	f := failure(http.StatusMethodNotAllowed, "MethodNotAllowed", "this route takes "+methods)
	f.allow = methods
	return f
}

func unavailable(cause error) *Failure {
	f := ofStage(&query.StageError{Stage: config.StageIndex, Code: config.IndexUnavailable, Err: cause})
	f.cause = cause
	return f
}

// cutOff returns err, unless err is the end of a context that the client did not end. Then the
// process is shutting down, and cutOff returns that.
func cutOff(ctx context.Context, err error) error {
	if ctx.Err() == nil || hasLeft(ctx) || !errors.Is(err, context.Canceled) {
		return err
	}
	f := failure(http.StatusServiceUnavailable, "ShuttingDown", "the gateway is shutting down; try again")
	f.retryAfter = time.Second
	return f
}

// hasLeft reports whether the client ended a request: then the server gives no cause of its own.
func hasLeft(ctx context.Context) bool { return errors.Is(context.Cause(ctx), context.Canceled) }

// gone is the failure of a write: the client reset the connection, or did not read for writeDeadline.
func gone(err error) error {
	if err == nil {
		return nil
	}
	f := failure(statusClientGone, "ClientGone", "the client disconnected or stopped reading")
	f.cause = err
	return f
}

func busy() *Failure {
	f := failure(http.StatusTooManyRequests, "TooManyRequests", "too many concurrent requests; try again in a moment")
	f.retryAfter = time.Second
	return f
}

// longestRepeat bounds the wait that a client's SDK is left to. OpenAI's SDK for JavaScript sleeps however long
// Retry-After is, and its user would take that for a hang; X-Should-Retry has all of OpenAI's SDKs return the error.
const longestRepeat = time.Minute

// failureOf returns the failure that a client receives for any error.
func failureOf(err error) *Failure {
	if f, ok := errors.AsType[*Failure](err); ok {
		return f
	}
	if e, ok := errors.AsType[*query.Invalid](err); ok {
		return ofInvalid(e)
	}
	if e, ok := errors.AsType[*query.StageError](err); ok {
		return ofStage(e)
	}
	switch {
	case errors.Is(err, context.Canceled):
		return failure(statusClientGone, "ClientGone", "the client disconnected")
	case errors.Is(err, context.DeadlineExceeded):
		return failure(http.StatusGatewayTimeout, "TimedOut", "the request timed out; try again later")
	}
	return internal()
}

func ofInvalid(e *query.Invalid) *Failure {
	f := invalid(e.Field, "%s", e.Message)
	if e.TooLong {
		f.status, f.Code = http.StatusRequestEntityTooLarge, "TooLarge"
	}
	return f
}

func ofStage(e *query.StageError) *Failure {
	f := failure(e.Code.Meaning().HTTPStatus, string(e.Code), e.Public())
	if f.status == http.StatusServiceUnavailable {
		f.retryAfter = 5 * time.Second
		if m, ok := errors.AsType[*model.Error](e.Err); ok && m.RetryAfter > 0 {
			f.retryAfter = min(m.RetryAfter, 5*time.Minute)
		}
	}
	return f
}

// ofModel returns the failure of a model that the client called directly. It includes the server's
// message about the input, because the client sent that input.
func ofModel(stage config.Stage, err error) error {
	m, ok := errors.AsType[*model.Error](err)
	if !ok {
		return err
	}
	f := ofStage(&query.StageError{Stage: stage, Code: m.Failure, Err: m})
	f.cause = m
	if m.Failure == config.ModelRejected || m.Failure == config.InputTooLong {
		f.Message = fmt.Sprintf("the %s model %q rejected the request", stage, m.Model)
		if m.Message != "" {
			f.Message += ": " + m.Message
		}
	}
	if m.Failure == config.ModelRejected {
		f.status = http.StatusUnprocessableEntity
	}
	return f
}

// ours reports whether a status means that the pipeline failed, and not the request.
func ours(status int) bool {
	return status == http.StatusFailedDependency || status >= http.StatusInternalServerError
}

// errorType is OpenAI's word for the kind of error.
func errorType(status int) string {
	switch {
	case status == http.StatusUnauthorized:
		return "authentication_error"
	case status == http.StatusForbidden:
		return "permission_error"
	case status == http.StatusNotFound:
		return "not_found_error"
	case status == http.StatusTooManyRequests:
		return "rate_limit_error"
	case status < 500 && status != http.StatusFailedDependency:
		return "invalid_request_error"
	case status == http.StatusGatewayTimeout:
		return "timeout_error"
	}
	return "api_error"
}

// body completes the failure for the request with the id.
func (f *Failure) body(id string) ErrorBody {
	sent := *f
	sent.Object, sent.Type, sent.ID = "error", errorType(f.status), id
	return ErrorBody{&sent}
}

// fail answers with err, unless a reply has begun: then the writer of that reply has sent the
// error.
func (x *exchange) fail(ctx context.Context, err error) {
	if x.status != 0 {
		return
	}
	f := failureOf(err)
	// The server takes a late body for the end of the client, which still waits for a reply.
	if f.status == statusClientGone || hasLeft(ctx) && f.status != http.StatusRequestTimeout {
		x.status = statusClientGone
		return
	}
	if f.retryAfter > longestRepeat {
		x.Header().Set("X-Should-Retry", "false")
	}
	if f.retryAfter > 0 {
		x.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(f.retryAfter.Seconds()))))
	}
	if f.allow != "" {
		x.Header().Set("Allow", f.allow)
	}
	if f.status == http.StatusUnauthorized {
		x.Header().Set("WWW-Authenticate", "Bearer")
	}
	b, _ := json.Marshal(f.body(x.id)) // cannot fail: all fields are strings
	_ = x.send(f.status, "application/json", b)
}

// describe returns what the log records of an error: the stage, the model and the cause, with the words of the
// model's server, which its client has cleaned of keys and of the texts that were sent. It has no text of a client.
func describe(err error) []slog.Attr {
	attributes := []slog.Attr{slog.String("code", failureOf(err).Code)}
	if e, ok := errors.AsType[*query.StageError](err); ok {
		attributes = append(attributes, slog.String("stage", string(e.Stage)))
	}
	cause := err
	if f, ok := errors.AsType[*Failure](err); ok && ours(f.status) {
		cause = f.cause
	}
	if m, ok := errors.AsType[*model.Error](err); ok {
		attributes = append(attributes, slog.String("model", m.Model))
		if m.Status != 0 {
			attributes = append(attributes, slog.Int("upstream_status", m.Status))
			if words := strings.TrimSpace(m.Code + " " + m.Message); words != "" {
				attributes = append(attributes, slog.String("cause", words))
			}
			return attributes
		}
		cause = m.Err
	}
	if cause != nil && !quotesClient(cause) {
		attributes = append(attributes, slog.String("cause", cause.Error()))
	}
	return attributes
}

// quotesClient reports whether an error's text may quote the client.
func quotesClient(err error) bool {
	_, refused := errors.AsType[*Failure](err)
	_, invalid := errors.AsType[*query.Invalid](err)
	return refused || invalid
}
