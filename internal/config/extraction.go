package config

import "fmt"

// ExtractionProtocol is the HTTP API that an extraction server speaks.
type ExtractionProtocol string

// The protocols of extraction servers.
const (
	Tika    ExtractionProtocol = "Tika"    // Apache Tika's server
	Docling ExtractionProtocol = "Docling" // docling-serve
)

// ExtractionUse selects for which documents an extraction server is used.
type ExtractionUse string

// The uses.
const (
	WhenNeeded ExtractionUse = "WhenNeeded" // for what the built-in readers cannot read
	Always     ExtractionUse = "Always"     // instead of the built-in readers
)

// Extraction says where an extraction server is, and which documents it reads.
type Extraction struct {
	Server ExtractionServer `json:"server"`
	// Use is WhenNeeded when empty.
	Use ExtractionUse `json:"use,omitempty"`
	// Include are doublestar globs on the path within the source, of the documents that the server may read. No Include
	// means all.
	Include []string `json:"include,omitempty"`
}

// ExtractionServer says where the server is.
type ExtractionServer struct {
	// URL is the base of its API, without the path of a route.
	URL      string             `json:"url"`
	Protocol ExtractionProtocol `json:"protocol"`
	// Key names the API key; nil sends none.
	Key *SecretKey `json:"key,omitempty"`
}

// ExtractionIdentity is what decides how an extraction server takes part in an index: which one it is, and for which
// documents it is used.
type ExtractionIdentity struct {
	Protocol ExtractionProtocol
	// Place is the image of a server which the operator runs, and the URL of any other.
	Place   string
	Use     ExtractionUse
	Include []string
}

// String is the identity as a Generation has it, such as `Tika apache/tika:3.3.2 WhenNeeded ["**/*.pdf"]`.
func (i ExtractionIdentity) String() string {
	return fmt.Sprintf("%s %s %s %q", i.Protocol, i.Place, i.Use, i.Include)
}
