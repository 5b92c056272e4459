package desired

import (
	"path/filepath"
	"testing"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/derive/derivetest"
	"github.com/ragpipeline/ragpipeline/internal/manifest"
)

var operator = Operator{
	Image:         "registry.example/ragpipeline:1.0.0",
	WeaviateImage: "cr.weaviate.io/semitechnologies/weaviate:1.39.1",
	Namespace:     "ragpipeline-system",
	Labels:        map[string]string{"app.kubernetes.io/name": "ragpipeline", "app.kubernetes.io/component": "operator"},
}

// running are facts of a pipeline at work: the Secrets exist, and a run is wanted.
func running(t *testing.T, p *v1alpha1.RAGPipeline, f Facts) Facts {
	t.Helper()
	f.WeaviateKey, f.WeaviateReader = "6f1c1a3e-0000-4000-8000-000000000001", "6f1c1a3e-0000-4000-8000-000000000003"
	c, err := IngestConfig(p, f)
	if err != nil {
		t.Fatal(err)
	}
	f.Tasks = []Task{{Kind: Ingestion, Config: c, Trigger: Trigger{Sources: []SourceVersion{{Source: p.Spec.Documents[0].Name, UID: "6f1c1a3e-0000-4000-8000-000000000002", ResourceVersion: "7"}}}, Workers: p.Spec.Ingest.Workers}}
	return f
}

func sample(t *testing.T, name string) *v1alpha1.RAGPipeline {
	t.Helper()
	bundle, err := manifest.Load([]string{filepath.Join("..", "..", "config", "samples", name+".yaml")})
	if err != nil {
		t.Fatal(err)
	}
	return bundle.Pipeline
}

// all are the children as they are applied: the Secrets first.
func all(t *testing.T, p *v1alpha1.RAGPipeline, f Facts) []Child {
	t.Helper()
	children, err := Children(p, operator, f)
	if err != nil {
		t.Fatal(err)
	}
	return append(Secrets(p, f), children...)
}

type childrenCase struct {
	pipeline *v1alpha1.RAGPipeline
	facts    Facts
}

// cases are the samples, and what they do not show.
func cases(t *testing.T) map[string]childrenCase {
	t.Helper()
	list := map[string]childrenCase{
		"large":          {pipeline: derivetest.Pipeline(derivetest.WithStandIns, large)},
		"encrypted":      {pipeline: derivetest.Pipeline(derivetest.WithStandIns, large, encrypted), facts: Facts{Authority: "DIGEST"}},
		"external-store": {pipeline: derivetest.Pipeline(derivetest.WithEndpoints, withExternalStore)},
		"switching":      switching(t),
		"routed":         {pipeline: derivetest.Pipeline(derivetest.WithEndpoints, withExternalStore, routed)},
		"ingress":        {pipeline: derivetest.Pipeline(derivetest.WithEndpoints, withExternalStore, routed, byIngress)},
	}
	for _, name := range []string{"quickstart", "nim", "hosted", "openai-compatible", "extraction-tika", "retrieval-only", "container-rclone", "git"} {
		list[name] = childrenCase{pipeline: sample(t, name)}
	}
	return list
}

var (
	someResources = &v1alpha1.Resources{
		Requests: map[string]resource.Quantity{"cpu": resource.MustParse("2"), "memory": resource.MustParse("4Gi")},
		Limits:   map[string]resource.Quantity{"memory": resource.MustParse("8Gi")},
	}
	someScheduling = &v1alpha1.Scheduling{
		NodeSelector:              map[string]v1alpha1.LabelValue{"disk": "fast", "zone": "a"},
		Tolerations:               []v1alpha1.Toleration{{Key: "rag", Operator: "Equal", Value: "yes", Effect: "NoExecute", TolerationSeconds: new(int64(60))}, {Operator: "Exists"}},
		TopologySpreadConstraints: []v1alpha1.TopologySpreadConstraint{{TopologyKey: "kubernetes.io/hostname", MaxSkew: 1, WhenUnsatisfiable: "DoNotSchedule"}},
	}
)

// routed leads to the gateway through a load balancer and an HTTPRoute, byIngress through an Ingress.
func routed(s *v1alpha1.RAGPipelineSpec) {
	s.Gateway.Service = v1alpha1.GatewayService{
		Type: v1alpha1.LoadBalancer, LoadBalancerClass: "example.com/nlb",
		LoadBalancerSourceRanges: []v1alpha1.CIDR{"203.0.113.0/24", "2001:db8::/32"},
		Annotations: map[string]v1alpha1.AnnotationValue{
			"example.com/scheme": "internal", "traefik.ingress.kubernetes.io/service.serversscheme": "h2c", // the spec's own value stands
		},
	}
	s.Gateway.TLS = &v1alpha1.GatewayTLS{SecretName: "gateway-tls"}
	s.Gateway.Route = &v1alpha1.GatewayRoute{
		Hostnames:   []v1alpha1.ObjectName{"ask.example.com", "questions.example.com"},
		Annotations: map[string]v1alpha1.AnnotationValue{"nginx.ingress.kubernetes.io/proxy-read-timeout": "60"},
		ParentRefs:  []v1alpha1.ParentRef{{Name: "edge", Namespace: "infra", SectionName: "https"}},
	}
}

func byIngress(s *v1alpha1.RAGPipelineSpec) {
	s.Gateway.Route.ParentRefs, s.Gateway.Route.Ingress = nil, &v1alpha1.Ingress{ClassName: "nginx", SecretName: "ask-tls"}
}

// large is three replicas of everything that can have them.
func large(s *v1alpha1.RAGPipelineSpec) {
	s.VectorStore.Weaviate = &v1alpha1.Weaviate{
		Replicas: 3, Image: "registry.example/weaviate:1.39.2", Resources: someResources, Scheduling: someScheduling,
		Storage: v1alpha1.Storage{Size: "100Gi", StorageClassName: "fast", WhenDeleted: "Delete"},
	}
	s.Gateway.Replicas, s.Gateway.Resources, s.Gateway.Scheduling = new(int32(3)), someResources, someScheduling
	s.Gateway.Auth = &v1alpha1.GatewayAuth{SecretName: "clients"}
	s.Gateway.Service.Type = v1alpha1.LoadBalancer
	s.Ingest = v1alpha1.Ingest{Workers: 4, Resources: someResources, Scheduling: someScheduling}
	s.Extraction = &v1alpha1.Extraction{Use: "Always", Server: v1alpha1.ExtractionServer{Tika: &v1alpha1.Tika{
		Image: "registry.example/tika:3", Replicas: new(int32(3)), Resources: someResources, Scheduling: someScheduling}}}
}

// encrypted has TLS between the pods, and trusts the authority of others besides.
func encrypted(s *v1alpha1.RAGPipelineSpec) {
	s.Network = &v1alpha1.Network{TLS: internalTLS, Egress: egressRestricted,
		CABundle: &v1alpha1.CABundle{Name: "company", Key: "ca.crt"}}
}

// withExternalStore reads two directories of one volume.
func withExternalStore(s *v1alpha1.RAGPipelineSpec) {
	other := s.Documents[0]
	other.Name, other.PersistentVolumeClaim = "talks", &v1alpha1.VolumeSource{ClaimName: "papers", Path: "/talks"}
	s.Documents = append(s.Documents, other)
	s.VectorStore = v1alpha1.VectorStore{External: &v1alpha1.ExternalWeaviate{
		URL: "https://weaviate.example", GRPCURL: "https://grpc.weaviate.example", Prefix: "Team",
		SecretRef: &v1alpha1.SecretKey{Name: "weaviate", Key: "key"},
	}}
	s.Extraction = &v1alpha1.Extraction{Use: "WhenNeeded", Include: []v1alpha1.Glob{"scans/**"},
		Server: v1alpha1.ExtractionServer{Endpoint: &v1alpha1.ExtractionEndpoint{URL: "https://docling.example",
			Protocol: "Docling", SecretRef: &v1alpha1.SecretKey{Name: "docling", Key: "key"}}}}
	s.Gateway.Auth = &v1alpha1.GatewayAuth{Anonymous: &v1alpha1.Anonymous{}}
}

// switching is a pipeline that goes from one embedding NIM to another, its chunking changed as well
// in between.
func switching(t *testing.T) childrenCase {
	t.Helper()
	live := NewRecord(derivetest.Pipeline(derivetest.WithNIMs))
	left := NewRecord(derivetest.Pipeline(derivetest.WithNIMs, func(s *v1alpha1.RAGPipelineSpec) { s.Chunking.Size = 400 }))
	p := derivetest.Pipeline(derivetest.WithNIMs, func(s *v1alpha1.RAGPipelineSpec) {
		s.Models.Embedding.Model = derivetest.NIM("example/embed-2")
		s.Models.Embedding.NIM.Replicas = new(int32(2))
		s.Models.Embedding.NIM.Env = []v1alpha1.EnvVar{
			{Name: "NIM_CACHE_PATH", Value: "/models"},
			{Name: "EMPTY"},
			{Name: "HF_TOKEN", ValueFrom: &v1alpha1.EnvVarSource{SecretKeyRef: v1alpha1.SecretKey{Name: "hf", Key: "token"}}},
		}
		s.Models.Reranking.NIM.GPU = v1alpha1.GPU{Count: new(int32(0))}
		s.Models.Reranking.NIM.Cache = &v1alpha1.Cache{ClaimName: "models", SubPath: "rerankers/vl"}
		s.Models.LLM.NIM.GPU = v1alpha1.GPU{Count: new(int32(2)), ResourceName: "nvidia.com/mig-1g.10gb"}
		s.Models.LLM.NIM.Resources = someResources
		s.Models.LLM.NIM.Scheduling = someScheduling
		s.Models.LLM.NIM.RuntimeClassName, s.Models.LLM.NIM.PriorityClassName = "nvidia", "high"
		s.Models.LLM.NIM.Cache = &v1alpha1.Cache{Size: "60Gi", StorageClassName: "fast", AccessMode: "ReadWriteMany", WhenDeleted: "Delete"}
	})
	return childrenCase{pipeline: p, facts: Facts{Live: &live, Draining: []Record{left, live}, WeaviateImage: "weaviate:1.38.11"}}
}
