package v1alpha1

// SourceSecret is a Secret with a source's credentials. Only the runs of the pipeline's ingestion get them.
type SourceSecret struct {
	// name is the Secret's name, in the pipeline's namespace.
	// +required
	Name ObjectName `json:"name"`
}

// CABundle is an entry of a ConfigMap with certificates as PEM. A source trusts them besides those of
// the image.
type CABundle struct {
	// name is the ConfigMap's name, in the pipeline's namespace.
	// +required
	Name ObjectName `json:"name"`

	// key is the key of the entry in the ConfigMap.
	// +optional
	// +kubebuilder:default:="ca.crt"
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[-._a-zA-Z0-9]+$`
	Key string `json:"key,omitempty"`
}

// S3Source is a bucket of Amazon S3, or of a store with the same API.
type S3Source struct {
	// bucket is the name of the bucket.
	// +required
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-zA-Z0-9][-._a-zA-Z0-9]+[a-zA-Z0-9]$`
	Bucket string `json:"bucket"`

	// prefix is the folder within the bucket: only keys below it are documents, and their paths begin
	// after it. If unset, the whole bucket is read.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	Prefix string `json:"prefix,omitempty"`

	// endpoint is the base URL of the store's API. If unset, it is Amazon's.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self.matches('^https?://[^/]+/?$')",message="must be the base URL of the store, such as https://minio.example.com: put the bucket into bucket and the folder into prefix"
	Endpoint URL `json:"endpoint,omitempty"`

	// region is the region of the bucket. If unset, the store is asked.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[-a-zA-Z0-9]+$`
	Region string `json:"region,omitempty"`

	// pathStyle puts the bucket into the path of requests instead of the host name. If unset, it is
	// false for Amazon's S3 and true for other endpoints.
	// +optional
	PathStyle *bool `json:"pathStyle,omitempty"`

	// secretRef refers to a Secret with AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and perhaps
	// AWS_SESSION_TOKEN. If unset, the credentials are those that the pod is given, such as by a role
	// of its ServiceAccount; without them, requests are anonymous.
	// +optional
	SecretRef *SourceSecret `json:"secretRef,omitempty"`

	// caBundle refers to certificates that the source trusts besides those of the image.
	// +optional
	CABundle *CABundle `json:"caBundle,omitempty"`
}

// HTTPSource is a set of pages.
//
// +kubebuilder:validation:XValidation:rule="has(self.urls) || has(self.sitemaps)",message="http needs urls, sitemaps or both"
type HTTPSource struct {
	// urls are the addresses of pages.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=1000
	URLs []PageURL `json:"urls,omitempty"`

	// sitemaps are the addresses of sitemaps, or of indexes of sitemaps, whose pages are read.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Sitemaps []PageURL `json:"sitemaps,omitempty"`

	// allowHosts are names or addresses of hosts, without ports, that may have private addresses, and
	// to which sitemaps may lead. Other hosts are refused if their address is not a public one.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	AllowHosts []Host `json:"allowHosts,omitempty"`

	// secretRef refers to a Secret with token, or with username and password. Only the hosts of urls
	// and sitemaps get them.
	// +optional
	SecretRef *SourceSecret `json:"secretRef,omitempty"`

	// caBundle refers to certificates that the source trusts besides those of the image.
	// +optional
	CABundle *CABundle `json:"caBundle,omitempty"`
}

// PageURL is the address of a page, perhaps with a query.
//
// +kubebuilder:validation:MaxLength=2048
// +kubebuilder:validation:Pattern=`^https?://[^/?#@\s]+([/?][^#\s]*)?$`
type PageURL string

// Host is the name of a host, or its address.
//
// +kubebuilder:validation:MaxLength=253
// +kubebuilder:validation:Pattern=`^[a-zA-Z0-9]([-.a-zA-Z0-9]*[a-zA-Z0-9])?$|^[0-9a-fA-F:.]+$`
type Host string

// GitSource is a commit of a Git repository, or a folder of it.
type GitSource struct {
	// url is the repository's, over https, http or ssh.
	// +required
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="isURL(self) && (self.matches('^https?://[^/?#@ ]+/[^?#@ ]+$') || self.matches('^ssh://([^/?#@: ]+@)?[^/?#@ ]+/[^?# ]+$'))",message="must be an https, http or ssh URL of a repository without a password, such as https://host/team/docs.git: write git@host:path as ssh://git@host/path, and put a token into secretRef"
	URL string `json:"url"`

	// ref is a branch, a tag, the full name of another reference, or the 40 digits of a commit. If
	// unset, it is the repository's default branch.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:Pattern=`^[^\s~^:?*\[\\]+$`
	Ref string `json:"ref,omitempty"`

	// path is the folder within the repository that is read. If unset, the whole repository is.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:XValidation:rule="!self.matches('(^|/)[.]{0,2}(/|$)')",message="path must be a folder within the repository, such as docs/en, without a slash at either end and without . or .."
	Path string `json:"path,omitempty"`

	// secretRef refers to a Secret with username and password, or token, for https, and with
	// ssh-privatekey and known_hosts for ssh.
	// +optional
	SecretRef *SourceSecret `json:"secretRef,omitempty"`

	// caBundle refers to certificates that the source trusts besides those of the image.
	// +optional
	CABundle *CABundle `json:"caBundle,omitempty"`
}
