package config

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// Generation is everything that decides what stands in an index: change any of it, and the index must be
// built anew. A built generation is pinned: what serves is described by this record, never by today's spec.
type Generation struct {
	Embedding EmbeddingSpace `json:"embedding"`
	Chunking  Chunking       `json:"chunking"`
	// Analyser and EmbeddedText are the versions of the rules by which text becomes terms, and of what of a
	// chunk is embedded.
	Analyser     string `json:"analyser"`
	EmbeddedText string `json:"embeddedText"`
	// Extraction is the identity of what reads documents in place of the built-in readers, an
	// ExtractionIdentity; empty when nothing does. The versions of the readers are not part of a generation: see
	// Readers. Generations from before that have "2".
	Extraction string `json:"extraction,omitempty"`
}

// The rules' versions in this build. Raise one when its output changes for the same input.
const (
	AnalyserVersion     = "2"
	EmbeddedTextVersion = "2"
)

// EmbeddingSpace identifies the vector space: two models of one name and size share it, wherever they run, unless the
// user has said by Rebuild that they do not.
type EmbeddingSpace struct {
	Model string `json:"model"`
	// Dimensions asks the model for vectors of that length; 0 takes what it gives.
	Dimensions int `json:"dimensions,omitempty"`
	// QueryPrefix and PassagePrefix are put before the text (OpenAI protocol only).
	QueryPrefix   string `json:"queryPrefix,omitempty"`
	PassagePrefix string `json:"passagePrefix,omitempty"`
	// Rebuild is the value of the annotation by which a user asks for a fresh generation, such as after the server
	// has put another model behind the same name.
	Rebuild string `json:"rebuild,omitempty"`
}

// Unit is what chunk sizes count.
type Unit string

// The units.
const (
	Characters Unit = "Characters" // Unicode code points
	Tokens     Unit = "Tokens"     // cl100k_base
)

// Chunking is how text is cut.
type Chunking struct {
	Size    int  `json:"size"`
	Overlap int  `json:"overlap"`
	Unit    Unit `json:"unit"`
}

// SameTexts reports whether the two generations are different ones and have the same texts: all but the embedding model
// is equal. A fresh generation that a user asks for has nothing of an earlier one.
func (g Generation) SameTexts(other Generation) bool {
	same := g
	same.Embedding = other.Embedding
	return g != other && same == other && g.Embedding.Rebuild == other.Embedding.Rebuild
}

// Fingerprint names the generation: 8 hexadecimal digits of the SHA-256 of its JSON.
func (g Generation) Fingerprint() string { return Hash(g)[:8] }

// Hash is the SHA-256 of v's JSON in hexadecimal. encoding/json sorts map keys, so equal values hash alike.
func Hash(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic("config: " + err.Error()) // only types of this package come here, and they all marshal
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
