package v1alpha1

import "k8s.io/apimachinery/pkg/runtime"

// Source is a place from which documents are read.
//
// +kubebuilder:validation:XValidation:rule="[has(self.configMap), has(self.persistentVolumeClaim), has(self.s3), has(self.http), has(self.container), has(self.git)].filter(x, x).size() == 1",message="a source needs exactly one of configMap, persistentVolumeClaim, s3, http, container and git: to use several, declare several sources"
type Source struct {
	// name identifies the source. It must be unique in the pipeline, and is the first segment of a
	// document's identity, <name>/<path>.
	// +required
	// +kubebuilder:validation:MaxLength=40
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Name string `json:"name"`

	// include lists glob patterns that a document's path within the source must match; ** matches
	// any number of directories. If unset, every document is included.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	Include []Glob `json:"include,omitempty"`

	// exclude lists glob patterns of documents to leave out, even if include matches them.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	Exclude []Glob `json:"exclude,omitempty"`

	// maxSize is the size up to which a document is read, such as 20Mi. A larger one fails as TooLarge.
	// If unset, it is 128Mi.
	// +optional
	MaxSize DocumentSize `json:"maxSize,omitempty"`

	// metadata is attached to every document of the source. Callers can filter by it. Each value is a
	// text, a number, a boolean or a list of texts; a document's own metadata takes precedence. A key
	// has at most 63 letters, digits, hyphens, underscores and dots; source, document and access are
	// reserved.
	// +optional
	// +kubebuilder:validation:MaxProperties=16
	// +kubebuilder:validation:Type=object
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:pruning:PreserveUnknownFields
	Metadata map[string]runtime.RawExtension `json:"metadata,omitempty"`

	// access lists the groups that may see the documents of the source. A document's sidecar can name
	// fewer of them. If unset, gateway.access says who sees them.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Access []Group `json:"access,omitempty"`

	// configMap reads every entry of a ConfigMap, in data and binaryData alike, as a document.
	// +optional
	ConfigMap *ConfigMapSource `json:"configMap,omitempty"`

	// persistentVolumeClaim reads the files of a volume, which is mounted read-only.
	// +optional
	PersistentVolumeClaim *VolumeSource `json:"persistentVolumeClaim,omitempty"`

	// container reads the files that a program of your own writes, such as rclone.
	// +optional
	Container *ContainerSource `json:"container,omitempty"`

	// git reads the files of a commit of a Git repository.
	// +optional
	Git *GitSource `json:"git,omitempty"`

	// s3 reads the objects of a bucket of Amazon S3, or of a store with the same API.
	// +optional
	S3 *S3Source `json:"s3,omitempty"`

	// http reads pages: those of given addresses, and those of sitemaps.
	// +optional
	HTTP *HTTPSource `json:"http,omitempty"`
}

// Group is the name of a group of callers, as their keys or tokens have it.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=256
type Group string

// Glob is a pattern for slash-separated paths, relative to the source.
//
// +kubebuilder:validation:XValidation:rule="!self.matches('(^|/)[.]{0,2}(/|$)')",message="a glob must not start or end with a slash, or contain an empty segment, . or ..: write it relative to the source, such as docs/*.md"
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=256
type Glob string

// DocumentSize is the size of a document in bytes.
//
// +kubebuilder:validation:MaxLength=12
// +kubebuilder:validation:XValidation:rule="self.matches('^[1-9][0-9]*(Ki|Mi|k|M)?$') && quantity(self).compareTo(quantity('128Mi')) <= 0",message="must be a whole number of bytes up to 128Mi, such as 20Mi"
type DocumentSize string

// ConfigMapSource is a ConfigMap in the pipeline's namespace.
type ConfigMapSource struct {
	// name is the name of the ConfigMap.
	// +required
	Name ObjectName `json:"name"`
}

// VolumeSource is a tree of files on a persistent volume.
type VolumeSource struct {
	// claimName is the name of the PersistentVolumeClaim.
	// +required
	ClaimName ObjectName `json:"claimName"`

	// path is the directory within the volume, as an absolute path from the volume's root.
	// +optional
	// +kubebuilder:default:="/"
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:XValidation:rule="self.startsWith('/') && !self.split('/').exists(s, s == '..')",message="path must start with / and contain no .. segment: write it from the volume's root"
	Path string `json:"path,omitempty"`
}

// ContainerSource is a program that each run starts before it reads documents. The program writes
// all of the source's documents below /documents, which is empty at first, and ends with exit code 0
// when they are complete. After any other exit code, nothing of the source is read or removed.
type ContainerSource struct {
	// image is the program's container image. It runs as user 65532, and has no access to the
	// pipeline's keys.
	// +required
	Image Image `json:"image"`

	// command is the program, in place of the image's entrypoint. Without it, the run ends at once if
	// the program fails; with it, the run goes on with the other sources.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Command []Argument `json:"command,omitempty"`

	// args are the program's arguments.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	Args []Argument `json:"args,omitempty"`

	// env lists environment variables of the program.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=64
	Env []EnvVar `json:"env,omitempty"`

	// secretRef names a Secret of which each entry becomes an environment variable.
	// +optional
	SecretRef *SourceSecret `json:"secretRef,omitempty"`

	// pullSecrets are the Secrets for the image's registry.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=8
	PullSecrets []ObjectName `json:"pullSecrets,omitempty"`

	// size bounds what the program writes below /documents and /tmp.
	// +optional
	// +kubebuilder:default:="10Gi"
	Size VolumeSize `json:"size,omitempty"`

	// resources are the program's, as in a Pod.
	// +optional
	Resources *Resources `json:"resources,omitempty"`
}

// Argument is a word of a command line.
//
// +kubebuilder:validation:MaxLength=4096
type Argument string

// Unit is the unit in which chunk sizes are measured.
//
// +kubebuilder:validation:Enum=Characters;Tokens
type Unit string

// Chunking configures how documents are split into chunks.
//
// +kubebuilder:validation:XValidation:rule="!has(self.overlap) || !has(self.size) || self.overlap < self.size",fieldPath=".overlap",message="overlap must be less than size: lower overlap or raise size"
type Chunking struct {
	// size is the maximum length of a chunk, in units.
	// +optional
	// +kubebuilder:default:=800
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=20000
	Size int32 `json:"size,omitempty"`

	// overlap is how much of a chunk's end the next chunk repeats, in units. It must be less than
	// size.
	// +optional
	// +kubebuilder:default:=200
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=19999
	Overlap *int32 `json:"overlap,omitempty"`

	// unit is the unit of size and overlap: Characters (Unicode code points) or Tokens
	// (cl100k_base).
	// +optional
	// +kubebuilder:default:=Characters
	Unit Unit `json:"unit,omitempty"`
}
