package weaviate

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"time"

	pb "github.com/weaviate/weaviate/grpc/generated/protocol/v1"
	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
)

const (
	// maxMessage is Weaviate's default limit; gRPC's own limit on answers is 4 MiB.
	maxMessage = 100 << 20
	// maxReconnect is the longest pause between attempts to connect, so that a restarted index is
	// found soon.
	maxReconnect = 2 * time.Second
)

// retries repeats calls that failed because the connection broke: every call may be repeated.
const retries = `{"methodConfig": [{"name": [{"service": "weaviate.v1.Weaviate"}], %s"retryPolicy": {"maxAttempts": %d,
	"initialBackoff": "0.1s", "maxBackoff": "5s", "backoffMultiplier": 4, "retryableStatusCodes": ["UNAVAILABLE"]}}]}`

// dial prepares a connection to the gRPC API, which connects when it is first used. With wait,
// calls wait for an unreachable Weaviate until their deadline; without, they fail at once.
func dial(address string, key func() (string, error), wait bool) (*grpc.ClientConn, error) {
	at, err := parse(fieldGRPC, address)
	if err != nil {
		return nil, err
	}
	transport, proxy := insecure.NewCredentials(), grpc.WithNoProxy() // HTTPS_PROXY is for https
	if at.Scheme == "https" {
		transport, proxy = credentials.NewTLS(&tls.Config{MinVersion: tls.VersionTLS12}), grpc.EmptyDialOption{}
	}
	policy := fmt.Sprintf(retries, "", 2)
	if wait {
		policy = fmt.Sprintf(retries, `"waitForReady": true, `, 5)
	}
	options := []grpc.DialOption{
		proxy,
		grpc.WithTransportCredentials(transport),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage), grpc.MaxCallSendMsgSize(maxMessage)),
		grpc.WithDefaultServiceConfig(policy),
		grpc.WithStatsHandler(otelgrpc.NewClientHandler()),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{
			Time: 5 * time.Minute, Timeout: 20 * time.Second, // servers forbid more
		}),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff: backoff.Config{
				BaseDelay: 100 * time.Millisecond, Multiplier: 2, Jitter: 0.2, MaxDelay: maxReconnect,
			},
			MinConnectTimeout: 5 * time.Second,
		}),
	}
	if key != nil {
		options = append(options, grpc.WithPerRPCCredentials(bearer(key)))
	}
	// The name is looked up at every attempt to connect: a headless Service resolves to pods.
	return grpc.NewClient("passthrough:///"+at.Host, options...)
}

// parse checks the base of an API, and adds the port that its scheme implies.
func parse(field, address string) (*url.URL, error) {
	at, err := url.Parse(address)
	if err != nil || at.Host == "" || at.Scheme != "http" && at.Scheme != "https" {
		return nil, fmt.Errorf("weaviate.%s: %q is not an http or https URL with host and port", field, address)
	}
	if at.Port() == "" {
		port := "80"
		if at.Scheme == "https" {
			port = "443"
		}
		at.Host = net.JoinHostPort(at.Hostname(), port)
	}
	return at, nil
}

// bearer sends the API key with every call and reads it each time.
type bearer func() (string, error)

func (b bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	key, err := b()
	if err != nil {
		return nil, err
	}
	return map[string]string{"authorization": "Bearer " + key}, nil
}

// RequireTransportSecurity leaves the choice to grpcURL's scheme.
func (b bearer) RequireTransportSecurity() bool { return false }

// readTimeout and writeTimeout bound one call, retries included; the caller's deadline may be
// earlier. A store that writes waits longer, so that an ingestion survives a restart of Weaviate.
const (
	readTimeout  = 30 * time.Second
	writeTimeout = 2 * time.Minute
)

func (s *Store) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if s.admin == nil {
		return context.WithTimeout(ctx, readTimeout)
	}
	return context.WithTimeout(ctx, writeTimeout)
}

func (s *Store) search(ctx context.Context, r *pb.SearchRequest) ([]*pb.SearchResult, error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	r.Uses_127Api = true
	if r.Metadata == nil {
		r.Metadata = &pb.MetadataRequest{Uuid: true}
	}
	reply, err := s.client.Search(ctx, r)
	if err != nil {
		return nil, err
	}
	return reply.Results, nil
}

// tally counts the objects of a collection for which the property is true and for which it is
// false. It reads no object, whereas count reads every object that it counts.
func (s *Store) tally(
	ctx context.Context, collection, property string, filter *pb.Filters,
) (yes, no int, err error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	totals := &pb.AggregateRequest_Aggregation{
		Property: property,
		Aggregation: &pb.AggregateRequest_Aggregation_Boolean_{
			Boolean: &pb.AggregateRequest_Aggregation_Boolean{TotalTrue: true, TotalFalse: true},
		},
	}
	reply, err := s.client.Aggregate(ctx, &pb.AggregateRequest{
		Collection: collection, Aggregations: []*pb.AggregateRequest_Aggregation{totals}, Filters: filter,
	})
	if err != nil {
		return 0, 0, err
	}
	for _, a := range reply.GetSingleResult().GetAggregations().GetAggregations() {
		yes, no = int(a.GetBoolean().GetTotalTrue()), int(a.GetBoolean().GetTotalFalse())
	}
	return yes, no, nil
}

// count counts the objects of a collection that pass the filter.
func (s *Store) count(ctx context.Context, collection string, filter *pb.Filters) (int, error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	reply, err := s.client.Aggregate(ctx, &pb.AggregateRequest{
		Collection: collection, ObjectsCount: true, Filters: filter,
	})
	if err != nil {
		return 0, err
	}
	return int(reply.GetSingleResult().GetObjectsCount()), nil
}

// write upserts objects; each may fail by itself.
func (s *Store) write(ctx context.Context, objects ...*pb.BatchObject) error {
	if len(objects) == 0 {
		return nil
	}
	return s.writeBatch(ctx, &pb.BatchObjectsRequest{Objects: objects})
}

func (s *Store) writeBatch(ctx context.Context, r *pb.BatchObjectsRequest) error {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	objects := r.Objects
	reply, err := s.client.BatchObjects(ctx, r)
	if err != nil {
		return err
	}
	for _, e := range reply.Errors {
		if e.Error != "" {
			return explain(fmt.Errorf("write object %s: %s (%d of %d failed)",
				objects[e.Index].Uuid, e.Error, len(reply.Errors), len(objects)))
		}
	}
	return nil
}

// remove deletes every object that passes the filter. Weaviate deletes at most 10,000 at once.
func (s *Store) remove(ctx context.Context, collection string, filter *pb.Filters) error {
	for {
		removed, matched, err := s.removeSome(ctx, collection, filter)
		if err != nil || matched == 0 {
			return err
		}
		if removed == 0 {
			return fmt.Errorf("none of %d objects of %s could be deleted", matched, collection)
		}
	}
}

func (s *Store) removeSome(
	ctx context.Context, collection string, filter *pb.Filters,
) (removed, matched int, err error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	reply, err := s.client.BatchDelete(ctx, &pb.BatchDeleteRequest{Collection: collection, Filters: filter})
	if err != nil {
		return 0, 0, err
	}
	return int(reply.Successful), int(reply.Matches), nil
}
