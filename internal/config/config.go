package config

// Version is the version of this contract. A reader refuses a file of another version: operator and
// pods come from one image, so a difference means that the wrong image runs.
const Version = 1

// Ingest is what an ingestion run needs: which documents, into which generation of which index.
type Ingest struct {
	Version    int        `json:"version"`
	Pipeline   Pipeline   `json:"pipeline"`
	Generation Generation `json:"generation"`
	Sources    []Source   `json:"sources"`
	Embedding  Model      `json:"embedding"`
	Index      Index      `json:"index"`
	Limits     Limits     `json:"limits,omitzero"`
	// MaxFailed is how many documents may fail before a new generation is not complete; nil means
	// all but one.
	MaxFailed *Share `json:"maxFailed,omitempty"`
	// Prune is what a run may remove of the documents that vanished from their sources.
	Prune Prune `json:"prune,omitzero"`
	// Extraction names the server that reads what the built-in readers cannot; nil means no server.
	Extraction *Extraction `json:"extraction,omitempty"`
	// Keep are the fingerprints of the pipeline's generations that are in use. A run deletes all others
	// from the index: those that were never complete at its start, the rest once it has succeeded. If
	// empty, it deletes none.
	Keep []string `json:"keep,omitempty"`
	// Texts is a complete generation that differs in its embedding model alone: the run takes its texts instead of
	// reading the sources. Nil reads them.
	Texts *Generation `json:"texts,omitempty"`
	// Upkeep reports whether the generation is one beside the wanted one. If its embedding model is
	// gone, the run still removes documents that are gone.
	Upkeep bool `json:"upkeep,omitempty"`
}

// Fingerprint names the generation that the run builds or updates.
func (c Ingest) Fingerprint() string { return c.Generation.Fingerprint() }

// Limits bound what one document may cost a run. A document beyond a limit fails alone, as TooLarge.
type Limits struct {
	// Chunks is the most chunks that a document may have; 0 means DefaultChunks.
	Chunks int `json:"chunks,omitempty"`
}

// DefaultChunks is how many chunks a document may have by default.
const DefaultChunks = 20_000

// Gateway is what the query gateway needs: one generation, the models, and how to answer.
type Gateway struct {
	Version       int           `json:"version"`
	Pipeline      Pipeline      `json:"pipeline"`
	Generation    Generation    `json:"generation"`
	Index         Index         `json:"index"`
	Models        Models        `json:"models"`
	Retrieval     Retrieval     `json:"retrieval"`
	Answer        Answer        `json:"answer"`
	FailurePolicy FailurePolicy `json:"failurePolicy"`
	// Access says who sees documents without access; empty means AccessOpen.
	Access AccessMode `json:"access,omitempty"`
	// OIDC is the issuer of the clients' tokens; nil where they send keys, or nothing.
	OIDC *OIDC `json:"oidc,omitempty"`
	// Origins are those of web pages that may call the gateway from a browser; "*" means any.
	Origins []string `json:"origins,omitempty"`
	// PublicURL begins the links to documents, without a slash at its end; empty makes them relative.
	PublicURL string `json:"publicURL,omitempty"`
	// Limits bound the requests of each kind: answers, searches, and texts to embed or rank.
	Limits GatewayLimits `json:"limits,omitzero"`
	// Originals are the sources of which the gateway has the documents themselves, in directories.
	Originals []Source `json:"originals,omitempty"`
}

// GatewayLimits bound the requests of one kind that a gateway takes.
type GatewayLimits struct {
	// Concurrent is how many may be processed at once; 0 means DefaultConcurrent. Fewer are when the servers behind
	// the gateway become slow.
	Concurrent int `json:"concurrent,omitempty"`
	// Queued is how many more may wait, but at most half as many as are processed; 0 means DefaultQueued.
	Queued int `json:"queued,omitempty"`
}

// The defaults of GatewayLimits.
const (
	DefaultConcurrent = 64
	DefaultQueued     = 128
)

// Pipeline identifies the pipeline that the data belongs to.
type Pipeline struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}

// String is the pipeline's identity, namespace/name: chunk ids are derived from it.
func (p Pipeline) String() string { return p.Namespace + "/" + p.Name }

// Source is one place that documents come from.
type Source struct {
	// Name is unique in the pipeline. It is the first segment of a document's identity,
	// <name>/<path>.
	Name string `json:"name"`
	// Include and Exclude are doublestar globs on the path within the source. No Include means
	// everything.
	Include []string `json:"include,omitempty"`
	Exclude []string `json:"exclude,omitempty"`
	// Metadata is put on every chunk of the source, and can be filtered by.
	Metadata Metadata `json:"metadata,omitempty"`

	// Access is the groups that may see the source's documents, unless their sidecars name fewer; empty names none.
	Access Access `json:"access,omitempty"`

	// MaxBytes is the size up to which a document is read; 0 means ingestion's own limit.
	MaxBytes int64 `json:"maxBytes,omitempty"`

	// Exactly one of the following.

	// Directory is a directory in the file system: a mounted ConfigMap or volume, or --documents.
	Directory *Directory `json:"directory,omitempty"`
	// ConfigMap names a ConfigMap of the manifest. Only `run` uses it: in a pod, ConfigMaps are
	// mounted.
	ConfigMap *ConfigMap `json:"configMap,omitempty"`
	// S3 is a bucket of S3, or of a store with the same API.
	S3 *S3 `json:"s3,omitempty"`
	// Git is a commit of a Git repository.
	Git *Git `json:"git,omitempty"`
	// HTTP is a set of pages.
	HTTP *HTTP `json:"http,omitempty"`
}

// Places counts the places that the source names. It must be exactly one.
func (s Source) Places() int {
	count := 0
	for _, named := range []bool{s.Directory != nil, s.ConfigMap != nil, s.S3 != nil, s.Git != nil, s.HTTP != nil} {
		if named {
			count++
		}
	}
	return count
}

// Directory is a tree of files.
type Directory struct {
	Path string `json:"path"`
	// Exit is a file with a ProgramExit of the program that has filled the directory. It is empty for
	// other directories, and for a program whose failure ends the pod.
	Exit string `json:"exit,omitempty"`
	// Program is a hash of how that program is started: with another one, the run is another.
	Program string `json:"program,omitempty"`
}

// ProgramExit is a JSON object that says how a source's program ended.
type ProgramExit struct {
	// Code is 128 more than the number of the signal for a program that one ended.
	Code int `json:"code"`
	// Error is why the program could not be started; empty if it was.
	Error string `json:"error,omitempty"`
}

// ConfigMap names a ConfigMap in the pipeline's namespace.
type ConfigMap struct {
	Name string `json:"name"`
}

// S3 is a bucket, or a folder of it. The names of the Secret's entries are those of AWS's environment variables.
type S3 struct {
	Bucket string `json:"bucket"`
	// Prefix is the folder, without a slash at its end; empty means the bucket.
	Prefix string `json:"prefix,omitempty"`
	// Endpoint is the base URL of the API; empty means Amazon's.
	Endpoint string `json:"endpoint,omitempty"`
	// Region is empty if the store is to be asked.
	Region string `json:"region,omitempty"`
	// PathStyle reports whether the bucket is in the path of requests; nil means that the endpoint decides.
	PathStyle *bool `json:"pathStyle,omitempty"`
	// Secret names the Secret with the credentials; empty means those of the environment, or none.
	Secret string `json:"secret,omitempty"`
	// CABundle has certificates to trust besides the system's.
	CABundle *ConfigMapKey `json:"caBundle,omitempty"`
}

// The entries of the Secret of an S3 source.
const (
	S3AccessKeyID     = "AWS_ACCESS_KEY_ID"
	S3SecretAccessKey = "AWS_SECRET_ACCESS_KEY"
	S3SessionToken    = "AWS_SESSION_TOKEN"
)

// HTTP is a set of pages.
type HTTP struct {
	// URLs are those of pages, Sitemaps those of sitemaps.
	URLs     []string `json:"urls,omitempty"`
	Sitemaps []string `json:"sitemaps,omitempty"`
	// AllowHosts are hosts that may have private addresses, and that sitemaps may lead to.
	AllowHosts []string `json:"allowHosts,omitempty"`
	// Secret names the Secret with the credentials; empty sends none.
	Secret string `json:"secret,omitempty"`
	// CABundle has certificates to trust besides the system's.
	CABundle *ConfigMapKey `json:"caBundle,omitempty"`
}

// The entries of the Secret of an HTTP source: a token, or the other two.
const (
	HTTPToken    = "token"
	HTTPUsername = "username"
	HTTPPassword = "password"
)

// Git is a commit of a repository, or a folder of it.
type Git struct {
	URL string `json:"url"`
	// Ref is a branch, a tag, a full name or a commit; empty means the default branch.
	Ref string `json:"ref,omitempty"`
	// Path is the folder, without slashes at its ends; empty means the whole repository.
	Path string `json:"path,omitempty"`
	// Secret names the Secret with some of GitEntries; empty means none.
	Secret string `json:"secret,omitempty"`
	// CABundle has certificates to trust besides the system's.
	CABundle *ConfigMapKey `json:"caBundle,omitempty"`
}

// The entries of the Secret of a Git source. Those of Kubernetes' own types of Secrets have the same names.
const (
	GitUsername   = "username"
	GitPassword   = "password"
	GitToken      = "token" // instead of the password
	GitPrivateKey = "ssh-privatekey"
	GitKnownHosts = "known_hosts"
)

// GitEntries are all of them.
var GitEntries = []string{GitUsername, GitPassword, GitToken, GitPrivateKey, GitKnownHosts}

// ConfigMapKey names an entry of a ConfigMap, such as one with certificates. A pod finds its value in
// a file <bundles dir>/<name>/<key>.
type ConfigMapKey struct {
	Name string `json:"name"`
	Key  string `json:"key"`
}

// Index names the store of the index: exactly one of the fields is set.
type Index struct {
	Local    *LocalIndex    `json:"local,omitempty"`
	Weaviate *WeaviateIndex `json:"weaviate,omitempty"`
}

// LocalIndex is the index of one machine: SQLite as the record, ranking in memory.
type LocalIndex struct {
	// Directory holds the database and its lock.
	Directory string `json:"directory"`
}

// WeaviateIndex is the index in a Weaviate.
type WeaviateIndex struct {
	// URL and GRPCURL are the bases of its REST and gRPC APIs, http or https with host and port;
	// https is TLS, verified against the system's roots.
	URL     string `json:"url"`
	GRPCURL string `json:"grpcURL"`
	// Prefix begins the names of this pipeline's collections; empty means that it is made of the
	// pipeline's namespace and name.
	Prefix string `json:"prefix,omitempty"`
	// Key names the API key; nil sends none.
	Key *SecretKey `json:"key,omitempty"`
	// Replicas is on how many nodes each object of a new collection is kept; 0 means 1.
	Replicas int `json:"replicas,omitempty"`
}

// Models are the models of the question path.
type Models struct {
	Embedding Model  `json:"embedding"`
	Reranking *Model `json:"reranking,omitempty"` // nil: fused order
	LLM       *LLM   `json:"llm,omitempty"`       // nil: retrieval only
}

// Protocol is the HTTP API that a model server speaks.
type Protocol string

// The protocols.
const (
	NIM    Protocol = "NIM"
	OpenAI Protocol = "OpenAI"
)

// Model says where a model is served and under which name.
type Model struct {
	// URL is the base that ends in /v1; for reranking under NIM, a URL ending in /ranking,
	// /reranking or /rerank is used verbatim.
	URL string `json:"url"`
	// Name is what goes into the request's `model`.
	Name string `json:"name"`
	// Protocol is NIM when empty.
	Protocol Protocol `json:"protocol,omitempty"`
	// Key names the API key; nil sends none.
	Key *SecretKey `json:"key,omitempty"`
	// NoProbe turns off the minimal call a minute that an idle model gets.
	NoProbe bool `json:"noProbe,omitempty"`
}

// SecretKey names an entry of a Secret. A pod finds its value in a file <secrets dir>/<name>/<key>,
// which it reads again when it changed; the value itself never stands in a config.
type SecretKey struct {
	Name string `json:"name"`
	Key  string `json:"key"`
}

// LLM is the model that answers.
type LLM struct {
	Model
	// ContextWindow is the model's limit in tokens, prompt and answer together.
	ContextWindow int `json:"contextWindow"`
	// ExtraBody is merged into every request body; the gateway's own fields win, and null removes one.
	ExtraBody map[string]any `json:"extraBody,omitempty"`
}

// Mode says which legs retrieval uses.
type Mode string

// The retrieval modes.
const (
	Hybrid  Mode = "Hybrid"
	Vector  Mode = "Vector"
	Keyword Mode = "Keyword"
)

// Retrieval is how candidates are found and cut.
type Retrieval struct {
	// Rewrite lets the LLM turn the last question of a conversation into one that stands on its own.
	Rewrite bool `json:"rewrite,omitempty"`
	Mode    Mode `json:"mode"`
	// K is how many candidates are reranked, TopN how many passages reach the LLM.
	K    int `json:"k"`
	TopN int `json:"topN"`
	// Alpha is the vector leg's weight in fusion, 0..1.
	Alpha float64 `json:"alpha"`
}

// Answer is how the LLM is asked.
type Answer struct {
	// System replaces the built-in instructions when not empty.
	System    string `json:"system,omitempty"`
	MaxTokens int    `json:"maxTokens"`
	// AllowUngrounded lets a caller ask the LLM without passages.
	AllowUngrounded bool    `json:"allowUngrounded,omitempty"`
	Temperature     float64 `json:"temperature"`
	// Citations is where a reply names its sources; Field when empty.
	Citations CitationStyle `json:"citations,omitempty"`
}

// CitationStyle is where a reply names its sources.
type CitationStyle string

// The styles.
const (
	Field  CitationStyle = "Field"  // in fields beside the text
	InText CitationStyle = "InText" // at the end of the text, too
)

// Policy says what a question gets when a stage is down.
type Policy string

// The policies.
const (
	Degrade Policy = "Degrade"
	Fail    Policy = "Fail"
)

// FailurePolicy is the policy of each stage; empty means Fail.
type FailurePolicy struct {
	Embedding Policy `json:"embedding"`
	Reranking Policy `json:"reranking"`
	LLM       Policy `json:"llm"`
}
