package weaviate

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	pb "github.com/weaviate/weaviate/grpc/generated/protocol/v1"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/vector"
)

// object builds an object of a collection.
func object(collection, id string, properties map[string]any, v []float32) (*pb.BatchObject, error) {
	fields, err := structpb.NewStruct(properties)
	if err != nil {
		return nil, fmt.Errorf("object %s: %w", id, err)
	}
	return &pb.BatchObject{
		Collection: collection, Uuid: id, VectorBytes: vector.Encode(vector.Unit(v)),
		Properties: &pb.BatchObject_Properties{NonRefProperties: fields},
	}, nil
}

func (s *Store) chunkObject(c *index.Vectored, version string) (*pb.BatchObject, error) {
	metadata, err := json.Marshal(c.Metadata)
	if err != nil {
		return nil, err
	}
	layout, err := c.Layout.Encode()
	if err != nil {
		return nil, err
	}
	o, err := object(s.names.chunks, c.ID, map[string]any{
		propTerms:   strings.Join(index.Analyse(c.Embedded()), " "),
		propPresent: true, propVersion: version, propDigest: digest(c.Text),
		propDocument: c.Document, propSource: c.Source, propTitle: c.Title, propHeading: c.Heading, propText: c.Text,
		propPage: c.Page, propStart: c.Start, propEnd: c.End, propMetadata: string(metadata),
		propLayout: layout,
	}, c.Vector)
	if err == nil {
		o.Properties.TextArrayProperties = filterProperties(&c.Chunk)
	}
	return o, err
}

func chunkOf(r *pb.SearchResult) (index.Chunk, error) {
	p := fields(r)
	c := index.Chunk{
		ID: r.Metadata.GetId(), Document: p.text(propDocument), Source: p.text(propSource),
		Title: p.text(propTitle), Heading: p.text(propHeading), Text: p.text(propText),
		Page: p.number(propPage), Start: p.number(propStart), End: p.number(propEnd),
	}
	if err := json.Unmarshal([]byte(p.text(propMetadata)), &c.Metadata); err != nil {
		return c, fmt.Errorf("metadata of chunk %s: %w", c.ID, err)
	}
	var err error
	if c.Layout, err = index.DecodeLayout(p.text(propLayout)); err != nil {
		return c, fmt.Errorf("layout of chunk %s: %w", c.ID, err)
	}
	return c, nil
}

// storedRow is a row as the ledger holds it.
type storedRow struct {
	index.Row
	version string // is that of the last put that ended
	pending bool
}

// shown reports whether readers see the row.
func (r *storedRow) shown() bool { return r.State == index.Indexed || r.State == index.Failed }

func (s *Store) rowObject(r *storedRow) (*pb.BatchObject, error) {
	updated := ""
	if !r.Updated.IsZero() {
		updated = r.Updated.UTC().Format(time.RFC3339Nano)
	}
	warnings, err := r.Warnings.Encode()
	if err != nil {
		return nil, err
	}
	metadata, err := r.Metadata.Encode()
	if err != nil {
		return nil, err
	}
	properties := map[string]any{
		propState: string(r.State), propPending: r.pending,
		propOrder: order(r.Document), propDocument: r.Document, propSource: r.Source, propTitle: r.Title,
		propHash: r.Hash, propRevision: r.Version, propAttributes: r.Attributes, propReaders: string(r.Readers),
		propChunks: r.Chunks, propTruncated: r.Truncated, propAttempts: r.Attempts,
		propReason: string(r.Reason), propMessage: r.Message, propUpdated: updated, propVersion: r.version,
		propWarnings: warnings, propMetadata: metadata,
	}
	if r.shown() {
		properties[propFailed] = r.State == index.Failed
	}
	o, err := object(s.names.ledger, rowID(r.Document), properties, nil)
	if terms := accessTerms(r.Metadata); err == nil && terms != nil {
		o.Properties.TextArrayProperties = []*pb.TextArrayProperties{{PropName: propAccess, Values: terms}}
	}
	return o, err
}

func rowOf(r *pb.SearchResult) (storedRow, error) {
	p := fields(r)
	row := storedRow{
		Row: index.Row{
			Document: p.text(propDocument), Source: p.text(propSource), Title: p.text(propTitle),
			Hash: p.text(propHash), Version: p.text(propRevision), Attributes: p.text(propAttributes),
			Readers: config.Readers(p.text(propReaders)),
			Chunks:  p.number(propChunks), Truncated: p.number(propTruncated),
			Attempts: p.number(propAttempts), State: index.State(p.text(propState)),
			Reason: config.Reason(p.text(propReason)), Message: p.text(propMessage),
		},
		version: p.text(propVersion), pending: p[propPending].GetBoolValue(),
	}
	var err error
	if row.Warnings, err = config.DecodeWarnings(p.text(propWarnings)); err != nil {
		return row, fmt.Errorf("warnings of %s: %w", row.Document, err)
	}
	if row.Metadata, err = config.DecodeMetadata(p.text(propMetadata)); err != nil {
		return row, fmt.Errorf("metadata of %s: %w", row.Document, err)
	}
	if at := p.text(propUpdated); at != "" {
		row.Updated, err = time.Parse(time.RFC3339Nano, at)
	}
	return row, err
}

// properties are the properties of an object that Weaviate returned. One that was never set is
// absent or null.
type properties map[string]*pb.Value

func fields(r *pb.SearchResult) properties { return r.GetProperties().GetNonRefProps().GetFields() }

func (p properties) text(name string) string { return p[name].GetTextValue() }
func (p properties) number(name string) int  { return int(p[name].GetIntValue()) }

// order sorts as the document's bytes do.
func order(document string) string { return hex.EncodeToString([]byte(document)) }

// digest is a Hit's Digest as it is stored: the same in every process.
func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}

func parseDigest(stored string) uint64 {
	var b [8]byte
	_, _ = hex.Decode(b[:], []byte(stored)) // a missing or broken digest equals only its like
	return binary.BigEndian.Uint64(b[:])
}
