package v1alpha1

import "k8s.io/apimachinery/pkg/util/intstr"

// Ingest configures ingestion runs, which read documents into the index.
type Ingest struct {
	// maxFailed is how many documents may fail, as a number or as a per cent of all documents, such
	// as "5%". If more fail, a new index does not go live; one that is live stays so, and IndexReady
	// tells of it. If unset, one indexed document is enough.
	// +optional
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:XValidation:rule="type(self) == int ? self >= 0 && self <= 1000000 : self.matches('^([0-9]|[1-9][0-9]|100)%$')",message="maxFailed must be a number of documents up to 1000000, such as 10, or a per cent of all, from \"0%\" to \"100%\""
	MaxFailed *intstr.IntOrString `json:"maxFailed,omitempty"`

	// limits bound what one document may cost. A document beyond a limit fails alone.
	// +optional
	// +kubebuilder:default:={}
	Limits IngestLimits `json:"limits,omitzero"`

	// workers is how many pods share the documents of a run. Each lists all sources and reads, embeds
	// and indexes its part of the documents. A change takes effect with the next run. `ragpipeline
	// run` uses one process.
	// +optional
	// +kubebuilder:default:=1
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=32
	Workers int32 `json:"workers,omitempty"`

	// resources are the compute resources of each of a run's pods, as in a Pod.
	// +optional
	Resources *Resources `json:"resources,omitempty"`

	// scheduling selects the nodes that a run's pods may run on, as in a Pod.
	// +optional
	Scheduling *Scheduling `json:"scheduling,omitempty"`
}

// IngestLimits bound what one document may cost.
type IngestLimits struct {
	// chunks is how many chunks a document may have. One with more fails as TooLarge.
	// +optional
	// +kubebuilder:default:=20000
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000000
	Chunks int32 `json:"chunks,omitempty"`
}

// Gateway configures the server that answers questions.
//
// +kubebuilder:validation:XValidation:rule="!(has(self.auth) && has(self.auth.anonymous)) || self.service.type == 'ClusterIP'",message="only a ClusterIP service may be anonymous: set auth.secretName, or service.type ClusterIP"
// +kubebuilder:validation:XValidation:rule="!(has(self.auth) && has(self.auth.anonymous) && has(self.cors)) || !('*' in self.cors.origins)",message="an anonymous gateway cannot admit every origin: any page could read the documents; name the origins, or let clients send keys"
type Gateway struct {
	// replicas is the number of gateway pods. If unset, the operator leaves it to an autoscaler;
	// the Deployment starts with one.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=64
	Replicas *int32 `json:"replicas,omitempty"`

	// resources are the compute resources of each replica, as in a Pod.
	// +optional
	Resources *Resources `json:"resources,omitempty"`

	// scheduling selects the pods' nodes, as in a Pod.
	// +optional
	Scheduling *Scheduling `json:"scheduling,omitempty"`

	// auth selects the clients that may query the gateway. If unset, the operator generates one API
	// key, in the Secret <name>-gateway-key.
	// +optional
	Auth *GatewayAuth `json:"auth,omitempty"`

	// access is who sees documents that name no groups: everyone (Open) or nobody (Enforced). Documents
	// that name groups are seen by these groups alone.
	// +optional
	// +kubebuilder:default:=Open
	Access DocumentAccess `json:"access,omitempty"`

	// prompt configures the instructions to the LLM.
	// +optional
	// +kubebuilder:default:={}
	Prompt Prompt `json:"prompt,omitzero"`

	// allowUngrounded allows a caller to ask the LLM without passages, by "retrieval": false.
	// +optional
	AllowUngrounded bool `json:"allowUngrounded,omitempty"`

	// citations is where a reply names its sources: in fields beside the text (Field), or also in a
	// list at the end of the text (InText), for clients that show nothing else.
	// +optional
	// +kubebuilder:default:=Field
	Citations CitationStyle `json:"citations,omitempty"`

	// publicURL is where clients reach the gateway, such as https://ask.example.com. Links to
	// documents begin with it. If unset, they are relative.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:XValidation:rule="self.matches('^https?://([A-Za-z0-9._-]+|[[][0-9a-fA-F:.]+[]])(:[0-9]+)?(/[A-Za-z0-9/._~%-]*)?$')",message="publicURL must be an http or https URL without user, query and fragment, such as https://ask.example.com/rag"
	PublicURL string `json:"publicURL,omitempty"`

	// maxTokens is the maximum length of an answer, in tokens. A caller can request less.
	// +optional
	// +kubebuilder:default:=1024
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=131072
	MaxTokens int32 `json:"maxTokens,omitempty"`

	// temperature is the LLM's sampling temperature, from "0" to "2", unless the caller sets one.
	// +optional
	// +kubebuilder:default:="0"
	// +kubebuilder:validation:MaxLength=8
	// +kubebuilder:validation:XValidation:rule="self.matches('^[0-9]([.][0-9]+)?$') && double(self) <= 2.0",message="temperature must be a decimal number from \"0\" to \"2\" in quotes, such as \"0.2\""
	Temperature string `json:"temperature,omitempty"`

	// cors selects the pages of other sites that may call the gateway from a browser. If unset, none may.
	// +optional
	CORS *CORS `json:"cors,omitempty"`

	// limits bound the requests of a kind that each replica takes: of answers, of searches, and of
	// texts to embed or rank.
	// +optional
	Limits GatewayLimits `json:"limits,omitzero"`

	// service configures the gateway's Service.
	// +optional
	// +kubebuilder:default:={}
	Service GatewayService `json:"service,omitzero"`

	// tls makes the gateway serve its API over TLS.
	// +optional
	TLS *GatewayTLS `json:"tls,omitempty"`

	// route leads to the gateway from outside the cluster.
	// +optional
	Route *GatewayRoute `json:"route,omitempty"`
}

// GatewayLimits bound the requests of a kind that each replica takes.
type GatewayLimits struct {
	// concurrent is how many run at once at most; fewer when the models are slow. If unset, 64.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1024
	Concurrent int32 `json:"concurrent,omitempty"`

	// queued is how many more may wait, for up to 5 s, but at most half as many as run. If unset, 128.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=512
	Queued int32 `json:"queued,omitempty"`
}

// CORS selects the pages of other sites that may call the gateway from a browser.
type CORS struct {
	// origins are the origins of these pages, such as https://chat.example.com; "*" means any.
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	Origins []Origin `json:"origins"`
}

// Origin is a page's scheme, host and port, as a browser sends it in the header Origin.
//
// +kubebuilder:validation:MaxLength=300
// +kubebuilder:validation:XValidation:rule="self == '*' || self.matches('^[a-z][a-z0-9+.-]*://([a-z0-9._-]+|[[][0-9a-f:.]+[]])(:[0-9]{1,5})?$')",message="an origin is a scheme, a host and perhaps a port, in small letters and without a path, such as https://chat.example.com, or *"
type Origin string

// DocumentAccess is who sees documents that name no groups.
//
// +kubebuilder:validation:Enum=Open;Enforced
type DocumentAccess string

// AccessOpen and AccessEnforced are the modes of access.
const (
	AccessOpen     DocumentAccess = "Open"
	AccessEnforced DocumentAccess = "Enforced"
)

// CitationStyle is where a reply names its sources.
//
// +kubebuilder:validation:Enum=Field;InText
type CitationStyle string

// Field and InText are the styles of citations.
const (
	CitationsField  CitationStyle = "Field"
	CitationsInText CitationStyle = "InText"
)

// GatewayAuth selects the clients that may query the gateway.
//
// +kubebuilder:validation:XValidation:rule="[has(self.secretName), has(self.oidc), has(self.anonymous)].filter(x, x).size() == 1",message="auth needs exactly one of secretName, oidc and anonymous; omit auth to let the operator generate a key"
type GatewayAuth struct {
	// secretName is the name of a Secret that holds one entry per client: the key is the client's
	// name, the value its token, or YAML with token, groups and limits.
	// +optional
	SecretName ObjectName `json:"secretName,omitempty"`

	// oidc admits the bearer tokens of an OpenID Connect issuer.
	// +optional
	OIDC *OIDC `json:"oidc,omitempty"`

	// anonymous allows any client that can reach the Service.
	// +optional
	Anonymous *Anonymous `json:"anonymous,omitempty"`
}

// OIDC is an OpenID Connect issuer, and what its tokens must say.
type OIDC struct {
	// issuer is the issuer's URL, exactly as in its tokens.
	// +required
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:XValidation:rule="self.matches('^https?://[A-Za-z0-9._:-]+(/[A-Za-z0-9/._~%-]*)?$')",message="issuer must be an http or https URL without user, query and fragment, such as https://login.example.com/realms/docs"
	Issuer string `json:"issuer"`

	// audience is what a token must be for: its claim aud has it.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Audience string `json:"audience"`

	// clientID is the public client with which the page signs its users in.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	ClientID string `json:"clientID,omitempty"`

	// groupsClaim is the claim that lists the caller's groups.
	// +optional
	// +kubebuilder:default:=groups
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	GroupsClaim string `json:"groupsClaim,omitempty"`

	// requestsPerMinute bounds the requests of a caller to one gateway pod.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000000000
	RequestsPerMinute int32 `json:"requestsPerMinute,omitempty"`

	// tokensPerMinute bounds the tokens that models take for a caller at one gateway pod.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000000000
	TokensPerMinute int32 `json:"tokensPerMinute,omitempty"`
}

// Anonymous has no fields.
type Anonymous struct{}

// Prompt configures the instructions to the LLM.
type Prompt struct {
	// system is the system prompt. If unset, a built-in one is used.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=16384
	System string `json:"system,omitempty"`
}
