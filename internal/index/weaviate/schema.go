package weaviate

import (
	"fmt"

	"github.com/weaviate/weaviate/entities/models"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
)

// The properties of a chunk.
const (
	propTerms    = "terms"   // index.Analyse of the embedded text, joined by spaces
	propFilters  = "filters" // what filters ask for, see filterTerms
	propPresent  = "present" // true: for the filter that everything passes, and to count by
	propVersion  = "version" // of the put that wrote it last
	propDigest   = "digest"  // of the text
	propSource   = "source"
	propTitle    = "title"
	propHeading  = "heading"
	propText     = "text"
	propPage     = "page"
	propStart    = "start"
	propEnd      = "end"
	propMetadata = "metadata" // JSON
)

// The properties of a ledger's object: of a row, with those above that it shares, of the record, and of what is
// staged.
const (
	propState      = "state"   // of a row, or one of the states below
	propPending    = "pending" // a put or removal of the document has begun and not ended
	propFailed     = "failed"  // of a row that is shown, to count by
	propDocument   = "document"
	propOrder      = "order" // the document in hexadecimal: Weaviate sorts without regard to case, and trims
	propHash       = "hash"
	propAttributes = "attributes"
	propChunks     = "chunks"
	propTruncated  = "truncated"
	propReason     = "reason"
	propMessage    = "message"
	propUpdated    = "updated"
	propRecord     = "record" // JSON of record
)

// The states of objects in the ledger that no one is shown.
const (
	stateNew    = "New" // the row of a document that is being put for the first time
	stateStaged = "Staged"
	stateRecord = "Record"
)

// schemaVersion is part of a collection's description, by which a collection is known as ours.
const schemaVersion = "1"

func description(p config.Pipeline, what string) string {
	return fmt.Sprintf("RAGPipeline %s: %s (schema %s)", p, what, schemaVersion)
}

// chunksCollection is an HNSW index, because only that scales. Below flatSearchCutoff objects a search with a
// filter scans exactly, and ours always has one; beyond, a search for 100 looks at 500 candidates, which finds
// about 98 of 100. Quantisation, which a server may have as its default, stays off: it would change scores.
//
// Vectors come with length 1, so their product is the cosine. With its own cosine Weaviate would store another
// vector than it was given, and take each chunk that is written again for a new one.
func chunksCollection(name string, p config.Pipeline, replicas int) *models.Class {
	return collection(name, description(p, "chunks"), replicas, map[string]any{
		"distance": "dot", "efConstruction": 128, "maxConnections": 32,
		"ef": -1, "dynamicEfMin": 100, "dynamicEfMax": 500, "dynamicEfFactor": 8,
		"flatSearchCutoff": 40_000, "skipDefaultQuantization": true,
	},
		&models.Property{Name: propTerms, DataType: []string{"text"}, Tokenization: "whitespace", IndexFilterable: new(false), IndexSearchable: new(true)},
		&models.Property{Name: propFilters, DataType: []string{"text[]"}, Tokenization: "field", IndexFilterable: new(true), IndexSearchable: new(false)},
		filterable(propVersion), boolean(propPresent),
		stored("text", propDigest), stored("text", propDocument), stored("text", propSource), stored("text", propTitle), stored("text", propHeading),
		stored("text", propText), stored("int", propPage), stored("int", propStart), stored("int", propEnd), stored("text", propMetadata))
}

// ledgerCollection keeps the vectors of what is staged, but makes no index of them.
func ledgerCollection(name string, p config.Pipeline, replicas int) *models.Class {
	return collection(name, description(p, "ledger"), replicas, map[string]any{"skip": true},
		filterable(propState), filterable(propOrder),
		boolean(propPending), boolean(propFailed),
		stored("text", propDocument), stored("text", propSource), stored("text", propHash), stored("text", propAttributes), stored("text", propTitle),
		stored("int", propChunks), stored("int", propTruncated), stored("text", propReason), stored("text", propMessage),
		stored("text", propUpdated), stored("text", propVersion), stored("text", propRecord))
}

func collection(name, description string, replicas int, vectors map[string]any, properties ...*models.Property) *models.Class {
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

func filterable(name string) *models.Property {
	return &models.Property{Name: name, DataType: []string{"text"}, Tokenization: "field", IndexFilterable: new(true), IndexSearchable: new(false)}
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
