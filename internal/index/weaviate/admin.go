package weaviate

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/weaviate/weaviate-go-client/v5/weaviate/connection"
	"github.com/weaviate/weaviate-go-client/v5/weaviate/fault"
	"github.com/weaviate/weaviate-go-client/v5/weaviate/schema"
	"github.com/weaviate/weaviate/entities/models"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
)

const (
	// adminTimeout bounds one call that changes the schema.
	adminTimeout = 30 * time.Second
	// startTimeout is how long opening the index waits for a Weaviate that is starting.
	startTimeout = time.Minute
)

// admin changes the schema. It must live as long as its process: a connection of the client that is
// garbage-collected blocks the finalizers of all others for ever.
type admin struct {
	schema *schema.API
	http   *http.Client
}

func newAdmin(where config.WeaviateIndex, key func() (string, error)) (*admin, error) {
	at, err := parse(fieldREST, where.URL)
	if err != nil {
		return nil, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxResponseHeaderBytes = 64 << 10
	client := &http.Client{Transport: &authorised{transport, key}, Timeout: adminTimeout}
	// The client as a whole would bring in 40 packages more, of the APIs that are not used here.
	api := schema.New(connection.NewConnection(at.Scheme, at.Host, client, adminTimeout, nil), nil)
	return &admin{schema: api, http: client}, nil
}

func (a *admin) close() { a.http.CloseIdleConnections() }

// authorised sends the API key with every request and reads it each time.
type authorised struct {
	next *http.Transport
	key  func() (string, error)
}

// RoundTrip implements http.RoundTripper.
func (a *authorised) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	if a.key != nil {
		key, err := a.key()
		if err != nil {
			return nil, fmt.Errorf("%w: %w", index.ErrUnauthorized, err)
		}
		r.Header.Set("Authorization", "Bearer "+key)
	}
	response, err := a.next.RoundTrip(r)
	if err == nil {
		response.Body = http.MaxBytesReader(nil, response.Body, maxMessage)
	}
	return response, err
}

// CloseIdleConnections implements the method that http.Client.CloseIdleConnections looks for.
func (a *authorised) CloseIdleConnections() { a.next.CloseIdleConnections() }

// create creates the collection unless it exists, adds the properties that one of an earlier version of the operator
// lacks, and waits for a Weaviate that is starting. It fails for a collection of the same name that belongs to another
// owner or has another schema, and leaves it alone.
func (a *admin) create(ctx context.Context, want *models.Class) error {
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		err := a.createOnce(ctx, want)
		if err != nil && !errors.Is(explain(err), index.ErrUnreachable) {
			return struct{}{}, backoff.Permanent(err)
		}
		return struct{}{}, err
	}, backoff.WithMaxElapsedTime(startTimeout), backoff.WithBackOff(&backoff.ExponentialBackOff{
		InitialInterval: 200 * time.Millisecond, Multiplier: 2, RandomizationFactor: 0.2, MaxInterval: 5 * time.Second,
	}))
	if err != nil {
		return fmt.Errorf("create collection %s: %w", want.Class, err)
	}
	return nil
}

func (a *admin) createOnce(ctx context.Context, want *models.Class) error {
	got, err := a.schema.ClassGetter().WithClassName(want.Class).Do(ctx)
	if f, ok := errors.AsType[*fault.WeaviateClientError](err); ok && f.StatusCode == http.StatusNotFound {
		return a.schema.ClassCreator().WithClass(want).Do(ctx)
	}
	if err != nil {
		return err
	}
	if got.Description != want.Description {
		return fmt.Errorf("it exists and its description %q is not this pipeline's: delete it, or choose another prefix",
			got.Description)
	}
	return a.addProperties(ctx, got, want)
}

func (a *admin) addProperties(ctx context.Context, got, want *models.Class) error {
	for _, property := range want.Properties {
		has := func(p *models.Property) bool { return p.Name == property.Name }
		if slices.ContainsFunc(got.Properties, has) {
			continue
		}
		if err := a.schema.PropertyCreator().WithClassName(want.Class).WithProperty(property).Do(ctx); err != nil {
			return err
		}
	}
	return nil
}

// addProperty adds a property to a collection that may have it already.
func (a *admin) addProperty(ctx context.Context, collection string, property *models.Property) error {
	err := a.schema.PropertyCreator().WithClassName(collection).WithProperty(property).Do(ctx)
	if err == nil {
		return nil
	}
	class, readErr := a.schema.ClassGetter().WithClassName(collection).Do(ctx)
	named := func(p *models.Property) bool { return strings.EqualFold(p.Name, property.Name) }
	if readErr == nil && slices.ContainsFunc(class.Properties, named) {
		return nil
	}
	return err
}

// others returns the collections of the pipeline's other generations.
func (a *admin) others(ctx context.Context, own names, p config.Pipeline) (collections []string, err error) {
	all, err := a.schema.Getter().Do(ctx)
	if err != nil {
		return nil, err
	}
	for _, class := range all.Classes {
		ours := class.Description == description(p, "chunks") || class.Description == description(p, "ledger")
		if ours && own.isGeneration(class.Class) && class.Class != own.chunks && class.Class != own.ledger {
			collections = append(collections, class.Class)
		}
	}
	return collections, nil
}

func (a *admin) drop(ctx context.Context, collection string) error {
	if err := a.schema.ClassDeleter().WithClassName(collection).Do(ctx); err != nil {
		return fmt.Errorf("delete collection %s: %w", collection, err)
	}
	return nil
}
