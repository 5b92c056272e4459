// Package played is a cluster for the operator's benchmark: a real etcd and kube-apiserver, which records what the
// operator asks of it, and players of what would run beside them: workload controllers, kubelets, and pods' reports.
package played

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

// Cluster is a running one. Stop it.
type Cluster struct {
	// Client reads from the server and writes to it.
	Client client.Client
	// Config is for clients that may do anything.
	Config *rest.Config
	// Kubeconfig is the file that the operator is started with.
	Kubeconfig string

	environment *envtest.Environment
	audit       string
	reports     reports
	end         func() error // of the players
}

// Start starts a cluster from the binaries in assets, etcd and kube-apiserver, with its files in dir.
func Start(ctx context.Context, assets, dir string) (*Cluster, error) {
	log.SetLogger(logr.Discard())
	definition := new(apiextensionsv1.CustomResourceDefinition)
	if err := yaml.UnmarshalStrict(crd.RAGPipelines, definition); err != nil {
		return nil, err
	}
	c := &Cluster{audit: filepath.Join(dir, "audit.log"), Kubeconfig: filepath.Join(dir, "kubeconfig")}
	c.environment = &envtest.Environment{
		CRDs:                     []*apiextensionsv1.CustomResourceDefinition{definition},
		BinaryAssetsDirectory:    assets,
		ControlPlaneStartTimeout: 2 * time.Minute,
	}
	policyFile := filepath.Join(dir, "audit-policy.yaml")
	if err := os.WriteFile(policyFile, []byte(policy), 0o600); err != nil {
		return nil, err
	}
	c.environment.ControlPlane.GetAPIServer().Configure().
		Set("audit-policy-file", policyFile).Set("audit-log-path", c.audit).
		Set("service-cluster-ip-range", "10.96.0.0/16") // envtest's has 254 addresses
	config, err := c.environment.Start()
	if err != nil {
		return nil, fmt.Errorf("start an API server from %s: %w", assets, err)
	}
	config.QPS = -1 // the server's own fairness is enough
	c.Config = config
	if err := c.prepare(ctx); err != nil {
		return nil, errors.Join(err, c.Stop())
	}
	return c, nil
}

func (c *Cluster) prepare(ctx context.Context) (err error) {
	if c.Client, err = client.New(c.Config, client.Options{Scheme: controllers.Scheme()}); err != nil {
		return err
	}
	user, err := c.environment.AddUser(envtest.User{Name: operatorUser, Groups: []string{"system:masters"}}, nil)
	if err != nil {
		return err
	}
	kubeconfig, err := user.KubeConfig()
	if err != nil {
		return err
	}
	if err := os.WriteFile(c.Kubeconfig, kubeconfig, 0o600); err != nil {
		return err
	}
	if err := c.Namespace(ctx, OperatorNamespace); err != nil {
		return err
	}
	return c.play(ctx)
}

// Namespace makes one.
func (c *Cluster) Namespace(ctx context.Context, name string) error {
	return c.Client.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}})
}

// StopPlaying ends the players. What is made from then on stays as it was made.
func (c *Cluster) StopPlaying() (err error) {
	if c.end != nil {
		err = c.end()
		c.end = nil
	}
	return err
}

// Stop ends everything.
func (c *Cluster) Stop() error {
	return errors.Join(c.StopPlaying(), c.reports.close(), c.environment.Stop())
}
