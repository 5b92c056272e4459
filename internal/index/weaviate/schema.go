package weaviate

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"

	"github.com/google/uuid"
	"github.com/weaviate/weaviate/entities/models"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
)

// The properties of a chunk.
const (
	propTerms    = "terms"   // index.Analyse of the embedded text, joined by spaces
	propFilters  = "filters" // terms of the metadata, see filterTerms
	propPresent  = "present" // always true: for the filter that every chunk passes, and for counting
	propVersion  = "version" // the version of the put that wrote the chunk last
	propDigest   = "digest"  // a hash of the text
	propSource   = "source"
	propTitle    = "title"
	propHeading  = "heading"
	propText     = "text"
	propPage     = "page"
	propStart    = "start"
	propEnd      = "end"
	propLayout   = "layout"   // JSON of index.Layout; empty when nothing is known
	propMetadata = "metadata" // JSON; in the ledger empty when there is none
)

// The properties of the ledger's objects: rows, which share some of the properties above, the
// record, and staged vectors.
const (
	propState      = "state"   // a row's index.State, or one of the states below
	propPending    = "pending" // whether a put or removal of the document has begun and not ended
	propFailed     = "failed"  // whether a visible row's document failed, for counting
	propDocument   = "document"
	propOrder      = "order" // the document in hexadecimal: Weaviate sorts without regard to case, and trims
	propHash       = "hash"
	propRevision   = "revision" // the source's version: propVersion is that of a put
	propAttributes = "attributes"
	propReaders    = "readers"
	propChunks     = "chunks"
	propTruncated  = "truncated"
	propAttempts   = "attempts"
	propReason     = "reason"
	propMessage    = "message"
	propWarnings   = "warnings" // JSON of config.Warnings
	propUpdated    = "updated"
	propRecord     = "record" // JSON of record
	propAccess     = "access" // accessTerms of the row's metadata
)

// The states of objects in the ledger that are not shown as rows.
const (
	stateNew      = "New"      // a row of a document that is being put for the first time
	stateRemoving = "Removing" // a row of a document whose removal has begun
	stateStaged   = "Staged"
	stateRecord   = "Record"
	stateDone     = "Done" // a worker's mark that its share of a run is done
)

// schemaVersion is part of a collection's description, by which a pipeline recognises its
// collections.
const schemaVersion = "1"

func description(p config.Pipeline, what string) string {
	return fmt.Sprintf("RAGPipeline %s: %s (schema %s)", p, what, schemaVersion)
}

// chunksCollection is an HNSW index, because only that scales. Below flatSearchCutoff objects a
// filtered search scans exactly, and our searches always filter; beyond, a search for 100 looks at
// 500 candidates, which finds about 98 of 100. Quantisation, which a server may enable by default,
// stays off: it would change scores.
//
// Vectors are written with length 1, so their product is the cosine. With its own cosine distance
// Weaviate would store a vector that differs from the one it was given, and take each chunk that is
// written again for a new one.
func chunksCollection(name string, p config.Pipeline, replicas int) *models.Class {
	return collection(name, description(p, "chunks"), replicas, map[string]any{
		"distance": "dot", "efConstruction": 128, "maxConnections": 32,
		"ef": -1, "dynamicEfMin": 100, "dynamicEfMax": 500, "dynamicEfFactor": 8,
		"flatSearchCutoff": 40_000, "skipDefaultQuantization": true,
	},
		&models.Property{
			Name: propTerms, DataType: []string{"text"}, Tokenization: "whitespace",
			IndexFilterable: new(false), IndexSearchable: new(true),
		},
		filterable("text[]", propFilters), filterable("text", propVersion), boolean(propPresent),
		stored("text", propDigest), stored("text", propDocument), stored("text", propSource),
		stored("text", propTitle), stored("text", propHeading), stored("text", propText),
		stored("int", propPage), stored("int", propStart), stored("int", propEnd), stored("text", propMetadata),
		stored("text", propLayout))
}

// ledgerCollection keeps the staged vectors, but does not index them.
func ledgerCollection(name string, p config.Pipeline, replicas int) *models.Class {
	return collection(name, description(p, "ledger"), replicas, map[string]any{"skip": true},
		filterable("text", propState), filterable("text", propOrder),
		boolean(propPending), boolean(propFailed), filterable("text[]", propAccess),
		stored("text", propDocument), stored("text", propSource), stored("text", propTitle),
		stored("text", propHash), stored("text", propRevision), stored("text", propAttributes), stored("text", propReaders),
		stored("int", propChunks), stored("int", propTruncated), stored("int", propAttempts),
		stored("text", propReason), stored("text", propMessage),
		stored("text", propWarnings),
		stored("text", propMetadata), stored("text", propUpdated), stored("text", propVersion), stored("text", propRecord))
}

func collection(
	name, description string, replicas int, vectors map[string]any, properties ...*models.Property,
) *models.Class {
	return &models.Class{
		Class: name, Description: description, Properties: properties,
		Vectorizer: "none", VectorIndexType: "hnsw", VectorIndexConfig: vectors,
		InvertedIndexConfig: &models.InvertedIndexConfig{
			Bm25:      &models.BM25Config{K1: index.BM25K1, B: index.BM25B},
			Stopwords: &models.StopwordConfig{Preset: "none"},
		},
		ShardingConfig:    map[string]any{"desiredCount": 1},
		ReplicationConfig: &models.ReplicationConfig{Factor: int64(max(replicas, 1))},
	}
}

func filterable(dataType, name string) *models.Property {
	return &models.Property{
		Name: name, DataType: []string{dataType}, Tokenization: "field",
		IndexFilterable: new(true), IndexSearchable: new(false),
	}
}

func boolean(name string) *models.Property {
	return &models.Property{Name: name, DataType: []string{"boolean"}, IndexFilterable: new(true)}
}

func stored(dataType, name string) *models.Property {
	p := &models.Property{Name: name, DataType: []string{dataType}, IndexFilterable: new(false)}
	if dataType == "text" {
		p.Tokenization, p.IndexSearchable = "field", new(false)
	}
	return p
}

// names are the names of a generation's collections.
type names struct {
	prefix         string
	chunks, ledger string // collections
}

func newNames(configured string, p config.Pipeline, g config.Generation) names {
	prefix := capital(cmp.Or(configured, defaultPrefix(p)))
	collection := prefix + "_" + g.Fingerprint()
	return names{prefix: prefix, chunks: collection + chunksSuffix, ledger: collection + ledgerSuffix}
}

// defaultPrefix is <namespace>_<name>. A collection's name must not contain hyphens, so each
// becomes two underscores. Neither part begins or ends with a hyphen, so only the border is an odd
// number of underscores.
func defaultPrefix(p config.Pipeline) string {
	double := strings.NewReplacer("-", "__")
	prefix := double.Replace(p.Namespace) + "_" + double.Replace(p.Name)
	if prefix[0] >= '0' && prefix[0] <= '9' {
		return "N_" + prefix
	}
	return prefix
}

// capital capitalises the name, as Weaviate demands.
func capital(name string) string { return strings.ToUpper(name[:1]) + name[1:] }

// isGeneration reports whether the collection belongs to a generation under the prefix, this one or
// another.
func (n names) isGeneration(collection string) bool {
	rest, ok := strings.CutPrefix(collection, n.prefix+"_")
	return ok && generationSuffix.MatchString(rest)
}

// fingerprint is that of the generation to which a collection under the prefix belongs.
func (n names) fingerprint(collection string) string {
	fingerprint, _, _ := strings.Cut(strings.TrimPrefix(collection, n.prefix+"_"), "_")
	return fingerprint
}

const (
	chunksSuffix = "_Chunks"
	ledgerSuffix = "_Ledger"
)

var generationSuffix = regexp.MustCompile(`^[0-9a-f]{8}_(Chunks|Ledger)$`)

// recordID, rowID, doneID and stagedID are the ids of the ledger's objects. A chunk's object has the
// chunk's id.
var recordID = uuid.NewSHA1(uuid.NameSpaceURL, []byte("record")).String()

func rowID(document string) string {
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte("row\x00"+document)).String()
}

func doneID(run string, worker int) string {
	return uuid.NewSHA1(uuid.NameSpaceURL, fmt.Appendf(nil, "done\x00%s\x00%d", run, worker)).String()
}

func stagedID(document, chunk string) string {
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte("staged\x00"+document+"\x00"+chunk)).String()
}
