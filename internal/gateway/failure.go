package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/model"
	"github.com/ragpipeline/ragpipeline/internal/query"
)

// Failure is what a caller is told of a request that failed. Object is always "error": NVIDIA's client silently drops
// an error in a stream without it.
type Failure struct {
	Object  string `json:"object"`
	Type    string `json:"type"`            // OpenAI's words, by status
	Code    string `json:"code"`            // CamelCase; the same word as in warnings and in the pipeline's status
	Param   string `json:"param,omitempty"` // the field that is wrong
	Message string `json:"message"`
	ID      string `json:"request_id"`

	status     int
	retryAfter time.Duration // 0: no Retry-After
	allow      string        // of a 405
	cause      error         // for the log; may be nil
}

// Error is the message.
func (f *Failure) Error() string { return f.Message }

// Unwrap is the cause.
func (f *Failure) Unwrap() error { return f.cause }

// ErrorBody is the body of a failed request, and the last event of a stream that failed.
type ErrorBody struct {
	Error *Failure `json:"error"`
}

// statusClientGone is what the log says when the caller left before the reply; nobody receives it. The number is
// nginx's.
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

func internal() *Failure {
	return failure(http.StatusInternalServerError, "Internal",
		"the gateway failed; its log has the cause under this request_id")
}

func wrongMethod(methods map[string]route) *Failure {
	f := failure(http.StatusMethodNotAllowed, "MethodNotAllowed", "this route takes other methods")
	f.allow = strings.Join(slices.Sorted(maps.Keys(methods)), ", ")
	if _, ok := methods[http.MethodGet]; ok {
		f.allow += ", HEAD"
	}
	f.Message = "this route takes " + f.allow
	return f
}

func unavailable(cause error) *Failure {
	f := ofStage(&query.StageError{Stage: config.StageIndex, Code: config.IndexUnavailable, Err: cause})
	f.cause = cause
	return f
}

// cutOff is err, or why the request was ended if it is the end of its context and the caller is still there: the
// process is shutting down.
func cutOff(ctx context.Context, err error) error {
	if ctx.Err() == nil || hasLeft(ctx) || !errors.Is(err, context.Canceled) {
		return err
	}
	f := failure(http.StatusServiceUnavailable, "ShuttingDown", "the gateway is shutting down; ask again")
	f.retryAfter = time.Second
	return f
}

// hasLeft tells whether it was the caller who ended a request: the server gives no cause of its own then.
func hasLeft(ctx context.Context) bool { return errors.Is(context.Cause(ctx), context.Canceled) }

func busy() *Failure {
	f := failure(http.StatusTooManyRequests, "TooManyRequests", "too many questions at once; try again in a moment")
	f.retryAfter = time.Second
	return f
}

// failureOf finds the words for any error.
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
		return failure(statusClientGone, "ClientGone", "the caller left")
	case errors.Is(err, context.DeadlineExceeded):
		return failure(http.StatusGatewayTimeout, "TimedOut", "no answer in time; try again later")
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

// ofModel is the failure of a model that the caller asked directly. What the server said about the caller's own input
// is then for the caller.
func ofModel(stage config.Stage, err error) error {
	m, ok := errors.AsType[*model.Error](err)
	if !ok {
		return err
	}
	f := ofStage(&query.StageError{Stage: stage, Code: m.Failure, Err: m})
	f.cause = m
	if m.Failure == config.ModelRejected || m.Failure == config.InputTooLong {
		f.Message = fmt.Sprintf("the %s model %q does not accept this request", stage, m.Model)
		if m.Message != "" {
			f.Message += ": " + m.Message
		}
	}
	if m.Failure == config.ModelRejected {
		f.status = http.StatusUnprocessableEntity
	}
	return f
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
	case status < 500:
		return "invalid_request_error"
	case status == http.StatusGatewayTimeout:
		return "timeout_error"
	}
	return "api_error"
}

// body is the failure with what only the exchange knows.
func (f *Failure) body(id string) ErrorBody {
	told := *f
	told.Object, told.Type, told.ID = "error", errorType(f.status), id
	return ErrorBody{&told}
}

// fail answers with err, unless a reply has begun: then its own writer has told.
func fail(x *exchange, r *http.Request, err error) {
	if x.status != 0 {
		return
	}
	f := failureOf(err)
	if f.status == statusClientGone || r != nil && hasLeft(r.Context()) {
		x.status = statusClientGone
		return
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
	b, _ := json.Marshal(f.body(x.id)) // strings only: it marshals
	_ = send(x, f.status, "application/json", b)
}

// describe is what the log may know of an error: which stage, which model, and why; never what a server or a caller
// wrote.
func describe(err error) []slog.Attr {
	attributes := []slog.Attr{slog.String("code", failureOf(err).Code)}
	if e, ok := errors.AsType[*query.StageError](err); ok {
		attributes = append(attributes, slog.String("stage", string(e.Stage)))
	}
	cause := err
	if m, ok := errors.AsType[*model.Error](err); ok {
		attributes = append(attributes, slog.String("model", m.Model))
		if m.Status != 0 {
			return append(attributes, slog.Int("upstream_status", m.Status))
		}
		cause = m.Err
	}
	if cause != nil && !quotesCaller(cause) {
		attributes = append(attributes, slog.String("cause", cause.Error()))
	}
	return attributes
}

// quotesCaller tells whether an error's text may hold what the caller wrote.
func quotesCaller(err error) bool {
	_, refused := errors.AsType[*Failure](err)
	_, invalid := errors.AsType[*query.Invalid](err)
	return refused || invalid
}
