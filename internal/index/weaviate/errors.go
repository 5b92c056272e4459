package weaviate

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/weaviate/weaviate-go-client/v5/weaviate/fault"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/redact"
)

// fail adds the operation that failed, the address of Weaviate's API and the kind of the error. If the
// context has ended, that is the cause.
func (s *Store) fail(ctx context.Context, operation string, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	default:
		err = s.withoutKey(explain(err))
	}
	return fmt.Errorf("%s in Weaviate at %s: %w", operation, s.addressOf(err), err)
}

// addressOf is the address of the API that gave err.
func (s *Store) addressOf(err error) string {
	if _, rest := errors.AsType[*fault.WeaviateClientError](err); rest {
		return s.where.URL
	}
	return s.where.GRPCURL
}

// withoutKey is err without the API key, which a server, or a proxy before it, may send back.
func (s *Store) withoutKey(err error) error {
	if s.key == nil {
		return err
	}
	key, failed := s.key()
	if failed != nil {
		return err // nothing was sent
	}
	return redact.Error(err, key)
}

// explain adds the kind of err, and what to check if a connection failed. Over gRPC, a refusal by Weaviate
// has no code, only words.
func explain(err error) error {
	for _, known := range []error{
		index.ErrNotBuilt, index.ErrDimensions, index.ErrFull, index.ErrUnauthorized, index.ErrUnreachable,
		context.DeadlineExceeded,
	} {
		if errors.Is(err, known) {
			return err
		}
	}
	kind, told := kindOf(err), tell(err)
	switch {
	case kind != nil && told != "":
		return fmt.Errorf("%w; %s: %w", kind, told, err)
	case told != "":
		return fmt.Errorf("%s: %w", told, err)
	case kind != nil:
		return fmt.Errorf("%w: %w", kind, err)
	}
	return err
}

func kindOf(err error) error {
	if s, ok := status.FromError(err); ok && s.Code() != codes.OK {
		return kindOfStatus(s.Code(), s.Message())
	}
	if f, ok := errors.AsType[*fault.WeaviateClientError](err); ok {
		return kindOfREST(f)
	}
	return kindOfText(err.Error())
}

func kindOfStatus(code codes.Code, message string) error {
	switch code {
	case codes.Unavailable:
		return index.ErrUnreachable
	case codes.DeadlineExceeded:
		return context.DeadlineExceeded
	case codes.Unauthenticated, codes.PermissionDenied:
		return index.ErrUnauthorized
	}
	return kindOfText(message)
}

func kindOfREST(f *fault.WeaviateClientError) error {
	switch f.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		return index.ErrUnauthorized
	case http.StatusServiceUnavailable, http.StatusBadGateway, http.StatusGatewayTimeout:
		return index.ErrUnreachable
	}
	if !f.IsUnexpectedStatusCode && f.DerivedFromError != nil { // no answer at all
		for _, cause := range []error{index.ErrUnauthorized, context.DeadlineExceeded} { // the client hides them
			if errors.Is(f.DerivedFromError, cause) {
				return cause
			}
		}
		return index.ErrUnreachable
	}
	return kindOfText(f.Msg)
}

func kindOfText(message string) error {
	m := strings.ToLower(message)
	for _, known := range []struct {
		words string
		kind  error
	}{
		{"could not find class", index.ErrNotBuilt},
		{"not found in schema", index.ErrNotBuilt},
		{"unauthorized", index.ErrUnauthorized},
		{"anonymous access not enabled", index.ErrUnauthorized},
		{"vector lengths don't match", index.ErrDimensions},
		{"vector with length", index.ErrDimensions},
		{"read-only", index.ErrFull}, // Weaviate's answer when its disk fills up
		{"not enough memory", index.ErrFull},
		{"no space left", index.ErrFull},
		{"leader not found", index.ErrUnreachable},          // it is starting
		{"browse non-existing index", index.ErrUnreachable}, // likewise: it knows the collection but has not opened it yet
	} {
		if strings.Contains(m, known.words) {
			return known.kind
		}
	}
	return nil
}
