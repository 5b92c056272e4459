// Package audit runs a real etcd and kube-apiserver for the operator's benchmark, which record what the operator asks
// of them.
package audit

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/yaml"

	"github.com/ragpipeline/ragpipeline/config/crd"
	"github.com/ragpipeline/ragpipeline/controllers"
)

// OperatorNamespace exists from the start, for the operator's Lease.
const OperatorNamespace = "ragpipeline-system"

// operatorUser is who the operator is to the API server.
const operatorUser = "operator"

// policy has the API server record all requests of the operator, and what its writes say.
const policy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- {level: Request, users: [` + operatorUser + `], verbs: [create, update, patch, delete, deletecollection]}
- {level: Metadata, users: [` + operatorUser + `]}
- {level: None}
`

// Server is a running API server. Stop it.
type Server struct {
	// Client reads from the server and writes to it.
	Client client.Client
	// Config is for clients that may do anything.
	Config *rest.Config
	// Kubeconfig is the file that the operator is started with.
	Kubeconfig string

	environment *envtest.Environment
	log         string // file
}

// Start starts the server from the binaries in assets, etcd and kube-apiserver, with its files in dir.
func Start(ctx context.Context, assets, dir string) (*Server, error) {
	log.SetLogger(logr.Discard())
	definition := new(apiextensionsv1.CustomResourceDefinition)
	if err := yaml.UnmarshalStrict(crd.RAGPipelines, definition); err != nil {
		return nil, err
	}
	s := &Server{log: filepath.Join(dir, "audit.log"), Kubeconfig: filepath.Join(dir, "kubeconfig")}
	s.environment = &envtest.Environment{
		CRDs:                     []*apiextensionsv1.CustomResourceDefinition{definition},
		BinaryAssetsDirectory:    assets,
		ControlPlaneStartTimeout: 2 * time.Minute,
	}
	policyFile := filepath.Join(dir, "audit-policy.yaml")
	if err := os.WriteFile(policyFile, []byte(policy), 0o600); err != nil {
		return nil, err
	}
	s.environment.ControlPlane.GetAPIServer().Configure().
		Set("audit-policy-file", policyFile).Set("audit-log-path", s.log).
		Set("audit-log-maxsize", "100000").             // MB: a log that began anew after 100 could not be read as one
		Set("service-cluster-ip-range", "10.96.0.0/16") // envtest's has 254 addresses
	config, err := s.environment.Start()
	if err != nil {
		return nil, fmt.Errorf("start an API server from %s: %w", assets, err)
	}
	config.QPS = -1 // the server's own fairness is enough
	s.Config = config
	if err := s.prepare(ctx); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

func (s *Server) prepare(ctx context.Context) (err error) {
	if s.Client, err = client.New(s.Config, client.Options{Scheme: controllers.Scheme()}); err != nil {
		return err
	}
	user, err := s.environment.AddUser(envtest.User{Name: operatorUser, Groups: []string{"system:masters"}}, nil)
	if err != nil {
		return err
	}
	kubeconfig, err := user.KubeConfig()
	if err != nil {
		return err
	}
	if err := os.WriteFile(s.Kubeconfig, kubeconfig, 0o600); err != nil {
		return err
	}
	return s.Namespace(ctx, OperatorNamespace)
}

// Namespace makes one.
func (s *Server) Namespace(ctx context.Context, name string) error {
	return s.Client.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}})
}

// Stop ends the server.
func (s *Server) Stop() error { return s.environment.Stop() }
