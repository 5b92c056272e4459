package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	pb "github.com/weaviate/weaviate/grpc/generated/protocol/v1"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/ragpipeline/ragpipeline/internal/index/weaviate/weaviatetest"
	"github.com/ragpipeline/ragpipeline/internal/vector"
)

// The floor of an ingestion into a Weaviate writes the chunks of a run again, from memory, as objects of another
// collection with the same settings: in batches as large as the run's and as many at once, with no ledger, and nothing
// that is read, split or embedded.
const (
	floorBatch  = 100
	floorAtOnce = 4
)

// rawImport is the floor for the chunks of a run.
type rawImport struct {
	weaviate *weaviatetest.Server
	from, to string // are collections
}

// measure returns the floor's rate in chunks/s, and Weaviate's CPU a chunk in ms.
func (r *rawImport) measure(ctx context.Context, run string) (rate, cpu float64, err error) {
	if err := r.makeCollection(ctx, run); err != nil {
		return 0, 0, err
	}
	objects, err := r.read(ctx)
	if err != nil {
		return 0, 0, err
	}
	at := strings.TrimPrefix(r.weaviate.GRPCURL, "http://")
	connection, err := grpc.NewClient(at, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return 0, 0, err
	}
	defer connection.Close()
	started := time.Now()
	used, err := cpuDuring(r.weaviate.PID(), func() error { return write(ctx, pb.NewWeaviateClient(connection), objects) })
	n := float64(len(objects))
	return n / time.Since(started).Seconds(), milliseconds(used) / n, err
}

// makeCollection makes one like that of the run's chunks.
func (r *rawImport) makeCollection(ctx context.Context, run string) error {
	var schema struct{ Classes []map[string]any }
	if err := r.rest(ctx, http.MethodGet, "/v1/schema", nil, &schema); err != nil {
		return err
	}
	for _, class := range schema.Classes {
		name := fmt.Sprint(class["class"])
		if strings.Contains(name, strings.ReplaceAll(run, "-", "__")) && strings.HasSuffix(name, "_Chunks") {
			r.from, r.to = name, "Raw_"+name
			class["class"] = r.to
			return r.rest(ctx, http.MethodPost, "/v1/schema", class, nil)
		}
	}
	return fmt.Errorf("weaviate has no collection of the run %s", run)
}

// read reads all chunks with their vectors.
func (r *rawImport) read(ctx context.Context) (all []*pb.BatchObject, err error) {
	for after := ""; ; {
		var page struct {
			Objects []struct {
				ID         string
				Properties map[string]any
				Vector     []float32
			}
		}
		path := fmt.Sprintf("/v1/objects?class=%s&limit=500&include=vector&after=%s", r.from, after)
		if err := r.rest(ctx, http.MethodGet, path, nil, &page); err != nil || len(page.Objects) == 0 {
			return all, err
		}
		for _, o := range page.Objects {
			copied, err := batchObject(r.to, o.ID, o.Properties, o.Vector)
			if err != nil {
				return nil, err
			}
			all, after = append(all, copied), o.ID
		}
	}
}

func batchObject(collection, id string, fields map[string]any, v []float32) (*pb.BatchObject, error) {
	properties := &pb.BatchObject_Properties{}
	for name, value := range fields {
		if list, ok := value.([]any); ok {
			texts := &pb.TextArrayProperties{PropName: name}
			for _, text := range list {
				texts.Values = append(texts.Values, fmt.Sprint(text))
			}
			properties.TextArrayProperties = append(properties.TextArrayProperties, texts)
			delete(fields, name)
		}
	}
	var err error
	properties.NonRefProperties, err = structpb.NewStruct(fields)
	return &pb.BatchObject{Collection: collection, Uuid: id, VectorBytes: vector.Encode(v), Properties: properties}, err
}

// write writes the objects.
func write(ctx context.Context, to pb.WeaviateClient, objects []*pb.BatchObject) error {
	ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+weaviatetest.Key)
	all, ctx := errgroup.WithContext(ctx)
	all.SetLimit(floorAtOnce)
	for batch := range slices.Chunk(objects, floorBatch) {
		all.Go(func() error {
			reply, err := to.BatchObjects(ctx, &pb.BatchObjectsRequest{Objects: batch})
			if err == nil && len(reply.Errors) > 0 {
				err = errors.New(reply.Errors[0].Error)
			}
			return err
		})
	}
	return all.Wait()
}

// rest makes a request to the REST API, and reads its answer if into is not nil.
func (r *rawImport) rest(ctx context.Context, method, path string, body, into any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, method, r.weaviate.URL+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+weaviatetest.Key)
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %s", method, path, response.Status)
	}
	if into == nil {
		return nil
	}
	return json.NewDecoder(response.Body).Decode(into)
}
